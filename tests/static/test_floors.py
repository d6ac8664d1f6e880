"""tools/floors finds what it is for; and a header that is internal to a floor cannot be included from another one."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD, COMPILER = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
TREE = {
    "base/log.h": "", "partition/ranks.h": '#include "base/log.h"\n',
    "partition/ranks.c": '#include "partition/ranks.h"\n', "src/model/network.h": '#include "partition/ranks.h"\n',
    "jobs/main.c": '#include "src/model/network.h"\n'}


class Floors(unittest.TestCase):
    def run_on(self, changes):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**TREE, **changes}.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            done = subprocess.run([SOURCE / "tools/floors", folder], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def refuse(self, changes, *parts):
        code, text = self.run_on(changes)
        self.assertEqual(code, 1, text)
        for part in parts:
            self.assertIn(part, text)

    def test_a_tree_that_keeps_the_rules(self):
        code, text = self.run_on({})
        self.assertEqual(code, 0, text)
        self.assertIn("src/model     1 files   -> partition 1", text)

    def test_an_upward_arrow(self):
        self.refuse({"partition/ranks.c": '#include "src/model/network.h"\n'},
                    "partition/ranks.c: partition includes src/model/network.h, but src/model is not below it")

    def test_an_arrow_to_a_neighbour(self):
        self.refuse({"io/disk.c": '#include "partition/ranks.h"\n'}, "io includes partition/ranks.h")

    def test_a_circle_through_three_units(self):
        self.refuse(
            {
                "base/log.h": '#include "base/clock.h"\n', "base/clock.c": '#include "base/status.h"\n',
                "base/clock.h": "", "base/status.h": '  #  include "base/log.h"\n'},
            "circle: base/clock -> base/status -> base/log -> base/clock")

    def test_one_name_twice(self):
        self.refuse({"jobs/ranks.h": ""}, "one name, several files: partition/ranks.h, jobs/ranks.h")

    def test_an_include_that_is_not_written_from_the_root(self):
        self.refuse({"partition/ranks.c": '#include "ranks.h"\n'},
                    'partition/ranks.c: "ranks.h" is not a header of the tree')

    def test_a_folder_without_floors(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(subprocess.run([SOURCE / "tools/floors", folder], capture_output=True).returncode, 2)

    def compiles(self, floors, include):
        folders = [f"-I{BUILD}/include/psac_{floor}" for floor in floors]
        return subprocess.run([COMPILER, "-std=c17", "-fsyntax-only", "-x", "c", *folders, "-"], text=True,
                              capture_output=True, input=f'#include "{include}"\n').returncode == 0

    def test_internal_and_higher_headers_are_on_no_include_path(self):
        below_model = ["base", "kernels", "partition", "config"]
        self.assertTrue(self.compiles(below_model, "partition/ranks.h"))
        self.assertFalse(self.compiles(below_model, "partition/liveness/liveness.h"))
        self.assertFalse(self.compiles(below_model, "src/model/sizes.h"))
        self.assertTrue(self.compiles(below_model + ["model"], "src/model/sizes.h"))
        self.assertFalse(self.compiles(below_model + ["model"], "src/model/build.h"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
