#!/usr/bin/env python3
"""A build without CUDA needs nothing of it and has nothing of it but the words that help and configuration say to
people."""
import re
import shutil
import subprocess
import unittest

import harness


class NoTrace(unittest.TestCase):
    def assert_free(self, *command):
        if not shutil.which(command[0]):
            self.skipTest(f"there is no {command[0]} (Debian: binutils)")
        text = subprocess.run([*command, harness.PROGRAM], capture_output=True, text=True, check=True).stdout
        self.assertGreater(len(text), 0)
        self.assertEqual(re.findall(r".*(?:cuda|nccl).*", text, re.IGNORECASE), [])

    def test_no_library_and_no_symbol(self):
        self.assert_free("readelf", "--dynamic", "--wide")
        self.assert_free("nm", "--format=posix")

    def test_it_is_not_offered(self):
        result = harness.run_well(["info"])
        self.assertRegex(result.out, r"(?m)^backends: +cpu *$")
        self.assertRegex(result.out, r"(?m)^transports: +self, mpi$")
        self.assertEqual(result.lines, [])

    def test_it_is_refused(self):
        for arguments in (["--backend", "cuda"], ["--transport", "nccl"]):
            result = harness.run(["info", *arguments])
            self.assertEqual(result.code, 2, result)
            self.assertIn("is not in this build", result.lines[0])


if __name__ == "__main__":
    unittest.main()
