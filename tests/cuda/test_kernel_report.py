#!/usr/bin/env python3
"""tools/kernel_report on builds made up here: it reads what ptxas says, and finds spills and figures that have
changed."""
import os
import subprocess
import sys
import tempfile
import unittest

TOOL = sys.argv[1]
SAYS = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z6gather10psac_shardii' for 'sm_90'
ptxas info    : Function properties for _Z6gather10psac_shardii
    16 bytes stack frame, {spills} bytes spill stores, {spills} bytes spill loads
ptxas info    : Used {registers} registers, used 1 barriers, 16 bytes cumulative stack size, \
4096 bytes smem, 776 bytes cmem[0]
"""
TABLE = "# nvcc {version}; a table\nkernel,shared,stack,sm_90\ngather,4096,16,{registers}\n"


class KernelReport(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def report(self, *more, spills=0, registers=32, table=TABLE.format(version="13.0.88", registers=32)):
        self.write("CMakeFiles/3.25/CMakeCUDACompiler.cmake", 'set(CMAKE_CUDA_COMPILER_VERSION "13.0.88")\n')
        self.write("kernels/gather.cu.o.usage", SAYS.format(spills=spills, registers=registers))
        return self.run_tool(self.folder.name, "--table", self.write("usage.csv", table), *more)

    def run_tool(self, *arguments):
        return subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True, timeout=30)

    def test_figures_of_the_table_pass(self):
        done = self.report()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"gather +4096 +16 +32")

    def test_a_changed_figure_is_found_and_taken_over_on_request(self):
        done = self.report(registers=40)
        self.assertEqual(done.returncode, 1)
        self.assertIn("kernel gather, sm_90: 40, but 32 in the table", done.stderr)
        self.assertEqual(self.report("--update", registers=40).returncode, 0)

    def test_another_toolkit_counts_for_spills_only(self):
        table = TABLE.format(version="12.4.131", registers=99)
        self.assertEqual(self.report(table=table).returncode, 0)
        done = self.report(table=table, spills=8)
        self.assertEqual(done.returncode, 1)
        self.assertIn("kernel gather spills 16 bytes of registers on sm_90", done.stderr)

    def test_a_spill_is_never_taken_over(self):
        self.assertEqual(self.report("--update", spills=8).returncode, 1)

    def test_bad_input_is_refused(self):
        for done, message in ((self.run_tool(self.folder.name), "is not a build with CUDA"),
                              (self.report(table="kernel\n"), "does not begin with"),
                              (self.run_tool(self.folder.name, "--table", "/nowhere"), "cannot read /nowhere"),
                              (self.run_tool(), "usage")):
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(message, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
