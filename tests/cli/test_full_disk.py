#!/usr/bin/env python3
"""A disk that is full, before the run or in the middle of writing its file: an error, no file, no hang. Needs root, to mount a small one."""
import os
import subprocess
import unittest

import harness
from mistakes import Mistakes

SMALL = ["--set", "middle_layer.num_neurons=5000", "--set", "simulation.t_total=60", "--set", "simulation.t_skip=10",
         "--set", "training.num_epochs=1", "--set", "training.max_images=4", "--set", "evaluation.max_images=4"]


class FullDisk(Mistakes):
    """The folder of every test is a file system of a given size."""

    def mount(self, size):
        options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.folder]
        done = subprocess.run(options, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"skipped: a small file system cannot be mounted: {done.stderr.strip()}", flush=True)
            os._exit(harness.SKIPPED)
        self.addCleanup(subprocess.run, ["umount", self.folder], check=True)

    def refuse(self, *parts):
        arguments = ["train", "--data", harness.DIGITS, "--out", self.path("out.h5"), "--progress", "none", *SMALL]
        self.assert_refused(arguments, "out.h5", *parts, code=1)

    def test_a_disk_that_is_full_from_the_start(self):
        self.mount("64k")
        with open(self.path("large"), "wb") as file:
            file.write(bytes(64 * 1024))
        self.refuse("No space left on device")

    def test_a_disk_that_becomes_full_while_the_file_is_written(self):
        for size in ("8k", "64k", "256k"):
            with self.subTest(size=size):
                self.mount(size)
                self.refuse()


if __name__ == "__main__":
    unittest.main()
