#!/usr/bin/env python3
"""One run owns an output; signals and output that nobody reads do not cost what was learned.

Usage: test_owner.py LAYER
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import harness
import runs

LONG = ["--set", "training.num_epochs=200"]


class Owner(runs.Runs):
    def wait_for(self, name, running):
        while name not in os.listdir(self.folder):
            self.assertIsNone(running.process.poll(), running)
            time.sleep(0.005)

    def assert_held(self, result):
        self.assertEqual(result.code, 2, result)
        self.assertEqual(len(result.lines), 1, result)
        self.assertRegex(result.lines[0], r"^psac_dist: out\.h5 is being written by process \d+ on \S+, since 20\S+; "
                                          r"use another --out")

    def test_a_second_run_is_refused_and_changes_nothing(self):
        running = self.start(*LONG, ranks=2)
        self.wait_for_checkpoint(2, running)
        for ranks in (1, 2):
            self.assert_held(self.run_in_folder(runs.training(), ranks=ranks))
            self.assert_held(self.run_in_folder(runs.training("--resume", "auto"), ranks=ranks))
            self.assert_held(self.run_in_folder(runs.training("--overwrite"), ranks=ranks))
        # files of the same names are named after "out"
        result = self.run_in_folder(runs.training("--out", "out"))
        self.assertEqual(result.code, 2, result)
        self.assertIn("out is being written by process", result.lines[0])
        self.assertIsNone(running.process.poll())
        running.send(signal.SIGTERM, [0])
        self.assertEqual(running.end().code, 75)
        self.assertFalse([name for name in os.listdir(self.folder) if ".ckpt-" not in name and name != "out.spikes"],
                         "the lock is gone, and what was half written")

    def test_of_runs_that_start_together_one_writes(self):
        reference = self.reference()
        for _ in range(3):
            started = [self.start(ranks=1) for _ in range(4)]
            results = [running.end() for running in started]
            self.assertEqual(sorted(result.code for result in results), [0, 2, 2, 2], results)
            self.assertIsNone(runs.first_difference(reference, self.path("out.h5")))
            self.assertEqual(self.left(), runs.FINISHED)
            self.clear()

    def test_what_a_killed_run_left_is_taken_over(self):
        running = self.start(*LONG, ranks=1)
        self.wait_for_checkpoint(2, running)
        running.send(signal.SIGKILL, [0])
        running.end()
        self.assertIn("out.lock", os.listdir(self.folder))
        result = self.run_in_folder(runs.training("--resume", "auto", "--set", "training.num_epochs=200",
                                                  "--set", "checkpoint.every=0", "--set", "watchdog.seconds=50"),
                                    env=runs.faulty("rename:term:1:.ckpt-", 0))
        self.assertEqual(result.code, 75, result)
        self.assertRegex(result.lines[0], r"taking over out\.lock from process \d+ on \S+: its process is gone")
        self.assertNotIn("out.lock", os.listdir(self.folder))

    def test_a_run_that_was_taken_over_leaves_the_files_alone(self):
        running = self.start(*LONG, ranks=2)
        self.wait_for_checkpoint(1, running)
        with open(self.path("out.lock"), "w", encoding="utf-8") as file:
            file.write("host elsewhere\npid 1\n")
        result = running.end()
        self.assertEqual(result.code, 1, result)
        self.assertIn("out.lock was taken over by another process", result.lines[0])
        with open(self.path("out.lock"), encoding="utf-8") as file:
            self.assertIn("elsewhere", file.read())

    def test_planted_links_and_pipes(self):
        victim = self.path("victim")
        with open(victim, "w", encoding="utf-8") as file:
            file.write("mine")
        plants = [lambda name: os.symlink(victim, name), lambda name: os.link(victim, name), os.mkfifo]
        for plant in plants:
            for name in ("out.h5.partial", "out.ckpt-000000000016.h5.partial", "out.ckpt-000000000016.h5",
                         "out.final.h5"):
                plant(self.path(name))
            result = self.run_in_folder(runs.training("--set", "training.num_epochs=1"))
            self.assertIn(result.code, (0, 2), result)  # a FIFO or link in a checkpoint's place is taken for a leftover
            with open(victim, encoding="utf-8") as file:
                self.assertEqual(file.read(), "mine")
            for name in os.listdir(self.folder):
                if name != "victim":
                    os.unlink(self.path(name))

    def test_signals_that_stop(self):
        for name in ("SIGHUP", "SIGXCPU", "SIGUSR2", "SIGINT"):
            with self.subTest(name):
                running = self.start(*LONG, ranks=1)
                self.wait_for_checkpoint(1, running)
                running.send(getattr(signal, name), [0])
                result = running.end()
                self.assertEqual(result.code, 75, result)
                self.assertRegex(result.lines[-1], "stopped on request after .* trials; go on with --resume")
                self.clear()

    def test_signals_before_training_begins(self):
        for name in ("SIGHUP", "SIGXCPU", "SIGTERM"):
            for ranks in (1, 2):
                with self.subTest(name, ranks=ranks):
                    # large enough to be building for seconds
                    running = self.start("--set", "middle_layer.num_neurons=400000", "--set", "record.trials=[]",
                                         ranks=ranks)
                    self.wait_for("out.lock", running)
                    running.send(getattr(signal, name), range(ranks))
                    result = running.end()
                    self.assertEqual(result.code, 75, result)
                    self.assertEqual(result.lines, ["psac_dist: stopped on request before training began"]
                                     if ranks == 1 else [], result)
                    self.assertEqual(os.listdir(self.folder), [])

    def test_output_that_nobody_reads(self):
        command = " ".join(f"'{word}'" for word in [harness.PROGRAM, *map(str, runs.training("--progress", "lines"))])
        done = subprocess.run(["bash", "-c", f"{command} 2>&1 | head -n 1; exit ${{PIPESTATUS[0]}}"], cwd=self.folder,
                              capture_output=True, text=True, timeout=60 * harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5")))

    def test_output_that_is_lost_is_reported(self):
        for arguments in (["config"], ["--help"], ["--version"], ["info"], ["plan"],
                          runs.training("--set", "training.num_epochs=0")):
            for close in (">/dev/full", ">&-"):
                command = " ".join(f"'{word}'" for word in [harness.PROGRAM, *map(str, arguments)])
                done = subprocess.run(["bash", "-c", f"{command} {close}"], cwd=self.folder, stderr=subprocess.PIPE,
                                      text=True, timeout=60 * harness.PATIENCE, check=False)
                self.assertEqual(done.returncode, 1, (arguments, close, done))
                self.assertIn("psac_dist: cannot write to standard output", done.stderr.splitlines()[-1])
                self.clear()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="psac") as place:
        runs.LAYER = shutil.copy(sys.argv[1], place)
        unittest.main(argv=sys.argv[:1])
