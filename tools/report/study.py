"""The report of a scaling study: joins the rows of all files in its folder, and makes tables, figures
and one page of them."""
import csv
import html
import re
from types import SimpleNamespace

import h5py
import numpy as np

import study_figures
from page import BadRun, attribute, member, page, picture, picture_names, plural, publish, reading, text

TABLES = ("table.csv", "table.md")
NEEDED = ("kind", "neurons", "ranks", "nodes", "as_rank", "backend", "batch", "trials", "seconds", "trials_per_s",
          "ms_per_step", "stage_mean_s", "stage_max_s", "network_bytes", "device_bytes", "planned_bytes",
          "planned_trials_per_s", "spikes_per_s", "synaptic_events_per_s", "accuracy", "end_time")


def read_file(path):
    """(rows as {column: value}, names of the stages) of one file."""
    with reading(), h5py.File(path, "r") as file:
        if "content" not in file.attrs or text(file.attrs["content"]) != "scaling":
            raise BadRun("not a file of psac_dist scaling (its attribute 'content' does not say so)")
        group = member(file, "rows", None)
        columns = {name: member(group, name, 2 if name.startswith("stage_") else 1)[:] for name in group}
        for name in NEEDED:
            member(group, name, 2 if name.startswith("stage_") else 1)
        if len({len(column) for column in columns.values()}) > 1:
            raise BadRun("the datasets of /rows differ in length")
        n = len(next(iter(columns.values())))
        columns.setdefault("replicas", np.ones(n, np.int64))  # older versions knew one only
        columns.setdefault("shards", columns["ranks"] // columns["replicas"])
        version = text(attribute(file, "git_revision"))
        rows = [{"file": path.name, "git_revision": version,
                 **{name: text(column[k]) if column.dtype.kind == "S" else column[k]
                    for name, column in columns.items()}}
                for k in range(n)]
        return rows, [text(stage) for stage in member(file, "stages")[:]]


def failed_tasks(folder):
    """(what was to be measured, why there is no row of it, the log's name) of every task of slurm/scaling_study.sh that
    failed and was not repeated with success. A successful task ends its log with the name of its file; log/*.tasks
    lists the tasks of an array."""
    done, failed = set(), {}
    logs = folder / "log"
    for path in sorted(logs.glob("*_*.out")):
        lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        told = [re.match(r"scaling_study\.sh: job \S+, (case .*, repeat \d+), on ", line) for line in lines]
        what = next((match[1] for match in told if match), None)
        if any(line.startswith("rows: ") for line in lines):
            done.add(what)
        else:
            reasons = [line for line in lines
                       if re.match("psac_dist: |slurmstepd: error|srun: error|mpirun noticed", line)]
            failed[path.name] = what, (reasons or lines or ["the log is empty"])[-1].strip()
    for path in sorted(logs.glob("*.tasks")):
        for k, what in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines()):
            name = f"{path.stem}_{k}.out"
            if not (logs / name).exists():
                failed[name] = what, "it never started: there is no log"
            elif name in failed and failed[name][0] is None:
                failed[name] = what, failed[name][1]
    return [(what or "a task", reason, name) for name, (what, reason) in failed.items() if what not in done]


def read_study(folder):
    rows, stages, files = [], None, sorted(folder.glob("*.h5"))
    for path in files:
        try:
            found, names = read_file(path)
        except BadRun as problem:
            raise BadRun(f"{path.name}: {problem}") from problem
        if stages is not None and names != stages:
            raise BadRun(f"{path.name}: its stages {names} are not those of {files[0].name}: "
                         "a study of one version of the program is shown")
        rows, stages = rows + found, names
    failed = failed_tasks(folder)
    if not rows:
        first = "".join(f"; {plural(len(failed), 'task')} failed, the first: {what}: {reason}"
                        for what, reason, _ in failed[:1])
        raise BadRun("holds no rows of psac_dist scaling (files *.h5)" + first)
    kinds = study_figures.KINDS
    rows.sort(key=lambda row: (kinds.index(row["kind"]) if row["kind"] in kinds else 9, row["as_rank"] >= 0,
                               row["neurons"], row["batch"], row["ranks"], row["replicas"], row["backend"],
                               row["end_time"]))
    for row in rows:
        row["dry_run"] = row["as_rank"] >= 0
        row["memory"] = row["device_bytes"] if row["device_bytes"] > 0 else row["network_bytes"]
        row["exchange"] = row["stage_mean_s"][stages.index("exchange")] / row["seconds"]
    return SimpleNamespace(name=folder.resolve().name, rows=rows, stages=stages, n_files=len(files), failed=failed)


# ---------------------------------------------------------------- tables

