"""How weights are drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.errors import BadSetting
from chainrule.initial import INITIALISERS
from chainrule.network import Network
from tolerances import SIGMAS

# name: (variance from n_in and n_out, fourth moment over the squared variance)
NORMAL, UNIFORM = 3.0, 9 / 5
SCHEMES = {
    "xavier_normal": (lambda i, o: 2 / (i + o), NORMAL),
    "xavier_uniform": (lambda i, o: 2 / (i + o), UNIFORM),
    "he_normal": (lambda i, o: 2 / i, NORMAL),
    "he_uniform": (lambda i, o: 2 / i, UNIFORM),
    "lecun_normal": (lambda i, o: 1 / i, NORMAL),
    "lecun_uniform": (lambda i, o: 1 / i, UNIFORM),
    "uniform": (lambda i, o: 1 / 3, UNIFORM),
}


def test_every_scheme_is_tested():
    assert {*SCHEMES, "zeros"} == set(INITIALISERS)


@pytest.mark.parametrize("n_in", [3, 40, 200])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_mean_variance_and_shape(scheme, n_in):
    n_out = 30_000 // n_in
    w = Network((n_in, n_out)).initial(1, scheme)[: n_in * n_out]
    variance, kurtosis = SCHEMES[scheme][0](n_in, n_out), SCHEMES[scheme][1]
    n = len(w)
    assert abs(w.mean()) < SIGMAS * np.sqrt(variance / n)
    assert abs(w.var() / variance - 1) < SIGMAS * np.sqrt((kurtosis - 1) / n)
    assert abs(np.mean(w**4) / variance**2 / kurtosis - 1) < 0.1
    if kurtosis == UNIFORM:
        bound = np.sqrt(3 * variance)
        assert 0.999 * bound < np.abs(w).max() <= bound
    else:
        assert 3.5 * np.sqrt(variance) < np.abs(w).max() < 6 * np.sqrt(variance)


@pytest.mark.parametrize("scheme", INITIALISERS)
def test_both_types_get_the_same_numbers_and_biases_are_zero(scheme):
    network = Network((5, 7, 3))
    double = network.initial(3, scheme)
    single = network.initial(3, scheme, dtype=np.float32)
    assert double.dtype == np.float64
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, double.astype(np.float32))
    for W, b in network.layers(double):
        assert (b == 0).all()
        assert (W != 0).all() == (scheme != "zeros")


@given(st.integers(0, 2**63), st.sampled_from(sorted(SCHEMES)))
def test_a_seed_gives_the_same_numbers(seed, scheme):
    network = Network((3, 4, 2))
    first = network.initial(seed, scheme)
    np.testing.assert_array_equal(network.initial(seed, scheme), first)
    np.testing.assert_array_equal(network.initial(np.random.default_rng(seed), scheme), first)
    assert (network.initial(seed + 1, scheme) != first).any()


def test_layers_are_drawn_apart():
    network = Network((4, 4, 4))
    (W1, _), (W2, _) = network.layers(network.initial(0))
    assert (W1 != W2).all()
    assert len(np.unique([W1, W2])) == 32


def test_the_draw_is_pinned():
    """A seed keeps its numbers from version to version of the package."""
    np.testing.assert_array_equal(
        Network((3, 1)).initial(0),
        [0.0889046919352223, -0.09341224466100138, 0.4528471989539067, 0.0],
    )
    np.testing.assert_array_equal(
        Network((2, 1)).initial(7, "he_uniform"), [0.43334340791163806, 1.3759889694937129, 0.0]
    )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"scheme": "glorot"}, "scheme='glorot'.*xavier_normal"),
        ({"scheme": None}, "scheme"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 1.5}, "seed=1.5"),
        ({"seed": "one"}, "seed='one'"),
        ({"dtype": int}, "dtype"),
        ({"dtype": np.float16}, "dtype"),
    ],
)
def test_bad_settings_are_named(arguments, named):
    with pytest.raises(BadSetting, match=named):
        Network((3, 1)).initial(**arguments)
