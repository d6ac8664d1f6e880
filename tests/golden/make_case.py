#!/usr/bin/env python3
"""Makes a fresh case: random retina spikes and weights, and what the notebook's own algorithm does with them.

Cells 3 to 6 of the notebook in numpy, operation by operation in float32, independent of the program. One thing is left
open by the notebook, the order in which PyTorch sums a column of weights; here the sum is exact before it is rounded. A
spike that depends on such a last bit is no test of anything, so a case with a potential closer than --margin to the
threshold is thrown away, and one without any output spike too; then the next seed is tried.
"""
import argparse
import sys

import harness

h5py = harness.need_h5py()

import numpy as np  # h5py brings it

ATTEMPTS = 20
V_REST, V_THRESH, V_RESET = 0.0, 18.0, 0.0
OUTPUTS, CRITICS, SIDE, POOL = 10, 20, 28, 2
GAMMA, RATE_SCALING = 0.99, 50.0
f32 = np.float32


class Layer:
    def __init__(self, n, tau_m, refractory):
        self.tau_m, self.refractory = np.broadcast_to(f32(tau_m), n), np.broadcast_to(f32(refractory), n)
        self.margin = np.inf  # the closest that a potential ever came to the threshold
        self.v, self.last_spike, self.counts = np.empty(n, f32), np.empty(n, f32), np.empty(n, f32)
        self.reset()

    def reset(self):
        self.v.fill(V_REST), self.last_spike.fill(-1e6), self.counts.fill(0)

    def update(self, t, dt, current):
        ok = (f32(t) - self.last_spike) >= self.refractory
        dv = np.zeros_like(self.v)
        dv[ok] = (-self.v[ok] + current[ok]) * f32(dt) / self.tau_m[ok]
        self.v += dv
        self.margin = min(self.margin, float(np.abs(self.v.astype(float) - V_THRESH).min()))
        spikes = self.v >= f32(V_THRESH)
        if spikes.any():
            self.last_spike[spikes] = t
            self.v[spikes] = V_RESET
            self.counts[spikes] += 1
        return spikes.astype(f32)


class ActorCritic:
    def __init__(self):
        self.layer, self.last_value = Layer(CRITICS, 20.0, 2.0), 0.0

    def update(self, reward):
        value = float(self.layer.counts.mean())
        delta = reward + GAMMA * value - self.last_value
        self.last_value = value
        return delta

    def simulate(self, t, dt):
        self.layer.update(t, dt, np.zeros(CRITICS, f32))

    def reset(self):
        self.layer.reset()
        self.last_value = 0.0


class Network:
    def __init__(self, options, weights):
        n = options.neurons
        is_exc = np.arange(n) < int(n * 0.8)
        self.options, self.w = options, weights.copy()
        self.middle = Layer(n, np.where(is_exc, 20.0, 10.0), np.where(is_exc, 2.0, 1.0))
        self.output, self.critic = Layer(OUTPUTS, 20.0, 2.0), ActorCritic()

    def reset(self):
        for part in (self.middle, self.output, self.critic):
            part.reset()

    def margin(self):
        return min(self.middle.margin, self.output.margin, self.critic.layer.margin)

    def run(self, spikes, reward):
        """One pass; its results under the names of a case file."""
        options, dt, steps = self.options, self.options.dt, spikes.shape[1]
        counts = np.zeros(OUTPUTS, f32)
        per_step = np.zeros((2, steps), np.int32)
        for step in range(steps):
            t = step * dt
            arriving = float(spikes[:, step].sum())
            middle = self.middle.update(t, dt, np.full(options.neurons, arriving * 500.0, f32))
            drive = (middle.astype(float) @ self.w.astype(float)).astype(f32) * f32(10.0)
            output = self.output.update(t, dt, drive)
            if t >= options.skip:
                counts += output
            self.critic.simulate(t, dt)
            if middle.sum() > 0 and output.sum() > 0:
                delta = self.critic.update(reward)
                self.w += np.outer(middle, output) * f32(options.rate) * f32(delta)
                self.w.clip(0, 1, out=self.w)
            per_step[:, step] = middle.sum(), output.sum()
        return {"prediction": int(counts.argmax()), "reward": reward, "output_counts": counts,
                "middle_spikes_per_step": per_step[0], "output_spikes_per_step": per_step[1],
                "weights_after_sum": float(self.w.sum(dtype=float))}


