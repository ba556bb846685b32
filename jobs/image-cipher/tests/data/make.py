"""Makes the pictures that `tests/formats.rs` reads, by programs that are not ours.

    pip install pillow==13.0.0 tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
    python make.py

Sample (x, y, c) of a picture with 8 bits is (7x + 13y + 31c + xy mod 5) mod 256, of one with 16
bits (701x + 1301y + 3001c) mod 65536. Transparency, where there is some, is channel 3 or 1.
"""

import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

WIDTH, HEIGHT = 21, 13


def samples(channels, bits):
    y, x, c = np.mgrid[:HEIGHT, :WIDTH, :channels]
    if bits == 8:
        values = (7 * x + 13 * y + 31 * c + x * y % 5) % 256
        values = values.astype(np.uint8)
    else:
        values = ((701 * x + 1301 * y + 3001 * c) % 65536).astype(np.uint16)
    return values[:, :, 0] if channels == 1 else values


def png(name, mode, **options):
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    Image.fromarray(samples(channels, 8)).save(name, **options)


def png_by_hand(name, color, bits, rows, interlaced=False):
    """Kinds that Pillow does not write. `rows` are bytes for each row, unfiltered."""

    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, color, 0, 0, int(interlaced))
    data = b"".join(b"\0" + row for row in rows)
    with open(name, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
        file.write(chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def adam7(pixels):
    """Rows of the seven passes (PNG specification, section 8.2)."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
              (0, 1, 1, 2)]
    for x, y, step_x, step_y in passes:
        for row in pixels[y::step_y, x::step_x]:
            if row.size:
                yield row.tobytes()


png("gray8.png", "L")
png("gray8-alpha.png", "LA")
png("rgb8.png", "RGB")
png("rgba8.png", "RGBA")
Image.fromarray(samples(1, 8)).quantize(256).save("palette.png")
Image.fromarray(samples(1, 8) > 127).save("gray1.png")
png_by_hand("gray16.png", 0, 16, [row.astype(">u2").tobytes() for row in samples(1, 16)])
png_by_hand("rgb16.png", 2, 16, [row.astype(">u2").tobytes() for row in samples(3, 16)])
png_by_hand("interlaced.png", 2, 8, adam7(samples(3, 8)), interlaced=True)

strips = {"rowsperstrip": 4, "metadata": None, "software": False}
tifffile.imwrite("gray8.tif", samples(1, 8), **strips)
tifffile.imwrite("gray16-big-endian.tif", samples(1, 16), byteorder=">", **strips)
tifffile.imwrite("gray16-little-endian.tif", samples(1, 16), byteorder="<", **strips)
tifffile.imwrite("rgb8.tif", samples(3, 8), photometric="rgb", **strips)
tifffile.imwrite("rgba8.tif", samples(4, 8), photometric="rgb", extrasamples=[2], **strips)
tifffile.imwrite("white-is-zero.tif", 255 - samples(1, 8), photometric="miniswhite", **strips)
for compression in ["deflate", "lzw", "packbits"]:
    tifffile.imwrite(f"{compression}.tif", samples(3, 8), photometric="rgb",
                     compression=compression, **strips)
tifffile.imwrite("predictor16.tif", samples(3, 16), photometric="rgb", compression="deflate",
                 predictor=2, **strips)
tifffile.imwrite("tiles.tif", samples(3, 8), photometric="rgb", compression="deflate",
                 tile=(16, 16), metadata=None, software=False)
tifffile.imwrite("big.tif", samples(1, 8), bigtiff=True, **strips)
tifffile.imwrite("planar.tif", np.moveaxis(samples(3, 8), 2, 0), photometric="rgb",
                 planarconfig="separate", **strips)
tifffile.imwrite("float.tif", samples(1, 8).astype(np.float32), **strips)
