#!/usr/bin/env python3
"""Replays a case on some ranks; the result must be what the notebook did.

Usage: replay_like.py CASE.h5 OUT.h5 RANKS [ARGUMENT...]
"""
import sys

import harness
from compare_case import first_difference


def main(case, out, ranks, *more):
    harness.run_well(["replay", "--case", case, "--out", out, "--overwrite", *more], ranks=int(ranks), timeout=280)
    verdict = first_difference(case, out)
    print(verdict or "no difference")
    return verdict is not None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
