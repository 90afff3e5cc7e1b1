"""What the command prints: tables and progress on a terminal, plain text elsewhere.

Results go to standard output, and what only accompanies the work to standard
error. Both leave colours out when piped, or where NO_COLOR is set.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from chainrule.columns import TableSpec
    from chainrule.course import Progress
    from chainrule.network import Network

NAMES = {
    "accuracy": "accuracy",
    "log_loss": "log loss",
    "roc_auc": "ROC AUC",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "covered": "in interval",
    "width": "its width",
}
HIGHER_IS_BETTER = ("accuracy", "roc_auc", "r2", "covered")
UPDATES_A_SECOND = 10


def standard_output(quiet: bool = False) -> Console:
    """Return the console for results; a quiet one prints nothing."""
    return Console(quiet=quiet, highlight=False, soft_wrap=not sys.stdout.isatty())


def standard_error() -> Console:
    """Return the console for what accompanies the work."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def write_bytes(content: bytes) -> None:
    """Write to standard output, past its encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def write_json(document: Any) -> None:
    """Print a document as JSON; NaN and infinity, which JSON has not, become null.

    Examples
    --------
    >>> finite({"r2": math.nan, "rows": [1, 2.5]})
    {'r2': None, 'rows': [1, 2.5]}
    """
    text = json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(text.encode("utf-8", "backslashreplace") + b"\n")


def finite(value: Any) -> Any:
    """Replace numbers that are not finite by None, at any depth."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): finite(item) for name, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


def printable(text: str) -> str:
    """Replace the control characters of text from a file, which could change the terminal.

    Examples
    --------
    >>> printable("price" + chr(27) + "[2J")
    'price�[2J'
    """
    return "".join(c if c.isprintable() else "�" for c in text)


def shown(text: str) -> str:
    """Make text from a file safe to print: neither markup nor control characters."""
    return escape(printable(text))


def number(value: float) -> str:
    """Print a number for people, with four digits.

    Examples
    --------
    >>> [number(value) for value in (1.0, 0.012345, 58.0, 12345.678, 1e300, math.nan)]
    ['1.000', '0.01235', '58.00', '12,346', '1e+300', '–']
    """
    if math.isnan(value):
        return "–"
    if abs(value) < 999.95:
        return f"{value:#.4g}"
    return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.4g}"


def columns_table(spec: TableSpec) -> Table:
    """Say what each column became, and why."""
    from chainrule.table import summary_rows

    table = plain_table()
    for head in ("column", "kind", "became"):
        table.add_column(head, overflow="fold")
    for row in summary_rows(spec):
        style = {"dropped": "dim", "target": "bold"}.get(row.kind)
        table.add_row(*map(shown, row), style=style)
    return table


def scores_table(scores: Mapping[str, Mapping[str, float]], labels: Mapping[str, str]) -> Table:
    """Set the scores side by side, the best of each in bold."""
    table = plain_table()
    table.add_column("")
    given = dict.fromkeys(name for found in scores.values() for name in found)
    names = sorted(given, key=lambda name: [*NAMES, name].index(name))
    best = {}
    for name in names:
        table.add_column(NAMES.get(name, shown(name)), justify="right")
        values = [v for found in scores.values() if not math.isnan(v := found.get(name, math.nan))]
        choose = max if name in HIGHER_IS_BETTER else min
        best[name] = choose(values) if len(values) > 1 else None
    for who in labels:
        if who in scores:
            values = [scores[who].get(name, math.nan) for name in names]
            cells = [
                f"[bold]{_score(name, v)}[/bold]" if v == best[name] else _score(name, v)
                for name, v in zip(names, values, strict=True)
            ]
            table.add_row(shown(labels[who]), *cells)
    return table


def _score(name: str, value: float) -> str:
    """Print a score: those whose best is 1 with four decimals."""
    fixed = name in HIGHER_IS_BETTER and abs(value) < 1000
    return f"{value:.4f}" if fixed else number(value)


def plain_table() -> Table:
    """Return a table that is as good to read in a file as on a terminal."""
    from rich import box

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)


def facts(pairs: Mapping[str, str]) -> Table:
    """Set what is to be said beside its name, one line each or more."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in pairs.items():
        grid.add_row(name, shown(text))
    return grid


def network_line(network: Network, members: int = 1) -> str:
    """Describe a network in one line, and how many of them there are."""
    from chainrule.drawing import flow

    n = f"{network.n_parameters:,} parameters"
    several = f"; {members} networks, of which the mean is taken" if members > 1 else ""
    return f"{flow(network)}; loss {network.loss}; {n}{several}"


class ProgressBar:
    """A bar on standard error that follows a training; it costs little in each epoch.

    Used as a context manager, and called with each ``Progress``.
    """

    def __init__(self, console: Console, epochs: int, members: int = 1) -> None:
        from rich import progress

        self._bar = progress.Progress(
            progress.TextColumn("epoch {task.completed:,.0f}/{task.total:,.0f}"),
            progress.BarColumn(bar_width=None),
            progress.TextColumn("{task.description}"),
            console=console,
            auto_refresh=False,
            expand=True,
        )
        self._task = self._bar.add_task("", total=epochs * members)
        self._members, self._next = members, 0.0
        self._last: dict[int, Progress] = {}

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._last:
            self._show()
        self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Take note of an epoch, and show it if the last was shown a tenth of a second ago."""
        self._last.pop(progress.member, None)
        self._last[progress.member] = progress
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + 1 / UPDATES_A_SECOND
            self._show()

    def _show(self) -> None:
        """Show the epochs of all networks, and the losses of the last that was heard of."""
        progress = list(self._last.values())[-1]
        parts = [f"loss {progress.loss:.4g}"]
        if progress.validation_loss is not None:
            parts.append(f"validation {progress.validation_loss:.4g}")
        parts.append(f"{_rate(progress.samples_per_second)} samples/s")
        self._bar.update(
            self._task,
            completed=sum(last.epoch + 1 for last in self._last.values()),
            total=progress.epochs * self._members,
            description="  ".join(parts),
            refresh=True,
        )


def _rate(value: float) -> str:
    """Print a rate shortly, such as 1.2M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.0f}"


def losses(progress: Progress, w: Sequence[float] = (), b: Sequence[float] = ()) -> str:
    """Return the rest of the document's line of progress, without its stray per cents.

    Parameters
    ----------
    progress : chainrule.Progress
    w, b : sequence of float, optional
        The parameters that the loss is of, which the document shows.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> losses(SimpleNamespace(loss=0.1234, validation_loss=None), [0.1, -0.2], [0.0])
    'w = [0.100, -0.200], b = [0.000], loss = 0.123'
    """
    parts = []
    for name, values in (("w", w), ("b", b)):
        if values:
            parts.append(f"{name} = [{', '.join(f'{value:.3f}' for value in values)}]")
    parts.append(f"loss = {progress.loss:.3f}")
    if progress.validation_loss is not None:
        parts.append(f"validation loss = {progress.validation_loss:.3f}")
    return ", ".join(parts)
