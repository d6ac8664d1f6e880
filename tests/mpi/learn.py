#!/usr/bin/env python3
"""Trains; the accuracy on the test set must reach a bound. Without the images that the bound is for, it is skipped.

Usage: learn.py BOUND RANKS FOLDER LABELS ARGUMENT...; LABELS: SHA-256 of the test labels, - = any
"""
import gzip
import hashlib
import os
import re
import sys
import tempfile

import harness


def read_labels(data):
    """The bytes of the test labels; None without."""
    for ending, opens in (("", open), (".gz", gzip.open)):
        path = os.path.join(data, "t10k-labels-idx1-ubyte" + ending)
        if os.path.exists(path):
            with opens(path, "rb") as file:
                return file.read()
    return None


def main(bound, ranks, data, wanted, *arguments):
    labels = read_labels(data)
    if labels is None:
        harness.skip(f"there are no digits in {data}; tools/get_mnist fetches them")
    if wanted not in ("-", hashlib.sha256(labels).hexdigest()):
        harness.skip(f"{data} holds other images (Fashion-MNIST where MNIST could not be fetched)")
    with tempfile.TemporaryDirectory(dir=harness.FILES) as place:
        out = harness.run_well(
            ["train", "--data", data, "--out",
             os.path.join(place, "run.h5"), "--progress", "none", *arguments], ranks=int(ranks), timeout=280).out
    print(out)
    accuracy = float(re.search(r"^test accuracy: ([0-9.]+) %", out, re.MULTILINE)[1])
    return accuracy < float(bound)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
