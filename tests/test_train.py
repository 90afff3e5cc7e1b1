"""The training loop, against the naive one and against what it promises."""

import os
import signal
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from chainrule import loop
from chainrule.engine import mean_loss
from chainrule.errors import BadSetting, Diverged
from chainrule.loop import train
from chainrule.network import Network
from chainrule.rules import LEARNING_RATES, OPTIMISERS
from chainrule.schedules import SCHEDULES
from tolerances import SCHEDULE, TRAINING, assert_close

DTYPES = [np.float64, np.float32]
RATES = {"gd": 0.3, "sgd": 0.05, "nesterov": 0.05, "rmsprop": 0.01, "adam": 0.02,
         "adam_section2": 0.02, "adamw": 0.02, "rprop": 0.01}  # fmt: skip
NETWORK = Network((3, 5, 2), "tanh", "sigmoid")
LINE = Network((3, 1))


def data(n=23, n_in=3, n_out=2, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(n, n_in)), random.uniform(size=(n, n_out))


X, Y = data()
ALL = 10**9


def epochs_a_call(monkeypatch, epochs, network=NETWORK):
    """Let the loop join this many epochs into one compiled call."""
    work = len(X) * (loop.WORK_A_SAMPLE + 6 * network.n_parameters)
    monkeypatch.setattr(loop, "WORK_A_CALL", epochs * work)


def both(network=NETWORK, X=X, Y=Y, dtype=np.float64, seed=5, shuffle=False, **settings):
    """Train with the package and with the naive loop; return both and compare the losses."""
    theta = network.initial(seed, dtype=dtype)
    ours = train(network, X, Y, parameters=theta, seed=seed, shuffle=shuffle, **settings)
    assert ours.parameters.dtype == dtype
    settings = {k: v for k, v in settings.items() if k != "callback"}
    expected, losses = naive.train(
        network, theta.astype(float), X, Y, seed=seed if shuffle else None, **settings
    )
    assert_close(ours.history.loss, losses, TRAINING[dtype])
    assert_close(ours.parameters, expected, TRAINING[dtype])
    return ours


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [1, 7, 23, 100, None])
@pytest.mark.parametrize("solver", OPTIMISERS)
def test_every_solver_is_the_naive_loop(solver, batch_size, dtype):
    epochs = 12 if batch_size is None or batch_size >= 23 else 3
    both(solver=solver, learning_rate=RATES[solver], epochs=epochs, batch_size=batch_size,
         dtype=dtype)  # fmt: skip


@pytest.mark.parametrize("solver", OPTIMISERS)
def test_shuffled_batches_are_the_naive_ones(solver):
    both(solver=solver, learning_rate=RATES[solver], epochs=4, batch_size=5, shuffle=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.9])
def test_dropout_leaves_out_what_the_naive_loop_does(dropout, dtype):
    deep = Network((3, 7, 5, 2), ("tanh", "relu"), "sigmoid")
    both(deep, dropout=dropout, learning_rate=0.3, epochs=4, batch_size=7, shuffle=True,
         solver="gd", dtype=dtype)  # fmt: skip


def test_dropout_is_not_for_predictions_and_leaves_lines_alone():
    held = X[:9], Y[:9]
    ours = train(NETWORK, X, Y, dropout=0.5, epochs=3, validation=held)
    expected = mean_loss(NETWORK, ours.parameters, *held)
    assert_close(ours.history.validation_loss[-1], expected, TRAINING[np.float64])
    plain, dropped = (
        train(LINE, X, Y[:, :1], dropout=share, epochs=3).parameters for share in (0.0, 0.5)
    )
    np.testing.assert_array_equal(plain, dropped)
    with pytest.raises(BadSetting, match=r"dropout=1\.0 must be a share"):
        train(NETWORK, X, Y, dropout=1.0)


