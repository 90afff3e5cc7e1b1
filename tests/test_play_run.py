"""A run of the playground: any mixture of steps and epochs has the bits of ``chainrule.train``."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from chainrule.engine import gradient
from chainrule.jit import COMPILED
from chainrule.loop import train
from chainrule.playing.choices import SOLVERS, choices_of
from chainrule.playing.run import Run
from chainrule.playing.settling import ready, settle
from chainrule.playing.sources import shelf, table_of
from chainrule.schedules import SCHEDULES

SOURCES = shelf()
# of a mean that is put together from parts; plain Python adds up float32 as float32
ROUNDING = 1e-12 if COMPILED else 1e-5


def chosen(**parts):
    small = {"data": {"rows": 40}, "network": {"hidden_layer_sizes": [5, 3]}}
    return choices_of(parts, choices_of(small))


def run_of(choices, source=None):
    found = SOURCES[source or choices.data.source]
    table = table_of(found, choices.data)
    choices, _ = settle(choices, found, table)
    return Run(ready(choices, found, table), choices)


def trained(run, epochs, **other):
    """Train as the run's own settings say, by ``chainrule.train``."""
    p = run.prepared
    held = (p.X[p.validation], p.Y[p.validation]) if len(p.validation) else None
    settings = p.settings | {"epochs": epochs} | other
    return train(p.network, p.X[p.train], p.Y[p.train], validation=held, **settings)


def whole_epochs(run):
    """Go to the end of the epoch."""
    run.advance(-run.step % run.steps_per_epoch)
    assert run.batch_in_epoch == 0


def assert_same(run, training):
    history = training.history
    assert run.epoch == len(history.loss)
    assert run.curve.every == 1
    kept = run.curve.kept
    assert_allclose(kept[:, 0], history.loss, rtol=ROUNDING)
    if history.validation_loss:
        assert_array_equal(kept[:, 1], history.validation_loss)
    assert_array_equal(kept[:, 2], history.learning_rate)
    assert_array_equal(run.theta, training.parameters)


mixtures = st.lists(st.integers(1, 12), min_size=1, max_size=8)


@given(
    parts=mixtures,
    solver=st.sampled_from(SOLVERS),
    schedule=st.sampled_from(list(SCHEDULES)),
    dtype=st.sampled_from(["float32", "float64"]),
    batch_size=st.sampled_from([None, 1, 7, 8, 16, 28, 1000]),
    dropout=st.sampled_from([0.0, 0.3]),
    validation=st.sampled_from([0.0, 0.3]),
    penalty=st.sampled_from([{}, {"l1": 0.01}, {"l2": 0.02, "clip_norm": 0.5}]),
)
def test_any_mixture_of_steps_has_the_bits_of_train(
    parts, solver, schedule, dtype, batch_size, dropout, validation, penalty
):
    training = {"solver": solver, "schedule": schedule, "batch_size": batch_size} | penalty
    choices = chosen(
        data={"source": "toy:spiral", "classes": 3, "validation": validation},
        training=training | {"dropout": dropout, "epochs": 40},
        dtype=dtype,
        seed=sum(parts),
    )
    run = run_of(choices)
    for steps in parts:
        run.advance(steps)
    whole_epochs(run)
    if schedule in ("cosine", "one_cycle"):  # stretched over all epochs
        run.advance(10**6)
        assert run.status == "ended"
        assert_same(run, trained(run, 40))
    else:
        assert_same(run, trained(run, run.epoch))
    assert run.exact


@given(parts=mixtures, patience=st.integers(0, 3), validation=st.sampled_from([0.0, 0.3]))
@example(parts=[1], patience=0, validation=0.3)
def test_patience_ends_a_run_where_it_ends_train(parts, patience, validation):
    choices = chosen(
        data={"validation": validation},
        training={"patience": patience, "learning_rate": 0.5, "batch_size": 8},
    )
    run = run_of(choices)
    for steps in parts:
        run.advance(steps)
    run.advance(10**6)
    expected = trained(run, 1000)
    assert run.status == "ended"
    assert expected.stopped == "patience"
    assert f"epoch {expected.best_epoch + 1}, the best" in run.why
    assert_same(run, expected)


