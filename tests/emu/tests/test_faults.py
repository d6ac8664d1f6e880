#!/usr/bin/env python3
"""A GPU, NCCL or a rank that fails in the middle of a run on emulated GPUs ends all ranks with one message that names
it."""
import os
import unittest

import harness
from mistakes import Mistakes

SMALL = ["--set", "middle_layer.num_neurons=100", "--set", "simulation.t_total=60", "--set", "simulation.t_skip=10",
         "--set", "training.num_epochs=1", "--set", "training.max_images=20", "--set", "evaluation.max_images=10",
         "--progress", "none"]
TENS = ["--set", "training.batch_size=10"]


class Faults(Mistakes):
    def assert_ends(self, message, *more, ranks=3, **env):
        arguments = ["train", "--data", harness.DIGITS, "--out", "out.h5", *SMALL, *more]
        result = harness.run(arguments, ranks=ranks, folder=self.folder, env=env)
        self.assertEqual(result.code, 1, result)
        self.assertTrue(result.lines, result)
        for line in result.lines:  # on a busy machine a second rank may notice before the first has ended it
            self.assertRegex(line, message)
        left = os.listdir(self.folder)
        self.assertLessEqual(set(left), {"out.lock", "out.spikes"})  # of a rank 0 that another rank's failure has ended
        for name in left:
            os.unlink(os.path.join(self.folder, name))

    def test_a_kernel_that_fails_on_one_rank_ends_all(self):
        for lazy in ("0", "1"):
            self.assert_ends(r"(device|rank) 1 o.* failed at .*: unspecified launch failure",
                             PSAC_EMU_FAIL="1:integrate_lif:30", PSAC_EMU_LAZY=lazy)
        self.assert_ends("device 0 of .* failed at .*: unspecified launch failure", ranks=1, PSAC_EMU_FAIL="0:learn:1")
        self.assert_ends("device 2 of .*: unspecified launch failure", "--transport", "mpi",
                         PSAC_EMU_FAIL="2:sum_rows:1")
        self.assert_ends("unspecified launch failure", "--set", "simulation.cuda_graph=on",
                         PSAC_EMU_FAIL="1:integrate_lif:30")

    def test_a_copy_that_fails_on_one_rank_ends_all(self):
        self.assert_ends("device 2 of .*: cudaMemcpyAsync failed at", PSAC_EMU_FAIL="2:cudaMemcpyAsync:9")

    def test_device_memory_that_runs_out_while_the_network_is_built_ends_all(self):
        full = (r"device 1 of \S+ is out of memory: \d+ bytes for [a-z ]+, but \d+ of \d+ bytes are free; "
                r"\S+ GB are free without this network: ")
        self.assert_ends(full + r"\d+ neurons would fit$", PSAC_EMU_FAIL="1:cudaMalloc:12")
        self.assert_ends(full + r"\d+ neurons would fit$", "--transport", "mpi", "--set",
                         "middle_layer.num_neurons=10000", PSAC_EMU_MEMORY="30000000", PSAC_EMU_TAKE="1:9:25000000")
        self.assert_ends(full + "not even one neuron would fit$", PSAC_EMU_TAKE="1:9:80000000000")
        self.assert_ends(
            full.replace("1", "0") + "not even one neuron would fit$", ranks=1, PSAC_EMU_TAKE="0:9:80000000000")

    def test_nccl_that_fails_ends_all(self):
        self.assert_ends("rank [0-2] on .*: NCCL could not connect the GPUs", PSAC_EMU_FAIL="2:ncclCommInitRank:1")
        failed = r"failed at transport_nccl.c:\d+: unhandled system error: {0} was told to fail$"
        for rank, call, number in ((2, "ncclAllGather", 30), (1, "ncclBroadcast", 2), (0, "ncclGroupEnd", 1)):
            self.assert_ends(f"rank {rank} on .*: {call} " + failed.format(call),
                             PSAC_EMU_FAIL=f"{rank}:{call}:{number}")

    def test_a_recording_that_finds_no_memory_ends_all_at_the_start(self):
        for ranks in (1, 3):
            self.assert_ends(rf"device {ranks - 1} of \S+ is out of memory: a recording of all steps "
                             r"\(simulation.cuda_graph\), but \d+ of \d+ bytes are free; \S+ GB are free without this "
                             r"network: \d+ neurons would fit$", "--set", "simulation.cuda_graph=on", ranks=ranks,
                             PSAC_EMU_FAIL=f"{ranks - 1}:cudaGraphInstantiate:1")

    def test_each_number_of_concurrent_trials_is_recorded_once(self):
        chunks = ["--set", "simulation.cuda_graph=on", "--set", "simulation.trials_together=4", *TENS]
        # one for 4 trials, then one for 2
        self.assert_ends("out of memory: a recording", *chunks, ranks=1, PSAC_EMU_FAIL="0:cudaGraphInstantiate:2")
        arguments = ["train", "--data", harness.DIGITS, "--out", "out.h5", *SMALL, *chunks]
        for ranks in (1, 3):
            third = {"PSAC_EMU_FAIL": "0:cudaGraphInstantiate:3"}
            harness.run_well(arguments, ranks=ranks, folder=self.folder, env=third)
            os.remove(os.path.join(self.folder, "out.h5"))

    def test_a_device_that_does_not_answer_is_named(self):
        impatient = ["--set", "watchdog.seconds=1"]
        nccl, mpi = ["--transport", "nccl"], ["--transport", "mpi"]
        hangs = ((1, 3, "cudaMalloc", 8, nccl), (1, 2, "cudaMalloc", 8, mpi), (1, 3, "integrate_lif", 30, nccl),
                 (2, 3, "integrate_lif", 30, mpi), (0, 2, "cudaStreamSynchronize", 10, mpi),
                 (0, 1, "cudaStreamSynchronize", 10, []), (0, 1, "present_lif", 1, []))
        for rank, ranks, call, number, transport in hangs:
            self.assert_ends(
                rf"rank {rank} on \S+ has waited 1 s in {call}.*; its device does not answer \(watchdog.seconds\)$",
                *impatient, *transport, ranks=ranks, PSAC_EMU_HANG=f"{rank}:{call}:{number}")

    def test_a_gpu_that_is_stuck_while_its_host_goes_on_is_named(self):
        for rank, kernel, number, ranks, more in ((1, "integrate_lif", 30, 3, []), (2, "sum_rows", 1, 3, []),
                                                  (0, "step_layers", 1, 3, []),
                                                  (2, "integrate_lif", 30, 4, ["--replicas", "2"])):
            self.assert_ends(rf"rank \d on \S+ has waited 2 s for its GPU \(watchdog.seconds\); the GPU of rank "
                             rf"{rank} is stuck before exchange \d+, to which others have come$",
                             "--set", "watchdog.seconds=2", *TENS, *more, ranks=ranks, PSAC_EMU_LAZY="1",
                             PSAC_EMU_STICK=f"{rank}:{kernel}:{number}")

    def test_a_gpu_that_is_stuck_in_a_replay_is_named(self):
        # 60 steps without a recording, then replays
        recorded = ["--set", "simulation.cuda_graph=on", "--set", "watchdog.seconds=3", *TENS]
        self.assert_ends(r"rank \d on \S+ has waited 3 s for its GPU \(watchdog.seconds\); the GPU of rank 1 is "
                         r"stuck before exchange \d+, to which others have come$", *recorded, PSAC_EMU_LAZY="1",
                         PSAC_EMU_STICK="1:integrate_lif:90")

    def test_a_rank_that_hangs_while_nccl_connects_ends_all(self):
        self.assert_ends(
            r"rank 0 on \S+ has waited 1 s in ncclCommInitRank, at trial -1, step -1; no rank of this node "
            r"is late \(watchdog.seconds\)$", "--set", "watchdog.seconds=1", PSAC_EMU_HANG="1:ncclCommInitRank:1")

    def test_a_rank_that_never_comes_is_named(self):
        late = {"PSAC_EMU_LAZY": "1", "PSAC_EMU_HANG": "1:integrate_lif:30"}
        self.assert_ends(r"rank [02] on \S+ has waited 1 s for its GPU \(watchdog.seconds\); rank 1 does not answer",
                         "--set", "watchdog.seconds=1", **late)


if __name__ == "__main__":
    unittest.main()
