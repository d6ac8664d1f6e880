#!/usr/bin/env python3
"""CMake finds libraries in a private prefix, also an HDF5 of version 2, and names the packages of what is missing.

usage: test_dependencies.py SOURCE BUILD
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = map(pathlib.Path, sys.argv[1:3])
CACHE = dict(re.findall(r"(?m)^([^#/:\n]+):[^=\n]+=(.*)$", (BUILD / "CMakeCache.txt").read_text()))
COMMANDS = json.loads((BUILD / "compile_commands.json").read_text())

# As HDF5 2 installs it: the variable that says it is parallel has a new name, and only this one.
HDF5_2 = """set(HDF5_FOUND TRUE)
set(HDF5_VERSION_STRING 2.0.0)
set(HDF5_PROVIDES_PARALLEL ON)
set(HDF5_INCLUDE_DIR "{include}")
if(NOT TARGET hdf5-shared)
  add_library(hdf5-shared SHARED IMPORTED)
  set_target_properties(hdf5-shared PROPERTIES IMPORTED_LOCATION "{library}" INTERFACE_INCLUDE_DIRECTORIES "{include}")
endif()
"""
HDF5_2_VERSION = """set(PACKAGE_VERSION 2.0.0)
set(PACKAGE_VERSION_COMPATIBLE TRUE)
"""


class Dependencies(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.prefix, self.build = pathlib.Path(folder.name, "prefix"), pathlib.Path(folder.name, "build")
        (self.prefix / "include").mkdir(parents=True)

    def configure(self, *options, env=None):
        """One configuration of the CPU's program, without tests."""
        command = ["cmake", "-S", SOURCE, "-B", self.build, "-DPSAC_CUDA=OFF", "-DPSAC_TESTS=OFF",
                   f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_C_COMPILER={CACHE['CMAKE_C_COMPILER']}",
                   f"-DMPI_C_COMPILER={CACHE['MPI_C_COMPILER']}", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **(env or {})})

    def assert_missing(self, done, *names):
        self.assertNotEqual(done.returncode, 0, done.stdout)
        message = " ".join(done.stderr.split())
        for name in (*names, "Debian: ", "Spack: ", "conda-forge: ", "-DCMAKE_PREFIX_PATH=PREFIX"):
            self.assertIn(name, message)

    def write_hdf5(self, library, include):
        """An HDF5 2 in the prefix."""
        folder = self.prefix / "cmake"
        folder.mkdir()
        (folder / "hdf5-config.cmake").write_text(HDF5_2.format(library=library, include=include))
        (folder / "hdf5-config-version.cmake").write_text(HDF5_2_VERSION)
        (self.prefix / "include/hdf5.h").symlink_to(include / "hdf5.h")

    def test_random123_of_a_prefix_reaches_every_source(self):
        (self.prefix / "include/Random123").symlink_to(pathlib.Path(CACHE["RANDOM123_INCLUDE_DIR"], "Random123"))
        done = self.configure()
        self.assertEqual(done.returncode, 0, done.stderr)
        commands = json.loads((self.build / "compile_commands.json").read_text())
        self.assertGreater(len(commands), 50)
        include = f"-isystem {self.prefix}/include"
        self.assertEqual([each["file"] for each in commands if include not in each["command"]], [])

    def test_hdf5_2_of_a_prefix_goes_before_the_systems(self):
        flags = next(each["command"] for each in COMMANDS if each["file"].endswith("io/h5_check.c"))
        folders = map(pathlib.Path, re.findall(r"(?:-isystem |-I)(\S+)", flags) + ["/usr/include"])
        include = next(path for path in folders if (path / "hdf5.h").exists())
        linked = BUILD / "jobs/CMakeFiles/psac_dist.dir"  # with CUDA the libraries are in a file of their own
        words = "".join(path.read_text() for path in (linked / "link.txt", linked / "linkLibs.rsp") if path.exists())
        library = re.search(r'[^"\s]*libhdf5[^"\s]*\.so[^"\s]*', words)
        self.write_hdf5((BUILD / "src" / library[0]).resolve(), include)
        done = self.configure()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('#define PSAC_HDF5_VERSION "2.0.0"', (self.build / "base/generated/base/version.h").read_text())

    def test_an_hdf5_that_is_not_parallel_is_refused(self):
        (self.prefix / "serial").mkdir()
        (self.prefix / "serial/hdf5.h").write_text("int H5open(void);\n")
        self.write_hdf5("/usr/lib/libserial_hdf5.so", self.prefix / "serial")
        self.assert_missing(self.configure(), "A parallel HDF5 for this MPI was not found", "libhdf5-openmpi-dev",
                            "hdf5+mpi")

    def test_a_missing_libfyaml_is_named_with_its_packages(self):
        done = self.configure(env={"PKG_CONFIG_LIBDIR": str(self.prefix), "PKG_CONFIG_PATH": ""})
        self.assert_missing(done, "libfyaml was not found", "libfyaml-dev")

    def test_a_missing_random123_is_named_with_its_packages(self):
        done = self.configure(f"-DCMAKE_IGNORE_PATH={CACHE['RANDOM123_INCLUDE_DIR']}",
                              *(f"-D{name}={CACHE[name]}" for name in ("ZLIB_INCLUDE_DIR", "ZLIB_LIBRARY_RELEASE")))
        self.assert_missing(done, "Random123 was not found", "librandom123-dev", "random123")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