OWN = {
    "sgd": {"momentum": (0.0, 0.99)},
    "nesterov": {"momentum": (0.0, 0.99)},
    "rmsprop": {"rho": (0.0, 0.999), "epsilon": (1e-6, 0.1)},
    "adam": {"beta1": (0.0, 0.99), "beta2": (0.5, 0.9999), "epsilon": (1e-6, 0.1)},
    "adam_section2": {"beta1": (0.0, 0.99), "beta2": (0.5, 0.9999), "epsilon": (1e-6, 0.1)},
    "adamw": {"beta1": (0.0, 0.99), "beta2": (0.5, 0.9999), "epsilon": (1e-6, 0.1),
              "weight_decay": (0.0, 1.0)},
    "rprop": {"grow": (1.01, 2.0), "shrink": (0.1, 0.9), "largest": (0.02, 1.0),
              "smallest": (1e-6, 0.005)},
}  # fmt: skip


@pytest.mark.parametrize("solver", OWN)
@given(st.data())
def test_every_parameter_of_a_solver_counts(solver, data):
    own = {name: data.draw(st.floats(*ends), name) for name, ends in OWN[solver].items()}
    rate = data.draw(st.floats(1e-4, 0.05), "rate")
    both(solver=solver, learning_rate=rate, epochs=6, batch_size=None, **own)


def test_own_parameters_have_the_defaults_of_the_naive_loop():
    for solver in OWN:
        both(solver=solver, learning_rate=LEARNING_RATES[solver], epochs=3)
        default = train(NETWORK, X, Y, solver=solver, epochs=3)
        given_ = train(NETWORK, X, Y, solver=solver, epochs=3, learning_rate=LEARNING_RATES[solver])
        np.testing.assert_array_equal(default.parameters, given_.parameters)


def test_weight_decay_leaves_biases_alone():
    """With X = 0 no weight has a gradient: weights shrink by the decay alone, biases learn."""
    network = Network((3, 2))
    theta = np.arange(1.0, 9.0)
    training = train(
        network, np.zeros((4, 3)), np.zeros((4, 2)), solver="adamw", learning_rate=0.1,
        weight_decay=0.5, epochs=2, batch_size=None, parameters=theta,
    )  # fmt: skip
    np.testing.assert_allclose(training.parameters[:6], 0.95**2 * theta[:6], rtol=1e-14)
    np.testing.assert_allclose(training.parameters[6:], theta[6:] - 0.2, atol=1e-2)


# Order of the rows


def order_of_epochs(n, epochs, seed, **settings):
    """Return the order in which a training took its rows.

    Row i holds a 1 in column i, so that with batches of one only its step moves weight i, by
    h (1 + bias); and the bias falls by about h with every step.
    """
    h, seen, before = 1e-5, [], np.ones(n)

    def look(progress):
        nonlocal before
        weights = progress.parameters[:n].copy()
        times = np.rint((before - weights) / h)
        np.testing.assert_array_equal(times, np.ones(n))  # every row exactly once
        seen.append(np.argsort(-(before - weights) / before).tolist())
        before = weights

    train(
        Network((n, 1)), np.eye(n), np.zeros(n), solver="gd", learning_rate=h, epochs=epochs,
        batch_size=1, seed=seed, parameters=np.append(np.ones(n), 0.0), callback=look, **settings,
    )  # fmt: skip
    return seen


def test_every_epoch_takes_every_row_once_in_another_order():
    orders = order_of_epochs(40, 6, seed=1)
    assert all(sorted(order) == list(range(40)) for order in orders)
    assert len({tuple(order) for order in orders}) == 6
    shuffler = naive.Shuffler(1)
    assert orders == [shuffler.order(40) for _ in range(6)]
    assert orders == order_of_epochs(40, 6, seed=1)
    assert orders[0] != order_of_epochs(40, 1, seed=2)[0]
    assert order_of_epochs(40, 2, seed=1, shuffle=False) == [list(range(40))] * 2


def test_orders_are_uniform():
    """Over 3000 shuffles of 5 rows every row is equally often at every place."""
    shuffler, counts = naive.Shuffler(0), np.zeros((5, 5))
    for _ in range(3000):
        for place, row in enumerate(shuffler.order(5)):
            counts[row, place] += 1
    assert (np.abs(counts - 600) < 5 * np.sqrt(3000 * 0.2 * 0.8)).all()


