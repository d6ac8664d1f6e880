#!/usr/bin/env python3
"""A rank that stalls ends the run, with one line that says who waits where and who is late; a job that was suspended as
a whole continues.

Usage: test_stalls.py LAYER
"""
import os
import shutil
import signal
import sys
import tempfile
import time
import unittest
import unittest.mock

import harness
import runs

LATE = (r"psac_dist: rank {waits} on \S+ has waited 1 s in .+, at trial -?\d+, step -?\d+; rank {late} is late, "
        r"last seen at trial -?\d+, step -?\d+ \(watchdog.seconds\)")
IMPATIENT = ["--set", "watchdog.seconds=1"]
LONG = ["--set", "training.num_epochs=1000"]


class Stalls(runs.Runs):
    def assert_ended(self, running, waits, late):
        result = running.end()
        self.assertEqual(result.code, 1, result)
        self.assertEqual(len(result.lines), 1, result)
        self.assertRegex(result.lines[0], LATE.format(waits=waits, late=late))
        self.assertFalse(os.path.exists(self.path("out.h5")))

    def test_a_rank_that_stops(self):
        for ranks, late in ((2, 1), (2, 0), (3, 1)):
            with self.subTest(ranks=ranks, late=late):
                running = self.start(*LONG, *IMPATIENT, ranks=ranks)
                self.wait_for_checkpoint(running=running)
                running.send(signal.SIGSTOP, [late])
                self.assert_ended(running, 1 if late == 0 else 0, late)
                self.assertTrue(self.checkpoints())
                self.clear()

    def test_a_rank_that_stops_in_a_checkpoint(self):
        running = self.start(*LONG, *IMPATIENT, env=runs.faulty("pwrite:stop:7:.ckpt-", 1))
        self.assert_ended(running, 0, 1)

    def test_a_rank_that_stops_in_the_final_write(self):
        running = self.start(*IMPATIENT, env=runs.faulty("pwrite:stop:9:out.h5", 0))
        self.assert_ended(running, 1, 0)
        self.assert_goes_on()

    def test_a_rank_that_stops_in_one_of_two_replicas(self):
        for late in (1, 2):
            with self.subTest(late=late):
                running = self.start(*LONG, *IMPATIENT, "--replicas", "2", ranks=4)
                self.wait_for_checkpoint(running=running)
                running.send(signal.SIGSTOP, [late])
                self.assert_ended(running, 0, late)
                self.clear()

    def test_who_is_to_blame(self):
        waits = r"psac_dist: rank 0 on \S+ has waited 1 s in MPI_Recv.*; "
        for roles, blame in ((("waits", "computes", "stuck", "waits"),
                              "rank 2 is late, last seen at trial -1, step -1"),
                             (("waits", "stuck", "stuck"),
                              "rank 1 is late, last seen at trial -1, step -1, and 1 more"),
                             (("waits", "waits", "computes"), r"rank 2 still computes, last seen at trial 7, step \d+"),
                             (("waits", "waits"), "no rank of this node is late")):
            with self.subTest(roles=roles), unittest.mock.patch.object(harness, "PROGRAM", os.environ["PSAC_ROLES"]):
                result = self.run_in_folder(roles, ranks=len(roles))
                self.assertEqual(result.code, 1, result)
                self.assertEqual(len(result.lines), 1, result)
                self.assertRegex(result.lines[0], waits + blame + r" \(watchdog.seconds\)$")

    def test_a_job_that_is_suspended_as_a_whole_goes_on(self):
        running = self.start(*IMPATIENT)
        self.wait_for_checkpoint(running=running)
        running.send(signal.SIGSTOP, range(2))
        time.sleep(2)  # twice the limit
        running.send(signal.SIGCONT, range(2))
        result = running.end()
        self.assertEqual(result.code, 0, result)
        self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5")))

    def test_a_wall_clock_that_jumps_changes_nothing(self):
        env = {"LD_PRELOAD": runs.LAYER, "PSAC_FAULT_CLOCK": "100000"}
        for ranks in (1, 2, 3):
            with self.subTest(ranks=ranks):
                result = self.run_in_folder(runs.training(*IMPATIENT, "--set", "checkpoint.minutes=1000"), ranks=ranks,
                                            env=env)
                self.assertEqual((result.code, result.lines), (0, []), result)
                self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5")))
                self.clear()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="psac") as place:
        runs.LAYER = shutil.copy(sys.argv[1], place)
        unittest.main(argv=sys.argv[:1])
