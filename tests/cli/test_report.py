#!/usr/bin/env python3
"""The figures of tools/psac_report can be read, and the report of a study names what failed."""
import contextlib
import io
import os
import pathlib
import sys
import unittest
from types import SimpleNamespace

import harness
from mistakes import Mistakes

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/report"))
h5py = harness.need_h5py()
try:
    import figures
    import study
    import study_figures
except ImportError as missing:
    harness.skip(f"{missing} (Debian: python3-matplotlib)")
import matplotlib.pyplot as plt
import numpy as np
from page import BadRun

STAGES = ["retina", "middle", "exchange", "readout", "learning"]


def some_run():
    random = np.random.default_rng(1)
    names = ("mean_abs_td_error", "rate_middle_exc", "rate_middle_inh", "rate_output", "rate_critic")
    curve = {name: np.full(3, 0.5) for name in names}
    curve.update(trials=np.array([500, 1000, 180000]), accuracy=np.array([0.1, 0.9, 1.0]))
    confusion = random.integers(0, 300, (10, 10)) + 900 * np.eye(10, dtype=int)
    return SimpleNamespace(n_exc=800, interval=curve, epoch={"trials": [180000], "accuracy": [0.9]}, ranks=1,
                           evaluation={"accuracy": 1.0, "images": 10000, "confusion": confusion},
                           middle={"mean_rate": random.gamma(2, 10, 1000), "isi_cv": random.normal(0.9, 0.2, 1000)},
                           timing=(STAGES, np.arange(5.0), np.arange(5.0)))


def some_rows(sizes):
    for neurons in sizes:
        yield {"kind": "size", "neurons": int(neurons), "ranks": 1, "replicas": 1, "backend": "cpu", "batch": 8,
               "dry_run": False, "memory": 2e3 * neurons + 1e6, "planned_bytes": 2e3 * neurons + 9e5,
               "trials_per_s": 1e6 / neurons, "planned_trials_per_s": 9e5 / neurons,
               "synaptic_events_per_s": 1e8 + neurons}


class Figures(unittest.TestCase):
    def draw(self, draw, subject):
        """The figure in either theme, drawn, so that every text has its place."""
        for theme in (figures.LIGHT, figures.DARK):
            with plt.rc_context(theme.settings()):
                figure = draw(subject, theme)
                figure.canvas.draw()
                yield figure
                plt.close(figure)

    def unseen_labels(self, figure):
        """Labels of ticks beyond the ends of their axis, which are not drawn."""
        for axis in [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]:
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                if not low <= tick.get_loc() <= high:
                    yield from (tick.label1, tick.label2)

    def test_no_text_is_cut_off(self):
        many = SimpleNamespace(rows=list(some_rows(np.geomspace(500, 8000, 15))), stages=STAGES)
        for draw, subject in ((figures.rates, some_run()), (figures.confusion, some_run()),
                              (figures.learning_curve, some_run()), (figures.timing, some_run()),
                              (study_figures.memory_per_rank, many),
                              (study_figures.measured_against_planned, many), (study_figures.speed_by_size, many)):
            for figure in self.draw(draw, subject):
                width, height = figure.canvas.get_width_height()
                for text in set(figure.findobj(plt.Text)) - set(self.unseen_labels(figure)):
                    if text.get_visible() and text.get_text():
                        box = text.get_window_extent()
                        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
                        self.assertTrue(inside, f"{draw.__name__}: {text.get_text()} at {box} of {width} x {height}")

    def test_numbers_of_the_confusion_matrix_stand_out(self):
        for figure in self.draw(figures.confusion, some_run()):
            ax = figure.axes[0]
            image = ax.images[0]
            shades = image.cmap(image.norm(image.get_array()))
            patches = {(round(p.get_y() + 0.5), round(p.get_x() + 0.5)): p.get_facecolor() for p in ax.patches}
            numbers = [text for text in ax.texts if text.get_position() in np.ndindex(10, 10)]
            self.assertEqual(len(numbers), 100)
            for text in numbers:
                j, i = text.get_position()
                self.assertGreaterEqual(figures.contrast(text.get_color(), patches.get((i, j), shades[i, j])[:3]), 4.5)

    def test_contrast_is_that_of_the_standard(self):
        self.assertAlmostEqual(figures.contrast("white", "black"), 21)
        self.assertAlmostEqual(figures.contrast("#777777", "white"), 4.48, places=2)

    def test_logarithmic_axes_have_several_labels(self):
        for low, high in ((500, 8000), (480, 1100), (1000, 1001), (10, 1e9), (1e6, 3e6)):
            places = study_figures.log_places(low, high)
            self.assertTrue(3 <= len(places) <= 12, (low, high, places))
            self.assertTrue(all(low <= place <= high for place in places))
        for sizes in (np.geomspace(500, 8000, 15), (500, 1000, 1100, 8000)):
            subject = SimpleNamespace(rows=list(some_rows(sizes)), stages=STAGES)
            for draw in (study_figures.memory_per_rank, study_figures.measured_against_planned):
                for figure in self.draw(draw, subject):
                    for ax in figure.axes:
                        low, high = ax.get_xlim()
                        self.assertGreaterEqual(sum(low <= place <= high for place in ax.get_xticks()), 4)
                        low, high = ax.get_ylim()
                        self.assertGreaterEqual(sum(low <= place <= high for place in ax.get_yticks()), 3)


