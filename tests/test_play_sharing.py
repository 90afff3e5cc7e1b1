"""What the page gives to take along: the command and the code train the same, to the bit."""

import re
import shlex

import numpy as np
import pyarrow as pa
import pytest

from chainrule import cli, load
from chainrule.calibration import calibrated
from chainrule.datasets import penguins
from chainrule.errors import BadTable
from chainrule.playing import recipes
from chainrule.playing.beginning import with_model, with_table
from chainrule.playing.choices import Choices
from chainrule.playing.planning import planned
from chainrule.playing.run import Run
from chainrule.playing.sharing import as_csv, exported
from chainrule.playing.sources import shelf, table_source

pytestmark = pytest.mark.compiled_only

SHIPPED = {"source": "shipped:penguins"}
NUMBERS = {"source": "toy:bumps", "noise": 0.05, "rows": 80}
CHANGES = {
    "as it begins": {},
    "no validation": {"data": {"validation": 0.0}, "seed": 5},
    "numbers": {"data": NUMBERS, "network": {"loss": "huber", "loss_parameter": 0.7}},
    "penguins": {
        "data": SHIPPED
        | {"columns": ["island", "body_mass_g"], "kinds": {"body_mass_g": "numeric"}},
        "network": {"hidden_layer_sizes": [5, 3], "hidden": ["silu", "relu"]},
    },
    "another target": {"data": SHIPPED | {"target": "body_mass_g"}},
    "a task": {"data": SHIPPED | {"target": "sex", "task": "classification"}},
    "adamw": {"training": {"solver": "adamw", "schedule": "one_cycle", "dropout": 0.2}},
    "own parameters": {
        "training": {
            "solver": "nesterov", "hyperparameters": {"momentum": 0.83}, "l2": 0.001, "l1": 1e-5,
            "clip_norm": 0.5, "batch_size": None, "learning_rate": 0.3,
        }
    },
    "scheme and type": {"network": {"scheme": "he_uniform"}, "dtype": "float64"},
    "no layers": {"network": {"hidden_layer_sizes": []}},
    "the neuron": {
        "data": {"source": "shipped:document", "validation": 0.0},
        "network": {"preset": "neuron"},
        "dtype": "float64",
    },
    "early stopping": {"training": {"patience": 2, "learning_rate": 0.5}},
    "a loss that is enough": {"training": {"stop_loss": 0.45}},
    "plateau": {"training": {"schedule": "plateau", "learning_rate": 0.2}, "data": NUMBERS},
}  # fmt: skip


