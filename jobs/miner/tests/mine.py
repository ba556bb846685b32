"""What the tests of this job expect: python3 mine.py HEADER_AS_HEX BITS"""
import hashlib
import sys

header, bits = bytes.fromhex(sys.argv[1]), int(sys.argv[2])
for nonce in range(2**32):
    hashed = hashlib.sha256(hashlib.sha256(header + nonce.to_bytes(4, "little")).digest()).digest()
    if int.from_bytes(hashed, "little") < 2 ** (256 - bits):
        print(f"nonce\t{nonce}\nhash\t{hashed[::-1].hex()}")
        break
