"""What ``chainrule train`` does; ``cli.py`` has its arguments."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from chainrule import terminal
from chainrule.checkpoint import remove
from chainrule.commands import PARTS, check_table, description, first_call, how_trained, labels_of
from chainrule.drawing import check_plot, loss_curve
from chainrule.errors import BadSetting
from chainrule.files import check_folder, write_whole
from chainrule.options import settings_of

if TYPE_CHECKING:
    from chainrule.course import Progress
    from chainrule.model import Model
    from chainrule.prepare import Prepared

INTERRUPTED = 130


def train_command(given: dict[str, Any]) -> None:
    """Train on a table, score, and save."""
    from chainrule.fitting import fit_prepared
    from chainrule.prepare import prepare

    out = terminal.standard_output(quiet=given["as_json"])
    settings = settings_of(given)
    source, target = _source(given, out)
    path = given["output"] or _default_output(given["table"])
    _check_output(path)
    checkpoint = given["checkpoint"]
    if checkpoint:
        check_folder(checkpoint)
    form = check_plot(given["plot"]) if given["plot"] else ""
    if form:
        check_folder(given["plot"])
    prepared = prepare(source, target, **settings)
    name = "standard input" if source == "-" else Path(source).name
    _show_prepared(prepared, name, out)
    first_call(prepared.X.dtype)
    started = time.perf_counter()
    with _following(prepared, given, out) as callback:
        model = fit_prepared(prepared, callback, checkpoint=checkpoint)
    seconds = time.perf_counter() - started
    model.save(path)
    if form:
        write_whole(given["plot"], loss_curve(model.summary.courses, form))
    _show_result(model, seconds, out)
    shown = terminal.shown(str(path))
    out.print(f"\nSaved [bold]{shown}[/bold] ({path.stat().st_size / 1000:.0f} kB)")
    if form:
        out.print(f"Plotted the losses in [bold]{terminal.shown(given['plot'])}[/bold]")
    out.print(f"Next: chainrule predict {shown} TABLE", style="dim")
    if given["as_json"]:
        files = {"model": str(path), "plot": given["plot"]}
        terminal.write_json(description(model) | {"seconds": seconds} | files)
    if any(course.stopped == "interrupted" for course in model.summary.courses):
        if checkpoint:
            shown = terminal.shown(str(checkpoint))
            out.print(f"The same command goes on from the checkpoint {shown}", style="dim")
        raise typer.Exit(INTERRUPTED)
    if checkpoint:
        remove(checkpoint, prepared.members)


def _source(given: dict[str, Any], out: Console) -> tuple[Any, str]:
    """Return the table and the target to train on."""
    from chainrule.reading import read_table

    table, target = given["table"], given["target"]
    if table is None:
        from chainrule.datasets import penguins_path

        target = target or "species"
        out.print(
            "No table given: here are the penguins that come with chainrule, to predict their "
            f"{terminal.shown(target)}.\n"
        )
        return penguins_path(), target
    check_table(table)
    if target is None:
        names = read_table(table).column_names
        raise BadSetting(
            f"which column is to be predicted? Add --target COLUMN, one of: {', '.join(names)}"
        )
    return table, target


def _default_output(table: str | None) -> Path:
    name = {None: "penguins", "-": "model"}.get(table) or Path(str(table)).name
    stem = name.removesuffix(".gz")
    return Path(f"{stem.rpartition('.')[0] or stem}.safetensors")


def _check_output(path: Path) -> None:
    from chainrule.modelfile import is_model

    check_folder(path)
    if path.is_file() and not is_model(path):
        raise BadSetting(
            f"{path} is there already and is no model of chainrule, so it is not overwritten; "
            "choose another name with --output"
        )


def _show_prepared(prepared: Prepared, name: str, out: Console) -> None:
    rows, recorded = prepared.rows, prepared.recorded
    ignored = f" (without {prepared.ignored} that lack the target)" if prepared.ignored else ""
    columns = len(prepared.spec.columns) + 1
    out.print(f"{terminal.shown(name)}: {sum(rows.values()):,} rows{ignored}, {columns} columns\n")
    out.print(terminal.columns_table(prepared.spec))
    facts = {
        "Rows": ", ".join(f"{n:,} for {PARTS[part]}" for part, n in rows.items() if n),
        "Network": terminal.network_line(prepared.network, prepared.members),
        "Solver": f"{_solver_line(recorded)}, at most {recorded['epochs']:,} epochs",
    }
    out.print()
    out.print(terminal.facts(facts))
    out.print()


def _solver_line(recorded: dict[str, Any]) -> str:
    solver, batch, why = (recorded.get(k) for k in ("solver", "batch_size", "solver_chosen"))
    parts = [f"{solver} (chosen: {why})" if why else str(solver)]
    if recorded["learning_rate"] is not None:
        schedule = recorded["schedule"]
        follows = "" if schedule == "constant" else f" ({schedule})"
        parts.append(f"learning rate {recorded['learning_rate']:g}{follows}")
    if recorded.get("weight_decay"):
        parts.append(f"weight decay {recorded['weight_decay']:.2g}")
    by_batch = batch and recorded["learning_rate"] is not None
    return ", ".join([*parts, f"batches of {batch}" if by_batch else "all rows a step"])


@contextlib.contextmanager
def _following(
    prepared: Prepared, given: dict[str, Any], out: Console
) -> Iterator[Callable[[Progress], None] | None]:
    """Show a training as it goes: by lines if asked, else by a bar on a terminal."""
    error = terminal.standard_error()
    if given["log_every"]:
        stream = sys.stderr if given["as_json"] else sys.stdout
        yield _lines(prepared, given["log_every"], lambda line: print(line, file=stream))
    elif error.is_terminal:
        with terminal.ProgressBar(error, prepared.recorded["epochs"], prepared.members) as bar:
            yield bar
    else:
        yield None


def _lines(
    prepared: Prepared, every: int, write: Callable[[str], None]
) -> Callable[[Progress], None]:
    """Return a callback that writes a line every so many epochs."""
    network, settings = prepared.network, prepared.settings
    several = prepared.members > 1
    if prepared.recorded["preset"] is None or several:

        def plain(progress: Progress) -> None:
            if progress.epoch % every == 0:
                who = f"Network {progress.member + 1}, epoch" if several else "Epoch"
                write(f"{who} {progress.epoch}: {terminal.losses(progress)}")

        return plain
    scheme = settings.get("scheme", "xavier_normal")
    before = network.initial(settings["seed"], scheme, settings["dtype"])

    def with_parameters(progress: Progress) -> None:
        if progress.epoch % every == 0:
            (W, b) = network.layers(before)[0]
            shown = terminal.losses(progress, W[:, 0].tolist(), b.tolist())
            write(f"Epoch {progress.epoch}: {shown}")
        before[:] = progress.parameters  # the next epoch's loss is taken at these

    return with_parameters


def _show_result(model: Model, seconds: float, out: Console) -> None:
    summary = model.summary
    out.print(terminal.facts({"Trained": f"in {seconds:.2f} s; {how_trained(model)}"}))
    if not summary.scores:
        out.print("\nNo scores: no rows were held out.")
        return
    out.print(f"\nScores on the {summary.rows['test']:,} held-out rows:\n")
    out.print(terminal.scores_table(summary.scores, labels_of(model)))
    name = "log_loss" if "log_loss" in summary.scores["network"] else "rmse"
    if summary.scores["linear"][name] <= summary.scores["network"][name]:
        out.print(f"\nBy {terminal.NAMES[name]}, the linear model is as good or better here.")
