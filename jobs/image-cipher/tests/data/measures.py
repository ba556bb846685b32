"""Computes with numpy what `tests/measures.rs` expects.

    cargo run -p image-cipher --example penguin -- 96 64 > penguin.ppm
    python measures.py penguin.ppm

The two ciphers are as in the test: adding 1 to each byte, and a keystream of SplitMix64.
"""

import sys

import numpy as np


def keystream(nonce, y, count):
    with np.errstate(over="ignore"):
        at = np.arange(count, dtype=np.uint64) + np.uint64((nonce << 40) + (y << 20) + 1)
        mixed = at * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((mixed ^ (mixed >> np.uint64(31))) & np.uint64(255)).astype(np.uint8)


def encrypt(rows, nonce):
    return np.array([row ^ keystream(nonce, y, len(row)) for y, row in enumerate(rows)])


def samples(rows, channels, bits):
    rows = rows if bits == 8 else rows.reshape(len(rows), -1, 2) @ np.array([256, 1])
    return rows.reshape(len(rows), -1, channels).astype(np.int64)


def picture(name, rows, channels, bits):
    counts = np.bincount(rows.ravel(), minlength=256)
    p = counts[counts > 0] / rows.size
    print(f"{name}.entropy-bits-per-byte\t{-(p * np.log2(p)).sum() + 0:.6f}")
    ideal = rows.size / 256
    print(f"{name}.chi-square\t{((counts - ideal) ** 2 / ideal).sum():.2f}")
    s = samples(rows, channels, bits)
    pairs = {"horizontal": (s[:, :-1], s[:, 1:]), "vertical": (s[:-1], s[1:]),
             "diagonal": (s[:-1, :-1], s[1:, 1:])}
    for direction, (x, y) in pairs.items():
        r = np.corrcoef(x.ravel(), y.ravel())[0, 1]
        print(f"{name}.correlation-{direction}\t{r:.6f}")


def change(name, before, after, channels, bits):
    a, b = samples(before, channels, bits), samples(after, channels, bits)
    print(f"{name}.npcr-percent\t{100 * (a != b).mean():.4f}")
    print(f"{name}.uaci-percent\t{100 * (abs(a - b) / (2**bits - 1)).mean():.4f}")


def measure(rows, channels, bits):
    ecb, chosen = rows + np.uint8(1), encrypt(rows, 1)
    for name, ciphertext in [("plain", rows), ("ecb", ecb), ("cipher", chosen)]:
        picture(name, ciphertext, channels, bits)
    changed = rows.copy()
    width = rows.shape[1] // channels // (bits // 8)
    changed[len(rows) // 2, (width // 2 * channels + 1) * (bits // 8) - 1] ^= 1
    change("ecb", ecb, changed + np.uint8(1), channels, bits)
    change("cipher.same-nonce", chosen, encrypt(changed, 1), channels, bits)
    change("cipher.new-nonce", chosen, encrypt(changed, 2), channels, bits)


ppm = open(sys.argv[1], "rb").read()
magic, width, height, white = ppm.split(maxsplit=4)[:4]
rows = np.frombuffer(ppm, np.uint8, offset=len(ppm) - 3 * int(width) * int(height))
print("penguin")
measure(rows.reshape(int(height), -1), 3, 8)
y, x = np.mgrid[:48, :40]
gray16 = (701 * x + 1301 * y).astype(">u2")
print("gray, 16 bits")
measure(np.frombuffer(gray16.tobytes(), np.uint8).reshape(48, -1), 1, 16)
