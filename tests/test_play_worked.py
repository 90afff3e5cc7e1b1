"""The worked step of the playground: explain's mathematics, with the engine's own numbers."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from chainrule import explain
from chainrule.datasets import penguins
from chainrule.explaining.parts import Grid
from chainrule.explaining.template import Template, filled
from chainrule.notation import put_in, value_of
from chainrule.playing.ahead import moment_of
from chainrule.playing.choices import SOLVERS, choices_of
from chainrule.playing.run import FAILED, Run
from chainrule.playing.settling import ready, settle
from chainrule.playing.sources import shelf, table_of, table_source
from chainrule.playing.tabs import Tab
from chainrule.playing.view import View
from chainrule.playing.view import Worked as Asked
from chainrule.playing.worked import derivation_on, rows_of, worked
from test_renderers import HOSTILE
from test_template import lines_of, slots_in

SOURCES = shelf()
SINGLE = 1e-6  # the engine's float32 against the same in float64, of 1 or of the value


def begun(steps=0, source="toy:moons", **parts):
    """Return a run after some steps, and the rows of its table."""
    small = {"data": {"rows": 60, "source": "toy:moons"}, "network": {"hidden_layer_sizes": [4]}}
    chosen = choices_of(parts, choices_of(small))
    found = source if not isinstance(source, str) else SOURCES[source]
    table = table_of(found, chosen.data)
    chosen, _ = settle(chosen, found, table)
    run = Run(ready(chosen, found, table), chosen)
    run.advance(steps)
    return run, rows_of(run.prepared, table)


def look_at(row=0, part="train", weight=None, neuron=None):
    return SimpleNamespace(part=part, row=row, weight=weight, neuron=neuron)


def work(run, rows, known=(), **look):
    look = look_at(**look)
    return worked(moment_of(run, look.weight is not None), rows, look, known)


def derived(run, rows, row=0, **look):
    """Return the derivation itself, for its numbers in full."""
    look = look_at(row=row, **look)
    number = int(run.prepared.train[row])
    cells = rows.table.slice(int(rows.places[number]), 1)
    return derivation_on(moment_of(run, look.weight is not None), number, cells, look)


def said(found):
    return ["".join(filled(l["said"], found["numbers"])) for l in lines_of(found["template"])]


@pytest.mark.parametrize("hidden", ["tanh", "relu", "gelu"])
@pytest.mark.parametrize("source", ["toy:moons", "shipped:penguins", "toy:plane"])
def test_the_equations_are_those_of_explain(source, hidden):
    run, rows = begun(3, source, data={"source": source},
                      network={"hidden_layer_sizes": [4], "hidden": [hidden]})  # fmt: skip
    number, given = int(run.prepared.train[7]), run.choices.training
    m, v = run.moments()
    derivation = explain(
        run.network, run.theta, run.prepared.X[number], run.prepared.Y[number], solver="adam",
        learning_rate=run.learning_rate, step=4, m=m, v=v, scheme=None, **given.own,
    )  # fmt: skip
    found = said(work(run, rows, row=7))
    for section in ("Forward propagation", "Loss", "Back-propagation"):
        lines = next(s for s in derivation.sections if s.title == section)
        one = Template(type(derivation)("", (lines,)))
        expected = ["".join(filled(l["said"], one.numbers)) for l in lines_of(one.document)]
        assert set(expected) <= set(found)


PLACES = [(1, 1, 3), (1, 2, 1), (2, 4, 1)]


def place_of(network, weight):
    l, i, j = weight
    return network.starts[l - 1] + (i - 1) * network.sizes[l] + j - 1


def name_of(weight):
    l, i, j = weight
    return f"W₁[{i},{j}]" if l == 1 else f"W₂[{i}]"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "training",
    [
        {},
        {"batch_size": 1},
        {"batch_size": None, "l2": 0.1},
        {"l1": 0.02, "l2": 0.03, "clip_norm": 0.05},
        {"clip_norm": 0.01, "dropout": 0.4, "schedule": "cosine"},
    ],
    ids=["plain", "one row", "all rows", "penalised", "clipped"],
)
def test_a_weights_update_is_the_engines_next_step(solver, training):
    run, rows = begun(5, training={"batch_size": 8, "solver": solver, **training})
    before, last, m, v = run.theta.copy(), run.gradient.copy(), *run.moments()
    values = [derived(run, rows, weight=weight).values for weight in PLACES]
    texts = [work(run, rows, weight=weight)["numbers"] for weight in PLACES]
    assert np.array_equal(run.theta, before)  # to look at a step does not take it
    assert all(map(np.array_equal, run.moments(), (m, v)))
    run.advance(1)
    penalised = bool(training.get("l1") or training.get("l2"))
    for weight, found, shown in zip(PLACES, values, texts, strict=True):
        place, name = place_of(run.network, weight), name_of(weight)
        assert found[name] == pytest.approx(before[place], rel=SINGLE)
        assert found[f"{name} after"] == pytest.approx(run.theta[place], rel=SINGLE, abs=SINGLE)
        assert f"{last[place]:.6g}".replace("-", "−") in {_decimal(text) for text in shown}
        if not penalised and "clip_norm" not in training:
            engines = run.gradient[place]
            assert found[f"∂L_batch/∂{name}"] == pytest.approx(engines, rel=1e-5, abs=SINGLE)
        for memory, letter in ((run.state.m, "m"), (run.state.v, "v")):
            if f"{letter} after" in found:
                assert found[f"{letter} after"] == pytest.approx(memory[place], rel=SINGLE)


def _decimal(text):
    """Return the text of a slot as Python prints a number, but for its minus."""
    raised = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    found = re.fullmatch(r"(−?[0-9.]*)·?10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", text)
    if not found:
        return text.strip("()")
    return f"{found[1] or '1'}e{int(found[2].translate(raised)):+03d}".replace("-", "−")


def test_the_right_side_of_the_update_adds_up_to_its_value():
    run, rows = begun(4, training={"l2": 0.1, "clip_norm": 0.1, "batch_size": 8})
    lines = [l for l in derived(run, rows, weight=(1, 2, 3)).lines() if l.right and l.value]
    assert len(lines) > 10
    for line in lines:
        right = value_of(put_in(line.right))
        assert right == pytest.approx(line.value, rel=5e-6, abs=SINGLE)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_batch_of_this_row_alone_makes_the_whole_step_the_engines(solver):
    run, rows = begun(6, training={"batch_size": 1, "solver": solver, "l2": 0.01})
    row = work(run, rows)["next"]
    derivation = derived(run, rows, row)
    grid = next(
        part
        for section in derivation.sections
        if section.title.startswith("The update")
        for part in section.parts
        if isinstance(part, Grid)
    )
    run.advance(1)
    after = [cells[-1] for cells in grid.rows]
    assert len(after) == len(run.theta)
    np.testing.assert_allclose(after, run.theta, rtol=SINGLE, atol=SINGLE)
    assert "takes this row alone: it is this one" in derivation.to_text().replace("\n", " ")


def test_the_words_say_what_the_next_step_takes():
    run, rows = begun(0, training={"batch_size": 8})
    train = run.prepared.train
    inside = int(np.flatnonzero(train == run.next_rows()[3])[0])
    outside = int(np.flatnonzero(~np.isin(train, run.next_rows()))[0])
    words = {row: " ".join(work(run, rows, row=row, weight=(1, 1, 1))["numbers"])
             for row in (inside, outside)}  # fmt: skip
    assert "takes 8 rows, and its gradient is the mean of theirs; this row is one" in words[inside]
    assert "this row is not one of them" in words[outside]


def test_the_share_of_the_row_and_of_the_others_make_the_mean():
    run, rows = begun(2, training={"batch_size": 8})
    row = work(run, rows)["next"]
    derivation = derived(run, rows, row, weight=(1, 2, 2))
    (line,) = (l for l in derivation.lines() if l.right and "this row" in repr(l.right))
    alone = next(l for l in derivation.lines() if l.check is not None)
    this, others = line.right.top.terms
    assert this.value == pytest.approx(alone.value, rel=1e-5, abs=SINGLE)
    assert (this.value + others.value) / 8 == pytest.approx(line.value, rel=SINGLE)


def test_a_weights_key_does_not_depend_on_the_batch():
    run, rows = begun(6, training={"batch_size": 8})  # a whole epoch
    keys, counts, among = set(), set(), set()
    for _ in range(run.steps_per_epoch):
        moment = moment_of(run, batch=True)
        counts.add(len(moment.rows))
        among.add(int(run.prepared.train[0]) in moment.rows)
        keys.add(work(run, rows, weight=(1, 1, 1))["key"])
        run.advance(1)
    assert (len(counts), among) == (2, {True, False})
    assert len(keys) == 1


def test_the_same_view_has_the_same_key_and_is_sent_once():
    run, rows = begun(0, training={"batch_size": 8})
    first = work(run, rows, row=3)
    for step in range(4):
        run.advance(1)
        again = work(run, rows, [first["key"]], row=3 + step)
        assert again["key"] == first["key"]
        assert again["template"] is None
        assert len(again["numbers"]) == len(first["numbers"])
        assert again["numbers"] != first["numbers"]
    looks = [{"weight": (1, 1, 1)}, {"weight": (1, 1, 2)}, {"neuron": (1, 1)}]
    others = [work(run, rows, **look)["key"] for look in looks]
    assert len({first["key"], *others}) == 4


def test_every_slot_is_filled_and_all_is_json():
    run, rows = begun(3, "shipped:penguins", data={"source": "shipped:penguins"})
    for look in ({}, {"weight": (1, 3, 2)}, {"neuron": (2, 3)}, {"part": "validation", "row": 5}):
        found = work(run, rows, **look)
        assert json.loads(json.dumps(found)) == found
        assert slots_in(found["template"]) == set(range(len(found["numbers"])))
        assert found["template"]["sections"][0]["title"] == "Preprocessing"


def test_a_neuron_shows_its_sum_its_output_and_its_delta():
    run, rows = begun(3)
    values = derived(run, rows, 2, neuron=(1, 3)).values
    full = explain(run.network, run.theta, run.prepared.X[run.prepared.train[2]],
                   run.prepared.Y[run.prepared.train[2]]).values  # fmt: skip
    for name in ("Z₁[3]", "A₁[3]", "∂L/∂A₁[3]", "∂A₁[3]/∂Z₁[3]", "∂L/∂Z₁[3]", "∂L/∂W₁[2,3]"):
        assert values[name] == full[name]
    assert "Z₁[1]" not in values


def test_the_raw_row_is_that_of_the_table():
    table = penguins()
    run, rows = begun(0, "shipped:penguins", data={"source": "shipped:penguins"})
    for part, numbers in (("train", run.prepared.train), ("validation", run.prepared.validation)):
        found = work(run, rows, part=part, row=4)
        cells = table.slice(int(rows.places[numbers[4]]), 1).to_pylist()[0]
        written = {
            k: "" if v is None else f"{v:g}" if isinstance(v, float) else v
            for k, v in cells.items()
        }
        assert found["raw"] == written
        assert (found["part"], found["row"], found["of"]) == (part, 4, len(numbers))


@pytest.mark.parametrize(
    "look",
    [
        {"row": 10**9},
        {"weight": (9, 1, 1)},
        {"weight": (0, 1, 1)},
        {"weight": (1, 3, 1)},
        {"neuron": (3, 1)},
        {"neuron": (1, 0)},
    ],
)
def test_what_is_not_there_falls_back(look):
    run, rows = begun(1)
    found = work(run, rows, **look)
    assert found["row"] <= found["of"] - 1
    assert found["key"] == work(run, rows)["key"]


def test_without_validation_rows_a_training_row_is_shown():
    run, rows = begun(1, data={"validation": 0.0})
    assert work(run, rows, part="validation")["part"] == "train"


def test_a_run_that_failed_or_ended_is_explained_too():
    run, rows = begun(0, "toy:plane", data={"source": "toy:plane"},
                      training={"learning_rate": 1e30, "solver": "gd", "epochs": 5})  # fmt: skip
    run.advance(50)
    assert run.status == FAILED
    for look in ({}, {"weight": (1, 1, 1)}):
        found = work(run, rows, **look)
        assert found["template"]["sections"]
        assert slots_in(found["template"]) == set(range(len(found["numbers"])))
    run, rows = begun(99, training={"epochs": 2, "schedule": "cosine"})
    found = work(run, rows)
    assert any("no further step" in text for text in found["numbers"])


NAMES = [r"\input{/etc/passwd}", "$x$", "@3@", "<img src=x onerror=alert(1)>", *HOSTILE[:6]]


def test_hostile_names_and_cells_reach_only_the_texts():
    random = np.random.default_rng(0)
    table = pa.table(
        {name: [NAMES[k] for k in random.integers(0, 3, 40)] for name in NAMES[:2]}
        | {name: random.normal(size=40) for name in NAMES[2:-1]}
        | {NAMES[-1]: [NAMES[k] for k in random.integers(0, 3, 40)]}
    )
    source = table_source("t", table)
    run, rows = begun(1, source, data={"source": source.key})
    found = work(run, rows, row=2)
    assert list(found["raw"]) == table.column_names
    mathematics = json.dumps(
        [[line["latex"], line["said"]] for line in lines_of(found["template"])]
    )
    for piece in ("input", "passwd", "onerror", "img", "$", "script", "write18"):
        assert piece not in mathematics
    assert any(r"\input{/etc/passwd}" in text for text in found["numbers"])
    slots = re.findall(r"@(\d+)@", mathematics)
    assert max(map(int, slots)) < len(found["numbers"])


def test_a_large_network_is_shown_by_its_largest_terms():
    run, rows = begun(1, network={"hidden_layer_sizes": [40, 40]}, training={"batch_size": 8})
    found = work(run, rows)
    assert len(found["numbers"]) < 2000
    assert "too large to be written out" in json.dumps(found["template"])
    assert "of them are shown, by the largest ∂L/∂Z" in json.dumps(
        found["template"], ensure_ascii=False
    )
    named = [line for line in said(found) if "smaller terms" in line]
    assert len(named) == 9  # of four neurons of layer 2 and the output, and of four errors
    weight = work(run, rows, weight=(1, 1, 7))
    assert any("smaller terms" in line for line in said(weight))


class Clock:
    """An event loop's time, set by hand."""

    now = 100.0

    def time(self):
        return self.now


