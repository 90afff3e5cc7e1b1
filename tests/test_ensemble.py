"""Several networks at once: what each learns from, the mean, the intervals."""

import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.calibration import KEPT_RESIDUALS, residuals_of, temperature
from chainrule.engine import forward, mean_loss
from chainrule.ensemble import Ensemble
from chainrule.errors import BadSetting, Diverged
from chainrule.folds import deal, train_ensemble
from chainrule.loop import train
from chainrule.network import Network

NETWORK = Network((2, 5, 1), "tanh")
RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(90, 2))
Y = np.sin(X[:, :1]) + RANDOM.normal(0, 0.2, (90, 1))
SETTINGS = {"solver": "adam", "learning_rate": 0.02, "epochs": 30, "patience": 5}


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=60),
    st.integers(2, 7),
    st.integers(0, 9),
)
def test_classes_are_dealt_out_evenly(classes, folds, seed):
    classes = np.array(classes)
    fold = deal(classes, folds, seed)
    assert np.ptp(np.bincount(fold, minlength=folds)) <= 1
    for k in np.unique(classes):
        assert np.ptp(np.bincount(fold[classes == k], minlength=folds)) <= 1


def test_members_are_trainings_without_their_fold():
    weight = RANDOM.uniform(0.5, 2, 90)
    ensemble = train_ensemble(NETWORK, X, Y, members=3, seed=7, sample_weight=weight, **SETTINGS)
    fold = deal(np.zeros(90, int), 3, 7)
    seeds = np.random.SeedSequence([7, 2]).generate_state(3)
    far = np.empty(90)
    for j in range(3):
        learn, held = fold != j, fold == j
        alone = train(
            NETWORK, X[learn], Y[learn], validation=(X[held], Y[held]), seed=int(seeds[j]),
            sample_weight=weight[learn], **SETTINGS,
        )  # fmt: skip
        np.testing.assert_array_equal(ensemble.parameters[j], alone.parameters)
        assert ensemble.trainings[j].history == alone.history
        far[held] = np.abs(forward(NETWORK, alone.parameters, X[held]) - Y[held])[:, 0]
    np.testing.assert_array_equal(ensemble.residuals[:, 0], np.sort(far))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_do_not_change_a_bit(dtype):
    found = [
        train_ensemble(NETWORK, X, Y, members=4, n_jobs=jobs, dtype=dtype, **SETTINGS).parameters
        for jobs in (1, 2, 4, None)
    ]
    assert found[0].dtype == dtype
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def of_outputs(*biases, residuals=()):
    """Return an ensemble of constants."""
    parameters = np.array([[0.0, bias] for bias in biases])
    return Ensemble(Network((1, 1)), parameters, np.reshape(residuals, (-1, 1)))


def test_mean_and_spread():
    ensemble = of_outputs(1.0, 2.0, 6.0)
    np.testing.assert_array_equal(ensemble.outputs([[0.0]])[:, 0, 0], [1, 2, 6])
    assert ensemble.mean([[5.0], [0.0]]).tolist() == [[3.0], [3.0]]
    np.testing.assert_allclose(ensemble.spread([[5.0]]), np.std([1, 2, 6], ddof=1))
    assert of_outputs(3.0).spread([[5.0]]).tolist() == [[0.0]]
    assert len(ensemble) == 3


@pytest.mark.parametrize(
    ("coverage", "q"), [(0.5, 5.0), (0.8, 8.0), (0.9, 9.0), (0.91, np.inf), (0.05, 1.0)]
)
def test_the_interval_is_the_rank_of_a_residual(coverage, q):
    """9 residuals: of 10 rows, further ones included, the k-th residual covers k."""
    lower, upper = of_outputs(2.0, 4.0, residuals=range(1, 10)).interval([[0.0]], coverage)
    assert (lower[0, 0], upper[0, 0]) == (3 - q, 3 + q)


