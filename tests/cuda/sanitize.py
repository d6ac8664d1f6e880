#!/usr/bin/env python3
"""Runs a test of kernels under compute-sanitizer; skipped without that or a GPU. Usage: sanitize.py TOOL TEST"""
import os
import shutil
import subprocess
import sys

import harness


def main(tool, test):
    places = [os.path.join(os.environ[name], "bin") for name in ("CUDA_HOME", "CUDA_PATH") if name in os.environ]
    path = os.pathsep.join([os.environ["PATH"], *places, "/usr/local/cuda/bin"])
    checker = shutil.which("compute-sanitizer", path=path)
    harness.need_gpu()
    if not checker:
        harness.skip("there is no compute-sanitizer")
    return subprocess.run([checker, "--tool", tool, "--error-exitcode", "9", test]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
