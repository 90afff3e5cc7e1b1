"""Expressions as text, LaTeX and MathML: what a reader makes of them is what they are."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chainrule.formula import NAMES
from chainrule.notation import (
    Call,
    Choice,
    Derivative,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Rest,
    Sum,
    Symbol,
    read_rule,
    value_of,
)
from chainrule.rules import ACTIVATIONS, LOSSES, OPTIMISERS
from chainrule.typesetting import latex, latex_pieces, latex_text, mathml, mathml_pieces, text

ALL_DIGITS = 17
READ_BACK = 1e-12  # relative; sums and products are taken in another order

NUMBERS = st.sampled_from([0.0, 1.0, 2.0, -0.3, 0.25, 12.5, -7e-9, 1e-8, -1e7, 123456.0, 3.5e12])


def sign(letter, layer, at):
    return Symbol(letter, layer, at, [0.5, -1.25, 3.0][(len(letter) + (layer or 0) + sum(at)) % 3])


SIGNS = st.builds(
    sign,
    st.sampled_from(["X", "W", "beta1", "rate", "ΔL", "n_in"]),
    st.sampled_from([None, 1, 12]),
    st.sampled_from([(), (3,), (2, 10)]),
)
LEAVES = st.one_of(
    st.builds(Number, NUMBERS),
    st.builds(Number, st.sampled_from([0.5, 2.0, 0.01, -1.0, 0.125, 1e-8]), st.just(True)),
    SIGNS,
    st.just(Derivative(Symbol("L"), Symbol("W", 1, (2,)), -0.75)),
)


def larger(parts):
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    names = ["exp", "tanh", "erf", "abs", "sqrt", "log"]
    return st.one_of(
        st.builds(Negative, parts),
        st.builds(Sum, several),
        st.builds(Product, several),
        st.builds(Quotient, parts, parts),
        st.builds(
            Power, parts, st.sampled_from([Number(2.0), Number(-1.0), Symbol("Q", value=3.0)])
        ),
        st.builds(Power, parts, parts),
        st.builds(Call, st.sampled_from(names), parts.map(lambda part: (part,))),
        st.builds(Choice, parts, st.sampled_from(["<", "≤", ">", "≥", "="]), parts, parts, parts),
    )


EXPRESSIONS = st.recursive(LEAVES, larger, max_leaves=9)


def value(expression):
    """Return a finite value, or leave the example out."""
    try:
        with np.errstate(all="raise"):
            found = value_of(expression)
    except (ArithmeticError, ValueError, TypeError):  # of a negative number to the power 0.3
        assume(False)
    assume(math.isfinite(found))
    return found


class Root:
    """The sign √, which takes what stands behind it before anything else is done."""

    def __pow__(self, other):
        return math.sqrt(other)


def signs_of(expression):
    """Yield all signs of an expression that carry a number."""
    if isinstance(expression, Symbol | Derivative):
        yield expression
    for part in getattr(expression, "__dict__", {}).values():
        for each in part if isinstance(part, tuple) else (part,):
            yield from signs_of(each)


def computed(printed, expression, printer):
    """Compute Python, after putting in for each sign its number."""
    for sign in sorted(set(signs_of(expression)), key=lambda s: -len(printer(s))):
        if sign.value is not None:
            printed = printed.replace(printer(sign), f"({sign.value!r})")
    names = dict(NAMES) | {"root": Root()}
    try:
        with np.errstate(all="raise"):
            return eval(printed, {"__builtins__": {}}, names)
    except (ArithmeticError, ValueError):
        assume(False)
    except SyntaxError as error:
        raise AssertionError(printed) from error


def agree(found, expected):
    return found == pytest.approx(expected, rel=READ_BACK, abs=1e-300)


def agree_or_steep(found, expression, expected):
    """Say whether two numbers agree; where the expression is ill-conditioned, none is compared."""
    return agree(found, expected) or abs(found - expected) <= 1e-9 * magnitude(expression)


def magnitude(expression):
    """Return the largest number on the way to the value of an expression."""
    parts = [0.0]
    for part in getattr(expression, "__dict__", {}).values():
        several = part if isinstance(part, tuple) else (part,)
        parts.extend(magnitude(each) for each in several if hasattr(each, "__dict__"))
    try:
        with np.errstate(all="raise"):
            parts.append(abs(value_of(expression)))
    except (ArithmeticError, ValueError, TypeError, KeyError):
        return math.inf
    return max(parts)


RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def from_text(printed, expression):
    """Compute what a line of text says."""
    for sign in sorted(set(signs_of(expression)), key=lambda s: -len(text(s))):
        if sign.value is not None:
            printed = printed.replace(text(sign), f"({sign.value!r})")
    printed = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: f"**({m[0].translate(RAISED)})", printed)
    printed = re.sub(r"\|([^|]*)\|", r"abs(\1)", printed)
    for sign, plain in {
        "−": "-", "·": "*", "½": "(0.5)", "√": "root**", "^": "**", "≤": "<=", "≥": ">=",
        " = ": " == ", ", else": " else",
    }.items():  # fmt: skip
        printed = printed.replace(sign, plain)
    return computed(printed, expression, text)


@given(EXPRESSIONS)
def test_text_says_what_the_expression_is(expression):
    expected = value(expression)
    printed = text(expression, ALL_DIGITS)
    assert agree_or_steep(from_text(printed, expression), expression, expected), printed


def inside(printed, start):
    """Return what stands in the braces that open at a place, and where they end."""
    assert printed[start] == "{", printed[start:]
    depth = 0
    for place in range(start, len(printed)):
        depth += {"{": 1, "}": -1}.get(printed[place], 0)
        if not depth:
            return printed[start + 1 : place], place + 1
    raise AssertionError(f"no end of {printed[start:]}")


def from_latex(printed):
    """Write as Python what LaTeX shows; braces group for the eye only in fractions and roots."""
    python, place = "", 0
    while place < len(printed):
        if found := re.match(r"\\(frac|tfrac|sqrt|mathrm|operatorname) ?|\^", printed[place:]):
            name, place = found[1] or "^", place + found.end()
            first, place = inside(printed, place)
            if name in ("frac", "tfrac"):
                second, place = inside(printed, place)
                python += f"(({from_latex(first)})/({from_latex(second)}))"
            elif name == "sqrt":
                python += f"sqrt({from_latex(first)})"
            elif name == "^" and re.search(r"(?<![A-Za-z])e$", python):
                python = f"{python[:-1]}exp({from_latex(first)})"
            else:
                python += f"**({from_latex(first)})" if name == "^" else first
        elif printed.startswith("\\begin{cases}", place):
            depth, end = 1, place + 13
            while depth:
                found = re.search(r"\\(begin|end)\{cases\}", printed[end:])
                depth += 1 if found[1] == "begin" else -1
                end += found.end()
            python += cases(printed[place + 13 : end - 11])
            place = end
        else:
            python += printed[place]
            place += 1
    return python


def cases(rows):
    """Write as Python what stands behind a brace; none of the rows has one itself."""
    assume("\\begin" not in rows)
    *choices, rest = rows.split(" \\\\ ")
    python = ""
    for row in choices:
        yes, when = row.split(" & \\text{if } ")
        python += f"({from_latex(yes)}) if ({from_latex(when)}) else "
    return f"({python}({from_latex(rest.split(' & ')[0])}))"


@given(EXPRESSIONS)
def test_latex_says_what_the_expression_is(expression):
    expected = value(expression)
    printed = latex(expression, ALL_DIGITS)
    assert printed.count("\\left") == printed.count("\\right")
    for sign in sorted(set(signs_of(expression)), key=lambda s: -len(latex(s))):
        printed = printed.replace(latex(sign), f"({sign.value!r})")
    python = from_latex(re.sub(r"\\(left|right)(?![a-z])", "", printed))
    python = re.sub(r"\|([^|]*)\|", r"abs(\1)", python)
    for sign, plain in {
        "\\cdot": "*", "\\le ": "<= ", "\\ge ": ">= ", " = ": " == ", "\\log": "log",
        "\\tanh": "tanh", "\\exp": "exp",
    }.items():  # fmt: skip
        python = python.replace(sign, plain)
    assert "\\" not in python, python
    found = computed(python, Number(0.0), latex)
    assert agree_or_steep(found, expression, expected), latex(expression, ALL_DIGITS)


CHILDREN = {"mfrac": 2, "msup": 2, "msub": 2, "msubsup": 3, "mtr": 2}
LEAF = {"mi", "mn", "mo", "mtext"}


def from_mathml(element):
    """Write as Python what an element shows; a row groups nothing for the eye."""
    parts = [from_mathml(child) for child in element]
    if element.tag in CHILDREN:
        assert len(parts) == CHILDREN[element.tag], ElementTree.tostring(element)
    match element.tag:
        case "mfrac":
            return f"(({parts[0]})/({parts[1]}))"
        case "msqrt":
            return f"sqrt({''.join(parts)})"
        case "msup":
            return f"exp({parts[1]})" if parts[0] == "e" else f"{parts[0]}**({parts[1]})"
        case "mtable":
            *choices, rest = [[from_mathml(cell) for cell in row] for row in element]
            python = "".join(f"({yes}) if ({when}) else " for yes, when in choices)
            return f"({python}({rest[0]}))"
        case "msub" | "msubsup":
            return parts[0]
        case "mrow" | "math" | "mtd" | "mtr":
            return "".join(parts)
    assert element.tag in LEAF, element.tag
    assert not parts
    words = (element.text or "").replace("\N{NO-BREAK SPACE}", " ")
    plain = {"−": "-", "·": "*", "≤": "<=", "≥": ">=", "=": "==", "{": "", "if ": ""}
    return plain.get(words, words).replace("−", "-")


@given(EXPRESSIONS)
def test_mathml_says_what_the_expression_is(expression):
    expected = value(expression)
    printed = mathml(expression, ALL_DIGITS)
    for sign in sorted(set(signs_of(expression)), key=lambda s: -len(mathml(s))):
        printed = printed.replace(mathml(sign), f"<mn>({sign.value!r})</mn>")
    python = from_mathml(ElementTree.fromstring(f"<math>{printed}</math>"))
    found = computed(re.sub(r"\|([^|]*)\|", r"abs(\1)", python), Number(0.0), mathml)
    assert agree_or_steep(found, expression, expected), printed


X, Y = Symbol("x", value=2.0), Symbol("y", value=3.0)
TWO = Number(2.0, constant=True)
HALF = Number(0.5, constant=True)
ROOT = Call("sqrt", (X,))
SLOPE = Derivative(Symbol("L"), Symbol("W", 2, (3, 1)))
EXACT = [
    (Sum((X, Number(-0.3))), "x − 0.3", "x - 0.3"),
    (Product((X, Number(-0.3))), "x·(−0.3)", r"x \cdot (-0.3)"),
    (Product((Number(-0.3), X)), "−0.3·x", r"-0.3 \cdot x"),
    (Negative(Product((Number(-2.0), X))), "−(−2·x)", r"-(-2 \cdot x)"),
    (Sum((X, Negative(Number(-2.0)))), "x − (−2)", "x - (-2)"),
    (Product((X, Product((Number(-2.0), Y)))), "x·(−2·y)", r"x \cdot (-2 \cdot y)"),
    (Product((Quotient(X, Y), X)), "(x/y)·x", r"\frac{x}{y} \cdot x"),
    (Quotient(X, Quotient(Y, X)), "x/(y/x)", r"\frac{x}{\frac{y}{x}}"),
    (Quotient(Number(-2.0), X), "−2/x", r"\frac{-2}{x}"),
    (Power(ROOT, TWO), "(√x)²", r"\sqrt{x}^{2}"),
    (Power(Quotient(X, Y), TWO), "(x/y)²", r"\left(\frac{x}{y}\right)^{2}"),
    (Power(HALF, TWO), "½²", r"(\tfrac{1}{2})^{2}"),
    (Power(Symbol("a", 1), TWO), "a₁²", "(a^{(1)})^{2}"),
    (Power(Call("exp", (X,)), TWO), "(exp(x))²", "(e^{x})^{2}"),
    (Power(Symbol("beta1"), Symbol("t")), "β₁^t", r"\beta_{1}^{t}"),
    (Power(X, Number(-1.0)), "x⁻¹", "x^{-1}"),
    (Power(X, Number(-0.5)), "x^(−0.5)", "x^{-0.5}"),
    (Product((HALF, Power(X, TWO))), "½·x²", r"\tfrac{1}{2} \cdot x^{2}"),
    (Number(-1e-9), "−10⁻⁹", "-10^{-9}"),
    (Number(1.23456789e-9), "1.2346·10⁻⁹", r"1.2346 \cdot 10^{-9}"),
    (Number(-0.0), "0", "0"),
    (Number(math.inf), "∞", r"\infty"),
    (Number(1.0507009873554805, constant=True), "1.0507…", r"1.0507\ldots"),
    (Number(1234567.0, constant=True), "1234567", "1234567"),
    (Symbol("unbias2"), "unbias₂", r"\mathit{unbias}_{2}"),
    (Symbol("n_in"), "n_in", r"n_{\mathrm{in}}"),
    (Symbol("ΔW", 1, (2,)), "ΔW₁[2]", r"\Delta W_{2}^{(1)}"),
    (Symbol("ŷ"), "ŷ", r"\hat{y}"),
    (Symbol("名"), "名", r"\text{名}"),
    (SLOPE, "∂L/∂W₂[3,1]", r"\frac{\partial L}{\partial W_{3,1}^{(2)}}"),
    (Product((SLOPE, X)), "∂L/∂W₂[3,1] · x", r"\frac{\partial L}{\partial W_{3,1}^{(2)}} \cdot x"),
    (Call("abs", (Call("abs", (X,)),)), "abs(|x|)", r"\operatorname{abs}(|x|)"),
    (Call("N", (Number(0.0), TWO)), "N(0, 2)", r"\mathcal{N}(0, 2)"),
    (Rest(2), "(2 smaller terms)", r"(\text{2 smaller terms})"),
    (
        Choice(X, "<", Y, Choice(X, "≤", Y, X, Y), Y),
        "(x if x ≤ y, else y) if x < y, else y",
        r"\begin{cases} \left(\begin{cases} x & \text{if } x \le y \\ y & \text{else} \end{cases}"
        r"\right) & \text{if } x < y \\ y & \text{else} \end{cases}",
    ),
]


@pytest.mark.parametrize(("expression", "line", "markup"), EXACT)
def test_signs_are_set_as_in_a_book(expression, line, markup):
    assert text(expression) == line
    assert latex(expression) == markup


@given(EXPRESSIONS)
def test_no_sign_stands_beside_a_minus(expression):
    assert not re.search(r"[+−·/^√] ?−", text(expression))
    assert not re.search(r"([+-]|\\cdot) ?-", latex(expression))


@given(EXPRESSIONS)
def test_pieces_are_the_whole(expression):
    assert "".join(latex_pieces(expression)) == latex(expression)
    assert "".join(mathml_pieces(expression)) == mathml(expression)


def test_lines_break_between_terms_and_between_factors():
    assert latex_pieces(Sum((X, Negative(Y), TWO))) == ["x", " - y", " + 2"]
    assert latex_pieces(Product((X, Number(-2.0)))) == ["x", r" \cdot (-2)"]
    assert latex_pieces(X) == ["x"]


def test_a_long_fraction_is_written_in_one_line_of_latex():
    total = Sum(tuple(Symbol("x", None, (k,)) for k in range(1, 40)))
    assert latex(Quotient(total, X)).startswith("(x_{1} + ")
    assert latex(Quotient(total, X)).endswith("x_{39}) / x")
    assert latex(Product((X, Quotient(total, X)))).startswith(r"x \cdot ((x_{1}")


@pytest.mark.parametrize(
    ("words", "safe"),
    [
        ("a_b $5 {x}", r"a\_b \$5 \{x\}"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("a\nb\x1b---c", r"a b?-\kern0pt{}-\kern0pt{}-c"),
        ("δ ≤ ½", r"$\delta$ $\le$ $\frac12$"),
        ("W₂ → x²", r"W$_{2}$ $\to$ x$^{2}$"),
    ],
)
def test_words_from_anywhere_are_safe_in_latex(words, safe):
    assert latex_text(words) == safe


def test_names_are_escaped_in_mathml():
    assert mathml(Symbol("<b>&")) == "<mi>&lt;b&gt;&amp;</mi>"


RULES = {**ACTIVATIONS, **{name: rule for name, rule in LOSSES.items() if rule}, **OPTIMISERS}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_can_be_printed(name):
    rule = RULES[name]
    results = ["theta", "m", "v"] if name in OPTIMISERS else ["value", "slope"]
    for line in read_rule(rule, {}, results):
        element = ElementTree.fromstring(f"<math>{mathml(line.right)}</math>")
        assert from_mathml(element)
        printed = latex(line.right)
        assert printed.count("{") == printed.count("}")
        assert text(line.right)
