#!/usr/bin/env python3
"""Recorded spikes are written to a file beside the run file: a disk error there loses the trials and not the run, a run
resumes only with the spikes that it recorded, and nothing is left over.

Usage: test_recording.py LAYER
"""
import os
import shutil
import sys
import tempfile
import unittest

import harness
import runs

h5py = harness.need_h5py()

RESULTS = ("/training", "/evaluation", "/statistics", "/weights")
TRIAL = 300 * (63 + 25 + 2 + 3)  # bytes: steps x columns of 8 neurons of middle layer, retina, output, critic
OUT = "out.spikes"


class Recording(runs.Runs):
    def stop_after(self, number, *more, ranks=1):
        env = runs.faulty(f"rename:term:{number}:.ckpt-", 0)
        result = self.start("--set", "checkpoint.keep=1000", *more, ranks=ranks, env=env).end()
        self.assertEqual(result.code, 75, result)

    def resume(self, *more, auto="auto", **how):
        return self.run_in_folder(runs.training("--resume", auto, *more), **how)

    def assert_refused(self, result, *parts):
        self.assertEqual((result.code, len(result.lines)), (2, 1), result)
        for part in parts:
            self.assertIn(part, result.lines[0])

    def recorded(self, name="out.h5"):
        with h5py.File(self.path(name)) as file:
            if "recording" not in file:
                return []
            return list(zip(file["/recording/epoch"], file["/recording/trial"]))

    def test_spikes_are_on_the_disk_while_the_run_goes_on(self):
        self.stop_after(3, ranks=2)
        self.assertEqual(os.path.getsize(self.path(OUT)), 3 * TRIAL)  # trials 0, 1 and 17 of the first epoch
        self.assert_goes_on(ranks=3)

    def test_a_disk_that_fails_costs_the_trials_and_not_the_run(self):
        # (0, 2) is a test trial; the test has 10 images.
        everything = [(1, 0), (1, 1), (1, 17), (1, 129), (2, 0), (2, 1), (2, 17), (2, 129), (0, 2)]
        for fault, ranks, rank, lost in (("pwrite:ENOSPC:1:.spikes", 1, 0, [(1, 0), (1, 1)]),
                                         ("pwrite:EIO:4:.spikes", 2, 1, [(1, 129)]),
                                         ("pwrite:ENOSPC:9+:.spikes", 1, 0, everything[2:]),
                                         ("pwrite:EIO:1+:.spikes", 3, 2, everything)):
            with self.subTest(fault=fault, ranks=ranks):
                result = self.run_in_folder(runs.training(), ranks=ranks, env=runs.faulty(fault, rank))
                self.assertEqual(result.code, 0, result)
                self.assertRegex(result.lines[0],
                                 r"warning: \d trials? of epoch 1 not recorded: cannot write out\.spikes: \w+")
                self.assertEqual(self.recorded(), [trial for trial in everything if trial not in lost])
                self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5"), RESULTS))
                self.assertEqual(self.left(), runs.FINISHED)
                self.clear()

    def test_short_writes_are_completed(self):
        result = self.run_in_folder(runs.training(), ranks=2, env=runs.faulty("pwrite:short:1+:.spikes"))
        self.assertEqual(result.lines, [])
        self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5")))

    def test_spikes_that_do_not_reach_the_disk_make_no_checkpoint(self):
        result = self.run_in_folder(runs.training(), ranks=2, env=runs.faulty("fsync:EIO:1:.spikes", 1))
        self.assertEqual(result.code, 0, result)
        self.assertRegex(result.lines[0], "warning: no checkpoint after 16 trials: cannot flush out.spikes to the disk")
        self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5")))

    def harm(self, how):
        path = self.path(OUT)
        if how == "missing":
            os.unlink(path)
        elif how == "short":
            os.truncate(path, 2 * TRIAL + 5)
        elif how == "fifo":
            os.unlink(path)
            os.mkfifo(path)
        elif how == "link":
            os.rename(path, self.path("elsewhere"))
            os.symlink("elsewhere", path)
        else:
            with open(path, "r+b") as file:
                file.seek(TRIAL + 77)
                byte = file.read(1)
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([byte[0] ^ 4]))

    def test_a_run_does_not_go_on_with_other_spikes(self):
        for how, words in (("missing", "No such file"), ("short", "does not hold the spikes of 3 recorded trials"),
                           ("changed", "the spikes of trial 1 of epoch 1 are damaged"), ("fifo", "does not hold"),
                           ("link", "symbolic")):
            with self.subTest(how=how):
                self.stop_after(4)
                self.harm(how)
                for ranks in (1, 2):
                    self.assert_refused(self.resume(auto=self.checkpoints()[-1], ranks=ranks), "out.spikes", words,
                                        "--set record.trials=[]")
                without = ["--set", "record.trials=[]", "--set", "record.test_trials=[]"]
                result = self.resume(*without, ranks=2)
                self.assertEqual(result.code, 0, result)
                self.assertEqual(self.recorded(), [])
                self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5"), RESULTS))
                self.assertEqual([name for name in self.left() if name != "elsewhere"], runs.FINISHED)
                self.clear()

    def test_an_older_checkpoint_needs_fewer_spikes(self):
        self.stop_after(4, ranks=2)
        self.harm("short")  # the first checkpoint has two trials
        result = self.assert_goes_on(ranks=2, skips=True)
        self.assertEqual(sum("skipping a checkpoint: out.spikes does not hold" in line for line in result.lines), 4,
                         result)
        self.assertIn("going on from out.ckpt-000000000016.h5", result.lines[-1])

    def test_a_checkpoint_takes_its_spikes_along(self):
        self.stop_after(4)
        os.mkdir(self.path("place"))
        for name in (self.checkpoints()[-1], OUT):
            shutil.copy(self.path(name), self.path("place"))
        self.harm("missing")
        result = self.run_in_folder(runs.training("--out", "other.h5", "--resume", "place/" + self.checkpoints()[-1]),
                                    ranks=3)
        self.assertEqual(result.code, 0, result)
        self.assertIsNone(runs.first_difference(self.reference(), self.path("other.h5")))
        self.assertEqual(os.path.getsize(self.path("place/" + OUT)), 3 * TRIAL)
        self.assertEqual(os.path.getsize(self.path("other.spikes")), 8 * TRIAL)  # of training, for the final state
        shutil.rmtree(self.path("place"))

    def test_a_file_of_an_earlier_run_is_replaced(self):
        with open(self.path(OUT), "wb") as file:
            file.write(bytes(50 * TRIAL))
        self.assertEqual(self.run_in_folder(runs.training(), ranks=2).lines, [])
        self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5")))
        self.assertEqual(self.left(), runs.FINISHED)
        self.assertEqual(os.path.getsize(self.path(OUT)), 8 * TRIAL)

    def test_the_test_of_a_run_file_records_as_its_training_did(self):
        shutil.copy(self.reference(), self.path("run.h5"))
        with h5py.File(self.path("run.h5"), "r+") as file:
            start = file["/recording/start_time"][-1]
            expected = {name: [(time - start, number) for time, number in
                               zip(file[f"/spikes/{name}/timestamps"], file[f"/spikes/{name}/node_ids"])
                               if time >= start]
                        for name in file["/spikes"]}
        for ranks, replicas in ((1, 1), (3, 1), (4, 2)):
            with self.subTest(ranks=ranks, replicas=replicas):
                arguments = ["evaluate", "--weights", "run.h5", "--data", harness.DIGITS, "--out", "test.h5",
                             "--progress", "none", "--replicas", replicas, "--set", "record.test_trials=[2]"]
                self.assertEqual(self.run_in_folder(arguments, ranks=ranks).code, 0)
                self.assertEqual(self.recorded("test.h5"), [(0, 2)])
                with h5py.File(self.path("test.h5")) as file:
                    found = {name: list(zip(file[f"/spikes/{name}/timestamps"], file[f"/spikes/{name}/node_ids"]))
                             for name in file["/spikes"]}
                self.assertEqual(found, expected)
                self.assertGreater(len(found["middle"]), 100)
                self.assertEqual(sorted(os.listdir(self.folder)), ["run.h5", "test.h5"])
                os.unlink(self.path("test.h5"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="psac") as place:
        runs.LAYER = shutil.copy(sys.argv[1], place)
        unittest.main(argv=sys.argv[:1] + sys.argv[2:])
