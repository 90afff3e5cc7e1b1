"""An explanation as template and numbers: filled in it is what the other forms show."""

import json
import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import Network, explain
from chainrule.boxes import clean
from chainrule.explaining.derivation import Derivation
from chainrule.explaining.parts import Grid, Line, Lines, Section, Words
from chainrule.explaining.plain import sides_of
from chainrule.explaining.template import Template, filled
from chainrule.network import HIDDEN
from chainrule.notation import Number, Power, Product, Sum, Symbol, put_in
from chainrule.rules import OPTIMISERS
from chainrule.slots import Slots
from chainrule.typesetting import latex, text
from test_renderers import ALL, HOSTILE, hostile
from test_typesetting import EXPRESSIONS

SLOT = re.compile(r"\\text\{@(\d+)@\}")
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def as_latex(shown):
    """Return the text of a slot as LaTeX has it."""
    shown = re.sub("10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", lambda m: f"10^{{{m[1].translate(RAISED)}}}", shown)
    for sign, name in {"−": "-", "·": r"\cdot ", "…": r"\ldots ", "∞": r"\infty "}.items():
        shown = shown.replace(sign, name)
    return shown


def bare(printed):
    """Leave out what only says where a line may break, and how wide a gap is."""
    printed = re.sub(r"\\mathbin\{([^{}]*)\}", r"\1", printed)
    for sign in (r"\mkern3mu", r"\qquad", r"\side", r"\left", r"\right", "{", "}", " "):
        printed = printed.replace(sign, "")
    return printed


def filled_latex(printed, numbers):
    return bare(SLOT.sub(lambda m: as_latex(numbers[int(m[1])]), printed))


def lines_of(document):
    return [
        line
        for section in document["sections"]
        for part in section["parts"]
        for line in part.get("lines", ())
    ]


def slots_in(document):
    """Return the numbers of all slots, wherever they stand in a template."""
    found = re.findall(r"@(\d+)@", json.dumps(document))
    found += re.findall(r'"(?:slot|check|mark)": (\d+)', json.dumps(document))
    return set(map(int, found))


def small(hidden, **settings):
    network = Network((2, 3, 2), hidden=hidden, output="softmax", loss="cross_entropy")
    return explain(network, network.initial(2) + 0.1, [0.5, -1.5], 1, **settings)


CASES = {name: make for name, make in ALL.items() if name != "hostile"}
CASES |= {name: partial(small, name, solver="adamw", weight_decay=0.1, l2=0.2) for name in HIDDEN}
CASES |= {
    "a weight": partial(small, "tanh", weight=(1, 2, 3)),
    "a neuron": partial(small, "gelu", neuron=(1, 3)),
}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_filled_in_it_is_the_latex_and_the_text(make):
    derivation = make()
    template = Template(derivation)
    printed = re.findall(r"^\\equate\{.*\}$", derivation.to_latex(), re.M)
    lines = lines_of(template.document)
    assert len(lines) == len(printed) == len(list(derivation.lines()))
    for line, shown, source in zip(lines, printed, derivation.lines(), strict=True):
        if source.right is None and source.value is None:
            continue  # a blank of an exercise sheet
        if not isinstance(source.left, str):
            assert bare(shown).startswith(
                bare(r"\equate" + filled_latex(line["latex"], template.numbers))
            )
        left = source.left if isinstance(source.left, str) else text(source.left)
        said = "".join(filled(line["said"], template.numbers))
        sides = [re.sub(r"^\((.* if .*)\)$", r"\1", side) for side in sides_of(source, 5)]
        plain = [left + f" {source.relation} " + " = ".join(sides)]
        assert [_without_brackets(said)] == [_without_brackets(each) for each in plain]


def _without_brackets(said):
    """Compare readings but for brackets and raised figures, which differ around powers."""
    said = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: f"^{m[0].translate(RAISED)}", said)
    return re.sub("[()]", "", said.replace("−", "-"))


