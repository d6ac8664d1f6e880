#!/usr/bin/env python3
"""Where results go: files appear whole or not at all, and places that cannot take one are refused before the work
begins."""
import os
import unittest

import harness
from mistakes import Mistakes

SMALL = ["--set", "middle_layer.num_neurons=100", "--set", "simulation.t_total=60", "--set", "simulation.t_skip=10",
         "--set", "training.num_epochs=1", "--set", "training.max_images=20", "--set", "evaluation.max_images=10"]


def training(*more):
    return ["train", "--data", harness.DIGITS, "--progress", "none", *SMALL, *more]


class Output(Mistakes):
    def test_a_folder_that_does_not_exist(self):
        self.assert_refused(training("--out", "no/out.h5"), "output folder no does not exist")

    def test_a_folder_in_place_of_the_file(self):
        os.mkdir(self.path("out.h5"))
        self.assert_refused(training("--out", "out.h5"), "out.h5 is a folder")
        self.assert_refused(training("--out", "."), "is a folder", ranks=(1,))

    def test_a_file_in_place_of_the_folder(self):
        with open(self.path("file"), "w"):
            pass
        self.assert_refused(training("--out", "file/out.h5"), "output folder file does not exist", ranks=(1,))

    def test_a_folder_without_permission(self):
        os.mkdir(self.path("locked"), 0o555)
        os.chmod(self.folder, 0o755)
        self.assert_refused(training("--out", self.path("locked/out.h5")), "Permission denied", ranks=(1,),
                            **harness.as_nobody())

    def test_a_name_that_is_too_long(self):
        self.assert_refused(training("--out", "x" * 250 + ".h5"), "File name too long")
        for n in range(180, 252):  # what is accepted can be trained to the end
            result = harness.run(training("--out", "x" * n + ".h5", "--set", "training.max_images=1"),
                                 folder=self.folder)
            if result.code == 2:
                break
            self.assertEqual((result.code, result.lines), (0, []), result)
        self.assert_refused(training("--out", "x" * n + ".h5"), "too long", ranks=(1,))
        self.assert_refused(training("--out", "x" * 10000), "too long", ranks=(1,))

    def test_only_the_named_file_appears(self):
        for ranks in (1, 3):
            self.assert_works(training("--out", "out.h5", "--overwrite"), ranks=ranks)
            self.assertEqual(sorted(os.listdir(self.folder)), ["out.final.h5", "out.h5", "out.spikes"])

    def test_without_a_name_the_file_goes_to_runs(self):
        out = self.assert_works(training()).out
        names = sorted(name for name in os.listdir(self.path("runs")) if name.endswith(".h5"))
        self.assertEqual(len(names), 2)
        names.sort(key=len)
        self.assertRegex(names[0], r"^psac-\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\dZ\.h5$")
        self.assertIn(f"run file: runs/{names[0]}\n", out)

    def test_an_older_file_is_replaced_only_on_demand(self):
        with open(self.path("out.h5"), "w") as file:
            file.write("old")
        self.assert_refused(training("--out", "out.h5"), "out.h5 is there from an earlier run; --overwrite replaces it")
        self.assert_refused(["evaluate", "--weights", "w.h5", "--out", "out.h5"], "w.h5", ranks=(1,))
        self.assertEqual(os.path.getsize(self.path("out.h5")), 3)
        self.assertEqual(os.listdir(self.folder), ["out.h5"])
        self.assert_works(training("--out", "out.h5", "--overwrite"))
        self.assertGreater(os.path.getsize(self.path("out.h5")), 1000)

    def test_results_go_to_standard_output_and_nothing_else_does(self):
        result = self.assert_works(training("--out", "out.h5"), ranks=3)
        self.assertEqual(result.lines, [])
        self.assertRegex(result.out, r"test accuracy: \d+\.\d\d % of 10 images\nrun file: out.h5\n\Z")


if __name__ == "__main__":
    unittest.main()
