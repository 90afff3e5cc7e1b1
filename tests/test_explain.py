"""The worked mathematics: every equation adds up, and every number is the trainer's own."""

from dataclasses import replace
from itertools import product as every

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule
from chainrule import BadSetting, BadTable, Network, explain, gradient, mean_loss, train
from chainrule.datasets import penguins
from chainrule.explaining.parts import TICK, Grid, Lines, tick
from chainrule.explaining.paths import best_paths, factors_of
from chainrule.explaining.signs import Signs, largest
from chainrule.explaining.trace import Step, trace
from chainrule.network import HIDDEN, OUTPUTS
from chainrule.notation import Number, put_in, value_of
from chainrule.rules import ACTIVATIONS, LINKS, LOSSES, OPTIMISERS
from tolerances import EXPLAINED

BUMP = "def bump(z): a = exp(-z * z); slope = -2.0 * z * a; return a, slope"
CUBED = "def cubed(a, y): e = a - y; loss = abs(e) ** 3 / 3.0; return loss, e * abs(e)"


def allowed(output, loss):
    return LINKS.get(loss) in (None, output) or output == "identity"


def targets_of(network, random):
    n = network.sizes[-1]
    if network.loss == "cross_entropy":
        return np.eye(n)[random.integers(n)]
    if network.loss in ("binary_cross_entropy", "poisson"):
        return random.integers(0, 2, n).astype(float)
    return random.normal(0.3, 1.0, n)


def sample(network, seed):
    random = np.random.default_rng(seed)
    theta = network.initial(random) + random.normal(0.0, 0.1, network.n_parameters)
    return theta, random.normal(0.0, 1.0, network.sizes[0]), targets_of(network, random)


def holds(line):
    """Say whether an equation's right side, with its numbers put in, is its value."""
    if line.right is None or line.value is None:
        return True
    right = put_in(line.right)
    size = max([abs(line.value), *map(abs, numbers_in(right))])
    return abs(value_of(right) - line.value) <= EXPLAINED * size


def numbers_in(expression):
    from chainrule.notation import rebuilt

    found = []

    def look(part):
        if isinstance(part, Number):
            found.append(part.value)
        return rebuilt(part, look)

    look(expression)
    return found


def check_lines(derivation):
    lines = list(derivation.lines())
    wrong = [line for line in lines if not holds(line)]
    assert not wrong
    unconfirmed = [line for line in lines if line.check is not None and not ticked(line)]
    assert not unconfirmed
    return lines


def ticked(line):
    return tick(line.value, line.check) == TICK


@pytest.mark.parametrize(
    ("output", "loss"), [pair for pair in every(OUTPUTS, LOSSES) if allowed(*pair)]
)
def test_every_equation_adds_up_for_every_output_and_loss(output, loss):
    network = Network((3, 4, 2), hidden="tanh", output=output, loss=loss)
    theta, x, y = sample(network, 5)
    check_lines(explain(network, theta, x, y, solver="adam"))


@pytest.mark.parametrize("hidden", [*HIDDEN, chainrule.Rule(BUMP)], ids=str)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 3, 3, 2)])
def test_every_equation_adds_up_for_every_hidden_activation(hidden, sizes):
    network = Network(sizes, hidden=hidden)
    theta, x, y = sample(network, 3)
    check_lines(explain(network, theta, x, y, most=2))


def test_a_loss_of_ones_own_is_explained():
    network = Network((2, 2), output="tanh", loss=chainrule.Rule(CUBED))
    theta, x, y = sample(network, 1)
    lines = check_lines(explain(network, theta, x, y))
    assert any(str(line.left).count("Derivative") for line in lines)


