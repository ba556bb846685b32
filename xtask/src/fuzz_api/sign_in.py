"""Makes a class with a student in it, who signs in. Prints his token.

Arguments: the head's address, and the file with the admin's token."""

import json
import pathlib
import sys
import urllib.request

url, admin_file = sys.argv[1:]
CLASS, STUDENT, PIN = "fuzz-class", "fuzz-student", "83-fuzz-61"


def post(path, body, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url + "/api/v1" + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


admin = pathlib.Path(admin_file).read_text().strip()
code = post("/classes", {"class": CLASS}, admin)["code"]
first = post("/accounts", {"user": STUDENT, "role": "student", "class": CLASS}, admin)["pin"]
sign_in = {"code": code, "user": STUDENT, "pin": first, "new_pin": PIN}
print(post("/login", sign_in)["token"])