# Rates


@pytest.mark.parametrize("schedule", naive.SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 10, 37, 1000])
def test_schedules(schedule, steps):
    shares = SCHEDULES[schedule](np.arange(steps), steps)
    expected = [naive.SCHEDULES[schedule](step, steps) for step in range(steps)]
    np.testing.assert_allclose(shares, expected, rtol=SCHEDULE, atol=1e-17)
    assert (shares >= 0).all()
    assert (shares <= 1).all()


def test_schedules_in_words():
    assert SCHEDULES["constant"](np.arange(3), 3).tolist() == [1.0, 1.0, 1.0]
    assert SCHEDULES["inverse_scaling"](np.array([0, 3, 99]), 100).tolist() == [1.0, 0.5, 0.1]
    cosine = SCHEDULES["cosine"](np.array([0, 50, 100]), 100)
    np.testing.assert_allclose(cosine, [1.0, 0.5, 0.0], atol=1e-15)
    cycle = SCHEDULES["one_cycle"](np.array([0, 29, 99]), 100)
    np.testing.assert_allclose(cycle, [0.04, 1.0, 4e-6], rtol=1e-12)


@pytest.mark.parametrize("schedule", naive.SCHEDULES)
@pytest.mark.parametrize("a_call", [1, 3, ALL])
def test_every_step_takes_its_rate(schedule, a_call, monkeypatch):
    epochs_a_call(monkeypatch, a_call)
    ours = both(solver="gd", learning_rate=0.4, epochs=7, batch_size=5, schedule=schedule)
    share = naive.SCHEDULES[schedule]
    last = [0.4 * share(5 * epoch + 4, 35) for epoch in range(7)]
    np.testing.assert_allclose(ours.history.learning_rate, last, rtol=SCHEDULE)


def test_plateau_halves_the_rate_after_ten_bad_epochs():
    """A straight line at a rate at which the loss grows, until the rate has been halved."""
    settings = {"solver": "gd", "learning_rate": 2.0, "epochs": 45, "batch_size": None}
    theta = LINE.initial(5)
    ours = train(LINE, X, Y[:, 0], parameters=theta, schedule="plateau", **settings)
    assert ours.history.learning_rate == [2.0] * 12 + [1.0] * 33
    shares = naive.plateau_shares(ours.history.loss)
    expected, losses = naive.train(LINE, theta, X, Y[:, 0], rate_share=shares, **settings)
    np.testing.assert_allclose(ours.history.loss, losses, rtol=1e-9)
    assert_close(ours.parameters, expected, 1e-9)


def test_plateau_looks_at_the_validation_loss():
    ours = train(
        NETWORK, X, Y, solver="gd", learning_rate=0.5, epochs=60, batch_size=None,
        schedule="plateau", validation=(X[:2], 1 - Y[:2]), seed=2,
    )  # fmt: skip
    shares = naive.plateau_shares(ours.history.validation_loss)
    assert shares[-1] < 1
    assert naive.plateau_shares(ours.history.loss)[-1] == 1
    np.testing.assert_array_equal(ours.history.learning_rate, 0.5 * np.array(shares))


# Penalties, clipping, sample weights


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("solver", ["gd", "adam"])
@pytest.mark.parametrize(
    "settings", [{"l1": 0.02}, {"l2": 0.3}, {"l1": 0.01, "l2": 0.1}, {"clip_norm": 0.03},
                 {"clip_norm": 1e-4, "l2": 0.5}, {"clip_norm": 1e6}]
)  # fmt: skip
def test_penalties_and_clipping(settings, solver, dtype):
    both(solver=solver, learning_rate=0.05, epochs=5, batch_size=6, dtype=dtype, **settings)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1e-3, 10))
def test_penalties_and_clipping_of_any_size(l1, l2, clip_norm):
    both(solver="gd", learning_rate=0.1, epochs=3, batch_size=8, l1=l1, l2=l2, clip_norm=clip_norm)


