"""The command, driven as a user would: results, pipes, terminals, and every bad input."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pexpect
import pyarrow as pa
import pytest
from pyarrow import parquet

from chainrule import cli, commands, fit, load
from chainrule.commands import compile_for
from chainrule.datasets import penguins, penguins_path
from chainrule.rules import LOSSES, OPTIMISERS
from chainrule.schedules import SCHEDULES

pytestmark = pytest.mark.compiled_only  # whole trainings
PENGUINS = str(penguins_path())
COMMAND = [sys.executable, "-c", "from chainrule.cli import main; main()"]


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Compile beforehand, so that no command has to say that it compiles."""
    for dtype in ("float32", "float64"):
        compile_for(dtype)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run in an empty folder, 80 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def run(capfdbinary):
    """Run the command in this process; return exit status, output and errors."""

    def command(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(list(arguments))
        out, err = capfdbinary.readouterr()
        return caught.value.code, out.decode(), err.decode()

    return command


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the path of a model of the penguins, and the model."""
    path = tmp_path_factory.mktemp("model") / "penguins.safetensors"
    model = fit(penguins_path(), "species")
    model.save(path)
    return str(path), model


def shell(command, **more):
    """Run the command in a process of its own; return status, output and errors."""
    environment = os.environ | {"COLUMNS": "80"} | more.pop("env", {})
    done = subprocess.run(
        [*COMMAND, *command], capture_output=True, env=environment, timeout=120, **more
    )
    return done.returncode, done.stdout, done.stderr.decode()


# train


def test_what_is_compiled_is_announced(monkeypatch, capfdbinary):
    monkeypatch.setattr("chainrule.jit.is_warm", lambda: False)
    monkeypatch.setattr(commands, "compile_for", lambda dtype: time.sleep(0.3))
    commands.first_call("float32")
    assert capfdbinary.readouterr().err.decode() == commands.COMPILING + "\n"


def test_train_without_arguments_learns_the_penguins(run, folder):
    status, out, err = run("train")
    assert (status, err) == (0, "")
    assert "No table given" in out
    assert "penguins.csv.gz: 344 rows, 7 columns" in out
    assert "one-hot, 3 categories (text)" in out
    assert "14 inputs → 128 relu → 64 relu → 3 softmax; loss cross_entropy; 10,371" in out
    assert "adamw, learning rate 0.01 (one_cycle), weight decay 0.1, batches of 32" in out
    assert "Saved penguins.safetensors" in out
    assert "Next: chainrule predict penguins.safetensors TABLE" in out
    scores = {line.split("  ")[0]: line.split()[-3:] for line in out.splitlines() if "0." in line}
    assert float(scores["these 5 networks"][0]) > 0.9
    assert float(scores["baseline: majority class"][0]) < 0.5
    assert os.listdir(folder) == ["penguins.safetensors"]
    assert max(map(len, out.splitlines())) <= 90


def test_train_is_fit(run, trained):
    path, model = trained
    run("train", PENGUINS, "--target", "species", "-o", "m.safetensors")
    assert Path("m.safetensors").read_bytes() == Path(path).read_bytes()
    assert load("m.safetensors").predict_proba(PENGUINS).tobytes() == (
        model.predict_proba(PENGUINS).tobytes()
    )


def test_every_option_reaches_the_training(run):
    options = (
        "--target body_mass_g --task regression --kind sex=categorical --drop island "
        "--test-size 0.3 --validation 0.1 --hidden-layer-sizes 8-4 --hidden tanh,elu --loss huber "
        "--loss-parameter 0.5 --solver sgd --learning-rate 0.02 --schedule cosine --epochs 12 "
        "--batch-size all --patience none --l1 0.001 --l2 0.01 --clip-norm 1 --set momentum=0.8 "
        "--seed 3 --dtype float64 -o m.safetensors"
    )
    status, _, err = run("train", PENGUINS, *options.split())
    assert (status, err) == (0, "")
    model = load("m.safetensors")
    expected = fit(
        PENGUINS, "body_mass_g", task="regression", kinds={"sex": "categorical"}, drop=("island",),
        test_size=0.3, validation=0.1, hidden_layer_sizes=(8, 4), hidden=("tanh", "elu"),
        loss="huber", loss_parameter=0.5, solver="sgd", learning_rate=0.02, schedule="cosine",
        epochs=12, batch_size=None, patience=None, l1=0.001, l2=0.01, clip_norm=1.0, momentum=0.8,
        seed=3, dtype="float64",
    )  # fmt: skip
    assert model.summary == expected.summary
    assert model.network == expected.network
    assert model.parameters.tobytes() == expected.parameters.tobytes()


def test_the_neuron_prints_the_documents_lines(run):
    status, out, _ = run(
        "train", "--target", "sex", "--drop", "species", "--drop", "island",
        "--preset", "neuron", "--log-every", "500",
    )  # fmt: skip
    lines = [line for line in out.splitlines() if line.startswith("Epoch")]
    assert status == 0
    assert [line.split(":")[0] for line in lines] == ["Epoch 0", "Epoch 500"]
    start = load("penguins.safetensors").network.initial(seed=0)
    weights = ", ".join(f"{w:.3f}" for w in start[:-1])
    assert lines[0].startswith(f"Epoch 0: w = [{weights}], b = [0.000], loss = 0.1")
    assert "%" not in "".join(lines)


def test_lines_of_progress_hold_the_history(run):
    _, out, _ = run(
        "train", "--log-every", "10", "--epochs", "21", "--patience", "none", "--ensemble", "1"
    )  # fmt: skip
    (history,) = load("penguins.safetensors").histories
    expected = [
        f"Epoch {e}: loss = {history.loss[e]:.3f}, "
        f"validation loss = {history.validation_loss[e]:.3f}"
        for e in (0, 10, 20)
    ]
    assert [line for line in out.splitlines() if line.startswith("Epoch")] == expected


def test_lines_of_progress_of_several_networks(run):
    _, out, _ = run("train", "--log-every", "10", "--epochs", "21", "--ensemble", "2")
    expected = [
        f"Network {j + 1}, epoch {e}: loss = {history.loss[e]:.3f}, "
        f"validation loss = {history.validation_loss[e]:.3f}"
        for j, history in enumerate(load("penguins.safetensors").histories)
        for e in (0, 10, 20)
        if e < len(history.loss)
    ]
    assert sorted(x for x in out.splitlines() if x.startswith("Network ") and ":" in x) == expected


def test_train_as_json(run):
    status, out, err = run("train", "--json", "--log-every", "100", "--test-size", "0.25")
    document = json.loads(out)
    assert status == 0
    assert "Network 1, epoch 0: loss = " in err
    assert document["scores"]["network"]["accuracy"] > 0.9
    assert document["rows"]["test"] == 86
    assert document["network"]["sizes"] == [14, 128, 64, 3]
    assert document["networks"] == len(document["courses"]) == 5
    assert document["model"] == "penguins.safetensors"
    assert [row["kind"] for row in document["columns"]].count("numeric") == 4


def test_scores_that_are_not_defined_are_null_in_json(run):
    rows = "\n".join(f"{i / 7},{'b' if i in (3, 5) else 'a'}" for i in range(30))
    Path("t.csv").write_text("x,y\n" + rows)
    _, out, _ = run("train", "t.csv", "--target", "y", "--test-size", "0.1", "--json")
    assert json.loads(out)["scores"]["network"]["roc_auc"] is None


@pytest.mark.parametrize(("name", "magic"), [("loss.png", b"\x89PNG"), ("loss.svg", b"<?xml")])
def test_the_plot(run, name, magic):
    status, out, _ = run("train", "--plot", name, "--epochs", "5")
    assert status == 0
    assert f"Plotted the losses in {name}" in out
    content = Path(name).read_bytes()
    assert content.startswith(magic)
    run("train", "--plot", name, "--epochs", "5")
    assert Path(name).read_bytes() == content


def test_the_default_output_is_named_after_the_table(run, folder):
    for name in ("a.csv", "b.csv.gz", "c.parquet"):
        path = folder / name
        if name.endswith(".parquet"):
            parquet.write_table(penguins(), path)
        else:
            text = gzip.decompress(penguins_path().read_bytes())
            path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        assert run("train", name, "--target", "species", "--epochs", "2")[0] == 0
    models = [path.name for path in folder.glob("*.safetensors")]
    assert sorted(models) == ["a.safetensors", "b.safetensors", "c.safetensors"]


def test_a_model_is_replaced_and_another_file_is_not(run):
    assert run("train", "--epochs", "1")[0] == 0
    assert run("train", "--epochs", "2")[0] == 0
    assert {c.epochs for c in load("penguins.safetensors").summary.courses} == {2}
    Path("thesis.safetensors").write_bytes(b"years of work")
    status, _, err = run("train", "-o", "thesis.safetensors")
    assert status == 2
    assert "not overwritten; choose another name with --output" in err
    assert Path("thesis.safetensors").read_bytes() == b"years of work"


# predict, evaluate, show, warm


def test_predict_writes_csv(run, trained):
    path, model = trained
    status, out, err = run("predict", path, PENGUINS)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (status, err) == (0, "")
    assert [row["prediction"] for row in rows] == model.predict(PENGUINS).tolist()
    shares = model.predict_proba(PENGUINS)
    for k, name in enumerate(model.spec.target.classes):
        column = np.array([row[f"probability_{name}"] for row in rows], dtype=np.float32)
        assert column.tobytes() == shares[:, k].tobytes()


def test_predict_to_files(run, trained):
    path, model = trained
    assert run("predict", path, PENGUINS, "-o", "p.csv")[0] == 0
    _, out, _ = run("predict", path, PENGUINS)
    assert Path("p.csv").read_text() == out
    status, out, err = run("predict", path, PENGUINS, "-o", "p.parquet")
    assert (status, out) == (0, "")
    assert "Wrote 344 predictions to p.parquet" in err
    table = parquet.read_table("p.parquet")
    assert table["prediction"].to_pylist() == model.predict(PENGUINS).tolist()
    _, out, _ = run("predict", path, PENGUINS, "-o", "p.parquet", "--json")
    assert json.loads(out) == {"rows": 344, "output": "p.parquet"}


def test_predict_as_json(run, trained):
    path, model = trained
    _, out, _ = run("predict", path, PENGUINS, "--json")
    rows = json.loads(out)
    assert len(rows) == 344
    assert rows[0]["prediction"] == "Adelie"
    assert rows[0]["probability_Adelie"] == float(model.predict_proba(PENGUINS)[0, 0])


def test_predict_numbers(run):
    run("train", "--target", "body_mass_g", "--epochs", "3", "-o", "m.safetensors")
    _, out, _ = run("predict", "m.safetensors", PENGUINS)
    head, *values = out.split()
    assert head == "prediction"
    assert [float(v) for v in values] == load("m.safetensors").predict(PENGUINS).tolist()


def test_predict_with_bounds(run):
    options = ("--target", "body_mass_g", "--epochs", "3", "--ensemble", "2", "-o", "m.safetensors")
    run("train", *options, "--intervals", "0.8")
    model = load("m.safetensors")
    for more, coverage in ((), 0.8), (("--intervals", "0.95"), 0.95):
        _, out, _ = run("predict", "m.safetensors", PENGUINS, *more)
        rows = list(csv.DictReader(io.StringIO(out)))
        lower, upper = model.predict_interval(PENGUINS, coverage)
        assert [float(row["lower"]) for row in rows] == lower.tolist()
        assert [float(row["upper"]) for row in rows] == upper.tolist()
        assert [float(row["prediction"]) for row in rows] == model.predict(PENGUINS).tolist()
    _, out, _ = run("evaluate", "m.safetensors", PENGUINS)
    assert "in interval" in out
    run("train", *options)
    assert run("predict", "m.safetensors", PENGUINS)[1].startswith("prediction\n")
    assert run("predict", "m.safetensors", PENGUINS, "--intervals", "0.5")[1].startswith(
        "prediction,lower,upper\n"
    )


def test_odd_names_are_quoted(run):
    names = ['a,"b"', "two\nlines", " space "]
    table = pa.table(
        {"x, y": np.linspace(-1, 1, 60), 'tar"get': [names[i // 20] for i in range(60)]}
    )
    parquet.write_table(table, "t.parquet")
    options = ("--kind", "x, y=numeric", "--epochs", "100", "-o", "m.safetensors")
    assert run("train", "t.parquet", "--target", 'tar"get', *options)[0] == 0
    _, out, _ = run("predict", "m.safetensors", "t.parquet")
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert {row["prediction"] for row in rows} == set(names)
    assert list(rows[0]) == ["prediction", *(f"probability_{n}" for n in sorted(names))]
    assert run("show", "m.safetensors")[0] == 0


def test_evaluate(run, trained):
    path, model = trained
    status, out, err = run("evaluate", path, PENGUINS)
    scores = model.evaluate(penguins_path())
    assert (status, err) == (0, "")
    assert f"{scores['accuracy']:.4f}" in out
    _, out, _ = run("evaluate", path, PENGUINS, "--json")
    assert json.loads(out) == {"target": "species", "scores": scores}
    renamed = penguins().rename_columns(["kind", *penguins().column_names[1:]])
    parquet.write_table(renamed, "r.parquet")
    _, out, _ = run("evaluate", path, "r.parquet", "--target", "kind", "--json")
    assert json.loads(out)["scores"] == scores


def test_show(run, trained):
    status, out, err = run("show", trained[0])
    assert (status, err) == (0, "")
    words = " ".join(out.split())
    assert "10,371 parameters; 5 networks, of which the mean is taken, float32" in words
    assert "(5 of 5); kept the best of each" in words
    run("train", "--hidden-layer-sizes", "32", "--epochs", "2", "-o", "small.safetensors")
    _, out, _ = run("show", "small.safetensors")
    assert "The first of the 5 networks" in out
    assert "classification, 3 classes: Adelie, Chinstrap" in out
    assert "baseline: majority class" in out
    drawn = [line for line in out.splitlines() if "│" in line]
    assert len(drawn) == 14 + 1 + 3
    assert max(map(len, out.splitlines()[1:])) <= 80  # the first has the path
    _, out, _ = run("show", trained[0], "--json")
    assert json.loads(out)["n_parameters"] == 10_371


def test_show_trusts_neither_scores_nor_names(run, trained):
    model = trained[1]
    summary = replace(
        model.summary, scores={"linear": {"r2": 1.0}, "network": {}, "x": {"[b]": 2.0}}
    )
    target = replace(model.spec.target, name="\x1b[2J[red]")
    replace(model, summary=summary, spec=replace(model.spec, target=target)).save("m.safetensors")
    status, out, err = run("show", "m.safetensors")
    assert (status, err) == (0, "")
    assert "�[2J[red]" in out
    assert "\x1b" not in out


def test_show_draws_the_neuron(run):
    table = pa.table({"p": np.linspace(-1, 1, 50), "y": np.linspace(0, 1, 50)})
    parquet.write_table(table, "t.parquet")
    run("train", "t.parquet", "--target", "y", "--preset", "neuron", "-o", "m.safetensors")
    w, b = load("m.safetensors").parameters[0]
    _, out, _ = run("show", "m.safetensors")
    assert f"   p ──( {w:+.3f} )──╮" in out
    assert f"bias ──( {b:+.3f} )──┴──▶ Σ ──▶ sigmoid ──▶ y" in out


def test_show_of_large_networks(run):
    run("train", "--hidden-layer-sizes", "100", "--epochs", "1")
    assert "too large to be drawn" in run("show", "penguins.safetensors")[1]


def test_warm(run):
    status, out, _ = run("warm")
    assert status == 0
    assert "float32: ready after" in out
    assert "float64: ready after" in out
    document = json.loads(run("warm", "--json")[1])
    assert set(document["seconds"]) == {"float32", "float64"}


def test_version_and_help(run):
    assert run("--version")[1] == "chainrule 0.1.0\n"
    status, out, _ = run("--help")
    assert status == 0
    assert all(name in out for name in ("train", "predict", "evaluate", "show", "warm"))
    out = run("train", "--help")[1].replace("│", " ")
    words = set(out.replace(",", " ").replace(".", " ").split())
    assert words >= {*LOSSES, *OPTIMISERS, *SCHEDULES}


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom chainrule.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numba', 'pyarrow', 'sklearn', 'pandas', 'matplotlib', 'scipy', 'safetensors'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert (done.returncode, done.stderr.decode()) == (0, "")


# Bad input: status 2, one message, no traceback, nothing left behind


TABLES = {
    "empty": (b"", "is empty"),
    "only a head": (b"x,y\n", "no rows"),
    "one row": (b"x,y\n1,a\n", "only one in 1 rows"),
    "one class": (b"x,y\n1,a\n2,a\n", "only one in 2 rows"),
    "no target": (b"x,z\n1,a\n2,b\n", "no column 'y'"),
    "a name twice": (b"x,x,y\n1,2,a\n3,4,b\n", "column name 'x' at positions 1, 2"),
    "infinity": (b"x,y\n1,a\ninf,b\n2,a\n3,b\n", "row 2 of column 'x' holds inf"),
    "constant columns": (b"x,y\n5,a\n5,b\n5,a\n", "no column is left"),
    "missing columns": (b"x,y\n,a\n,b\n,a\n", "all missing"),
    "missing targets": (b"x,y\n1,\n2,\n", "no row of 2 has a value"),
    "a binary file": (b"\x00\x01\x02\x03\x04\x05", "NUL"),
    "a cut gzip": (gzip.compress(b"x,y\n1,a\n")[:-9], "cut short"),
    "a damaged Parquet": (b"PAR1 and no more", "Parquet"),
}


@pytest.mark.parametrize("name", TABLES)
def test_bad_tables(run, folder, name):
    content, message = TABLES[name]
    Path("t.csv").write_bytes(content)
    status, out, err = run("train", "t.csv", "--target", "y")
    assert status == 2
    assert message in err
    assert err.startswith("chainrule: ")
    assert err.count("\n") == 1
    assert os.listdir(folder) == ["t.csv"]
    assert "Traceback" not in out + err


ARGUMENTS = {
    "train nowhere.csv --target y": "there is no file nowhere.csv",
    "train . --target y": "is a folder",
    f"train {PENGUINS}": "Add --target COLUMN, one of: species, island",
    f"train {PENGUINS} --target specie": "did you mean",
    "train --target island --task regression": "regression needs a target of numbers",
    "train -o no/where.safetensors": "there is no folder",
    "train -o .": "it is a folder",
    "train --plot loss.gif": ".png or .svg",
    "train --plot no/loss.png": "there is no folder",
    "train --preset neuron": "island, sex are categorical",
    "train --hidden-layer-sizes 8x": "--hidden-layer-sizes 8x",
    "train --hidden relu,relu,relu": "3 activations for 2 hidden layer",
    "train --ensemble 0": "--ensemble",
    "train --ensemble 5 --validation 0.1": "--validation 0.1 is for one network",
    "train --weight mass": "there is no column 'mass' of weights",
    "train --weight island": "island",
    "train --intervals 0.9": "--intervals 0.9 is for a target of numbers",
    "train --target body_mass_g --intervals 90": "--intervals 90.0 must be a share",
    "train --hidden relo": "relo",
    "train --batch-size few": "--batch-size few must be a whole number, or all",
    "train --batch-size 0": "--batch-size 0 must be a whole number, 1 or more",
    "train --patience long": "--patience long must be a whole number, or none",
    "train --kind island": "--kind island must have the form",
    "train --kind island=colour": "'colour' of column 'island'",
    "train --set speed=9": "'speed' is not a parameter of adamw",
    "train --set beta1=fast": "'fast' is not a number",
    "train --epochs -1": "--epochs",
    "train --learning-rate 0": "--learning-rate 0.0 must be a positive number",
    "train --seed -1": "--seed",
    "train --solver gd --target body_mass_g --learning-rate 1e6": "--learning-rate 100000",
    "train --solver magic": "'magic' is not one of",
    "train --log-every 0": "--log-every",
    "dance": "No such command",
    "predict": "Missing argument",
    "show nowhere": "there is no model file nowhere",
    f"show {PENGUINS}": "is no model file",
}


@pytest.mark.parametrize("line", ARGUMENTS)
def test_bad_arguments(run, folder, line):
    status, out, err = run(*line.split())
    assert status == 2
    assert ARGUMENTS[line] in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in out + err
    assert os.listdir(folder) == []


def test_what_a_model_cannot_predict(run, trained, folder):
    path = trained[0]
    Path("other.csv").write_text("x,y\n1,2\n")
    Path("broken.safetensors").write_bytes(Path(path).read_bytes()[:-1])
    Path("text.csv").write_text(
        "species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex\n"
        "Emu,Dream,long,18,190,3700,MALE\n"
    )
    for line, message in {
        f"predict {path} other.csv": "column 'island' is absent",
        f"predict {path} text.csv": "row 1 of column 'bill_length_mm' holds 'long'",
        f"predict {path} {path}": "is a model, not a table",
        f"predict {PENGUINS} {path}": "is no model file",
        f"predict {path} {PENGUINS} -o p.txt": "must end in .csv or .parquet",
        f"predict {path} {PENGUINS} -o no/p.csv": "there is no folder",
        f"predict broken.safetensors {PENGUINS}": "broken.safetensors: ",
        f"evaluate {path} other.csv": "column 'species'",
        f"evaluate {path} {PENGUINS} --target sex": "which is none of the classes",
        f"train {path} --target y": "is a model, not a table",
    }.items():
        status, out, err = run(*line.split())
        assert (status, out) == (2, "")
        assert message in err
        assert err.count("\n") == 1
    assert len(os.listdir(folder)) == 3


def test_without_matplotlib_a_plot_is_refused_with_advice(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, _, err = run("train", "--plot", "loss.png")
    assert status == 2
    assert "pip install 'chainrule[plot]'" in err


def test_failures_of_the_system_have_no_traceback(run, trained, monkeypatch):
    status, _, err = run("predict", trained[0], PENGUINS, "-o", "/dev/full")
    assert (status, "must end in" in err) == (2, True)
    os.symlink("/dev/full", "p.csv")
    status, _, err = run("predict", trained[0], PENGUINS, "-o", "p.csv")
    assert (status, "No space left on device" in err) == (2, True)

    def fail(*_, **__):
        raise OSError(5, "Input/output error", "disk")

    monkeypatch.setattr("chainrule.model.load", fail)
    assert run("show", trained[0])[::2] == (2, "chainrule: Input/output error (disk)\n")


# Processes, pipes and terminals


def test_standard_input_and_no_colours(trained):
    text = gzip.decompress(penguins_path().read_bytes())
    environment = {"FORCE_COLOR": "", "NO_COLOR": "1"}
    arguments = ["train", "-", "--target", "species", "-o", "m.safetensors"]
    status, out, err = shell(arguments, input=text, env=environment)
    assert (status, err) == (0, "")
    assert b"standard input: 344 rows" in out
    assert b"\x1b" not in out
    assert Path("m.safetensors").read_bytes() == Path(trained[0]).read_bytes()
    status, out, _ = shell(["predict", "m.safetensors", "-"], input=text)
    assert (status, len(out.splitlines())) == (0, 345)


def test_a_reader_that_goes_away_is_no_error(trained):
    rows = gzip.decompress(penguins_path().read_bytes()).splitlines(keepends=True)
    Path("many.csv").write_bytes(rows[0] + b"".join(rows[1:]) * 200)
    line = f'"{sys.executable}" -c "from chainrule.cli import main; main()"'
    done = subprocess.run(
        f"{line} predict {trained[0]} many.csv | head -n 2", shell=True, capture_output=True
    )
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == b""


def test_a_full_standard_output(trained):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "predict", trained[0], PENGUINS], stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 2
    assert done.stderr.decode() == "chainrule: No space left on device\n"


def test_an_encoding_without_arrows():
    status, out, err = shell(["train", "--epochs", "1"], env={"PYTHONIOENCODING": "ascii"})
    assert (status, err) == (0, "")
    assert b"14 inputs ? 128 relu ? 64 relu ? 3 softmax" in out


def test_the_bar_on_a_terminal_and_ctrl_c_that_keeps_the_best():
    arguments = ["train", "--patience", "none", "--epochs", "100000000", "--ensemble", "1"]
    child = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], *arguments], dimensions=(40, 80), timeout=60, encoding="utf-8"
    )
    child.expect(r"epoch \d[\d,]*/100,000,000")
    child.expect(r"loss [\d.e-]+  validation [\d.e-]+  [\d.]+[kMG]? samples/s")
    child.expect(r"epoch \d[\d,]*/100,000,000")
    child.sendintr()
    child.expect("interrupted by Ctrl-C; kept the parameters of")
    child.expect("this network")
    child.expect("Saved .*penguins.safetensors")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    summary = load("penguins.safetensors").summary
    (course,) = summary.courses
    assert course.stopped == "interrupted"
    assert course.best_epoch < course.epochs < 100_000_000
    assert summary.scores["network"]["accuracy"] > 0.5  # more than guessing; when it came is chance


def test_ctrl_c_while_several_networks_are_trained():
    arguments = ["train", "--patience", "none", "--epochs", "1000000", "--ensemble", "8"]
    child = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], *arguments], dimensions=(40, 80), timeout=60, encoding="utf-8"
    )
    child.expect(r"epoch \d[\d,]*/8,000,000")
    child.expect(r"epoch \d[\d,]*/8,000,000")
    child.sendintr()
    child.expect("interrupted by Ctrl-C")
    child.expect("Saved .*penguins.safetensors")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    model = load("penguins.safetensors")
    assert 1 <= len(model.ensemble) < 8
    assert {course.stopped for course in model.summary.courses} == {"interrupted"}
    assert model.summary.scores["network"]["accuracy"] > 0.5
