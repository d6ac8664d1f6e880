#!/usr/bin/env python3
"""Runs that are asked to stop and go on: the same bits on any number of ranks, and clear words where a run cannot go
on.

Usage: test_resume.py LAYER
"""
import os
import shutil
import signal
import sys
import tempfile
import unittest

import harness
import runs



class Resume(runs.Runs):
    def stop_after(self, number, *more, ranks=1, network=runs.PSAC):
        """A run that is asked to stop, on rank 0, while that many checkpoints are there; it does after the next
        batch."""
        env = runs.faulty(f"rename:term:{number}:.ckpt-", 0)
        result = self.start("--set", "checkpoint.keep=1000", *more, ranks=ranks, network=network, env=env).end()
        self.assertEqual(result.code, 75, result)
        self.assertEqual(len(result.lines), 1, result)
        self.assertRegex(result.lines[0],
                         r"^psac_dist: stopped on request after \d+ trials; go on with --resume out\.ckpt-\d+\.h5")
        self.assertNotIn("out.h5", os.listdir(self.folder))
        return result

    def resume(self, *more, auto="auto", network=runs.PSAC, **how):
        return self.run_in_folder(runs.training("--resume", auto, *more, network=network), **how)

    def assert_refused(self, result, *parts):
        self.assertEqual(result.code, 2, result)
        self.assertEqual(len(result.lines), 1, result)
        for part in parts:
            self.assertIn(part, result.lines[0])

    def test_on_other_ranks_and_transports(self):
        for ranks, later, transport in ((1, 3, "auto"), (3, 1, "mpi"), (3, 1, "self"), (2, 8, "mpi")):
            with self.subTest(ranks=ranks, later=later, transport=transport):
                self.stop_after(3, ranks=ranks)
                self.assert_goes_on("--transport", transport, "--set", "simulation.trials_together=3", ranks=later)
                self.clear()

    def test_on_another_backend(self):
        if harness.run(["info", "--backend", "cuda"], ranks=3).code != 0:
            self.skipTest("there is one backend only")
        short = ["--set", "simulation.t_total=60", "--set", "simulation.t_skip=20", "--set", "training.max_images=40",
                 "--set", "middle_layer.num_neurons=200", "--set", "evaluation.max_images=5"]
        for network in ([*runs.PSAC, *short], [*runs.SEED, *short]):
            for first, then in (("cpu", "cuda"), ("cuda", "cpu")):
                with self.subTest(network=network, first=first, then=then):
                    self.stop_after(2, "--backend", first, ranks=2, network=network)
                    self.assert_goes_on("--backend", then, ranks=3, network=network)
                    self.clear()

    def test_on_other_replicas(self):
        for ranks, replicas, later, then in ((4, 2, 3, 1), (2, 1, 4, 4), (4, 4, 2, 2)):
            with self.subTest(ranks=ranks, replicas=replicas, later=later, then=then):
                self.stop_after(3, "--replicas", replicas, ranks=ranks)
                self.assert_goes_on("--replicas", then, ranks=later)
                self.clear()

    def test_twice(self):
        self.stop_after(2, ranks=2)
        env = runs.faulty("pwrite:term:12:.ckpt-", 2)  # one rank's signal is everybody's
        self.assertEqual(self.start("--resume", "auto", ranks=3, env=env).end().code, 75)
        self.assert_goes_on(ranks=1)

    def test_networks_of_other_kinds(self):
        networks = [runs.SEED,
                    [*runs.PSAC, "--set", "middle_layer.num_neurons=9"],
                    [*runs.PSAC, "--set", "middle_layer.num_neurons=333", "--set", "actor_critic.num_critic_neurons=7",
                     "--set", "output_layer.num_neurons=13", "--set", "training.batch_size=7"],
                    [*runs.PSAC, "--set", "record.trials=[]", "--set", "recurrence.in_degree=0"]]
        for network in networks:
            with self.subTest(network=network):
                self.stop_after(2, ranks=1, network=network)
                self.assert_goes_on(ranks=3, network=network)
                self.clear()

    def test_each_checkpoint_of_a_run_is_as_good_as_another(self):
        self.stop_after(12, ranks=2)
        names = self.checkpoints()
        for name in names[::3]:
            with self.subTest(name=name):
                result = self.run_in_folder(runs.training("--out", "other.h5", "--overwrite", "--resume", name))
                self.assertEqual(result.code, 0, result)
                self.assertIsNone(runs.first_difference(self.reference(), self.path("other.h5")))
        self.assertEqual(self.checkpoints(), names)

    def test_sigusr1_asks_for_a_checkpoint(self):
        quiet = ["--set", "checkpoint.every=0", "--set", "checkpoint.minutes=0", "--set", "training.num_epochs=30"]
        running = self.start(*quiet, ranks=2)
        self.wait_for_checkpoint(1, running)
        before = set(self.checkpoints())
        running.send(signal.SIGUSR1, [1])
        limit = 0
        while all(int(name[-15:-3]) % 130 == 0 for name in set(self.checkpoints()) - before):  # not at an epoch's end
            self.assertIsNone(running.process.poll())
            running.send(signal.SIGUSR1, [1])
            limit += 1
        running.send(signal.SIGTERM, [0])
        self.assertEqual(running.end().code, 75)

    def test_mpirun_passes_sigusr2_on(self):
        running = self.start("--set", "training.num_epochs=30")
        self.wait_for_checkpoint(1, running)
        running.process.send_signal(signal.SIGUSR2)
        self.assertEqual(running.end().code, 75)

    def test_the_name_of_the_run_file_comes_from_the_checkpoint(self):
        self.stop_after(2)
        result = self.run_in_folder([
            "train", "--data", harness.DIGITS, "--progress", "none", "--resume",
            self.checkpoints()[-1]])
        self.assertEqual(result.code, 0, result)
        self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5")))

    def test_a_finished_run_is_left_alone(self):
        shutil.copy(self.reference(), self.path("out.h5"))
        before = os.stat(self.path("out.h5"))
        result = self.resume(ranks=2)
        self.assertEqual((result.code, result.out), (0, ""), result)
        self.assertEqual(result.lines, ["psac_dist: out.h5 is there: the run is finished"])
        self.assertEqual(os.stat(self.path("out.h5")).st_mtime_ns, before.st_mtime_ns)
        self.assert_refused(self.resume("--seed", "5"), "simulation.seed = 5 (was 11)")

    def test_without_a_checkpoint_it_starts_afresh_and_says_so(self):
        self.assertIn("no checkpoint beside out.h5: starting afresh", str(self.assert_goes_on()))

    def test_a_fresh_start_does_not_bury_an_unfinished_run(self):
        self.stop_after(2)
        self.assert_refused(self.run_in_folder(runs.training(), ranks=2), self.checkpoints()[-1], "--resume auto")

    def test_a_changed_configuration_is_refused(self):
        self.stop_after(2)
        before = os.listdir(self.folder)
        for setting, *parts in (("training.batch_size=32", "training.batch_size = 32 (was 16)"),
                                ("record.trials=[3]", "record.trials = [3] (was [0, 1, 17, 129])"),
                                ("training.num_epochs=3", "training.num_epochs = 3 (was 2)", "linear"),
                                ("learning.power_mu=0.5", "learning.power_mu = 0.5 (was 0.0)")):
            for ranks in (1, 2):
                self.assert_refused(self.resume("--set", setting, ranks=ranks), "another configuration", *parts)
        self.assertEqual(os.listdir(self.folder), before)

    def test_other_digits_are_refused(self):
        self.stop_after(2)
        data = self.path("digits")
        shutil.copytree(harness.DIGITS, data)
        labels = os.path.join(data, "train-labels-idx1-ubyte")
        with open(labels, "r+b") as file:
            file.seek(20)
            digit = file.read(1)[0]
            file.seek(20)
            file.write(bytes([(digit + 1) % 10]))
        self.assert_refused(self.resume("--data", data), "training images", "are not those")

    def test_keys_that_may_change(self):
        step = [*runs.PSAC, "--set", "learning.rate_schedule=step"]
        self.stop_after(2, network=step)
        longer = [*step, "--set", "training.num_epochs=3"]
        self.assert_goes_on("--set", "checkpoint.minutes=5", "--set", "watchdog.seconds=60", "--set",
                            "simulation.steps_per_reduce=7", ranks=2, network=longer)

    def test_fewer_epochs_than_are_done(self):
        step = [*runs.PSAC, "--set", "learning.rate_schedule=step"]
        self.stop_after(12, network=step)
        self.assert_refused(self.resume("--set", "training.num_epochs=0", network=step), "training.num_epochs = 0",
                            "behind it")

    def test_no_name_to_look_beside(self):
        self.assert_refused(self.run_in_folder(["train", "--data", harness.DIGITS, "--resume", "auto"]),
                            "--resume auto needs --out")

    def damage(self, name, place):
        """Changes one byte; 0 <= place < 1 says where."""
        with open(self.path(name), "r+b") as file:
            at = int(place * os.path.getsize(self.path(name)))
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x10]))

    def test_damaged_checkpoints_are_skipped_or_refused(self):
        self.stop_after(4, ranks=2)
        names = self.checkpoints()
        with open(self.path(names[-1]), "r+b") as file:
            file.truncate(5000)
        self.damage(names[-2], 0.5)
        for name in names[-2:]:
            for ranks in (1, 2):
                self.assert_refused(self.resume(auto=name, ranks=ranks), name)
        lines = self.assert_goes_on(ranks=2, skips=True).lines
        self.assertEqual(len(lines), 3, lines)
        for line, name in zip(lines, reversed(names[-2:])):
            self.assertIn("warning: skipping a checkpoint: " + name, line)
        self.assertIn(f"going on from {names[-3]}", lines[2])

    def test_a_flipped_bit_is_noticed_or_does_not_matter(self):
        self.stop_after(3)
        whole = self.path(self.checkpoints()[-1])
        name = "out.ckpt-000000999999.h5"
        n = 10
        for k in range(n):
            shutil.copy(whole, self.path(name))
            self.damage(name, (k + 0.5) / n)
            result = self.run_in_folder(runs.training("--out", "other.h5", "--overwrite", "--resume", name))
            if result.code == 0:  # in a gap between two datasets
                self.assertIsNone(runs.first_difference(self.reference(), self.path("other.h5")), k)
            else:
                self.assert_refused(result, name)

    def test_of_another_arithmetic(self):
        """As version 0.1 wrote them: without the attribute. They are read, with a word."""
        h5py = harness.need_h5py()
        self.stop_after(2)
        name = max(name for name in os.listdir(self.folder) if ".ckpt-" in name)
        with h5py.File(os.path.join(self.folder, name), "r+") as file:
            del file.attrs["arithmetic_version"]
        result = self.resume()
        self.assertEqual(result.code, 0, result)
        self.assertTrue(any("with arithmetic 1; this is" in line for line in result.lines), result)

    def test_what_is_no_checkpoint(self):
        shutil.copy(self.reference(), self.path("run.h5"))
        with open(self.path("text.h5"), "w") as file:
            file.write("hello")
        self.assert_refused(self.resume(auto="run.h5", ranks=2), "run.h5 is no checkpoint")
        self.assert_refused(self.resume(auto="text.h5"), "text.h5: cannot open")
        self.assert_refused(self.resume(auto="nothing.h5"), "nothing.h5 does not exist")

    def test_stopped_while_it_evaluates(self):
        many = [
            "--set", "training.num_epochs=1", "--set", "evaluation.max_images=40", "--set",
            "simulation.trials_together=1"]
        network = [*runs.PSAC, *many]
        self.reference(network)
        for ranks in (1, 2):
            with self.subTest(ranks=ranks):
                running = self.start(ranks=ranks, network=network)
                while "out.ckpt-000000000130.h5" not in os.listdir(self.folder):
                    self.assertIsNone(running.process.poll())
                running.send(signal.SIGTERM, range(ranks))
                result = running.end()
                if result.code != 0:  # it had not just ended
                    self.assertEqual(result.code, 75, result)
                    self.assert_goes_on(network=network)
                self.clear()

    def test_an_mpi_call_that_fails_ends_the_run(self):
        for number in (5, 30):
            for rank in (0, 1):
                with self.subTest(number=number, rank=rank):
                    result = self.run_in_folder(runs.training(), ranks=2,
                                                env=runs.faulty(f"MPI_Allreduce:fail:{number}:", rank))
                    self.assertEqual(result.code, 1, result)
                    self.assertEqual(len(result.lines), 1, result)
                    self.assertRegex(result.lines[0], rf"rank {rank} on \S+: MPI_Allreduce.* failed at \w+\.c:\d+: ")
                    self.assertNotIn("out.h5", os.listdir(self.folder))
                    self.assert_goes_on(ranks=2)
                    self.clear()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="psac") as place:
        runs.LAYER = shutil.copy(sys.argv[1], place)
        unittest.main(argv=sys.argv[:1] + sys.argv[2:])
