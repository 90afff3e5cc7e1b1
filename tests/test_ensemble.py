"""Several networks at once: what each learns from, the mean, the intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.engine import forward
from chainrule.ensemble import Ensemble, deal, train_ensemble
from chainrule.errors import BadSetting
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
    return Ensemble(Network((1, 1)), parameters, (), np.reshape(residuals, (-1, 1)))


def test_mean_and_spread():
    ensemble = of_outputs(1.0, 2.0, 6.0)
    np.testing.assert_array_equal(ensemble.outputs([[0.0]])[:, 0, 0], [1, 2, 6])
    assert ensemble.mean([[5.0], [0.0]]).tolist() == [[3.0], [3.0]]
    np.testing.assert_allclose(ensemble.spread([[5.0]]), np.std([1, 2, 6], ddof=1))


@pytest.mark.parametrize(
    ("coverage", "q"), [(0.5, 5.0), (0.8, 8.0), (0.9, 9.0), (0.91, np.inf), (0.05, 1.0)]
)
def test_the_interval_is_the_rank_of_a_residual(coverage, q):
    """9 residuals: of 10 rows, further ones included, the k-th residual covers k."""
    lower, upper = of_outputs(2.0, 4.0, residuals=range(1, 10)).interval([[0.0]], coverage)
    assert (lower[0, 0], upper[0, 0]) == (3 - q, 3 + q)


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
        of_outputs(1.0, 2.0).interval([[0.0]], 1.0)
