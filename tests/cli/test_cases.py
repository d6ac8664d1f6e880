#!/usr/bin/env python3
"""replay with cases that are missing, damaged or impossible."""
import os
import shutil
import subprocess
import sys
import unittest

import harness

h5py = harness.need_h5py()

import numpy  # h5py brings it
from mistakes import Mistakes

MAKE_CASE = os.path.join(os.path.dirname(__file__), "..", "golden", "make_case.py")
SPIKES = "/presentation_001/retina_spikes"


def setUpModule():
    global CASE
    CASE = os.path.join(harness.FILES, "case_to_damage.h5")
    subprocess.run([sys.executable, MAKE_CASE, CASE], check=True, stdout=subprocess.DEVNULL)


class Cases(Mistakes):
    def setUp(self):
        super().setUp()
        self.case = self.path("case.h5")
        shutil.copy(CASE, self.case)

    def refuse(self, *parts, arguments=(), **more):
        self.assert_refused(["replay", "--case", self.case, "--out", "out.h5", *arguments], *parts, **more)

    def damage(self, change):
        with h5py.File(self.case, "r+") as file:
            change(file)

    def with_attribute(self, name, value, owner="/"):
        shutil.copy(CASE, self.case)
        self.damage(lambda file: file[owner].attrs.__setitem__(name, value))

    def replace(self, name, data):
        def change(file):
            del file[name]
            file[name] = data
        shutil.copy(CASE, self.case)
        self.damage(change)

    def test_no_case_or_no_output_given(self):
        self.assert_refused(["replay", "--out", "out.h5"], "replay needs --case")
        self.assert_refused(["replay", "--case", self.case], "replay needs --out")

    def test_a_missing_file_a_folder_and_garbage(self):
        os.unlink(self.case)
        self.refuse(self.case, "does not exist or is not a file")
        os.mkdir(self.case)
        self.refuse("does not exist or is not a file", ranks=(1,))
        os.rmdir(self.case)
        with open(self.case, "wb") as file:
            file.write(os.urandom(10000))
        self.refuse("as an HDF5 file")

    def test_what_is_no_part_of_a_case(self):
        def add(file):
            file["presentation_000/notes"] = [1]
        self.damage(add)
        self.refuse("/presentation_000 has", "allowed: retina_spikes")

    def test_a_pipe(self):
        os.unlink(self.case)
        os.mkfifo(self.case)
        self.refuse("does not exist or is not a file", ranks=(1,))

    def test_files_that_are_cut_off(self):
        whole = os.path.getsize(CASE)
        for size in (0, 500, whole // 2, whole - 1):
            shutil.copy(CASE, self.case)
            os.truncate(self.case, size)
            self.refuse("as an HDF5 file", ranks=(1, 3) if size == whole // 2 else (1,))

    def test_missing_attributes(self):
        for name in ("num_neurons", "t_total", "t_skip", "learning_rate"):
            shutil.copy(CASE, self.case)
            self.damage(lambda file: file.attrs.__delitem__(name))
            self.refuse(f"attribute {name} of / is missing", ranks=(1, 3) if name == "t_skip" else (1,))
        shutil.copy(CASE, self.case)
        self.damage(lambda file: file["/presentation_002"].attrs.__delitem__("label"))
        self.refuse("attribute label of /presentation_002 is missing", ranks=(3,))

    def test_impossible_attributes(self):
        for name, value in (("num_neurons", 0), ("num_neurons", -5), ("num_neurons", 51), ("num_neurons", 10**15),
                            ("t_total", 0.0), ("t_total", -1.0), ("t_total", 1e300), ("t_total", numpy.nan),
                            ("t_skip", 1e6), ("learning_rate", -1.0), ("learning_rate", numpy.inf),
                            ("dt", 0.0), ("dt", numpy.nan)):
            self.with_attribute(name, value)
            self.refuse(self.case if name != "t_skip" else "t_skip", ranks=(1,))
        self.with_attribute("num_neurons", numpy.arange(3))
        self.refuse("is not one number")

    def test_more_ranks_than_neurons(self):
        self.with_attribute("num_neurons", 2)
        self.refuse("2 is less than the 3 ranks", ranks=(3,))

    def test_labels_that_are_no_digits(self):
        for label in (-1, 10, 2**40):
            self.with_attribute("label", label, "/presentation_001")
            self.refuse(f"label {label}", "0 to 9", ranks=(1, 3) if label == 10 else (1,))

    def test_no_presentation(self):
        self.damage(lambda file: [file.__delitem__(f"/presentation_00{k}") for k in range(3)])
        self.refuse("presentation_000")

    def test_spikes_that_are_missing_or_no_spikes(self):
        self.replace(SPIKES, numpy.full((196, 200), 2, "u1"))
        self.refuse(SPIKES, "holds 2 at [0][0]", "0 (no spike) and 1 (spike)")
        self.replace(SPIKES, numpy.zeros((196, 199), "u1"))
        self.refuse(SPIKES, "[196][199]", "[196][200]")
        self.replace(SPIKES, numpy.zeros(196 * 200, "u1"))
        self.refuse(SPIKES, "has 1 dimensions", ranks=(1,))
        self.replace(SPIKES, numpy.full((196, 200), b"x"))
        self.refuse(SPIKES, "does not hold numbers", ranks=(1,))
        self.damage(lambda file: file.__delitem__(SPIKES))
        self.refuse(SPIKES, "is missing", ranks=(1,))

    def test_spikes_of_another_type_must_be_zero_or_one_too(self):
        for value in (0.5, 256.0, -1.0):
            self.replace(SPIKES, numpy.full((196, 200), value, "f4"))
            self.refuse(SPIKES, ranks=(1,))

    def test_whole_numbers_must_be_whole(self):
        self.with_attribute("num_neurons", 50.5)
        self.refuse("num_neurons", ranks=(1,))
        self.with_attribute("label", 3.5, "/presentation_001")
        self.refuse("label", ranks=(1,))

    def test_an_image_of_another_size(self):
        self.replace("/presentation_000/image", numpy.zeros((20, 20), "u1"))
        self.refuse("/presentation_000/image", "[20][20]", ranks=(1,))

    def test_weights_that_are_no_weights(self):
        for value in (numpy.nan, numpy.inf, 2.0, -2.5):
            shutil.copy(CASE, self.case)
            self.damage(lambda file: file["/weights_initial"].__setitem__((49, 9), value))
            self.refuse("weight [49][9]", ranks=(1, 3) if numpy.isnan(value) else (1,))

    def test_the_network_that_learns_cannot_be_replayed(self):
        self.refuse("network.model = psac cannot be replayed", arguments=("--config", "psac"))


if __name__ == "__main__":
    unittest.main()