def process_image(image):
    pooled = np.zeros((SIDE // POOL, SIDE // POOL), f32)
    for i in range(pooled.shape[0]):
        for j in range(pooled.shape[1]):
            pooled[i, j] = image[i * POOL:i * POOL + POOL, j * POOL:j * POOL + POOL].mean()
    return pooled / f32(255.0)


def make_spikes(options, rates, rng):
    shape = rates.size, int(options.total / options.dt)
    if options.retina != "drawn":
        return np.full(shape, options.retina == "saturated", np.uint8)
    probability = rates.astype(float).ravel() * RATE_SCALING * options.dt / 1000.0
    return (rng.random(shape) < probability[:, None]).astype(np.uint8)


def make_weights(options, rng):
    shape = options.neurons, OUTPUTS
    weights = ((rng.random(shape) < options.density) * rng.normal(0.5, 0.1, shape)).astype(f32)
    if options.weights == "strong":  # few neurons drive an output to its threshold
        weights = rng.normal(1.9, 0.05, shape).clip(0, 1.99).astype(f32)
    if options.weights == "outside":
        weights.flat[::3], weights.flat[1::7] = -0.01, 1.02
    if options.weights == "unreachable":  # the label's output has no synapse
        weights[:, OUTPUTS - 1] = 0
    return weights


def make_presentations(options, network, rng):
    for _ in range(options.presentations):
        image = np.zeros((SIDE, SIDE), np.uint8)
        y, x = rng.integers(2, 14, 2)
        image[y:y + 12, x:x + 12] = (rng.random((12, 12)) * 255 * options.brightness).astype(np.uint8)
        rates = process_image(image)
        spikes = make_spikes(options, rates, rng)
        network.reset()
        first = network.run(spikes, 0.0)
        rewarded = rng.random() < options.rewarded  # the label is chosen so, or there would hardly be a reward
        label = first["prediction"] if rewarded else int(rng.integers(OUTPUTS))
        if options.weights == "unreachable":
            label = OUTPUTS - 1
        network.reset()
        second = network.run(spikes, 1.0 if first["prediction"] == label else -1.0)
        yield {
            "label": label, "image": image, "retina_rates": rates, "retina_spikes": spikes, "passes": (first, second),
            "weights_after": network.w.copy()}


def write(options, weights, presentations):
    whole = lambda ms: int(ms) if ms == int(ms) else ms
    with h5py.File(options.out, "w") as file:
        file.attrs.update(source="tests/golden/make_case.py", num_neurons=options.neurons, dt=float(options.dt),
                          t_total=whole(options.total), t_skip=whole(options.skip), learning_rate=float(options.rate))
        file["weights_initial"] = weights
        for k, presentation in enumerate(presentations):
            group = file.create_group(f"presentation_{k:03d}")
            group.attrs["label"] = presentation["label"]
            for name in ("image", "retina_rates", "retina_spikes", "weights_after"):
                group[name] = presentation[name]
            for number, results in enumerate(presentation["passes"], start=1):
                part = group.create_group(f"pass_{number}")
                for name, value in results.items():
                    if name in ("prediction", "reward"):
                        part.attrs[name] = value
                    else:
                        part[name] = value


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out")
    parser.add_argument("--neurons", type=int, default=50)
    parser.add_argument("--total", type=float, default=200.0, help="ms")
    parser.add_argument("--skip", type=float, default=50.0, help="ms")
    parser.add_argument("--dt", type=float, default=1.0, help="ms")
    parser.add_argument("--rate", type=float, default=0.001, help="learning rate")
    parser.add_argument("--density", type=float, default=0.5, help="probability of a synapse")
    parser.add_argument("--brightness", type=float, default=0.6, help="0 to 1")
    parser.add_argument("--presentations", type=int, default=3)
    parser.add_argument("--rewarded", type=float, default=0.5, help="probability of a reward")
    parser.add_argument("--margin", type=float, default=1e-4, help="mV between any potential and the threshold")
    parser.add_argument("--retina", choices=("drawn", "silent", "saturated"), default="drawn")
    parser.add_argument("--weights", choices=("drawn", "strong", "outside", "unreachable"), default="drawn")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def fault_of(options, network, presentations):
    """Why the case tests nothing; None if it does."""
    if network.margin() <= options.margin:
        return f"a potential comes within {network.margin():.2g} mV of the threshold"
    spikes = sum(results["output_spikes_per_step"].sum() for each in presentations for results in each["passes"])
    if spikes == 0 and options.retina != "silent":
        return "no output neuron ever spikes"
    return None


def main():
    options = arguments()
    for seed in range(options.seed, options.seed + ATTEMPTS):
        rng = np.random.default_rng(seed)
        weights = make_weights(options, rng)
        network = Network(options, weights)
        presentations = list(make_presentations(options, network, rng))
        fault = fault_of(options, network, presentations)
        if not fault:
            write(options, weights, presentations)
            for each in presentations:
                print(
                    f"label {each['label']}:",
                    *(f"reward {p['reward']:g}, {p['output_spikes_per_step'].sum()} output spikes,"
                      f" weights {p['weights_after_sum']:.4f};" for p in each["passes"]))
            return 0
        print(f"seed {seed}: {fault}; trying the next")
    return 1


if __name__ == "__main__":
    sys.exit(main())
