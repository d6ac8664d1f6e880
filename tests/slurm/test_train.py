#!/usr/bin/env python3
"""slurm/train.sbatch on a cluster: on one node and two, with srun and mpirun, disturbed and undisturbed.

Usage: test_train.py CLUSTER
"""
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

import harness
import jobs

TRAINING = ["--config", jobs.SMALL, "--set", "record.trials=[]"]
LONG = [*TRAINING, "--set", "training.num_epochs=25"]  # long enough to be stopped on the way
SHAPES = [(launcher, nodes) for launcher in ("srun", "mpirun") for nodes in (1, 2)]  # two ranks each


class Train(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(dir=harness.FILES)
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.short, cls.long = os.path.join(cls.folder, "short.h5"), os.path.join(cls.folder, "long.h5")
        for reference, training in ((cls.short, TRAINING), (cls.long, LONG)):
            harness.run_well(["train", "--data", harness.DIGITS, "--out", reference, "--progress", "none", *training])
        # Slurm looks at time limits every half minute only: this one runs beside the other tests.
        endless = [*TRAINING, "--set", "training.num_epochs=100000"]
        cls.limited = cls.start("limit", endless, options=("--gpus-per-node", 0, "--time", 1, "--stop-before", 50))

    @classmethod
    def start(cls, name, training, nodes=1, ranks_per_node=2, options=("--gpus-per-node", 0)):
        """(job, its run file, its output)."""
        out = os.path.join(cls.folder, f"{name}.h5")
        job, = jobs.submit("train.sbatch", [
            "--program", harness.PROGRAM, "--data", harness.DIGITS, "--nodes", nodes, "--ranks-per-node",
            ranks_per_node, "--name", name, "--out", out, *options, "--", *training], cls.folder)
        return job, out, os.path.join(cls.folder, f"{name}-{job}.out")

    def start_shapes(self, name, training):
        return [
            self.start(f"{name}-{launcher}-{nodes}", training, nodes, 2 // nodes,
                       ("--gpus-per-node", 0, "--launcher", launcher)) for launcher, nodes in SHAPES]

    def assert_finished(self, job, out, log, reference, restarts):
        state = jobs.wait(job)[0]
        self.assertEqual((state["JobState"], state["Restarts"]), ("COMPLETED", str(restarts)), jobs.read(log))
        from compare_runs import first_difference
        self.assertIsNone(first_difference(reference, out))

    def test_every_launcher_on_one_node_and_two(self):
        for started, (_, nodes) in zip(self.start_shapes("whole", TRAINING), SHAPES):
            self.assert_finished(*started, self.short, 0)
            self.assertEqual(jobs.describe(started[0])[0]["NumNodes"], str(nodes))
            self.assertIn("2 ranks", jobs.read(started[2]))

    def test_a_stopped_run_queues_itself_again_and_ends_with_the_same_bits(self):
        """The signal is the one that --signal=B:USR1@... sends before the time limit."""
        started = self.start_shapes("stopped", LONG)
        for job, _, log in started:
            jobs.wait_for_text(log, "--- Epoch 2/", job)
            subprocess.run(["scancel", "--batch", "--signal=USR1", str(job)], check=True, timeout=30)
        for job, out, log in started:
            self.assert_finished(job, out, log, self.long, 1)
            for part in ("start 1 at", "stopped on request", "queueing job", "start 2 at", "going on from"):
                self.assertIn(part, jobs.read(log))

    def test_the_time_limit_sends_that_signal(self):
        job, out, log = self.limited
        jobs.wait_for_text(log, "queueing job", job, 120)
        subprocess.run(["scancel", str(job)], check=True, timeout=30)
        self.assertEqual(jobs.wait(job)[0]["JobState"], "CANCELLED")
        self.assertIn("the time limit is near", jobs.read(log))
        self.assertFalse(os.path.exists(out))

    def test_scancel_ends_a_run_for_good_but_loses_nothing(self):
        job, out, log = self.start("cancelled", LONG)
        jobs.wait_for_text(log, "--- Epoch 2/", job)
        subprocess.run(["scancel", str(job)], check=True, timeout=30)
        state = jobs.wait(job)[0]
        self.assertEqual((state["JobState"], state["Restarts"]), ("CANCELLED", "0"), jobs.read(log))
        self.assertNotIn("queueing", jobs.read(log))
        self.assertFalse(os.path.exists(out))
        checkpoints = [name for name in os.listdir(self.folder) if name.startswith("cancelled.ckpt")]
        self.assertTrue(checkpoints, jobs.read(log))
        self.assertFalse([name for name in checkpoints if name.endswith(".partial")])
        again, out, log = self.start("cancelled", LONG, ranks_per_node=3)
        self.assert_finished(again, out, log, self.long, 0)
        self.assertIn("going on from", jobs.read(log))

    def test_gpus_are_asked_for(self):
        job, out, log = self.start("gpus", [*TRAINING, "--backend", "cpu"], options=("--gpus-per-node", 2))
        self.assert_finished(job, out, log, self.short, 0)
        self.assertIn("gpu:2", jobs.describe(job)[0]["TresPerNode"])
        self.assertIn("GPUs 0,1", jobs.read(log))

    def test_a_run_whose_rank_is_killed_goes_on_in_the_same_job(self):
        started = [self.start(f"killed-{launcher}", LONG, options=("--gpus-per-node", 0, "--launcher", launcher))
                   for launcher in ("srun", "mpirun")]
        for job, out, log in started:
            jobs.wait_for_text(log, "--- Epoch 2/", job)
            ranks = jobs.processes(harness.PROGRAM, "train", out)
            self.assertEqual(len(ranks), 2)
            os.kill(ranks[1], signal.SIGKILL)
        for job, out, log in started:
            self.assert_finished(job, out, log, self.long, 0)
            for part in ("signal 9 ended the run; starting it again", "going on from"):
                self.assertIn(part, jobs.read(log))

    def test_a_run_that_fails_is_not_repeated(self):
        job, _, log = self.start("failed", ["--set", "retina.input_size=[20, 20]"])  # the digits are larger
        state = jobs.wait(job)[0]
        self.assertEqual((state["JobState"], state["ExitCode"], state["Restarts"]), ("FAILED", "2:0", "0"),
                         jobs.read(log))
        self.assertNotIn("starting it again", jobs.read(log))


if __name__ == "__main__":
    jobs.find_cluster()
    harness.need_h5py()
    unittest.main()
