#!/usr/bin/env python3
"""Configurations: what `psac_dist config` prints reads back, and what is refused."""
import os
import unittest

import harness
from mistakes import Mistakes


class Printing(Mistakes):
    def printed(self, *arguments, **more):
        return self.assert_works(["config", *arguments], **more).out

    def test_the_printed_configuration_is_a_fixed_point(self):
        changes = [
            "--set", "simulation.dt=0.1", "--set", "learning.learning_rate=1e-07", "--set", "record.trials=[7, 3]",
            "--set", "retina.input_size=[10, 12]", "--set", "receptive_field.size=3", "--seed", "9223372036854775807"]
        for arguments in (["--config", "psac"], ["--config", "notebook"], ["--config", "quick"], changes):
            first = self.printed(*arguments)
            with open(self.path("again.yaml"), "w") as file:
                file.write(first)
            self.assertEqual(self.printed("--config", "again.yaml"), first)

    def test_several_ranks_print_once(self):
        self.assertEqual(self.printed(ranks=3), self.printed())

    def test_later_settings_go_before_earlier_ones(self):
        with open(self.path("mine.yaml"), "w") as file:
            file.write("simulation: {seed: 5, dt: 0.5}\n")
        out = self.printed("--config", "mine.yaml", "--set", "simulation.seed=6", "--set", "simulation.seed=7")
        self.assertIn("\n  seed: 7 ", out)
        self.assertIn("\n  dt: 0.5 ", out)
        self.assertIn("\n  seed: 8 ", self.printed("--set", "simulation.seed=7", "--seed", "8"))


class Refusals(Mistakes):
    def refuse(self, assignments, *parts, **more):
        sets = [word for each in assignments for word in ("--set", each)]
        self.assert_refused(["config", *sets], *parts, **more)

    def refuse_file(self, contents, *parts, ranks=(1,)):
        with open(self.path("mine.yaml"), "wb") as file:
            file.write(contents)
        self.assert_refused(["config", "--config", "mine.yaml"], "mine.yaml", *parts, ranks=ranks)

    def test_unknown_keys_with_the_nearest(self):
        self.refuse(["simulation.sed=1"], "simulation.sed is not a key", "simulation.seed")
        self.refuse(["nonsense"], "has to be section.key=value", ranks=(1,))
        self.refuse_file(b"simulation:\n  sed: 1\n", "mine.yaml:2", "simulation.seed", ranks=(1, 3))

    def test_values_out_of_range_or_of_another_type(self):
        self.refuse(["simulation.dt=0"], "simulation.dt", "0.01 to 10")
        self.refuse(["middle_layer.num_neurons=many"], "is not an integer", ranks=(1,))
        self.refuse(["network.model=best"], "notebook|psac", ranks=(1,))
        self.refuse(["record.trials=3"], "record.trials has to be a list", ranks=(1,))
        self.assert_refused(["config", "--seed", "-1"], "simulation.seed", ranks=(1,))
        self.assert_refused(["config", "--seed", "nan"], "is not an integer", ranks=(1,))

    def test_numbers_that_are_not_finite_decimals(self):
        for word in (".nan", ".NaN", "nan", "-nan", ".inf", "-.inf", "inf", "infinity", "1e999", "-1e999", "0x1p3",
                     "0x10", "1_000", "1e", "1,5", "1d3", "--1", "+", ".", "e5"):
            for name in ("learning.learning_rate", "neuron.v_rest", "simulation.seed"):
                with self.subTest(word=word, name=name):
                    self.refuse([f"{name}={word}"], name, ranks=(1,))
        self.refuse_file(b"learning:\n  learning_rate: .nan\n", "mine.yaml:2", "learning.learning_rate", ranks=(1, 3))
        self.refuse_file(b"learning: {learning_rate: 1e999}\n", "out of range", ranks=(1,))

    def test_sums_that_could_overflow(self):
        self.assert_refused(["train", "--data", harness.DIGITS, "--out", "x.h5", "--set", "simulation.t_total=1000000",
                             "--set", "middle_layer.num_neurons=20000"], "can overflow", "allowed: 18014 neurons")
        self.assert_refused(["train", "--data", harness.DIGITS, "--out", "x.h5", "--set", "recurrence.in_degree=100000",
                             "--set", "recurrence.current_inh=-30000"], "recurrence.in_degree", "below 2e9", ranks=(1,))

    def test_keys_that_contradict_each_other(self):
        self.refuse(["simulation.t_skip=1200"], "simulation.t_skip", "simulation.t_total")
        self.refuse(["receptive_field.size=15"], "receptive_field.size", ranks=(1,))
        self.refuse(["neuron.v_reset=18"], "neuron.v_reset", "neuron.v_thresh", ranks=(1,))
        self.refuse(["network.model=notebook"], "training.batch_size", ranks=(1,))

    def test_fewer_neurons_than_ranks(self):
        self.refuse(["middle_layer.num_neurons=2"], "2 is less than the 3 ranks", ranks=(3,))

    def test_files_that_are_missing_or_no_text(self):
        self.assert_refused(["config", "--config", "no.yaml"],
                            "no.yaml: cannot open: No such file or directory (built in are psac, ")
        self.assert_refused(["config", "--config", "quik"], "quik: cannot open",
                            "; the nearest built-in name is quick (built in are ")
        self.assert_refused(["scaling", "--study", "scalign", "--list"], "the nearest built-in name is scaling",
                            ranks=(1,))
        self.assert_refused(["config", "--config", "/"], "Is a directory", ranks=(1,))
        self.refuse_file(os.urandom(1000))
        self.refuse_file(b"\0" * 1000)
        self.refuse_file(b"]", "not YAML")
        self.refuse_file(b"[" * 100000)
        self.refuse_file(b"# " + b"x" * 5000000, "longer than")

    def test_long_and_odd_arguments_give_one_line(self):
        self.refuse(["x" * 100000], ranks=(1,))
        self.refuse(["simulation.seed=1\n2"], ranks=(1,))
        self.refuse(["simulation.seed=\x1b[31m7"], ranks=(1,))


class Unreadable(Mistakes):
    def test_a_file_without_permission(self):
        with open(self.path("secret.yaml"), "w"):
            pass
        os.chmod(self.path("secret.yaml"), 0)
        os.chmod(self.folder, 0o755)
        self.assert_refused(["config", "--config", self.path("secret.yaml")], "Permission denied", ranks=(1,),
                            **harness.as_nobody())


if __name__ == "__main__":
    unittest.main()
