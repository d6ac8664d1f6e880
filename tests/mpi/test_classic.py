#!/usr/bin/env python3
"""configs/classic.yaml keeps its bits: a small training has the results that it had when its arithmetic was settled.

A change that fails here changes results of published configurations: it takes a new PSAC_ARITHMETIC_VERSION
(kernels/shard.h), new checksums here, and a line in the notes of the version. Usage: test_classic.py
"""
import hashlib
import os
import re
import subprocess
import unittest

import harness

h5py = harness.need_h5py()

ARITHMETIC = 2
CHECKSUMS = {
    "/weights/middle_to_output": "3f0475d0b7ae7aec",
    "/weights/middle_to_critic": "273c3b593a2588a1",
    "/evaluation/output_counts": "e8c13f7ba544b492",
    "/statistics/middle/rate_by_digit": "bca3eaae4738397d",
    "/spikes/middle/node_ids": "af95349541ae85d4",
    "/spikes/middle/timestamps": "e2273773254e7719",
}


def keys_of(text):
    """section.key of every line of a configuration as the program prints it."""
    keys, section = [], None
    for line in text.splitlines():
        found = re.match(r"( *)(\w+):", line)
        if found and not found[1]:
            section = found[2]
        elif found:
            keys.append(f"{section}.{found[2]}")
    return sorted(keys)


class Classic(unittest.TestCase):
    def test_results_have_not_changed(self):
        out = os.path.join(harness.FILES, "classic.h5")
        settings = {"middle_layer.num_neurons": 2000, "training.num_epochs": 2, "simulation.t_total": 600,
                    "record.test_trials": "[3]"}
        subprocess.run([
            harness.PROGRAM, "train", "--config", "classic", "--backend", "cpu", "--data", harness.DIGITS, "--out", out,
            "--overwrite", "--progress", "none", *(word for key, value in settings.items()
                                                   for word in ("--set", f"{key}={value}"))], check=True,
                       stdout=subprocess.DEVNULL)
        with h5py.File(out) as file:
            self.assertEqual(file.attrs["arithmetic_version"], ARITHMETIC)
            found = {path: hashlib.sha256(file[path][()].tobytes()).hexdigest()[:16] for path in CHECKSUMS}
        self.assertEqual(found, CHECKSUMS)


    def test_every_key_is_spelled_out(self):
        resolved = subprocess.run([harness.PROGRAM, "config"], check=True, capture_output=True, text=True).stdout
        source = os.path.join(os.path.dirname(__file__), "..", "..", "configs", "classic.yaml")
        with open(source) as file:
            self.assertEqual(keys_of(file.read()), keys_of(resolved))


if __name__ == "__main__":
    unittest.main()
