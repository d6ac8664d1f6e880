#!/usr/bin/env python3
"""Which backend, device and transport a run takes, and what it says where that cannot be."""
import os
import unittest

import harness
from mistakes import Mistakes

SMALL = ["--set", "middle_layer.num_neurons=100", "--set", "simulation.t_total=60", "--set", "simulation.t_skip=10",
         "--set", "training.num_epochs=1", "--set", "training.max_images=20", "--set", "evaluation.max_images=10"]


def info(*arguments, ranks=1, **env):
    return harness.run(["info", *arguments], ranks=ranks, env=env)


class Choice(Mistakes):
    def assert_refused(self, result, code, *parts):
        self.assertEqual(result.code, code, result)
        self.assertEqual(len(result.lines), 1, result)
        for part in parts:
            self.assertIn(part, result.lines[0])

    def run_on_ranks(self, line, arguments, **more):
        """Runs the program behind a line of shell, which may look at OMPI_COMM_WORLD_RANK."""
        script = self.path("on_ranks.sh")
        with open(script, "w") as file:
            file.write(f'#!/bin/sh\n{line}\nexec "$@"\n')
        os.chmod(script, 0o755)
        program, harness.PROGRAM = harness.PROGRAM, script
        try:
            return harness.run([program, *arguments], **more)
        finally:
            harness.PROGRAM = program
            os.unlink(script)

    def test_a_gpu_for_each_rank_is_taken_and_connected_by_nccl(self):
        result = info(ranks=3)
        self.assertEqual(result.code, 0, result)
        self.assertIn("3 ranks, backend cuda, transport nccl", result.out)
        for rank in range(3):
            self.assertRegex(result.out, rf"rank {rank}: .* device {rank}: emulated GPU {rank}")

    def test_one_rank_needs_no_transport(self):
        self.assertIn("backend cuda, transport self", info().out)

    def test_visible_devices_are_respected(self):
        result = info(ranks=2, CUDA_VISIBLE_DEVICES="5,2")
        self.assertRegex(result.out, r"(?s)device 0: emulated GPU 5.*device 1: emulated GPU 2")

    def test_ranks_that_share_a_gpu_fall_back_to_mpi_and_say_so(self):
        result = info(ranks=3, PSAC_EMU_DEVICES="2")
        self.assertEqual(result.code, 0, result)
        self.assertIn("backend cuda, transport mpi (staged)", result.out)
        self.assertIn("share devices", "".join(result.lines))
        self.assert_refused(info("--transport", "nccl", ranks=3, PSAC_EMU_DEVICES="2"), 2, "needs a GPU for each rank")

    def test_without_a_device_the_cpu_is_taken_and_said_so(self):
        result = info(PSAC_EMU_DEVICES="0")
        self.assertIn("backend cpu", result.out)
        self.assertIn("no CUDA-capable device is detected", "".join(result.lines))

    def test_cuda_asked_for_and_absent_is_refused_with_the_reason(self):
        for ranks in (1, 2):
            self.assert_refused(info("--backend", "cuda", ranks=ranks, PSAC_EMU_DEVICES="0"), 2,
                                "--backend cuda finds no device", "no CUDA-capable device is detected")

    def test_nccl_without_cuda_is_refused(self):
        self.assert_refused(info("--backend", "cpu", "--transport", "nccl", ranks=2), 2, "it needs --backend cuda")

    def test_ranks_that_see_one_device_each_are_told_apart(self):
        result = self.run_on_ranks("export CUDA_VISIBLE_DEVICES=$OMPI_COMM_WORLD_RANK", ["info"], ranks=3)
        self.assertIn("transport nccl", result.out)
        self.assertRegex(result.out,
                         r"(?s)device 0: emulated GPU 0.*device 0: emulated GPU 1.*device 0: emulated GPU 2")
        self.assertIn("transport mpi (staged)", info(ranks=3, CUDA_VISIBLE_DEVICES="3").out)

    def test_no_visible_device_is_no_device(self):
        self.assertIn("backend cpu", info(CUDA_VISIBLE_DEVICES="").out)
        self.assert_refused(info("--backend", "cuda", ranks=2, CUDA_VISIBLE_DEVICES=""), 2, "finds no device")

    def test_a_mixture_over_ranks_is_refused(self):
        result = self.run_on_ranks('[ "$OMPI_COMM_WORLD_RANK" = 1 ] && export PSAC_EMU_DEVICES=0', ["info"], ranks=2)
        self.assert_refused(result, 2, "rank 1 on ", "has none", "--backend cpu")

    def test_too_little_device_memory_says_what_fits(self):
        arguments = [
            "train", "--data", harness.DIGITS, "--out", "out.h5", *SMALL, "--set", "middle_layer.num_neurons=1000000"]
        for ranks in (1, 2):
            result = harness.run(arguments, ranks=ranks, folder=self.folder, env={"PSAC_EMU_MEMORY": "300000000"})
            self.assert_refused(result, 1, "num_neurons = 1000000", "0.3 GB free", "emulated GPU", "neurons would fit")
            self.assert_refused(
                harness.run(arguments, ranks=ranks, folder=self.folder, env={"PSAC_EMU_MEMORY": "5000"}), 1,
                "not even one neuron would fit")
            self.assertEqual(os.listdir(self.folder), [])

    def test_memory_that_runs_out_on_one_rank_ends_all_with_its_message(self):
        result = self.run_on_ranks('[ "$OMPI_COMM_WORLD_RANK" = 2 ] && export PSAC_EMU_MEMORY=100000',
                                   ["train", "--data", harness.DIGITS, "--out", "out.h5", *SMALL], ranks=3,
                                   folder=self.folder)
        self.assert_refused(result, 1, "rank 2 on ")
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main()
