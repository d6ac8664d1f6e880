#!/usr/bin/env python3
"""Every mode of the emulation catches what it is for: each broken program passes when done right and is found when
done wrong.

Usage: test_broken.py PROGRAM sanitized|plain
"""
import os
import subprocess
import sys
import unittest

import harness

PROGRAM, SANITIZED = sys.argv[1], sys.argv[2] == "sanitized"


def run(case, kind, mode, ranks):
    command = ([harness.MPIEXEC, "-n", str(ranks)] if ranks > 1 else []) + [PROGRAM, case, kind]
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", **mode}  # they end without giving anything back
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, env=env)
    return done.returncode, done.stdout, done.stderr


class Broken(unittest.TestCase):
    def check(self, case, message, mode=None, ranks=1):
        mode = mode or {}
        code, out, err = run(case, "right", mode, ranks)
        self.assertEqual((code, out.split()), (0, ["fine"] * ranks), err)
        code, out, err = run(case, "wrong", mode, ranks)
        self.assertNotEqual(code, 0, f"{case} was not found: {out} {err}")
        self.assertIn(message, err)

    def test_a_missing_barrier_is_found_by_shuffled_order(self):
        for seed in ("1", "2", "3"):
            self.check("barrier", "values were not turned round", {"PSAC_EMU_ORDER": seed})

    def test_blocks_that_rely_on_each_other_are_found_by_shuffled_order(self):
        self.check("block_order", "blocks did not follow each other", {"PSAC_EMU_ORDER": "1"})

    def test_a_barrier_that_only_some_threads_reach(self):
        self.check("divergent_barrier", "waits at a barrier that only 32 of 64 threads have reached; 32 have ended")

    def test_a_mask_without_its_own_lane(self):
        self.check("mask", "which leaves out its own lane")

    def test_lanes_that_never_come(self):
        self.check("missing_lanes", "mask 0xffffffff names lane 0, which has ended")

    @unittest.skipIf(SANITIZED, "the sanitizer speaks first")
    def test_bytes_beyond_device_memory_are_found_by_the_guard(self):
        self.check("bounds", "kernel count_up goes beyond device memory", {"PSAC_EMU_GUARD": "1"})

    @unittest.skipUnless(SANITIZED, "a build with sanitizers is needed")
    def test_bytes_beyond_device_memory_are_found_by_the_sanitizer(self):
        self.check("bounds", "AddressSanitizer: heap-buffer-overflow")

    @unittest.skipUnless(SANITIZED, "a build with sanitizers is needed")
    def test_undefined_shifts_are_found_by_the_sanitizer(self):
        self.check("undefined_shift", "shift exponent 32 is too large")

    def test_host_code_that_touches_device_memory_is_found_by_the_guard(self):
        self.check("host_touch", "host code touches device memory", {"PSAC_EMU_GUARD": "1"})

    def test_a_missing_wait_is_found_by_lazy_streams(self):
        self.check("wait", "the result was not there yet", {"PSAC_EMU_LAZY": "1"})
        self.check("early_change", "the value was changed before it was copied", {"PSAC_EMU_LAZY": "1"})

    def test_a_capture_that_is_not_joined(self):
        self.check("unjoined_capture", "a captured stream was not joined")
        self.check("unjoined_capture", "a captured stream was not joined", {"PSAC_EMU_LAZY": "1"})

    def test_memory_that_a_graph_still_holds(self):
        self.check("held_memory", "is released while a graph holds it")

    def test_a_message_that_is_captured_before_nccl_has_connected_for_it(self):
        self.check("cold_capture", "ncclAllGather of 64 elements of type 2 is captured before it was called")

    def test_a_sum_of_memory_that_nothing_was_written_to(self):
        self.check("sum_of_nothing", "ncclReduce sums memory that nothing was written to", ranks=2)

    def test_an_error_that_is_told_within_a_group(self):
        self.check("open_group", "an error is told before its group of calls was ended", ranks=2)

    def test_the_error_that_a_query_leaves_behind(self):
        stuck = {"PSAC_EMU_STICK": "0:count_up:1", "PSAC_EMU_LAZY": "1"}
        self.check("stale_error", "the launch seems to have failed", stuck)

    def test_collectives_of_different_size_type_or_order_are_found_by_the_check(self):
        check = {"PSAC_EMU_CHECK": "1"}
        self.check("collective_count", "elements of type 2 (root 0), but rank", check, ranks=2)
        self.check("collective_type", "elements of type 2 (root 0)", check, ranks=2)
        self.check("collective_order", "but rank", check, ranks=2)

    def test_the_result_of_a_collective_on_the_wrong_stream_is_found_by_the_check(self):
        self.check("collective_stream", "kernel count_up uses the result of a collective", {"PSAC_EMU_CHECK": "1"},
                   ranks=2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
