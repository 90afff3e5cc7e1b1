"""Exercise sheets: friendly numbers, blanks that say nothing, and a key that is right."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from chainrule import Network, explain, gradient, layer_outputs, mean_loss, worksheet
from chainrule.cli import app, main
from chainrule.errors import BadSetting
from chainrule.explaining.friendly import fault, friendly
from chainrule.explaining.parts import Grid, Lines, Sketch
from chainrule.explaining.sketch import as_lines, as_picture, as_svg
from chainrule.explaining.trace import Step, trace
from chainrule.network import HIDDEN
from chainrule.typesetting import text

NETWORKS = [
    *[Network((3, 2, 1), hidden=name, output="sigmoid") for name in HIDDEN],
    Network((2, 1), output="sigmoid"),
    Network((1, 1)),
    Network((2, 2, 2, 1), hidden="relu", loss="huber"),
    Network((2, 3, 2), hidden="relu", loss="absolute_error"),
    Network((3, 3), output="softmax", loss="cross_entropy"),
    Network((2, 3, 2), hidden="tanh", output="softmax", loss="cross_entropy"),
    Network((2, 3, 2), hidden="tanh", output="sigmoid", loss="binary_cross_entropy"),
    Network((2, 3, 1), hidden="softplus", output="exp", loss="poisson"),
    Network((3, 3, 3, 3, 3, 1), hidden="sigmoid", output="sigmoid"),
]


def name_of(network):
    return f"{'-'.join(map(str, network.sizes))} {network.hidden} {network.loss}"


@pytest.fixture(params=NETWORKS, ids=name_of)
def network(request):
    return request.param


def test_numbers_are_friendly(network):
    for seed in range(3):
        given = friendly(network, seed, learning_rate=0.5)
        for values in (given.parameters, given.x, given.y):
            assert np.array_equal(values, np.round(values, 1))
        loss, slope = gradient(network, given.parameters, given.x[None], given.y[None])
        assert 0.01 <= loss <= 3.0
        after = given.parameters - 0.5 * slope
        assert mean_loss(network, after, given.x[None], given.y[None]) < loss
        for start, end in zip(network.starts[:-1], network.starts[1:], strict=True):
            assert 5e-5 < np.abs(slope[start:end]).max() <= 2.0
        outputs = layer_outputs(network, given.parameters, given.x[None])
        for name, output in zip(network.activations, outputs, strict=True):
            if name in ("sigmoid", "softmax"):
                assert output.min() >= 0.05
                assert output.max() <= 0.95
            if name == "tanh":
                assert np.abs(output).max() < 0.93
            if name == "relu":
                assert (output > 0.05).sum() >= output.size / 2
                assert not ((output > 0.0) & (output < 0.05)).any()


RELU, TANH = (NETWORKS[HIDDEN.index(name)] for name in ("relu", "tanh"))


def faults(parameters, y, network=RELU, x=(1.0, 0.0, 0.0)):
    return fault(trace(network, np.array(parameters), np.array(x), y, Step("gd", 0.5)))


GOOD = [0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.5, -0.3, 0.2]


def test_what_is_unfriendly_is_seen():
    def changed(**places):
        return [places.get(f"p{k}", value) for k, value in enumerate(GOOD)]

    assert faults(GOOD, 1.0) == ""
    assert faults(changed(p0=-0.07), 1.0) == "a score of layer 1 is nearly 0"
    assert faults(changed(p0=9.0), 1.0) == "a score of layer 1 is large"
    assert faults(changed(p0=-0.5, p1=-0.5), 1.0) == "layer 1 is saturated, or dead"
    assert faults(changed(p10=2.5), 1.0) == "layer 2 is saturated, or dead"
    assert "gradient of layer 1" in faults(changed(p8=0.001, p9=0.001), 1.0)
    assert faults(changed(p0=2.4), 1.0, TANH) == "layer 1 is saturated, or dead"
    pinball = Network((1, 1), loss="quantile")
    assert faults([0.5, 0.5], 0.98, pinball, [1.0]) == "the loss is at a bend"
    steep = Step("gd", 50.0)
    done = trace(Network((1, 1)), np.array([0.5, 0.5]), np.array([1.0]), 0.0, steep)
    assert fault(done) == "the loss does not get smaller"


def test_the_sheet_asks_for_everything_and_tells_nothing(network):
    sheet, key = worksheet(network, 3), worksheet(network, 3, answers=True)
    assert key.sections[: len(sheet.sections)] == sheet.sections
    asked = [line for line in sheet.lines() if line.right is None]
    assert asked
    assert all(line.value is None and line.check is None for line in sheet.lines())
    given = friendly(network, 3, learning_rate=0.5)
    solved = explain(
        network, given.parameters, given.x, given.y, learning_rate=0.5, scheme=None
    ).values
    names = [line.left if isinstance(line.left, str) else text(line.left) for line in asked]
    assert set(names) <= set(solved)
    layers = range(1, len(network.sizes))
    for l in layers:
        layer = "" if len(network.sizes) == 2 else "₀₁₂₃₄₅₆₇₈₉"[l]
        assert any(name.startswith(f"Z{layer}") for name in names)
        assert any(name.startswith(f"∂L/∂b{layer}") for name in names)
    gradients = [name for name in names if re.match("∂L/∂[Wb]", name)]
    assert len(gradients) == len(set(gradients)) == network.n_parameters
    update = next(s for s in sheet.sections if s.title == "4. The update")
    (table,) = (part for part in update.parts if isinstance(part, Grid))
    assert [row[1] for row in table.rows] == given.parameters.tolist()
    assert all(row[2:] == ("________", "________") for row in table.rows)


def test_the_key_has_the_numbers_of_the_engine():
    network = TANH
    given = friendly(network, 7, learning_rate=0.5)
    loss, slope = gradient(network, given.parameters, given.x[None], given.y[None])
    values = worksheet(network, 7, answers=True).values
    assert values["L"] == pytest.approx(loss, rel=1e-12)
    assert values["∂L/∂W₁[3,2]"] == pytest.approx(slope[5], rel=1e-12)
    assert values["∂L/∂b₂"] == pytest.approx(slope[-1], rel=1e-12)


@pytest.mark.parametrize("form", ["to_text", "to_markdown", "to_latex", "to_html"])
def test_the_same_seed_gives_the_same_sheet(form):
    network = Network((3, 2, 1), hidden="tanh", output="sigmoid")
    first, again = (getattr(worksheet(network, 7, answers=True), form)() for _ in range(2))
    assert first == again
    assert first != getattr(worksheet(network, 8, answers=True), form)()


def test_the_key_begins_a_page():
    sheet = worksheet(Network((2, 1), output="sigmoid"), 1, answers=True)
    starts = [section.title for section in sheet.sections if section.new_page]
    assert starts == ["Answers: Forward propagation"]
    assert sheet.to_latex().count("\\clearpage") == 1
    assert sheet.to_html().count("class='new-page'") == 1
    assert "break-before: page" in sheet.to_html()


def test_a_rule_of_ones_own_is_printed_on_the_sheet():
    def bump(z):
        a = exp(-z * z)  # noqa: F821
        slope = -2.0 * z * a
        return a, slope

    sheet = worksheet(Network((2, 2, 1), hidden=bump), 1).to_text()
    assert "bump:" in sheet
    assert "a     = exp(−z²)" in sheet
    assert "∂a/∂z = −2·z·a" in sheet


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((Network((30, 20, 3)),), "has 683"),
        ((Network((2, 1)), -1), "seed"),
        ((Network((2, 1)), 1.5), "seed"),
        (((3, 1),), "must be a chainrule.Network"),
    ],
)
def test_what_cannot_be_done_by_hand_is_refused(arguments, words):
    with pytest.raises(BadSetting, match=re.escape(words)):
        worksheet(*arguments)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_learning_rate_that_lowers_nothing_is_refused(rate):
    with pytest.raises(BadSetting, match="learning_rate"):
        worksheet(Network((2, 1)), 0, learning_rate=rate)


SKETCH = Sketch((3, 2, 1), ("input", "<tanh>", "a_b"))


def test_the_drawing_joins_all_neurons():
    svg = as_svg(SKETCH)
    assert svg.count("<line") == 3 * 2 + 2
    assert svg.count("<circle") == 6
    assert "&lt;tanh&gt;" in svg
    assert "<tanh>" not in svg
    picture = as_picture(SKETCH)
    assert picture.count("\\qbezier") == 8
    assert picture.count("\\circle") == 6
    assert "a\\_b" in picture
    lines = as_lines(SKETCH)
    assert "\n".join(lines).count("①") == 3
    assert max(map(len, lines)) <= 80


def test_a_tall_network_is_not_drawn():
    sheet = worksheet(Network((14, 1)), 1, learning_rate=0.05)
    assert not any(isinstance(part, Sketch) for s in sheet.sections for part in s.parts)
    assert any(isinstance(part, Lines) for s in sheet.sections for part in s.parts)


def run(*arguments):
    return CliRunner().invoke(app, ["worksheet", *arguments])


def test_the_command_prints_the_sheet():
    result = run("--sizes", "3-2-1", "--seed", "7", "--learning-rate", "0.25")
    network = Network((3, 2, 1), hidden="tanh", output="sigmoid")
    assert result.exit_code == 0
    assert result.stdout == worksheet(network, 7, learning_rate=0.25).to_text()


@pytest.mark.parametrize(
    ("ending", "form"), [("md", "markdown"), ("tex", "latex"), ("html", "html"), ("txt", "text")]
)
def test_the_command_writes_by_the_ending(tmp_path, ending, form):
    path = tmp_path / f"sheet.{ending}"
    result = run("--sizes", "2-3-2", "--hidden", "relu", "--output", "softmax", "--answers",
                 "-o", str(path))  # fmt: skip
    assert result.exit_code == 0, result.output
    network = Network((2, 3, 2), hidden="relu", output="softmax", loss="cross_entropy")
    sheet = worksheet(network, 0, answers=True)
    assert path.read_text(encoding="utf-8") == getattr(sheet, f"to_{form}")()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_command_takes_a_rule_from_a_file(tmp_path):
    rules = tmp_path / "rules.py"
    rules.write_text("def line(z):\n    a = 0.5 * z\n    slope = 0.5\n    return a, slope\n")
    result = run("--hidden", f"{rules}:line,tanh", "--sizes", "2-2-2-1")
    assert result.exit_code == 0, result.output
    assert "2 inputs → 2 line → 2 tanh → 1 sigmoid" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sizes", "3"],
        ["--sizes", "a-b"],
        ["--sizes", "30-20-3"],
        ["--output", "nothing"],
        ["--hidden", "nothing"],
        ["--loss", "nothing"],
        ["-o", "sheet.pdf"],
        ["-o", "/no/such/folder/sheet.html"],
        ["--learning-rate", "0"],
        ["--seed", "-1"],
    ],
)
def test_bad_options_are_told_without_a_traceback(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["worksheet", *arguments])
    assert end.value.code == 2
    said = capsys.readouterr()
    assert said.err
    assert "Traceback" not in said.err
    assert not said.out
