"""The figures of a scaling study: one function each, from a study (see read_study in study.py) and a theme to a
matplotlib figure."""
from dataclasses import dataclass
from typing import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from figures import WIDTH

KINDS = ("weak", "strong", "size", "accuracy")
OWN_STAGES = 5  # stages that have a colour of their own; the rest is one


def groups(rows, key):
    """{key: rows} in the order of their first appearance."""
    found = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def of_kind(*kinds):
    return lambda study: [row for row in study.rows if row["kind"] in kinds]


def spread(rows, x, value):
    """Arrays x, median, lowest, highest of value(row) over the rows with the same x."""
    table = [(at, [value(row) for row in same]) for at, same in sorted(groups(rows, lambda row: row[x]).items())]
    return tuple(np.array(column, float) for column in zip(*((at, np.median(v), min(v), max(v)) for at, v in table)))


def short(n):
    """1,000,000 as 1M: labels of axes."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= size:
            return f"{n / size:.4g}{unit}"
    return f"{n:.4g}"


def whole(n):
    return f"{n:,.0f}"


def network(n):
    """1,000,000 as 1 million: names of networks."""
    return f"{n / 1e6:.4g} million" if n >= 1e6 else whole(n)


def colours(theme):
    return [theme.exc, theme.inh, theme.output, theme.critic, theme.ink, theme.quiet]


def curve(ax, rows, x, value, colour, label, dry_run):
    at, middle, low, high = spread(rows, x, value)
    ax.errorbar(at, middle, yerr=[middle - low, high - middle], color=colour, lw=1.4, ls="--" if dry_run else "-",
                marker="o", ms=5, mfc=ax.get_facecolor() if dry_run else colour, mew=1.2, elinewidth=1.1, capsize=2.5,
                label=label, zorder=3)


def log_places(low, high):
    """Round numbers for the labels of a logarithmic axis: decades, where there are at least four of them, or finer."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        places = [place for place in np.outer(decades, digits).ravel() if low <= place <= high]
        if len(places) >= 4:
            return places
    return [place for place in MaxNLocator(5).tick_values(low, high) if low <= place <= high]


def set_log(axis, base, places, name):
    """A logarithmic axis with labels at these places, or at powers of the base."""
    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log", base=base)
    axis.set_major_locator(FixedLocator(places) if places else LogLocator(base))
    axis.set_major_formatter(FuncFormatter(lambda value, _: name(value)))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def log_axis(axis, values, base=10, name=short):
    """A logarithmic axis that names the values themselves where they are few, else round numbers."""
    values = sorted(set(values))
    few = len(values) <= 12 and all(b / a > (values[-1] / values[0]) ** 0.11 for a, b in zip(values, values[1:]))
    set_log(axis, base, values if few else log_places(values[0], values[-1]) if base == 10 else None, name)
    if len(values) > 1:
        margin = (values[-1] / values[0]) ** 0.06
        (axis.axes.set_xlim if axis.axis_name == "x" else axis.axes.set_ylim)(values[0] / margin, values[-1] * margin)


def log_range(axis, name):
    """The same over the range of what was drawn."""
    set_log(axis, 10, None, name)
    set_log(axis, 10, log_places(*axis.get_view_interval()), name)


def legend(ax, theme, loc, handles=None, labels=None):
    """Inside the axes; a long one below the figure, which grows for it."""
    if handles is None:
        handles, labels = ax.get_legend_handles_labels()
    look = {"frameon": False, "fontsize": 8, "labelcolor": theme.ink, "handlelength": 2.2}
    if len(handles) <= 6:
        ax.legend(handles, labels, loc=loc, **look)
        return
    figure, columns = ax.figure, max(1, 105 // (8 + max(map(len, labels))))
    (width, height), at = figure.get_size_inches(), figure.subplotpars
    more = 0.1 + 0.185 * -(-len(handles) // columns)
    figure.set_size_inches(width, height + more)
    figure.subplots_adjust(top=(at.top * height + more) / (height + more),
                           bottom=(at.bottom * height + more) / (height + more))
    figure.legend(handles, labels, loc="lower left", bbox_to_anchor=(at.left, 0), borderaxespad=0, ncols=columns,
                  **look)


def two_panels(height=3.3):
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, height))
    figure.subplots_adjust(left=0.085, right=0.985, top=0.925, bottom=0.44 / height, wspace=0.22)
    return figure, *axes


