"""Every mistake of the catalogue, put into real programs, is named; its line is found."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import Network, check, gradient
from chainrule.checking import cases
from chainrule.checking.catalogue import CATALOGUE
from chainrule.checking.matching import Seen, find, merged
from chainrule.checking.rewriting import Words, changes
from chainrule.checking.steps import Case, Pass
from chainrule.checking.variants import variants
from chainrule.rules import ACTIVATIONS

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import checker as bench
from learners import STYLES, program
from right import right_programs
from slips import PLANS, slips

SHOWN = {"loss_without_half", "progress_line"}  # in test_check.py: no gradient shows them


def slip_of(name):
    """Return the first program that has room for a mistake, over networks and styles."""
    for plan in PLANS:
        for style in STYLES:
            for slip in slips(plan, style):
                if slip.name == name:
                    return plan, style, slip
    raise AssertionError(f"no program of the benchmark has {name}")


def checked(plan, style, chosen, folder, name):
    backprop = bench.load(program(plan, style, chosen), folder, name)
    return check(backprop, bench.network_of(plan))


@pytest.mark.parametrize("name", sorted(CATALOGUE.keys() - SHOWN))
def test_every_mistake_of_the_catalogue_is_named(name, tmp_path):
    plan, style, slip = slip_of(name)
    report = checked(plan, style, [slip], tmp_path, f"learner_{name}")
    assert report.verdict == "mistake", report.message
    (mistake,) = report.mistakes
    assert name in (mistake.name, *mistake.also)
    assert mistake.layers == slip.layers
    assert mistake.layer == (slip.layers[0] if len(slip.layers) == 1 else None)
    assert mistake.line is not None
    assert mistake.equation
    assert mistake.message


def test_the_catalogue_is_written_for_people():
    for kind in CATALOGUE.values():
        assert kind.title[0].islower()
        assert not kind.title.endswith(".")
        assert kind.advice.endswith(".")
        assert kind.equation != kind.instead


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_right_programs_raise_no_alarm(seed, tmp_path_factory):
    for plan, style, words, source in right_programs(1, seed):
        name = f"right_{seed}_{style}"
        backprop = bench.load(source, tmp_path_factory.mktemp("right"), name)
        report = check(backprop, bench.network_of(plan))
        assert report.verdict == "correct", (plan, style, words, report.message)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_mistake_at_random_is_named_with_its_layer(seed, tmp_path_factory):
    draw = random.Random(seed)
    plan, style = draw.choice(PLANS), draw.choice(STYLES)
    slip = draw.choice(list(slips(plan, style)))
    folder = tmp_path_factory.mktemp("slip")
    right = bench.outcome(plan, style, bench.load(program(plan, style), folder, f"r{seed}"))
    mark = bench.marked(plan, style, (slip,), folder)
    if mark in (None, right):
        return  # it raises, or changes nothing here
    same = [(each,) for each in slips(plan, style)
            if bench.marked(plan, style, (each,), folder) == mark]  # fmt: skip
    report = checked(plan, style, [slip], folder, f"slip_{seed}")
    found = [((m.name, *m.also), m.layers) for m in report.mistakes]
    assert any(bench.agrees(one, found, layers=True) for one in same), (slip, found)


def test_two_mistakes_are_named(tmp_path):
    plan, style = PLANS[4], "rows"
    every = {slip.name: slip for slip in slips(plan, style)}
    for k, pair in enumerate((
        ("slope_at_z", "mean_on_one_gradient"), ("delta_not_passed_on", "bias_not_summed"),
        ("target_minus_output", "weights_of_wrong_layer"), ("factor_two", "transpose_missing"),
    )):  # fmt: skip
        chosen = [every[name] for name in pair if name in every]
        if len(chosen) == 2:
            report = checked(plan, style, chosen, tmp_path, f"pair_{k}")
            assert sorted(m.name for m in report.mistakes) == sorted(pair)
            assert all(m.line for m in report.mistakes)


# The search beneath


def hidden_of(name):
    return name if name != "exp" else "tanh"


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("loss", ["half_squared_error", "huber", "quantile"])
def test_the_exact_step_is_the_engine_s(name, loss):
    network = Network((3, 4, 4, 2), hidden=hidden_of(name), output=name, loss=loss)
    _agrees_with_engine(network)


@pytest.mark.parametrize(
    ("output", "loss"),
    [("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy"), ("exp", "poisson"),
     ("softmax", "half_squared_error")],
)  # fmt: skip
def test_the_exact_step_is_the_engine_s_for_scores(output, loss):
    _agrees_with_engine(Network((3, 4, 3), hidden="tanh", output=output, loss=loss))


def _agrees_with_engine(network):
    case = cases.make(network, 6, (3, 1))
    parameters = np.concatenate([part.ravel() for layer in case.layers for part in layer])
    _, theirs = gradient(network, parameters, case.X, case.Y)
    exact = sorted(Pass(case).backward({}, 1 / 6), key=lambda row: row[0])
    ours = np.concatenate([part.ravel() for _, _, dW, db in exact for part in (dW, db)])
    assert np.abs(ours - theirs).max() <= 1e-12 * np.abs(theirs).max()


def test_a_case_of_few_layers_from_the_middle_is_the_same():
    case = cases.make(Network((3, 4, 4, 2), hidden="tanh"), 5, (1,))
    run = Pass(case)
    whole = {l: dW for l, _, dW, _ in run.backward({}, 0.2)}
    below = {l: dW for l, _, dW, _ in run.backward({}, 0.2, start=2)}
    assert sorted(below) == [1, 2]
    assert all(np.array_equal(whole[l], below[l]) for l in below)


def seen_with(network, chosen, factor=1.0):
    seen = []
    for k, m in enumerate((5, 7)):
        run = Pass(cases.make(network, m, (k, 8)))
        rows = run.backward(merged(chosen), 1 / m)
        seen.append(Seen(run, {l: (factor * dW, factor * db) for l, _, dW, db in rows}, 1 / m))
    return seen


def test_every_variant_is_found_by_its_own_gradients():
    network = Network((3, 4, 4, 2), hidden="tanh", output="sigmoid")
    run = Pass(cases.make(network, 5, (0, 8)))
    every = list(variants(run, True, 0.2))
    assert len({v.name for v in every}) > 20
    for variant in random.Random(1).sample(every, 25):
        try:
            seen = seen_with(network, [variant])
        except (ValueError, IndexError):
            continue
        found = find(seen, updates=True)
        assert found is not None
        if found:  # empty where it changes nothing here
            names = [name for finding in found for name in (finding.variant.name, *finding.also)]
            assert variant.name in names
            assert len(found) == 1


def test_near_misses_are_not_found():
    network = Network((3, 4, 2), hidden="tanh", output="sigmoid")
    assert find(seen_with(network, []), updates=False) == []
    for factor in (1.001, 0.999, 1.5, 3.0):
        assert find(seen_with(network, [], factor), updates=False) is None


def test_a_case_shows_every_neuron():
    network = Network((3, 5, 1), hidden="relu")
    case = cases.make(network, 5, (2,))
    assert case is cases.make(network, 5, (2,))
    assert isinstance(case, Case)
    hidden = Pass(case).Z[1]
    assert (hidden > 0).any(axis=0).all()
    assert (hidden < 0).any(axis=0).all()


def test_changes_of_a_source_are_sources():
    text = "def f(w, x, y):\n    a = x @ w\n    d = (a - y) * a  # the error\n    return x.T @ d\n"
    words = Words(["a * (1 - a)"], ["m"], ["a", "d", "x", "y"])
    made = {change.made(text) for change in changes(text, words)}
    for new in made:
        compile(new, "<changed>", "exec")
    assert text.replace("(a - y) * a ", "(a - y) * a * (1 - a) ") in made
    assert text.replace("a - y", "y - a") in made
    assert text.replace("x.T @ d", "x @ d") in made
    assert all("# the error" in new for new in made)
