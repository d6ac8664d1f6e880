#!/usr/bin/env python3
"""GPUs of several nodes, emulated: who finds which, and whether training on them leaves the CPU's bits.

Usage: test_gpus.py CLUSTER
"""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
import jobs

TRAINING = [
    "--config", jobs.SMALL, "--set", "simulation.t_total=120", "--set", "training.num_epochs=1", "--set",
    "training.max_images=40", "--set", "middle_layer.num_neurons=200", "--set", "evaluation.max_images=12", "--set",
    "record.trials=[3]"]


def info(*options):
    """What `psac_dist info` says on two nodes with two GPUs each."""
    command = ["srun", "--mpi=pmix", "--nodes=2", "--gpus-per-node=2", *options, harness.PROGRAM, "info"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60 * harness.PATIENCE, check=True).stdout


class Gpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(dir=harness.FILES)
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.reference = os.path.join(cls.folder, "cpu.h5")
        harness.run_well([
            "train", "--data", harness.DIGITS, "--out", cls.reference, "--progress", "none", "--backend", "cpu",
            *TRAINING])

    def places(self, text):
        """[(node, place on it, device)] by rank."""
        return re.findall(r"rank \d+: (\S+), (\d+) of \d+ on its node; device (\d+)", text)

    def test_a_rank_takes_the_gpu_of_its_place_on_the_node(self):
        text = info("--ntasks-per-node=2")
        self.assertIn("backend cuda, transport nccl", text)
        self.assertEqual(self.places(text), [("n1", "0", "0"), ("n1", "1", "1"), ("n2", "0", "0"), ("n2", "1", "1")])

    def test_ranks_that_share_a_gpu_exchange_through_mpi(self):
        text = info("--ntasks-per-node=3")
        self.assertIn("backend cuda, transport mpi", text)
        self.assertEqual([device for _, _, device in self.places(text)], ["0", "1", "0"] * 2)

    def test_training_on_two_nodes_leaves_the_bits_of_the_cpu(self):
        started = []
        for launcher in ("srun", "mpirun"):
            out = os.path.join(self.folder, f"{launcher}.h5")
            job, = jobs.submit("train.sbatch", [
                "--program", harness.PROGRAM, "--data", harness.DIGITS, "--nodes", 2, "--gpus-per-node", 2,
                "--launcher", launcher, "--name", launcher, "--out", out, "--", *TRAINING], self.folder)
            started.append((job, out, os.path.join(self.folder, f"{launcher}-{job}.out")))
        from compare_runs import first_difference
        for job, out, log in started:
            state = jobs.wait(job)[0]
            self.assertEqual((state["JobState"], state["NumNodes"]), ("COMPLETED", "2"), jobs.read(log))
            self.assertRegex(jobs.read(log), "GPUs (0,1|2,3), .*\n.* 4 ranks, backend cuda, transport nccl")
            self.assertIsNone(first_difference(self.reference, out))


if __name__ == "__main__":
    jobs.find_cluster()
    harness.need_h5py()
    unittest.main()
