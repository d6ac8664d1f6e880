"""Submitting to the cluster that the fixture slurm.start has brought up, and looking after the jobs."""
import glob
import os
import re
import shlex
import subprocess
import sys
import time

import harness

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLUSTER = os.path.join(ROOT, "tests/slurm/cluster")
SMALL = os.path.join(ROOT, "tests/mpi/small.yaml")
OVER = {
    "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE", "BOOT_FAIL", "PREEMPTED"}

sys.path.insert(0, os.path.join(ROOT, "tests/mpi"))
FOLDER = ""  # of the cluster


def find_cluster():
    """To be called first, with the cluster's folder as the last argument; without a running one the test is skipped."""
    global FOLDER
    FOLDER = sys.argv.pop()
    if not os.path.exists(os.path.join(FOLDER, "pids")):
        harness.skip("no Slurm cluster runs here; the test slurm.start says why")
    for line in open(os.path.join(FOLDER, "environment"), encoding="utf-8"):
        for setting in shlex.split(line)[1:]:  # export NAME=VALUE...
            name, value = setting.split("=", 1)
            os.environ[name] = value
    # Jobs have a slot for each rank; with leave to oversubscribe, Open MPI 5 puts all of them on the first node.
    for name in ("OMPI_MCA_rmaps_base_oversubscribe", "PRTE_MCA_rmaps_default_mapping_policy"):
        os.environ.pop(name, None)


def script(name, arguments, folder, timeout=60, env=None):
    """Runs slurm/NAME, as a user does; its CompletedProcess."""
    return subprocess.run([os.path.join(ROOT, "slurm", name), *map(str, arguments)], cwd=folder,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout * harness.PATIENCE,
                          env={**os.environ, **(env or {})}, check=False)


def submit(name, arguments, folder):
    """The numbers of the jobs that slurm/NAME submits."""
    result = script(name, arguments, folder)
    assert result.returncode == 0, result
    return [int(number) for number in re.findall(r"^job(?: array)? (\d+):", result.stdout, re.M)]


def describe(job):
    """[{field: value}] of a job, or of all tasks of an array."""
    text = subprocess.run(["scontrol", "-o", "show", "job", str(job)], capture_output=True, text=True, timeout=30,
                          check=True).stdout
    return [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in text.splitlines()]


def wait(job, timeout=120):
    """Waits until the job (all tasks of an array) is over; describe(job)."""
    end = time.monotonic() + timeout * harness.PATIENCE
    while time.monotonic() < end:
        parts = describe(job)
        if {part["JobState"] for part in parts} <= OVER:
            return parts
        time.sleep(0.2)
    raise AssertionError(f"job {job} is not over after {timeout * harness.PATIENCE:g} s: {describe(job)}")


def wait_for_text(path, text, job, timeout=60):
    """Waits until a running job has written this to its output."""
    end = time.monotonic() + timeout * harness.PATIENCE
    while time.monotonic() < end:
        if os.path.exists(path) and text in read(path):
            return
        if {part["JobState"] for part in describe(job)} <= OVER:
            break
        time.sleep(0.1)
    raise AssertionError(
        f"job {job} did not write \"{text}\"; {describe(job)}; {read(path) if os.path.exists(path) else 'no output'}")


def processes(*command):
    """The process ids, in order, whose command line begins with the first word of these and has the others among its
    arguments."""
    found = []
    for place in glob.glob("/proc/[0-9]*"):
        try:
            words = read(os.path.join(place, "cmdline")).split("\0")
        except OSError:
            continue  # ended in the meantime
        if words[0] == command[0] and set(command) <= set(words):
            found.append(int(os.path.basename(place)))
    return sorted(found)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
