#!/usr/bin/env python3
"""The command line: help, version, info, and what is refused."""
import os
import re
import signal
import subprocess
import time
import unittest

import harness
from mistakes import Mistakes

OPTIONS = {
    "train": [
        "overwrite", "config", "set", "seed", "data", "out", "resume", "backend", "transport", "replicas", "progress"],
    "evaluate": [
        "overwrite", "config", "set", "seed", "data", "out", "weights", "backend", "transport", "replicas", "progress"],
    "replay": ["overwrite", "config", "set", "out", "case", "backend", "transport"],
    "scaling": [
        "config", "set", "seed", "data", "out", "study", "only", "repeats", "replicas", "ranks", "dry-run-ranks",
        "as-rank", "hardware", "list", "backend", "transport", "progress"],
    "info": ["backend", "transport"],
    "config": ["config", "set", "seed"],
    "plan": [
        "config", "set", "seed", "neurons", "ranks", "replicas", "gpu", "hardware", "transport", "rates", "format",
        "verbose", "backend", "calibrate"],
}


class Help(Mistakes):
    def test_every_command_lists_its_options(self):
        for command, options in OPTIONS.items():
            out = self.assert_works([command, "--help"]).out
            listed = re.findall(r"^  --([\w-]+)", out, re.MULTILINE)
            self.assertEqual(sorted(listed), sorted(options + ["help", "version"]), command)
            self.assertIn(f"psac_dist {command}", out)
            self.assertEqual(self.assert_works(["help", command]).out, out)

    def test_a_commands_help_speaks_of_its_own_options_only(self):
        for command, options in OPTIONS.items():
            named = set(re.findall(r"--([\w-]+)", self.assert_works([command, "--help"]).out))
            self.assertEqual(named - set(options) - {"help", "version"}, set(), command)

    def test_help_fits_80_columns(self):
        for arguments in (["help"], *(["help", command] for command in OPTIONS)):
            for line in self.assert_works(arguments).out.splitlines():
                self.assertLessEqual(len(line), 80, line)
                self.assertEqual(line.rstrip(), line)

    def test_the_program_lists_its_commands(self):
        for arguments in (["--help"], ["-h"], ["help"]):
            out = self.assert_works(arguments).out
            for command in OPTIONS:
                self.assertRegex(out, rf"\n  {command} ")

    def test_several_ranks_help_once(self):
        self.assertEqual(
            self.assert_works(["train", "--help"], ranks=3).out,
            self.assert_works(["train", "--help"]).out)

    def test_version_is_one_line(self):
        for ranks in (1, 3):
            self.assertEqual(self.assert_works(["-V"], ranks=ranks).out, self.assert_works(["--version"]).out)
            self.assertRegex(self.assert_works(["--version"], ranks=ranks).out, r"\Apsac_dist \d+\.\d+\.\d+ \(.+\)\n\Z")

    def test_info_names_libraries_backends_and_places(self):
        for ranks in (1, 3):
            out = self.assert_works(["info"], ranks=ranks).out
            for part in ("psac_dist ", "HDF5 ", "cpu", "transports: self, mpi", f"{ranks} rank",
                         f"  rank {ranks - 1}: "):
                self.assertIn(part, out)
            lists = dict(re.findall(r"^(libraries|backends|transports): +(.+)$", out, re.MULTILINE))
            self.assertRegex(lists["libraries"], r"^\S.*, HDF5 \d[\d.]+, libfyaml \d[\d.]+")
            self.assertIn(lists["backends"], ("cpu", "cpu, cuda"))
            self.assertEqual("cuda" in lists["backends"], bool(re.search(r", CUDA \d+\.\d+(,|$)", lists["libraries"])))
            self.assertEqual("nccl" in lists["transports"],
                             bool(re.search(r", NCCL \d+\.\d+\.\d+$", lists["libraries"])))