@pytest.mark.compiled_only
def test_intervals_cover_what_they_promise():
    random = np.random.default_rng(5)
    X = random.uniform(-2, 2, (4000, 1))
    Y = np.sin(X) + random.normal(0, 0.1 + 0.1 * (X > 0))
    network = Network((1, 8, 1), "tanh")
    ensemble = train_ensemble(network, X[:1200], Y[:1200], solver="lm", patience=5, epochs=50)
    for coverage in (0.5, 0.8, 0.9, 0.95):
        lower, upper = ensemble.interval(X[1200:], coverage)
        found = np.mean((lower <= Y[1200:]) & (Y[1200:] <= upper))
        assert abs(found - coverage) < 0.04  # 1,200 residuals: 2.6 of its standard deviations


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_the_mean_of_probabilities_is_one_of_them(loss):
    labels = (X[:, 0] > 0).astype(int)
    softmax = loss == "cross_entropy"
    outputs, link = (2, "softmax") if softmax else (1, "sigmoid")
    network = Network((2, 4, outputs), "tanh", link, loss)
    ensemble = train_ensemble(network, X, labels, members=3, **SETTINGS | {"epochs": 100})
    mean = ensemble.mean(X)
    assert np.mean((mean[:, -1] > 0.5) == labels) > 0.9
    if softmax:
        np.testing.assert_allclose(mean.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"members": 1}, "members=1"),
        ({"members": 91}, "91 members need as many rows, and X has 90"),
        ({"validation": 0.2}, "'validation' is for one network"),
        ({"n_jobs": 0}, "n_jobs=0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_what_cannot_be_is_refused(given, named):
    with pytest.raises(BadSetting, match=named):
        train_ensemble(NETWORK, X, Y, **given)
    with pytest.raises(BadSetting, match=r"coverage=1\.0"):
        of_outputs(1.0, 2.0, residuals=[1.0]).interval([[0.0]], 1.0)
    with pytest.raises(BadSetting, match="there are no rows that a network did not learn from"):
        of_outputs(1.0, 2.0).interval([[0.0]])


# Calibration


@given(st.integers(1, 3 * KEPT_RESIDUALS), st.floats(0.01, 0.99))
def test_many_residuals_are_thinned_and_no_margin_shrinks(n, coverage):
    Y = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))[:, None]
    kept = residuals_of(Network((1, 1)), np.zeros((n, 1)), Y)
    assert len(kept) == min(n, KEPT_RESIDUALS)
    exact = np.ceil((n + 1) * coverage)  # the residual of rank k is k
    margin = Ensemble(Network((1, 1)), np.zeros((1, 2)), kept).margin(coverage)[0]
    assert margin >= exact or exact > n
    assert margin <= exact + 1 + 2 * n / KEPT_RESIDUALS or exact >= n


SIGMOID = Network((2, 4, 1), "tanh", "sigmoid", "binary_cross_entropy")
SOFTMAX = Network((2, 4, 3), "tanh", "softmax", "cross_entropy")


@pytest.mark.parametrize("network", [SIGMOID, SOFTMAX])
def test_the_temperature_has_the_least_loss(network):
    k = network.sizes[-1]
    scores = 6 * RANDOM.normal(size=(300, k))
    shares = forward(Network((k, k), output=network.output, loss=network.loss),
                     np.vstack((np.eye(k) / 4, np.zeros((1, k)))).ravel(), scores)  # fmt: skip
    drawn = RANDOM.uniform(size=(300, 1)) < np.cumsum(shares, axis=1)
    Y = drawn.astype(float) if k == 1 else np.eye(k)[drawn.argmax(axis=1)]
    T = temperature(network, scores, Y)
    assert 3 < T < 5.5  # true to chance would be 4

    def loss(at):
        theta = np.vstack((np.eye(k) / at, np.zeros((1, k)))).ravel()
        return mean_loss(replace(network, sizes=(k, k), hidden="relu"), theta, scores, Y)

    assert loss(T) < min(loss(T * 1.01), loss(T / 1.01))
    np.testing.assert_allclose(temperature(network, scores / T, Y), 1, rtol=1e-9)
    assert temperature(network, scores / 20, Y) == 1.0  # too cautious, which is left


