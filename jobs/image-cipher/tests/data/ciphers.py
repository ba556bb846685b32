"""Computes what `tests/pictures.rs` expects of the ciphers, by libraries that are not ours.

    pip install cryptography==50.0.2 gostcrypto==1.2.5
    python ciphers.py

The picture has 3 rows of 40 gray pixels; pixel x of row y is x // 16 + y. The key is 0, 1, … 31, the
salt a0, a1, … af.
"""

import gostcrypto
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

derived = HKDF(hashes.SHA256(), 96, bytes(range(0xA0, 0xB0)), b"image-cipher rows").derive(
    bytes(range(32)))
KEY, TWEAK_KEY, NONCE = derived[:32], derived[32:64], derived[64:80]
ROWS = [bytes(x // 16 + y for x in range(40)) for y in range(3)]


def aes_block(block):
    return Cipher(algorithms.AES(KEY), modes.ECB()).encryptor().update(block)


def gost_block(name):
    def encrypt(block):
        return bytes(gostcrypto.gostcipher.new(name, bytearray(KEY), gostcrypto.gostcipher.MODE_ECB)
                     .encrypt(bytearray(block)))[:len(block)]
    return encrypt


def pad(row, size):
    return row + bytes(-len(row) % size)


def start(block, size, y):
    return block(NONCE[:size - 4] + y.to_bytes(4, "big"))


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def by_hand(block, size, mode, row, y):
    blocks = [pad(row, size)[at:at + size] for at in range(0, len(row), size)]
    if mode == "ecb":
        out = [block(one) for one in blocks]
    elif mode == "cbc":
        out, last = [], start(block, size, y)
        for one in blocks:
            last = block(xor(one, last))
            out.append(last)
    else:
        first = start(block, size, y)
        counter = int.from_bytes(first[-8:], "big")
        out = [xor(one, block(first[:-8] + ((counter + at) % 2**64).to_bytes(8, "big")))
               for at, one in enumerate(blocks)]
    return b"".join(out)[:len(row)]


def xts(row, y):
    mode = modes.XTS(y.to_bytes(16, "little"))
    return Cipher(algorithms.AES(KEY + TWEAK_KEY), mode).encryptor().update(row)


def chacha(row, y):
    nonce = bytes(4) + NONCE[:8] + y.to_bytes(4, "big")
    return Cipher(algorithms.ChaCha20(KEY, nonce), None).encryptor().update(row)


def hchacha(key, nonce):
    """Section 2.2 of draft-irtf-cfrg-xchacha-03: ChaCha20's rounds without the last addition."""
    start = [int.from_bytes((b"expand 32-byte k" + key + nonce)[at:at + 4], "little")
             for at in range(0, 64, 4)]
    first = Cipher(algorithms.ChaCha20(key, nonce), None).encryptor().update(bytes(64))
    mixed = [(int.from_bytes(first[4 * at:4 * at + 4], "little") - start[at]) % 2**32
             for at in range(16)]
    return b"".join(word.to_bytes(4, "little") for word in mixed[:4] + mixed[12:])


def xchacha(row, y):
    nonce = NONCE + bytes(4) + y.to_bytes(4, "big")
    key = hchacha(KEY, nonce[:16])
    return Cipher(algorithms.ChaCha20(key, bytes(8) + nonce[16:]), None).encryptor().update(row)


ciphers = {"aes-256-xts": xts, "xchacha20-poly1305": xchacha, "chacha20-poly1305": chacha}
for name, block, size in [("aes-256", aes_block, 16), ("kuznyechik", gost_block("kuznechik"), 16),
                          ("magma", gost_block("magma"), 8)]:
    for mode in ["ecb", "cbc", "ctr"]:
        ciphers[f"{name}-{mode}"] = lambda row, y, a=(block, size, mode): by_hand(*a, row, y)
for name, encrypt in ciphers.items():
    print(f'("{name}", "{b"".join(encrypt(row, y) for y, row in enumerate(ROWS)).hex()}"),')
