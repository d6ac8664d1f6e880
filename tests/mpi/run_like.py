#!/usr/bin/env python3
"""Runs the program on some ranks; its run file must equal a reference bit for bit.

Usage: run_like.py REFERENCE.h5 OUT.h5 RANKS [--only GROUP]... -- ARGUMENT...
"""
import sys

import harness
from compare_runs import first_difference


def main():
    split = sys.argv.index("--")
    reference, out, ranks = sys.argv[1:4]
    groups = [word for word in sys.argv[4:split] if word != "--only"]
    harness.run_well([*sys.argv[split + 1:], "--out", out, "--overwrite"], ranks=int(ranks), timeout=280)
    verdict = first_difference(reference, out, groups)
    print(verdict or "no difference")
    return verdict is not None


if __name__ == "__main__":
    sys.exit(main())
