#!/usr/bin/env python3
"""The notebook's own algorithm in PyTorch (Debian: python3-torch), one thread: the reference of the benchmark.

Prints the seconds per training image (both passes) as its only output, or says on standard error why it cannot, exit
code 3.
Usage: notebook.py NUM_NEURONS NUM_IMAGES
"""
import sys
import time

try:
    import numpy as np
    import torch
except ImportError as missing:
    print(f"notebook.py: {missing} (Debian: python3-torch)", file=sys.stderr)
    sys.exit(3)


class Layer:
    def __init__(self, n, tau_m, refractory):
        self.tau_m, self.refractory, self.v = tau_m, refractory, torch.zeros(n)
        self.last_spike, self.counts = torch.full((n,), -1e6), torch.zeros(n)

    def update(self, t, dt, current):
        ok = (t - self.last_spike) >= self.refractory
        dv = torch.zeros_like(self.v)
        dv[ok] = (-self.v[ok] + current[ok]) * dt / self.tau_m[ok]
        self.v += dv
        spikes = self.v >= 18.0
        if spikes.any():
            self.last_spike[spikes] = t
            self.v[spikes] = 0.0
            self.counts[spikes] += 1
        return spikes.float()

    def reset(self):
        self.v.fill_(0.0)
        self.last_spike.fill_(-1e6)
        self.counts.zero_()


def mixed(n, excitatory, inhibitory):
    n_exc = int(n * 0.8)
    return torch.cat((torch.full((n_exc,), excitatory), torch.full((n - n_exc,), inhibitory)))


class Network:
    def __init__(self, n):
        self.middle = Layer(n, mixed(n, 20.0, 10.0), mixed(n, 2.0, 1.0))
        self.output = Layer(10, torch.full((10,), 20.0), torch.full((10,), 2.0))
        self.critic = Layer(20, torch.full((20,), 20.0), torch.full((20,), 2.0))
        self.weights = (torch.rand((n, 10)) < 0.2).float() * torch.normal(0.5, 0.1, (n, 10))
        self.last_value = 0.0

    def reset(self):
        for layer in (self.middle, self.output, self.critic):
            layer.reset()
        self.last_value = 0.0

    def run(self, spikes, reward, dt=1.0):
        counts = torch.zeros(10)
        for step in range(spikes.shape[1]):
            t = step * dt
            arriving = spikes[:, step].sum().item()
            middle = self.middle.update(t, dt, torch.full((self.middle.v.numel(),), arriving * 500.0))
            output = self.output.update(t, dt, (middle.unsqueeze(0) @ self.weights).squeeze(0) * 10.0)
            if t >= 200:
                counts += output
            self.critic.update(t, dt, torch.zeros(20))
            if middle.sum() > 0 and output.sum() > 0:
                value = self.critic.counts.mean().item()
                delta = reward + 0.99 * value - self.last_value
                self.last_value = value
                self.weights.add_(torch.ger(middle, output) * 0.001 * delta).clamp_(0, 1.0)
        return int(counts.argmax().item())


def main():
    n, images = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)
    network = Network(n)
    start = time.perf_counter()
    for _ in range(images):
        # 0.026 spikes per unit and step at 200 Hz; a quarter of it at the notebook's 50 Hz, on a digit's typical 26 lit
        # pixels
        probability = np.zeros(196)
        probability[rng.permutation(196)[:26]] = 0.05
        spikes = torch.tensor((rng.random((196, 1200)) < probability[:, None]).astype(np.float32))
        network.reset()
        prediction = network.run(spikes, 0.0)
        network.reset()
        network.run(spikes, 1.0 if prediction == 7 else -1.0)
    print((time.perf_counter() - start) / images)


if __name__ == "__main__":
    main()
