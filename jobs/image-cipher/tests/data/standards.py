#!/usr/bin/env python3
"""Picks the official examples that src/row_cipher.rs and src/container/segment.rs are tested with:
    python3 standards.py > standards.tsv

Those of NIST's validation programme (CAVP) and of RFC 3686 and RFC 8439 are read from the package
`cryptography_vectors` 50 from PyPI; those of GOST R 34.13-2015 (appendix A) stand below, because no
package has them. Columns: source, cipher, key, start, text, ciphertext (with its tag)."""
import pathlib

import cryptography_vectors

CIPHERS = pathlib.Path(cryptography_vectors.__file__).parent / "ciphers"
TEXT_BYTES_MAX = 512


def cases(path):
    """The cases of a response file, each with the sizes in brackets that stood before it."""
    case, sizes = {}, {}
    for line in (CIPHERS / path).read_text().splitlines() + [""]:
        line = line.strip()
        if line.startswith("["):
            name, _, value = line.strip("[]").partition("=")
            sizes[name.strip()] = value.strip() or None
            if name in ("ENCRYPT", "DECRYPT"):
                sizes["way"] = name
        elif "=" in line:
            name, _, value = line.partition("=")
            case[name.strip().upper()] = value.strip().lower()
        elif not line and case:
            yield {**sizes, **case}
            case = {}


def show(source, cipher, key, start, text, sealed):
    if len(text) <= 2 * TEXT_BYTES_MAX:
        print("\t".join([source, cipher, key, start, text, sealed]))


def encryptions(path):
    return (case for case in cases(path) if case.get("way") != "DECRYPT")


print("# Made by standards.py: see there.")
for mode in "ECB", "CBC":
    for kind in "MMT", "GFSbox", "KeySbox":
        name = f"{mode}{kind}256"
        for case in encryptions(f"AES/{mode}/{name}.rsp"):
            number = f"CAVP {name} {case['COUNT']}"
            start = case.get("IV", "")
            cipher = f"aes-256-{mode.lower()}"
            show(number, cipher, case["KEY"], start, case["PLAINTEXT"], case["CIPHERTEXT"])
for case in encryptions("AES/CTR/aes-256-ctr.txt"):
    number = f"RFC 3686 {case['COUNT']}"
    show(number, "aes-256-ctr", case["KEY"], case["IV"], case["PLAINTEXT"], case["CIPHERTEXT"])
for case in encryptions("AES/XTS/tweak-dataunitseqno/XTSGenAES256.rsp"):
    # Units that end within a byte cannot be rows of a picture.
    if int(case["COUNT"]) % 5 == 0 and int(case["DATAUNITLEN"]) % 8 == 0:
        number = f"CAVP XTSGenAES256 {case['COUNT']}"
        row = f"{int(case['DATAUNITSEQNUMBER']):08x}"
        show(number, "aes-256-xts", case["KEY"], row, case["PT"], case["CT"])
for case in cases("AES/GCM/gcmEncryptExtIV256.rsp"):
    # As segments are: nonces of 12 bytes, whole tags, nothing beside the text.
    sizes = case["IVlen"], case["AADlen"], case["Taglen"]
    if sizes == ("96", "0", "128") and int(case["COUNT"]) < 3:
        number = f"CAVP gcmEncryptExtIV256 {case['PTlen']} {case['COUNT']}"
        sealed = case["CT"] + case["TAG"]
        show(number, "aes-256-gcm", case["KEY"], case["IV"], case["PT"], sealed)
for case in cases("ChaCha20/rfc7539.txt"):
    # The keystream of a row starts at block 0, so what stands before the text is zeros.
    before = 128 * int(case["INITIAL_BLOCK_COUNTER"])
    if before < 128 * 3:
        number = f"RFC 8439 A.2 {case['COUNT']}"
        show(number, "chacha20-poly1305", case["KEY"], case["NONCE"], "0" * before + case["PLAINTEXT"],
             "-" * before + case["CIPHERTEXT"])

GOST = "8899aabbccddeeff0011223344556677fedcba98765432100123456789abcdef"
TEXT = ("1122334455667700ffeeddccbbaa998800112233445566778899aabbcceeff0a"
        "112233445566778899aabbcceeff0a002233445566778899aabbcceeff0a0011")
show("GOST R 34.13-2015 A.1.1", "kuznyechik-ecb", GOST, "", TEXT,
     "7f679d90bebc24305a468d42b9d4edcdb429912c6e0032f9285452d76718d08b"
     "f0ca33549d247ceef3f5a5313bd4b157d0b09ccde830b9eb3a02c4c5aa8ada98")
show("GOST R 34.13-2015 A.1.2", "kuznyechik-ctr", GOST, "1234567890abcef00000000000000000", TEXT,
     "f195d8bec10ed1dbd57b5fa240bda1b885eee733f6a13e5df33ce4b33c45dee4"
     "a5eae88be6356ed3d5e877f13564a3a5cb91fab1f20cbab6d1c6d15820bdba73")
GOST = "ffeeddccbbaa99887766554433221100f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
TEXT = "92def06b3c130a59db54c704f8189d204a98fb2e67a8024c8912409b17b57e41"
show("GOST R 34.13-2015 A.2.1", "magma-ecb", GOST, "", TEXT,
     "2b073f0494f372a0de70e715d3556e4811d8d9e9eacfbc1e7c68260996c67efb")
show("GOST R 34.13-2015 A.2.2", "magma-ctr", GOST, "1234567800000000", TEXT,
     "4e98110c97b7b93c3e250d93d6e85d69136d868807b2dbef568eb680ab52a12d")