def write_csv(study, path):
    """Every row with every column."""
    names = [name for name in study.rows[0] if not name.startswith("stage_") and name not in ("memory", "exchange")]
    # Files of several versions may be joined.
    names = [name for name in names if all(name in row for row in study.rows)]
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(names + [f"{stage}_{which}_s" for which in ("mean", "max") for stage in study.stages])
        for row in study.rows:
            times = [f"{value:.6g}" for which in ("mean", "max") for value in row[f"stage_{which}_s"]]
            table.writerow([row[name] for name in names] + times)


def figure_of(value):
    """Three significant digits and thousands separators."""
    if value == 0 or not np.isfinite(value):
        return "0" if value == 0 else ""
    if value >= 1e6:
        return f"{value / 1e6:,.3g} M" if value < 1e9 else f"{value / 1e9:,.3g} G"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{digits}f}"


def summary(study):
    """(head, rows of text): repeats joined, as median and spread."""
    head = ["kind", "neurons", "ranks", "replicas", "nodes", "backend", "batch", "repeats",
            "trials/s", "lowest", "highest", "ms per step", "exchange",
            "MB per rank", "spikes/s", "synaptic events/s", "test accuracy"]
    body = []
    alike = ("kind", "neurons", "ranks", "replicas", "nodes", "backend", "batch", "dry_run", "trials")
    joined = study_figures.groups(study.rows, lambda row: tuple(row[name] for name in alike))
    for (kind, neurons, ranks, replicas, nodes, backend, batch, dry_run, _), rows in joined.items():
        median = lambda name: np.median([row[name] for row in rows])
        speed = [row["trials_per_s"] for row in rows]
        accuracy = np.nanmean([row["accuracy"] for row in rows]) if kind == "accuracy" else np.nan
        body.append([kind + (" (dry run)" if dry_run else ""), f"{neurons:,}", f"{ranks:,}", f"{replicas:,}",
                     f"{nodes:,}", backend, str(batch), str(len(rows)),
                     figure_of(np.median(speed)), figure_of(min(speed)), figure_of(max(speed)),
                     figure_of(median("ms_per_step")), f"{100 * median('exchange'):.1f} %",
                     figure_of(median("memory") / 1e6), figure_of(median("spikes_per_s")),
                     figure_of(median("synaptic_events_per_s")),
                     "" if np.isnan(accuracy) else f"{100 * accuracy:.2f} %"])
    return head, body


def write_markdown(study, path):
    head, body = summary(study)
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    path.write_text("".join(f"| {' | '.join(line)} |\n" for line in lines), encoding="utf-8")


def html_table(study):
    head, body = summary(study)
    cells = lambda kind, line: "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in line)
    return (f'<div class="wide"><table class="rows"><thead><tr>{cells("th", head)}</tr></thead><tbody>'
            + "".join(f"<tr>{cells('td', line)}</tr>" for line in body) + "</tbody></table></div>")


# ---------------------------------------------------------------- the page

def report_study(folder, out):
    study = read_study(folder)
    shown = [figure for figure in study_figures.FIGURES if figure.rows(study)]
    absent = [figure for figure in study_figures.FIGURES if not figure.rows(study)]

    def write(new):
        body = [f"<p>{plural(len(study.rows), 'row')} from {plural(study.n_files, 'file')}. Points are medians over "
                "repeats, bars reach from the lowest to the highest. Open symbols are simulated ranks: one rank's "
                "true share computed on its own, its messages modelled.</p>"]
        if study.failed:
            body.append(f"<h2>Failed</h2><p>{plural(len(study.failed), 'task')} of Slurm left no row, "
                        "as they failed or still run:</p><ul>" + "".join(
                f"<li>{html.escape(what)}: {html.escape(reason)} (<code>log/{html.escape(name)}</code>)</li>"
                for what, reason, name in study.failed) + "</ul>")
        for figure in shown:
            body.append(f"<h2>{figure.title}</h2><figure>{picture(figure.draw, study, new, figure.title)}"
                        f"<figcaption>{figure.caption}</figcaption></figure>")
        if absent:
            body.append(f"<h2>Not shown</h2><p>{' '.join(figure.absent for figure in absent)}</p>")
        body.append('<h2>All measurements</h2><p>Every row with every column: <a href="table.csv">table.csv</a>; '
                    f'this table: <a href="table.md">table.md</a></p>{html_table(study)}')
        (new / "index.html").write_text(page(study.name, "psac_dist scaling study", "\n".join(body)), encoding="utf-8")
        write_csv(study, new / "table.csv")
        write_markdown(study, new / "table.md")

    publish(write, out, {"index.html", *TABLES} | picture_names(figure.draw for figure in study_figures.FIGURES))
    print(f"{plural(len(study.rows), 'row')} from {plural(study.n_files, 'file')}")
    for what, reason, name in study.failed:
        print(f"failed: {what}: {reason} (log/{name})")
