"""What ``chainrule check`` does; ``checkoptions.py`` has its options."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import typer

from chainrule import terminal
from chainrule.checking import telling
from chainrule.checking.grading import Row, as_csv, commonest, grade, submissions
from chainrule.checking.loading import address, read
from chainrule.checking.report import Report
from chainrule.checking.sandbox import Limits, judge_apart
from chainrule.checkoptions import hints_of, network_of
from chainrule.errors import BadSetting
from chainrule.files import check_folder, write_whole

if TYPE_CHECKING:
    from rich.table import Table

    from chainrule.network import Network

INTERRUPTED = 130
STYLES = {"correct": "green", "mistake": "yellow", "unknown": "yellow", "failed": "red"}
COUNTED = {
    "correct": "right", "mistake": "with a mistake", "unknown": "wrong in another way",
    "failed": "could not be judged",
}  # fmt: skip


def check_command(given: dict[str, Any]) -> None:
    """Judge a file, or each submission in a folder."""
    network, hints = network_of(given), hints_of(given)
    limits = Limits(given["timeout"], given["memory"])
    folder = Path(given["code"])
    if folder.is_dir():
        _check_folder(folder, network, hints, limits, given)
        return
    if given["csv"]:
        raise BadSetting(f"--csv goes with a folder of submissions, and {folder} is none")
    code = _code(given)
    path = address(code)[0]
    if given["as_json"]:
        report = judge_apart(code, network, hints, limits)
        terminal.write_json({"file": str(path)} | report.to_dict())
    else:
        read(path)  # which says why not
        report = judge_apart(code, network, hints, limits)
        _tell(report)
    raise typer.Exit(report.status)


def _tell(report: Report) -> None:
    """Print a report, on standard error if there is no judgement in it."""
    failed = report.verdict == "failed"
    console = terminal.standard_error() if failed else terminal.standard_output()
    if console.is_terminal:
        telling.show(report, console)
    else:
        print(telling.told(report), file=console.file)


def _code(given: dict[str, Any]) -> str:
    """Return FILE.py:NAME, where the name may stand in an option of its own."""
    path, name = address(given["code"])
    function = given["function"]
    if name and function and name != function:
        raise BadSetting(f"--function {function} and {path}:{name} name two functions; give one")
    return f"{path}:{function}" if function and not name else str(given["code"])


def _check_folder(
    folder: Path,
    network: Network | None,
    hints: dict[str, str],
    limits: Limits,
    given: dict[str, Any],
) -> None:
    if given["csv"]:
        check_folder(given["csv"])
    found, stop = submissions(folder, given["function"]), Event()
    with _following(len(found)) as done:
        rows = grade(
            found, network, hints,
            function=given["function"], jobs=given["jobs"], limits=limits, stop=stop, done=done,
        )  # fmt: skip
    if given["csv"]:
        write_whole(given["csv"], as_csv(rows))
    if given["as_json"]:
        terminal.write_json(_document(rows, len(found)))
    else:
        _show(rows, len(found), given["csv"])
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)


@contextlib.contextmanager
def _following(total: int) -> Iterator[Callable[[Row], None]]:
    """Show on a terminal how many submissions are judged."""
    error = terminal.standard_error()
    if not error.is_terminal:
        yield lambda row: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [
        TextColumn("{task.completed:.0f}/{task.total:.0f}"), BarColumn(bar_width=None),
        TextColumn("{task.description}"), TimeElapsedColumn(),
    ]  # fmt: skip
    with Progress(*columns, console=error, expand=True, transient=True) as bar:
        task = bar.add_task("", total=total)

        def done(row: Row) -> None:
            bar.update(task, advance=1, description=terminal.shown(row.name))

        yield done


def _document(rows: list[Row], total: int) -> dict[str, Any]:
    return {
        "submissions": [row.to_dict() for row in rows],
        "not_judged": total - len(rows),
        "verdicts": {v: sum(row.report.verdict == v for row in rows) for v in COUNTED},
        "mistakes": {name: len(who) for name, who in commonest(rows)},
    }


def _show(rows: list[Row], total: int, path: Path | None) -> None:
    out = terminal.standard_output()
    out.print(_table(rows))
    counts = {v: sum(row.report.verdict == v for row in rows) for v in COUNTED}
    told = ", ".join(f"{n} {COUNTED[verdict]}" for verdict, n in counts.items() if n)
    out.print(f"\n{len(rows)} {'submission' if len(rows) == 1 else 'submissions'}: {told}")
    if len(rows) < total:
        out.print(f"Interrupted: {total - len(rows)} were not judged.")
    if mistakes := commonest(rows):
        out.print("\nThe commonest mistakes:\n")
        out.print(_statistics(mistakes))
    if path:
        out.print(f"\nWrote [bold]{terminal.shown(str(path))}[/bold]")


def _table(rows: list[Row]) -> Table:
    from rich.text import Text

    table = terminal.plain_table()
    table.add_column("submission", overflow="fold", ratio=3)
    table.add_column("verdict", no_wrap=True)
    table.add_column("mistakes, or why not", overflow="fold", ratio=6)
    table.add_column("layer", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    for row in rows:
        verdict = row.report.verdict
        why = "\n".join(row.mistakes) or ("" if verdict == "correct" else row.report.message)
        table.add_row(
            Text(terminal.printable(row.name)),
            Text(verdict, style=STYLES[verdict]),
            Text("\n".join(map(terminal.printable, why.split("\n")))),
            "\n".join(row.layers),
            f"{row.seconds:.1f}",
        )
    return table


def _statistics(mistakes: list[tuple[str, list[str]]]) -> Table:
    from rich.text import Text

    from chainrule.checking.catalogue import CATALOGUE

    table = terminal.plain_table()
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("mistake", overflow="fold")
    table.add_column("submissions", overflow="fold")
    for name, who in mistakes:
        title = CATALOGUE[name].title if name in CATALOGUE else name
        names = ", ".join(os.path.splitext(each)[0] for each in who)
        table.add_row(str(len(who)), title, Text(terminal.printable(names)))
    return table
