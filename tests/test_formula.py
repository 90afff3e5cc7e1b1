"""The grammar of rules: what it takes, what it refuses, and that it names the line."""

import ast
import inspect
import math

import numpy as np
import pytest

from chainrule.elementary import exp, tanh
from chainrule.errors import BadInput, BadRule
from chainrule.formula import check, in_precision_of_argument, lifted, parse
from chainrule.rules import ACTIVATIONS, LOSSES, OPTIMISERS


def good(z, k=2.0):
    """Use all of the grammar."""
    a = -z * k + 1 / (2.0 - z**2)
    b = exp(a) if a < 0.0 else abs(tanh(z))
    c = b if z >= 1 else (a if z == 0 else 0.5)
    return a + c, b


def test_all_of_the_grammar_is_taken():
    tree = check(good, results=2)
    assert isinstance(tree, ast.FunctionDef)
    assert tree.name == "good"
    assert tree.lineno == inspect.getsourcelines(good)[1]


def test_rules_of_the_package_are_taken():
    for registry, results in ((ACTIVATIONS, 2), (LOSSES, 2), (OPTIMISERS, 3)):
        for rule in registry.values():
            if rule:
                assert check(rule, results).name == rule.__name__


# Each is refused in the line that is marked; what the message must name.


def loop(z):
    a = z
    for _ in range(3):  # HERE
        a = a * z
    return a, 1.0


def while_loop(z):
    while z > 1.0:  # HERE
        z = z - 1.0
    return z, 1.0


def statement_if(z):
    if z > 0.0:  # HERE
        return z, 1.0
    return 0.0, 0.0


def unknown_name(z):
    a = z * scale  # noqa: F821  HERE
    return a, 1.0


def used_before(z):
    a = z * b  # noqa: F821  HERE
    b = 2.0
    return a, b


def library(z):
    a = np.exp(z)  # HERE
    return a, a


def other_function(z):
    a = math.gamma(z)  # HERE
    return a, a


def own_function(z):
    return good(z), 1.0  # HERE


def text(z):
    a = "z"  # HERE
    return a, z


def truth(z):
    a = z if z > 0.0 else True  # HERE
    return a, 1.0


def imaginary(z):
    a = z * 1j  # HERE
    return a, 1.0


def chained(z):
    a = z if 0.0 < z < 1.0 else 0.0  # HERE
    return a, 1.0


def both(z):
    a = z if z > 0.0 and z < 1.0 else 0.0  # HERE
    return a, 1.0


def bare_condition(z):
    a = z if z else 0.0  # HERE
    return a, 1.0


def comparison_as_number(z):
    a = z * (z > 0.0)  # HERE
    return a, 1.0


def unequal(z):
    a = z if z != 0.0 else 1.0  # HERE
    return a, 1.0


def floor_division(z):
    a = z // 2.0  # HERE
    return a, 1.0


def remainder(z):
    a = z % 2.0  # HERE
    return a, 1.0


def plus(z):
    a = +z  # HERE
    return a, 1.0


def two_names(z):
    a, b = z, 1.0  # HERE
    return a, b


def chained_assignment(z):
    a = b = exp(z)  # HERE
    return a, b


def item(z):
    a = z[0]  # HERE
    return a, 1.0


def attribute(z):
    a = z.real  # HERE
    return a, 1.0


def augmented(z):
    a = z
    a += 1.0  # HERE
    return a, 1.0


def annotated(z):
    a: float = z  # HERE
    return a, 1.0


def walrus(z):
    a = (b := z) + 1.0  # HERE
    return a, b


def keyword(z):
    a = exp(x=z)  # HERE
    return a, a


def starred(z):
    a = exp(*z)  # HERE
    return a, a


def two_arguments(z):
    a = exp(z, z)  # HERE
    return a, a


def underscore(z):
    a_ = z  # HERE
    return a_, 1.0


def comprehension(z):
    a = sum(z for _ in range(3))  # HERE
    return a, 1.0


def one_result(z):
    return z  # HERE


