#!/usr/bin/env python3
"""What stands in a run file fits together: results with their parts, recorded spikes with decisions.

Usage: test_run_file.py RUN.h5

The run is that of small.yaml on the synthetic digits.
"""
import os
import struct
import sys
import unittest

import harness

h5py = harness.need_h5py()

import numpy as np  # h5py brings it

N, N_TRAIN, N_TEST, OUTPUTS, CRITICS, UNITS = 500, 130, 40, 10, 20, 196
DURATION, SKIP, EPOCHS = 300.0, 50.0, 2
RECORDED, RECORDED_OF_TEST = [0, 1, 17, 129], [2, 38]
N_RECORDED = len(RECORDED) * EPOCHS + len(RECORDED_OF_TEST)

LAYOUT = {  # path: (type, shape, units)
    "/evaluation/predictions": ("i4", (N_TEST,), None),
    "/evaluation/labels": ("i4", (N_TEST,), None),
    "/evaluation/output_counts": ("i4", (N_TEST, OUTPUTS), "spikes"),
    "/evaluation/confusion": ("i8", (10, OUTPUTS), "images"),
    "/weights/middle_to_output": ("f4", (N, OUTPUTS), "1"),
    "/weights/middle_to_critic": ("f4", (N, CRITICS), "1"),
    "/statistics/middle/mean_rate": ("f4", (N,), "Hz"),
    "/statistics/middle/isi_cv": ("f4", (N,), "1"),
    "/statistics/middle/rate_by_digit": ("f4", (N, 10), "Hz"),
    "/statistics/output/receptive_field": ("f4", (OUTPUTS, 14, 14), "current"),
    "/training/epoch/trials": ("i8", (EPOCHS,), "trials"),
    "/training/epoch/accuracy": ("f8", (EPOCHS,), "fraction"),
    "/training/epoch/rate_middle_exc": ("f8", (EPOCHS,), "Hz"),
    "/recording/label": ("i8", (N_RECORDED,), None),
}


def labels_of(name):
    with open(os.path.join(harness.DIGITS, name), "rb") as file:
        magic, n = struct.unpack(">2i", file.read(8))
        return np.frombuffer(file.read(), "u1")


