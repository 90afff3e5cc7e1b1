"""Whatever a page sends, it is a command that was checked, or it is said what is wrong with it."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.errors import ChainruleError
from chainrule.playing.choices import choices_of, document
from chainrule.playing.commands import COMMANDS, read_command
from chainrule.playing.view import View, read_view

NAMES = st.sampled_from(
    ["surface", "x", "y", "held", "size", "worked", "weight", "neuron", "row", "part", "maps",
     "data", "network", "training", "source", "hidden", "hidden_layer_sizes", "kinds", "columns",
     "hyperparameters", "momentum", "seed", "solver", "count", "name", "snapshot", "number"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["train", "adam", "tanh", "toy:moons", "lbfgs", "x1", 10**400]),
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=4), inner),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.sampled_from(sorted(COMMANDS)) | SCALARS, st.dictionaries(NAMES, JSON, max_size=4), JSON)
def test_any_message_is_a_checked_command_or_refused(do, arguments, number):
    command = read_command(json.dumps({"do": do, "id": number, **arguments}))
    assert bool(command.wrong) != (command.do in COMMANDS and not command.wrong)
    json.dumps([command.id, command.wrong], allow_nan=False)
    if not command.wrong and command.do != "view":
        assert set(command.arguments) == set(COMMANDS[command.do])


@settings(max_examples=300)
@given(JSON)
def test_any_view_is_a_view_or_refused(value):
    with contextlib.suppress(ChainruleError):
        assert isinstance(read_view(value), View)


@settings(max_examples=300)
@given(JSON)
def test_any_settings_are_settings_or_refused(value):
    with contextlib.suppress(ChainruleError):
        json.dumps(document(choices_of(value)), allow_nan=False)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", "[" * 100_000, b"{}", None, "\ud800"])
def test_what_is_no_json_object_is_refused(text):
    assert read_command(text).wrong


def test_a_view_keeps_what_it_says():
    found = read_view(
        {
            "surface": {"x": "a", "y": "b", "held": {"c": 1, "d": "u"}, "size": 40},
            "worked": {"part": "validation", "row": 3, "weight": [1, 2, 1], "neuron": None},
            "compare": 4,
            "metrics": True,
            "hidden_tab": True,
        }
    )
    assert (found.surface.held, found.surface.size) == ({"c": 1.0, "d": "u"}, 40)
    assert (found.worked.part, found.worked.weight, found.worked.neuron) == (
        "validation", (1, 2, 1), None,
    )  # fmt: skip
    assert (found.compare, found.metrics, found.hidden_tab, found.maps) == (4, True, True, False)