@given(EXPRESSIONS)
def test_any_expression_filled_in_is_what_is_printed_without_slots(expression):
    with np.errstate(all="ignore"):
        numbers = put_in(expression)
    slots = Slots()
    printed = slots.latex(numbers)
    assert filled_latex(printed, slots.texts) == bare(as_latex(latex(numbers)))
    before = list(slots.texts)
    slots.text(numbers)
    assert slots.texts[: len(before)] == before


@given(st.lists(st.floats(-1e3, 1e3), min_size=7, max_size=7), st.sampled_from(sorted(OPTIMISERS)))
def test_the_key_does_not_depend_on_numbers(numbers, solver):
    network = Network((2, 2), hidden="tanh", output="sigmoid")
    theta = np.array(numbers[:6]) / 500.0
    sample = ([0.5, -1.5], [0.2, 0.4])
    first = Template(explain(network, theta, *sample, solver=solver, weight=(1, 2, 1)))
    again = Template(explain(network, -theta, *sample, solver=solver, weight=(1, 2, 1)))
    assert first.key == again.key
    assert first.document == again.document


def test_another_shape_has_another_key():
    network = Network((2, 2, 1), hidden="tanh")
    theta = network.initial(0)
    keys = {
        Template(explain(network, theta, [1.0, 2.0], 1.0, **settings)).key
        for settings in ({}, {"weight": "1:1,1"}, {"weight": "1:1,2"}, {"neuron": "1:1"},
                         {"solver": "adam"}, {"l2": 0.1}, {"digits": 5})
    }  # fmt: skip
    assert len(keys) == 6  # digits are in the numbers alone


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_every_slot_has_a_text_and_every_text_a_slot(make):
    template = Template(make())
    assert slots_in(template.document) <= set(range(len(template.numbers)))
    missing = set(range(len(template.numbers))) - slots_in(template.document)
    assert not missing


FORGED = [*HOSTILE, "@0@", r"\text{@0@}", r"}\text{@1@}", r"\input{x}", "{3}", "$@2@$"]


def test_no_text_from_a_table_is_in_the_mathematics():
    lines = Lines(tuple(
        Line(name, Sum((Symbol("x", value=2.0), Symbol("y", value=-0.5))), 1.5, note=name)
        for name in FORGED
    ))  # fmt: skip
    grid = Grid(("head", *FORGED), tuple((name, *FORGED) for name in FORGED))
    words = tuple(Words((name, Number(1.5), name)) for name in FORGED)
    template = Template(Derivation("x", (Section("all", (lines, grid, *words)),)))
    document = template.document
    found = lines_of(document)
    assert len({re.sub(r"@\d+@", "@@", line["latex"]) for line in found}) == 1
    for line, name in zip(found, FORGED, strict=True):
        slot = int(SLOT.match(line["latex"])[1])
        assert template.numbers[slot] == clean(name)
        assert line.get("note", "") == clean(name)
        said = "".join(filled(line["said"], template.numbers))
        assert said == f"{clean(name)} = x + y = 2 − 0.5 = 1.5"


def test_hostile_explanations_are_json():
    template = Template(hostile())
    assert json.loads(json.dumps([template.document, template.numbers]))
    for line in lines_of(template.document):
        assert not re.search("[^\x20-\x7e]", line["latex"])


@given(st.floats(), st.booleans(), st.integers(1, 12))
def test_a_number_in_a_slot_is_the_number_in_the_text(value, constant, digits):
    number = Number(value, constant, live=True)
    plain = text(number, digits)
    for expression, before in ((number, ""), (Product((Symbol("x"), number)), "x·")):
        slots = Slots(digits)
        slots.latex(expression)
        assert before + slots.texts[0] == text(expression, digits)
    slots = Slots(digits)
    slots.latex(Power(number, Symbol("t")))
    raised = set(plain) & set("⁰¹²³⁴⁵⁶⁷⁸⁹")
    assert slots.texts == [f"({plain})" if plain[0] == "−" or raised else plain]