class RunFile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.file = h5py.File(RUN, "r")

    @classmethod
    def tearDownClass(cls):
        cls.file.close()

    def read(self, path):
        return self.file[path][()]

    def test_datasets_have_their_types_shapes_and_units(self):
        for path, (kind, shape, units) in LAYOUT.items():
            with self.subTest(path=path):
                item = self.file[path]
                self.assertEqual((item.dtype, item.shape), (np.dtype(kind), shape))
                self.assertEqual(item.attrs.get("units"), units and units.encode())

    def test_attributes_say_what_was_run(self):
        attributes = self.file.attrs
        self.assertEqual(attributes["program"], b"psac_dist")
        self.assertEqual((attributes["ranks"], attributes["model"], attributes["transport"]), (1, b"psac", b"self"))
        self.assertRegex(attributes["start_time"].decode(), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertIn("small.yaml", attributes["command_line"].decode())
        self.assertIn("num_neurons: 500 ", attributes["configuration"].decode())
        self.assertEqual((attributes["magic"], list(attributes["version"])), (0x0a7a, [0, 1]))

    def test_decisions_are_the_outputs_that_spiked_most(self):
        self.assertTrue(
            (self.read("/evaluation/output_counts").argmax(axis=1) == self.read("/evaluation/predictions")).all())

    def test_accuracy_and_confusions_are_those_of_the_decisions(self):
        labels, predictions = self.read("/evaluation/labels"), self.read("/evaluation/predictions")
        expected = np.zeros((10, OUTPUTS), int)
        np.add.at(expected, (labels, predictions), 1)
        self.assertTrue((self.read("/evaluation/confusion") == expected).all())
        self.assertEqual(self.file["/evaluation"].attrs["accuracy"], (labels == predictions).mean())
        self.assertEqual(self.file["/evaluation"].attrs["images"], N_TEST)

    def test_weights_are_between_zero_and_one_and_have_changed(self):
        for path in ("/weights/middle_to_output", "/weights/middle_to_critic"):
            weights = self.read(path)
            self.assertTrue(((weights >= 0) & (weights <= 1)).all())
            self.assertGreater(weights.std(), 0.001)

    def test_mean_rates_are_those_of_the_digits_together(self):
        shown = np.bincount(self.read("/evaluation/labels"), minlength=10)
        together = np.nan_to_num(self.read("/statistics/middle/rate_by_digit")) @ shown / N_TEST
        self.assertTrue(np.allclose(together, self.read("/statistics/middle/mean_rate"), rtol=1e-5))

    def test_epochs_are_made_of_their_intervals(self):
        interval = {name: item[()] for name, item in self.file["/training/interval"].items()}
        epoch = {name: item[()] for name, item in self.file["/training/epoch"].items()}
        self.assertEqual(list(epoch["trials"]), [N_TRAIN, EPOCHS * N_TRAIN])
        weight = np.diff(interval["trials"], prepend=0)
        for number in (1, 2):
            own = interval["epoch"] == number
            for name in ("accuracy", "mean_abs_td_error", "rate_middle_exc", "rate_middle_inh", "rate_output",
                         "rate_critic"):
                mean = np.average(interval[name][own], weights=weight[own])
                self.assertAlmostEqual(mean, epoch[name][number - 1], places=9, msg=name)

    def test_recorded_trials_are_those_of_the_configuration(self):
        recording = {name: item[()] for name, item in self.file["/recording"].items()}
        self.assertEqual(list(recording["trial"]), RECORDED * EPOCHS + RECORDED_OF_TEST)
        self.assertEqual(list(recording["epoch"]),
                         [1] * len(RECORDED) + [2] * len(RECORDED) + [0] * len(RECORDED_OF_TEST))
        trained, tested = recording["epoch"] > 0, recording["epoch"] == 0
        labels = labels_of("train-labels-idx1-ubyte")
        self.assertTrue((recording["label"][trained] == labels[recording["image"][trained]]).all())
        self.assertTrue((recording["start_time"] == DURATION * np.arange(N_RECORDED)).all())
        self.assertEqual(list(recording["image"][tested]), RECORDED_OF_TEST)
        for name in ("labels", "predictions"):
            self.assertEqual(list(recording[name[:-1]][tested]),
                             list(self.read("/evaluation/" + name)[RECORDED_OF_TEST]))

    def spikes_of(self, population, n):
        """Spikes [recorded trial][step][neuron] of a population, with its order checked."""
        times, ids = self.read(f"/spikes/{population}/timestamps"), self.read(f"/spikes/{population}/node_ids")
        self.assertEqual((times.dtype, ids.dtype, times.shape), (np.dtype("f8"), np.dtype("u8"), ids.shape))
        self.assertTrue((np.lexsort((times, ids)) == np.arange(ids.size)).all(), population)
        steps = times.astype(int)
        self.assertTrue((steps == times).all())
        spikes = np.zeros((N_RECORDED * int(DURATION), n), int)
        np.add.at(spikes, (steps, ids.astype(int)), 1)
        self.assertLessEqual(spikes.max(), 1)
        return spikes.reshape(-1, int(DURATION), n)

    def test_recorded_output_spikes_led_to_the_recorded_decision(self):
        counts = self.spikes_of("output", OUTPUTS)[:, int(SKIP):].sum(axis=1)
        self.assertTrue((counts.argmax(axis=1) == self.read("/recording/prediction")).all())
        of_test = counts[-len(RECORDED_OF_TEST):]
        self.assertTrue((of_test == self.read("/evaluation/output_counts")[RECORDED_OF_TEST]).all())

    def test_recorded_neurons_keep_their_refractory_periods(self):
        for population, n, excitatory in (("middle", N, 400), ("output", OUTPUTS, OUTPUTS), ("critic", CRITICS,
                                                                                             CRITICS)):
            spikes = self.spikes_of(population, n)
            self.assertGreater(spikes.sum(), 0)
            self.assertEqual((spikes[:, 1:, :excitatory] & spikes[:, :-1, :excitatory]).sum(), 0, population)

    def test_irregularity_is_that_of_intervals_within_trials(self):
        spikes, seen = self.spikes_of("middle", N), []
        for neuron in range(N):
            intervals = [np.diff(np.flatnonzero(trial)) for trial in spikes[:, :, neuron]]
            pairs = [2 * abs(b - a) / (a + b) for train in intervals for a, b in zip(train[:-1], train[1:])]
            seen.append(np.mean(pairs) if pairs else np.nan)
        cv = self.read("/statistics/middle/isi_cv")
        self.assertTrue(((cv >= 0) & (cv < 2) | np.isnan(cv)).all())
        # The evaluation's trials are not recorded: other images, the same neurons.
        self.assertAlmostEqual(np.nanmean(cv), np.nanmean(seen), delta=0.1)

    def test_recorded_retina_spikes_have_the_rate_of_the_gain_control(self):
        mean = self.spikes_of("retina", UNITS).sum() / (N_RECORDED * DURATION)
        self.assertAlmostEqual(mean, 26 * 0.2, delta=5 * np.sqrt(26 * 0.2 / (N_RECORDED * DURATION)))


if __name__ == "__main__":
    RUN = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