def test_a_single_step_is_shown_first_and_worked_out_in_the_frame_that_follows():
    tab = Tab(Clock(), lambda: None)
    tab.view = View(worked=Asked(row=1))
    assert tab.is_worked_due(playing=False, run=1, step=0)
    assert not tab.is_worked_due(playing=False, run=1, step=1)
    assert tab.is_worked_due(playing=False, run=1, step=1)
    tab.view = View(worked=Asked(row=2))
    assert tab.is_worked_due(playing=False, run=1, step=2)


def test_while_playing_a_step_is_worked_out_twice_a_second():
    clock = Clock()
    tab = Tab(clock, lambda: None)
    assert not tab.is_worked_due(playing=False, run=1, step=0)
    tab.view = View(worked=Asked(row=1))
    due = []
    for _ in range(17):
        due.append(tab.is_worked_due(playing=True, run=1, step=0))
        clock.now += 0.0625
    assert sum(due) == 3
    assert not tab.is_worked_due(playing=True, run=1, step=0)
    tab.view = View(worked=Asked(row=2))
    assert tab.is_worked_due(playing=True, run=1, step=0)
    assert tab.is_worked_due(playing=False, run=1, step=0)
    assert tab.is_worked_due(playing=False, run=1, step=0)
    assert tab.is_worked_due(playing=True, run=2, step=0)
    assert not tab.is_worked_due(playing=True, run=2, step=0)
    tab.worked_took(0.3)  # of a large network
    clock.now += 1.4
    assert not tab.is_worked_due(playing=True, run=2, step=0)
    clock.now += 0.2
    assert tab.is_worked_due(playing=True, run=2, step=0)
