#!/usr/bin/env python3
"""Every GPU since Turing can run the compiled kernels: each has machine code of its family, or PTX that its driver
compiles.

usage: test_architectures.py BUILD    (reads compile_commands.json; skipped if CMAKE_CUDA_ARCHITECTURES was set by hand)
"""
import json
import pathlib
import re
import sys

# Compute capabilities, times ten. Machine code of a discrete GPU does not run on an embedded one (Orin 8.7, Thor 11.0),
# nor the reverse.
DISCRETE, EMBEDDED = (75, 80, 86, 89, 90, 100, 103, 120, 121), (87, 110)


def images(command):
    """The sets of machine code and of PTX that a compiler command asks for, as in
    --generate-code=arch=compute_90,code=[compute_90,sm_90]."""
    code = " ".join(re.findall(r",code=(\S+)", command))
    return ({int(number) for number in re.findall(rf"{kind}_(\d+)", code)} for kind in ("sm", "compute"))


def runs_on(capability, machine, ptx):
    own = any(each // 10 == capability // 10 and each <= capability for each in machine)
    return (own and capability not in EMBEDDED) or any(each <= capability for each in ptx)


def main():
    commands = json.loads((pathlib.Path(sys.argv[1]) / "compile_commands.json").read_text())
    kernels = [each for each in commands if each["file"].endswith(".cu")]
    assert kernels, "no CUDA source is compiled"
    for each in kernels:
        machine, ptx = images(each["command"])
        if 75 not in machine:
            print(f"skipped: compiled for a choice of GPUs, {sorted(machine)}")
            return 77
        lacking = [capability for capability in DISCRETE + EMBEDDED if not runs_on(capability, machine, ptx)]
        assert not lacking, (f"{each['file']}: nothing for compute capability {lacking}: "
                             f"machine code {machine}, PTX {ptx}")
    print(f"machine code {sorted(machine)}, PTX {sorted(ptx)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
