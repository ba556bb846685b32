"""Two matrices as this job reads them: python3 make.py TYPE ROWS INNER COLUMNS > TWO.matrices"""
import struct
import sys

kind, rows, inner, columns = sys.argv[1], *map(int, sys.argv[2:])
output = sys.stdout.buffer
output.write(f"matrices {kind} {rows} {inner} {columns}\n".encode())
for n in range(inner * (rows + columns)):
    number = (n * n * 31 + n * 17) % 2003 - 1001
    output.write(struct.pack("<q", number) if kind == "i64" else struct.pack("<d", number / 1000))
