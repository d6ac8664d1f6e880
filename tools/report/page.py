"""What the reports of a run and of a study share: reading HDF5 with care, the look of a page, and how a report takes
its place."""
import contextlib
import html
import shutil
import tempfile

import h5py
import numpy as np

import figures


class BadRun(Exception):
    """The file is not one that this program can show; the text says why."""


@contextlib.contextmanager
def reading():
    """Turns what h5py and numpy say of damaged files into a BadRun."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, TypeError) as problem:
        raise BadRun("cannot be read: " + " ".join(str(problem).split())) from problem


def text(value):
    value = value.ravel()[0] if isinstance(value, np.ndarray) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def attribute(group, name):
    if name not in group.attrs:
        raise BadRun(f"{group.name} lacks the attribute '{name}'")
    return group.attrs[name]


def member(group, name, dimensions=1):
    """The dataset or (dimensions None) group of that name."""
    found = group.get(name)
    if not isinstance(found, h5py.Group if dimensions is None else h5py.Dataset):
        raise BadRun(f"{group.name} lacks the {'group' if dimensions is None else 'dataset'} '{name}'")
    if dimensions is not None and len(found.shape or ()) != dimensions:
        raise BadRun(f"{found.name} should have {dimensions} dimension{'s' * (dimensions > 1)}, "
                     f"its shape is {found.shape}")
    return found


def plural(n, word):
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def wilson(correct, n, z=1.96):
    """95 % interval of a proportion, in percent (Wilson 1927)."""
    p, spread = correct / n, z * z / n
    half = z * np.sqrt(p * (1 - p) / n + spread / (4 * n))
    return 100 * (p + spread / 2 - half) / (1 + spread), 100 * (p + spread / 2 + half) / (1 + spread)


STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2126; --quiet: #667079; --line: #e3e6e9; --mark: #d55e00 }
@media (prefers-color-scheme: dark) { \
:root { --paper: #15191d; --ink: #e4e7ea; --quiet: #98a2ab; --line: #2d343b; --mark: #f0904a } }
body { margin: 0 auto; padding: 40px 24px 72px; max-width: 900px; background: var(--paper); color: var(--ink); \
font: 15px/1.5 Helvetica, Arial, "Liberation Sans", sans-serif }
h1 { font-size: 26px; font-weight: 600; margin: 0 0 20px } h2 { font-size: 18px; font-weight: 600; margin: 48px 0 12px }
h1 small { font-weight: 400; color: var(--quiet) } p, figcaption { max-width: 46em; color: var(--quiet); margin: 8px 0 }
figure { margin: 0 } img { display: block; max-width: 100%; height: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } \
th { text-align: left; font-weight: 400; color: var(--quiet) }
th, td { padding: 5px 18px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top } \
.facts { width: 100% } .facts th { width: 8.5em }
.side { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: center } \
.digits th, .digits td { padding: 4px 10px 4px 0; vertical-align: middle; text-align: right }
.digits .bar { width: 48px } .bar i { display: block; height: 8px; background: var(--mark) }
code, pre { font: 13px/1.45 ui-monospace, "Liberation Mono", monospace; overflow-wrap: anywhere } \
pre { overflow-x: auto } summary { cursor: pointer; color: var(--quiet) }
"""


def picture(draw, subject, folder, title):
    """Draws a figure in both themes into the folder; the HTML that shows it."""
    name = draw.__name__
    width, height = figures.save(draw, subject, lambda suffix: folder / f"{name}{suffix}.png")
    return (f'<picture><source srcset="{name}_dark.png" media="(prefers-color-scheme: dark)">'
            f'<img src="{name}.png" width="{width}" height="{height}" alt="{title}"></picture>')


def page(title, kind, body):
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{html.escape(title)}: {kind}</title><style>{STYLE}</style></head><body>\n"
            f"<h1>{html.escape(title)} <small>{kind}</small></h1>\n{body}\n</body></html>\n")


def picture_names(draws):
    return {f"{draw.__name__}{theme.suffix}.png" for draw in draws for theme in (figures.LIGHT, figures.DARK)}


def publish(write, folder, names):
    """write(folder) fills a new folder, which then takes its place: a half-written report never stands under its name.
    An older one is replaced, but only if it holds nothing else than files of these names."""
    if folder.exists() and not (folder.is_dir() and {entry.name for entry in folder.iterdir()} <= names):
        raise BadRun(f"{folder} exists and is not a report of this program; choose another --out")
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent)
    try:
        new, old = folder.parent / work / "new", folder.parent / work / "old"
        new.mkdir()
        write(new)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
