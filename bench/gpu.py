#!/usr/bin/env python3
"""How fast is psac_dist on this GPU?

Each line is one network: milliseconds per trial, learning included, as the difference of a long and a short run, so
that start-up does not count; the ratio to what `plan` predicts for the hardware profile and to its floor
(docs/measurements/gpu.md); the stages. The first network is also timed on the CPU backend, one rank, in the same run.
--profile adds Nsight Compute's figures of each kernel. No figure is judged: this is a measurement, not a test.
"""
import argparse
import csv
import shutil
import subprocess
import sys
import tempfile

from bench import ROOT, STAGE

# neurons, batch, trials of the long run beyond the short one, further settings
STEP = ["simulation.launch_per=step"]
CASES = [(5_000, 64, 16_384, []), (5_000, 256, 16_384, []), (5_000, 1, 256, []), (5_000, 64, 4_096, STEP),
         (1_000, 64, 16_384, []), (20_000, 64, 4_096, []), (20_000, 64, 2_048, STEP), (100_000, 64, 1_024, []),
         (1_000_000, 64, 128, []), (1_000_000, 16, 64, []), (5_000_000, 16, 32, [])]
KERNELS = ("present", "sum_rows", "step_layers", "reverse_traces", "add_eligibility", "learn", "encode",
           "retina_currents", "recurrent_currents", "integrate")
METRICS = {"time us": ("gpu__time_duration.sum", 1e-3),
           "DRAM MB": ("dram__bytes.sum", 1e-6),
           "L2 MB": ("lts__t_bytes.sum", 1e-6),
           "L2 tags %": ("lts__t_tag_requests.avg.pct_of_peak_sustained_elapsed", 1),
           "M instructions": ("smsp__inst_executed.sum", 1e-6),
           "issue %": ("smsp__issue_active.avg.pct_of_peak_sustained_active", 1),
           "warps %": ("sm__warps_active.avg.pct_of_peak_sustained_active", 1)}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build-cuda/psac_dist", help="[build-cuda/psac_dist]")
    parser.add_argument("--data", default=ROOT / "data/mnist", help="folder of the MNIST files [data/mnist]")
    parser.add_argument("--hardware", default="h200", help="profile of configs/hardware.yaml, or a file [h200]")
    parser.add_argument("--neurons", type=int, help="measure networks of this size only")
    parser.add_argument("--profile", action="store_true", help="also run Nsight Compute for two networks")
    parser.add_argument("--full", action="store_true", help="also run the full training of configs/psac.yaml")
    return parser.parse_args()


def run(command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"gpu.py: {' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def training(options, backend, neurons, out, *settings):
    command = [options.program, "train", "--data", options.data, "--progress", "none", "--backend", backend]
    command += ["--out", out]
    for setting in (f"middle_layer.num_neurons={neurons}", *settings):
        command += ["--set", setting]
    return command


def stages(options, backend, neurons, batch, trials, settings):
    """Milliseconds per trial by stage, and their sum."""
    seconds = []
    short = max(batch, trials // 8)
    for n in (short, short + trials):
        with tempfile.TemporaryDirectory() as folder:
            text = run(training(options, backend, neurons, f"{folder}/run.h5", f"training.batch_size={batch}",
                                f"training.max_images={n}", "training.num_epochs=1", "evaluation.max_images=1",
                                "simulation.cuda_graph=on", "checkpoint.minutes=0", "record.trials=[]", *settings))
        seconds.append({name: float(mean) for name, mean in STAGE.findall(text)})
    each = {name: 1e3 * (seconds[1][name] - seconds[0][name]) / trials for name in seconds[1]}
    return each, sum(each.values())


def predicted(options, neurons, batch, settings):
    command = [options.program, "plan", "--format", "csv", "--neurons", neurons, "--ranks", 1]
    command += ["--hardware", options.hardware]
    for setting in (f"training.batch_size={batch}", "simulation.cuda_graph=on", *settings):
        command += ["--set", setting]
    rows = list(csv.DictReader(run(command).splitlines()))
    total = {row["quantity"]: row["value"] for row in rows if row["section"] == "total"}
    return 1e3 * float(total["seconds_per_trial"]), 1e3 * float(total["floor_seconds_per_trial"])


def profile(options, neurons):
    ncu = shutil.which("ncu")
    if not ncu:
        return print("no profile: there is no ncu")
    command = [ncu, "--csv", "--clock-control", "none", "--cache-control", "none", "--kill", "yes"]
    command += ["--kernel-name", f"regex:^({'|'.join(KERNELS)})$"]
    command += ["--metrics", ",".join(name for name, _ in METRICS.values())]
    command += ["--launch-skip", 60 if neurons > 100_000 else 0, "--launch-count", 9]
    with tempfile.TemporaryDirectory() as folder:
        command += training(options, "cuda", neurons, f"{folder}/run.h5", "simulation.t_total=100",
                            "simulation.t_skip=50", "simulation.steps_per_reduce=0", "training.num_epochs=1",
                            "training.max_images=64", "evaluation.max_images=1")
        command = [str(word) for word in command]
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    launches = {}
    for row in csv.DictReader(line for line in out.splitlines() if line.startswith('"')):
        metrics = launches.setdefault((row["ID"], row["Kernel Name"].split("(")[0]), {})
        metrics[row["Metric Name"]] = float(row["Metric Value"].replace(",", ""))
    print(f"\n{neurons:,} neurons, by Nsight Compute" + ("" if launches else f": nothing, it said\n{out}"))
    print(f"{'kernel':20}" + "".join(f"{name:>15}" for name in METRICS))
    for (_, kernel), values in launches.items():
        cells = (factor * values.get(metric, float("nan")) for metric, factor in METRICS.values())
        print(f"{kernel:20}" + "".join(f"{cell:15,.1f}" for cell in cells))


def main():
    options = arguments()
    print(run([options.program, "info", "--backend", "cuda"]))
    for neurons, batch, trials, settings in CASES:
        if options.neurons not in (None, neurons):
            continue
        each, total = stages(options, "cuda", neurons, batch, trials, settings)
        expected, floor = predicted(options, neurons, batch, settings)
        print(f"{neurons:9,} neurons, batch {batch:3} {' '.join(settings):27} {total:9.4f} ms/trial, "
              f"{total / expected:5.2f} x plan, {total / floor:5.2f} x floor: "
              + " ".join(f"{name} {ms:.4f}" for name, ms in each.items()), flush=True)
        if (neurons, batch, settings) == (5_000, 64, []):
            core = stages(options, "cpu", neurons, batch, 128, [])[1]
            print(f"{'':28} one rank of the CPU backend {core:9.4f} ms/trial, {core / total:.1f} x", flush=True)
    for neurons in (5_000, 1_000_000) if options.profile else ():
        profile(options, neurons)
    if options.full:
        with tempfile.TemporaryDirectory() as folder:
            print(run(training(options, "cuda", 5_000, f"{folder}/full.h5", "simulation.cuda_graph=on")))


if __name__ == "__main__":
    main()
