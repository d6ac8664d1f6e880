#!/usr/bin/env python3
"""Makes the seed inputs of the fuzz targets: FOLDER/TARGET/NAME, small and valid, or nearly so.

Usage: make_corpus.py FOLDER CONFIGS    (CONFIGS: the folder of the repository's own configurations)
The layout of an input is told at the top of each fuzz_TARGET.c.
"""
import gzip
import io
import os
import struct
import sys

NEURONS, OUTPUTS, CRITICS, STEPS, UNITS = 9, 10, 20, 8, 9  # as the targets' networks


def configurations(folder):
    for name in sorted(os.listdir(folder)):
        if name.endswith(".yaml"):
            with open(os.path.join(folder, name), "rb") as file:
                yield name, file.read()
    yield "empty", b""
    yield "sets", b"\0".join([
        b"simulation: {seed: 5, dt: 0.5}\n", b"simulation.seed=7", b"record.trials=[7, 3, 3]",
        b"retina.input_size=[10, 12]", b"network.model=notebook", b"learning.learning_rate=1e-07"])
    yield "odd_numbers", b"\0".join([
        b"simulation: {dt: .nan}\n", b"simulation.dt=.inf", b"learning.learning_rate=1e999", b"neuron.v_rest=0x1p3",
        b"neuron.v_rest=-0.0", b"simulation.seed=9223372036854775808", b"middle_layer.num_neurons=8e9",
        b"simulation.dt=1e-400"])
    yield "syntax", (
        b"# text\n'simulation' :\n  \"seed\":\n    7\nrecord:\n  trials:\n  - 1\n  - 2\n---\n...\n"
        b"&a x: *a\n!!int y: |\n  z\n")


def studies(folder):
    with open(os.path.join(folder, "scaling.yaml"), "rb") as file:
        yield "scaling", file.read()
    yield "every_key", (
        b"accuracy:\n  neurons: [50, 100]\n  ranks: [1, 2]\n  replicas: [1, auto]\n  batch: 8\n  trials: [16, 32]\n"
        b"  warm_up: 0\n  repeats: 2\n  test_images: 100\n")
    yield "largest", b"weak:\n  neurons: 8000000000\n  trials: 1000000000\n  replicas: 1000000\n"
    yield "mistakes", b"strong: {neurons: [1, x], trails: 3}\nstrong: 7\nsize:\n  test_images: 1\n"


def machines(folder):
    with open(os.path.join(folder, "hardware.yaml"), "rb") as file:
        text = file.read()
    yield "hardware", text
    lines = text.splitlines(keepends=True)
    starts = [k for k, line in enumerate(lines) if line[:1].isalnum()] + [len(lines)]
    for first, end in zip(starts, starts[1:]):
        yield lines[first].split(b":")[0].decode(), b"".join(lines[first:end])


def command_lines():
    yield "train", (
        b"train\0--config\0quick\0--set\0simulation.seed=1\0--set=a.b=c\0--seed\0007"
        b"\0--data\0a b\0--out=x.h5")
    yield "evaluate", b"evaluate\0--weights\0run.h5\0--backend\0cpu\0--transport=mpi\0--progress\0none"
    yield "replay", b"replay\0--case\0c.h5\0--out\0o.h5"
    yield "help", b"config\0--help"
    yield "version", b"--version"
    yield "mistakes", b"info\0--\0-x\0--set\0--out=\0--nonsense=7"


def digits():
    pixels, labels = bytes(range(0, 240, 5)), bytes([0, 9, 5])
    images_file = struct.pack(">4I", 0x803, 3, 4, 4) + pixels
    labels_file = struct.pack(">2I", 0x801, 3) + labels
    for zipped in range(4):
        images = gzip.compress(images_file, mtime=0) if zipped & 1 else images_file
        label = gzip.compress(labels_file, mtime=0) if zipped & 2 else labels_file
        for most in (0, 2):
            yield f"zipped_{zipped}_most_{most}", struct.pack("<BH", zipped | most << 2, len(images)) + images + label
    bomb = struct.pack(">4I", 0x803, 0xffffffff, 64, 64)
    yield "promises_too_much", struct.pack("<BH", 0, len(bomb)) + bomb + struct.pack(">2I", 0x801, 0xffffffff)


def changes():
    yield "none", b""
    yield "two", bytes([8, 0, 0, 1, 0, 1, 0, 255])
    yield "cut", bytes([100, 2, 0])


def run_file(h5py, np, **how):
    image = io.BytesIO()
    with h5py.File(image, "w", **how) as file:
        text = b"middle_layer:\n  num_neurons: 9\nrecurrence:\n  in_degree: 2\n"
        file.attrs["configuration"] = np.bytes_(text)
        weights = np.linspace(0, 1, NEURONS * CRITICS, dtype="f4").reshape(NEURONS, CRITICS)
        packed = {"compression": "gzip", "shuffle": True, "chunks": (4, 10)} if how else {}
        file.create_dataset("/weights/middle_to_output", data=weights[:, :OUTPUTS], **packed)
        file.create_dataset("/weights/middle_to_critic", data=weights, **packed)
    return image.getvalue()


def case_file(h5py, np, **how):
    image = io.BytesIO()
    rng = np.random.default_rng(1)
    packed = {"compression": "gzip", "fletcher32": True} if how else {}
    with h5py.File(image, "w", **how) as file:
        file.attrs.update(num_neurons=NEURONS, t_total=float(STEPS), t_skip=2, learning_rate=0.02, dt=1.0)
        file["weights_initial"] = rng.random((NEURONS, OUTPUTS), "f4")
        for k in range(2):
            group = file.create_group(f"presentation_{k:03d}")
            group.attrs["label"] = 3 + k
            group.create_dataset("retina_spikes", data=rng.integers(0, 2, (UNITS, STEPS)).astype("u1" if k else ">f4"),
                                 **packed)
        group["image"] = rng.integers(0, 256, (6, 6)).astype("u1")
    return image.getvalue()


def hdf5_files(make):
    try:
        import h5py
        import numpy as np
    except ImportError as missing:
        print(f"make_corpus: no HDF5 seeds: {missing} (Debian: python3-h5py)", file=sys.stderr)
        return
    yield "old_format", make(h5py, np)
    yield "new_format", make(h5py, np, libver="latest")


def main():
    folder, configs = sys.argv[1:]
    targets = {"config": configurations(configs), "study": studies(configs), "hardware": machines(configs),
               "options": command_lines(), "idx": digits(), "checkpoint": changes(),
               "run_file": hdf5_files(run_file), "case": hdf5_files(case_file)}
    for target, inputs in targets.items():
        os.makedirs(os.path.join(folder, target), exist_ok=True)
        for name, data in inputs:
            with open(os.path.join(folder, target, name), "wb") as file:
                file.write(data)


if __name__ == "__main__":
    main()