def test_the_history_holds_the_objective_and_the_penalty_is_on_weights_alone():
    network = Network((2, 1))
    theta = np.array([3.0, -4.0, 5.0])
    training = train(
        network, [[0.0, 0.0]], [5.0], solver="gd", learning_rate=0.5, epochs=1, l1=0.1, l2=0.2,
        parameters=theta,
    )  # fmt: skip
    assert training.history.loss == [pytest.approx(0.1 * 7 + 0.1 * 25, rel=1e-15)]
    np.testing.assert_allclose(
        training.parameters, [3 - 0.5 * (0.1 + 0.6), -4 + 0.5 * (0.1 + 0.8), 5.0], rtol=1e-15
    )


def test_clipping_bounds_the_step():
    before = NETWORK.initial(0)
    after = train(
        NETWORK, X, 100 * Y, solver="gd", learning_rate=1.0, epochs=1, batch_size=None,
        clip_norm=0.125, parameters=before,
    ).parameters  # fmt: skip
    assert np.linalg.norm(after - before) == pytest.approx(0.125, rel=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [4, None])
def test_sample_weights(batch_size, shuffle, dtype):
    weight = np.random.default_rng(8).uniform(0.1, 3, len(X))
    both(solver="sgd", learning_rate=0.05, epochs=4, batch_size=batch_size, sample_weight=weight,
         shuffle=shuffle, dtype=dtype)  # fmt: skip


def test_a_batch_without_weight_moves_nothing():
    weight = np.array([0.0, 0.0, 1.0, 1.0])
    network, x, y = Network((1, 1)), np.ones((4, 1)), np.array([9.0, 9.0, 1.0, 1.0])
    settings = {"solver": "gd", "learning_rate": 0.1, "epochs": 1, "batch_size": 2,
                "shuffle": False, "parameters": np.zeros(2)}  # fmt: skip
    weighted = train(network, x, y, sample_weight=weight, **settings)
    alone = train(network, x[2:], y[2:], **settings)
    np.testing.assert_array_equal(weighted.parameters, alone.parameters)
    assert weighted.history.loss == alone.history.loss == [0.5]


# Validation and early stopping


def loss_of(theta, held):
    """The loss, but for the order of its sum: a training may take the samples in other chunks."""
    return pytest.approx(mean_loss(NETWORK, theta, *held), rel=1e-13)


def test_an_own_validation_set_is_only_looked_at():
    held = data(9, seed=4)
    settings = {"solver": "adam", "learning_rate": 0.02, "epochs": 8, "batch_size": 5}
    told = train(NETWORK, X, Y, validation=held, **settings)
    alone = train(NETWORK, X, Y, **settings)
    np.testing.assert_array_equal(told.parameters, alone.parameters)
    assert alone.history.validation_loss == []
    assert len(told.history.validation_loss) == 8
    assert told.history.validation_loss[-1] == loss_of(told.parameters, held)


@pytest.mark.parametrize(("share", "held"), [(0.25, 10), (0.01, 1), (0.9, 36)])
def test_a_share_held_out_is_not_learned_from(share, held):
    """Rows are one-hot: the weights that do not move belong to the rows that are held out."""
    n = 40
    settings = {"solver": "gd", "learning_rate": 0.1, "epochs": 2, "seed": 3}
    training = train(
        Network((n, 1)), np.eye(n), np.zeros(n), validation=share,
        parameters=np.append(np.ones(n), 0.0), **settings,
    )  # fmt: skip
    still = training.parameters[:n] == 1.0
    assert still.sum() == held
    loss = np.mean((1.0 + training.parameters[-1]) ** 2 / 2)
    assert training.history.validation_loss[-1] == pytest.approx(loss, rel=1e-14)
    other = train(
        Network((n, 1)), np.eye(n), np.zeros(n), validation=share,
        parameters=np.append(np.ones(n), 0.0), **(settings | {"seed": 4}),
    )  # fmt: skip
    assert (other.parameters[:n] == 1.0).sum() == held
    assert ((other.parameters[:n] == 1.0) != still).any()


