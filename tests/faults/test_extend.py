#!/usr/bin/env python3
"""A finished run is never replaced by accident, and can be given more epochs: under `step` it ends as if it had had
them from the start, under `linear` a new segment of the schedule begins.

Usage: test_extend.py LAYER
"""
import os
import shutil
import sys
import tempfile
import unittest

import h5py
import numpy as np

import harness
import runs

STEP = [*runs.PSAC, "--set", "learning.rate_schedule=step"]
LINEAR = [*runs.PSAC, "--set", "learning.rate_schedule=linear"]


class Extend(runs.Runs):
    def train(self, *more, network=STEP, **how):
        return self.run_in_folder(runs.training(*more, network=network), **how)

    def finish(self, network=STEP, ranks=1):
        result = self.train(network=network, ranks=ranks)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.left(), runs.FINISHED)

    def extend(self, *more, network=STEP, epochs=3, ranks=1):
        return self.train("--resume", "auto", "--set", f"training.num_epochs={epochs}", *more, network=network,
                          ranks=ranks)

    def assert_refused(self, result, *parts):
        self.assertEqual(result.code, 2, result)
        for part in parts:
            self.assertIn(part, result.lines[-1])

    def test_more_epochs_are_as_if_they_had_been_there_from_the_start(self):
        longer = [*STEP, "--set", "training.num_epochs=3"]
        for ranks, later in ((1, 2), (3, 1)):
            with self.subTest(ranks=ranks, later=later):
                self.finish(ranks=ranks)
                result = self.extend(ranks=later)
                self.assertEqual(result.code, 0, result)
                self.assertIn("going on from out.final.h5, after 260 trials", str(result))
                self.assertIsNone(runs.first_difference(self.reference(longer), self.path("out.h5")))
                self.assertEqual(self.left(), runs.FINISHED)
                self.clear()

    def test_an_extension_that_is_stopped_goes_on(self):
        self.finish()
        running = self.start("--resume", "auto", "--set", "training.num_epochs=3", network=STEP, ranks=2,
                             env=runs.faulty("rename:term:2:.ckpt-", 0))
        self.assertEqual(running.end().code, 75)
        self.assertIn("out.h5", os.listdir(self.folder))  # the shorter run's
        self.assertEqual(self.extend(ranks=3).code, 0)
        longer = [*STEP, "--set", "training.num_epochs=3"]
        self.assertIsNone(runs.first_difference(self.reference(longer), self.path("out.h5")))

    def test_a_new_segment_of_a_linear_schedule(self):
        self.finish(network=LINEAR)
        shutil.copytree(self.folder, self.path("copy"))
        result = self.extend("--set", "learning.learning_rate=20", network=LINEAR, epochs=4)
        self.assertEqual(result.code, 0, result)
        self.assertIn("a new segment of the learning rate's schedule: "
                      "linear from 20 at the start of epoch 3 to 0 after epoch 4", str(result))
        with h5py.File(self.path("copy/out.h5")) as before, h5py.File(self.path("out.h5")) as after:
            self.assertEqual(after["training/epoch/accuracy"].size, 4)
            np.testing.assert_array_equal(after["training/epoch/accuracy"][:2], before["training/epoch/accuracy"])
            self.assertFalse(np.array_equal(after["weights/middle_to_output"], before["weights/middle_to_output"]))
        # stopped in the middle of the segment, and on other ranks: the same bits
        out = ["--out", "copy/out.h5", "--resume", "auto", "--set", "learning.learning_rate=20",
               "--set", "training.num_epochs=4"]
        running = self.start(*out, network=LINEAR, ranks=1, env=runs.faulty("rename:term:5:.ckpt-", 0))
        self.assertEqual(running.end().code, 75)
        self.assertEqual(self.train(*out, network=LINEAR, ranks=3).code, 0)
        self.assertIsNone(runs.first_difference(self.path("out.h5"), self.path("copy/out.h5")))

    def test_without_its_final_state_a_run_cannot_be_extended(self):
        self.finish()
        os.unlink(self.path("out.final.h5"))
        self.assert_refused(self.extend(), "out.h5 ended after 2 epochs and cannot go on to 3", "out.final.h5")
        with open(self.path("out.final.h5"), "w", encoding="utf-8") as file:
            file.write("damaged")
        self.assert_refused(self.extend(), "out.h5 ended after 2 epochs and cannot go on to 3", "out.final.h5")
        result = self.train("--resume", "auto")
        self.assertEqual((result.code, result.lines), (0, ["psac_dist: out.h5 is there: the run is finished"]))

    def test_a_finished_run_is_replaced_only_on_demand(self):
        self.finish()
        with open(self.path("out.h5"), "rb") as file:
            before = file.read()
        evaluation = ["evaluate", "--weights", "out.h5", "--data", harness.DIGITS, "--progress", "none"]
        for arguments in (runs.training(network=STEP), [*evaluation, "--out", "out.h5"],
                          runs.training("--resume", "out.final.h5", network=STEP)):
            for ranks in (1, 2):
                self.assert_refused(self.run_in_folder(arguments, ranks=ranks),
                                    "out.h5 is there from an earlier run; --overwrite replaces it")
        with open(self.path("out.h5"), "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertEqual(self.left(), runs.FINISHED)
        self.assertEqual(self.train("--overwrite").code, 0)
        self.assertEqual(self.run_in_folder([*evaluation, "--out", "out.h5", "--overwrite"]).code, 0)
        with h5py.File(self.path("out.h5")) as file:
            self.assertEqual(file["training/epoch/accuracy"].size, 0)

    def test_all_checkpoints_are_damaged(self):
        env = runs.faulty("rename:term:3:.ckpt-", 0)
        self.assertEqual(self.start(network=STEP, ranks=1, env=env).end().code, 75)
        for name in self.checkpoints():
            with open(self.path(name), "r+b") as file:
                file.truncate(3000)
        for ranks in (1, 2):
            result = self.train("--resume", "auto", ranks=ranks)
            self.assert_refused(result, "none of the checkpoints beside out.h5 is intact",
                                "remove them to start afresh")
            self.assertNotIn("--resume auto", result.lines[-1])

    def test_names_that_are_not_checkpoints(self):
        for name in ("out.ckpt-1.h5", "out.ckpt-00000000000000000000099.h5", "out.ckpt-0000000000099.h5"):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write("somebody's notes")
        self.assertEqual(self.train("--resume", "auto").code, 0)
        self.assertEqual(len(self.left()), 5)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="psac") as place:
        runs.LAYER = shutil.copy(sys.argv[1], place)
        unittest.main(argv=sys.argv[:1])
