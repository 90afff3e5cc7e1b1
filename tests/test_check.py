"""The checker on learners' programs: the document's own, right ones of all styles, wrong ones."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chainrule import Network, check
from chainrule.checking.functions import FunctionProgram
from chainrule.checking.judging import judge
from chainrule.checking.reporting import reported
from chainrule.errors import BadSetting

sys.path.insert(0, str(Path(__file__).parent / "learners"))

import document
import mistakes
import styles

NEURON = Network((3, 1), output="sigmoid")
LOGISTIC = Network((3, 1), output="sigmoid", loss="binary_cross_entropy")
SIGMOIDS = Network((3, 4, 2), hidden="sigmoid", output="sigmoid")
TANH = Network((3, 4, 1), hidden="tanh", output="sigmoid", loss="binary_cross_entropy")
SHARES = Network((3, 4, 3), hidden="relu", output="softmax", loss="cross_entropy")
RIGHT = [
    (styles.single, NEURON), (styles.rows, NEURON), (styles.columns, NEURON),
    (styles.sums, NEURON), (styles.without_arrays, NEURON), (styles.cost_and_slope, LOGISTIC),
    (styles.Lists, SIGMOIDS), (styles.in_place, SIGMOIDS), (styles.Hidden, SIGMOIDS),
    (styles.backward_propagation, TANH), (styles.TwoLayers, SHARES),
    (styles.train, Network((3, 4, 1), hidden="relu")),
]  # fmt: skip
NAMED = {code.__name__: (code, network) for code, network in RIGHT}


def names(report):
    return [mistake.name for mistake in report.mistakes]


@pytest.mark.parametrize("name", NAMED)
def test_right_code_of_every_style_is_right(name):
    report = check(*NAMED[name])
    assert report.verdict == "correct", report.message
    assert report.mistakes == ()
    assert report.precision < 1e-9
    assert report.status == 0


@pytest.mark.parametrize("name", sorted(NAMED.keys() - {"in_place"}))
def test_the_network_of_right_code_is_inferred(name):
    code, network = NAMED[name]
    report = check(code)
    assert report.verdict == "correct", report.message
    assert report.network.partition(", ")[2] == ", ".join(
        [*dict.fromkeys(network.activations[:-1]), network.output, network.loss]
    )


def test_another_form_of_the_penalty_in_all_layers_is_right():
    report = check(styles.penalty_over_samples, Network((3, 4, 1), hidden="tanh"))
    assert report.verdict == "correct"
    assert "l2 / (2 m)" in report.notes[0]


def test_a_step_after_each_sample_is_right():
    report = check(styles.each_sample_steps, Network((3, 4, 1), hidden="tanh"))
    assert report.verdict == "correct", report.message
    assert "one at a time" in report.convention


def test_the_convention_that_was_found_is_told():
    assert "samples as columns" in check(styles.columns, NEURON).convention
    assert "(n_out, n_in)" in check(styles.columns, NEURON).convention
    assert "samples as rows" in check(styles.rows, NEURON).convention
    assert "mean over the samples" in check(styles.rows, NEURON).convention
    assert "sum over the samples" in check(styles.sums, NEURON).convention
    assert "class numbers" in check(styles.TwoLayers, SHARES).convention
    report = check(styles.train, Network((3, 4, 1), hidden="relu"))
    assert "twice the mean" in report.convention


@pytest.mark.parametrize("network", [NEURON, None], ids=["given", "inferred"])
def test_the_document_s_own_program(network):
    """Its broadcasting fault, its progress line, its missing half; its formulas are right."""
    report = check(document.feedforward_nn, network)
    assert report.verdict == "mistake"
    assert names(report) == ["broadcast", "loss_without_half", "progress_line"]
    shapes, half, line = report.mistakes
    assert "(3, 1) and dl_dw (3,)" in shapes.message
    assert shapes.code == "dl_dw = (a - y) * a * (1 - a) * x"
    assert shapes.corrected == "dl_dw = (a - y) * a * (1 - a) * x.reshape(-1, 1)"
    assert "(a - y) ** 2" in half.message
    assert "0.5 * (a - y) ** 2" in half.corrected
    assert "unsupported format string" in line.message
    assert "after the step beside the error of before" in line.message
    assert "per cent" in line.message
    assert "formulas of its gradients are right" in report.message
    assert report.precision < 1e-10


def test_near_misses_are_unknown_and_their_line_is_found():
    report = check(mistakes.near_miss, NEURON)
    assert report.verdict == "unknown"
    assert report.mistakes == ()
    assert (report.wrong.quantity, report.wrong.layer, report.wrong.name) == ("delta", 1, "d")
    assert 0 < report.wrong.difference < 1e-3
    assert "`d = (a - y) * a * (1 - a)` in its place all is right" in report.notes[0]

    report = check(mistakes.near_miss_of_one, NEURON)
    assert report.verdict == "unknown"
    assert (report.wrong.quantity, report.wrong.layer) == ("db", 1)
    assert report.status == 1


def test_the_first_wrong_quantity_on_the_way_forward():
    report = check(mistakes.wrong_forward, TANH)
    assert report.verdict == "unknown"
    assert (report.wrong.quantity, report.wrong.layer, report.wrong.name) == ("Z", 1, "Z1")
    assert report.wrong.code == 'Z1 = X @ params["W1"] - params["b1"]'
    assert 'X @ params["W1"] + params["b1"]' in report.notes[0]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (mistakes.piling_up, "gradients_accumulated"),
        (mistakes.defaults_pile_up, "gradients_accumulated"),
        (mistakes.of_integers, "integer_arithmetic"),
        (mistakes.writes_targets, "changes_arguments"),
        (mistakes.shown_without_half, "loss_without_half"),
    ],
)
def test_what_does_not_show_in_one_gradient(code, name, monkeypatch):
    monkeypatch.setattr(mistakes, "total_dw", 0.0)
    monkeypatch.setattr(mistakes, "total_db", 0.0)
    report = check(code, NEURON)
    assert report.verdict == "mistake", report.message
    assert name in names(report)


def test_the_corrected_line_was_tried():
    report = check(mistakes.writes_targets, NEURON)
    assert report.mistakes[0].code == "y -= a"
    assert report.mistakes[0].corrected == "y = y - a"


def test_weights_that_are_updated_too_early():
    report = check(mistakes.too_early, Network((3, 4, 2), hidden="tanh"))
    assert names(report) == ["weights_already_updated"]
    assert report.mistakes[0].layer == 1
    assert report.mistakes[0].corrected.startswith("w2 = w2 - lr * h.T @ d2  # to be moved")


def test_a_mistake_in_a_helper_function():
    report = check(mistakes.in_a_helper, NEURON)
    assert names(report) == ["slope_at_z"]
    assert report.mistakes[0].code == "d = (sigmoid(z) - y) * sigmoid_prime(z)"


def test_two_mistakes_of_one_line_are_corrected_together():
    report = check(mistakes.two_on_one_line, NEURON)
    assert sorted(names(report)) == ["slope_incomplete", "target_minus_output"]
    assert [m.code for m in report.mistakes] == ["d = (y - a) * a"] * 2
    (corrected,) = {m.corrected for m in report.mistakes}
    space = {"y": np.array([0.3, 0.9]), "a": np.array([0.6, 0.2])}
    exec(corrected, space)
    assert np.allclose(space["d"], (space["a"] - space["y"]) * space["a"] * (1 - space["a"]))


def test_without_a_loss_that_is_shown_the_right_one_is_taken():
    report = check(styles.backward_propagation)
    assert report.network.endswith("binary_cross_entropy")


def test_a_mistake_of_code_whose_loss_is_not_shown():
    report = check(mistakes.no_loss)
    assert "slope_left_out" in names(report) or "loss=" in report.message


def test_a_mistake_that_hides_at_few_samples_is_found():
    report = check(mistakes.hides, NEURON)
    assert report.verdict != "correct"


def test_a_transpose_is_found_in_a_square_layer():
    report = check(mistakes.square, Network((3, 4, 4), hidden="tanh"))
    assert names(report) == ["transpose_missing"]
    assert report.mistakes[0].corrected == "d1 = d2 @ w2.T * (1 - h**2)"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (mistakes.returns_nothing, "returns nothing"),
        (mistakes.raises, "undefined_name"),
        (mistakes.strange_arguments, "strange_arguments could not be called"),
        (abs, "abs could not be called"),
    ],
)
def test_what_cannot_be_run_is_told(code, words):
    report = check(code, NEURON)
    assert report.verdict == "failed"
    assert words in report.message
    assert report.status == 2


def test_without_a_network_that_can_be_seen_the_advice_is_to_give_one():
    report = check(styles.in_place)
    assert report.verdict == "failed"
    assert "--sizes" in report.message


def test_two_conventions_that_fit_equally_ask_for_a_hint():
    program = FunctionProgram(mistakes.in_a_helper, NEURON, {})
    best, _ = judge(program)
    other = judge(FunctionProgram(mistakes.two_on_one_line, NEURON, {}))[0]
    other.way = replace(other.way, shapes=replace(other.way.shapes, weights="out_in"))
    best.others = [other]
    report = reported(program, best)
    assert report.verdict == "unknown"
    assert "Give weights='in_out' or weights='out_in'" in report.message
    assert "given Z" in report.notes[0]
    assert "Y - A" in report.notes[1]


def test_hints_are_checked_and_kept():
    with pytest.raises(BadSetting, match="samples='sideways' is not one of rows, columns"):
        check(styles.rows, NEURON, samples="sideways")
    assert check(styles.rows, NEURON, samples="rows").verdict == "correct"
    assert check(styles.rows, NEURON, samples="columns").verdict != "correct"


def test_a_report_as_json_takes_it():
    report = check(mistakes.in_a_helper, NEURON).to_dict()
    assert report["verdict"] == "mistake"
    assert {"name", "layer", "equation", "message"} <= report["mistakes"][0].keys()


def test_the_global_generator_is_left_as_it_was_patched_back():
    before = np.random.default_rng
    check(styles.rows, NEURON)
    assert np.random.default_rng is before
    assert sys.gettrace() is None or "coverage" in sys.modules


def test_another_step_is_not_called_a_wrong_gradient():
    def step(w, b, x, y, lr, beta=0.5):
        a = 1 / (1 + np.exp(-(x @ w + b)))
        delta = (a - y) * a * (1 - a)
        dw = x.T @ delta / len(x)
        db = delta.mean(axis=0)
        m = (1 - beta) * dw
        v = (1 - beta) * dw**2
        w = w - lr * m / (np.sqrt(v) + 1e-8)
        b = b - lr * db
        return w, b

    report = check(step, Network((3, 1), output="sigmoid"))
    assert report.verdict == "unknown"
    assert report.message.startswith("The gradients in it are right.")
    assert not report.mistakes
