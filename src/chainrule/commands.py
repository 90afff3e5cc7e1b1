"""What the commands but ``train`` do; ``cli.py`` has their arguments."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule import terminal
from chainrule.drawing import draw
from chainrule.errors import BadSetting
from chainrule.files import check_folder, write_whole
from chainrule.summary import IMPORTED

if TYPE_CHECKING:
    from chainrule.model import Model
    from chainrule.summary import Course

UNSAFE = re.compile(r'[",\r\n]|^\s|\s$')
PARTS = {"train": "training", "validation": "early stopping", "test": "the scores"}
COMPILING = "Compiling the engine for this machine, once per version; it takes some seconds ..."


def first_call(dtype: Any) -> None:
    """Load the machine code, or compile it and say so."""
    from chainrule.jit import is_warm

    console = terminal.standard_error()
    with contextlib.ExitStack() as stack:

        def announce() -> None:
            if console.is_terminal:
                stack.enter_context(console.status(COMPILING))
            else:
                console.print(COMPILING)

        # The code of one type may be there and that of the other not: then it takes long.
        timer = threading.Timer(3.0 if is_warm() else 0.0, announce)
        timer.start()
        try:
            compile_for(dtype)
        finally:
            timer.cancel()
            timer.join()


def compile_for(dtype: Any) -> None:
    """Compile all kernels for one type of number."""
    import numpy as np

    from chainrule.engine import forward
    from chainrule.loop import train
    from chainrule.network import Network

    network, X = Network((1, 1)), np.zeros((2, 1), dtype)
    parameters = train(network, X, X, epochs=1).parameters
    forward(network, parameters, X)


def how_trained(model: Model) -> str:
    """Say how long the training was, why it ended, and which epoch was kept."""
    courses = model.summary.courses
    if not courses:
        return "elsewhere"
    if len(courses) == 1:
        best = courses[0].best_epoch
        kept = "" if best is None else f"; kept the parameters of epoch {best}"
        return f"{courses[0].epochs:,} epochs: {_why_stopped(model, courses[0])}{kept}"
    epochs = [course.epochs for course in courses]
    span = f"{min(epochs):,} to {max(epochs):,}" if min(epochs) < max(epochs) else f"{epochs[0]:,}"
    reasons = Counter(_why_stopped(model, course) for course in courses)
    ends = [f"{why} ({n} of {len(courses)})" for why, n in reasons.most_common()]
    best_epochs = [course.best_epoch for course in courses]
    kept = "" if None in best_epochs else "; kept the best of each"
    return f"{len(courses)} networks, {span} epochs: {', '.join(ends)}{kept}"


def _why_stopped(model: Model, course: Course) -> str:
    watched = "validation" if course.history.get("validation_loss") else "training"
    patience = model.summary.settings.get("patience")
    reasons = {
        "epochs": "as many as allowed",
        "patience": f"stopped early, the {watched} loss had not fallen for {patience} epochs",
        "interrupted": "interrupted by Ctrl-C",
        "converged": "converged, no step lowers the loss any more",
    }
    return reasons.get(course.stopped, course.stopped)


def labels_of(model: Model) -> dict[str, str]:
    """Name the three whose scores are compared."""
    n, task = len(model.ensemble), model.spec.target.task
    simplest = "majority class" if task == "classification" else "mean"
    return {
        "network": "this network" if n == 1 else f"these {n} networks",
        "linear": "linear model",
        "baseline": f"baseline: {simplest}",
    }


def description(model: Model) -> dict[str, Any]:
    """Return what there is to say of a model, for JSON."""
    from dataclasses import asdict

    from chainrule.table import summary_rows

    network, summary = model.network, asdict(model.summary)
    for course in summary["courses"]:
        del course["history"], course["every"]
    return {
        "target": model.spec.target.name,
        "task": model.spec.target.task,
        "classes": list(model.spec.target.classes),
        "columns": [row._asdict() for row in summary_rows(model.spec)],
        "network": asdict(network) | {"activations": [str(rule) for rule in network.activations]},
        "networks": len(model.ensemble),
        "n_parameters": network.n_parameters,
        "dtype": str(model.parameters.dtype),
    } | summary


def check_table(table: str) -> None:
    """Raise BadSetting if a model was given as the table."""
    from chainrule.modelfile import is_model

    if table != "-" and is_model(table):
        raise BadSetting(
            f"{table} is a model, not a table; to look into it: chainrule show {table}"
        )


def predict_command(
    path: Path, table: str, output: Path | None, intervals: float | None, as_json: bool
) -> None:
    """Predict the target for each row, as CSV, Parquet or JSON."""
    from chainrule.model import load
    from chainrule.reading import read_table

    if output is not None:
        if output.suffix.lower() not in (".csv", ".parquet"):
            raise BadSetting(f"--output {output} must end in .csv or .parquet")
        check_folder(output)
    model = load(path)
    check_table(table)
    rows = read_table(table, columns=model.spec.kinds)
    first_call(model.parameters.dtype)
    predicted = _predicted(model, rows, model.coverage if intervals is None else intervals)
    if output is not None:
        write_whole(output, _encoded(predicted, output.suffix.lower()))
        done = {"rows": predicted.num_rows, "output": str(output)}
        if as_json:
            terminal.write_json(done)
        else:
            terminal.standard_error().print(
                f"Wrote {done['rows']:,} predictions to {terminal.shown(str(output))}"
            )
    elif as_json:
        terminal.write_json(predicted.to_pylist())
    else:
        terminal.write_bytes(_encoded(predicted, ".csv"))


def _predicted(model: Model, rows: Any, coverage: float | None) -> Any:
    """Return predictions, with bounds or probabilities, as a pyarrow table."""
    import pyarrow as pa

    from chainrule.table import labels

    target = model.spec.target
    if target.task == "regression":
        columns = {"prediction": model.predict(rows)}
        if coverage is not None:
            columns["lower"], columns["upper"] = model.predict_interval(rows, coverage)
        return pa.table(columns)
    if coverage is not None:
        model.predict_interval(rows, coverage)  # which says why not
    shares = model.predict_proba(rows)
    columns = {"prediction": labels(model.spec, shares.argmax(axis=1))}
    columns |= {f"probability_{name}": shares[:, k] for k, name in enumerate(target.classes)}
    return pa.table(columns)


def _encoded(table: Any, form: str) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    if form == ".parquet":
        from pyarrow import parquet

        parquet.write_table(table, sink)
        return bytes(sink.getvalue())
    import csv
    import io

    from pyarrow import csv as arrow_csv

    header = io.StringIO()  # pyarrow quotes every name
    csv.writer(header, lineterminator="\n").writerow(table.column_names)
    words = set(table["prediction"].unique().to_pylist())
    plain = not any(UNSAFE.search(str(word)) for word in words)  # else pyarrow quotes all text
    style = "none" if plain else "needed"
    options = arrow_csv.WriteOptions(include_header=False, quoting_style=style)
    arrow_csv.write_csv(table, sink, options)
    return header.getvalue().encode("utf-8") + bytes(sink.getvalue())


def evaluate_command(path: Path, table: str, target: str | None, as_json: bool) -> None:
    """Score a model on a table."""
    from chainrule.model import load

    model = load(path)
    check_table(table)
    first_call(model.parameters.dtype)
    scores = model.evaluate(table, target)
    if as_json:
        terminal.write_json({"target": model.spec.target.name, "scores": scores})
        return
    out = terminal.standard_output()
    out.print(terminal.scores_table({"network": scores}, {"network": path.name}))


def show_command(path: Path, as_json: bool) -> None:
    """Show what is in a model."""
    from chainrule.model import load
    from chainrule.table import feature_names

    model = load(path)
    if as_json:
        terminal.write_json(description(model) | {"model": str(path)})
        return
    out, summary, target = terminal.standard_output(), model.summary, model.spec.target
    version = terminal.shown(summary.version)
    settings = {name: value for name, value in summary.settings.items() if value is not None}
    source = settings.pop(IMPORTED, None)
    done = "trained" if source is None else "imported"
    out.print(f"[bold]{terminal.shown(str(path))}[/bold], {done} by chainrule {version}\n")
    rows = {part: summary.rows[part] for part in PARTS if part in summary.rows}
    facts = {
        "Network": f"{terminal.network_line(model.network, len(model.ensemble))}, "
        f"{model.parameters.dtype}",
        "Rows": ", ".join(f"{n:,} for {PARTS[part]}" for part, n in rows.items() if n),
        "Settings": ", ".join(f"{name} {value}" for name, value in settings.items()),
        "Trained": how_trained(model) if source is None else f"elsewhere; {source}",
    }
    out.print(terminal.facts({name: fact for name, fact in facts.items() if fact}))
    out.print()
    out.print(terminal.columns_table(model.spec))
    if summary.scores:
        out.print(f"\nScores on {summary.rows.get('test', 0):,} held-out rows:\n")
        out.print(terminal.scores_table(summary.scores, labels_of(model)))
    outputs = list(target.classes) or [target.name]
    if model.network.sizes[-1] == 1 and target.classes:
        outputs = [f"{target.name} = {target.classes[1]}"]
    inputs, outputs = (
        list(map(terminal.printable, names)) for names in (feature_names(model.spec), outputs)
    )
    picture = draw(model.network, model.parameters[0], inputs, outputs, out.width)
    if picture and len(model.ensemble) > 1:
        picture = f"The first of the {len(model.ensemble)} networks:\n\n{picture}"
    out.print()
    out.print(picture or "The network is too large to be drawn.", markup=False)


def warm_command(as_json: bool) -> None:
    """Compile all kernels, and remove the machine code of old versions."""
    from chainrule.jit import cache_folder, is_warm, remove_old_code

    out = terminal.standard_output(quiet=as_json)
    was_warm = is_warm()
    seconds = {}
    for dtype in ("float32", "float64"):
        started = time.perf_counter()
        first_call(dtype)
        seconds[dtype] = time.perf_counter() - started
        out.print(f"{dtype}: ready after {seconds[dtype]:.1f} s")
    remove_old_code()
    if as_json:
        folder = str(cache_folder())
        terminal.write_json({"was_warm": was_warm, "seconds": seconds, "folder": folder})
