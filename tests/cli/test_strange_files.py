#!/usr/bin/env python3
"""HDF5 files from strangers: none makes the program read another file, load a library, or use more memory than its own
size explains."""
import os
import resource
import unittest

import harness

h5py = harness.need_h5py()

import numpy as np  # h5py brings it
from mistakes import Mistakes

NEURONS, OUTPUTS, CRITICS, UNITS, STEPS = 60, 10, 20, 196, 20
TO_OUTPUT, TO_CRITIC = "/weights/middle_to_output", "/weights/middle_to_critic"
SPIKES, WEIGHTS = "/presentation_000/retina_spikes", "/weights_initial"
CONFIGURATION = (f"middle_layer: {{num_neurons: {NEURONS}}}\n"
                 f"simulation: {{t_total: {STEPS}, t_skip: 5}}\n"
                 "recurrence: {in_degree: 5}\n")
HUGE = 1 << 40
MEMORY = 4 << 30  # bytes of addresses that one rank may use; a usual run needs less than one


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


class Strangers(Mistakes):
    """Both kinds of files as small as they can be; every test damages one of them."""

    def setUp(self):
        super().setUp()
        self.run_file, self.case = self.path("run.h5"), self.path("case.h5")
        with h5py.File(self.run_file, "w") as file:
            file.attrs["configuration"] = np.bytes_(CONFIGURATION)
            file[TO_OUTPUT] = np.full((NEURONS, OUTPUTS), 0.5, "f4")
            file[TO_CRITIC] = np.full((NEURONS, CRITICS), 0.5, "f4")
        with h5py.File(self.case, "w") as file:
            file.attrs.update(num_neurons=NEURONS, t_total=STEPS, t_skip=5, learning_rate=0.02, dt=1.0)
            file[WEIGHTS] = np.full((NEURONS, OUTPUTS), 0.5, "f4")
            for k in range(2):
                group = file.create_group(f"presentation_{k:03d}")
                group.attrs["label"] = k
                group["retina_spikes"] = np.zeros((UNITS, STEPS), "u1")

    def evaluate(self):
        return ["evaluate", "--weights", self.run_file, "--data", harness.DIGITS, "--out", "out.h5", "--overwrite",
                "--progress", "none", "--set", "evaluation.max_images=2"]

    def replay(self):
        return ["replay", "--case", self.case, "--out", "out.h5", "--overwrite"]

    def limits(self, more):
        if os.environ.get("PSAC_SANITIZED") != "1":  # a sanitizer reserves terabytes of addresses
            more.setdefault("preexec_fn", limit_memory)
        return more

    def refuse_run(self, *parts, **more):
        self.assert_refused(self.evaluate(), self.run_file, *parts, **self.limits(more))

    def refuse_case(self, *parts, **more):
        self.assert_refused(self.replay(), self.case, *parts, **self.limits(more))

    def replace(self, name, path=None, **how):
        """The dataset `name` is made anew: what `how` does not say is as before."""
        with h5py.File(path or self.run_file, "r+") as file:
            if "shape" not in how:
                how.setdefault("data", file[name][()])
            del file[name]
            file.create_dataset(name, **how)


class Files(Strangers):
    def test_the_undamaged_files_work(self):
        for ranks in (1, 3):
            self.assert_works(self.evaluate(), ranks=ranks, **self.limits({}))
            self.assert_works(self.replay(), ranks=ranks, **self.limits({}))

    def test_any_plain_number_and_gzip_work(self):
        for kind in ("<f8", ">f4", ">f8"):
            self.replace(TO_OUTPUT, dtype=kind)
            self.assert_works(self.evaluate())
        self.replace(TO_OUTPUT, compression="gzip", shuffle=True, fletcher32=True)
        self.assert_works(self.evaluate(), ranks=3)
        for kind in ("<i8", ">u2", "<f4"):
            self.replace(SPIKES, self.case, dtype=kind)
            self.assert_works(self.replay())


    def test_a_valid_file_that_takes_long_is_not_called_damaged(self):
        with h5py.File(self.run_file, "r+") as file:
            file.create_dataset("slow", data=np.ones(150000, "u1"), chunks=(1,))
        self.refuse_run("HDF5 takes more than 1 s to look through it", "h5repack", ranks=(1,),
                        env={"PSAC_TRY_SECONDS": "1"})
        self.assert_works(self.evaluate(), env={"PSAC_TRY_SECONDS": "1000"})

    def test_a_configuration_with_something_hidden(self):
        with h5py.File(self.run_file, "r+") as file:
            text = CONFIGURATION.encode() + b"\0middle_layer: {num_neurons: 1}\n"
            del file.attrs["configuration"]
            kind = h5py.h5t.C_S1.copy()
            kind.set_size(len(text))
            kind.set_strpad(h5py.h5t.STR_NULLPAD)
            attribute = h5py.h5a.create(file.id, b"configuration", kind, h5py.h5s.create(h5py.h5s.SCALAR))
            attribute.write(np.frombuffer(text, f"S{len(text)}"), mtype=kind)
        self.refuse_run("attribute configuration of / has a NUL inside")