def expected(run):
    """Return the parameters that ``fit`` makes of a run: where it can it is honest of chances."""
    held = [(run.held.X, run.held.Y)] if len(run.held.X) else []
    return calibrated(run.network, run.theta[None], held)[0]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_command_and_code_train_the_same(change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training = {"epochs": 25} | change.get("training", {})
    plan = planned(shelf(), change | {"training": training}, Choices())
    run = Run(plan.prepared, plan.choices)
    run.advance(1_000_000)
    assert run.status == "ended"
    assert run.exact
    (tmp_path / (recipes.table_name(plan) or "unused.csv")).write_bytes(as_csv(plan.table))
    told = recipes.told(run, plan)
    command = shlex.split(told["command"])
    with pytest.raises(SystemExit) as ended:
        cli.main([*command[1:], "--output", "by-command.safetensors"])
    assert ended.value.code == 0
    found = {}
    exec(told["python"], found)
    assert load("by-command.safetensors").parameters.tobytes() == expected(run).tobytes()
    assert found["model"].parameters.tobytes() == expected(run).tobytes()


def test_names_that_a_shell_or_python_could_take_amiss(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["a; rm -rf $HOME", "-x", "quo\"te's", "tar`get"]
    content = ",".join('"' + name.replace('"', '""') + '"' for name in names) + "\n"
    rows = [f"{k},{k % 3},{k % 5},{k / 7}" for k in range(20)]
    (tmp_path / "-my table.csv").write_text(content + "\n".join(rows) + "\n")
    table = table_source("-my table.csv", (tmp_path / "-my table.csv").read_bytes()).table
    sources, plan = with_table("-my table.csv", table, None, drop=["-x"])
    change = {"training": {"epochs": 3}, "data": {"validation": 0.0}}
    plan = planned(sources, change, plan.choices, plan)
    run = Run(plan.prepared, plan.choices)
    run.advance(10_000)
    told = recipes.told(run, plan, "-my table.csv")
    with pytest.raises(SystemExit) as ended:
        cli.main([*shlex.split(told["command"])[1:], "--output", "m.safetensors"])
    assert ended.value.code == 0
    assert load("m.safetensors").parameters.tobytes() == run.theta.tobytes()
    found = {}
    exec(told["python"], found)
    assert found["model"].parameters.tobytes() == run.theta.tobytes()
    assert "save it from here" not in told["note"]


def test_what_is_not_the_same_is_said():
    plan = planned(shelf(), {"training": {"epochs": 40, "stop_loss": 0.0001}}, Choices())
    run = Run(plan.prepared, plan.choices)
    note = recipes.told(run, plan)["note"]
    assert "moons.csv is the table of this page" in note
    assert recipes.TEMPERED in note
    assert "the page's own" in note
    assert "changed on the way" not in note
    run.advance(5)
    plan = planned(shelf(), {"training": {"learning_rate": 0.2}}, plan.choices, plan)
    run.change(plan.choices)
    assert "changed on the way" in recipes.told(run, plan)["note"]


@pytest.mark.parametrize("patience", [None, 4])
def test_the_weights_as_they_are_now_are_had_by_fewer_epochs(patience, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    change = {"data": SHIPPED, "training": {"epochs": 50, "patience": patience}}
    plan = planned(shelf(), change, Choices())
    run = Run(plan.prepared, plan.choices)
    assert "epochs 0" not in recipes.told(run, plan)["note"]
    run.advance(7 * run.steps_per_epoch + 2)
    told = recipes.told(run, plan)
    assert "The run is within epoch 8" in told["note"]
    assert "--epochs" not in told["note"]
    run.advance(run.steps_per_epoch - 2)
    told = recipes.told(run, plan)
    option = re.search(r"With (--epochs 8[^(]*) \(", told["note"])[1]
    with pytest.raises(SystemExit) as ended:
        cli.main([*shlex.split(f"{told['command']} {option}")[1:], "--output", "m.safetensors"])
    assert ended.value.code == 0
    assert load("m.safetensors").parameters.tobytes() == expected(run).tobytes()


def test_fewer_epochs_of_a_stretched_schedule_are_no_part_of_it():
    plan = planned(shelf(), {"training": {"schedule": "cosine"}}, Choices())
    run = Run(plan.prepared, plan.choices)
    run.advance(3 * run.steps_per_epoch)
    note = recipes.told(run, plan)["note"]
    assert "cosine schedule is stretched" in note
    assert "--epochs" not in note


def test_a_run_from_a_model_says_so():
    from chainrule import fit

    model = fit(penguins(), "species", epochs=2, hidden_layer_sizes=3)
    _, plan = with_model("penguins", model, penguins())
    run = Run(plan.prepared, plan.choices, plan.start)
    assert "began with the weights of a model" in recipes.told(run, plan)["note"]


@pytest.mark.parametrize("to", ["safetensors", "python"])
def test_what_is_exported_is_the_run_as_it_is(to, tmp_path):
    plan = planned(shelf(), {"data": SHIPPED}, Choices())
    run = Run(plan.prepared, plan.choices)
    run.advance(100)
    file = exported(run.model(), to)
    (tmp_path / file.name).write_bytes(file.content)
    shares = run.model().predict_proba(penguins())
    if to == "safetensors":
        assert (load(tmp_path / file.name).predict_proba(penguins()) == shares).all()
        return
    module = {"__name__": "exported"}
    exec(file.content.decode(), module)
    assert file.name == "species.py"
    given = [module[name] for name in module if name.endswith(("proba", "probabilities"))]
    assert given
    row = penguins().to_pylist()[0]
    found = given[0](row)
    values = list(found.values()) if isinstance(found, dict) else found
    assert np.abs(np.array(values) - shares[0]).max() < 1e-5


@pytest.mark.parametrize("cells", [[b"\xff", b"a"], [[1], [2]]])
def test_what_csv_cannot_hold_is_said(cells):
    with pytest.raises(BadTable, match="cells that CSV cannot hold"):
        as_csv(pa.table({"odd": cells, "y": [1, 2]}))