class Refusals(Mistakes):
    def test_unknown_commands(self):
        self.assert_refused(["trian"],
                            "trian is not a command; the nearest is train; allowed: train, evaluate, replay, ")
        self.assert_refused(["help", "paln"], "paln is not a command; the nearest is plan", ranks=(1,))
        self.assert_refused([""], "is not a command", ranks=(1,))

    def test_unknown_options(self):
        self.assert_refused(["--sed", "7"], "--sed is not an option of psac_dist train; the nearest is --seed; "
                                            "see psac_dist help train")
        self.assert_refused(["info", "--data", "x"], "--data is not an option of psac_dist info")
        self.assert_refused(["--see=7"], "--see=7 is not an option", ranks=(1,))

    def test_options_without_a_value(self):
        self.assert_refused(["train", "--out"], "--out needs a value")
        self.assert_refused(["train", "--out="], "--out needs a value", ranks=(1,))

    def test_words_that_are_no_options(self):
        self.assert_refused(["train", "now"], "now is not understood")
        self.assert_refused(["-x"], "-x is not understood", ranks=(1,))

    def test_unknown_kinds_of_progress_backend_and_transport(self):
        self.assert_refused(["train", "--progress", "dots"], "--progress dots is unknown", "auto, bar, lines, none")
        self.assert_refused(["info", "--backend", "abacus"], "--backend abacus", "allowed: auto, cpu")
        self.assert_refused(["info", "--transport", "pigeon"], "--transport pigeon", "allowed: auto, self, mpi")
        self.assert_refused(["train", "--data", harness.DIGITS, "--out", "x.h5", "--backend", "abacus"],
                            "--backend abacus")
        self.assert_refused(["train", "--data", harness.DIGITS, "--out", "x.h5", "--transport", "pigeon"],
                            "--transport pigeon")

    def test_self_on_several_ranks(self):
        self.assert_refused(["info", "--transport", "self"], "--transport self serves one rank", "has 3", ranks=(3,))

    def test_replicas_that_ranks_cannot_be_cut_into(self):
        training = ["train", "--data", harness.DIGITS, "--out", "x.h5"]
        for replicas in ("2", "4", "6"):
            self.assert_refused([*training, f"--replicas={replicas}"],
                                f"--replicas {replicas} does not divide the 3 ranks", ranks=(3,))
        for replicas in ("0", "-3", "three", "1.5", " 3", "0x3"):
            self.assert_refused([*training, f"--replicas={replicas}"],
                                f"--replicas {replicas} is neither auto nor a whole", ranks=(3,))
        self.assert_refused([*training, "--replicas="], "--replicas needs a value", ranks=(3,))
        self.assert_refused([*training, "--replicas", "3", "--config", "notebook"],
                            "--replicas 3 cannot train network.model = notebook", ranks=(3,))

    def test_ranks_with_other_arguments(self):
        one, other = ["train", "--data", harness.DIGITS, "--out", "x.h5"], ["plan"]
        result = harness.run([*one, ":", "-n", "1", harness.PROGRAM, *other], ranks=2, folder=self.folder)
        if result.code == -signal.SIGSEGV:  # of Open MPI 5.0.7 as Debian 13 has it
            self.skipTest("this mpirun itself crashes when it is given two programs")
        self.assertEqual((result.code, len(result.lines)), (2, 1), result)
        self.assertIn('rank 2 was started as "psac_dist plan", but rank 0 as "psac_dist train', result.lines[0])
        self.assertEqual(os.listdir(self.folder), [])

    def test_pipes_in_place_of_files(self):
        os.mkfifo(self.path("pipe"))
        for arguments in (["scaling", "--study", "pipe"], ["plan", "--hardware", "pipe"]):
            self.assert_refused(arguments, "pipe is not a regular file", ranks=(1,))
        self.assert_refused(["evaluate", "--weights", "pipe"], "pipe does not exist or is not a file", ranks=(1,))
        self.assert_refused(["train", "--resume", "pipe"], "pipe does not exist or is not a file", ranks=(1,))
        # A configuration may come from a pipe.
        command = f"'{harness.PROGRAM}' config --config <(echo 'simulation: {{seed: 77}}')"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60 * harness.PATIENCE,
                              check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("seed: 77", done.stdout)

    def test_a_configuration_that_never_comes(self):
        os.mkfifo(self.path("pipe"))
        process = subprocess.Popen([harness.PROGRAM, "--config", "pipe"], cwd=self.folder, stderr=subprocess.PIPE)
        time.sleep(1.0)
        self.assertIsNone(process.poll())
        process.terminate()
        self.assertEqual(process.wait(20 * harness.PATIENCE), 75)
        process.stderr.close()

    def test_arguments_with_line_breaks_give_one_line(self):
        self.assert_refused(["tra\nin"], "is not a command")
        self.assert_refused(["--data\nx"], "is not an option", ranks=(1,))
        self.assert_refused(["config", "--config", "a\nb"], ranks=(1,))


if __name__ == "__main__":
    unittest.main()
