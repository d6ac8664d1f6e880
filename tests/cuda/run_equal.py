#!/usr/bin/env python3
"""Trains on the CPU on one rank and on GPUs, real or emulated, on several: the run files must be equal bit for bit.

Usage: run_equal.py RANKS [MODE=VALUE | OWN]... -- ARGUMENT...
MODE: an environment variable, for example of the emulation; OWN: an argument for the run on GPUs only.
Skipped where there is no GPU.
"""
import os
import sys
import tempfile

import harness
from compare_runs import first_difference


def main():
    split = sys.argv.index("--")
    words = sys.argv[2:split]
    ranks, mode = int(sys.argv[1]), dict(word.split("=", 1) for word in words if "=" in word)
    own = [word for word in words if "=" not in word]
    harness.need_gpu()
    arguments = ["train", "--data", harness.DIGITS, "--progress", "none", *sys.argv[split + 1:]]
    with tempfile.TemporaryDirectory(prefix="psac") as folder:
        reference, out = os.path.join(folder, "cpu.h5"), os.path.join(folder, "cuda.h5")
        harness.run_well([*arguments, "--backend", "cpu", "--transport", "auto", "--out", reference, "--overwrite"])
        harness.run_well([*arguments, *own, "--backend", "cuda", "--out", out, "--overwrite"], ranks=ranks,
                         timeout=280, env=mode)
        verdict = first_difference(reference, out, [])
    print(verdict or "no difference")
    return verdict is not None


if __name__ == "__main__":
    sys.exit(main())
