#!/usr/bin/env python3
"""What is drawn on a terminal fits it: the bar of a training, on terminals of several widths, resized or of none."""
import fcntl
import os
import re
import struct
import subprocess
import termios
import threading
import unittest

import harness
from mistakes import Mistakes

TRAINING = ["train", "--data", harness.DIGITS, "--out", "out.h5", "--set", "middle_layer.num_neurons=300",
            "--set", "training.num_epochs=3", "--set", "training.batch_size=8", "--set", "training.log_interval=8",
            "--set", "evaluation.max_images=40"]


def resize(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))


class Bar(Mistakes):
    def draws(self, columns, ranks=1, then=None, **environment):
        """What is drawn in turn on a terminal of that width, which has another one as soon as something was drawn."""
        ours, theirs = os.openpty()
        resize(theirs, columns)
        command = [*([harness.MPIEXEC, "-n", str(ranks)] if ranks > 1 else []), harness.PROGRAM, *TRAINING]
        process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=theirs, env={**os.environ, **environment})
        killer = threading.Timer(60 * harness.PATIENCE, process.kill)
        killer.start()
        os.close(theirs)
        drawn = b""
        while True:
            try:
                got = os.read(ours, 4096)
            except OSError:  # nobody has the other end any more
                break
            if not got:
                break
            drawn += got
            if then and b"\r\x1b" in drawn:
                resize(ours, then)
        os.close(ours)
        self.assertEqual(process.wait(), 0)
        killer.cancel()
        lines = re.split(r"\r\x1b\[K", drawn.decode().replace("\r\n", "\n"))
        self.assertGreater(len(lines), 3, "no bar was drawn")
        self.assertEqual("".join(lines[1:]).count("\n"), 0, lines)  # it never scrolls
        os.remove(self.path("out.h5"))
        return [line for line in lines[1:] if line]

    def test_it_fits_terminals_of_any_width(self):
        for columns, ranks in ((20, 1), (60, 2), (132, 1)):
            with self.subTest(columns=columns, ranks=ranks):
                if ranks > 1 and "(Open MPI) 5" in subprocess.getoutput(f"{harness.MPIEXEC} --version"):
                    self.skipTest("Open MPI 5's mpirun shows no bars: lines are printed instead")
                for line in self.draws(columns, ranks):
                    self.assertLess(len(line), columns)
                    self.assertRegex(line, r"^(epoch \d/3|evaluation)")

    def test_it_says_which_accuracy_it_shows(self):
        for line in self.draws(80):
            self.assertRegex(line, r"^(epoch .*  interval|evaluation .*  test) accuracy [\d.]+ %  .*\d+:\d\d left$")

    def test_it_follows_a_terminal_that_is_resized(self):
        lines = self.draws(132, then=50)
        self.assertGreater(len(lines[0]), 50)
        self.assertLess(len(lines[-1]), 50)

    def test_without_a_known_width_there_are_80_columns(self):
        self.assertTrue(60 < max(map(len, self.draws(0))) < 80)
        self.assertTrue(max(map(len, self.draws(0, COLUMNS="30"))) < 30)


if __name__ == "__main__":
    unittest.main()