@given(
    depth=st.integers(1, 3),
    seed=st.integers(0, 10**6),
    data=st.data(),
    solver=st.sampled_from(sorted(OPTIMISERS)),
)
def test_numbers_are_the_trainers_own(depth, seed, data, solver):
    sizes = tuple(data.draw(st.lists(st.integers(1, 5), min_size=depth + 1, max_size=depth + 1)))
    hidden = tuple(data.draw(st.sampled_from(HIDDEN)) for _ in range(depth - 1))
    network = Network(sizes, hidden=hidden or "relu", output="sigmoid")
    theta, x, y = sample(network, seed)
    l2 = data.draw(st.sampled_from([0.0, 0.1]))
    derivation = explain(network, theta, x, y, solver=solver, l2=l2)
    loss, slope = gradient(network, theta, x[None], y[None])
    values = derivation.values
    assert values["L"] == pytest.approx(loss, rel=1e-12)
    signs = Signs(trace(network, theta, x, y, Step()), 99)
    from chainrule.typesetting import text

    for place in range(network.n_parameters):
        name = text(replace(signs.parameter(place), value=None))
        assert values[f"∂L/∂{name}"] == pytest.approx(slope[place], rel=1e-12, abs=1e-300)
    trained = train(
        network, x[None], y[None], solver=solver, l2=l2, epochs=1, batch_size=1, parameters=theta,
    ).parameters  # fmt: skip
    after = mean_loss(network, trained, x[None], y[None]) + l2 / 2 * sum(
        float((W**2).sum()) for W, _ in network.layers(trained)
    )
    letter = "J" if l2 else "L"
    assert values[f"{letter} after the step"] == pytest.approx(after, rel=1e-12)


def test_memories_and_the_number_of_the_step_go_on_from_where_a_training_is():
    network = Network((2, 3, 1), hidden="tanh")
    theta, x, y = sample(network, 8)
    m = v = np.zeros(network.n_parameters)
    for number in (1, 2, 3):
        step = Step("adam", 0.05, number, m, v)
        done = trace(network, theta, x, y, step)
        theta, m, v = done.theta_after, done.m_after, done.v_after
    start, x, y = sample(network, 8)
    trained = train(
        network, x[None], y[None], epochs=3, batch_size=1, learning_rate=0.05, parameters=start,
    ).parameters  # fmt: skip
    np.testing.assert_array_equal(theta, trained)


def test_the_documents_equations_stand_at_their_numbers():
    network = Network((3, 1), output="sigmoid")
    derivation = explain(network, [0.1, -0.2, 0.05, 0.0], [1.0, 2.0, 3.0], 1.0)
    z = 0.1 - 0.4 + 0.15
    a = 1 / (1 + np.exp(-z))
    delta = (a - 1) * a * (1 - a)
    expected = {
        "Z": z, "A": a, "L": (a - 1) ** 2 / 2, "∂L/∂A": a - 1, "∂A/∂Z": a * (1 - a),
        "∂Z/∂W[2]": 2.0, "∂Z/∂b": 1.0, "∂L/∂W[3]": 3 * delta, "∂L/∂b": delta,
        "W[1] after": 0.1 - 0.005 * delta, "b after": -0.005 * delta,
    }  # fmt: skip
    for name, value in expected.items():
        assert derivation.values[name] == pytest.approx(value, rel=1e-14)
    numbers = {line.equation: line.left for line in derivation.lines() if line.equation}
    assert sorted(map(int, numbers)) == [1, 2, 3, 4, 9, 13, 18, 23, 24, 25, 26, 27]


def test_the_text_of_the_documents_neuron():
    network = Network((3, 1), output="sigmoid")
    text = explain(network, [0.1, -0.2, 0.05, 0.0], [1.0, 2.0, 3.0], 1.0).to_text()
    for line in (
        "  W ~ N(0, 2/(n_in + n_out))                                                 (1)",
        "    = 0.1·1 − 0.2·2 + 0.05·3 + 0",
        "  L = ½·(A − Y)² = ½·(0.46257 − 1)² = 0.14442                                (4)",
        "  ∂L/∂W[1] = ∂L/∂A · ∂A/∂Z · ∂Z/∂W[1] = −0.53743·0.2486·1 = −0.1336       ✓ (24)",
        "  b    ← b − η · ∂L/∂b = 0 − 0.005·(−0.1336) = 0.00066802                   (27)",
    ):
        assert line in text.splitlines()


def test_a_difference_that_does_not_agree_is_no_tick():
    assert tick(0.5, 0.5 + 1e-8) == TICK
    assert tick(0.5, 0.5001) != TICK
    assert tick(0.5, -0.5) != TICK


def test_a_gradient_at_the_bend_of_relu_is_shown_without_a_tick():
    network = Network((1, 1, 1), hidden="relu")
    derivation = explain(network, [1.0, 0.0, 1.0, 0.0], [0.0], 1.0)
    assert "≠" in derivation.to_text()