def test_held_out_rows_keep_their_weights():
    n = 8
    weight = np.arange(1.0, 9.0)
    training = train(
        Network((1, 1)), np.zeros((n, 1)), np.arange(n), sample_weight=weight, validation=0.5,
        solver="gd", learning_rate=0.01, epochs=1, batch_size=None, parameters=np.zeros(2), seed=0,
    )  # fmt: skip
    order = np.random.default_rng([0, 1]).permutation(n)
    held, kept = order[:4], order[4:]
    mean = np.average(np.arange(n)[kept] ** 2 / 2, weights=weight[kept])
    assert training.history.loss == [pytest.approx(mean, rel=1e-14)]
    error = np.arange(n)[held] - training.parameters[1]
    mean = np.average(error**2 / 2, weights=weight[held])
    assert training.history.validation_loss == [pytest.approx(mean, rel=1e-14)]


def test_a_split_that_leaves_all_weight_on_one_side_is_refused():
    """Otherwise a mean over nothing would stand in the history."""
    order = np.random.default_rng([0, 1]).permutation(len(X))
    weight = np.zeros(len(X))
    weight[order[:3]] = 1.0  # the rows that are held out
    for one_sided in (weight, 1.0 - weight):
        with pytest.raises(BadSetting, match="sample_weight"):
            train(NETWORK, X, Y, sample_weight=one_sided, validation=3 / 23, seed=0, epochs=1)


HELD = data(9, seed=3)  # whose loss falls, then rises
STOP = {"solver": "adam", "learning_rate": 0.005, "epochs": 400, "batch_size": None,
        "validation": HELD, "seed": 2}  # fmt: skip


@pytest.mark.parametrize("a_call", [1, 5, ALL])
@pytest.mark.parametrize("patience", [0, 1, 7])
def test_early_stopping_keeps_the_best(patience, a_call, monkeypatch):
    epochs_a_call(monkeypatch, a_call)
    training = train(NETWORK, X, Y, patience=patience, **STOP)
    losses = training.history.validation_loss
    assert training.stopped == "patience"
    assert training.best_epoch == int(np.argmin(losses)) == len(losses) - 2 - patience > 2
    assert len(losses) == len(training.history.loss) == len(training.history.learning_rate) < 400
    assert loss_of(training.parameters, HELD) == min(losses)


def test_without_patience_the_last_parameters_come_back():
    training = train(NETWORK, X, Y, **(STOP | {"epochs": 30}))
    assert training.stopped == "epochs"
    assert training.best_epoch is None
    assert loss_of(training.parameters, HELD) == training.history.validation_loss[-1]


def test_tolerance_is_how_much_lower_counts():
    """With a tolerance that no epoch reaches, the first epoch stays the best."""
    training = train(NETWORK, X, Y, patience=3, tolerance=10.0, **STOP)
    assert len(training.history.loss) == 5
    assert training.best_epoch == 0


def test_early_stopping_without_validation_looks_at_the_training_loss():
    training = train(
        NETWORK, X, Y, solver="gd", learning_rate=60.0, epochs=300, batch_size=None, patience=5
    )
    assert training.stopped == "patience"
    assert training.best_epoch == int(np.argmin(training.history.loss))


# Callback, Ctrl-C, divergence


def test_the_callback_is_told_every_epoch():
    told = []

    def callback(progress):
        told.append((progress, progress.parameters.copy()))

    training = train(NETWORK, X, Y, epochs=5, validation=HELD, callback=callback, learning_rate=0.1)
    assert [p.epoch for p, _ in told] == [0, 1, 2, 3, 4]
    assert {p.epochs for p, _ in told} == {5}
    assert [p.loss for p, _ in told] == training.history.loss
    assert [p.validation_loss for p, _ in told] == training.history.validation_loss
    assert [p.learning_rate for p, _ in told] == [0.1] * 5
    assert all(p.samples_per_second > 0 for p, _ in told)
    np.testing.assert_array_equal(told[-1][1], training.parameters)
    assert loss_of(told[2][1], HELD) == training.history.validation_loss[2]
    silent = train(NETWORK, X, Y, epochs=5, validation=HELD, learning_rate=0.1)
    np.testing.assert_array_equal(silent.parameters, training.parameters)


