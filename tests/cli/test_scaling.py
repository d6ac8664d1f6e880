#!/usr/bin/env python3
"""Job scaling: what it measures, where it puts it, and what it refuses; the report of a study."""
import glob
import os
import subprocess
import sys
import unittest

import harness
from mistakes import Mistakes

REPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/psac_report")
SHORT = ["--set", "simulation.t_total=60", "--set", "simulation.t_skip=10"]
STUDY = "weak: {neurons: 40, ranks: [1, 3], batch: 8, trials: 16, repeats: 2, warm_up: 8}\n"


class Scaling(Mistakes):
    def study(self, text=STUDY):
        with open(self.path("study.yaml"), "w", encoding="utf-8") as file:
            file.write(text)

    def measure(self, *arguments, ranks=1):
        return self.assert_works(["scaling", "--study", "study.yaml", "--progress", "none", *SHORT, *arguments],
                                 ranks=ranks)

    def rows(self, folder="runs/scaling"):
        """[{column: value}] of all files of the study."""
        h5py, found = harness.need_h5py(), []
        for path in sorted(glob.glob(os.path.join(self.path(folder), "*.h5"))):
            with h5py.File(path, "r") as file:
                columns = {name: data[:] for name, data in file["rows"].items()}
            found += [{name: column[k] for name, column in columns.items()} for k in range(len(columns["kind"]))]
        return found


