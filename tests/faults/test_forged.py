#!/usr/bin/env python3
"""Forged checkpoints, with valid checksums: values that no run can have written are refused, before they get into a run
file.

Usage: test_forged.py LAYER
"""
import os
import shutil
import struct
import sys
import tempfile
import unittest

import h5py
import numpy as np

import harness
import runs

WORD = 1 << 64


def mix(x):
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 % WORD
    x = (x ^ x >> 27) * 0x94d049bb133111eb % WORD
    return x ^ x >> 31


def checksum(array):
    """As docs/files.md has it: the sum over rows of a hash of the row's number and bytes."""
    total = 0
    for number, row in enumerate(array):
        value = mix((number + 0x9e3779b97f4a7c15) % WORD)
        data = np.ascontiguousarray(row).tobytes()
        for at in range(0, len(data), 8):
            value = mix(((value ^ int.from_bytes(data[at:at + 8], "little")) + 0x9e3779b97f4a7c15) % WORD)
        total = (total + value) % WORD
    return total - WORD if total >= WORD // 2 else total


def bits(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


POSITION, POINTS, OPEN = "training/position", "training/interval/points", "training/interval/open"
FORGERIES = [
    (POSITION, (0,), 7), (POSITION, (1,), -1), (POSITION, (2,), 1 << 40), (POSITION, (3,), 1 << 40),
    (POSITION, (3,), -1), (POSITION, (4,), 1), (POSITION, (4,), -1),
    (POINTS, (0, 0), 1 << 40), (POINTS, (0, 0), (1 << 64) - 1), (POINTS, (1, 0), 3), (POINTS, (0, 1), 0),
    (POINTS, (0, 1), 9), (POINTS, (0, 2), bits(1.5)), (POINTS, (0, 2), bits(-0.1)), (POINTS, (0, 2), bits(np.nan)),
    (POINTS, (0, 3), bits(np.inf)), (POINTS, (0, 4), bits(1e9)), (POINTS, (0, 5), bits(-1.0)),
    (POINTS, (1, 6), bits(np.nan)), (POINTS, (1, 7), bits(1e300)),
    (OPEN, (0,), 1 << 50), (OPEN, (1,), 1 << 50), (OPEN, (2,), 1 << 60), (OPEN, (4,), (1 << 64) - 5),
    (OPEN, (6,), bits(-1.0)),
    ("network/counters", (0,), -1), ("network/counters", (1,), 1 << 62), ("network/counters", (2,), -1),
    ("network/counters", (3,), 7),
    ("network/critic", (0,), np.nan), ("network/critic", (3,), -1.0), ("network/critic", (3,), 1e30),
    ("recording/trials", (0, 0), 0), ("recording/trials", (0, 1), 1 << 40), ("recording/trials", (0, 2), -1),
    ("recording/trials", (0, 3), 11), ("recording/trials", (0, 4), 10),
]


class Forged(runs.Runs):
    def setUp(self):
        super().setUp()
        result = self.start(ranks=1, env=runs.faulty("rename:term:7:.ckpt-", 0)).end()
        self.assertEqual(result.code, 75, result)
        self.name = self.checkpoints()[-1]
        shutil.copy(self.path(self.name), self.path("whole.h5"))

    def forge(self, name, place, value):
        shutil.copy(self.path("whole.h5"), self.path(self.name))
        with h5py.File(self.path(self.name), "r+") as file:
            # the program and this test compute the same checksum
            self.assertEqual(file[name].attrs["checksum"], checksum(file[name][...]), name)
            data = file[name][...]
            data[place] = np.array(value).astype(data.dtype) if not isinstance(value, int) else data.dtype.type(value)
            file[name][...] = data
            file[name].attrs["checksum"] = np.int64(checksum(data))

    def resume(self, ranks=1):
        return self.run_in_folder(runs.training("--resume", self.name), ranks=ranks)

    def test_what_no_run_can_have_written(self):
        for k, (name, place, value) in enumerate(FORGERIES):
            with self.subTest(name=name, place=place, value=value):
                self.forge(name, place, value)
                result = self.resume(ranks=2 if k % 6 == 0 else 1)
                self.assertEqual(result.code, 2, result)
                self.assertEqual(len(result.lines), 1, result)
                self.assertIn(self.name, result.lines[0])
                self.assertNotIn("out.h5", os.listdir(self.folder))
                self.assertNotIn("out.lock", os.listdir(self.folder))

    def test_a_checkpoint_that_was_only_rewritten(self):
        with h5py.File(self.path("whole.h5")) as file:
            epoch = int(file[POSITION][0])
        self.forge(POSITION, (0,), epoch)
        self.assertEqual(self.resume().code, 0)
        self.assertIsNone(runs.first_difference(self.reference(), self.path("out.h5")))


if __name__ == "__main__":
    harness.need_h5py()
    with tempfile.TemporaryDirectory(prefix="psac") as place:
        runs.LAYER = shutil.copy(sys.argv[1], place)
        unittest.main(argv=sys.argv[:1])
