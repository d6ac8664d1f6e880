"""The figures of a report: one function each, from a run (see read_run in psac_report) and a theme to a
matplotlib figure.

Colours are those of Okabe and Ito, which stay apart for colour-blind readers; the dark theme uses their lighter
relatives. All figures have the same type size at the same scale, so the page shows every one at PIXELS_PER_INCH.
"""
from dataclasses import dataclass

import matplotlib

matplotlib.use("Agg")  # files only: must not need a display
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.ticker import FuncFormatter, MaxNLocator

PIXELS_PER_INCH = 116  # on the page; the files have twice as many
WIDTH = 7.4            # inches


@dataclass(frozen=True)
class Theme:
    suffix: str   # of the file name
    paper: str    # background, the same as the page's
    ink: str      # text
    quiet: str    # axes, ticks, secondary text
    faint: str    # grid lines, bars that only give context
    exc: str      # excitatory middle neurons
    inh: str      # inhibitory middle neurons
    output: str   # output neurons, and whatever is the point of a figure
    critic: str   # critic neurons

    def scale(self, *colours):
        return LinearSegmentedColormap.from_list("scale", colours)

    def settings(self):
        return {"figure.facecolor": self.paper, "axes.facecolor": self.paper,
                "text.color": self.ink, "axes.labelcolor": self.ink,
                "axes.edgecolor": self.quiet, "xtick.color": self.quiet, "ytick.color": self.quiet,
                "grid.color": self.faint,
                "font.family": "sans-serif",
                "font.sans-serif": ["Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
                "font.size": 9, "axes.labelsize": 9, "xtick.labelsize": 8, "ytick.labelsize": 8,
                "axes.linewidth": 0.7, "lines.linewidth": 1.4,
                "xtick.major.width": 0.7, "ytick.major.width": 0.7, "xtick.major.size": 3, "ytick.major.size": 3,
                "grid.linewidth": 0.6,
                "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True}


LIGHT = Theme("", "#ffffff", "#1c2126", "#667079", "#e3e6e9", "#0072b2", "#d55e00", "#008a65", "#b35a8e")
DARK = Theme("_dark", "#15191d", "#e4e7ea", "#98a2ab", "#2d343b", "#56b4e9", "#f0904a", "#35c49a", "#e29cc4")


def save(draw, run, path_of):
    """Draws one figure in both themes; path_of(suffix) names the files.
    Returns (width, height) in pixels of the page."""
    for theme in (DARK, LIGHT):
        with plt.rc_context(theme.settings()):
            figure = draw(run, theme)
            figure.savefig(path_of(theme.suffix), dpi=2 * PIXELS_PER_INCH)
            plt.close(figure)
    return tuple(round(inches * PIXELS_PER_INCH) for inches in figure.get_size_inches())


def luminance(colour):
    """Relative luminance, as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def readable(paper, ink):
    """The ink if it stands out from the paper, else black or white, one of which always has a contrast of 4.58."""
    return ink if contrast(ink, paper) >= 4.5 else max("black", "white", key=lambda colour: contrast(colour, paper))


def thousands(axis):
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def peak(series, least):
    """Highest finite value of some arrays, but not less than that."""
    values = np.concatenate(series)
    return values[np.isfinite(values)].max(initial=least)


def label_ends(ax, labels, size=8):
    """Writes (y, text, colour) at the right edge, at the height of y but never on top of each other."""
    low, high = ax.get_ylim()
    # One line, as a fraction of the axes.
    gap = 1.25 * size / 72 / (ax.get_position().height * ax.figure.get_figheight())
    places = [(y - low) / (high - low) for y, _, _ in labels]
    order = np.argsort(places)
    for _ in range(20):  # neighbours that are too close move apart, both by the same amount
        for lower, upper in zip(order[:-1], order[1:]):
            push = max(0, places[lower] + gap - places[upper]) / 2
            places[lower], places[upper] = places[lower] - push, places[upper] + push
    for place, (_, text, colour) in zip(places, labels):
        ax.text(1.012, place, text, color=colour, size=size, va="center", transform=ax.transAxes)


def learning_curve(run, theme):
    """Accuracy, TD error and firing rates over training, one point per log interval."""
    curve, epochs = run.interval, run.epoch
    figure, (top, middle, bottom) = plt.subplots(3, 1, figsize=(WIDTH, 5.4), sharex=True,
                                                 gridspec_kw={"height_ratios": [2.4, 1, 1.3]})
    figure.subplots_adjust(left=0.09, right=0.845, top=0.945, bottom=0.085, hspace=0.16)
    style = {"marker": "o", "markersize": 3, "clip_on": False} if len(curve["trials"]) < 4 else {}
    last = curve["trials"][-1]

    top.plot(curve["trials"], 100 * curve["accuracy"], color=theme.exc, **style)
    top.axhline(10, color=theme.quiet, lw=0.8, ls=(0, (4, 3)))
    top.set(ylabel="Correct decisions (%)", ylim=(0, 100), xlim=(0, last))
    labels = [(10, "chance", theme.quiet),
              (100 * curve["accuracy"][-1], f"interval {100 * curve['accuracy'][-1]:.1f} %", theme.exc)]
    if run.evaluation:
        labels.append((100 * run.evaluation["accuracy"], f"test {100 * run.evaluation['accuracy']:.2f} %",
                       theme.output))
        top.plot(last, 100 * run.evaluation["accuracy"], "o", color=theme.output, ms=5, clip_on=False, zorder=5)
    label_ends(top, labels, 9)
    begin = 0
    for number, (end, accuracy) in enumerate(zip(epochs["trials"], epochs["accuracy"]), 1):
        if end < last:
            for ax in (top, middle, bottom):
                ax.axvline(end, color=theme.faint, lw=1, zorder=0.5)
        if len(epochs["trials"]) <= 6:  # more labels than that would touch
            top.text((begin + end) / 2, 102, f"epoch {number}: {100 * accuracy:.1f} %", size=8, color=theme.quiet,
                     ha="center")
        begin = end

    middle.plot(curve["trials"], curve["mean_abs_td_error"], color=theme.ink, lw=1.1, **style)
    middle.set_ylabel("Mean |TD error|")
    middle.set_ylim(0, 1.15 * peak([curve["mean_abs_td_error"]], 0.01))

    rates = (("rate_middle_exc", "middle, exc.", theme.exc), ("rate_middle_inh", "middle, inh.", theme.inh),
             ("rate_output", "output", theme.output), ("rate_critic", "critic", theme.critic))
    for key, _, colour in rates:
        bottom.plot(curve["trials"], curve[key], color=colour, **style)
    bottom.set(ylabel="Firing rate (Hz)", xlabel="Trials presented")
    bottom.set_ylim(0, 1.1 * peak([curve[key] for key, _, _ in rates], 1))
    label_ends(bottom, [(curve[key][-1], name, colour) for key, name, colour in rates if np.isfinite(curve[key][-1])])
    thousands(bottom.xaxis)
    for ax in (top, middle, bottom):
        ax.grid(axis="y")
    figure.align_ylabels()
    return figure


def confusion(run, theme):
    """Counts of (label, prediction); only the mistakes are coloured, or the diagonal would drown them."""
    counts = run.evaluation["confusion"].astype(float)
    per_label, per_prediction = counts.sum(1), counts.sum(0)
    share = 100 * counts / np.maximum(per_label, 1)[:, None]
    mistakes = share * (1 - np.eye(10))
    figure, ax = plt.subplots(figsize=(5.2, 4.67))
    figure.subplots_adjust(left=0.075, right=0.895, top=0.895, bottom=0.05)
    limit = max(mistakes.max(), 0.1)
    shade = theme.scale(theme.paper, theme.inh)
    ax.imshow(mistakes, cmap=shade, vmin=0, vmax=limit)
    for i, j in np.argwhere(counts > 0):
        if i == j:
            ax.add_patch(plt.Rectangle((j - 0.5, i - 0.5), 1, 1, color=theme.faint, lw=0))
        cell = theme.faint if i == j else shade(mistakes[i, j] / limit)
        ax.text(j, i, f"{counts[i, j]:,.0f}", ha="center", va="center", size=8, color=readable(cell, theme.ink))
    for k in range(10):
        ax.text(9.75, k, f"{share[k, k]:.1f} %" if per_label[k] else "", va="center", size=8, color=theme.quiet)
        right = f"{100 * counts[k, k] / per_prediction[k]:.1f} %" if per_prediction[k] else "never"
        ax.text(k, 9.78, right, ha="center", va="center", size=7.2, color=theme.quiet)
    ax.text(9.75, -0.77, "correct", va="center", size=8, color=theme.quiet)
    ax.set(xticks=range(10), yticks=range(10), ylabel="Label", xlabel="Prediction")
    ax.xaxis.set_label_position("top")
    ax.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0, labelcolor=theme.ink,
                   labelsize=9)
    ax.set_xticks(np.arange(-0.5, 10), minor=True)
    ax.set_yticks(np.arange(-0.5, 10), minor=True)
    ax.grid(which="minor", lw=0.5)
    ax.tick_params(which="minor", length=0)
    ax.spines[:].set_visible(False)
    return figure


def dots(ax, spikes, rows, colour, size):
    """A raster; row 0 is on top."""
    ax.scatter(spikes[0], spikes[1], s=size, color=colour, linewidths=0, marker="o", rasterized=True)
    ax.set(ylim=(rows - 0.2, -0.8), yticks=[])


def raster(run, theme):
    """A trial that was decided rightly."""
    return draw_trial(run, run.right, theme)


def raster_wrong(run, theme):
    """A trial that was decided wrongly."""
    return draw_trial(run, run.wrong, theme)


def draw_trial(run, trial, theme):
    """One recorded trial from top to bottom of the network, and what each layer made of it on the right."""
    figure = plt.figure(figsize=(WIDTH, 7.6))
    grid = figure.add_gridspec(5, 2, width_ratios=[6, 1], height_ratios=[1.7, 3.1, 0.6, 1.35, 1.1],
                               left=0.085, right=0.975, top=0.955, bottom=0.062, hspace=0.09, wspace=0.03)
    axes = [figure.add_subplot(grid[0, 0])]
    axes += [figure.add_subplot(grid[row, 0], sharex=axes[0]) for row in range(1, 5)]
    retina, middle, critic, output, rate = axes
    sides = [figure.add_subplot(grid[row, 1]) for row in range(5)]
    for side in sides:
        side.axis("off")

    dots(retina, trial.retina, trial.n_retina, theme.ink, 0.9)
    retina.set_ylabel(f"Retina\n{trial.n_retina} pixels")
    sides[0].imshow(trial.seen, cmap=theme.scale(theme.paper, theme.ink), vmin=0)
    sides[0].set_title("spikes per pixel", size=7.5, color=theme.quiet, pad=3)

    excitatory = trial.middle[1] < trial.rows_exc
    for chosen, colour in ((excitatory, theme.exc), (~excitatory, theme.inh)):
        dots(middle, trial.middle[:, chosen], trial.rows, colour, 1.1)
    middle.set_ylabel(f"Middle\n{trial.rows:,} of {run.n_middle:,} neurons" if trial.rows < run.n_middle
                      else f"Middle\n{trial.rows:,} neurons")
    sides[1].set_ylim(middle.get_ylim())
    sides[1].text(0.04, trial.rows_exc / 2, "excitatory", color=theme.exc, size=8.5, va="center")
    if trial.rows > trial.rows_exc:
        sides[1].text(0.04, (trial.rows_exc + trial.rows) / 2, "inhibitory", color=theme.inh, size=8.5, va="center")

    dots(critic, trial.critic, trial.n_critic, theme.critic, 1.6)
    critic.set_ylabel("Critic")
    sides[2].text(0.04, 0.5, f"{trial.n_critic} neurons,\n{trial.critic_mean:.1f} spikes each",
                  color=theme.critic, size=8, va="center")
    draw_output(output, sides[3], trial, theme)

    for values, colour, height in zip(trial.rates, (theme.exc, theme.inh), (0.4, 0.6)):
        rate.stairs(values, trial.rate_edges, color=colour, lw=1, baseline=None)
        sides[4].text(0.04, height, f"mean {values.mean():.1f} Hz", color=colour, size=8, va="center")
    rate.set(ylabel="Middle rate (Hz)", xlabel="Time since the image appeared (ms)", xlim=(0, trial.duration))
    rate.set_ylim(0, 1.1 * max(trial.rates.max(), 1))
    rate.yaxis.set_major_locator(MaxNLocator(4))
    thousands(rate.xaxis)
    for ax in axes:
        ax.axvline(trial.t_skip, color=theme.quiet, lw=0.8, ls=(0, (4, 3)))
        ax.spines["bottom"].set_visible(ax is rate)
        ax.tick_params(bottom=ax is rate, labelbottom=ax is rate)
    if trial.t_skip > 0:
        retina.annotate(f"output spikes count from {trial.t_skip:g} ms on", (trial.t_skip, 1), (3, 3),
                        xycoords=("data", "axes fraction"), textcoords="offset points", size=7.5, color=theme.quiet)
    figure.align_ylabels(axes)
    return figure


def draw_output(ax, side, trial, theme):
    """Output spikes with the winner's row highlighted, and the counts that decided."""
    n_output = len(trial.counts)
    wins = np.arange(n_output) == trial.prediction
    lit = wins[trial.output[1].astype(int)]
    dots(ax, trial.output[:, ~lit], n_output, theme.quiet, 2.2)
    dots(ax, trial.output[:, lit], n_output, theme.output, 3)
    ax.set_ylabel("Output\ndigit")
    ax.set_yticks(range(n_output))
    ax.tick_params(axis="y", length=0, labelsize=7, pad=2)
    side.barh(range(n_output), trial.counts, height=0.7, color=np.where(wins, theme.output, theme.faint))
    side.set(ylim=ax.get_ylim(), xlim=(-0.04 * max(trial.counts.max(), 1), 1.55 * max(trial.counts.max(), 1)))
    for row, count in enumerate(trial.counts):
        note = " label" if row == trial.label and not wins[row] else ""
        side.text(count, row, f" {count}{note}", va="center", size=7, weight="bold" if wins[row] else "normal",
                  color=theme.output if wins[row] else theme.quiet)
    for area, right in ((ax, trial.duration), (side, side.get_xlim()[1])):
        area.axhspan(trial.prediction - 0.5, trial.prediction + 0.5, color=theme.output, alpha=0.14, lw=0, zorder=0)
    ax.get_yticklabels()[trial.prediction].set(color=theme.output, weight="bold")


def receptive_fields(run, theme):
    """What each output neuron looks for: its weights seen through the receptive fields of the middle neurons."""
    fields, _ = run.receptive_field
    rows = -(-len(fields) // 5)
    figure, axes = plt.subplots(rows, 5, figsize=(WIDTH, 1.5 * rows + 0.1), squeeze=False)
    figure.subplots_adjust(left=0.01, right=0.875, top=1 - 0.2 / figure.get_figheight(), bottom=0.02,
                           wspace=0.08, hspace=0.16)
    limit = max(np.percentile(np.abs(fields), 99.5), 1e-12)
    for k, ax in enumerate(axes.flat):
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(k < len(fields))
        ax.spines[:].set_color(theme.faint)
        if k < len(fields):
            image = ax.imshow(fields[k], cmap=theme.scale(theme.inh, theme.paper, theme.exc), vmin=-limit, vmax=limit)
            ax.set_title(f"{k}", size=10, pad=3)
    bar = figure.colorbar(image, cax=figure.add_axes([0.9, 0.14, 0.014, 0.68]), ticks=[-limit, 0, limit])
    shown = f"{limit:,.0f}" if limit >= 100 else f"{limit:.3g}"
    bar.ax.set_yticklabels([f"−{shown}", "0", f"+{shown}"])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    figure.text(0.9, 0.85, "for", size=8, color=theme.exc, va="bottom")
    figure.text(0.9, 0.11, "against", size=8, color=theme.inh, va="top")
    return figure


def histograms(ax, groups, top):
    """One outline per (name, values, colour, unit), as the share of that group's neurons, with its median written in
    its colour."""
    edges = np.linspace(0, top, 41)
    for line, (name, values, colour, unit) in enumerate(groups):
        if not len(values):
            continue
        height = 100 * np.histogram(values, edges)[0] / len(values)
        ax.stairs(height, edges, color=colour, fill=True, alpha=0.18, lw=0)
        ax.stairs(height, edges, color=colour, lw=1.3)
        ax.text(0.98, 0.97 - 0.085 * line, f"{name}: median {np.median(values):.3g}{unit}", color=colour, size=8.5,
                ha="right", va="top", transform=ax.transAxes)
    ax.set(xlim=(0, top), ylim=(0, 1.4 * (ax.dataLim.y1 if ax.dataLim.y1 > 0 else 100)))
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.grid(axis="y")


def rates(run, theme):
    """How active (left) and how regular (right) the middle neurons were during the evaluation."""
    rate, cv = run.middle["mean_rate"], run.middle["isi_cv"]
    excitatory = np.arange(len(rate)) < run.n_exc
    kinds = (("excitatory", excitatory, theme.exc), ("inhibitory", ~excitatory, theme.inh))
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.9))
    figure.subplots_adjust(left=0.075, right=0.985, top=0.97, bottom=0.155, wspace=0.16)
    histograms(left, [(name, rate[kind], colour, " Hz") for name, kind, colour in kinds],
               max(1.06 * np.percentile(rate, 99.8), 1))
    left.set(xlabel="Mean rate of a neuron (Hz)", ylabel="Share of the neurons (%)")
    known = np.isfinite(cv)
    highest = np.percentile(cv[known], 99.8) if known.any() else 0
    histograms(right, [(name, cv[kind & known], colour, "") for name, kind, colour in kinds], max(1.02 * highest, 1.25))
    right.set(xlabel="CV2 of a neuron's inter-spike intervals")
    if not known.any():
        right.text(0.5, 0.5, "no neuron fired often enough", color=theme.quiet, ha="center", transform=right.transAxes)
    right.axvline(1, ymax=0.73, color=theme.quiet, lw=0.8, ls=(0, (4, 3)))
    right.text(1, 0.74, "Poisson", size=7.5, color=theme.quiet, transform=right.get_xaxis_transform(), ha="center",
               va="bottom")
    return figure


def timing(run, theme):
    """Seconds per stage: bars are the mean over ranks, whiskers reach to the slowest rank."""
    stages = sorted(zip(*run.timing), key=lambda row: (row[0] == "other", -row[1]))
    total = max(sum(mean for _, mean, _ in stages), 1e-12)
    slowest = max(max(longest for _, _, longest in stages), 1e-12)
    figure, ax = plt.subplots(figsize=(WIDTH, 0.28 * len(stages) + 0.55))
    figure.subplots_adjust(left=0.11, right=0.985, top=0.985, bottom=0.45 / figure.get_figheight())
    for row, (name, mean, longest) in enumerate(stages):
        ax.barh(row, mean, height=0.62, color=theme.inh if name == "exchange" else theme.exc)
        end = longest if run.ranks > 1 else mean
        if run.ranks > 1:
            ax.plot([mean, end, end, end], [row, row, row - 0.16, row + 0.16], color=theme.ink, lw=0.9)
        ax.text(end + 0.01 * slowest, row,
                f"{mean:,.{2 if mean < 1 else 1 if mean < 100 else 0}f} s   {100 * mean / total:.1f} %",
                va="center", size=8)
    ax.set(yticks=range(len(stages)), yticklabels=[name for name, _, _ in stages], ylim=(len(stages) - 0.4, -0.6),
           xlim=(0, 1.2 * slowest), xlabel="Time (s)")
    ax.tick_params(axis="y", length=0, labelcolor=theme.ink, labelsize=9)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    thousands(ax.xaxis)
    return figure
