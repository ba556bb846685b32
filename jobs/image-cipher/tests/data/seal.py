#!/usr/bin/env python3
"""Seals files as docs/lessons/image-cipher-files.md describes it, without any code of the job, and writes
the digests that tests/files.rs expects:  python3 seal.py > sealed.tsv

Needs `cryptography` 48 or later from PyPI."""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

KEY = b"YELLOW SUBMARINE YELLOW SUBMARIN"
SALT = bytes(range(24))
IDS = {"aes-256-gcm": 1, "chacha20-poly1305": 2, "aes-256-ctr-hmac": 4}


def text(count):
    words = (count + 3) // 4
    return b"".join(struct.pack("<I", n * 0x9E3779B9 % 2**32) for n in range(words))[:count]


def expand(key, info, count, name):
    out = block = b""
    number = 1
    while len(out) < count:
        block = hmac.digest(key, block + info + bytes([number]), name)
        out += block
        number += 1
    return out[:count]


def ctr_hmac(key, nonce, piece):
    encryptor = Cipher(algorithms.AES(key[:32]), modes.CTR(nonce + bytes(4))).encryptor()
    ciphertext = encryptor.update(piece)
    return ciphertext + hmac.digest(key[32:], nonce + ciphertext, "sha256")


def seal(cipher, master, cost, data):
    segment = 16384 if cipher == "aes-256-gcm" else 65536
    header = b"BRSEALED" + bytes([1, IDS[cipher], 1 if cost else 0, 0])
    header += struct.pack("<5I", segment, *(cost or (0, 0, 0)), 0)
    if cost:
        memory, passes, lanes = cost
        argon2 = Argon2id(salt=SALT, length=32, iterations=passes, lanes=lanes, memory_cost=memory)
        master = argon2.derive(master)
    pieces = [data[at : at + segment] for at in range(0, len(data), segment)]
    if cipher == "aes-256-gcm":
        info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + SALT + header
        derived = expand(master, info, 76, "sha512")
        aead, base, commitment = AESGCM(derived[:32]), derived[32:44], derived[44:]
        if len(data) % segment == 0:
            pieces.append(b"")
        base = int.from_bytes(base, "big")
        body = [
            aead.encrypt((base ^ n).to_bytes(12, "big"), piece, None)
            for n, piece in enumerate(pieces)
        ]
    else:
        extracted = hmac.digest(SALT, master, "sha256")
        commitment = expand(extracted, b"header " + header, 64, "sha256")[32:]
        pieces = pieces or [b""]
        nonces = [
            n.to_bytes(11, "big") + bytes([n + 1 == len(pieces)]) for n in range(len(pieces))
        ]
        if cipher == "chacha20-poly1305":
            aead = ChaCha20Poly1305(expand(extracted, b"payload", 32, "sha256"))
            body = [aead.encrypt(nonce, piece, None) for nonce, piece in zip(nonces, pieces)]
        else:
            key = expand(extracted, b"payload aes-256-ctr-hmac", 64, "sha256")
            body = [ctr_hmac(key, nonce, piece) for nonce, piece in zip(nonces, pieces)]
    return header + SALT + commitment + b"".join(body)


for cipher in IDS:
    for count in [0, 1, 16384, 65536, 65537, 131072, 200001]:
        digest = hashlib.sha256(seal(cipher, KEY, None, text(count))).hexdigest()
        print(cipher, "key", count, digest, sep="\t")
    digest = hashlib.sha256(seal(cipher, b"correct horse", (1024, 2, 1), text(1000))).hexdigest()
    print(cipher, "passphrase", 1000, digest, sep="\t")
