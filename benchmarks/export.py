"""Every language of `chainrule export`: its times, its sizes, how far it is from the model.

    python benchmarks/export.py
    python benchmarks/export.py --only tables grid --postgresql "host=/tmp dbname=postgres"

"tables" runs artefacts on all rows of four tables (of a folder, --tables), and on 300 of them
with cells that are missing, 12 and 40 standard deviations off, or never seen; "grid" does so for
every activation with every output, in both types. The figures are the largest difference from
the model, relative as `chainrule export` has it, and the number of labels that are others.

"times" takes one thread, and time of the processor alone, since others use the machine. C is
compiled with -O2, and called row by row; ratios are to the package's own prediction of a table
of one row.
Beside them scikit-learn's network of the same sizes, by onnxruntime (skl2onnx), and as
emlearn's C. For Cortex-M0 the C is linked with all that it needs of libm and of the library of
floating point, which that machine has none of.
"""

from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import json
import re
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from agreement import DATA, TARGETS, cast, print_grid, print_tables
from chainrule import fit
from chainrule.datasets import penguins
from chainrule.exporting import fixed, fixedrun, footprint
from chainrule.exporting.onnx import graph
from chainrule.exporting.onnxinputs import feeds
from chainrule.exporting.samples import samples, table_of
from chainrule.exporting.targets import Options, written

TURNS = 15
TIMER = """
#include <time.h>
#include <stdio.h>
volatile double sink;
volatile int zero; /* so that no call is taken out of the loop */
int main(void) {
    static double ns[15];
    int turn, i, k;
    for (turn = 0; turn < 15; turn++) {
        struct timespec a, b;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        for (k = 0; k < REPEATS; k++) for (i = 0; i < 8; i++) sink = CALL;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        ns[turn] = ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / (REPEATS * 8.0);
    }
    for (i = 1; i < 15; i++) for (k = i; k > 0 && ns[k] < ns[k - 1]; k--) {
        double t = ns[k]; ns[k] = ns[k - 1]; ns[k - 1] = t;
    }
    printf("%g\\n", ns[7] / 1000);
    return 0;
}
"""
NODE = """
import { predict } from MODULE;
const rows = ROWS;
const times = [];
let sink = 0;
for (let turn = 0; turn < 15; turn++) {
  const start = process.cpuUsage();
  for (let k = 0; k < REPEATS; k++) for (const row of rows) if (predict(row) !== null) sink++;
  const used = process.cpuUsage(start);
  times.push((used.user + used.system) / (REPEATS * rows.length));
}
console.log(times.sort((a, b) => a - b)[7]);
"""


def models() -> Iterator[tuple[str, Any, Any]]:
    """Yield trained models of three sizes, with their tables."""
    random = np.random.default_rng(0)
    X = random.normal(size=(500, 4))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    table = pa.table({f"x{i}": X[:, i] for i in range(4)} | {"y": y})
    small = {"ensemble": 1, "epochs": 50}
    yield "4-8-1", fit(table, "y", hidden_layer_sizes=(8,), hidden="tanh", **small), table
    yield "14-16-3", fit(penguins(), "species", hidden_layer_sizes=(16,), **small), penguins()
    yield "14-128-64-3, 5 of them", fit(penguins(), "species"), penguins()


def median(call: Callable[[], Any], rows: int = 1) -> float:
    """Return the median microseconds of a row."""
    call()
    begin = time.process_time()
    call()
    repeats = max(1, int(0.02 / (time.process_time() - begin)))
    times = []
    for _ in range(TURNS):
        begin = time.process_time()
        for _ in range(repeats):
            call()
        times.append((time.process_time() - begin) / repeats / rows * 1e6)
    return float(np.median(times))


