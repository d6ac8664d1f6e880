#!/usr/bin/env python3
"""The scripts of slurm/ without a cluster: help, dry runs, and what is refused before anything is submitted or
written."""
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

import harness
import jobs

SCRIPTS = ("train.sbatch", "scaling_study.sh")
STUDY = "size: {neurons: [100, 200], ranks: [1, 4], trials: 8}\n"


class Scripts(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=harness.FILES)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.write("study.yaml", STUDY)
        self.write("bin/sbatch", '#!/bin/sh\nprintf "%s\\n" "$@" >>submitted\necho 7\n')  # notes what it is given
        os.chmod(self.path("bin/sbatch"), stat.S_IRWXU)
        self.environment = {"PATH": f"{self.path('bin')}:{os.environ['PATH']}"}
        for name in [name for name in os.environ if name.startswith(("PSAC_GPUS", "PSAC_RANKS", "PSAC_OUT", "SLURM"))]:
            self.environment[name] = ""

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def run_script(self, name, *arguments):
        needed = ["--program", harness.PROGRAM, "--data", harness.DIGITS]
        if name == "scaling_study.sh":
            needed += ["--study", "study.yaml", "--out", "out"]
        return jobs.script(name, [*needed, *arguments], self.folder, env=self.environment)

    def assert_refused(self, name, arguments, *parts):
        result = self.run_script(name, *arguments)
        self.assertEqual((result.returncode, result.stdout), (2, ""), result)
        lines = result.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, result)
        for part in parts:
            self.assertIn(part, lines[0])
        self.assertEqual(sorted(os.listdir(self.folder)), ["bin", "study.yaml"])

    def test_help_explains_every_variable(self):
        for name in SCRIPTS:
            result = jobs.script(name, ["--help"], self.folder)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            for part in ("usage: slurm/" + name, "PSAC_GPUS_PER_NODE", "PSAC_LAUNCHER", "--dry-run", "PSAC_MODULES"):
                self.assertIn(part, result.stdout)

    def test_a_dry_run_prints_and_submits_nothing(self):
        for name, n_jobs in zip(SCRIPTS, (1, 2)):
            result = self.run_script(name, "--dry-run", "--gpus-per-node", 2, "--", "--seed", 7)
            self.assertEqual((result.returncode, result.stderr), (0, ""), result)
            self.assertEqual(len(re.findall("^sbatch ", result.stdout, re.M)), n_jobs)
            self.assertIn("--seed 7", result.stdout)
            self.assertEqual(sorted(os.listdir(self.folder)), ["bin", "study.yaml"])

    def test_one_array_over_networks_ranks_and_repeats(self):
        out = self.run_script("scaling_study.sh", "--dry-run", "--gpus-per-node", 2, "--repeats", 3).stdout
        array, report = [line for line in out.splitlines() if line.startswith("sbatch ")]
        self.assertIn("--job-name=scaling --array=0-11 ", array)
        self.assertIn("--nodes=2 --ntasks=4 --ntasks-per-node=2 --gpus-per-node=2",
                      array)  # the largest number of ranks
        tasks = [f"{ranks}:{case}:{repeat}" for ranks in (1, 4) for case in (0, 1) for repeat in (1, 2, 3)]
        self.assertIn("measure " + "\\ ".join(tasks), array)
        self.assertIn("--dependency=afterany:1 ", report)
        self.assertIn("measurements: 12,", out)

    def test_what_each_task_measures_is_written_beside_its_log(self):
        result = self.run_script("scaling_study.sh", "--repeats", 2)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        with open(self.path("out/log/scaling-7.tasks"), encoding="utf-8") as file:
            tasks = file.read().splitlines()
        study = os.path.join(os.path.realpath(self.folder), "study.yaml")
        expected = [f"case {case} of {study} on {ranks} ranks, repeat {repeat}"
                    for ranks in (1, 4) for case in (0, 1) for repeat in (1, 2)]
        self.assertEqual([task.replace(self.path("study.yaml"), study) for task in tasks], expected)

    def test_replicas_that_divide_no_ranks_are_left_out(self):
        self.write("study.yaml", "size: {neurons: 100, ranks: [1, 2, 4], replicas: [1, 2, 4, auto], trials: 8}\n")
        out = self.run_script("scaling_study.sh", "--dry-run").stdout
        self.assertIn(
            "measure " + "\\ ".join(f"{pair}:1"
                                    for pair in ("1:0", "1:3", "2:0", "2:1", "2:3", "4:0", "4:1", "4:2", "4:3")), out)
        out = self.run_script("scaling_study.sh", "--dry-run", "--ranks", "3,2", "--", "--replicas", "1").stdout
        self.assertIn("measure 2:0:1\\ 3:0:1 --replicas 1", out)

    def test_ranks_become_nodes_and_gpus(self):
        out = self.run_script("scaling_study.sh", "--dry-run", "--arrays", "per-ranks", "--gpus-per-node", 2,
                              "--at-once", 3).stdout
        self.assertIn("--array=0-1%3", out)
        self.assertIn("--nodes=1 --ntasks=1 --ntasks-per-node=1 --gpus-per-node=1", out)
        self.assertIn("--nodes=2 --ntasks=4 --ntasks-per-node=2 --gpus-per-node=2", out)
        self.assertIn("--dependency=afterany:1:2", out)
        out = self.run_script("scaling_study.sh", "--dry-run", "--arrays=per-ranks", "--gpus-per-node", 0, "--ranks",
                              "2,8", "--repeats", 2).stdout
        self.assertIn("--array=0-3 ", out)
        self.assertIn("--nodes=1 --ntasks=8 --ntasks-per-node=8 --time", out)
        self.assertNotIn("gpus", out)

    def test_options_reach_sbatch(self):
        result = self.run_script("train.sbatch", "--nodes", 3, "--partition=big", "--account", "me", "--time",
                                 "1-00:30", "--sbatch", "--constraint=h100&x", "--stop-before", 60, "--", "--set",
                                 "record.trials=[1, 2]")
        self.assertEqual(result.returncode, 0, result)
        with open(self.path("submitted"), encoding="utf-8") as file:
            given = file.read().splitlines()
        for argument in ("--nodes=3", "--ntasks=24", "--gpus-per-node=8", "--partition=big", "--account=me",
                         "--time=1-00:30", "--constraint=h100&x", "--signal=B:USR1@60", "record.trials=[1, 2]"):
            self.assertIn(argument, given)

    def test_a_job_has_time_to_train(self):
        for limit, before in (("30", 300), ("2", 24), ("0:50", 10), ("1-0", 300)):
            self.assertIn(f"--signal=B:USR1@{before} ",
                          self.run_script("train.sbatch", "--dry-run", "--time", limit).stdout)
        for limit, before in (("2", 120), ("1:00:00", 3600), ("1-0:0:1", 90000), ("08", 480)):
            self.assert_refused("train.sbatch", ["--time", limit, "--stop-before", before],
                                f"--stop-before {before} (s) leaves nothing of --time")

    def test_a_folder_that_is_not_there_is_not_made(self):
        self.assert_refused("train.sbatch", ["--out", "mistyped/run.h5"], "there is no folder", "mistyped")

    def test_bad_options_are_refused(self):
        for name in SCRIPTS:
            self.assert_refused(name, ["--gpu", "1"], "--gpu is not an option")
            self.assert_refused(name, ["--time"], "--time needs a value")
            self.assert_refused(name, ["--time="], "--time needs a value")
            self.assert_refused(name, ["--time", "soon"], "--time soon is not a time limit")
            self.assert_refused(name, ["--gpus-per-node", "-1"], "--gpus-per-node -1 is not a whole number")
            self.assert_refused(name, ["--ranks-per-node", "0"], "--ranks-per-node 0 is not a whole number from 1")
            self.assert_refused(name, ["--launcher", "ssh"], "--launcher ssh is unknown; allowed: srun, mpirun")
            self.assert_refused(name, ["--program", "nowhere"], "nowhere is not a program")
            self.assert_refused(name, ["--data", "nowhere"], "nowhere is not a folder")
            self.assert_refused(name, ["stray"], "stray is not understood")
        self.assert_refused("train.sbatch", ["--nodes", "two"], "--nodes two is not a whole number")
        self.assert_refused("train.sbatch", ["--retries", "-1"], "--retries -1 is not a whole number from 0")
        self.assert_refused("train.sbatch", ["--name", "a b"], "--name a b")
        self.assert_refused("train.sbatch", ["--out", "bin"], "bin is a folder; a run file is needed")
        self.assert_refused("train.sbatch", ["--", "--resume", "auto"],
                            "--resume is set by train.sbatch and cannot stand after --")
        self.assert_refused("train.sbatch", ["--", "--neurons", "5"], "--neurons is not an option of psac_dist train")
        self.assert_refused("train.sbatch", ["--", "--set", "a.b=1"], "a.b is not a key")
        self.assert_refused("train.sbatch", ["--", "--replicas", "2", "--config=none.yaml"], "none.yaml: cannot open")
        self.assert_refused("scaling_study.sh", ["--ranks", "1,,2"], "--ranks 1,,2 is not a list")
        self.assert_refused("scaling_study.sh", ["--repeats", "0"], "--repeats 0 is not a whole number")
        self.assert_refused("scaling_study.sh", ["--at-once", "0"], "--at-once 0 is not a whole number")
        self.assert_refused("scaling_study.sh", ["--arrays", "many"],
                            "--arrays many is unknown; allowed: one, per-ranks")
        self.assert_refused("scaling_study.sh", ["--single-array"], "--single-array")

    def test_bad_studies_are_refused(self):
        self.assert_refused("scaling_study.sh", ["--study", "none.yaml"], "none.yaml: cannot open")
        self.assert_refused("scaling_study.sh", ["--only", "week"], "--only week is neither")
        self.assert_refused("scaling_study.sh", ["--out", "study.yaml"], "is a file; a study is a folder")
        self.assert_refused("scaling_study.sh", ["--out", "study.yaml/sub"], "study.yaml/sub cannot be written to")
        self.assert_refused("scaling_study.sh", ["--", "--replicas", "3"],
                            "--replicas 3 does not divide any of the numbers of ranks")
        self.assert_refused("scaling_study.sh", ["--only", "0:1"], "--only 0:1 names a repeat")
        self.assert_refused("scaling_study.sh", ["--", "--set", "a.b=1"], "a.b is not a key")
        self.assert_refused("scaling_study.sh", ["--", "--out=x"],
                            "--out is set by scaling_study.sh and cannot stand after --")

    def test_a_cluster_that_refuses_is_a_failure(self):
        self.write("bin/sbatch", "#!/bin/sh\necho no >&2\nexit 1\n")
        for name in SCRIPTS:
            self.assertEqual(self.run_script(name).returncode, 1)

    def test_a_study_is_submitted_whole_or_not_at_all(self):
        for name, text in (("sbatch", 'case "$*" in *collect*) exit 1 ;; *) echo 7 ;; esac'), ("scancel",
                                                                                               'echo "$@" >cancelled')):
            self.write(f"bin/{name}", f"#!/bin/sh\n{text}\n")
            os.chmod(self.path(f"bin/{name}"), stat.S_IRWXU)
        result = self.run_script("scaling_study.sh", "--arrays", "per-ranks")
        self.assertEqual((result.returncode, result.stderr),
                         (1, "scaling_study.sh: sbatch refused the job; cancelled: 7 7\n"))
        with open(self.path("cancelled"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "7 7\n")

    def job(self, srun, state="RUNNING", **environment):
        """train.sbatch as Slurm starts it, with a launcher that does what the text says: exit code, output, starts."""
        shutil.copy(os.path.join(jobs.ROOT, "slurm/train.sbatch"), self.path("slurm_script"))
        for name, text in (("srun", f"echo start >>starts\n{srun}"),
                           ("scontrol",
                            f'case "$*" in *show*) echo JobState={state} ;; *) echo "$@" >>requeued ;; esac')):
            self.write(f"bin/{name}", f"#!/bin/sh\n{text}\n")
            os.chmod(self.path(f"bin/{name}"), stat.S_IRWXU)
        slurm = {
            "PSAC_ROOT": jobs.ROOT, "PSAC_LAUNCHER": "srun", "PSAC_OUT": self.path("out.h5"), "SLURM_JOB_ID": "7",
            "SLURM_JOB_NODELIST": "n1", "SLURM_NTASKS": "1", "SLURM_NTASKS_PER_NODE": "1", "SLURM_JOB_NUM_NODES": "1"}
        for name in ("starts", "requeued"):
            if os.path.exists(self.path(name)):
                os.remove(self.path(name))
        result = subprocess.run(["bash", "./slurm_script"], cwd=self.folder, capture_output=True, text=True, timeout=60,
                                check=False, env={**os.environ, **self.environment, **slurm, **environment})
        return result.returncode, result.stdout, len(jobs.read(self.path("starts")).split())

    def test_a_job_ends_with_the_code_of_its_run(self):
        for code in (0, 1, 2, 75) * 5:  # a launcher that ends at once must not be missed
            self.assertEqual(self.job(f"exit {code}")[::2], (code, 1))
        self.assertFalse(os.path.exists(self.path("requeued")))

    def test_a_run_that_a_signal_ended_is_started_again(self):
        code, out, starts = self.job("[ $(wc -l <starts) -gt 2 ] || kill -SEGV $$")
        self.assertEqual((code, starts, out.count("signal 11 ended the run; starting it again")), (0, 3, 2))
        self.assertEqual(self.job("kill -KILL $$")[::2], (137, 3))
        self.assertEqual(self.job("kill -KILL $$", PSAC_RETRIES="0")[::2], (137, 1))
        self.assertEqual(self.job("kill -TERM $$", state="CANCELLED")[::2], (143, 1))
        self.assertFalse(os.path.exists(self.path("requeued")))

    def test_a_job_that_is_stopped_queues_itself_again(self):
        stop = "kill -USR1 $PPID"  # as Slurm does before the time limit
        wait = "trap 'stopped=1' USR2\n" + stop + '\nwhile [ -z "$stopped" ]; do sleep 0.01; done\n'
        for end in ("exit 75", "kill -KILL $$"):
            self.assertEqual(self.job(wait + end)[2], 1)
            self.assertEqual(jobs.read(self.path("requeued")), "requeue 7\n")
        self.job(wait + "exit 1")
        self.assertFalse(os.path.exists(self.path("requeued")))
        self.job(wait + "exit 75", state="CANCELLED")
        self.assertFalse(os.path.exists(self.path("requeued")))

    def test_a_cluster_that_was_not_started_need_not_be_stopped(self):
        cluster = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cluster")
        self.assertEqual(subprocess.run([cluster, "stop", self.path("nowhere")], check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
