#!/usr/bin/env python3
"""Sets of digits that are missing, damaged or of another size."""
import gzip
import os
import shutil
import struct
import unittest

import harness
from make_digits import make_digits
from mistakes import Mistakes

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


class Digits(Mistakes):
    def setUp(self):
        super().setUp()
        self.data = self.path("digits")
        make_digits(self.data, 5, 5)

    def read(self, name):
        with open(os.path.join(self.data, name), "rb") as file:
            return file.read()

    def write(self, name, data):
        with open(os.path.join(self.data, name), "wb") as file:
            file.write(data)

    def refuse(self, *parts, arguments=(), ranks=(1, 3), **more):
        self.assert_refused(["train", "--data", self.data, "--out", "out.h5", *arguments], *parts, ranks=ranks, **more)

    def test_a_missing_folder(self):
        shutil.rmtree(self.data)
        self.refuse(self.data, "tools/get_mnist")

    def test_a_file_in_place_of_the_folder(self):
        shutil.rmtree(self.data)
        with open(self.data, "w"):
            pass
        self.refuse(self.data, ranks=(1,))

    def test_a_missing_file(self):
        os.unlink(os.path.join(self.data, LABELS))
        self.refuse(LABELS, "tools/get_mnist")

    def test_a_missing_test_set(self):
        os.unlink(os.path.join(self.data, "t10k-images-idx3-ubyte.gz"))
        self.refuse("t10k-images-idx3-ubyte", "tools/get_mnist", ranks=(1,))

    def test_images_that_are_cut_off(self):
        self.write(IMAGES, self.read(IMAGES)[:-1])
        self.refuse(IMAGES, "ends after")

    def test_an_empty_file(self):
        self.write(LABELS, b"")
        self.refuse(LABELS, "ends after 0 bytes", ranks=(1,))

    def test_images_that_go_on(self):
        self.write(IMAGES, self.read(IMAGES) + b"x")
        self.refuse(IMAGES, "goes on after", ranks=(1,))

    def test_a_header_of_something_else(self):
        self.write(IMAGES, b"\x89PNG" + self.read(IMAGES)[4:])
        self.refuse(IMAGES, "should start with", ranks=(1,))

    def test_a_header_that_promises_terabytes(self):
        self.write(IMAGES, struct.pack(">4I", 0x803, 0xffffffff, 28, 28))
        self.write(LABELS, struct.pack(">2I", 0x801, 0xffffffff))
        self.refuse(IMAGES, "ends after", ranks=(1,))

    def test_no_images(self):
        self.write(IMAGES, struct.pack(">4i", 0x803, 0, 28, 28))
        self.write(LABELS, struct.pack(">2i", 0x801, 0))
        self.refuse("0 images")

    def test_labels_above_nine(self):
        self.write(LABELS, self.read(LABELS)[:-1] + b"\x0a")
        self.refuse(LABELS, "label 10 at index 4")

    def test_different_numbers_of_images_and_labels(self):
        self.write(LABELS, struct.pack(">2i", 0x801, 4) + bytes(4))
        self.refuse("5 images", "4 labels", ranks=(1,))

    def test_images_of_another_size(self):
        shutil.rmtree(self.data)
        make_digits(self.data, 5, 5, side=20)
        self.refuse("20 x 20 pixels", "retina.input_size = [28, 28]")

    def test_a_test_set_of_another_size(self):
        make_digits(self.path("smaller"), 5, 5, side=20)
        for name in os.listdir(self.path("smaller")):
            if name.startswith("t10k"):
                shutil.copy(self.path("smaller", name), self.data)
        self.refuse("20 x 20 pixels", ranks=(1,))

    def test_gzip_that_is_cut_off_or_damaged(self):
        os.unlink(os.path.join(self.data, IMAGES))
        packed = gzip.compress(bytes(100))
        for data, part in ((packed[:-9], "cut off"), (packed[:-8] + b"12345678", IMAGES),
                           (b"\x1f\x8b" + os.urandom(50), IMAGES)):
            self.write(IMAGES + ".gz", data)
            self.refuse(IMAGES + ".gz", ranks=(1,))

    def test_gzip_with_something_after_it(self):
        plain = self.read(IMAGES)
        os.unlink(os.path.join(self.data, IMAGES))
        # several members are one file
        parts = gzip.compress(plain[:70]) + gzip.compress(b"") + gzip.compress(plain[70:])
        small = ["--set", "middle_layer.num_neurons=20", "--set", "training.num_epochs=1",
                 "--set", "simulation.t_total=50", "--set", "simulation.t_skip=0"]
        self.write(IMAGES + ".gz", parts)
        self.assert_works(["train", "--data", self.data, "--out", "out.h5", *small])
        for more in (b"x", b"\x1f", b"\0" * 5, b"garbage of some length" * 9000):
            self.write(IMAGES + ".gz", parts + more)
            self.assert_refused(["train", "--data", self.data, "--out", "other.h5", *small],
                                "goes on after its gzip stream", ranks=(1,))
        self.write(IMAGES + ".gz", parts + b"\x1f\x8b")
        self.assert_refused(["train", "--data", self.data, "--out", "other.h5", *small],
                            "cut off inside its gzip stream", ranks=(1,))

    def test_files_that_would_keep_the_run_waiting(self):
        os.unlink(os.path.join(self.data, IMAGES))
        os.mkfifo(os.path.join(self.data, IMAGES))
        self.refuse(IMAGES, "is not a regular file")
        os.unlink(os.path.join(self.data, IMAGES))
        os.symlink("/dev/zero", os.path.join(self.data, IMAGES))
        self.refuse(IMAGES, "is not a regular file", ranks=(1,))

    def test_damage_behind_the_images_that_are_used_does_not_matter(self):
        self.write(IMAGES, self.read(IMAGES)[:-1])
        small = [
            "--set", "training.max_images=2", "--set", "evaluation.max_images=1", "--set",
            "middle_layer.num_neurons=20", "--set", "training.num_epochs=1", "--set", "simulation.t_total=50", "--set",
            "simulation.t_skip=0"]
        self.assert_works(["train", "--data", self.data, "--out", "out.h5", *small])

    def test_a_file_without_permission(self):
        os.chmod(os.path.join(self.data, IMAGES), 0)
        os.chmod(self.folder, 0o777)
        self.refuse(IMAGES, "Permission denied", ranks=(1,), **harness.as_nobody())


if __name__ == "__main__":
    unittest.main()
