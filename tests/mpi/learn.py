#!/usr/bin/env python3
"""Trains; the accuracy on the test set must reach a bound. Without data the test is skipped.

Usage: learn.py BOUND RANKS FOLDER ARGUMENT...
"""
import os
import re
import sys
import tempfile

import harness


def main(bound, ranks, data, *arguments):
    if not any(os.path.exists(os.path.join(data, "train-images-idx3-ubyte" + ending)) for ending in ("", ".gz")):
        harness.skip(f"there are no digits in {data}; tools/get_mnist fetches them")
    with tempfile.TemporaryDirectory(dir=harness.FILES) as place:
        out = harness.run_well(["train", "--data", data, "--out", os.path.join(place, "run.h5"), "--progress", "none", *arguments],
                               ranks=int(ranks), timeout=280).out
    print(out)
    accuracy = float(re.search(r"^test accuracy: ([0-9.]+) %", out, re.MULTILINE)[1])
    return accuracy < float(bound)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
