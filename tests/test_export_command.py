"""``chainrule export``, as a user would try it."""

import json
import shutil
import subprocess
import sys

import pytest

from chainrule import cli, fit
from chainrule.datasets import penguins, penguins_path

pytestmark = pytest.mark.compiled_only


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "birds.safetensors"
    fit(penguins(), "species", hidden_layer_sizes=(4,), ensemble=2, epochs=5).save(path)
    return str(path)


@pytest.fixture
def run(capfdbinary, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(list(arguments))
        out, err = capfdbinary.readouterr()
        return caught.value.code, out.decode(), err.decode()

    return command


def test_the_ending_says_what_to_write(run, model, tmp_path):
    status, out, err = run("export", model, "-o", "birds.py")
    assert (status, err) == (0, "")
    assert "Wrote birds.py" in out
    assert "the largest difference from the model is" in out
    program = subprocess.run(
        [sys.executable, "-I", "birds.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert program.returncode == 0
    assert len(program.stdout.splitlines()) == 8


def test_the_name_is_the_models_by_default(run, model, tmp_path):
    assert run("export", model, "--to", "sql", "--dialect", "duckdb", "--table", "zoo")[0] == 0
    assert 'FROM "zoo"' in (tmp_path / "birds.sql").read_text()


def test_json_says_how_near_it_comes(run, model):
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed")
    document = json.loads(run("export", model, "--to", "c", "--json")[1])
    assert document["files"] == ["birds.h"]
    assert 0.0 <= document["largest_difference"] < 1e-5
    assert document["right"] is True


def test_fixed_point_says_how_far_it_is_off(run, model, tmp_path):
    arguments = ("--to", "c", "--fixed-point", "16", "--calibrate", penguins_path())
    status, out, err = run("export", model, *arguments)
    assert (status, err) == (0, "")
    assert "on 344 rows of penguins.csv" in " ".join(out.split())
    assert "in whole numbers" in (tmp_path / "birds.h").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["MODEL"], "say what to export to"),
        (["MODEL", "--to", "rust"], "to='rust' is not one of c, javascript"),
        (["MODEL", "-o", "m.doc"], "by the ending of the output"),
        (["MODEL", "-o", "no/where.h"], "there is no folder"),
        (["MODEL", "--to", "sql", "--dialect", "oracle"], "is not one of sqlite"),
        (["absent.safetensors", "--to", "c"], "absent.safetensors"),
        (["MODEL", "--to", "c", "--name", "a-b"], "must be an identifier"),
        (["MODEL", "--to", "c", "--fixed-point", "12"], "must be 8 or 16"),
        (["MODEL", "--to", "c", "--calibrate", "t.csv"], "calibrate is for fixed_point"),
        (["MODEL", "--to", "sql", "--fixed-point", "8"], "are of C alone"),
    ],
)
def test_bad_input_is_said_in_a_line(run, model, tmp_path, arguments, message):
    status, out, err = run("export", *(model if a == "MODEL" else a for a in arguments))
    assert (status, out) == (2, "")
    assert message in " ".join(err.split())
    assert not list(tmp_path.iterdir())
