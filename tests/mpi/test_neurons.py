#!/usr/bin/env python3
"""The middle layer's recorded spikes are those of an independent simulation of the neuron model, exactly.

With one current for each retina spike and no recurrence, the recorded retina determines every neuron's input.
Usage: test_neurons.py
"""
import os
import subprocess
import unittest

import harness

h5py = harness.need_h5py()

import numpy as np  # h5py brings it

F = np.float32
N, STEPS, CURRENT, THRESH, RESET, REST = 20, 400, 90, 18.0, -2.0, 1.0


def simulate(currents, tau_m, refractory, adapts, tau_adapt, increment, dt):
    """Spikes [steps] of one neuron, in float32 like the program; currents [steps]."""
    decay, v, a, free_at = F(np.exp(-dt / tau_adapt)), F(REST), F(0.0), 0
    spikes = np.zeros(len(currents), bool)
    for t, current in enumerate(currents):
        if t >= free_at:
            v = v + (F(current) - v) * F(dt / tau_m)
        spikes[t] = v >= F(THRESH) + a
        if spikes[t]:
            v, free_at = F(RESET), t + max(1, int(np.ceil(refractory / dt)))
        if adapts:
            a = a * decay + (F(increment) if spikes[t] else F(0.0))
    return spikes


class Neurons(unittest.TestCase):
    def run_network(self, *settings):
        out = os.path.join(harness.FILES, "neurons.h5")
        fixed = {"receptive_field.norm": 0, "network.uniform_current": CURRENT, "recurrence.in_degree": 0,
                 "middle_layer.num_neurons": N, "simulation.t_total": STEPS, "training.num_epochs": 0,
                 "evaluation.max_images": 3, "record.trials": "[]", "record.test_trials": "[2]",
                 "neuron.v_thresh": THRESH, "neuron.v_reset": RESET, "neuron.v_rest": REST, "output_layer.v_floor": -20,
                 "actor_critic.v_floor": -20, "retina.spike_rate_scaling": 60, "training.max_images": 1}
        pairs = [f"{key}={value}" for key, value in fixed.items()] + list(settings)
        arguments = [argument for pair in pairs for argument in ("--set", pair)]
        subprocess.run([
            harness.PROGRAM, "train", "--data", harness.DIGITS, "--out", out, "--overwrite", "--progress", "none",
            *arguments], check=True, stdout=subprocess.DEVNULL)
        with h5py.File(out) as file:
            start = file["recording/start_time"][0]
            trains = {}
            for name, n in (("retina", 196), ("middle", N)):
                group = file[f"spikes/{name}"]
                trains[name] = (group["timestamps"][:] - start, group["node_ids"][:].astype(int), n)
        return trains

    def compare(self, adapts, *settings, dt=1.0, tau_adapt=200.0, increment=1.0):
        trains = self.run_network(*settings, f"simulation.dt={dt}")
        n_steps = int(STEPS / dt)
        count = {}
        for name, (times, ids, n) in trains.items():
            count[name] = np.zeros((n, n_steps), bool)
            count[name][ids, np.rint(times / dt).astype(int)] = True
        currents = CURRENT * count["retina"].sum(0)
        n_spikes = 0
        for i in range(N):
            exc = i < int(N * 0.8)
            expected = simulate(currents, 20.0 if exc else 10.0, 2.0 if exc else 1.0, adapts, tau_adapt, increment, dt)
            np.testing.assert_array_equal(count["middle"][i], expected)
            n_spikes += expected.sum()
        self.assertGreater(n_spikes, 100)
        return n_spikes

    def test_leaky_integrate_and_fire(self):
        self.compare(False)
        self.compare(False, dt=0.5)

    def test_adaptive_threshold(self):
        n_lif, n_alif = self.compare(False), self.compare(True, "middle_layer.neuron=alif")
        self.assertLess(n_alif, 0.95 * n_lif)
        self.compare(True, "middle_layer.neuron=alif", "middle_layer.tau_adapt=30", "middle_layer.adapt_increment=0.37",
                     tau_adapt=30.0, increment=0.37, dt=0.5)

    def test_an_increment_of_zero_changes_nothing(self):
        none = self.run_network("middle_layer.neuron=alif", "middle_layer.adapt_increment=0")
        plain = self.run_network()
        for name in plain:
            for a, b in zip(none[name][:2], plain[name][:2]):
                np.testing.assert_array_equal(a, b)


if __name__ == "__main__":
    unittest.main()
