#!/usr/bin/env python3
"""A build with CUDA but without NCCL says so, refuses --transport nccl with that reason, and exchanges spikes through
MPI."""
import unittest

from mistakes import Mistakes


class WithoutNccl(Mistakes):
    def test_info_says_so(self):
        for ranks in (1, 3):
            self.assertRegex(
                self.assert_works(["info"], ranks=ranks).out, r"(?m)^transports: self, mpi \(built without NCCL\)$")

    def test_gpus_fall_back_to_mpi_and_say_why(self):
        result = self.assert_works(["info"], ranks=3)
        self.assertIn("3 ranks, backend cuda, transport mpi (staged)", result.out)
        self.assertEqual(result.lines,
                         ["psac_dist: this program was built without NCCL: GPUs exchange spikes through MPI"])

    def test_nothing_is_said_where_nccl_would_not_serve(self):
        self.assertEqual(self.assert_works(["info"]).lines, [])
        for choice in ("--transport", "mpi"), ("--backend", "cpu"):
            self.assertEqual(self.assert_works(["info", *choice], ranks=2).lines, [])

    def test_nccl_is_refused(self):
        self.assert_refused(["info", "--transport", "nccl"],
                            "--transport nccl is not in this build, which was made without NCCL")


if __name__ == "__main__":
    unittest.main()
