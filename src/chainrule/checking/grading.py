"""Judge a folder of submissions: a row for each, and what was commonest among the mistakes."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from chainrule.checking.finding import TIERS, likelihood, named
from chainrule.checking.loading import parsed, read
from chainrule.checking.report import Report
from chainrule.checking.sandbox import INTERRUPTED, LIMITS, Limits, judge_apart
from chainrule.errors import BadInput, BadSetting
from chainrule.network import Network
from chainrule.threads import in_threads

COLUMNS = ("file", "function", "verdict", "mistakes", "layers", "lines", "message", "seconds")
FORMULA = ("=", "+", "-", "@")  # with which a spreadsheet's formula may begin


@dataclass(frozen=True)
class Submission:
    """A file to be judged, and the name by which it is listed; without a file, why not."""

    name: str
    path: Path | None
    problem: str = ""


@dataclass(frozen=True)
class Row:
    """The judgement of a submission."""

    name: str
    report: Report
    seconds: float

    @property
    def mistakes(self) -> list[str]:
        """The names of the mistakes."""
        return [mistake.name for mistake in self.report.mistakes]

    @property
    def layers(self) -> list[str]:
        """The layers of each mistake, with + between; "" where it stands in none."""
        return ["+".join(map(str, mistake.layers)) for mistake in self.report.mistakes]

    @property
    def lines(self) -> list[str]:
        """The line of each mistake, "" where it could not be located."""
        return [str(mistake.line or "") for mistake in self.report.mistakes]

    @property
    def message(self) -> str:
        """What was found, or why nothing was."""
        told = [mistake.message for mistake in self.report.mistakes]
        named = self.report.verdict == "mistake"  # each by its own message
        return " ".join(told if named else [self.report.message, *told])

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON takes it."""
        return {"file": self.name, "seconds": self.seconds} | self.report.to_dict()


def submissions(folder: Path, function: str | None = None) -> list[Submission]:
    """Return what there is to judge: each file of Python in a folder, or one of each subfolder.

    Where a folder holds files and subfolders, those of the latter count that hold files of
    Python; where it holds subfolders alone, all of them do.

    Raises
    ------
    BadSetting
        If there is none.
    """
    paths = [path for path in folder.iterdir() if not path.name.startswith((".", "_"))]
    files = [Submission(p.name, p) for p in paths if p.suffix == ".py" and not p.is_dir()]
    inside = {path: _files(path) for path in paths if path.is_dir()}
    found = files + [_of_several(p.name, each, function) for p, each in inside.items() if each]
    if not found:
        raise BadSetting(f"{folder} has no files of Python (*.py), nor folders with such files")
    if not files:
        nothing = "there is no file of Python (*.py) in this folder."
        found += [Submission(p.name, None, nothing) for p, each in inside.items() if not each]
    return sorted(found, key=lambda each: each.name.casefold())


def _files(folder: Path) -> list[Path]:
    """Return the files of Python in a folder, or else in the folders of it."""
    for pattern in ("*.py", "*/*.py"):
        found = [path for path in folder.glob(pattern) if path.is_file()]
        parts = {path: path.relative_to(folder).parts for path in found}
        kept = [p for p in found if not any(part.startswith((".", "_")) for part in parts[p])]
        if kept:
            return sorted(kept)
    return []


def _of_several(name: str, files: list[Path], function: str | None) -> Submission:
    """Return the one of a subfolder's files that has back-propagation in it."""
    ranks = {path: _likelihood(path, function) for path in files}
    best = min(ranks.values())
    likely = [path for path, rank in ranks.items() if rank == best < TIERS]
    if len(files) == 1 or len(likely) == 1:
        path = (likely or files)[0]
        return Submission(f"{name}/{path.name}", path)
    names = ", ".join(path.name for path in likely or files)
    what = "several files may be meant" if likely else "none of its files has back-propagation"
    return Submission(name, None, f"{what}: {names}.")


def _likelihood(path: Path, function: str | None) -> int:
    try:
        tree = parsed(path, read(path))
    except BadInput:
        return TIERS
    if function:
        return 0 if function in named(tree) else TIERS
    return likelihood(tree)


def grade(
    found: Sequence[Submission],
    network: Network | None,
    hints: dict[str, str],
    *,
    function: str | None = None,
    jobs: int = 2,
    limits: Limits = LIMITS,
    stop: Event | None = None,
    done: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Judge submissions, several at a time, each in a process of its own.

    Parameters
    ----------
    found : sequence of Submission
    network : Network or None
    hints : dict
        Keywords of ``chainrule.check``.
    function : str, optional
        What to judge in each file.
    jobs : int, default 2
        How many at a time.
    limits : Limits, optional
    stop : threading.Event, optional
        Is set by Ctrl-C, after which the rows so far are returned.
    done : callable, optional
        Called with each row as it comes, in any thread.

    Raises
    ------
    KeyboardInterrupt
        If there are no rows yet.
    """
    stop = stop or Event()

    def judge(index: int) -> Row | None:
        submission, start = found[index], time.perf_counter()
        if submission.path is None:
            report = Report("failed", submission.name, submission.problem)
        else:
            code = f"{submission.path}:{function}" if function else str(submission.path)
            report = judge_apart(code, network, hints, limits, stop)
        if stop.is_set() and report.message == INTERRUPTED:
            return None
        row = Row(submission.name, report, time.perf_counter() - start)
        done(row)
        return row

    rows = [row for row in in_threads(judge, len(found), jobs, stop).values() if row]
    if not rows:
        raise KeyboardInterrupt
    return rows


def commonest(rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    """Return the mistakes, those of most submissions first, and who made them."""
    counts = Counter(name for row in rows for name in set(row.mistakes))
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return [(name, [row.name for row in rows if name in row.mistakes]) for name in order]


def as_csv(rows: Sequence[Row]) -> bytes:
    """Return a table of rows, no cell of which is a formula to a spreadsheet.

    Examples
    --------
    >>> row = Row("=cmd.py", Report("failed", "f", "It ended."), 1.25)
    >>> print(as_csv([row]).decode())
    file,function,verdict,mistakes,layers,lines,message,seconds
    '=cmd.py,f,failed,,,,It ended.,1.25
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = (
            row.name, row.report.name, row.report.verdict, _joined(row.mistakes),
            _joined(row.layers), _joined(row.lines), row.message,
        )  # fmt: skip
        writer.writerow([*map(_harmless, cells), f"{row.seconds:.2f}"])
    return text.getvalue().encode("utf-8", "backslashreplace")


def _joined(parts: list[str]) -> str:
    return "; ".join(parts) if any(parts) else ""


def _harmless(cell: str) -> str:
    """Return text in one line that a spreadsheet takes for text."""
    line = " ".join(cell.replace("\0", " ").split())
    return f"'{line}" if line.startswith(FORMULA) else line
