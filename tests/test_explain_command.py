"""``chainrule explain``, as a user would try it."""

import json
import os
import subprocess
import sys

import pytest

from chainrule import cli, fit
from chainrule.commands import compile_for
from chainrule.datasets import penguins, penguins_path

pytestmark = pytest.mark.compiled_only
PENGUINS = str(penguins_path())
COMMAND = [sys.executable, "-c", "from chainrule.cli import main; main()"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    compile_for("float64")
    path = tmp_path_factory.mktemp("model") / "penguins.safetensors"
    fit(penguins(), "species", hidden_layer_sizes=(4,), hidden="tanh", ensemble=2, epochs=5).save(
        path
    )
    return str(path)


@pytest.fixture
def run(capfdbinary, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def command(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(list(arguments))
        out, err = capfdbinary.readouterr()
        return caught.value.code, out.decode(), err.decode()

    return command


def test_a_row_is_explained_in_plain_text_when_piped(run, model):
    status, out, err = run("explain", model, PENGUINS, "--row", "3", "--network", "2")
    assert (status, err) == (0, "")
    assert out.startswith("One step on row 3: species\n═")
    assert "network 2 of 2" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_shipped_table_is_the_default(run, model):
    assert run("explain", model)[1] == run("explain", model, PENGUINS)[1]


def test_a_neuron_is_shown(run, model):
    out = run("explain", model, PENGUINS, "--neuron", "1:2")[1]
    assert "One neuron: layer 1, number 2" in out
    assert "∂L/∂Z₁[2]" in out
    assert "The update" not in out


def test_a_weight_is_followed(run, model):
    out = run("explain", model, PENGUINS, "--weight", "1:4,2", "--digits", "3")[1]
    assert "3 paths lead from this weight to the loss" in out
    assert "Forward propagation" not in out


def test_the_rules_are_printed(run):
    status, out, _ = run("explain", "--source")
    assert status == 0
    assert "Activation: gelu" in out
    assert "  ∂a/∂z = a·(1 − a)" in out.splitlines()


@pytest.mark.parametrize(
    ("ending", "beginning"),
    [
        ("txt", "One step"), ("md", "# One step"), ("tex", "\\documentclass"),
        ("html", "<!DOCTYPE html>"), ("json", '{"title": "One step'),
    ],
)  # fmt: skip
def test_the_ending_of_the_file_decides_the_form(run, model, tmp_path, ending, beginning):
    path = tmp_path / f"step.{ending}"
    status, out, _ = run("explain", model, PENGUINS, "-o", str(path))
    assert status == 0
    assert out.startswith("Wrote ")
    assert path.read_text(encoding="utf-8").lstrip().startswith(beginning)


def test_json_has_every_number_in_full(run, model):
    document = json.loads(run("explain", model, "--format", "json")[1])
    lines = [
        line
        for section in document["sections"]
        for part in section["parts"]
        for line in part.get("equations", [])
    ]
    loss = next(line for line in lines if line["left"] == "L")
    assert len(repr(loss["value"])) > 10
    gradients = [line for line in lines if line["difference"] is not None]
    assert len(gradients) > 20
    for line in gradients:
        assert line["difference"] == pytest.approx(line["value"], rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a model and a table"),
        (["MODEL", "PENGUINS", "--row", "345"], "there is no row 345: the table has 344"),
        (["MODEL", "PENGUINS", "--network", "3"], "there is no network 3: the model has 2"),
        (["MODEL", "PENGUINS", "--weight", "1-2"], "must be LAYER:FROM,TO"),
        (["MODEL", "PENGUINS", "--weight", "3:1,1"], "the network has the layers 1 to 2"),
        (["MODEL", "PENGUINS", "--neuron", "1,2"], "must be LAYER:NUMBER"),
        (["MODEL", "PENGUINS", "--neuron", "2:9"], "the neurons of layer 2 go from 1 to 3"),
        (["MODEL", "absent.csv"], "there is no file absent.csv"),
        (["absent.safetensors", "PENGUINS"], "absent.safetensors"),
        (["MODEL", "PENGUINS", "-o", "step.doc"], "the ending of step.doc"),
        (["MODEL", "PENGUINS", "-o", "nowhere/step.md"], "nowhere"),
        (["MODEL", "--source"], "--source shows the rules"),
        (["MODEL", "PENGUINS", "--row", "0"], "greater than or equal to 1"),
        (["MODEL", "PENGUINS", "--format", "pdf"], "pdf"),
    ],
)
def test_bad_input_is_said_in_a_line(run, model, arguments, message):
    names = {"MODEL": model, "PENGUINS": PENGUINS}
    status, out, err = run("explain", *(names.get(a, a) for a in arguments))
    assert status == 2
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert out == ""


def test_a_table_is_asked_for_where_the_model_is_of_another_one(run, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n2,3\n3,5\n4,4\n")
    assert run("train", "t.csv", "--target", "b", "--epochs", "1", "-o", "m.safetensors")[0] == 0
    status, _, err = run("explain", "m.safetensors")
    assert (status, "give a table too" in err) == (2, True)


def test_a_reader_that_goes_away_is_no_error(model):
    command = " ".join(["|".join([f"'{COMMAND[0]}' -c '{COMMAND[2]}' explain {model}", "head -1"])])
    environment = os.environ | {"COLUMNS": "80"}
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=environment)
    assert done.stdout == "One step on row 1: species\n"
    assert "Traceback" not in done.stderr
