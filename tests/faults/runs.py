"""A training that is small and yet does everything, started in the background, disturbed, and gone on from."""
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import uuid

import harness
from compare_runs import first_difference

SMALL = os.path.join(os.path.dirname(__file__), "..", "mpi", "small.yaml")
PSAC = ["--config", SMALL, "--set", "checkpoint.every=1", "--set", "evaluation.max_images=10"]
SEED = [
    "--config", "notebook", "--set", "simulation.t_total=150", "--set", "simulation.t_skip=30", "--set",
    "middle_layer.num_neurons=300", "--set", "training.max_images=60", "--set", "training.log_interval=10", "--set",
    "checkpoint.every=10", "--set", "evaluation.max_images=10"]
END = 30 * harness.PATIENCE  # seconds in which a run that was disturbed has to end
FINISHED = ["out.final.h5", "out.h5"]  # what a run leaves, besides the spikes that it recorded
LAYER = None  # the path of the preloaded library, set by the test that uses it


def training(*more, network=PSAC):
    return [
        "train", "--data", harness.DIGITS, "--out", "out.h5", "--progress", "none", "--backend", "cpu", *network, *more]


def faulty(fault, rank=None, **more):
    """The environment in which a call fails."""
    chosen = {} if rank is None else {"PSAC_FAULT_RANK": str(rank)}
    return {"LD_PRELOAD": LAYER, "PSAC_FAULT": fault, **chosen, **more}


class Running:
    """A run in the background, and its processes."""

    def __init__(self, arguments, folder, ranks, env=None):
        self.mark = f"PSAC_TEST_RUN={uuid.uuid4()}"  # every process of the run has it in its environment
        self.session = tempfile.mkdtemp(prefix="psac")
        command = [harness.PROGRAM, *map(str, arguments)]
        if ranks > 1:
            command = [harness.MPIEXEC, "-n", str(ranks), *command]
        name, value = self.mark.split("=")
        environment = {"OMPI_MCA_orte_tmpdir_base": self.session, "PRTE_MCA_prte_tmpdir_base": self.session,
                       "OMPI_MCA_ess_singleton_isolated": "1", **os.environ, **(env or {}), name: value}
        self.command = command
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, errors="replace", env=environment)

    def ranks(self):
        """{rank: process id} of those that have started to be psac_dist."""
        found = {}
        for place in glob.glob("/proc/[0-9]*"):
            try:
                with open(place + "/environ", "rb") as file:
                    environment = file.read().split(b"\0")
                if self.mark.encode() in environment and os.readlink(place + "/exe") == os.path.realpath(
                        harness.PROGRAM):
                    rank = [word.split(b"=")[1] for word in environment if word.startswith(b"OMPI_COMM_WORLD_RANK=")]
                    found[int(rank[0]) if rank else 0] = int(os.path.basename(place))
            except OSError:  # it has just ended, or is another user's
                continue
        return found

    def send(self, signal_number, ranks):
        for rank, pid in self.ranks().items():
            if rank in ranks:
                try:
                    os.kill(pid, signal_number)
                except ProcessLookupError:
                    pass

    def end(self):
        """Waits for it, and for each of its ranks; its Result."""
        try:
            out, err = self.process.communicate(timeout=END)
            limit = time.monotonic() + END
            while self.ranks() and time.monotonic() < limit:
                time.sleep(0.05)
            survivors = self.ranks()
        finally:
            self.send(signal.SIGKILL, range(1000))
            self.process.kill()
            shutil.rmtree(self.session, ignore_errors=True)
        assert not survivors, f"ranks {list(survivors)} outlive the run: {' '.join(self.command)}"
        return harness.Result(self.command, self.process.returncode, out, err)


class Runs(unittest.TestCase):
    """Every test has a folder of its own, in which the program runs; references are trained once."""

    references = {}

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=harness.FILES)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def checkpoints(self):
        return sorted(name for name in os.listdir(self.folder) if ".ckpt-" in name and name.endswith(".h5"))

    def left(self):
        return sorted(name for name in os.listdir(self.folder) if name != "out.spikes")

    def clear(self):
        for name in os.listdir(self.folder):
            os.unlink(self.path(name))

    def reference(self, network=PSAC):
        """The run file of a run that nobody disturbed."""
        key = tuple(network)
        if key not in self.references:
            place = tempfile.mkdtemp(dir=harness.FILES)
            self.addClassCleanup(shutil.rmtree, place, ignore_errors=True)
            harness.run_well(training(network=network), folder=place)
            self.references[key] = os.path.join(place, "out.h5")
        return self.references[key]

    def run_in_folder(self, arguments, **more):
        return harness.run(arguments, folder=self.folder, timeout=120, **more)

    def start(self, *more, ranks=2, network=PSAC, env=None):
        return Running(training(*more, network=network), self.folder, ranks, env)

    def wait_for_checkpoint(self, number=1, running=None):
        limit = time.monotonic() + 60 * harness.PATIENCE
        while len(self.checkpoints()) < number:
            assert time.monotonic() < limit, "no checkpoint appears"
            assert running is None or running.process.poll() is None, running.end()
            time.sleep(0.005)

    def assert_goes_on(self, *more, ranks=1, network=PSAC, skips=False, env=None):
        """--resume auto ends with the bits of the reference, without a checkpoint that is damaged, and tidies up; its
        Result."""
        result = self.run_in_folder(training("--resume", "auto", *more, network=network), ranks=ranks, env=env or {})
        self.assertEqual(result.code, 0, result)
        if not skips:
            self.assertNotIn("skipping", str(result))
        self.assertIsNone(first_difference(self.reference(network), self.path("out.h5")), result)
        self.assertEqual(self.left(), FINISHED, result)
        return result
