"""Tests of what a person meets who makes a mistake: one line that says what is wrong, an exit code, and nothing left
behind."""
import os
import shutil
import tempfile
import unittest

import harness


class Mistakes(unittest.TestCase):
    """Every test has a folder of its own, in which the program runs."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=harness.FILES)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def contents(self):
        """{path: size} of everything in the folder."""
        return {os.path.join(place, name): os.lstat(os.path.join(place, name)).st_size
                for place, folders, files in os.walk(self.folder) for name in folders + files}

    def assert_refused(self, arguments, *parts, code=2, ranks=(1, 3), **more):
        """The program ends with this code and one line with these parts, and leaves the folder as it was."""
        for n in ranks:
            with self.subTest(arguments=arguments, ranks=n):
                before = self.contents()
                result = harness.run(arguments, ranks=n, folder=self.folder, **more)
                self.assertEqual(result.code, code, result)
                self.assertEqual(len(result.lines), 1, result)
                self.assertTrue(result.lines[0].startswith("psac_dist: "), result)
                for part in parts:
                    self.assertIn(part, result.lines[0])
                self.assertEqual(result.out, "")
                self.assertEqual(self.contents(), before)

    def assert_works(self, arguments, **more):
        """The program succeeds; its Result."""
        result = harness.run(arguments, folder=self.folder, **more)
        self.assertEqual(result.code, 0, result)
        return result