@given(before=mixtures, after=mixtures, dropout=st.sampled_from([0.0, 0.3]))
def test_a_kept_state_goes_on_to_the_same_bits(before, after, dropout):
    run = run_of(chosen(training={"dropout": dropout, "schedule": "plateau"}))
    for steps in before:
        run.advance(steps)
    kept = run.copy_state()
    losses = []
    for _ in range(2):
        for steps in after:
            run.advance(steps)
        losses.append((run.loss, run.step, run.theta.copy(), run.points()))
        run.restore(kept)
    assert losses[0][:2] == losses[1][:2]
    assert_array_equal(losses[0][2], losses[1][2])
    assert_array_equal(losses[0][3], losses[1][3])
    assert run.step == sum(before)


def test_the_preset_is_the_documents_program():
    run = run_of(
        choices_of({"data": {"source": "shipped:document"}, "network": {"preset": "neuron"}})
    )
    assert run.network.sizes == (3, 1)
    assert run.network.loss == "half_squared_error"
    assert run.theta.dtype == np.float64
    assert_array_equal(np.abs(run.prepared.X), 1.0)  # as they are
    run.advance(1000)
    assert (run.status, run.epoch, run.steps_per_epoch) == ("ended", 1000, 1)
    assert run.why == "the 1,000 epochs asked for are done"
    assert_array_equal(run.theta, trained(run, 1000).parameters)


def test_the_gradient_is_of_the_rows_that_were_named_before():
    run = run_of(chosen(dtype="float64", training={"batch_size": 8, "l2": 0.5}))
    run.advance(5)
    for _ in range(6):  # over the end of an epoch
        rows, theta = run.next_rows(), run.theta.copy()
        assert len(rows) == (4 if run.batch_in_epoch == 3 else 8)
        p = run.prepared
        loss, slope = gradient(p.network, theta, p.X[rows], p.Y[rows])
        for l, (W, _) in enumerate(p.network.layers(theta)):
            p.network.layers(slope)[l][0][...] += 0.5 * W
        before = run._total if run.batch_in_epoch else 0.0
        run.advance(1)
        assert_allclose(run.gradient, slope, rtol=1e-12, atol=1e-15)
        if run.batch_in_epoch:
            penalty = sum(0.25 * (W**2).sum() for W, _ in p.network.layers(theta))
            assert_allclose(run._total - before, (loss + penalty) * len(rows), rtol=1e-10)


def test_rows_of_an_epoch_are_each_taken_once():
    run = run_of(chosen(training={"batch_size": 8}))
    seen = []
    for _ in range(run.steps_per_epoch):
        seen += run.next_rows().tolist()
        run.advance(1)
    assert sorted(seen) == run.prepared.train.tolist()
    assert seen != sorted(seen)


def test_rewind_repeats_the_curve():
    run = run_of(chosen(training={"dropout": 0.2}))
    run.advance(41)
    first, theta = run.points(), run.theta.copy()
    run.rewind()
    assert (run.step, run.epoch, run.loss, len(run.points())) == (0, 0, run.curve.start[0], 1)
    run.advance(17)
    run.advance(24)
    assert_array_equal(run.theta, theta)
    assert_allclose(run.points(), first, rtol=1e-6)


def test_the_curve_begins_with_the_objective_before_the_first_step():
    run = run_of(chosen(dtype="float64", training={"l2": 0.5, "l1": 0.25, "batch_size": None}))
    start, validation, p = *run.curve.start, run.prepared
    weights = np.concatenate([W.ravel() for W, _ in p.network.layers(run.theta)])
    plain, _ = gradient(p.network, run.theta, p.X[p.train], p.Y[p.train])
    held, _ = gradient(p.network, run.theta, p.X[p.validation], p.Y[p.validation])
    assert_allclose(start, plain + 0.25 * np.abs(weights).sum() + 0.25 * (weights**2).sum())
    assert_allclose(validation, held)
    run.advance(1)
    assert_allclose(run.curve.kept[0, 0], start)  # one batch of all rows, before its step


def test_settings_may_change_on_the_way():
    choices = chosen(training={"learning_rate": 0.01, "batch_size": None})
    run = run_of(choices)
    run.advance(3)
    m, v = run.moments()
    faster = choices_of({"training": {"learning_rate": 0.1, "l2": 0.1}}, choices)
    run.change(faster)
    assert not run.exact
    assert run.learning_rate == 0.1
    assert_array_equal(run.moments()[0], m)
    before = run.theta.copy()
    run.advance(1)
    g = run.gradient
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    step = 0.1 * m / (1 - 0.9**4) / (np.sqrt(v / (1 - 0.999**4)) + 1e-8)
    assert_allclose(run.theta, before - step, rtol=1e-4, atol=1e-6)
    run.rewind()
    assert run.exact
    run.advance(2)
    assert_array_equal(run.theta, trained(run, 2, learning_rate=0.1, l2=0.1).parameters)


