"""A model as ONNX gives what the model gives: every activation, output, type and column."""

import builtins
import json

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule
from chainrule import BadSetting, Network
from chainrule.columns import Column, Target
from chainrule.datasets import penguins
from chainrule.exporting.onnx import graph, outputs_in, run
from chainrule.exporting.onnxinputs import OUTPUTS, feeds, input_names
from chainrule.exporting.onnxnodes import Nodes, add_rule
from chainrule.exporting.samples import outputs_of, samples, table_of
from chainrule.exporting.targets import TOLERANCES, largest_difference
from chainrule.network import HIDDEN
from chainrule.rules import ACTIVATIONS
from rawrows import FAR, ODD_RULES, SCORES, every_row, random_rows, value_of
from test_export import BUMP, HOSTILE, KINDS, MIXED, NUMBER, model_of


def given_by(model, columns, inputs="columns"):
    content = graph(model, samples(model), inputs)
    return run(content, feeds(model.spec, columns, inputs))


def difference(model, far=FAR, inputs="columns"):
    columns, expected = every_row(model, far)
    found = given_by(model, columns, inputs)
    if "label" in found:
        best = outputs_in(found).argmax(axis=1)
        assert found["label"].tolist() == [labels_of(model)[k] for k in best]
        assert (best == expected.argmax(axis=1)).all()
    return largest_difference(outputs_in(found), expected)


def labels_of(model):
    from chainrule.table import labels

    return labels(model.spec, range(len(model.spec.target.classes))).tolist()


@pytest.mark.parametrize("hidden", [*HIDDEN, chainrule.Rule(BUMP)], ids=str)
def test_every_activation_with_every_output_in_both_types(hidden):
    for (output, target), dtype in [(k, d) for k in KINDS.values() for d in TOLERANCES]:
        sizes = (output.sizes[0], 5, 4, output.sizes[-1])
        network = Network(sizes, hidden=hidden, output=output.output, loss=output.loss)
        coverage = 0.9 if target is NUMBER else None
        far = FAR[:1] if output.output == "exp" else FAR
        model = model_of(network, target, dtype, members=3, coverage=coverage)
        assert difference(model, far) <= TOLERANCES[dtype], (output.output, dtype)


@pytest.mark.parametrize("rule", [*ACTIVATIONS.values(), *ODD_RULES])
def test_rules_become_nodes_that_give_their_values(rule):
    z = np.concatenate([SCORES, [-745.0, 709.0, 1e9, -1e9, np.inf, -np.inf]])
    nodes = Nodes(np.dtype(np.float64), {"z"})
    a = add_rule(nodes, rule, "z", "rule")
    double = onnx.TensorProto.DOUBLE
    ends = [onnx.helper.make_tensor_value_info(name, double, ["n"]) for name in ("z", a)]
    made = onnx.helper.make_graph(
        nodes.nodes, "g", ends[:1], ends[1:], initializer=list(nodes.constants.values())
    )
    model = onnx.helper.make_model(
        made, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10
    )
    found = run(model.SerializeToString(), {"z": z})[a]
    expected = np.array([value_of(rule, each) for each in z])
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("members", [1, 4])
def test_raw_rows_of_every_kind_of_column(dtype, members):
    network = Network((sum(c.width for c in MIXED), 6, 1), hidden="tanh")
    model = model_of(network, NUMBER, dtype, columns=MIXED, members=members, coverage=0.8)
    assert difference(model) <= TOLERANCES[dtype]


def test_intervals_are_the_models():
    model = model_of(Network((3, 4, 1)), NUMBER, coverage=0.9)
    columns = random_rows(model)
    found = given_by(model, columns)
    lower, upper = model.predict_interval(table_of(model.spec, columns))
    np.testing.assert_allclose(found["lower"], lower, rtol=1e-13)
    np.testing.assert_allclose(found["upper"], upper, rtol=1e-13)
    assert list(found) == ["value", "lower", "upper"]


@pytest.mark.parametrize(
    ("class_type", "classes", "dtype"),
    [
        ("string", ("", "it's \n\u4fa1\U0001f600"), object),
        ("integer", ("-3", "5"), np.int64),
        ("integer", (str(2**63), str(2**64 - 1)), np.uint64),
        ("float", ("0.5", "7.25"), np.float64),
        ("boolean", ("false", "true"), np.bool_),
    ],
)
def test_labels_have_the_targets_type(class_type, classes, dtype):
    network = Network((3, 1), output="sigmoid", loss="binary_cross_entropy")
    model = model_of(network, Target("y", "classification", classes, class_type))
    columns = random_rows(model)
    found = given_by(model, columns)["label"]
    assert found.dtype == dtype
    assert found.tolist() == model.predict(table_of(model.spec, columns)).tolist()
    assert len(set(found.tolist())) == 2


@pytest.mark.parametrize("target", ["species", "body_mass_g"])
def test_trained_models_of_the_penguins_on_all_their_rows(target):
    model = chainrule.fit(penguins(), target, epochs=3)
    table = penguins()
    columns = {c.name: table.column(c.name).to_pylist() for c in model.spec.columns}
    found = given_by(model, columns)
    if target == "species":
        assert found["label"].tolist() == model.predict(table).tolist()
        assert largest_difference(found["probabilities"], model.predict_proba(table)) <= 1e-5
    else:
        assert largest_difference(found["value"], model.predict(table)) <= 1e-5


def test_one_row_and_none():
    model = model_of(*KINDS["softmax"], members=3)
    for count in (0, 1):
        found = given_by(model, random_rows(model, count))
        assert found["probabilities"].shape == (count, 3)
        assert found["label"].shape == (count,)