def differ(rows, name):
    return len({row[name] for row in rows}) > 1


def in_replicas(n):
    return f"{n:,} replica{'s' if n > 1 else ''}"


def per_network(rows, of_rank):
    """Rows of one network (of one network per rank): {label: rows}."""
    several = differ(rows, "batch"), differ(rows, "backend")

    def key(row):
        n = row["neurons"] // row["ranks"] if of_rank else row["neurons"]
        label = f"{network(n)} neurons" + (" per rank" if of_rank else "")
        label += f", batch {row['batch']}" if several[0] else ""
        return label + (f", {row['backend']}" if several[1] else "")
    return groups(rows, key)


def per_cut(networks):
    """Series of one network in one number of replicas: (network, label, dry_run, rows) of each, real ones first."""
    every = [row for rows in networks.values() for row in rows]
    several = differ(every, "replicas")
    cut = lambda row: (row["replicas"], row["dry_run"])
    found = [(name, name + (f", {in_replicas(n)}" if several else ""), dry_run, own)
             for name, rows in networks.items() for (n, dry_run), own in sorted(groups(rows, cut).items())]
    return sorted(found, key=lambda series: series[2])


def first_speed(rows):
    """Ranks and median speed on the smallest number of ranks, of real ranks if there are any,
    in the fewest replicas."""
    base = [row for row in rows if not row["dry_run"]] or rows
    least = min((row["ranks"], row["replicas"]) for row in base)
    return least[0], float(np.median([row["trials_per_s"] for row in base if (row["ranks"], row["replicas"]) == least]))


def scaling(rows, theme, of_rank, speed_title):
    """Left speed, right efficiency, against ranks."""
    figure, left, right = two_panels()
    networks = per_network(rows, of_rank)
    series = per_cut(networks)
    palette = dict(zip(dict.fromkeys(label for _, label, _, _ in series), colours(theme) * 9))
    ranks = sorted({row["ranks"] for row in rows})
    ideal = np.array([ranks[0], ranks[-1]], float)
    for of_network, label, dry_run, own in series:
        least, speed = first_speed(networks[of_network])
        # A network that grows with the ranks does more in a trial: its work per second is what should grow with them.
        growth = (lambda row, least=least: row["ranks"] / least) if of_rank else (lambda row: 1.0)
        gain = lambda row, speed=speed, least=least, growth=growth: row["trials_per_s"] / speed * least * growth(row)
        name = label + (" (dry run)" if dry_run else "")
        curve(left, own, "ranks", gain, palette[label], name, dry_run)
        curve(right, own, "ranks", lambda row, gain=gain: 100 * gain(row) / row["ranks"], palette[label], name, dry_run)
    left.plot(ideal, ideal, color=theme.quiet, lw=1, ls=(0, (4, 3)), label="ideal")
    right.axhline(100, color=theme.quiet, lw=1, ls=(0, (4, 3)))
    for ax in (left, right):
        log_axis(ax.xaxis, ranks, 2, whole)
        ax.set_xlabel("Ranks")
        ax.grid(True)
    log_axis(left.yaxis, ranks, 2, whole)
    low, high = left.dataLim.y0, left.dataLim.y1
    left.set_ylim(max(low, 1e-9) * 0.85, high * 1.2)
    right.set_ylim(0, max(110, 1.08 * right.dataLim.y1))
    left.set_title(speed_title, loc="left", size=9, color=theme.ink)
    right.set_title("Efficiency (%)", loc="left", size=9, color=theme.ink)
    legend(left, theme, "upper left")
    return figure


def strong_scaling(study, theme):
    return scaling(of_kind("strong")(study), theme, False, "Speed-up of a fixed network")


