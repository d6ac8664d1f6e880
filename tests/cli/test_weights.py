#!/usr/bin/env python3
"""evaluate with run files that are missing, damaged, or of another network."""
import os
import shutil
import unittest

import harness

h5py = harness.need_h5py()

import numpy  # h5py brings it
from mistakes import Mistakes

SMALL = ["--set", "middle_layer.num_neurons=100", "--set", "simulation.t_total=60", "--set", "simulation.t_skip=10",
         "--set", "training.num_epochs=1", "--set", "training.max_images=20", "--set", "evaluation.max_images=10"]
TO_OUTPUT, TO_CRITIC = "/weights/middle_to_output", "/weights/middle_to_critic"


def setUpModule():
    global RUN
    RUN = os.path.join(harness.FILES, "weights_to_damage.h5")
    harness.run_well(["train", "--data", harness.DIGITS, "--out", RUN, "--overwrite", "--progress", "none", *SMALL])


class Weights(Mistakes):
    def setUp(self):
        super().setUp()
        self.run_file = self.path("run.h5")
        shutil.copy(RUN, self.run_file)

    def evaluate(self, *more):
        return [
            "evaluate", "--weights", self.run_file, "--data", harness.DIGITS, "--out", "out.h5", "--progress", "none",
            *more]

    def refuse(self, *parts, arguments=(), **more):
        self.assert_refused(self.evaluate(*arguments), *parts, **more)

    def damage(self, change):
        with h5py.File(self.run_file, "r+") as file:
            change(file)

    def replace(self, name, **kind):
        def change(file):
            del file[name]
            file.create_dataset(name, **kind)
        self.damage(change)

    def test_the_undamaged_file_works(self):
        self.assert_works(self.evaluate())

    def test_no_weights_given(self):
        self.assert_refused(["evaluate", "--data", harness.DIGITS], "evaluate needs --weights")

    def test_a_missing_file_or_a_folder(self):
        os.unlink(self.run_file)
        self.refuse(self.run_file, "does not exist or is not a file")
        os.mkdir(self.run_file)
        self.refuse("does not exist or is not a file", ranks=(1,))

    def test_garbage(self):
        with open(self.run_file, "wb") as file:
            file.write(os.urandom(10000))
        self.refuse(self.run_file, "as an HDF5 file")

    def test_files_that_are_cut_off(self):
        whole = os.path.getsize(RUN)
        for size in (0, 7, 100, 2000, whole // 2, whole - 1):
            shutil.copy(RUN, self.run_file)
            os.truncate(self.run_file, size)
            self.refuse(self.run_file, "as an HDF5 file", ranks=(1, 3) if size == whole // 2 else (1,))

    def test_a_configuration_that_is_missing(self):
        self.damage(lambda file: file.attrs.__delitem__("configuration"))
        self.refuse("attribute configuration of / is missing")

    def test_a_configuration_that_is_damaged(self):
        self.damage(lambda file: file.attrs.__setitem__("configuration", numpy.bytes_("simulation:\n  sed: 1\n")))
        self.refuse(f"{self.run_file}:2", "simulation.sed is not a key")
        self.damage(lambda file: file.attrs.__setitem__("configuration", numpy.bytes_(b"\xff\xfe\x00")))
        self.refuse(self.run_file, ranks=(1,))
        self.damage(lambda file: file.attrs.__setitem__("configuration", 7))
        self.refuse("is not a fixed-length text", ranks=(1,))

    def test_missing_weights(self):
        self.damage(lambda file: file.__delitem__(TO_CRITIC))
        self.refuse(f"{TO_CRITIC} is missing")
        self.damage(lambda file: file.__delitem__("/weights"))
        self.refuse(f"{TO_OUTPUT} is missing", ranks=(1,))

    def test_weights_of_another_number_of_neurons(self):
        self.refuse("[100][10]", "[101][10]", arguments=("--set", "middle_layer.num_neurons=101"))
        self.refuse("[100][10]", "[100][12]", arguments=("--set", "output_layer.num_neurons=12"), ranks=(1,))

    def test_weights_of_another_shape_or_type(self):
        self.replace(TO_OUTPUT, data=numpy.zeros(1000, "f4"))
        self.refuse(TO_OUTPUT, "has 1 dimensions")
        self.replace(TO_OUTPUT, data=numpy.full((100, 10), b"x"))
        self.refuse(TO_OUTPUT, "does not hold numbers", ranks=(1,))
        self.replace(TO_OUTPUT, shape=(100, 10), dtype=numpy.dtype([("re", "f4"), ("im", "f4")]))
        self.refuse(TO_OUTPUT, "does not hold numbers", ranks=(1,))

    def test_weights_that_are_no_weights(self):
        for value in (numpy.nan, numpy.inf, -numpy.inf, 2.0, -2.1, 1e30):
            shutil.copy(RUN, self.run_file)
            self.damage(lambda file: file[TO_OUTPUT].__setitem__((97, 3), value))
            self.refuse("weight [97][3]", "is not in [-2, 2)", ranks=(1, 3) if numpy.isnan(value) else (1,))
        shutil.copy(RUN, self.run_file)
        self.damage(lambda file: file[TO_CRITIC].__setitem__((99, 19), numpy.nan))
        self.refuse("weight [99][19]", ranks=(3,))

    def test_weights_in_another_file(self):
        def link_to(link):
            def change(file):
                del file[TO_OUTPUT]
                file[TO_OUTPUT] = link
            shutil.copy(RUN, self.run_file)
            self.damage(change)
        link_to(h5py.ExternalLink(RUN, TO_OUTPUT))
        self.refuse(f"{TO_OUTPUT} is a link to somewhere else")
        link_to(h5py.SoftLink(TO_CRITIC))
        self.refuse(f"{TO_OUTPUT} is a link to somewhere else", ranks=(1,))

    def test_a_file_without_permission(self):
        os.chmod(self.run_file, 0)
        os.chmod(self.folder, 0o777)
        self.refuse(self.run_file, ranks=(1,), **harness.as_nobody())


if __name__ == "__main__":
    unittest.main()