def test_the_callback_is_told_the_epoch_in_which_patience_ends():
    told = []
    training = train(NETWORK, X, Y, callback=lambda p: told.append(p.epoch), patience=3, **STOP)
    assert training.stopped == "patience"
    assert told == list(range(len(training.history.loss)))


def test_a_callback_stops_with_true():
    training = train(NETWORK, X, Y, epochs=50, callback=lambda p: p.epoch == 3)
    assert training.stopped == "callback"
    assert len(training.history.loss) == 4
    again = train(NETWORK, X, Y, epochs=4)
    np.testing.assert_array_equal(training.parameters, again.parameters)


def test_ctrl_c_gives_back_the_best_so_far():
    def interrupt(progress):
        if progress.epoch == 60:
            raise KeyboardInterrupt

    training = train(NETWORK, X, Y, callback=interrupt, **STOP)
    losses = training.history.validation_loss
    assert training.stopped == "interrupted"
    assert len(losses) == 61
    assert training.best_epoch == int(np.argmin(losses)) in range(3, 60)
    assert loss_of(training.parameters, HELD) == min(losses)


@pytest.mark.parametrize("entered", [False, True])
def test_ctrl_c_at_the_end_of_a_call_enters_its_epochs_once(entered, monkeypatch):
    enter, runs = loop._Loop._enter, []

    def interrupted(self):
        runs.append(1)
        if len(runs) == 3 and entered:
            enter(self)
        if len(runs) == 3:
            raise KeyboardInterrupt
        enter(self)

    epochs_a_call(monkeypatch, 4)
    monkeypatch.setattr(loop._Loop, "_enter", interrupted)
    training = train(NETWORK, X, Y, epochs=50, schedule="cosine")
    again = train(NETWORK, X, Y, epochs=50, schedule="cosine")
    assert training.stopped == "interrupted"
    assert training.history.loss == again.history.loss[:12]
    assert training.history.learning_rate == again.history.learning_rate[:12]


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("delay", [0.1, 0.25, 0.3, 0.35, 0.4])
def test_ctrl_c_is_heard_without_a_callback(delay):
    """Whenever it comes: within a compiled call, or while its losses are entered."""
    train(NETWORK, X, Y, epochs=1, batch_size=None)  # what is compiled is loaded
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    training = train(NETWORK, X, Y, epochs=10**8, learning_rate=1e-4, batch_size=None, seed=1)
    timer.join()
    history = training.history
    assert training.stopped == "interrupted"
    assert delay / 2 < training.seconds < 20
    assert 0 < len(history.loss) == len(history.learning_rate) < 10**8
    assert training.best_epoch == int(np.argmin(history.loss))


def test_an_error_in_the_callback_is_not_hidden():
    def fail(progress):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        train(NETWORK, X, Y, epochs=2, callback=fail)


def diverge(**settings):
    with pytest.raises(Diverged) as caught:
        train(LINE, X, Y[:, 0], **({"solver": "gd", "learning_rate": 1e2, "epochs": 500,
              "batch_size": None, "seed": 0} | settings))  # fmt: skip
    return str(caught.value), caught.value.training


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("a_call", [1, ALL])
def test_divergence_names_epoch_and_rate_and_keeps_the_last_finite(a_call, dtype, monkeypatch):
    epochs_a_call(monkeypatch, a_call, LINE)
    message, training = diverge(dtype=dtype)
    finite = len(training.history.loss)
    assert f"in epoch {finite} (learning rate 100)" in message
    assert "learning_rate=10," in message
    assert "clip_norm" in message
    assert 5 < finite < 200
    assert np.isfinite(training.history.loss).all()
    assert np.isfinite(training.parameters).all()
    assert training.stopped == "diverged"
    theta, _ = naive.train(
        LINE, LINE.initial(0), X, Y[:, 0], solver="gd", learning_rate=1e2, epochs=min(finite, 8)
    )
    again = train(LINE, X, Y[:, 0], solver="gd", learning_rate=1e2, batch_size=None, seed=0,
                  epochs=finite, dtype=dtype)  # fmt: skip
    np.testing.assert_array_equal(again.parameters, training.parameters)
    few = train(LINE, X, Y[:, 0], solver="gd", learning_rate=1e2, batch_size=None, seed=0,
                epochs=min(finite, 8), dtype=dtype)  # fmt: skip
    assert_close(few.parameters / np.abs(theta).max(), theta / np.abs(theta).max(), 1e-5)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "inverse_scaling"])
