"""The counts that the tests of this job expect: python3 pi.py POINTS SEED"""
import sys

points, seed = int(sys.argv[1]), int(sys.argv[2])
inside = 0
for point in range(points):
    left, right, key = point % 2**32, point // 2**32, seed
    for _ in range(10):
        high, low = divmod(0xD256D193 * left, 2**32)
        left, right = high ^ key ^ right, low
        key = (key + 0x9E3779B9) % 2**32
    inside += (left | 1) ** 2 + (right | 1) ** 2 < 2**64
print(inside)
