#!/usr/bin/env python3
"""Memory that runs out on one rank, at any point of a run: the run ends with that rank's message, and never hangs.

Usage: test_out_of_memory.py LIBRARY, the one that makes allocations fail.
"""
import os
import shutil
import sys
import tempfile
import unittest

import harness
from mistakes import Mistakes

SMALL = ["--set", "middle_layer.num_neurons=100", "--set", "simulation.t_total=60", "--set", "simulation.t_skip=10",
         "--set", "training.num_epochs=1", "--set", "training.max_images=70", "--set", "training.batch_size=16",
         "--set", "evaluation.max_images=10"]
ENOUGH = 1000  # allocations, more than a run makes


class OutOfMemory(Mistakes):
    def train(self, rank, first):
        environment = {"LD_PRELOAD": LIBRARY, "PSAC_FAIL_RANK": str(rank), "PSAC_FAIL_FROM": str(first)}
        arguments = [
            "train", "--data", harness.DIGITS, "--out", "out.h5", "--progress", "none", "--backend", "cpu", *SMALL]
        return harness.run(arguments, ranks=3, folder=self.folder, timeout=20, env=environment)

    def clear(self):
        for name in os.listdir(self.folder):
            os.unlink(self.path(name))

    def test_a_rank_without_memory_ends_the_run(self):
        self.assertEqual(self.train(0, ENOUGH).code, 0)
        self.clear()
        for rank in (0, 2):
            for first in range(0, ENOUGH, 4):
                with self.subTest(rank=rank, first=first):
                    result = self.train(rank, first)
                    left = [name for name in os.listdir(self.folder)
                            if not name.startswith("out.ckpt-") or ".partial" in name]
                    self.clear()
                    if result.code == 0:  # it needed no more than that
                        self.assertGreater(first, 0, "no allocation failed")
                        break
                    self.assertEqual(result.code, 1, result)
                    self.assertEqual(len(result.lines), 1, result)
                    self.assertRegex(result.lines[0], "psac_dist: (out of memory|.*no thread to refresh|"
                                                      ".*no memory for its draft)")
                    # the lock of a rank 0 that another rank's failure has ended
                    self.assertLessEqual(set(left), {"out.lock", "out.spikes"})

    def test_a_network_that_cannot_fit_is_refused_before_it_is_built(self):
        for ranks in (1, 2):
            arguments = [
                "train", "--data", harness.DIGITS, "--out", "out.h5", "--set", "middle_layer.num_neurons=8000000000"]
            result = harness.run(arguments, ranks=ranks, folder=self.folder, timeout=20)
            self.assertEqual(result.code, 1, result)
            self.assertEqual(len(result.lines), 1, result)
            self.assertRegex(
                result.lines[0],
                r"num_neurons = 8000000000 on \d ranks? needs [\d.]+ GB .* [\d.]+ GB free .*\d+ neurons would fit")
            self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="psac") as place:
        LIBRARY = shutil.copy(sys.argv[1], place)  # LD_PRELOAD takes no path with blanks
        unittest.main(argv=sys.argv[:1])