NUMBERS = (
    Column("doors", "categorical", categories=("2", "4.5"), missing=True),
    Column("number", "numeric", mean=10.0, scale=3.0, fill=9.5, missing=True),
    Column("flag", "boolean", fill=0.4),
)


def test_one_tensor_of_the_columns_that_are_numbers():
    model = model_of(Network((6, 4, 1), hidden="tanh"), NUMBER, columns=NUMBERS)
    columns = random_rows(model)
    columns["doors"] = [("2", "4.5", "7", None)[k % 4] for k in range(40)]
    fed = feeds(model.spec, columns, "tensor")
    assert fed["columns"].shape == (40, 3)
    found = run(graph(model, samples(model), "tensor"), fed)
    assert largest_difference(outputs_in(found), outputs_of(model, columns)) <= 1e-12


def test_a_tensor_of_text_is_refused():
    model = model_of(Network((12, 1)), NUMBER, columns=MIXED)
    with pytest.raises(BadSetting, match=r"column 'town' holds text.*inputs='columns'"):
        graph(model, samples(model), "tensor")
    with pytest.raises(BadSetting, match="inputs='rows' is not one of columns, tensor"):
        graph(model, samples(model), "rows")


def test_names_of_columns_are_names_of_inputs():
    names = [*HOSTILE, *OUTPUTS, "label column", "number/1", "x", "numbers", "mean", "a\0b", "\t"]
    columns = tuple(Column(name, "numeric") for name in names)
    model = model_of(Network((len(columns), 4, 1), hidden="silu"), NUMBER, columns=columns)
    inputs = input_names(model.spec)
    assert len(set(inputs.values())) == len(names)
    assert inputs['a"b'] == 'a"b'
    assert inputs["label"] == "label column 2"
    assert inputs[""] == "column"
    assert difference(model) <= 1e-12
    content = onnx.load_from_string(graph(model, samples(model)))
    listed = json.loads(next(p.value for p in content.metadata_props if p.key == "columns"))
    assert {entry["name"]: entry["input"] for entry in listed} == inputs


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9),
        min_size=2,
        max_size=5,
        unique=True,
    )
)
@settings(max_examples=25)
def test_any_names_of_columns_and_classes(names):  # but NUL, where onnxruntime's text ends
    columns = tuple(Column(name, "categorical", categories=(name or "-",)) for name in names)
    network = Network((len(columns), 2), output="softmax", loss="cross_entropy")
    model = model_of(
        network, Target(names[0], "classification", (names[0] + "x", names[1])), columns=columns
    )
    assert difference(model) <= 1e-12


def test_the_graph_is_whole():
    model = model_of(Network((12, 6, 5, 1), hidden="gelu"), NUMBER, columns=MIXED, coverage=0.8)
    content = onnx.load_from_string(graph(model, samples(model)))
    onnx.checker.check_model(content, full_check=True)
    made = content.graph
    names = [node.name for node in made.node]
    assert all(names)
    assert len(set(names)) == len(names)
    outputs = [name for node in made.node for name in node.output]
    wanted = {name for node in made.node for name in node.input} | {o.name for o in made.output}
    held = {tensor.name for tensor in made.initializer}
    assert set(outputs) <= wanted  # nothing dangles
    assert held <= wanted
    assert {i.name for i in made.input} == {"number", "day", "flag", "town", "doors"}
    assert [i.type.tensor_type.shape.dim[0].dim_param for i in made.input] == ["rows"] * 5
    assert {domain.domain for domain in content.opset_import} == {""}
    assert {entry.name for entry in made.value_info} == set(outputs) - {o.name for o in made.output}
    assert "80%" in made.doc_string


def test_the_self_test_in_the_metadata():
    model = model_of(Network((12, 6, 1)), NUMBER, columns=MIXED)
    content = graph(model, samples(model))
    held = {p.key: p.value for p in onnx.load_from_string(content).metadata_props}
    tried = json.loads(held["self_test"])
    found = run(content, feeds(model.spec, tried["rows"]))
    assert largest_difference(outputs_in(found), np.array(tried["outputs"])) <= 1e-12


def test_a_changed_weight_is_seen():
    model = model_of(*KINDS["softmax"])
    columns, expected = every_row(model)
    model.parameters[1, 3] += 0.1
    found = outputs_in(given_by(model, columns))
    assert largest_difference(found, expected) > 1e-4


def test_without_onnx_there_is_advice(monkeypatch):
    absent(monkeypatch, "onnx")
    model = model_of(*KINDS["identity"])
    with pytest.raises(BadSetting, match=r"pip install 'chainrule\[onnx\]'"):
        graph(model, samples(model))


def test_without_onnxruntime_nothing_is_run(monkeypatch):
    model = model_of(*KINDS["identity"])
    content = graph(model, samples(model))
    absent(monkeypatch, "onnxruntime")
    assert run(content, feeds(model.spec, samples(model).columns)) is None


def absent(monkeypatch, package):
    real = builtins.__import__

    def importing(name, *arguments, **keywords):
        if name == package:
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", importing)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("hidden", ["relu", "elu", "gelu", "softplus"])
def test_another_runtime_gives_the_same_numbers(hidden, dtype):
    from onnx.reference import ReferenceEvaluator

    model = model_of(Network((12, 6, 1), hidden=hidden), NUMBER, dtype, columns=MIXED)
    columns, expected = every_row(model)
    content = onnx.load_from_string(graph(model, samples(model)))
    with np.errstate(over="ignore"):
        (value,) = ReferenceEvaluator(content).run(["value"], feeds(model.spec, columns))
    assert largest_difference(value[:, None], expected) <= TOLERANCES[dtype]
