"""What comes from the page: checked, merged, and followed by what depends on it."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.errors import BadSetting
from chainrule.playing.choices import (
    LIMITS,
    SOLVERS,
    BadChoice,
    Choices,
    choices_of,
    document,
    makes_a_new_run,
    own_defaults,
    still_exact,
)
from chainrule.playing.curve import KEPT, Curve, finite
from chainrule.rules import OPTIMISERS, WHOLESALE

PATHS = [
    (part, name)
    for part, found in document(Choices()).items()
    if isinstance(found, dict)
    for name in found
]


def put(part, name, value):
    return {part: {name: value}}


def test_the_usual_choices_are_those_of_the_protocol():
    assert document(Choices()) == {
        "data": {
            "source": "toy:moons", "rows": 300, "noise": 0.2, "seed": 0, "classes": 2,
            "target": None, "columns": None, "kinds": {}, "task": None, "validation": 0.3,
        },
        "network": {
            "preset": None, "hidden_layer_sizes": [8], "hidden": ["tanh"], "loss": None,
            "loss_parameter": None, "scheme": "xavier_normal",
        },
        "training": {
            "solver": "adam", "learning_rate": 0.01, "schedule": "constant",
            "hyperparameters": {}, "batch_size": 32, "l1": 0.0, "l2": 0.0, "dropout": 0.0,
            "clip_norm": None, "epochs": 1000, "patience": None, "stop_loss": None,
        },
        "seed": 0,
        "dtype": "float32",
    }  # fmt: skip


def test_a_document_survives_json_and_a_part_changes_only_itself():
    choices = choices_of({"network": {"hidden_layer_sizes": [4, 2]}, "seed": 7})
    assert choices_of(json.loads(json.dumps(document(choices)))) == choices
    changed = choices_of({"training": {"l2": 1}}, choices)
    expected = document(choices)
    expected["training"]["l2"] = 1.0
    assert document(changed) == expected
    assert choices_of({}, choices) == choices


WRONG = [
    ({"data": {"rows": 9}}, "data.rows", "is 9; it must be a whole number from 10 to 5,000"),
    ({"data": {"rows": 20.5}}, "data.rows", "is 20.5; it must be a whole number"),
    ({"data": {"rows": True}}, "data.rows", "is true; it must be a whole number"),
    ({"data": {"noise": "0.1"}}, "data.noise", "is '0.1'; it must be a number from 0 to 1"),
    ({"data": {"noise": None}}, "data.noise", "is null; it must be a number"),
    ({"data": {"validation": 0.91}}, "data.validation", "a number from 0 to 0.9"),
    ({"data": {"columns": "x1"}}, "data.columns", "must be a list of at most 200"),
    ({"data": {"columns": ["x1", "x1"]}}, "data.columns", "names a column twice"),
    ({"data": {"columns": ["x1", 3]}}, "data.columns[1]", "is 3; it must be text"),
    ({"data": {"kinds": {"x1": "text"}}}, "data.kinds.x1", "must be one of numeric, categorical"),
    ({"data": {"kinds": ["x1"]}}, "data.kinds", "must be an object, not a list"),
    ({"data": {"task": "ranking"}}, "data.task", "must be one of classification, regression"),
    ({"network": {"hidden_layer_sizes": [8] * 11}}, "network.hidden_layer_sizes", "at most 10"),
    ({"network": {"hidden_layer_sizes": [513]}}, "network.hidden_layer_sizes[0]", "1 to 512"),
    ({"network": {"hidden_layer_sizes": [0]}}, "network.hidden_layer_sizes[0]", "1 to 512"),
    ({"network": {"hidden": ["exp"]}}, "network.hidden[0]", "must be one of identity, sigmoid"),
    ({"network": {"hidden": ["tanh", "relu"]}}, "network.hidden", "2 activations for 1 hidden"),
    ({"network": {"loss": "hinge"}}, "network.loss", "must be one of half_squared_error"),
    ({"network": {"preset": "neuron", "loss": "huber"}}, "network.loss", "not go with the preset"),
    (
        {"network": {"preset": "neuron", "hidden_layer_sizes": [3]}},
        "network.hidden_layer_sizes",
        "does not go with the preset",
    ),
    ({"training": {"solver": "lbfgs"}}, "training.solver", "finds its own steps"),
    ({"training": {"solver": "adagrad"}}, "training.solver", "must be one of gd, sgd"),
    ({"training": {"learning_rate": 0}}, "training.learning_rate", "must be a number above 0"),
    ({"training": {"learning_rate": 1e400}}, "training.learning_rate", "must be a number above 0"),
    ({"training": {"dropout": 1}}, "training.dropout", "a number from 0 to below 1"),
    ({"training": {"clip_norm": 0}}, "training.clip_norm", "must be a number above 0"),
    ({"training": {"stop_loss": float("nan")}}, "training.stop_loss", "must be a finite number"),
    ({"training": {"batch_size": 0}}, "training.batch_size", "from 1 to 200,000"),
    ({"training": {"hyperparameters": {"beta": 1}}}, "training.hyperparameters", "'beta' is not a"),
    ({"training": {"hyperparameters": {"beta1": 1}}}, "training.hyperparameters", "below 1"),
    (
        {"training": {"solver": "sgd", "hyperparameters": {"beta1": 0.5}}},
        "training.hyperparameters",
        "'beta1' is not a parameter of sgd; it takes momentum=0.9",
    ),
    ({"training": []}, "training", "must be an object, not a list"),
    ({"training": {"epoch": 3}}, "training.epoch", "there is no setting training.epoch"),
    ({"sed": 3}, "sed", "there is no setting sed; there are data, network, training, seed, dtype"),
    ({"seed": -1}, "seed", "must be a whole number from 0"),
    ({"dtype": "float16"}, "dtype", "must be one of float32, float64"),
    ([], "", "the settings must be an object, not a list"),
    ("x", "", "the settings must be an object, not 'x'"),
]


@pytest.mark.parametrize(("change", "where", "said"), WRONG, ids=[w for _, w, _ in WRONG])
def test_what_is_wrong_is_said_and_where(change, where, said):
    before = copy.deepcopy(change)
    with pytest.raises(BadChoice) as error:
        choices_of(change)
    assert said in str(error.value)
    assert error.value.where == where
    assert isinstance(error.value, BadSetting)
    assert change == before or change != change


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def attempt(change):
    try:
        return choices_of(change), None
    except BadChoice as error:
        return None, error


@given(place=st.sampled_from(PATHS), value=json_values)
def test_whatever_comes_is_taken_whole_or_refused(place, value):
    choices, error = attempt(put(*place, value))
    if error:
        assert error.where.startswith(".".join(place))
        assert len(str(error)) < 3000
    else:
        assert choices_of(json.loads(json.dumps(document(choices)))) == choices


@given(json_values)
def test_whatever_comes_as_all_settings_is_taken_or_refused(value):
    choices, error = attempt(value)
    assert error.where is not None if error else choices == Choices()


def test_solvers_that_take_all_rows_are_not_among_those_on_offer():
    assert not set(SOLVERS) & set(WHOLESALE)
    assert set(SOLVERS) < set(OPTIMISERS)


def test_a_new_source_forgets_what_was_chosen_of_the_old_table():
    before = choices_of(
        {"data": {"source": "table:a", "target": "t", "columns": ["u"], "kinds": {"u": "date"},
                  "task": "regression", "validation": 0.1}}
    )  # fmt: skip
    after = choices_of({"data": {"source": "table:b"}}, before).data
    assert (after.target, after.columns, after.kinds, after.task) == (None, None, {}, None)
    assert after.validation == 0.1
    kept = choices_of({"data": {"source": "table:b", "target": "z"}}, before).data
    assert (kept.target, kept.columns) == ("z", None)
    same = choices_of({"data": {"source": "table:a", "noise": 0.5}}, before).data
    assert (same.target, same.columns) == ("t", ("u",))
    other = choices_of({"data": {"target": "v"}}, before).data
    assert (other.task, other.kinds) == (None, {"u": "date"})


def test_another_solver_has_its_own_learning_rate_and_parameters():
    before = choices_of({"training": {"hyperparameters": {"beta1": 0.5}, "learning_rate": 0.3}})
    after = choices_of({"training": {"solver": "sgd"}}, before).training
    assert (after.learning_rate, after.hyperparameters) == (None, {})
    assert after.own == {"momentum": 0.9}
    asked = {"solver": "adamw", "learning_rate": 0.1, "hyperparameters": {"weight_decay": 0.2}}
    after = choices_of({"training": asked}, before).training
    assert (after.learning_rate, after.hyperparameters) == (0.1, {"weight_decay": 0.2})
    assert after.own == {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.2}
    same = choices_of({"training": {"solver": "adam"}}, before).training
    assert (same.learning_rate, same.hyperparameters) == (0.3, {"beta1": 0.5})


def test_entries_of_an_object_are_merged_and_null_takes_them_out():
    one = choices_of({"training": {"hyperparameters": {"beta1": 0.5}}})
    two = choices_of({"training": {"hyperparameters": {"beta2": 0.9}}}, one)
    assert two.training.hyperparameters == {"beta1": 0.5, "beta2": 0.9}
    less = choices_of({"training": {"hyperparameters": {"beta1": None}}}, two)
    assert less.training.hyperparameters == {"beta2": 0.9}
    none = choices_of({"training": {"hyperparameters": None}}, two)
    assert none.training.hyperparameters == {}


def test_a_whole_document_leaves_nothing_of_the_choices_before():
    kinds = {
        "data": {"kinds": {"x1": "categorical"}},
        "training": {"hyperparameters": {"beta1": 0}},
    }
    before, other = choices_of(kinds), choices_of({"data": {"kinds": {"x2": "numeric"}}})
    assert choices_of(document(other), before) == other
    assert choices_of({"data": document(other)["data"]}, before).data == other.data
    moved = choices_of({"data": {"source": "toy:xor", "kinds": {"x2": "date"}}}, before)
    assert moved.data.kinds == {"x2": "date"}


def test_layers_that_are_added_get_the_last_activation():
    one = choices_of({"network": {"hidden_layer_sizes": [4, 3], "hidden": ["relu", "silu"]}})
    assert choices_of({"network": {"hidden_layer_sizes": [4, 3, 2]}}, one).network.hidden == (
        "relu", "silu", "silu",
    )  # fmt: skip
    none = choices_of({"network": {"hidden_layer_sizes": []}}, one)
    assert none.network.hidden == ()
    assert choices_of({"network": {"hidden_layer_sizes": [2]}}, none).network.hidden == ("tanh",)


def test_the_preset_brings_the_documents_training_and_layers_end_it():
    neuron = choices_of({"network": {"preset": "neuron"}})
    assert (neuron.network.hidden_layer_sizes, neuron.network.hidden) == ((), ())
    training = neuron.training
    assert (training.solver, training.learning_rate, training.batch_size) == ("gd", None, None)
    assert neuron.dtype == "float64"
    faster = choices_of({"training": {"learning_rate": 1.0}}, neuron)
    assert choices_of({"network": {"preset": "neuron"}}, faster).training.learning_rate == 1.0
    assert choices_of({"network": {"hidden_layer_sizes": [2]}}, neuron).network.preset is None
    asked = {"network": {"preset": "neuron"}, "training": {"solver": "adam"}, "dtype": "float32"}
    own = choices_of(asked)
    assert (own.training.solver, own.dtype) == ("adam", "float32")


def test_another_loss_forgets_the_parameter_of_the_first():
    huber = choices_of({"network": {"loss": "huber", "loss_parameter": 2.0}})
    assert choices_of({"network": {"loss": "quantile"}}, huber).network.loss_parameter is None
    assert choices_of({"seed": 3}, huber).network.loss_parameter == 2.0


ON_THE_WAY = {
    "learning_rate": 0.5, "hyperparameters": {"beta1": 0.5}, "l1": 0.1, "l2": 0.1, "dropout": 0.1,
    "clip_norm": 1.0, "epochs": 5, "patience": 5, "stop_loss": 0.1,
}  # fmt: skip
ANEW = {"solver": "gd", "schedule": "cosine", "batch_size": 7}


@pytest.mark.parametrize("name", document(Choices())["training"])
def test_what_makes_a_new_run(name):
    assert set(ON_THE_WAY) | set(ANEW) == set(document(Choices())["training"])
    changed = choices_of(put("training", name, (ON_THE_WAY | ANEW)[name]))
    assert makes_a_new_run(Choices(), changed) == (name in ANEW)
    if name in ON_THE_WAY:
        assert still_exact(Choices(), changed) == (name in ("epochs", "stop_loss"))


def test_more_epochs_of_a_stretched_schedule_are_not_exact():
    before = choices_of({"training": {"schedule": "one_cycle"}})
    assert not still_exact(before, choices_of({"training": {"epochs": 7}}, before))


def test_limits_are_those_of_the_protocol():
    assert LIMITS["upload_bytes"] == 64 * 2**20
    wanted = {"rows": 200_000, "columns": 200, "hidden_layers": 10, "neurons": 512}
    assert {name: LIMITS[name] for name in wanted} == wanted
    assert (LIMITS["parameters"], LIMITS["classes"]) == (1_000_000, 100)


@pytest.mark.parametrize("solver", SOLVERS)
def test_defaults_of_solvers_are_taken_by_the_library(solver):
    chosen = choices_of({"training": {"solver": solver, "hyperparameters": own_defaults(solver)}})
    assert chosen.training.own == own_defaults(solver)


@given(st.lists(st.integers(1, 700), max_size=12), st.booleans())
def test_a_curve_keeps_every_second_fourth_and_always_the_last(parts, validated):
    curve, losses = Curve(start=(5.0, 6.0)), np.arange(sum(parts)) * 0.5
    done = 0
    for part in parts:
        these = losses[done : done + part]
        curve.enter(these, -these if validated else [], np.full(part, 0.1))
        done += part
    points = curve.points()
    assert len(points) <= KEPT
    assert points[0, 0] == 0.0
    assert curve.count == done
    if done:
        kept = np.arange(0, done, curve.every)
        np.testing.assert_array_equal(curve.kept[:, 0], losses[kept])
        assert points[-1, :2].tolist() == [done, losses[-1]]
        assert len(np.unique(points[:, 0])) == len(points)
        history = curve.history()
        assert history["loss"] == losses[kept].tolist()
        assert history["validation_loss"] == ((-losses[kept]).tolist() if validated else [])
    running = curve.points((done + 0.5, 3.0))
    assert running[-1, :2].tolist() == [done + 0.5, 3.0]
    assert len(running) <= KEPT


def test_json_has_no_nan():
    assert [finite(v) for v in (1.5, float("nan"), float("inf"))] == [1.5, None, None]
