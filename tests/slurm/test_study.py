#!/usr/bin/env python3
"""slurm/scaling_study.sh on a cluster: arrays over networks, ranks and repeats, then the report.

Usage: test_study.py CLUSTER
"""
import glob
import os
import shutil
import tempfile
import unittest

import harness
import jobs

STUDY = """
strong: {neurons: [200, 300], ranks: [1, 2], batch: 8, trials: 16, repeats: 2}
accuracy: {neurons: 100, ranks: 2, replicas: 2, batch: 16, trials: 32, test_images: 10, repeats: 2}
"""


class Study(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=harness.FILES, prefix="a study ")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        with open(os.path.join(self.folder, "study.yaml"), "w", encoding="utf-8") as file:
            file.write(STUDY)

    def submit(self, *options):
        return jobs.submit("scaling_study.sh", [
            "--study", "study.yaml", "--out", "out", "--program", harness.PROGRAM, "--data", harness.DIGITS,
            "--gpus-per-node", 0, "--ranks-per-node", 1, *options, "--", "--set", "simulation.t_total=100", "--set",
            "simulation.t_skip=10"], self.folder)

    def rows(self, *names):
        """[(kind, neurons, ranks, nodes)] of all files, or other columns; sorted."""
        names = names or ("kind", "neurons", "ranks", "nodes")
        h5py, found = harness.need_h5py(), []
        for path in glob.glob(os.path.join(glob.escape(self.folder), "out", "*.h5")):
            with h5py.File(path, "r") as file:
                columns = [file["rows"][name][:] for name in names]
                found += [(kind.decode(), *map(int, numbers)) for kind, *numbers in zip(*columns)]
        return sorted(found)

    def assert_done(self, numbers):
        for number in numbers:
            for part in jobs.wait(number):
                self.assertEqual(part["JobState"], "COMPLETED", part)

    def test_one_array_of_measurements_then_the_report(self):
        array, report = self.submit()
        self.assert_done([array, report])
        expected = [("accuracy", 100, 2, 2)] * 2 + [("strong", n, ranks, ranks) for n in (200, 300) for ranks in (1, 2)
                                                    for _ in "12"]
        self.assertEqual(self.rows(), expected)
        self.assertEqual(len(jobs.describe(array)), 10)  # tasks of the array
        self.assertEqual([row[1:] for row in self.rows("kind", "repeat", "replicas", "seed")[:2]], [(0, 2, 1),
                                                                                                    (1, 2, 2)])
        log = glob.glob(os.path.join(glob.escape(self.folder), "out/log/scaling-report-*.out"))[0]
        self.assertIn("10 rows", jobs.read(log))
        self.assertNotIn("failed", jobs.read(log))
        for name in ("index.html", "table.csv", "table.md"):
            self.assertTrue(os.path.exists(os.path.join(self.folder, "out", "report", name)), name)

    def test_an_array_for_each_number_of_ranks(self):
        one, two, report = self.submit("--arrays", "per-ranks", "--at-once", 2, "--repeats", 1, "--only", "strong")
        self.assert_done([one, two, report])
        self.assertEqual(self.rows(), [("strong", n, ranks, ranks) for n in (200, 300) for ranks in (1, 2)])
        self.assertEqual([part["NumNodes"] for part in jobs.describe(one)], ["1", "1"])


if __name__ == "__main__":
    jobs.find_cluster()
    harness.need_h5py()
    unittest.main()
