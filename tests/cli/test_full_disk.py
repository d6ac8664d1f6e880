#!/usr/bin/env python3
"""A disk that is full, before the run or in the middle of writing its file: an error, no file, no hang.

The disk is a small file system in memory, mounted where only this test sees it, so that nothing stays mounted whatever
happens.
"""
import os
import subprocess
import sys
import unittest

import harness
from mistakes import Mistakes

SMALL = ["--set", "middle_layer.num_neurons=5000", "--set", "simulation.t_total=60", "--set", "simulation.t_skip=10",
         "--set", "training.num_epochs=1", "--set", "training.max_images=4", "--set", "evaluation.max_images=4",
         "--backend", "cpu"]
CASE = os.path.join(os.path.dirname(__file__), "..", "golden", "seed_n5000_t1200.h5")


class FullDisk(Mistakes):
    """The folder of every test is a file system of a given size."""

    def mount(self, size):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.folder], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.folder], check=True)

    def refuse_training(self, *parts):
        arguments = ["train", "--data", harness.DIGITS, "--out", self.path("out.h5"), "--progress", "none", *SMALL]
        self.assert_refused(arguments, "out.h5", *parts, code=1, timeout=30)

    def refuse_replay(self, *parts):
        self.assert_refused(["replay", "--case", CASE, "--out",
                             self.path("out.h5"), "--backend", "cpu"], "out.h5", *parts, code=1, timeout=30)

    def test_a_disk_that_is_full_from_the_start(self):
        self.mount("64k")
        with open(self.path("large"), "wb") as file:
            file.write(bytes(64 * 1024))
        self.refuse_training("No space left on device")
        self.refuse_replay("No space left on device")

    def test_a_disk_that_becomes_full_while_the_file_is_written(self):
        for size in ("8k", "256k"):
            with self.subTest(size=size):
                self.mount(size)
                self.refuse_replay()  # a training, which writes checkpoints: tests/faults/test_disks.py


def start_in_own_namespace():
    """Starts this script once more, with mounts of its own."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    try:
        subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", harness.FILES], check=True, capture_output=True,
                       text=True)
    except (OSError, subprocess.CalledProcessError) as failure:
        harness.skip(f"a small file system cannot be mounted: {getattr(failure, 'stderr', failure)}".strip())
    os.execvp(unshare[0], [*unshare, sys.executable, __file__, "mounted"])


if __name__ == "__main__":
    if sys.argv[1:] != ["mounted"]:
        start_in_own_namespace()
    unittest.main(argv=sys.argv[:1])