def test_a_change_before_the_first_step_is_exact_and_so_are_more_epochs():
    run = run_of(chosen())
    run.change(choices_of({"training": {"l2": 1.0}}, run.choices))
    assert run.exact
    assert run.loss > run_of(chosen()).loss  # the penalty is in it
    run.change(choices_of({"training": {"epochs": 4}}, run.choices))
    run.advance(100)
    assert (run.status, run.epoch) == ("ended", 4)
    assert run.advance(5) == 0
    run.change(choices_of({"training": {"epochs": 6}}, run.choices))
    assert (run.status, run.why, run.exact) == ("going", "", True)
    run.advance(100)
    assert run.epoch == 6
    assert_array_equal(run.theta, trained(run, 6, l2=1.0).parameters)


def test_after_patience_more_patience_goes_on_from_the_last_parameters():
    few = chosen(training={"patience": 1, "learning_rate": 0.5, "batch_size": 8})
    run, free = run_of(few), run_of(choices_of({"training": {"patience": None}}, few))
    run.advance(10**6)
    ended = run.epoch
    run.change(choices_of({"training": {"patience": None}}, few))
    run.advance(4)
    free.advance(run.step)
    assert run.epoch == ended + 1
    assert_array_equal(run.theta, free.theta)


@pytest.mark.parametrize("validation", [0.0, 0.3])
def test_a_loss_ends_a_run(validation):
    run = run_of(chosen(data={"validation": validation}, training={"stop_loss": 0.5}))
    run.advance(10**6)
    place = 1 if validation else 0
    assert run.status == "ended"
    assert run.curve.kept[-1, place] <= 0.5 < run.curve.kept[:-1, place].min()
    assert run.why.startswith("the validation loss is" if validation else "the loss is")


@pytest.mark.parametrize("steps", [1, 3, 1000])
def test_what_is_not_finite_fails_and_says_what_to_do(steps):
    choices = chosen(
        data={"source": "toy:plane"},
        network={"hidden": ["relu", "relu"]},
        training={"solver": "gd", "learning_rate": 1e6, "batch_size": 8},
    )
    run = run_of(choices)
    while run.status == "going":
        run.advance(steps)
    assert run.status == "failed"
    assert run.why.startswith("NaN: in epoch 1 the loss or a weight left the finite numbers")
    assert "try 100000, or a clip norm of 1, then rewind" in run.why
    assert np.isfinite(run.theta).all()
    assert run.advance(1) == 0
    run.change(choices_of({"training": {"learning_rate": 0.01}}, choices))
    assert run.status == "failed"
    run.rewind()
    assert run.advance(3) == 3
    assert np.isfinite(run.loss)


def test_the_model_predicts_what_is_shown():
    run = run_of(choices_of({}), "shipped:penguins")
    run.advance(100)
    model, table = run.model(), SOURCES["shipped:penguins"].table
    assert_array_equal(model.parameters[0], run.theta)
    found = model.evaluate(table)
    assert found["accuracy"] > 0.9
    course = model.summary.courses[0]
    assert (course.epochs, course.stopped) == (run.epoch, "interrupted")
    assert course.history["loss"] == run.curve.kept[:, 0].tolist()
    assert model.summary.settings["learning_rate"] == 0.01
    assert model.summary.rows == {"train": 241, "validation": 103, "test": 0}
    run.advance(50)
    assert_array_equal(model.evaluate(table)["accuracy"], found["accuracy"])  # a copy


def test_a_model_is_saved_and_read_again(tmp_path):
    from chainrule.model import load

    run = run_of(chosen(data={"source": "toy:bumps"}))
    run.advance(10)
    run.model().save(tmp_path / "bumps.safetensors")
    model, table = (
        load(tmp_path / "bumps.safetensors"),
        table_of(SOURCES["toy:bumps"], run.choices.data),
    )
    assert_array_equal(model.predict(table), run.model().predict(table))
    lower, upper = model.predict_interval(table, 0.8)
    assert (lower < upper).all()  # from the validation rows
