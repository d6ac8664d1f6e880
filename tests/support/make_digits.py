#!/usr/bin/env python3
"""Makes a small set of synthetic digits in MNIST's format, the same bytes every time.

Each class is a bright stroke in a place of its own, jittered, with some noise. The training set is plain, the test set
gzipped.
Usage: make_digits.py FOLDER N_TRAIN N_TEST [SIDE]
"""
import gzip
import os
import random
import struct
import sys

CLASSES = 10


def image_of(label, side, rng):
    """One image: a stroke of class `label`, as bytes."""
    pixels = bytearray(side * side)
    top = (label % 5) * (side - 8) // 4 + rng.randrange(3)
    left = (label // 5) * (side // 2) + rng.randrange(3)
    for y in range(5):
        for x in range(side // 2 - 3):
            pixels[(top + y) * side + left + x] = rng.randrange(150, 256)
    for _ in range(side):
        pixels[rng.randrange(side * side)] = rng.randrange(100)
    return bytes(pixels)


def write_set(folder, name, n, side, compress, rng):
    labels = bytes(rng.randrange(CLASSES) for _ in range(n))
    images = b"".join(image_of(label, side, rng) for label in labels)
    contents = {
        f"{name}-images-idx3-ubyte": struct.pack(">4i", 0x803, n, side, side) + images,
        f"{name}-labels-idx1-ubyte": struct.pack(">2i", 0x801, n) + labels,
    }
    for stem, data in contents.items():
        path = os.path.join(folder, stem + (".gz" if compress else ""))
        with open(path, "wb") as file:
            file.write(gzip.compress(data, mtime=0) if compress else data)


def make_digits(folder, n_train, n_test, side=28):
    os.makedirs(folder, exist_ok=True)
    rng = random.Random(1)
    write_set(folder, "train", n_train, side, False, rng)
    write_set(folder, "t10k", n_test, side, True, rng)


if __name__ == "__main__":
    make_digits(sys.argv[1], *map(int, sys.argv[2:]))
