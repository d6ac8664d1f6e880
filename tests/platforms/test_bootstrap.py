#!/usr/bin/env python3
"""bootstrap.sh where packages are missing and nothing can be installed, or on another system: it names what to install,
and the way to build without root."""
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = sys.argv[1]
TOOLS = {"missing": {"dpkg-query": "exit 1", "sudo": "exit 1", "id": "echo 1000"}, "other_system": {"id": "echo 1000"}}


class WithoutRoot(unittest.TestCase):
    def bootstrap(self, tools):
        """Runs `bootstrap.sh build` with these programs only, and what the script takes to come that far."""
        with tempfile.TemporaryDirectory() as folder:
            for name, body in tools.items():
                with open(os.path.join(folder, name), "w") as file:
                    file.write(f"#!/bin/sh\n{body}\n")
                os.chmod(os.path.join(folder, name), 0o755)
            for name in ("sh", "dirname", "grep", "cat"):
                os.symlink(f"/bin/{name}", os.path.join(folder, name))
            return subprocess.run(["/bin/bash", SCRIPT, "build"], env={"PATH": folder}, capture_output=True, text=True,
                                  timeout=30)

    def test_the_packages_and_the_way_of_cmake_are_named(self):
        done = self.bootstrap(TOOLS["missing"])
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stderr, "could not install .*libfyaml-dev librandom123-dev.*"
                                      "cmake -B build -DCMAKE_PREFIX_PATH=PREFIX")

    def test_another_system_is_told_the_way_of_cmake(self):
        done = self.bootstrap(TOOLS["other_system"])
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stderr, "no dpkg-query here.*cmake -B build -DCMAKE_PREFIX_PATH=PREFIX")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
