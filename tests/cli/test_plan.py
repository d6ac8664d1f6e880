#!/usr/bin/env python3
"""Job plan: what it prints, for people and for programs, what --calibrate writes, and what is refused."""
import csv
import os
import re
import unittest

from mistakes import Mistakes

SHORT = ["--set", "simulation.t_total=20", "--set", "simulation.t_skip=5"]


class Plans(Mistakes):
    def plan(self, *arguments, **more):
        return self.assert_works(["plan", *arguments], **more).out

    def rows(self, *arguments):
        return list(csv.DictReader(self.plan("--format", "csv", *arguments).splitlines()))

    def test_the_answer_comes_first(self):
        lines = self.plan("--neurons", "1e8", "--ranks", "512", "--gpu", "h100").splitlines()
        self.assertRegex(lines[0], r"^fits: \d\.\d\d of 78 GB on each rank; up to [\d,]+ neurons would fit$")
        self.assertRegex(lines[1], r"^[\d.]+ trials/s; an epoch of 60,000 images in [\d,.]+ minutes$")
        self.assertEqual(lines[2], "100,000,000 neurons on 512 ranks of h100")

    def test_all_sections_are_printed(self):
        arguments = ["--neurons", "1e8", "--ranks", "512", "--gpu", "h100"]
        brief, verbose = self.plan(*arguments), self.plan(*arguments, "--verbose")
        for part in ("Layout", "Memory of a rank", "Time, predicted", "middle", "What would help"):
            self.assertIn(part, brief)
        for part in ("recurrent currents", "gather middle spikes"):
            self.assertNotIn(part, brief)
            self.assertIn(part, verbose)
        shown = [line for line in verbose.splitlines() if line and line in brief]
        self.assertEqual(shown, [line for line in brief.splitlines() if line])

    def test_everything_fits_80_columns(self):
        for arguments in (["--hardware", "cpu"], ["--gpu", "h100", "--neurons", "1e8", "--ranks", "8"],
                          ["--config", "notebook"], ["--neurons", "1e12", "--ranks", "1e6", "--replicas", "50"],
                          ["--neurons", "1e9", "--gpu", "a100"]):
            for line in self.plan("--verbose", *arguments).splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_it_plans_for_this_machine_if_none_is_named(self):
        for ranks in (1, 2):
            out = self.plan("--ranks", ranks)
            self.assertRegex(out, rf"\n5,000 neurons on {ranks} ranks? of this machine \(")
        if "backend cpu" not in self.assert_works(["info"]).out:
            return
        cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
        self.assertRegex(out, rf"of this machine \({cores} cores?, ")
        self.assertAlmostEqual(float(re.search(r"cores?, ([\d,.]+) GB\)", out)[1].replace(",", "")) / memory, 1,
                               delta=0.02)
        available = [float(re.search(r"of ([\d.]+) GB on", self.plan("--ranks", n))[1]) for n in (1, cores, 2 * cores)]
        self.assertLess(available[0], 1.02 * memory)
        self.assertAlmostEqual(available[1] * cores / available[0], 1, delta=0.3)  # a node's ranks share its memory
        self.assertAlmostEqual(available[2] / available[1], 1, delta=0.3)          # these are two nodes

    def test_several_ranks_print_once_and_are_the_default(self):
        out = self.plan("--gpu", "h100", ranks=3)
        self.assertIn("on 3 ranks of h100", out)
        self.assertEqual(self.plan("--gpu", "h100", "--ranks", "3"), out)

    def test_numbers_may_have_exponents(self):
        h100 = ["--gpu", "h100"]
        self.assertEqual(self.plan(*h100, "--neurons", "1e8", "--ranks", "1e2"),
                         self.plan(*h100, "--neurons", "100000000", "--ranks", "100"))
        self.assertEqual(self.plan(*h100, "--neurons", "7e3"),
                         self.plan(*h100, "--set", "middle_layer.num_neurons=7000"))

    def test_stages_and_parts_add_up(self):
        for arguments in (["--ranks", "8"], ["--hardware", "cpu"], ["--neurons", "1e10", "--ranks", "1e5"]):
            rows = self.rows(*arguments)
            total = next(
                float(row["value"]) for row in rows
                if (row["section"], row["quantity"]) == ("total", "seconds_per_trial"))
            for section in ("stage", "part"):
                parts = [float(row["value"]) for row in rows if row["section"] == section]
                self.assertAlmostEqual(sum(parts) / total, 1.0, places=6)

    def test_too_large_a_network_says_what_would_hold_it(self):
        h100 = ["--gpu", "h100"]
        out = self.plan(*h100, "--neurons", "1e9", "--ranks", "2")
        self.assertRegex(out, r"^CANNOT BE BUILT: \d+ of 78 GB on each rank; up to [\d,]+ neurons")
        enough = int(re.search(r"\n([\d,]+) shards would hold it", out)[1].replace(",", ""))
        self.assertRegex(self.plan(*h100, "--neurons", "1e9", "--ranks", enough), "^fits: ")
        self.assertRegex(self.plan(*h100, "--neurons", "2e8", "--set", "recurrence.in_degree=0"),
                         r"^DOES NOT FIT: [\d.]+ of 78 GB")
        self.assertIn("no number of ranks holds it", self.plan(*h100, "--neurons", "5e11", "--ranks", "1e6"))
        self.assertRegex(self.plan(*h100, "--neurons", "1e12", "--ranks", "1e6", "--set", "recurrence.in_degree=0"),
                         "^CANNOT BE BUILT: ")

    def test_small_networks_and_model_notebook(self):
        self.plan("--neurons", "9")
        self.plan("--neurons", "1", "--set", "recurrence.in_degree=0")
        self.assertIn("the speed of model notebook is not modelled",
                      self.plan("--config", "notebook", "--hardware", "cpu"))
        self.assertFalse([row for row in self.rows("--config", "notebook") if row["section"] == "stage"])

    def test_replicas(self):
        self.assertIn("4 shards x 2 replicas", self.plan("--gpu", "h100", "--ranks", "8", "--replicas", "2"))
        self.assertRegex(self.plan("--gpu", "h100", "--ranks", "8", "--replicas", "auto"), r"\d+ shards x \d+ replicas")
        self.assertNotIn(" replicas\n", self.plan("--gpu", "h100", "--ranks", "8", "--replicas", "1"))

    def test_a_profile_of_ones_own(self):
        with open(self.path("my profiles.yaml"), "w") as file:
            file.write(profile("slow", 1e9) + profile("fast", 1e12))
        slow = self.plan("--hardware", "my profiles.yaml")
        self.assertIn("rank of slow", slow)
        self.assertEqual(self.plan("--hardware", "my profiles.yaml:slow"), slow)
        self.assertIn("rank of fast", self.plan("--hardware", "./my profiles.yaml:fast"))

    def test_what_is_calibrated_can_be_planned_with(self):
        for ranks in (1, 2):
            out = self.plan("--calibrate", "here.yaml", "--backend", "cpu", *SHORT, ranks=ranks, timeout=120)
            self.assertIn("ms per trial: measured / predicted", out)
            self.assertEqual(os.listdir(self.folder), ["here.yaml"])
            self.assertIn(f"on {ranks} rank", self.plan("--hardware", "here.yaml", "--ranks", ranks))


