"""How tests run the program: on any number of ranks, with a time-out, without mpirun's own words.

ctest passes the places in the environment: PSAC_PROGRAM, PSAC_MPIEXEC, PSAC_TEST_FILES (a folder for everything that
is written).
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ["PSAC_PROGRAM"]
MPIEXEC = os.environ["PSAC_MPIEXEC"]
FILES = os.environ["PSAC_TEST_FILES"]
PATIENCE = float(os.environ.get("PSAC_PATIENCE", 1))  # longer than usual a run may take, because of sanitizers
DIGITS = os.path.join(FILES, "digits")  # made by the fixture support.digits

SKIPPED = 77  # the exit code that ctest takes for a skipped test


def skip(reason):
    """Ends this test as skipped."""
    print(f"skipped: {reason}", flush=True)
    sys.exit(SKIPPED)


def need_h5py():
    """The module h5py; without it the test is skipped."""
    try:
        import h5py
    except ImportError as missing:
        skip(f"{missing} (Debian: python3-h5py)")
    return h5py


def need_gpu():
    """Without a GPU, real or emulated, the test is skipped."""
    result = run(["info", "--backend", "cuda"])
    if result.code != 0:
        skip(result.lines[0] if result.lines else "there is no GPU")


class Result:
    """What one run of the program left: exit code, standard output, and the lines that ranks wrote to standard
    error."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out = command, code, out
        # Open MPI 5's mpirun writes a zero byte where a rank aborts, and may begin its notice in the middle of a rank's
        # line.
        lines = re.sub(r"(?<=[^\n-])(?=-{70,}\n)", "\n", err.replace("\0", "")).splitlines()
        self.lines = [line for line in without_notices(lines) if line.strip()]

    def __str__(self):
        return f"{' '.join(self.command)}\n  exit code {self.code}" + "".join(f"\n  {line}" for line in self.lines)


MPIRUN_LINE = re.compile(r"\[(warn|[\w.-]+:\d+)\] ")  # [host:process], or a warning of its event library


def without_notices(lines):
    """The lines outside mpirun's own notices, which stand between two lines of dashes; what the program says counts
    anywhere."""
    kept, inside = [], False
    for line in lines:
        if line and not line.strip("-"):
            inside = not inside
        elif line.startswith("psac_dist: ") or not (inside or MPIRUN_LINE.match(line)):
            kept.append(line)
    return kept


def run(arguments, ranks=1, timeout=60, folder=None, **more):
    """Runs the program and returns its Result; on one rank without mpirun. A hang ends everything and raises."""
    command = [PROGRAM, *map(str, arguments)]
    if ranks > 1:
        command = [MPIEXEC, "-n", str(ranks), *command]
    with tempfile.TemporaryDirectory(prefix="psac") as session:
        os.chmod(session, 0o777)
        # Open MPI's own files in a place of their own: runs that start and end at once take away each other's common
        # folder.
        environment = {"OMPI_MCA_orte_tmpdir_base": session, "PRTE_MCA_prte_tmpdir_base": session,
                       "OMPI_MCA_ess_singleton_isolated": "1", **os.environ, **more.pop("env", {})}
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, errors="replace", env=environment, **more)
        try:
            out, err = process.communicate(timeout=timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)  # mpirun passes it on and cleans up
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
            raise AssertionError(f"no end within {timeout * PATIENCE:g} s: {' '.join(command)}") from None
    return Result(command, process.returncode, out, err)


def run_well(arguments, **more):
    """run(), which must succeed."""
    result = run(arguments, **more)
    assert result.code == 0, result
    return result


def as_nobody():
    """Arguments for run() that take root's powers away, so that file permissions count; skips one test where that
    fails."""
    if os.geteuid() != 0:
        return {}
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    try:
        run_well(["--version"], folder="/", **nobody)
    except (OSError, AssertionError):
        raise unittest.SkipTest("root may read anything, and nobody cannot run the program") from None
    return nobody
