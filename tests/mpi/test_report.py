#!/usr/bin/env python3
"""The report of a run shows a right and a wrong decision of the trained network, where they were recorded.

Usage: test_report.py RUN.h5
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness

h5py = harness.need_h5py()

import numpy as np  # h5py brings it

try:
    import matplotlib
except ImportError as missing:
    harness.skip(f"{missing} (Debian: python3-matplotlib)")

REPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/psac_report")


class Report(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=harness.FILES)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.run_file = shutil.copy(RUN, os.path.join(self.folder, "run.h5"))

    def report(self):
        """The page, and the names of its pictures."""
        done = subprocess.run([REPORT, self.run_file], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(done.stdout.strip(), encoding="utf-8") as page:
            return page.read(), os.listdir(os.path.dirname(done.stdout.strip()))

    def change(self, **columns):
        with h5py.File(self.run_file, "r+") as file:
            for name, change in columns.items():
                file["/recording"][name][:] = change(file["/recording/epoch"][:], file["/recording/label"][:])

    def test_a_right_and_a_wrong_decision_of_the_trained_network(self):
        def all_but_the_last(epoch, label):
            label[-1] = (label[-1] + 1) % 10
            return label
        self.change(prediction=all_but_the_last)
        page, pictures = self.report()
        for words in ("A right decision", "A trial of the test (image 2)", "A wrong decision",
                      "A trial of the test (image 38)", "but the label is"):
            self.assertIn(words, page)
        self.assertNotIn("Not shown", page)
        self.assertIn("raster.png", pictures)
        self.assertIn("raster_wrong.png", pictures)

    def test_which_trials_are_shown(self):
        from importlib.machinery import SourceFileLoader
        choose = SourceFileLoader("psac_report", REPORT).load_module().choose_trials
        for epoch, right, expected in (([1, 1, 0, 0, 0], [1, 0, 1, 0, 0], (2, 3)),  # the first of each in the test
                                       ([1, 0, 0], [0, 1, 1], (1, None)),
                                       ([0], [0], (None, 0)),
                                       ([1, 2], [1, 0], (None, 1)),                 # no test: the last of the training
                                       ([1, 2], [0, 1], (1, None))):
            table = {"epoch": np.array(epoch), "label": np.array([3] * len(epoch)), "prediction": np.array(right) * 3}
            self.assertEqual(choose(table), expected)


if __name__ == "__main__":
    RUN = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