@given(seed=st.integers(0, 10**6), l=st.integers(1, 3), data=st.data())
def test_paths_add_up_to_the_gradient(seed, l, data):
    network = Network((2, 3, 4, 2), hidden=("tanh", "silu"), output="softmax", loss="cross_entropy")
    theta, x, y = sample(network, seed)
    i = data.draw(st.integers(1, network.sizes[l - 1]))
    j = data.draw(st.integers(1, network.sizes[l]))
    signs = Signs(trace(network, theta, x, y, Step()), 99)
    paths = best_paths(signs, l, j, 10**6)
    assert len(set(paths)) == len(paths) == int(np.prod(network.sizes[l + 1 :]))
    products = [np.prod([f.value for f in factors_of(signs, l, i, path)]) for path in paths]
    place = signs.place(l, i, j)
    assert sum(products) == pytest.approx(signs.trace.gradient[place], rel=1e-10, abs=1e-14)
    few = best_paths(signs, l, j, 2)
    sizes = np.sort(np.abs(products))[::-1][: len(few)]
    kept = [abs(np.prod([f.value for f in factors_of(signs, l, i, path)])) for path in few]
    np.testing.assert_allclose(kept, sizes, rtol=1e-10)


def test_one_weight_is_followed():
    network = Network((2, 3, 2), hidden="tanh")
    theta, x, y = sample(network, 2)
    derivation = explain(network, theta, x, y, weight="1:2,3")
    check_lines(derivation)
    text = derivation.to_text()
    assert "2 paths lead from this weight to the loss" in text
    assert "∂L/∂W₁[2,3] = P₁ + P₂" in text


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ("1", "LAYER:FROM,TO"), ("0:1,1", "layers 1 to 2"), ("3:1,1", "layers 1 to 2"),
        ("1:3,1", "1..2 to 1..3"), ("1:0,1", "1..2 to 1..3"), ((1, 2), "LAYER:FROM,TO"),
        ((1.0, 1, 1), "LAYER:FROM,TO"),
    ],
)  # fmt: skip
def test_a_weight_that_is_not_there_is_refused(weight, message):
    network = Network((2, 3, 2))
    with pytest.raises(BadSetting, match=message):
        explain(network, network.initial(), [1.0, 2.0], [0.0, 1.0], weight=weight)