def test_divergence_advises_a_tenth_of_the_given_rate_whatever_the_schedule(schedule):
    """Not a tenth of the rate of some later step, which may be nearly 0."""
    message, _ = diverge(schedule=schedule)
    assert "learning_rate=10," in message


def test_start_parameters_that_are_not_finite_are_refused():
    with pytest.raises(BadSetting, match="parameters"):
        train(LINE, X, Y[:, 0], epochs=1, parameters=np.array([1.0, np.nan, 0.0, 0.0]))


def test_divergence_within_the_first_epoch_gives_the_start_back():
    network = Network((1, 1))
    with pytest.raises(Diverged, match="epoch 0") as caught:
        train(network, [[1e200]], [0.0], solver="gd", epochs=1, parameters=np.array([1.0, 0.0]))
    np.testing.assert_array_equal(caught.value.training.parameters, [1.0, 0.0])
    assert caught.value.training.history.loss == []


# The same bits


def bits(training):
    return training.parameters.tobytes(), training.history.loss, training.history.validation_loss


SETTINGS = {"solver": "adam", "epochs": 9, "batch_size": 4, "validation": 0.3, "l2": 0.01,
            "schedule": "cosine", "learning_rate": 0.01}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_seed_gives_the_same_bits(dtype):
    first = bits(train(NETWORK, X, Y, seed=3, dtype=dtype, **SETTINGS))
    assert bits(train(NETWORK, X, Y, seed=3, dtype=dtype, **SETTINGS)) == first
    assert bits(train(NETWORK, X, Y, seed=4, dtype=dtype, **SETTINGS)) != first


@pytest.mark.compiled_only
def test_four_threads_give_the_same_bits():
    random = np.random.default_rng(0)
    network = Network((8, 16, 16, 1))
    x = random.normal(size=(500, 8))
    settings = SETTINGS | {"epochs": 20, "batch_size": 32}
    alone = [bits(train(network, x, x[:, 0], seed=seed, **settings)) for seed in range(4)]
    together = [None] * 4
    start = threading.Barrier(4)

    def work(seed):
        start.wait()
        together[seed] = bits(train(network, x, x[:, 0], seed=seed, **settings))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


@pytest.mark.parametrize("solver", OPTIMISERS)
def test_calls_of_any_length_give_the_same_bits(solver, monkeypatch):
    settings = SETTINGS | {"solver": solver}
    whole = bits(train(NETWORK, X, Y, **settings))
    for a_call in (1, 3, 5, ALL):
        epochs_a_call(monkeypatch, a_call)
        assert bits(train(NETWORK, X, Y, **settings)) == whole
    assert bits(train(NETWORK, X, Y, callback=lambda progress: None, **settings)) == whole


def test_given_arrays_are_left_alone():
    theta = NETWORK.initial(1)
    kept = [a.copy() for a in (X, Y, theta)]
    train(NETWORK, X, Y, parameters=theta, epochs=3)
    for now, before in zip((X, Y, theta), kept, strict=True):
        np.testing.assert_array_equal(now, before)


# Types, starts, and what is refused