def three_results(z):
    return z, z, z  # HERE


def early_return(z):  # noqa: RET503
    return z, 1.0  # HERE
    a = z  # noqa: F841


def no_return(z):
    a = z  # noqa: F841  HERE


def side_effect(z):
    exp(z)  # HERE
    return z, 1.0


def global_state(z):
    global STATE  # HERE
    return z, 1.0


def several(*z):  # HERE
    return 1.0, 1.0


def keyword_only(z, *, scale=2.0):  # HERE
    return scale * z, scale


def reserved(z, nan):  # HERE
    return z * nan, nan


def underscored(z, scale_):  # HERE
    return z * scale_, scale_


def shadow(z):
    exp = z  # HERE
    return exp, 1.0


def no_arguments_for(z):
    return exp(), 1.0  # HERE


REFUSED = [
    loop, while_loop, statement_if, unknown_name, used_before, library, other_function,
    own_function, text, truth, imaginary, chained, both, bare_condition, comparison_as_number,
    unequal, floor_division, remainder, plus, two_names, chained_assignment, item, attribute,
    augmented, annotated, walrus, keyword, starred, two_arguments, underscore, comprehension,
    one_result, three_results, early_return, no_return, side_effect, global_state,
    several, keyword_only, reserved, underscored, shadow, no_arguments_for,
]  # fmt: skip


@pytest.mark.parametrize("rule", REFUSED, ids=lambda rule: rule.__name__)
def test_what_is_outside_is_refused_with_its_line(rule):
    lines, first = inspect.getsourcelines(rule)
    (line,) = [first + i for i, text in enumerate(lines) if "HERE" in text]
    with pytest.raises(BadRule, match=rf"^rule {rule.__name__}, line {line}: .") as caught:
        check(rule, results=2)
    assert isinstance(caught.value, BadInput)


def test_messages_say_what_and_what_would_do():
    with pytest.raises(BadRule, match=r"'scale' is not an argument and not assigned above"):
        check(unknown_name, 2)
    with pytest.raises(BadRule, match=r"`np\.exp\(z\)` is outside the grammar.*abs, erf, exp"):
        check(library, 2)
    with pytest.raises(BadRule, match="it must return 2 values"):
        check(one_result, 2)


def test_what_has_no_source_is_refused():
    made = eval("lambda z: (z, 1.0)")
    for rule in (made, abs, math.exp, 7):
        with pytest.raises(BadRule, match="rule"):
            parse(rule)
    with pytest.raises(BadRule, match="lambda"):
        parse(lambda z: (z, 1.0))


def test_the_method_of_a_class_is_dedented():
    class Home:
        def rule(z):  # noqa: N805
            return z, 1.0

    assert check(Home.rule, 2).name == "rule"


# Precision


def like_single(z, number):
    assert isinstance(number, float)
    return type(z)(number)


def test_numbers_take_the_type_of_the_argument():
    rebuilt = in_precision_of_argument(good, like_single)
    result = rebuilt(np.float32(0.5), np.float32(2.0))
    assert {type(value) for value in result} == {np.float32}
    np.testing.assert_allclose(result, good(0.5), rtol=1e-6)


def test_whole_exponents_stay_whole():
    seen = []
    in_precision_of_argument(good, lambda z, n: seen.append(n) or n)(0.5, 2.0)
    assert 2.0 in seen  # of 2.0 - z**2
    assert seen.count(2.0) == 1  # and not of the exponent


def test_a_rule_in_a_loop():
    frame = "for i in range(n):\n    z, k = zs[i], 2.0\n    RULE\n    out[i], slope[i] = RESULT\n"
    source = lifted(good, frame, results=2)
    zs = [-1.0, 0.0, 0.3, 1.0, 2.5]
    names = {"n": len(zs), "zs": zs, "out": [0] * 5, "slope": [0] * 5, "exp": exp, "tanh": tanh,
             "like": lambda z, number: number}  # fmt: skip
    exec(source, names)
    assert list(zip(names["out"], names["slope"], strict=True)) == [good(z) for z in zs]
