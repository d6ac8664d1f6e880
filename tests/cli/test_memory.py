#!/usr/bin/env python3
"""Memory: a run takes what the plan says, and what does not fit is refused with one line, whatever limits it: the host,
ulimit -v, or a cgroup, as Slurm makes one for --mem.

Usage: test_memory.py [long]     long: more sizes, up to 1,000,000 neurons
"""
import os
import re
import resource
import sys
import unittest

import harness
from mistakes import Mistakes

PLANNED = r"memory of a rank: ([\d.]+) MB at most, planned ([\d.]+) MB"
CGROUPS = (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"))


def training(neurons, *more):
    return ["train", "--data", harness.DIGITS, "--out", "out.h5", "--progress", "none", "--backend", "cpu",
            "--set", f"middle_layer.num_neurons={neurons}", "--set", "training.num_epochs=1",
            "--set", "training.max_images=3", "--set", "evaluation.max_images=2", "--set", "training.batch_size=64",
            "--set", "record.test_trials=[0, 1]", *more]


class Memory(Mistakes):
    def assert_as_planned(self, neurons, ranks, *more):
        result = self.assert_works(training(neurons, *more), ranks=ranks, timeout=3600 if LONG else 60)
        peak, planned = map(float, re.search(PLANNED, result.out).groups())
        print(f"{neurons} neurons on {ranks} ranks: {peak} MB, planned {planned} MB", flush=True)
        self.assertLess(abs(peak - planned), 0.1 * planned)
        os.unlink(self.path("out.h5"))

    def test_a_run_takes_what_the_plan_says(self):
        self.assert_as_planned(100000, 1)
        if LONG:
            self.assert_as_planned(100000, 1, "--set", "record.trials=[0, 1, 2]", "--set", "checkpoint.every=1")
            for neurons in (200000, 400000, 1000000):
                for ranks in (1, 2):
                    self.assert_as_planned(neurons, ranks)

    def test_more_recorded_trials_take_no_more(self):
        short = ["--set", "simulation.t_total=300", "--set", "simulation.t_skip=50", "--set", "training.max_images=40"]
        peak = []
        for trials in ([0], list(range(40))):  # 40 trials of 20,000 neurons are 30 MB, and 70 MB in the run file
            result = self.assert_works(training(20000, *short, "--set", f"record.trials={trials}"), timeout=60)
            peak.append(float(re.search(PLANNED, result.out)[1]))
            os.unlink(self.path("out.h5"))
        self.assertLess(peak[1] - peak[0], 12)

    def assert_refused_for(self, limit, **more):
        result = harness.run(training(200000), folder=self.folder, timeout=60, **more)
        self.assertEqual((result.code, len(result.lines)), (1, 1), result)
        self.assertRegex(result.lines[0], r"num_neurons = 200000 on 1 rank needs 0\.\d GB .* 0\.\d GB free \(" + limit +
                         r".*\); \d+ neurons would fit")
        self.assertEqual(os.listdir(self.folder), [])

    def test_the_limit_of_ulimit(self):
        limit = 700 << 20  # MPI maps some 300 MB
        self.assert_refused_for("RLIMIT_AS, ulimit -v",
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))

    def test_the_limit_of_a_cgroup(self):
        folder, file = self.make_cgroup()
        with open(os.path.join(folder, file), "w") as limit:
            limit.write(str(400 << 20))

        def enter():
            with open(os.path.join(folder, "cgroup.procs"), "w") as processes:
                processes.write(str(os.getpid()))
        self.assert_refused_for("cgroup .*psac_test", preexec_fn=enter)

    def make_cgroup(self):
        for mount, file in CGROUPS:
            folder = os.path.join(mount, f"psac_test_{os.getpid()}")
            try:
                os.mkdir(folder)
            except OSError:
                continue
            self.addCleanup(os.rmdir, folder)
            if os.access(os.path.join(folder, file), os.W_OK):
                return folder, file
        self.skipTest("no cgroup for memory can be made here (it takes root, and the memory controller)")


if __name__ == "__main__":
    LONG = sys.argv[1:] == ["long"]
    unittest.main(argv=sys.argv[:1])