class Bombs(Strangers):
    def test_dimensions_without_data(self):
        self.replace(TO_OUTPUT, shape=(HUGE, OUTPUTS), dtype="f4")
        self.refuse_run("claims more elements than it stores")
        self.replace(TO_OUTPUT, shape=(HUGE, OUTPUTS), dtype="f4", chunks=(1000, OUTPUTS), compression="gzip",
                     fillvalue=0.5)
        self.refuse_run("claims more elements than it stores", ranks=(1,))
        self.replace(SPIKES, self.case, shape=(UNITS, HUGE), dtype="u1", chunks=(1, 1000))
        self.refuse_case(SPIKES, "claims more elements than it stores", ranks=(1,))

    def test_the_right_dimensions_without_data(self):
        self.replace(TO_OUTPUT, shape=(NEURONS, OUTPUTS), dtype="f4")
        self.refuse_run("claims more elements than it stores", ranks=(1,))
        self.replace(WEIGHTS, self.case, shape=(NEURONS, OUTPUTS), dtype="f4", chunks=(1, 1))
        self.refuse_case(WEIGHTS, "claims more elements than it stores", ranks=(3,))

    def test_a_configuration_larger_than_its_weights(self):
        with h5py.File(self.run_file, "r+") as file:
            file.attrs["configuration"] = np.bytes_(CONFIGURATION.replace(str(NEURONS), "50000000", 1))
        self.refuse_run("[60][10]", "[50000000][10]")
        with h5py.File(self.case, "r+") as file:
            file.attrs["num_neurons"] = 50000000
        self.refuse_case("[60][10]", "[50000000][10]")

    def test_more_steps_than_spikes(self):
        with h5py.File(self.case, "r+") as file:
            file.attrs["t_total"] = 1000000
        self.refuse_case(SPIKES, "[196][20]", "[196][1000000]")

    def test_chunks_larger_than_the_data(self):
        self.replace(TO_OUTPUT, maxshape=(None, None), chunks=(1 << 14, 1 << 14))
        self.refuse_run("has chunks larger than itself", ranks=(1,))

    def test_the_same_data_under_many_names(self):
        with h5py.File(self.case, "r+") as file:
            for k in range(2, 400):
                file[f"presentation_{k:03d}"] = file["presentation_000"]
        self.refuse_case("/presentation_000", "has several names")


class Types(Strangers):
    def test_what_is_no_number(self):
        pair = np.dtype([("re", "f4"), ("im", "f4")])
        kinds = {
            "compound": pair, "opaque": np.dtype("V8"), "variable_text": h5py.string_dtype(),
            "array": np.dtype(("f4", (2,))), "enumeration": h5py.enum_dtype({"a": 0, "b": 1}, "i1"),
            "reference": h5py.ref_dtype, "region": h5py.regionref_dtype, "vlen": h5py.vlen_dtype("f4"),
            "half": np.dtype("f2")}
        for name, kind in kinds.items():
            with self.subTest(kind=name):
                self.replace(TO_OUTPUT, shape=(NEURONS, OUTPUTS), dtype=kind)
                self.refuse_run(TO_OUTPUT, "does not hold numbers", ranks=(1, 3) if name == "reference" else (1,))

    def test_numbers_of_a_strange_make(self):
        odd = h5py.h5t.IEEE_F32LE.copy()
        odd.set_fields(19, 14, 5, 0, 14)
        odd.set_precision(20)
        with h5py.File(self.run_file, "r+") as file:
            del file[TO_OUTPUT]
            h5py.h5d.create(file["weights"].id, b"middle_to_output", odd, h5py.h5s.create_simple((NEURONS, OUTPUTS)))
        self.refuse_run("does not hold numbers", ranks=(1,))

    def test_a_rank_that_is_wrong(self):
        for shape in ((), (NEURONS * OUTPUTS,), (NEURONS, OUTPUTS, 1), (1,) * 32):
            self.replace(TO_OUTPUT, data=np.full(shape, 0.5, "f4"))
            self.refuse_run(f"has {len(shape)} dimensions; 2 are needed", ranks=(1,))
        self.replace(TO_OUTPUT, shape=None, data=h5py.Empty("f4"))
        self.refuse_run(TO_OUTPUT, ranks=(1,))

    def test_attributes_that_are_no_plain_numbers(self):
        for value in (h5py.Empty("f8"), np.void(b"12345678"), np.bytes_(b"60"), "60", np.array([60]).astype("V8"),
                      np.zeros((0,)), np.array((1, 2), dtype=[("a", "i4"), ("b", "i4")])):
            with h5py.File(self.case, "r+") as file:
                file.attrs["num_neurons"] = value
            self.refuse_case("num_neurons of / is not one number", ranks=(1,))

    def test_a_configuration_of_variable_length(self):
        with h5py.File(self.run_file, "r+") as file:
            file.attrs["configuration"] = CONFIGURATION
        self.refuse_run("attribute configuration of / is not a fixed-length text")

    def test_groups_for_datasets_and_datasets_for_groups(self):
        with h5py.File(self.run_file, "r+") as file:
            del file[TO_OUTPUT]
            file.create_group(TO_OUTPUT)
        self.refuse_run(f"{TO_OUTPUT} is not a readable dataset", ranks=(1,))
        with h5py.File(self.run_file, "r+") as file:
            del file["/weights"]
            file["/weights"] = 7
        self.refuse_run(TO_OUTPUT, ranks=(1,))