@pytest.mark.compiled_only
@pytest.mark.parametrize("network", [SIGMOID, SOFTMAX])
def test_members_of_classes_are_trainings_with_cooler_scores(network):
    random = np.random.default_rng(2)
    classes = (X[:, 0] + random.normal(size=90) > 0).astype(int)
    Y = np.eye(3)[classes] if network is SOFTMAX else classes[:, None].astype(float)
    settings = SETTINGS | {"epochs": 400, "patience": None}
    ensemble = train_ensemble(network, X, Y, members=3, **settings)
    last = network.starts[-2]
    held, plain = [], replace(network, output="identity")
    for j, training in enumerate(ensemble.trainings):
        fold = deal(classes, 3, 0) == j
        held.append((forward(plain, training.parameters, X[fold]), Y[fold]))
        assert np.array_equal(ensemble.parameters[j, :last], training.parameters[:last])
    T = temperature(network, *map(np.concatenate, zip(*held, strict=True)))
    assert T > 1.5  # it has overfitted
    trained = np.array([training.parameters for training in ensemble.trainings])
    np.testing.assert_allclose(ensemble.parameters[:, last:], trained[:, last:] / T, rtol=1e-14)
    assert ensemble.residuals.shape == (0, network.sizes[-1])


@pytest.mark.compiled_only
def test_calibrated_probabilities_are_nearer_to_the_shares():
    random = np.random.default_rng(3)
    X = random.normal(size=(2200, 4))
    y = (X[:, 0] + 3 * random.normal(size=2200) > 0).astype(float)
    network = Network((4, 40, 1), "tanh", "sigmoid", "binary_cross_entropy")
    settings = {"epochs": 500, "learning_rate": 0.02}
    ensemble = train_ensemble(network, X[:200], y[:200], members=3, **settings)
    raw = replace(ensemble, parameters=np.array([t.parameters for t in ensemble.trainings]))
    found = {}
    for name, model in (("raw", raw), ("calibrated", ensemble)):
        p = model.mean(X[200:])[:, 0]
        bins = np.minimum((10 * p).astype(int), 9)
        gaps = [abs((p - y[200:])[bins == k].sum()) for k in range(10)]
        found[name] = sum(gaps) / 2000
    assert found["calibrated"] < 0.1 < 0.2 < found["raw"]


# Callbacks, Ctrl-C, errors


def test_a_callback_hears_of_every_member_and_may_stop_one():
    heard = []

    def callback(progress):
        heard.append((progress.member, progress.epoch, progress.loss))
        return progress.member == 1 and progress.epoch == 2

    settings = SETTINGS | {"patience": None}
    ensemble = train_ensemble(NETWORK, X, Y, members=3, callback=callback, **settings)
    for j, training in enumerate(ensemble.trainings):
        assert [loss for member, _, loss in heard if member == j] == training.history.loss
        assert training.stopped == ("callback" if j == 1 else "epochs")
    assert len(ensemble.trainings[1].history.loss) == 3


@pytest.mark.compiled_only
def test_ctrl_c_keeps_the_members_that_have_begun():
    main, pressed = threading.main_thread().ident, []

    def callback(progress):
        time.sleep(0.0 if pressed else 0.02)  # the main thread has begun the others
        if progress.epoch == 10 and not pressed:
            pressed.append(True)
            signal.pthread_kill(main, signal.SIGINT)

    settings = SETTINGS | {"epochs": 10_000_000, "patience": None}
    ensemble = train_ensemble(
        NETWORK, X, Y, members=4, n_jobs=2, callback=callback, **settings
    )  # fmt: skip
    assert 1 <= len(ensemble) <= 2
    assert {training.stopped for training in ensemble.trainings} == {"interrupted"}
    sizes = np.bincount(deal(np.zeros(90, int), 4, 0))
    assert len(ensemble.residuals) == sizes[: len(ensemble)].sum()
    for training in ensemble.trainings:
        lowest = int(np.argmin(training.history.validation_loss))
        assert training.best_epoch == lowest


def test_an_error_of_one_member_ends_them_all():
    def callback(progress):
        if progress.member == 1:
            raise ZeroDivisionError("a mistake in a callback")

    started = time.perf_counter()
    settings = SETTINGS | {"epochs": 10**9, "patience": None}
    with pytest.raises(ZeroDivisionError):
        train_ensemble(NETWORK, X, Y, members=6, n_jobs=2, callback=callback, **settings)
    assert time.perf_counter() - started < 60  # a billion epochs take hours
    with pytest.raises(Diverged):
        train_ensemble(NETWORK, 1e3 * X, Y, members=3, solver="gd", learning_rate=1e9)