def profile(name, bandwidth):
    """A complete hardware profile: the built-in cpu with another bandwidth."""
    root = os.path.join(os.path.dirname(__file__), "..", "..", "configs", "hardware.yaml")
    with open(root) as file:
        text = file.read()
    block = text[text.index("\ncpu:\n") + 1:].replace("cpu:\n", f"{name}:\n", 1)
    return re.sub(r"bandwidth: \S+", f"bandwidth: {bandwidth}", block, count=1)


class Refusals(Mistakes):
    def refuse(self, arguments, *parts, ranks=(1,)):
        self.assert_refused(["plan", *arguments], *parts, ranks=ranks)

    def test_sizes(self):
        for neurons in ("0", "-5", "1.5", "1e13", "many"):
            self.refuse(["--neurons", neurons], "middle_layer.num_neurons", "1 to 1000000000000")
        for n_ranks in ("0", "-1", "x", "1.5", "1e9"):
            self.refuse(["--ranks", n_ranks], f"--ranks {n_ranks} is not a whole number from 1 to 10000000")
        self.refuse(["--neurons", "9", "--ranks", "512"], "less than the 512 ranks", ranks=(1, 3))

    def test_profiles(self):
        self.refuse(["--gpu", "abacus"], "abacus is not a hardware profile of", "h100, h200, a100, cpu", ranks=(1, 3))
        self.refuse(["--gpu", "cpu"], "--gpu cpu is no GPU")
        self.refuse(["--gpu", "h100", "--hardware", "cpu"], "give one of them")
        self.refuse(["--hardware", "nowhere.yaml"], "nowhere.yaml", "cannot open")
        with open(self.path("mine.yaml"), "w") as file:
            file.write("mine:\n  speed: 3\n")
        self.refuse(["--hardware", "mine.yaml"], "mine.yaml:2", "mine.speed is not a key", ranks=(1, 3))
        self.refuse(["--hardware", "."], "is not a regular file")

    def test_replicas_rates_formats_and_transports(self):
        self.refuse(["--ranks", "8", "--replicas", "3"], "--replicas 3 has to divide the 8 ranks")
        self.refuse(["--ranks", "128", "--replicas", "128"], "training.batch_size = 64")
        self.refuse(["--replicas", "some"], "--replicas some is neither auto nor a whole number")
        for rates in ("1,2", "1,2,3,4", "1,2,", "a,b,c", "1,2,-3", "1" * 200):
            self.refuse(["--rates", rates], "--rates")
        self.refuse(["--format", "xml"], "--format xml is unknown; allowed: text, csv", ranks=(1, 3))
        self.refuse(["--transport", "self"], "--transport self cannot be planned")
        self.refuse(["--transport", "nccl", "--hardware", "cpu"], "cpu has none")

    def test_calibration_needs_a_place_and_model_psac(self):
        self.refuse(["--calibrate", "nowhere/here.yaml"], "output folder nowhere does not exist", ranks=(1, 3))
        self.refuse(["--calibrate", "."], "output . is a folder")
        self.refuse(["--calibrate", "here.yaml", "--ranks", "8"], "--ranks does not go with it")
        self.refuse(["--backend", "cpu"], "--backend chooses what --calibrate measures")
        self.refuse(["--calibrate", "here.yaml", "--config", "notebook"], "network.model = psac only", ranks=(1, 3))


if __name__ == "__main__":
    unittest.main()
