"""The product by numpy, as this job writes it: python3 multiply.py TWO.matrices > ONE.matrix"""
import sys

import numpy

with open(sys.argv[1], "rb") as file:
    _, kind, *sizes = file.readline().decode().split()
    rows, inner, columns = map(int, sizes)
    numbers = numpy.frombuffer(file.read(), dtype="<i8" if kind == "i64" else "<f8")
left = numbers[: rows * inner].reshape(rows, inner)
right = numbers[rows * inner :].reshape(inner, columns)
sys.stdout.buffer.write(f"matrix {kind} {rows} {columns}\n".encode() + (left @ right).tobytes())