def ran(command: list[Any], folder: Path) -> str:
    """Run a program and return what it prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def time_c(text: str, call: str, rows: str, folder: Path, repeats: int) -> float:
    """Compile a timer around a header and return microseconds of a row."""
    program = f"{text}\n{rows}\n" + TIMER.replace("REPEATS", str(repeats)).replace("CALL", call)
    (folder / "t.c").write_text(program)
    ran(["cc", "-std=gnu99", "-O2", "-I.", "t.c", "-o", "t", "-lm"], folder)
    return float(ran([folder / "t"], folder))


def sizes(text: str, entry: str, folder: Path) -> tuple[int, int | None]:
    """Return bytes of code and data, compiled with -Os here, and linked for Cortex-M0."""
    found = footprint.footprint(text, entry, folder)
    return found["cc"], found.get(footprint.CORTEX)


def of_c(model: Any, folder: Path) -> Iterator[list[Any]]:
    """Yield rows of the table for C in its types."""
    repeats = 200 if model.network.n_parameters > 1000 else 50000
    kinds = [("double", cast(model, "float64"), 0), ("float", cast(model, "float32"), 0)]
    kinds += [(f"fixed, {bits} bits", model, bits) for bits in (16, 8)]
    for kind, each, bits in kinds:
        text = written(each, "c", Options("m", fixed_point=bits))[".h"]
        rows = re.search(r"    static const m_row rows.*?\n    \};", text, re.DOTALL)[0]
        code = text.partition("#ifdef M_SELF_TEST")[0] + "#endif\n"
        more = ", 0" if model.spec.target.classes else ""
        entry = footprint.entry_of(model, "m", bool(bits))
        micros = time_c(code, f"m_predict(&rows[i + zero]{more})", rows, folder, repeats)
        yield [f"C, {kind}", micros, len(code), *sizes(code, entry, folder)]


def of_others(model: Any, folder: Path) -> Iterator[list[Any]]:
    """Yield rows for the other languages, and for the package."""
    tried = samples(model)
    rows = [
        dict(zip(tried.columns, r, strict=True)) for r in zip(*tried.columns.values(), strict=True)
    ]
    repeats = 50 if model.network.n_parameters > 1000 else 2000
    files = written(model, "javascript", Options("m"))
    (folder / "m.mjs").write_text(files[".mjs"])
    program = NODE.replace("MODULE", '"./m.mjs"').replace("ROWS", json.dumps(rows))
    (folder / "n.mjs").write_text(program.replace("REPEATS", str(repeats)))
    yield ["JavaScript", float(ran(["node", "n.mjs"], folder)), len(files[".mjs"])]
    text = written(model, "python", Options("m"))[".py"]
    space: dict[str, Any] = {"__name__": "m"}
    exec(text, space)
    calls = [space["predict"]]
    yield ["Python", median(lambda: [calls[0](row) for row in rows], len(rows)), len(text)]
    words = any(column.kind == "categorical" for column in model.spec.columns)
    for inputs in ("columns",) if words else ("columns", "tensor"):
        content = graph(model, tried, inputs)
        fed = feeds(model.spec, tried.columns, inputs)
        one = {column: values[:1] for column, values in fed.items()}
        yield [f"ONNX, {inputs}", by_onnxruntime(content, one), len(content)]
    table = table_of(model.spec, tried.columns).slice(0, 1)
    yield ["chainrule, Model.predict", median(lambda: model.predict(table))]


def by_onnxruntime(content: bytes, feed: dict[str, Any]) -> float:
    """Return microseconds of one row."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return median(lambda: session.run(None, feed))


def of_peers(model: Any, folder: Path) -> Iterator[list[Any]]:
    """Yield rows for scikit-learn's single network of the same sizes."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    n_in, *hidden, n_out = model.network.sizes
    random = np.random.default_rng(0)
    X = random.normal(size=(300, n_in)).astype(np.float32)
    classes = bool(model.spec.target.classes)
    y = np.arange(300) % n_out if classes else X[:, 0]
    network = MLPClassifier if classes else MLPRegressor
    peer = make_pipeline(
        StandardScaler(), network(hidden_layer_sizes=tuple(hidden), max_iter=5)
    ).fit(X, y)
    yield ["scikit-learn, one network", median(lambda: peer.predict(X[:1]))]
    from skl2onnx import to_onnx

    content = to_onnx(peer, X[:1], options={"zipmap": False} if classes else None)
    content = content.SerializeToString()
    yield ["its ONNX, one network", by_onnxruntime(content, {"X": X[:1]}), len(content)]
    if not classes:
        return
    import emlearn

    with chdir(folder):  # where it leaves files of its own
        text = emlearn.convert(peer[-1], method="inline").save(name="peer")
    numbers = ", ".join(map(str, X[:8].ravel()))
    rows = f"static const float rows[8][{n_in}] = {{{numbers}}};"
    (folder / "peer.h").write_text(text)
    for file in Path(emlearn.includedir).glob("*.h"):
        shutil.copy(file, folder)
    code = '#include "peer.h"'
    entry = f"int entry(const float *row) {{ return peer_predict(row, {n_in}); }}"
    repeats = 200 if max(hidden) > 16 else 50000
    micros = time_c(code, f"peer_predict(rows[i + zero], {n_in})", rows, folder, repeats)
    yield ["emlearn's C, float, one network", micros, len(text), *sizes(code, entry, folder)]


def shown(number: Any) -> str:
    """Print a size with commas, a time with three digits."""
    if number is None:
        return ""
    return f"{number:,}" if isinstance(number, int) else f"{number:.3g}"


def print_times() -> None:
    """Print the tables of times and sizes."""
    print("load of the machine at the start:", *os.getloadavg())
    for title, model, table in models():
        with tempfile.TemporaryDirectory() as folder:
            found = [*of_c(model, Path(folder)), *of_others(model, Path(folder))]
            ours = found[-1][1]
            found += of_peers(model, Path(folder))
        print(f"\n| {title} | µs a row | times faster | bytes | compiled | Cortex-M0 |")
        print("|---|---|---|---|---|---|")
        for what, micros, *weights in found:
            cells = [shown(each) for each in (micros, ours / micros, *weights)]
            print(f"| {' | '.join([what, *cells, *[''] * (5 - len(cells))])} |")
        for bits in (16, 8):
            told = fixed.told(model, fixedrun.fixed(model, bits, table).measured)
            print(f"\n{bits} bits: {told}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("times", "tables", "grid")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--tables", type=Path, default=DATA, help="a folder of NAME.csv.gz")
    parser.add_argument("--table", nargs="+", choices=dict(TARGETS), help="some of the tables")
    parser.add_argument("--postgresql", help="how to connect to a server; default: without one")
    given = parser.parse_args()
    if "times" in given.only:
        print_times()
    if "tables" in given.only:
        print_tables(given.tables, given.postgresql, given.table)
    if "grid" in given.only:
        print_grid(given.postgresql)
