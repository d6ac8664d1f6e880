#!/usr/bin/env python3
"""Compares two run files bit for bit: every dataset except the times, and every attribute that may not depend on how
it was run.

Prints the first difference and ends with 1.

Usage: compare_runs.py A.h5 B.h5 [GROUP...], with groups only these are compared.
"""
import sys

import harness

h5py = harness.need_h5py()

import numpy  # h5py brings it

TIMES = "/timing"
CIRCUMSTANCES = {
    "command_line", "start_time", "end_time", "ranks", "replicas", "transport", "backend", "program_version",
    "git_revision"}
WITHOUT_EFFECT = ("trials_together:", "steps_per_reduce:", "cuda_graph:", "launch_per:",  # keys of the configuration
                  "seconds:", "minutes:", "every:", "keep:")


def objects_of(file, groups):
    """{path: object} of everything that is compared."""
    found = {"/": file}
    file.visititems(lambda name, item: found.__setitem__("/" + name, item))
    wanted = tuple(groups) or ("/",)
    return {path: item for path, item in found.items() if path.startswith(wanted) and not path.startswith(TIMES)}


def configuration(text):
    """The lines of a configuration that can change a result."""
    text = text.decode() if isinstance(text, bytes) else text
    return [line for line in text.splitlines() if not line.strip().startswith(WITHOUT_EFFECT)]


def differing_attribute(path, a, b):
    names = (set(a.attrs) | set(b.attrs)) - CIRCUMSTANCES
    for name in sorted(names):
        if name not in a.attrs or name not in b.attrs:
            return f"attribute {name} of {path} is in one file only"
        left, right = a.attrs[name], b.attrs[name]
        if name == "configuration":
            left, right = configuration(left), configuration(right)
            both = [pair for pair in zip(left, right) if pair[0] != pair[1]]
            if both or len(left) != len(right):
                return f"the configurations differ: {both[:1] or 'one is longer'}"
        elif numpy.asarray(left).dtype != numpy.asarray(right).dtype or not numpy.array_equal(left, right):
            return f"attribute {name} of {path}: {left!r} and {right!r}"
    return None


def differing_element(path, a, b):
    if (a.dtype, a.shape) != (b.dtype, b.shape):
        return f"{path} is {a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}"
    left, right = numpy.atleast_1d(a[()]), numpy.atleast_1d(b[()])
    if left.tobytes() == right.tobytes():  # so that NaN equals NaN, and 0 differs from -0
        return None
    bytes_of = lambda array: numpy.ascontiguousarray(array).view(numpy.uint8).reshape(left.size, -1)
    first = numpy.flatnonzero((bytes_of(left) != bytes_of(right)).any(axis=1))[0]
    place = [int(k) for k in numpy.unravel_index(first, left.shape)]
    return f"{path}{place}: {left[tuple(place)]!r} and {right[tuple(place)]!r}"


def first_difference(path_a, path_b, groups=()):
    """One line about the first difference, None if there is none."""
    with h5py.File(path_a, "r") as file_a, h5py.File(path_b, "r") as file_b:
        a, b = objects_of(file_a, groups), objects_of(file_b, groups)
        if not any(isinstance(item, h5py.Dataset) for item in a.values()):
            return f"{path_a} has nothing to compare"
        for path in sorted(a.keys() | b.keys()):
            if path not in a or path not in b:
                return f"{path} is in one file only"
            difference = differing_attribute(path, a[path], b[path])
            if not difference and isinstance(a[path], h5py.Dataset):
                difference = differing_element(path, a[path], b[path])
            if difference:
                return difference
    return None


if __name__ == "__main__":
    verdict = first_difference(sys.argv[1], sys.argv[2], sys.argv[3:])
    print(verdict or "no difference")
    sys.exit(verdict is not None)