def weak_scaling(study, theme):
    return scaling(of_kind("weak")(study), theme, True, "Speed-up of a growing network")


def by_ranks(rows):
    """{(label, dry_run): rows} for figures against size."""
    several = differ(rows, "replicas"), differ(rows, "backend")

    def key(row):
        label = f"{row['ranks']:,} rank{'s' if row['ranks'] > 1 else ''}"
        label += f", {in_replicas(row['replicas'])}" if several[0] else ""
        return label + (f", {row['backend']}" if several[1] else ""), row["dry_run"]
    in_order = sorted(rows, key=lambda row: (row["ranks"], row["replicas"]))
    return dict(sorted(groups(in_order, key).items(), key=lambda item: item[0][1]))


def size_rows(study):
    return of_kind("size")(study)


def speed_by_size(study, theme):
    """Trials and synaptic events per second against the number of neurons."""
    figure, left, right = two_panels()
    rows = size_rows(study)
    for colour, ((label, dry_run), own) in zip(colours(theme) * 9, by_ranks(rows).items()):
        name = label + (" (dry run)" if dry_run else "")
        curve(left, own, "neurons", lambda row: row["trials_per_s"], colour, name, dry_run)
        curve(right, own, "neurons", lambda row: row["synaptic_events_per_s"], colour, name, dry_run)
    for ax, title in ((left, "Trials per second, learning included"), (right, "Recurrent synaptic events per second")):
        log_axis(ax.xaxis, [row["neurons"] for row in rows])
        log_range(ax.yaxis, short)
        ax.set_xlabel("Middle neurons")
        ax.set_title(title, loc="left", size=9, color=theme.ink)
        ax.grid(True)
    legend(left, theme, "lower left")
    return figure


def time_by_stage(study, theme):
    """Milliseconds per trial by stage, stacked, against ranks; one panel for each network that was measured on most
    numbers of ranks."""
    rows = of_kind("strong", "weak")(study)
    chosen = {}
    for kind in ("strong", "weak"):
        own = [row for row in rows if row["kind"] == kind]
        chosen.update({f"{'Fixed network' if kind == 'strong' else 'Growing network'}\n{label}": some
                       for label, some in per_network(own, kind == "weak").items()})
    several = {title: some for title, some in chosen.items() if len({row["ranks"] for row in some}) > 1}
    chosen = dict(sorted((several or chosen).items(), key=lambda item: -len({row["ranks"] for row in item[1]}))[:4])
    n = len(chosen)
    place = lambda row: (row["ranks"], row["replicas"], row["dry_run"])
    in_grid = differ(rows, "replicas")
    n_bars = [len({place(row) for row in some}) for some in chosen.values()]
    rotated = max(n_bars) * n > (12 if in_grid else 16)
    figure, axes = plt.subplots(1, n, figsize=(WIDTH, 3.4), squeeze=False, width_ratios=[bars + 3 for bars in n_bars])
    figure.subplots_adjust(left=0.085, right=0.985, top=0.79, bottom=0.26 if rotated else 0.145, wspace=0.3)
    order = [stage for stage in ("retina", "middle", "exchange", "readout", "learning") if stage in study.stages]
    fills = dict(zip(order, (theme.critic, theme.exc, theme.inh, theme.output, theme.quiet)))
    for ax, (title, own) in zip(axes[0], chosen.items()):
        places = sorted(groups(own, place).items())
        for x, ((_, _, dry_run), same) in enumerate(places):
            times = np.median([1e3 * row["stage_mean_s"] / row["trials"] for row in same], axis=0)
            total = np.median([1e3 * row["seconds"] / row["trials"] for row in same])
            bottom = 0.0
            for stage in order:
                height = times[study.stages.index(stage)]
                ax.bar(x, height, 0.72, bottom, color=fills[stage], lw=0, alpha=0.62 if dry_run else 1)
                bottom += height
            ax.bar(x, max(total - bottom, 0), 0.72, bottom, color=theme.faint, lw=0)
            ax.text(x, max(total, bottom), f" {total:,.0f}" if total >= 1000 else f" {total:.3g}",
                    ha="center", va="bottom", size=7, color=theme.quiet, rotation=90 if rotated else 0)
        ticks = [(f"{whole(ranks // n)}×{n:,}" if in_grid else whole(ranks)) + ("*" if dry_run else "")
                 for (ranks, n, dry_run), _ in places]
        ax.set_xticks(range(len(places)), ticks, size=7.5, rotation=90 if rotated else 0)
        ax.set_title(title, loc="left", size=8.5, color=theme.ink)
        ax.grid(axis="y")
        ax.set_ylim(0, ax.dataLim.y1 * (1.2 if rotated else 1.09))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes[0][0].set_ylabel("Time per trial (ms)")
    dry_run = any(row["dry_run"] for some in chosen.values() for row in some)
    figure.supxlabel(("Shards × replicas" if in_grid else "Ranks") + (" (* dry run)" if dry_run else ""),
                     size=9, y=0.01)
    handles = ([plt.Rectangle((0, 0), 1, 1, color=fills[stage]) for stage in order]
               + [plt.Rectangle((0, 0), 1, 1, color=theme.faint)])
    figure.legend(handles, [*order, "other"], ncols=len(order) + 1, frameon=False, fontsize=8, labelcolor=theme.ink,
                  loc="upper left", bbox_to_anchor=(0.075, 0.995), handlelength=1.1, columnspacing=1.6)
    return figure


