#!/usr/bin/env python3
"""How fast is psac_dist, and how much memory does it take? Everything is measured side by side in one run.

Prints, for both networks: milliseconds per trial on 1, 2, ... ranks, the share of each stage, \
the ratio to the notebook in PyTorch
(one thread; only where python3-torch is installed), speed-up over one rank, \
bytes per neuron and trial and per recurrent synapse.
Figures are medians over repeats; runs of different kinds take turns, so that a machine that drifts drifts for all.
No figure is judged: this is a measurement, not a test.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
STAGE = re.compile(r"^  (\w+) +([\d.]+) s +[\d.]+ s", re.MULTILINE)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build/psac_dist", help="psac_dist to measure [build/psac_dist]")
    parser.add_argument("--data", default=ROOT / "data/mnist", help="folder of the MNIST files [data/mnist]")
    parser.add_argument("--ranks", default="1,2", help="numbers of ranks, the first is the reference [1,2]")
    parser.add_argument("--neurons", type=int, default=5000, help="middle neurons [5000]")
    parser.add_argument("--trials", type=int, default=512, help="training trials of a run of model psac [512]")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each kind [3]")
    return parser.parse_args()


def environment():
    extra = {"OMPI_MCA_rmaps_base_oversubscribe": "1",  # Open MPI 4, and 5:
             "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
    if os.geteuid() == 0:
        extra |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return os.environ | extra


def run(options, model, ranks, trials, settings=()):
    """One training run: {stage: seconds, mean over ranks} without set-up, and the peak memory of one rank in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mpirun", "-np", str(ranks)] if ranks > 1 else []
        command += [str(options.program), "train", "--config", model, "--data", str(options.data), "--progress", "none"]
        command += ["--out", f"{folder}/run.h5"]
        settings = [
            f"middle_layer.num_neurons={options.neurons}", f"training.max_images={trials}", "training.num_epochs=1",
            "evaluation.max_images=1", "record.trials=[]", *settings]
        for setting in settings:
            command += ["--set", setting]
        with open(f"{folder}/output", "w+") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment())
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            text = output.read()
    if process.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} failed:\n{text}")
    seconds = {name: float(mean) for name, mean in STAGE.findall(text)}
    seconds.pop("other"), seconds.pop("io")
    return seconds, usage.ru_maxrss * 1024


def notebook_seconds(options):
    """Seconds per image of the notebook, None where PyTorch is missing."""
    for python in ("/usr/bin/python3", sys.executable):
        done = subprocess.run([python, str(ROOT / "bench/notebook.py"),
                               str(options.neurons), "2"], capture_output=True, text=True)
        if done.returncode == 0:
            return float(done.stdout)
    print(done.stderr.strip(), file=sys.stderr)
    return None


def median_by_stage(runs, trials):
    """Milliseconds per trial and stage: the run whose total is the median, stage by stage."""
    middle = sorted(runs, key=lambda seconds: sum(seconds.values()))[len(runs) // 2]
    return {stage: 1e3 * value / trials for stage, value in middle.items()}


def report(model, ranks, stages, reference, notebook):
    total = sum(stages.values())
    line = f"{model:5} {ranks:2} rank{'s' if ranks > 1 else ' '} {total:8.2f} ms/trial"
    line += f"  {reference / total:5.2f} x one rank"
    line += f"  {1e3 * notebook / total:6.1f} x notebook" if notebook else ""
    shares = "  ".join(f"{stage} {100 * value / total:.0f} %" for stage, value in stages.items()
                       if value > 0.005 * total)
    print(f"{line}   {shares}")


def memory(options):
    """What a trial and a synapse cost: differences between runs that differ in nothing else."""
    def peak(*settings):
        return run(options, "psac", 1, 64, settings)[1]

    few, many = peak("simulation.trials_together=16"), peak("simulation.trials_together=64")
    print(f"memory  {(many - few) / (48 * options.neurons):.0f} bytes per middle neuron and trial")
    sparse = peak("simulation.trials_together=1", "recurrence.in_degree=100")
    dense = peak("simulation.trials_together=1", "recurrence.in_degree=1100")
    print(f"memory  {(dense - sparse) / (1000 * options.neurons):.2f} bytes per recurrent synapse")


def main():
    options = arguments()
    ranks = [int(r) for r in options.ranks.split(",")]
    trials = {"psac": options.trials, "notebook": 64}
    runs = {(model, r): [] for model in trials for r in ranks}
    notebook = []
    for _ in range(options.repeats):
        for (model, r), done in runs.items():
            done.append(run(options, model, r, trials[model])[0])
        notebook.append(notebook_seconds(options))
    reference_seconds = None if None in notebook else statistics.median(notebook)
    print(f"{options.neurons} middle neurons, median of {options.repeats}")
    if reference_seconds:
        print(f"notebook, PyTorch, one thread {1e3 * reference_seconds:8.1f} ms/image")
    for model in trials:
        stages = {r: median_by_stage(runs[model, r], trials[model]) for r in ranks}
        reference = sum(stages[ranks[0]].values())
        for r in ranks:
            report(model, r, stages[r], reference, reference_seconds)
    memory(options)


if __name__ == "__main__":
    main()
