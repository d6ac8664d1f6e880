#!/usr/bin/env python3
"""Disks that fail: a checkpoint that cannot be written is warned of and training continues; a run file that cannot be
written leaves the last checkpoint, from which it is made later; nothing half written takes a name.

Usage: test_disks.py LAYER [mounted]     mounted: small file systems can be mounted (the script starts itself again so)
"""
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness
import runs


class Disks(runs.Runs):
    def assert_trained_well(self, result, warnings):
        """The run went through, with this number of lines, each a warning about a checkpoint; True = at least one."""
        self.assertEqual(result.code, 0, result)
        self.assertEqual(bool(result.lines), bool(warnings), result)
        if warnings is not True:
            self.assertEqual(len(result.lines), warnings, result)
        for line in result.lines:
            self.assertRegex(line,
                             r"^psac_dist: warning: no checkpoint after \d+ trials: cannot .*\.ckpt-\d+\.h5.*: \w+")
        self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5")))
        self.assertIn("out.h5", os.listdir(self.folder))
        if warnings is not True:  # the last checkpoint is kept as the final state
            self.assertEqual(self.left(), runs.FINISHED)
        self.clear()

    def test_a_checkpoint_that_cannot_be_written_is_warned_of(self):
        for fault, ranks, rank, warnings in (("pwrite:ENOSPC:3:.ckpt-", 1, 0, 1), ("pwrite:EIO:2:.ckpt-", 2, 1, 1),
                                             ("pwrite:EIO:1:.ckpt-", 3, 0, 1), ("fsync:EIO:4:.ckpt-", 2, 0, 1),
                                             ("fsync:EIO:2:.ckpt-", 2, 1, 1), ("rename:EIO:2:.ckpt-", 2, 0, 1),
                                             ("pwrite:ENOSPC:20+:.ckpt-", 2, None, True)):
            with self.subTest(fault=fault, ranks=ranks, rank=rank):
                result = self.run_in_folder(runs.training(), ranks=ranks, env=runs.faulty(fault, rank))
                self.assert_trained_well(result, warnings)

    def test_short_writes_are_completed(self):
        for ranks in (1, 2):
            with self.subTest(ranks=ranks):
                result = self.run_in_folder(runs.training(), ranks=ranks, env=runs.faulty("pwrite:short:1+:.ckpt-"))
                self.assert_trained_well(result, 0)

    def assert_kept(self, result, error=""):
        """The run failed at its file, with one line that says how to go on; then it does."""
        self.assertEqual(result.code, 1, result)
        failures = [line for line in result.lines if "warning" not in line]
        self.assertEqual(len(failures), 1, result)
        self.assertRegex(
            failures[0],
            r"^psac_dist: .*out\.h5.*" + error + r".*; nothing before it is lost: --resume out\.ckpt-\d+\.h5$")
        self.assertNotIn("out.h5", os.listdir(self.folder))
        self.assertTrue(self.checkpoints())

    def test_a_run_file_that_cannot_be_written_is_made_later(self):
        for fault, ranks, rank in (("pwrite:ENOSPC:9+:out.h5.partial", 1, 0), ("pwrite:EIO:5:out.h5.partial", 2, 0),
                                   ("pwrite:EIO:20:out.h5.partial", 2, 0), ("fsync:EIO:1:out.h5.partial", 3, 0),
                                   ("rename:EIO:1:out.h5", 2, 0)):
            with self.subTest(fault=fault, ranks=ranks):
                self.assert_kept(self.run_in_folder(runs.training(), ranks=ranks, env=runs.faulty(fault, rank)))
                self.assert_goes_on(ranks=2)
                self.clear()

    def test_an_output_folder_that_disappears(self):
        place = self.path("place")
        os.mkdir(place)
        running = runs.Running(runs.training("--out", "place/out.h5", "--set", "training.num_epochs=6"), self.folder, 2)
        while not any(".ckpt-" in name for name in os.listdir(place)):
            time.sleep(0.01)
        shutil.rmtree(place, ignore_errors=True)
        result = running.end()
        if not os.path.isdir(place):
            self.assertEqual(result.code, 1, result)
            self.assertIn("warning: no checkpoint", str(result))
            self.assertRegex(result.lines[-1], r"^psac_dist: .*place/out\.h5.*")

    def test_an_output_folder_that_becomes_read_only(self):
        nobody = harness.as_nobody()
        os.chmod(self.folder, 0o777)
        threading.Timer(0.5, os.chmod, (self.folder, 0o555)).start()
        result = self.run_in_folder(runs.training("--set", "training.num_epochs=20"), **nobody)
        os.chmod(self.folder, 0o777)
        self.assertEqual(result.code, 1, result)
        self.assertIn("Permission denied", str(result))

    def test_a_limit_on_the_size_of_files(self):
        """A file that may not grow (SIGXFSZ) is as a full disk."""
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000))
        result = self.run_in_folder(runs.training(), preexec_fn=limit)
        self.assertEqual(result.code, 1, result)
        self.assertRegex(str(result), "warning: no checkpoint after 16 trials: cannot write .*File too large")
        self.assertEqual(len([line for line in result.lines if "warning" not in line]), 1, result)
        self.assertEqual(os.listdir(self.folder), [])

    def test_shared_memory_that_is_full(self):
        if not MOUNTED:
            self.skipTest("a small file system cannot be mounted")
        reference = self.reference()
        hides_tests = os.path.realpath(self.folder).startswith("/tmp/")
        for place in ("/dev/shm",) if hides_tests else ("/dev/shm", "/tmp"):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=True)
            self.addCleanup(subprocess.run, ["umount", "--lazy", place], check=True)
            subprocess.run(["dd", "if=/dev/zero", f"of={place}/large"], stderr=subprocess.DEVNULL, check=False)
        alone = {"OMPI_MCA_btl": "self", "OMPI_MCA_orte_tmpdir_base": self.path(""),
                 "OMPI_MCA_ess_singleton_isolated": "1"}
        result = self.run_in_folder(runs.training(), env=alone)
        self.assertEqual((result.code, result.lines), (0, []), result)
        self.assertIsNone(runs.first_difference(reference, self.path("out.h5")))

    def mount(self, size):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.folder], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.folder], check=True)

    def test_a_disk_that_is_too_small_for_a_checkpoint(self):
        if not MOUNTED:
            self.skipTest("a small file system cannot be mounted")
        self.reference()
        for ranks in (1, 3):
            with self.subTest(ranks=ranks):
                self.mount("100k")
                result = self.run_in_folder(runs.training(), ranks=ranks)
                self.assertEqual(result.code, 1, result)
                self.assertRegex(result.lines[0],
                                 "warning: no checkpoint after 16 trials: cannot write .*No space left on device")
                self.assertEqual(len([line for line in result.lines if "warning" not in line]), 1, result)
                self.assertEqual(os.listdir(self.folder), [])

    def test_a_disk_with_room_for_checkpoints_only(self):
        if not MOUNTED:
            self.skipTest("a small file system cannot be mounted")
        self.reference()
        self.mount("800k")
        self.assert_kept(self.run_in_folder(runs.training(), ranks=2))
        subprocess.run(["mount", "-o", "remount,size=8m", self.folder], check=True)
        self.assert_goes_on()


def start_in_own_namespace():
    """Starts this script once more, with mounts of its own; without them if that cannot be."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    tried = subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", harness.FILES], capture_output=True)
    if tried.returncode == 0:
        os.execvp(unshare[0], [*unshare, sys.executable, __file__, sys.argv[1], "mounted"])


if __name__ == "__main__":
    if len(sys.argv) == 2 and shutil.which("unshare"):
        start_in_own_namespace()
    MOUNTED = sys.argv[2:] == ["mounted"]
    with tempfile.TemporaryDirectory(prefix="psac") as place:
        os.chmod(place, 0o755)
        runs.LAYER = shutil.copy(sys.argv[1], place)
        unittest.main(argv=sys.argv[:1])