def test_the_type_follows_the_input():
    single = X.astype(np.float32)
    assert train(NETWORK, X, Y, epochs=1).parameters.dtype == np.float64
    assert train(NETWORK, single, Y, epochs=1).parameters.dtype == np.float32
    assert train(NETWORK, X.tolist(), Y, epochs=1).parameters.dtype == np.float64
    assert train(NETWORK, single, Y, epochs=1, dtype=np.float64).parameters.dtype == np.float64
    start = NETWORK.initial(0, dtype=np.float32)
    assert train(NETWORK, X, Y, epochs=1, parameters=start).parameters.dtype == np.float32


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_epochs_give_the_initial_parameters(dtype):
    training = train(NETWORK, X, Y, epochs=0, seed=6, scheme="he_uniform", dtype=dtype)
    np.testing.assert_array_equal(
        training.parameters, NETWORK.initial(6, "he_uniform", dtype=dtype)
    )
    assert training.history.loss == []
    assert training.stopped == "epochs"
    assert training.best_epoch is None


@pytest.mark.compiled_only
def test_it_learns():
    """A product of two inputs, which no linear model follows, to 1 % of its variance."""
    x = np.random.default_rng(0).uniform(-1, 1, (512, 2))
    y = x[:, 0] * x[:, 1]
    network = Network((2, 16, 1), "tanh")
    training = train(network, x, y, epochs=400, learning_rate=0.01)
    assert training.history.loss[-1] < 0.01 * y.var() / 2
    assert training.seconds > 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"solver": "newton"}, "solver='newton'.*adam"),
        ({"learning_rate": 0}, "learning_rate=0"),
        ({"learning_rate": -0.1}, "learning_rate"),
        ({"learning_rate": np.nan}, "learning_rate"),
        ({"learning_rate": np.inf}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"schedule": "step"}, "schedule='step'.*cosine"),
        ({"epochs": -1}, "epochs=-1"),
        ({"epochs": 1.5}, "epochs"),
        ({"epochs": True}, "epochs"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 2.0}, "batch_size"),
        ({"patience": -1}, "patience"),
        ({"patience": 1.5}, "patience"),
        ({"tolerance": np.nan}, "tolerance"),
        ({"tolerance": "small"}, "tolerance"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"l1": -1}, "l1"),
        ({"l2": np.inf}, "l2"),
        ({"l2": "x"}, "l2"),
        ({"clip_norm": -1}, "clip_norm"),
        ({"clip_norm": np.nan}, "clip_norm"),
        ({"validation": 0.0}, "validation"),
        ({"validation": 1.0}, "validation"),
        ({"validation": 0.999}, "leaves none"),
        ({"validation": "some"}, "validation"),
        ({"validation": (X, Y[:3])}, "X has 23 rows and Y 3"),
        ({"validation": (X[:, :2], Y)}, "X of shape"),
        ({"validation": (X, Y, Y)}, "validation"),
        ({"validation": (X[:0], Y[:0])}, "validation"),
        ({"dtype": np.float16}, "dtype"),
        ({"dtype": int}, "dtype"),
        ({"dtype": "double trouble"}, "dtype"),
        ({"scheme": "glorot"}, "scheme='glorot'.*xavier_normal"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": "one"}, "seed"),
        ({"seed": -1, "parameters": NETWORK.initial()}, "seed"),
        ({"parameters": np.zeros(3)}, "parameters of shape"),
        ({"momentum": 0.5}, "'momentum' is not a parameter of adam; it takes beta1=0.9"),
        ({"beta1": -0.5}, "beta1"),
        ({"beta1": 1.0}, "beta1"),
        ({"beta2": np.nan}, "beta2"),
        ({"solver": "gd", "epsilon": 1e-8}, "it takes none"),
        ({"sample_weight": np.ones(3)}, "sample_weight"),
        ({"X": X[:0], "Y": Y[:0]}, "X has no rows"),
        ({"X": X[:, :2]}, "X of shape"),
        ({"X": np.full((2, 3), 1e300), "Y": Y[:2], "dtype": np.float32}, "X holds inf"),
    ],
)
def test_bad_settings_are_named(change, named):
    arguments = {"network": NETWORK, "X": X, "Y": Y, "epochs": 1} | change
    with pytest.raises(BadSetting, match=named):
        train(**arguments)