class Failures(Mistakes):
    def write(self, name, *lines):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)

    def write_rows(self):
        row = {"kind": b"size", "neurons": 100, "ranks": 1, "nodes": 1, "as_rank": -1, "backend": b"cpu", "batch": 8,
               "trials": 8, "seconds": 1.0, "trials_per_s": 8.0, "ms_per_step": 1.0, "stage_mean_s": [0.1] * 5,
               "stage_max_s": [0.1] * 5, "network_bytes": 1e6, "device_bytes": 0.0, "planned_bytes": 1e6,
               "planned_trials_per_s": 9.0, "spikes_per_s": 1e4, "synaptic_events_per_s": 1e5, "accuracy": np.nan,
               "end_time": b"2026-01-01T00:00:00Z"}
        os.makedirs(self.path("study"), exist_ok=True)
        with h5py.File(self.path("study/rows.h5"), "w") as file:
            file.attrs.update(content="scaling", git_revision="0")
            file["stages"] = np.array(STAGES, "S")
            for name, value in row.items():
                file[f"rows/{name}"] = np.array([value])

    def write_logs(self):
        what = "case {} of scaling on 2 ranks, repeat 1"
        head = "scaling_study.sh: job {}, " + what + ", on node1"
        self.write("study/log/scaling-5.tasks", *(what.format(case) for case in range(6)))
        self.write("study/log/scaling-5_0.out", head.format(5, 0), "kind neurons", "rows: study/rows.h5")
        self.write("study/log/scaling-5_1.out", head.format(6, 1), "psac_dist: <no> memory", "MPI_ABORT was invoked")
        self.write("study/log/scaling-5_2.out", head.format(7, 2),
                   "slurmstepd: error: *** CANCELLED DUE TO TIME LIMIT ***")
        self.write("study/log/scaling-5_3.out", head.format(8, 3), "psac_dist: made up for later")
        self.write("study/log/scaling-9_0.out", head.format(9, 3), "rows: study/rows.h5")
        self.write("study/log/scaling-5_4.out")  # task 5 left nothing at all
        self.write("study/log/scaling-report-10.out", "1 row from 1 file")

    def test_the_report_names_tasks_that_left_no_row(self):
        self.write_rows()
        self.write_logs()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            study.report_study(pathlib.Path(self.path("study")), pathlib.Path(self.path("report")))
        self.assertEqual(sorted(printed.getvalue().splitlines()[1:]), [
            "failed: case 1 of scaling on 2 ranks, repeat 1: psac_dist: <no> memory (log/scaling-5_1.out)",
            "failed: case 2 of scaling on 2 ranks, repeat 1: "
            "slurmstepd: error: *** CANCELLED DUE TO TIME LIMIT *** (log/scaling-5_2.out)",
            "failed: case 4 of scaling on 2 ranks, repeat 1: the log is empty (log/scaling-5_4.out)",
            "failed: case 5 of scaling on 2 ranks, repeat 1: it never started: there is no log (log/scaling-5_5.out)"])
        with open(self.path("report/index.html"), encoding="utf-8") as file:
            page = file.read()
        self.assertIn("4 tasks of Slurm left no row", page)
        self.assertIn("case 1 of scaling on 2 ranks, repeat 1: psac_dist: &lt;no&gt; memory", page)

    def test_a_study_without_a_row_says_why(self):
        self.write_logs()
        os.remove(self.path("study/log/scaling-5_0.out"))
        with self.assertRaisesRegex(BadRun, "holds no rows .*; 5 tasks failed, the first: case 1 of scaling on 2 "
                                            "ranks, repeat 1: psac_dist: <no> memory"):
            study.read_study(pathlib.Path(self.path("study")))

    def test_a_study_without_failures_has_none(self):
        self.write_rows()
        self.assertEqual(study.read_study(pathlib.Path(self.path("study"))).failed, [])


if __name__ == "__main__":
    unittest.main()