class Measures(Scaling):
    def test_weak_networks_grow_with_the_ranks(self):
        self.study()
        for ranks in (1, 3):
            self.measure("--data", harness.DIGITS, ranks=ranks)
        rows = self.rows()
        self.assertEqual([(row["kind"], row["neurons"], row["ranks"], row["repeat"]) for row in rows],
                         [(b"weak", 40, 1, 0), (b"weak", 40, 1, 1), (b"weak", 120, 3, 0), (b"weak", 120, 3, 1)])
        for row in rows:
            self.assertEqual((row["batch"], row["trials"], row["steps"], row["as_rank"], row["nodes"], row["images"]),
                             (8, 16, 60, -1, 1, b"read"))
            self.assertAlmostEqual(row["trials_per_s"], 16 / row["seconds"])
            self.assertAlmostEqual(row["ms_per_step"],
                                   1e3 * row["seconds"] / (2 * 60))  # two batches, all trials of each concurrent
            self.assertLessEqual(row["stage_mean_s"].sum(), row["seconds"] * 1.001)
            self.assertTrue((row["stage_max_s"] >= row["stage_mean_s"]).all())
            self.assertGreater(row["host_bytes"], 0)
            self.assertGreater(row["planned_bytes"], 0)

    def test_bytes_are_counted_as_the_exchange_sends_them(self):
        self.study("strong: {neurons: 400, batch: 8, trials: 16}\n")
        for ranks in (1, 2):
            self.measure("--data", harness.DIGITS, "--out", f"on {ranks}", ranks=ranks)
        self.assertEqual(self.rows("on 1")[0]["bytes_exchanged"], 0)
        row, = self.rows("on 2")
        words, lanes, batches = 4, 32, 2  # of a rank's 200 neurons; of a drive: 10 outputs, 20 critics, 2 sums
        spikes = 2 * 60 * words * 8 * 8           # both ranks, steps, bytes, trials
        retina = 2 * 60 * 4 * 8 * 4               # 196 pixels in 4 words; each rank has half of the trials
        drives = 60 * 8 * lanes * 8 + 8           # one rank's sums, and the square of the means
        factors = 8 * 65 * 4 + 60 * 8 * 8         # third factors and output spikes
        factor = row["bytes_exchanged"] / batches - spikes - retina - drives - factors
        self.assertTrue(0 < factor < 1000, factor)  # the batch's own factors

    def test_bytes_between_replicas_are_counted(self):
        self.study("strong: {neurons: 400, replicas: 2, batch: 8, trials: 16}\n")
        self.measure("--data", harness.DIGITS, ranks=2)
        row, = self.rows()
        self.assertEqual((row["ranks"], row["replicas"], row["shards"]), (2, 2, 1))
        sums, batches = 2 * 448 * 12 * 4, 2  # both ranks: padded neurons, 10 outputs and 2 more of an eligibility
        outcome = (row["bytes_exchanged"] / batches - sums) / (2 * 4)  # each learns of the other's four trials
        self.assertTrue(outcome == int(outcome) and 3 * 64 * 4 < outcome < 3 * 64 * 4 + 100, outcome)

    def test_a_row_is_planned_as_plan_plans(self):
        self.study("size: {neurons: 400, replicas: [1, 2, 4], batch: 8, trials: 8}\n")
        self.measure(ranks=4)
        self.measure("--dry-run-ranks", "16", "--replicas", "4")
        for row in self.rows():
            out = self.assert_works([
                "plan", "--neurons", "400", "--ranks",
                str(row["ranks"]), "--replicas",
                str(row["replicas"]), "--hardware", "cpu", "--format", "csv", "--set", "training.batch_size=8",
                *SHORT]).out
            planned = {tuple(line.split(",")[:3]): line.split(",")[3] for line in out.splitlines()}
            self.assertAlmostEqual(row["planned_trials_per_s"] * float(planned["total", '""', "seconds_per_trial"]), 1,
                                   places=5)
            self.assertAlmostEqual(row["planned_bytes"] / float(planned["memory", '"all"', "bytes"]), 1, places=5)

    def test_replicas_are_a_dimension_of_a_study(self):
        self.study(
            "size: {neurons: [50, 60], replicas: [1, 2, 3, auto], ranks: [1, 2, 4], batch: [4, 8], trials: 16}\n")
        lines = [
            line.split() for line in self.assert_works(["scaling", "--study", "study.yaml", "--list", "--ranks", "3,4"
                                                        ]).out.splitlines()]
        self.assertEqual(
            [line[:6] for line in lines[1:8]],
            [["0", "size", "3", "1", "50", "4"], ["0", "size", "4", "1", "50", "4"], ["1", "size", "4", "2", "50", "4"],
             ["2", "size", "3", "3", "50", "4"], ["3", "size", "3", "auto", "50", "4"],
             ["3", "size", "4", "auto", "50", "4"], ["4", "size", "3", "1", "50", "8"]])
        self.measure("--only", "size", ranks=2)
        places = [(row["neurons"], row["batch"], row["replicas"], row["shards"]) for row in self.rows()]
        self.assertEqual([place[2:] for place in places[:2]], [(1, 2), (2, 1)])
        self.assertEqual(len(places), 2 * 2 * 3)
        self.measure("--only", "0", "--replicas", "4", "--out", "four", ranks=4)
        self.assertEqual([(row["replicas"], row["shards"]) for row in self.rows("four")], [(4, 1)])

    def test_replicas_change_speed_and_nothing_else(self):
        self.study("accuracy: {neurons: 90, replicas: [1, 2, 4], batch: 6, trials: 130, test_images: 20}\n")
        self.measure("--data", harness.DIGITS, ranks=4)
        one, *more = self.rows()
        self.assertEqual([row["replicas"] for row in more], [2, 4])
        for row in more:
            for name in ("accuracy", "rate_hz", "test_images", "seed", "neurons", "ranks"):
                self.assertEqual(row[name], one[name], name)
            self.assertNotEqual(row["planned_trials_per_s"], one["planned_trials_per_s"])

    def test_rows_do_not_depend_on_ranks_where_results_are_concerned(self):
        self.study("accuracy: {neurons: 90, batch: 16, trials: 130, test_images: 20}\n")
        for ranks in (1, 3):
            self.measure("--data", harness.DIGITS, ranks=ranks)
        one, three = self.rows()
        for name in ("accuracy", "rate_hz", "test_images", "seed"):
            self.assertEqual(one[name], three[name], name)
        self.assertEqual(one["test_images"], 20)

    def test_accuracy_is_that_of_the_same_training(self):
        self.study("accuracy: {neurons: 90, batch: 16, trials: 130}\n")
        self.measure("--data", harness.DIGITS)
        self.assert_works([
            "train", "--data", harness.DIGITS, "--out", "run.h5", *SHORT, "--set", "middle_layer.num_neurons=90",
            "--set", "training.batch_size=16", "--set", "training.num_epochs=1", "--progress", "none"])
        with harness.need_h5py().File(self.path("run.h5"), "r") as run:
            self.assertEqual(self.rows()[0]["accuracy"], run["evaluation"].attrs["accuracy"])

    def test_without_digits_speed_is_measured_with_synthetic_ones(self):
        self.study()
        self.measure()
        self.assertEqual({row["images"] for row in self.rows()}, {b"synthetic"})
        self.assertTrue(all(row["rate_hz"] > 0 for row in self.rows()))

    def test_one_rank_of_many(self):
        self.study("weak: {neurons: 40, batch: 8, trials: 16}\naccuracy: {neurons: 90, trials: 16}\n")
        for rank in (0, 5, 63):
            self.measure("--data", harness.DIGITS, "--dry-run-ranks", "64", "--as-rank", str(rank))
        rows = self.rows()
        self.assertEqual([
            (row["kind"], row["neurons"], row["ranks"], row["as_rank"], row["transport"]) for row in rows],
                         [(b"weak", 2560, 64, rank, b"dry run") for rank in (0, 5, 63)])
        for row in rows:
            self.assertGreater(row["bytes_exchanged"], 0)
            self.assertGreater(row["stage_mean_s"][2], 0)
            self.assertGreater(row["rate_hz"], 0)

    def test_one_rank_of_many_in_replicas(self):
        self.study("strong: {neurons: 640, replicas: [1, 4, 16, auto], batch: 32, trials: 32}\n")
        self.measure("--data", harness.DIGITS, "--dry-run-ranks", "16", "--as-rank", "5")
        one, four, sixteen, auto = self.rows()
        self.assertEqual([(row["ranks"], row["shards"], row["as_rank"]) for row in (one, four, sixteen)],
                         [(16, 16, 5), (16, 4, 5), (16, 1, 5)])
        self.assertEqual(auto["replicas"] * auto["shards"], 16)
        # Nothing is gathered without other shards; what is left are the sums over replicas.
        self.assertEqual(sixteen["bytes_exchanged"], 2 * 15 * 640 * 12 * 4 // 16)
        for row in (four, sixteen):
            self.assertAlmostEqual(row["rate_hz"] / one["rate_hz"], 1, delta=0.5)

    def test_jobs_that_start_at_once_share_a_folder(self):
        self.study()
        command = [harness.PROGRAM, "scaling", "--study", "study.yaml", "--out", "shared", "--progress", "none", *SHORT]
        jobs = [
            subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            for _ in range(4)]
        self.assertEqual([job.wait(60) for job in jobs], [0] * 4)
        self.assertEqual(sorted(name.rsplit(".", 1)[1] for name in os.listdir(self.path("shared"))), ["h5"] * 4)
        self.assertEqual(len(self.rows("shared")), 8)

    def test_list_and_only_and_repeats(self):
        self.study(
            "size: {neurons: [50, 60], batch: [4, 8], ranks: [1, 2], trials: [8, 4]}\n"
            "weak: {neurons: 10, ranks: 7, trials: 4}\n"
        )
        lines = self.assert_works(["scaling", "--study", "study.yaml", "--list"]).out.splitlines()
        self.assertEqual(lines[:4], [
            "case kind ranks replicas neurons batch trials warm_up repeats", "0 weak 7 1 70 64 4 0 1",
            "1 size 1 1 50 4 8 0 1", "1 size 2 1 50 4 8 0 1"])
        self.assertEqual(len(lines), 2 + 8)
        lines = self.assert_works([
            "scaling", "--study", "study.yaml", "--list", "--dry-run-ranks", "9", "--only", "weak"]).out.splitlines()
        self.assertEqual(lines[1:], ["0 weak 9 1 90 64 4 0 1"])
        self.measure("--only", "3", "--repeats", "2")
        self.assertEqual([(row["neurons"], row["batch"], row["trials"]) for row in self.rows()], [(60, 4, 4)] * 2)

    def test_repeats_of_an_accuracy_have_seeds_of_their_own(self):
        self.study("accuracy: {neurons: [50, 60], batch: 16, trials: 32, test_images: 10, repeats: 3}\n")
        self.measure("--data", harness.DIGITS, "--only", "1")
        self.measure("--data", harness.DIGITS, "--only", "1:3", "--out", "one")  # as a task of a job array
        rows, (one,) = self.rows(), self.rows("one")
        self.assertEqual([(row["repeat"], row["seed"] - rows[0]["seed"]) for row in rows], [(0, 0), (1, 1), (2, 2)])
        for name in ("repeat", "seed", "neurons", "rate_hz", "accuracy"):
            self.assertEqual(one[name], rows[2][name], name)

    def test_the_built_in_study_can_be_read(self):
        self.assertGreater(len(self.assert_works(["scaling", "--list"]).out.splitlines()), 10)


class Refusals(Scaling):
    def refuse(self, text, *parts, ranks=(1,)):
        self.study(text)
        self.assert_refused(["scaling", "--study", "study.yaml"], "study.yaml:", *parts, ranks=ranks)

    def test_bad_studies(self):
        self.refuse("week: {neurons: 1}\n", "week is not a section of a study; the nearest is weak", ranks=(1, 3))
        self.refuse("weak:\n  neuron: 1\n", "study.yaml:2: weak.neuron is not a key of a study; the nearest is neurons")
        self.refuse("weak: {neurons: 1}\n", "section weak lacks trials")
        self.refuse("weak: {neurons: 0, trials: 1}\n", 'weak.neurons = "0" is out of range; allowed: 1 to 8000000000')
        self.refuse("weak: {neurons: many, trials: 1}\n", 'weak.neurons = "many" is not an integer')
        self.refuse("weak: {neurons: [], trials: 1}\n", "weak.neurons is an empty list")
        self.refuse("weak: {neurons: [1, 2, 3], trials: [1, 2]}\n", "weak.trials has 2 values for the 3 of neurons")
        self.refuse("weak: {neurons: 9, trials: 1, repeats: [1, 2]}\n", "weak.repeats has to be one number")
        self.refuse("weak: {neurons: 9, neurons: 9}\n", "weak.neurons is named a second time")
        self.refuse("weak: {neurons: 9, trials: 1, test_images: 1}\n", "section weak has no key test_images")
        self.refuse("weak: 7\n", "weak is a section")
        self.refuse("- weak\n", "a study consists of sections")
        self.refuse("", "a study consists of sections")
        self.refuse("{}", "a study consists of sections")
        self.refuse("weak: {neurons: [[1]], trials: 1}\n", "something else than numbers")

    def test_bad_options(self):
        self.study()
        job = ["scaling", "--study", "study.yaml"]
        self.assert_refused(["scaling", "--study", "none"], "none: cannot open", ranks=(1,))
        self.assert_refused([*job, "--only", "strong"], "the study has no section strong", ranks=(1,))
        self.assert_refused([*job, "--only", "1"], "--only 1 is neither a section", "(0 to 0)")
        self.assert_refused([*job, "--only", "-1"], "--only -1 is neither a section", ranks=(1,))
        self.assert_refused([*job, "--only", ":1"], "--only :1 is neither a section", ranks=(1,))
        self.assert_refused([*job, "--only", "weak:1"], "--only weak:1 is neither a section", ranks=(1,))
        self.assert_refused([*job, "--only", "0:3"], "--only 0:3 names no repeat of case 0, which has 1 to 2",
                            ranks=(1,))
        self.assert_refused([*job, "--only", "0:0", "--repeats", "5"],
                            "--only 0:0 names no repeat of case 0, which has 1 to 5", ranks=(1,))
        self.assert_refused([*job, "--only", "0:1", "--list"], "--only 0:1 names a repeat, but --list lists cases",
                            ranks=(1,))
        self.assert_refused([*job, "--repeats", "0"], "--repeats 0 is not a whole number from 1 to 1000", ranks=(1,))
        self.assert_refused([*job, "--dry-run-ranks", "1"], "--dry-run-ranks 1 is not a whole number from 2",
                            ranks=(1,))
        self.assert_refused([*job, "--dry-run-ranks", "4", "--as-rank", "4"],
                            "--as-rank 4 is not a whole number from 0 to 3", ranks=(1,))
        self.assert_refused([*job, "--as-rank", "4"], "--as-rank goes with --dry-run-ranks", ranks=(1,))
        self.assert_refused([*job, "--dry-run-ranks", "4"], "runs on one rank, but this run has 3", ranks=(3,))
        self.assert_refused([*job, "--dry-run-ranks", "4", "--config", "notebook"],
                            "--dry-run-ranks needs network.model = psac", ranks=(1,))
        self.assert_refused([*job, "--list=yes"], "--list takes no value", ranks=(1,))
        self.assert_refused([*job, "--hardware", "abacus"], "abacus")
        self.assert_refused([*job, "--out", "study.yaml"], "--out study.yaml is a file; a study is a folder",
                            ranks=(1,))
        self.assert_refused([*job, "--out", "no/folder"], "cannot create the folder no/folder")
        self.assert_refused([*job, "--data", "nowhere"], "nowhere")

    def test_replicas_that_cannot_be(self):
        self.refuse("weak: {neurons: 9, trials: 1, replicas: 0}\n",
                    'weak.replicas = "0" is out of range; allowed: auto, or 1 to 1000000')
        self.refuse("weak: {neurons: 9, trials: 1, replicas: automatic}\n",
                    'weak.replicas = "automatic" is not an integer; allowed: auto, or')
        self.refuse("weak: {neurons: auto, trials: 1}\n", 'weak.neurons = "auto" is not an integer; allowed: 1 to')
        self.study("weak: {neurons: 9, trials: 1, replicas: [2, 4]}\nsize: {neurons: 9, trials: 1}\n")
        job = ["scaling", "--study", "study.yaml"]
        self.assert_refused(job,
                            "weak.replicas = 4 does not divide the 3 ranks of this run; allowed: auto, or a divisor",
                            ranks=(3,))
        self.assert_refused([*job, "--only", "0"], "weak.replicas = 2 does not divide the 1 rank of this run",
                            ranks=(1,))
        self.assert_refused([*job, "--only", "0", "--dry-run-ranks", "5"],
                            "weak.replicas = 2 does not divide the 5 simulated ranks", ranks=(1,))
        self.assert_refused([*job, "--list"],
                            "weak.replicas = 2 does not divide any of the numbers of ranks of section weak", ranks=(1,))
        self.assert_refused([*job, "--replicas", "2"], "--replicas 2 does not divide the 3 ranks of this run",
                            ranks=(3,))
        self.assert_refused([*job, "--replicas", "many"], "--replicas many is neither auto nor a whole number",
                            ranks=(1,))
        self.assert_refused([*job, "--ranks", "2"], "--ranks goes with --list", ranks=(1,))
        for wrong in ("0", "1,,2", "2,", ",2", "1000001", "two", "99999999999999999999"):
            self.assert_refused([*job, "--list", "--ranks", wrong], f"--ranks {wrong} is not a list", ranks=(1,))
        self.study("size: {neurons: 9, trials: 1, batch: 1, replicas: [1, 2]}\n")
        self.assert_refused([*job, "--config", "notebook"], "2 replicas cannot train network.model = notebook",
                            ranks=(2,))

    def test_accuracy_needs_digits(self):
        self.study("accuracy: {neurons: 90, trials: 16}\n")
        self.assert_refused(["scaling", "--study", "study.yaml"], "data/mnist")
        self.assert_refused(["scaling", "--study", "study.yaml", "--dry-run-ranks", "4"],
                            "simulated ranks have no accuracy", ranks=(1,))

    def test_cases_that_contradict_the_configuration(self):
        self.study("size: {neurons: 50, batch: 8, trials: 4}\n")
        self.assert_refused(["scaling", "--study", "study.yaml", "--config", "notebook"],
                            "case 0 of the study (size, 50 neurons, batch 8): ", "training.batch_size")


class Report(Scaling):
    def report(self, *arguments):
        return subprocess.run([sys.executable, REPORT, *arguments], cwd=self.folder, capture_output=True, text=True,
                              timeout=120, check=False)

    def assert_no_report(self, *parts):
        result = self.report("study")
        self.assertEqual((result.returncode, result.stdout), (2, ""), result)
        self.assertEqual(len(result.stderr.splitlines()), 1, result)
        for part in parts:
            self.assertIn(part, result.stderr)
        self.assertFalse(os.path.exists(self.path("study/report")))

    def assert_report(self):
        """Makes the report; its table as rows of cells."""
        result = self.report("study")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        with open(self.path("study/report/table.md"), encoding="utf-8") as file:
            return [[cell.strip() for cell in line.strip(" |\n").split("|")] for line in file]

    def test_replicas_are_told_apart(self):
        self.study("strong: {neurons: [100, 200], replicas: [1, 2, 4], batch: 8, trials: 16, repeats: 2}\n")
        for ranks in (1, 2, 4):
            self.measure("--data", harness.DIGITS, "--out", "study", ranks=ranks)
        head, _, *table = self.assert_report()
        places = [tuple(row[head.index(name)] for name in ("neurons", "ranks", "replicas", "repeats")) for row in table]
        cuts = (("1", "1"), ("2", "1"), ("2", "2"), ("4", "1"), ("4", "2"), ("4", "4"))
        self.assertEqual(places, [(neurons, *cut, "2") for neurons in ("100", "200") for cut in cuts])

    def test_files_of_a_version_without_replicas(self):
        self.study("strong: {neurons: 100, batch: 8, trials: 16}\n")
        self.measure("--data", harness.DIGITS, "--out", "study", ranks=2)
        name, = os.listdir(self.path("study"))
        with harness.need_h5py().File(self.path("study/" + name), "a") as file:
            del file["rows/replicas"], file["rows/shards"]
        self.measure("--data", harness.DIGITS, "--out", "study", "--replicas", "2", ranks=2)
        head, _, *table = self.assert_report()
        self.assertEqual([row[head.index("replicas")] for row in table], ["1", "2"])

    def test_folders_that_are_no_study(self):
        h5py = harness.need_h5py()
        os.mkdir(self.path("study"))
        self.assert_no_report("holds no rows of psac_dist scaling")
        with h5py.File(self.path("study/a.h5"), "w"):
            pass
        self.assert_no_report("a.h5: not a file of psac_dist scaling")
        with open(self.path("study/a.h5"), "wb") as file:
            file.write(b"no HDF5")
        self.assert_no_report("a.h5: cannot be read")

    def test_a_study_becomes_pictures_and_tables(self):
        self.study(
            "weak: {neurons: 40, batch: 8, trials: 16, repeats: 2}\n"
            "strong: {neurons: 100, batch: 8, trials: 16}\n"
            "size: {neurons: [50, 500], batch: 8, trials: 16}\n"
            "accuracy: {neurons: [50, 90], batch: 16, trials: 64, test_images: 20}\n"
        )
        for ranks in (1, 2):
            self.measure("--data", harness.DIGITS, "--out", "study", ranks=ranks)
        self.measure("--data", harness.DIGITS, "--out", "study", "--dry-run-ranks", "8")
        for _ in "12":  # the second replaces the first
            self.assert_report()
        made = os.listdir(self.path("study/report"))
        for name in ("index.html", "table.csv", "table.md", "strong_scaling.png", "weak_scaling.png",
                     "time_by_stage.png", "memory_per_rank.png", "accuracy_by_size.png", "measured_against_planned.png",
                     "speed_by_size.png"):
            self.assertIn(name, made)
        with open(self.path("study/report/table.csv"), encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 1 + 2 * 7 + 5)


if __name__ == "__main__":
    unittest.main()