def test_without_a_target_there_is_only_the_way_forward():
    network = Network((2, 3, 2))
    derivation = explain(network, network.initial(), [1.0, 2.0])
    assert [s.title for s in derivation.sections][-1] == "Forward propagation"
    with pytest.raises(BadSetting, match="without a target there is no loss"):
        explain(network, network.initial(), [1.0, 2.0], weight="1:1,1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": [1.0]}, r"x of shape \(1,\)"), ({"y": [1.0, 2.0]}, r"y of shape \(2,\)"),
        ({"x": [np.nan, 1.0]}, "finite"), ({"solver": "adamm"}, "adamm"), ({"most": 0}, "most=0"),
        ({"scheme": "glorot"}, "glorot"), ({"momentum": 0.3}, "momentum"),
        ({"step": 0}, "step=0"), ({"solver": "adam", "m": [1.0]}, "m of shape"),
        ({"digits": 0}, "digits=0"), ({"x": "one"}, "x must be one sample"),
        ({"learning_rate": -1.0}, "learning_rate"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_refused(arguments, message):
    given = {"x": [1.0, 2.0], "y": 1.0} | arguments
    network = Network((2, 1))
    with pytest.raises(BadSetting, match=message):
        explain(network, network.initial(), given.pop("x"), given.pop("y"), **given)


def test_parameters_that_are_not_finite_are_refused():
    with pytest.raises(BadSetting, match="parameters hold NaN"):
        explain(Network((1, 1)), [np.nan, 0.0], [1.0], 1.0)


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_solvers_that_find_their_own_steps(solver):
    network = Network((2, 2, 1), hidden="tanh")
    theta, x, y = sample(network, 4)
    derivation = explain(network, theta, x, y, solver=solver)
    check_lines(derivation)
    assert f"The update, by {solver}" in derivation.to_text()
    values = derivation.values
    assert values["L after the step"] < values["L"]


def test_penalty_and_clipping_are_said():
    network = Network((2, 2, 1), hidden="tanh")
    theta, x, y = sample(network, 4)
    text = explain(network, theta, x, y + 9, l1=0.01, l2=0.1, clip_norm=0.5).to_text()
    assert "adds 0.01·sign(w) + 0.1·w to the gradient" in " ".join(text.split())
    assert "longer than it may be" in " ".join(text.split())
    assert "c = longest/length = 0.5/" in " ".join(text.split())


def test_weight_decay_leaves_biases_alone():
    network = Network((1, 1))
    derivation = explain(network, [0.5, 0.5], [0.3], 1.0, solver="adamw", weight_decay=0.1)
    (line,) = (
        each for each in check_lines(derivation)
        if getattr(each.left, "letter", None) == "W" and each.relation == "←"
    )  # fmt: skip
    assert 0.1 in numbers_in(put_in(line.right))
    table = next(p for s in derivation.sections for p in s.parts if isinstance(p, Grid))
    steps = [row[-1] - row[1] for row in table.rows]
    assert steps[0] == pytest.approx(steps[1] - 0.001 * 0.1 * 0.5, rel=1e-6)


def test_the_step_that_a_clipped_gradient_makes_adds_up():
    network = Network((2, 1))
    derivation = explain(network, [1.0, 2.0, 0.0], [1.0, 3.0], 0.0, clip_norm=0.5, l2=0.1)
    lines = check_lines(derivation)
    factor = derivation.values["c"]
    assert 0.0 < factor < 0.1
    (line,) = (
        each for each in lines
        if each.relation == "←" and getattr(each.left, "at", None) == (2,)
    )  # fmt: skip
    slope = derivation.values["∂J/∂W[2]"]
    assert line.value == pytest.approx(2.0 - 0.005 * factor * slope, rel=1e-12)


def test_a_choice_says_what_decided_it():
    network = Network((1, 2, 1), hidden="relu")
    text = explain(network, [1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0], [2.0], 1.0).to_text()
    assert "A₁[1] = (0 if Z₁[1] < 0, else Z₁[1]) = 2" in text
    assert "as −2 < 0" in text


def test_what_is_said_of_the_repr_and_of_equal_signs():
    derivation = explain(Network((1, 1)), [0.5, 0.5], [0.3], 1.0)
    assert repr(derivation) == "<Derivation: One step of a 1-1 network>"
    assert derivation.values["W after"] != 0.5


@pytest.fixture(scope="module")
def model():
    return chainrule.fit(penguins(), "species", epochs=5, seed=1)


def test_a_large_network_fits_the_page(model):
    for width in (80, 100):
        text = model.explain(penguins(), 3).to_text(width)
        assert max(map(len, text.splitlines())) <= width
    check_lines(model.explain(penguins(), 3))


def test_a_row_shows_its_preprocessing(model):
    derivation = model.explain(penguins(), 2, member=3)
    assert derivation.sections[0].title == "Preprocessing"
    check_lines(derivation)
    row = penguins().slice(1, 1)
    column = next(c for c in model.spec.columns if c.name == "body_mass_g")
    place = derivation.sections[0].parts[1]
    assert isinstance(place, Grid)
    (cell,) = (r for r in place.rows if r[0] == "body_mass_g")
    raw = row.column("body_mass_g")[0].as_py()
    assert cell[1] == str(raw)
    assert cell[3] == pytest.approx((raw - column.mean) / column.scale, rel=1e-12)
    assert "network 3 of 5" in derivation.to_text()


def test_a_row_is_a_mapping_too(model):
    row = {name: values[0] for name, values in penguins().slice(5, 1).to_pydict().items()}
    assert model.explain(row).values == model.explain(penguins(), 6).values
    without = {name: value for name, value in row.items() if name != "species"}
    assert model.explain(without).sections[-1].title == "Forward propagation"
    del row["sex"]
    with pytest.raises(BadTable, match="lacks the column 'sex'"):
        model.explain(row)


def test_missing_and_unseen_cells_are_said(model):
    row = {name: values[0] for name, values in penguins().slice(5, 1).to_pydict().items()}
    text = model.explain(row | {"island": "Atlantis", "body_mass_g": None}).to_text()
    assert "not seen before" in text
    assert "filled in" in text


def test_the_solver_may_be_another_one_than_in_the_training(model):
    for solver in ("gd", "adam", "lbfgs"):
        check_lines(model.explain(penguins(), 5, solver=solver))


def test_errors_name_the_row_of_the_table(model):
    table = penguins().to_pydict()
    table["body_mass_g"] = [str(v) for v in table["body_mass_g"]]
    table["body_mass_g"][6] = "heavy"
    with pytest.raises(BadTable, match=r"row 7 of column 'body_mass_g' holds 'heavy'"):
        model.explain(pa.table(table), 7)


def test_a_missing_target_is_said(model):
    table = penguins().to_pydict()
    table["species"][1] = None
    derivation = model.explain(pa.table(table), 2)
    assert "has no target, so there is only the way forward" in " ".join(str(derivation).split())
    with pytest.raises(BadTable, match="row 2 has no target species"):
        model.explain(pa.table(table), 2, weight="1:1,1")


def test_a_prediction_is_said_in_the_targets_units(model):
    assert "The likeliest species is" in model.explain(penguins(), 1).to_text()
    table = pa.table({"x": [0.0, 1.0, 2.0, 5.0], "y": [10.5, 20.0, 31.0, 47.25]})
    one = chainrule.fit(table, "y", epochs=2, ensemble=1, validation=0, test_size=0)
    values = one.explain(table, 2).values
    assert values["y"] == pytest.approx(float(one.predict(table)[1]), rel=1e-5)


@pytest.mark.parametrize(("row", "member"), [(0, 1), (345, 1), (1, 0), (1, 6), (1.5, 1)])
def test_rows_and_networks_that_are_not_there(model, row, member):
    with pytest.raises((BadTable, BadSetting)):
        model.explain(penguins(), row, member=member)


def test_names_of_columns_cannot_reach_the_terminal():
    table = pa.table({"a\x1b[2J": [1.0, 2.0, 3.0, 4.0], "y\x07": ["p\x1b", "q", "p\x1b", "q"]})
    model = chainrule.fit(table, "y\x07", epochs=2, ensemble=1, validation=0, test_size=0)
    text = model.explain(table, 1).to_text()
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_regression_target_is_standardised():
    table = pa.table({"x": [0.0, 1.0, 2.0, 5.0], "y": [10.5, 20.0, 31.0, 47.25]})
    model = chainrule.fit(table, "y", epochs=2, ensemble=1, validation=0, test_size=0)
    derivation = model.explain(table, 4)
    check_lines(derivation)
    target = model.spec.target
    expected = (47.25 - target.mean) / target.scale
    assert derivation.values["Y"] == pytest.approx(expected, rel=1e-12)


def test_the_largest_are_in_the_order_in_which_they_stand():
    assert largest(np.array([3.0, -1.0, -5.0, 0.5]), 2) == [1, 3]


def test_the_reference_has_every_rule():
    from chainrule.explaining.reference import source

    derivation = source()
    titles = {section.title for section in derivation.sections}
    for kind, names in (("Activation", [*ACTIVATIONS, "softmax"]), ("Loss", LOSSES),
                        ("Optimiser", OPTIMISERS)):  # fmt: skip
        assert {f"{kind}: {name}" for name in names} <= titles
    for section in derivation.sections:
        assert any(isinstance(part, Lines) and part.lines for part in section.parts)


@pytest.mark.parametrize("output", ["softmax", "identity"])
def test_a_neuron_alone_has_the_numbers_of_the_whole_step(output):
    loss = "cross_entropy" if output == "softmax" else "half_squared_error"
    network = Network((3, 4, 2), hidden="gelu", output=output, loss=loss)
    theta, x, y = sample(network, 4)
    whole = explain(network, theta, x, y).values
    for layer, number in ((1, 3), (2, 1)):
        derivation = explain(network, theta, x, y, neuron=f"{layer}:{number}")
        check_lines(derivation)
        found = derivation.values
        at = f"{'₁₂'[layer - 1]}[{number}]"
        names = {f"Z{at}", f"A{at}", f"∂L/∂Z{at}", f"∂L/∂b{at}"}
        assert names <= set(found)
        assert {name: found[name] for name in names} == {name: whole[name] for name in names}
        others = [n for n in found if n.startswith(("Z", "A", "∂L/∂Z")) and at not in n]
        assert not others
        (grid,) = (p for s in derivation.sections for p in s.parts if isinstance(p, Grid))
        assert sum(row[-1] for row in grid.rows) == pytest.approx(found[f"Z{at}"], rel=1e-12)


def test_a_neuron_with_many_inputs_shows_the_largest_terms_and_the_rest():
    network = Network((100, 1), output="sigmoid")
    theta, x, y = sample(network, 4)
    derivation = explain(network, theta, x, y, neuron=(1, 1))
    check_lines(derivation)
    assert "(36 smaller terms)" in derivation.to_text(width=10_000)


@pytest.mark.parametrize("neuron", ["1", "1:2,3", (1,), (0, 1), (3, 1), (1, 5), "2:0", (1.0, 2)])
def test_a_neuron_that_is_not_there_is_refused(neuron):
    network = Network((3, 4, 2))
    theta, x, y = sample(network, 4)
    with pytest.raises(BadSetting, match="neuron="):
        explain(network, theta, x, y, neuron=neuron)
