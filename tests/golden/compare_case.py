#!/usr/bin/env python3
"""Compares a replayed case with what the notebook did: all values, types and attributes are the same.

Only sums of weights are compared to their rounding.

Prints the first difference and ends with 1. Usage: compare_case.py EXPECTED.h5 ACTUAL.h5
"""
import sys

import harness

h5py = harness.need_h5py()

import numpy  # h5py brings it

SUM_TOLERANCE = 2.0**-37  # of one weight in a sum of weights, which the program adds in steps of 2^-36
MAKER = "source"         # the attribute that names who made the file


def objects_of(file):
    found = {"/": file}
    file.visititems(lambda name, item: found.__setitem__("/" + name, item))
    return found


def tolerance_of(path, expected):
    return SUM_TOLERANCE * expected.file["weights_initial"].size if path.endswith("/weights_after_sum") else 0.0


def differing_attribute(path, expected, actual):
    left, right = dict(expected.attrs), dict(actual.attrs)
    left.pop(MAKER, None), right.pop(MAKER, None)
    if left.keys() != right.keys():
        return f"{path} has the attributes {sorted(right)}, expected {sorted(left)}"
    for name, value in left.items():
        if (value.dtype, value) != (right[name].dtype, right[name]):
            return f"attribute {name} of {path} is {right[name]!r}, expected {value!r}"
    return None


def differing_element(path, expected, actual):
    if (expected.dtype, expected.shape) != (actual.dtype, actual.shape):
        return f"{path} is {actual.dtype}{actual.shape}, expected {expected.dtype}{expected.shape}"
    left, right = numpy.atleast_1d(expected[()]), numpy.atleast_1d(actual[()])
    distance = numpy.abs(right.astype(float) - left.astype(float))
    wrong = numpy.flatnonzero(~(distance <= tolerance_of(path, expected)).ravel())  # a NaN is wrong
    if wrong.size == 0:
        return None
    place = numpy.unravel_index(wrong[0], left.shape)
    return (f"{path}{[int(k) for k in place]} is {right[place]!r}, expected {left[place]!r}; "
            f"{wrong.size} of {left.size} differ")


def first_difference(path_expected, path_actual):
    """One line about the first difference, None if there is none."""
    with h5py.File(path_expected, "r") as file_expected, h5py.File(path_actual, "r") as file_actual:
        expected, actual = objects_of(file_expected), objects_of(file_actual)
        if expected.keys() != actual.keys():
            return f"in one file only: {sorted(expected.keys() ^ actual.keys())[0]}"
        for path, item in expected.items():
            difference = differing_attribute(path, item, actual[path])
            if not difference and isinstance(item, h5py.Dataset):
                difference = differing_element(path, item, actual[path])
            if difference:
                return difference
    return None


if __name__ == "__main__":
    verdict = first_difference(*sys.argv[1:])
    print(verdict or "no difference")
    sys.exit(verdict is not None)