def memory_per_rank(study, theme):
    """Bytes that a rank holds for its part of the network, against the neurons of the whole network;
    lines are the plan."""
    figure, ax = plt.subplots(figsize=(WIDTH, 3.5))
    figure.subplots_adjust(left=0.085, right=0.985, top=0.97, bottom=0.125)
    rows = of_kind("size", "strong", "weak")(study)
    for colour, ((label, dry_run), own) in zip(colours(theme) * 9, by_ranks(rows).items()):
        at, middle, low, high = spread(own, "neurons", lambda row: row["memory"] / 1e6)
        ax.errorbar(at, middle, yerr=[middle - low, high - middle], color=colour, ls="", marker="o", ms=5.5,
                    capsize=2.5, mfc=theme.paper if dry_run else colour, mew=1.2,
                    label=label + (" (dry run)" if dry_run else ""), zorder=3)
        at, planned, _, _ = spread(own, "neurons", lambda row: row["planned_bytes"] / 1e6)
        ax.plot(at, planned, color=colour, lw=1, alpha=0.8)
    log_axis(ax.xaxis, [row["neurons"] for row in rows])
    log_range(ax.yaxis, lambda value: f"{value:,.10g}")
    ax.set(xlabel="Middle neurons", ylabel="Network on one rank (MB)")
    ax.grid(True)
    handles, labels = ax.get_legend_handles_labels()
    legend(ax, theme, "upper left", [*handles, Line2D([], [], color=theme.quiet, lw=1)], [*labels, "planned"])
    return figure


def accuracy_rows(study):
    return [row for row in study.rows if np.isfinite(row["accuracy"])]


def accuracy_by_size(study, theme):
    """Test accuracy against the number of neurons; one line for each amount of training."""
    figure, ax = plt.subplots(figsize=(WIDTH, 3.3))
    figure.subplots_adjust(left=0.085, right=0.87, top=0.97, bottom=0.13)
    rows = accuracy_rows(study)
    for colour, (trials, own) in zip(colours(theme) * 9, sorted(groups(rows, lambda row: row["trials"]).items())):
        curve(ax, own, "neurons", lambda row: 100 * row["accuracy"], colour, f"{trials:,} trials", False)
        at, middle, _, high = spread(own, "neurons", lambda row: 100 * row["accuracy"])
        for x, y, top in zip(at, middle, high):
            ax.annotate(f"{y:.2f}", (x, top), (0, 6), textcoords="offset points", ha="center", size=8, color=colour)
        ax.annotate(f"{trials:,} trials", (at[-1], middle[-1]), (12, 0), textcoords="offset points", va="center",
                    size=8.5, color=colour, annotation_clip=False)
    log_axis(ax.xaxis, [row["neurons"] for row in rows])
    low, high = ax.dataLim.y0, ax.dataLim.y1
    ax.set_ylim(max(0, low - 0.12 * (high - low) - 0.3), min(100, high + 0.18 * (high - low) + 0.5))
    ax.set(xlabel="Middle neurons", ylabel="Correct on the test set (%)")
    ax.grid(True)
    return figure