class Elsewhere(Strangers):
    """The other file lies there and would fit; it must not be opened."""

    def setUp(self):
        super().setUp()
        self.other = self.path("other.h5")
        with h5py.File(self.other, "w") as file:
            file["x"] = np.full((NEURONS, OUTPUTS), 0.5, "f4")
            file.create_group("g").attrs["label"] = 1
            file["g/retina_spikes"] = np.zeros((UNITS, STEPS), "u1")
        with open(self.path("raw"), "wb") as file:
            file.write(bytes(4 * NEURONS * OUTPUTS))

    def link(self, path, name, link):
        with h5py.File(path, "r+") as file:
            del file[name]
            file[name] = link

    def test_links(self):
        for link in (h5py.ExternalLink(self.other, "/x"), h5py.SoftLink(TO_CRITIC), h5py.SoftLink("/nowhere")):
            self.link(self.run_file, TO_OUTPUT, link)
            self.refuse_run(TO_OUTPUT, "is a link to somewhere else",
                            ranks=(1, 3) if isinstance(link, h5py.ExternalLink) else (1,))
        for link in (h5py.ExternalLink(self.other, "/g"), h5py.SoftLink("/presentation_000")):
            self.link(self.case, "presentation_001", link)
            self.refuse_case("/presentation_001", "is a link to somewhere else", ranks=(1,))
        self.link(self.run_file, "/weights", h5py.ExternalLink(self.other, "/"))
        self.refuse_run("is a link to somewhere else", ranks=(1,))

    def test_links_of_a_class_that_nobody_has_registered(self):
        self.link(self.run_file, TO_OUTPUT, h5py.ExternalLink("other.h5", "/x"))
        name, external, unknown = b"\x10middle_to_output", 64, 200
        with open(self.run_file, "r+b") as file:
            data = file.read()
            places = [
                at - k for at in range(len(data)) if data.startswith(name, at) for k in (1, 2)
                if data[at - k] == external]
            self.assertTrue(places)
            for place in places:  # the byte before the name's length, or one before its character set
                file.seek(place)
                file.write(bytes([unknown]))
        self.refuse_run(TO_OUTPUT, ranks=(1, 3))

    def test_an_image_that_is_a_link(self):
        with h5py.File(self.case, "r+") as file:
            file["presentation_000/image"] = h5py.SoftLink("/presentation_000/retina_spikes")
        self.refuse_case("/presentation_000/image", "is a link to somewhere else", ranks=(1,))

    def test_data_in_another_file(self):
        self.replace(TO_OUTPUT, shape=(NEURONS, OUTPUTS), dtype="f4",
                     external=[(self.path("raw"), 0, h5py.h5f.UNLIMITED)])
        self.refuse_run("keeps its data in another file")
        layout = h5py.VirtualLayout((NEURONS, OUTPUTS), "f4")
        layout[:] = h5py.VirtualSource(self.other, "x", (NEURONS, OUTPUTS))
        with h5py.File(self.run_file, "r+") as file:
            del file[TO_OUTPUT]
            file.create_virtual_dataset(TO_OUTPUT, layout)
        self.refuse_run("keeps its data in another file")

    def test_filters_that_are_not_ours(self):
        for how in ({"compression": "lzf"}, {"scaleoffset": 3}):
            self.replace(TO_OUTPUT, **how)
            self.refuse_run("is packed in another way", ranks=(1,))
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_chunk((NEURONS, OUTPUTS))
        creation.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))  # zstd: a library that HDF5 would look for
        with h5py.File(self.run_file, "r+") as file:
            del file[TO_OUTPUT]
            h5py.h5d.create(file["weights"].id, b"middle_to_output", h5py.h5t.IEEE_F32LE,
                            h5py.h5s.create_simple((NEURONS, OUTPUTS)),
                            creation).write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros((NEURONS, OUTPUTS), "f4"))
        self.refuse_run("is packed in another way")


class Members(Strangers):
    def test_what_is_left_out_or_too_much(self):
        with h5py.File(self.case, "r+") as file:
            file.move("presentation_001", "presentation_002")
        self.refuse_case("/ has 3 members", "presentation_000 to presentation_000, none left out")
        with h5py.File(self.case, "r+") as file:
            file.move("presentation_002", "presentation_001")
            file["notes"] = 1
        self.refuse_case("/ has 4 members", ranks=(1,))
        with h5py.File(self.run_file, "r+") as file:
            file["/weights/middle_to_middle"] = np.zeros(3)
        self.refuse_run("/weights has 3 members", "middle_to_output and middle_to_critic")


if __name__ == "__main__":
    unittest.main()
