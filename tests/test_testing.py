"""The assertion for the tests of a course, and how a report reads."""

import subprocess
import sys

import numpy as np
import pytest

from chainrule import BadCode, BadSetting, Network, Report, check
from chainrule.checking.catalogue import CATALOGUE
from chainrule.checking.report import Mistake, Wrong
from chainrule.checking.telling import caret, html, told
from chainrule.testing import assert_gradients_correct
from submissions import RIGHT, SLOPE_LEFT_OUT

NEURON = Network((3, 1), output="sigmoid")


def right(w, b, x, y):
    a = 1 / (1 + np.exp(-(x @ w + b)))
    delta = (a - y) * a * (1 - a)
    return x.T @ delta / len(x), delta.mean(axis=0)


def wrong(w, b, x, y):
    a = 1 / (1 + np.exp(-(x @ w + b)))
    delta = a - y
    return x.T @ delta / len(x), delta.mean(axis=0)


def test_right_gradients_pass():
    assert_gradients_correct(right, NEURON)
    assert_gradients_correct(right, NEURON, samples="rows")


def test_wrong_gradients_fail_and_are_named():
    with pytest.raises(AssertionError, match="✗ One mistake in wrong: the activation") as caught:
        assert_gradients_correct(wrong, NEURON)
    assert "slope_left_out" in str(caught.value)


def test_what_cannot_be_run_fails():
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        assert_gradients_correct(lambda w, b, x, y: 1 / 0, NEURON)
    with pytest.raises(BadSetting, match="samples='sideways'"):
        assert_gradients_correct(right, NEURON, samples="sideways")


def test_a_file(tmp_path):
    (tmp_path / "net.py").write_text(RIGHT)
    assert_gradients_correct(f"{tmp_path}/net.py:gradients", NEURON)
    assert_gradients_correct(f"{tmp_path}/net.py", NEURON)
    assert check(f"{tmp_path}/net.py:gradients", NEURON).verdict == "correct"
    (tmp_path / "net.py").write_text(SLOPE_LEFT_OUT)
    with pytest.raises(AssertionError, match="One mistake"):
        assert_gradients_correct(f"{tmp_path}/net.py", NEURON)
    with pytest.raises(BadCode, match="cannot be read"):
        assert_gradients_correct(f"{tmp_path}/other.py", NEURON)


def test_in_a_file_of_pytest(tmp_path):
    (tmp_path / "net.py").write_text(SLOPE_LEFT_OUT)
    (tmp_path / "test_net.py").write_text(
        "from chainrule import Network\n"
        "from chainrule.testing import assert_gradients_correct\n"
        "from net import gradients\n\n"
        "def test_gradients():\n"
        "    assert_gradients_correct(gradients, Network((3, 1), output='sigmoid'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "E       AssertionError: ✗ One mistake in gradients: " in done.stdout
    assert ">       assert_gradients_correct(gradients" in done.stdout
    assert "raise AssertionError" not in done.stdout


# How a report reads


def a_mistake(name="slope_left_out", **more):
    kind = CATALOGUE[name]
    message = f"layer 1: {kind.title}. {kind.advice}"
    return Mistake(name, 1, kind.equation, kind.instead, message, **more)


def test_a_line_of_code_and_its_correction():
    found = a_mistake(
        line=5, code="    delta = (a - y)", corrected="    delta = (a - y) * a * (1 - a)"
    )
    text = told(Report("mistake", "f", "", (found,)))
    assert text.split("\n")[:10] == [
        "✗ f: one mistake was found.",
        "",
        "  Layer 1: the activation's derivative is left out.",
        "",
        "    5 │ delta = (a - y)",
        "      │                ^",
        "",
        "  should be  delta = dL/dA * f'(Z)",
        "  yours is   delta = dL/dA",
        "  try        delta = (a - y) * a * (1 - a)",
    ]


def test_the_first_wrong_quantity():
    wrong = Wrong("delta", 2, 0.12345, "d2", 7, "    d2 = a2 + y")
    report = Report("unknown", "f", "The gradients are wrong.", wrong=wrong)
    assert told(report).split("\n") == [
        "? f: The gradients are wrong.",
        "",
        "  The first that is wrong is delta of layer 2, which is d2 here, by up to 0.123.",
        "",
        "    7 │ d2 = a2 + y",
    ]
    assert "by up to 0.123.</b></p><pre>7 │ d2 = a2 + y</pre>" in html(report)
    bare = Report("unknown", "f", "It is wrong.", wrong=Wrong("dW", 1, 2.0))
    assert told(bare).endswith("\n  The first that is wrong is dW of layer 1 by up to 2.")


def test_a_long_line_is_cut_around_what_is_marked():
    code = "d = " + " + ".join(20 * ["long"])
    right = code[:100] + "short" + code[104:]
    found = a_mistake(line=5, code=code, corrected=right)
    lines = told(Report("mistake", "f", "", (found,))).split("\n")
    assert lines[4:6] == [
        "    5 │ … long + long + long + long + long + long + long + long + long + long",
        "      │                             ^^^^",
    ]


def test_the_name_is_not_said_twice():
    for said in ("f could not be run.", "There are 2 mistakes in f."):
        assert told(Report("failed", "f", said)) == f"! {said}"


@pytest.mark.parametrize(
    ("code", "corrected", "expected"),
    [
        ("d = y - a", "d = a - y", "    ^^^^^"),
        ("d = x + 1", "d = x - 1", "      ^"),
        ("d = x", "d = -x", "    ^"),
        ("db = d", "db = d.sum(0)", "      ^"),
        ("d = x", "d = x", ""),
        ("d = x", None, ""),
        ("aa", "a", " ^"),
    ],
)
def test_where_the_caret_stands(code, corrected, expected):
    assert caret(code, corrected) == expected


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_keep_to_the_width(width):
    found = tuple(a_mistake(name, also=("sign", "factor_two")) for name in CATALOGUE)
    report = Report(
        "mistake", "f", "", found, "3-4-1", "weights (n_in, n_out), " * 5, tried="x " * 80
    )
    text = told(report, width)
    assert max(map(len, text.splitlines())) <= width
    assert str(report) == told(report)
    for kind in CATALOGUE.values():
        assert " ".join(kind.advice.split()[:2]) in text


def test_a_report_cannot_change_the_terminal():
    report = Report(
        "failed", "f\x1b[2J", "it said \x1b]0;title\x07 and [bold]more[/bold]", notes=("\x1b",)
    )
    text = told(report)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]more[/bold]" in text


def test_a_notebook_shows_no_code_of_others_as_html():
    found = a_mistake(line=5, code="<script>x</script>", corrected="y < z")
    text = html(Report("mistake", "<b>", "", (found,), notes=("<i>",)))
    assert "<script>" not in text
    assert "&lt;script&gt;x&lt;/script&gt;" in text
    assert "y &lt; z" in text
    assert "<i>" not in text
    assert (
        Report("failed", "f", "It ended.")._repr_html_()
        == "<div><p>! <b>f</b>: It ended.</p></div>"
    )
    assert text.count("<table") == text.count("</table>") == 2