def planned_rows(study):
    return [row for row in study.rows if row["planned_trials_per_s"] > 0 and row["kind"] != "accuracy"]


def measured_against_planned(study, theme):
    """Speed and memory: what was measured over what the plan says, against the size of the network."""
    figure, left, right = two_panels(3.1)
    rows = planned_rows(study)
    for colour, (dry_run, own) in zip(colours(theme), sorted(groups(rows, lambda row: row["dry_run"]).items())):
        for ax, value in ((left, lambda row: row["planned_trials_per_s"] / row["trials_per_s"]),
                          (right, lambda row: row["memory"] / row["planned_bytes"])):
            ax.plot([row["neurons"] for row in own], [value(row) for row in own], "o", ms=5, mew=1.2, color=colour,
                    alpha=0.85, mfc=theme.paper if dry_run else colour,
                    label="simulated ranks" if dry_run else "real ranks")
    for ax, title in ((left, "Time: measured / planned"), (right, "Memory per rank: measured / planned")):
        ax.axhline(1, color=theme.quiet, lw=1, ls=(0, (4, 3)))
        log_axis(ax.xaxis, [row["neurons"] for row in rows])
        reach = max(2.0, 1.25 * ax.dataLim.y1, 1.25 / max(ax.dataLim.y0, 1e-3))
        set_log(ax.yaxis, 2, None, lambda value: f"{value:.3g}")
        ax.set_ylim(1 / reach, reach)
        ax.set_xlabel("Middle neurons")
        ax.set_title(title, loc="left", size=9, color=theme.ink)
        ax.grid(True)
    legend(right, theme, "upper right")
    return figure


@dataclass(frozen=True)
class Figure:
    title: str
    draw: Callable
    rows: Callable   # from the study to the rows that it shows; none = it is not drawn
    caption: str
    absent: str


FIGURES = [
    Figure("A fixed network on more ranks", strong_scaling, of_kind("strong"),
           "Strong scaling. Left: speed over that of the smallest number of ranks, in the fewest replicas. Right: the "
           "same as a share of the ideal.",
           "No strong scaling was measured."),
    Figure("A network that grows with the ranks", weak_scaling, of_kind("weak"),
           "Weak scaling: the neurons of a rank stay the same. Left: trials per second x neurons, over that of the "
           "smallest number of ranks. Right: the same as a share of the ideal.",
           "No weak scaling was measured."),
    Figure("Where the time goes", time_by_stage, of_kind("strong", "weak"),
           "Mean over ranks. The exchange is communication, waiting for slower ranks included; of simulated ranks it "
           "is the model of the network.",
           "Times by stage need strong or weak scaling."),
    Figure("Networks of several sizes", speed_by_size, size_rows,
           "Both axes are logarithmic. A spike makes in_degree synaptic events.",
           "No networks of several sizes were measured on the same ranks."),
    Figure("Memory of a rank", memory_per_rank, of_kind("size", "strong", "weak"),
           "Points: by how much building and running the network made the largest rank grow. Lines: psac_dist's plan.",
           "Memory was not measured."),
    Figure("Accuracy", accuracy_by_size, accuracy_rows, "Share of the test images that are decided correctly.",
           "Accuracy was not measured."),
    Figure("Measured against planned", measured_against_planned, planned_rows,
           "Each point is a row. The plan is that of psac_dist plan for the machine that --hardware named; it counts "
           "instructions and bytes.",
           "The rows hold no prediction."),
]
