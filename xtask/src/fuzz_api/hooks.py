"""Puts what the head really has into half of what schemathesis makes up: a number of a job, the
name of a node, the digests of a module and of an input. What is changed follows from the value
itself, so that a run can be repeated."""

import json
import os
import pathlib
import zlib

import schemathesis

KNOWN = json.loads(os.environ["BRAMBLE_FUZZ_KNOWN"])
MODULE = pathlib.Path(KNOWN["module_file"]).read_bytes()


def chosen(value):
    return zlib.crc32(repr(value).encode("utf-8", "replace")) % 2 == 0


@schemathesis.hook
def map_path_parameters(context, parameters):
    if isinstance(parameters, dict) and chosen(parameters):
        for name in parameters:
            parameters[name] = KNOWN["path"].get(name, parameters[name])
    return parameters


@schemathesis.hook
def map_body(context, body):
    path = context.operation.path
    if path == "/api/v1/orders" and isinstance(body, dict) and body.get("order") == "limit":
        # Not everybody: no job would be accepted any more.
        body["user"] = "somebody"
    if not chosen(body):
        return body
    if path == "/api/v1/modules":
        return MODULE
    if path == "/api/v1/jobs" and isinstance(body, dict) and isinstance(body.get("spec"), dict):
        body["spec"].update(KNOWN["spec"])
    return body


@schemathesis.serializer("application/offset+octet-stream")
def piece_of_a_file(context, value):
    """What was made up for a binary string: bytes, or a string that carries them."""
    if isinstance(value, bytes):
        return value
    return getattr(value, "data", None) or str(value).encode(errors="ignore")
