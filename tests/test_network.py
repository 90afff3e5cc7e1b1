"""The description of a network."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from chainrule.errors import BadInput, BadSetting
from chainrule.network import HIDDEN, OUTPUTS, Network
from chainrule.rules import ACTIVATIONS, LINKS, LOSSES


def test_defaults():
    network = Network((3, 1))
    assert (network.hidden, network.output) == ("relu", "identity")
    assert (network.loss, network.loss_parameter) == ("half_squared_error", None)


@pytest.mark.parametrize(
    ("sizes", "count", "starts"),
    [
        ((3, 1), 4, (0, 4)),
        ((3, 8, 1), 41, (0, 32, 41)),
        ((1, 1, 1, 1), 6, (0, 2, 4, 6)),
        ((784, 128, 64, 10), 109386, (0, 100480, 108736, 109386)),
    ],
)
def test_the_number_of_parameters(sizes, count, starts):
    network = Network(sizes)
    assert network.n_parameters == count
    assert network.starts == starts
    assert network.initial().shape == (count,)


def test_any_sequence_of_whole_numbers_is_sizes():
    expected = Network((3, 8, 1))
    assert Network([3, 8, 1]) == expected
    assert Network(np.array([3, 8, 1])) == expected
    assert Network((3.0, 8.0, 1.0)) == expected
    assert Network([3, 8, 1]).sizes == (3, 8, 1)
    assert {type(size) for size in Network(np.array([3, 8, 1])).sizes} == {int}


def test_it_is_frozen_and_can_be_a_key():
    network = Network([3, 8, 1], hidden=["tanh"])
    with pytest.raises(FrozenInstanceError):
        network.sizes = (3, 1)
    assert {network: 1}[Network((3, 8, 1), hidden=("tanh",))] == 1
    assert network != Network((3, 8, 1))


def test_activations_of_every_layer():
    assert Network((3, 1), output="sigmoid").activations == ("sigmoid",)
    assert Network((3, 4, 5, 1), "tanh").activations == ("tanh", "tanh", "identity")
    assert Network((3, 4, 5, 1), ["tanh", "gelu"]).activations == ("tanh", "gelu", "identity")
    assert Network((3, 1), []).activations == ("identity",)


def test_every_activation_is_offered():
    assert set(OUTPUTS) == {*ACTIVATIONS, "softmax"}
    assert set(HIDDEN) == set(ACTIVATIONS) - {"exp"}


def test_layers_are_views_of_the_flat_vector():
    network = Network((3, 2, 2))
    theta = np.arange(14.0)
    (W1, b1), (W2, b2) = network.layers(theta)
    np.testing.assert_array_equal(W1, [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(b1, [6, 7])
    np.testing.assert_array_equal(W2, [[8, 9], [10, 11]])
    np.testing.assert_array_equal(b2, [12, 13])
    W1[1, 0], b2[1] = -1.0, -2.0
    assert theta[2] == -1.0
    assert theta[13] == -2.0
    with pytest.raises(BadSetting, match=r"parameters of shape \(13,\).*sizes 3-2-2.*has 14"):
        network.layers(theta[:13])


def test_loss_parameters():
    assert Network((1, 1), loss="huber").loss_parameter == 1.0
    assert Network((1, 1), loss="quantile").loss_parameter == 0.5
    assert Network((1, 1), loss="quantile", loss_parameter=0.9).loss_parameter == 0.9
    assert Network((1, 1), loss="huber", loss_parameter=3).loss_parameter == 3.0


@pytest.mark.parametrize("loss", LINKS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_a_score_loss_goes_with_its_link_alone(loss, output):
    if output in (LINKS[loss], "identity"):
        assert Network((3, 2), output=output, loss=loss).loss == loss
    else:
        with pytest.raises(BadSetting, match=f"loss='{loss}'.*output='{LINKS[loss]}'"):
            Network((3, 2), output=output, loss=loss)


@pytest.mark.parametrize("loss", sorted(set(LOSSES) - set(LINKS)))
def test_other_losses_go_with_every_output(loss):
    for output in OUTPUTS:
        assert Network((3, 2), output=output, loss=loss).output == output


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"sizes": ()}, "sizes"),
        ({"sizes": (3,)}, "sizes"),
        ({"sizes": (3, 0)}, "sizes"),
        ({"sizes": (3, -1)}, "sizes"),
        ({"sizes": (3, 1.5)}, "sizes"),
        ({"sizes": (3, "x")}, "sizes"),
        ({"sizes": (3, None)}, "sizes"),
        ({"sizes": (3, np.nan)}, "sizes"),
        ({"sizes": (3, np.inf)}, "sizes"),
        ({"sizes": 3}, "sizes=3"),
        ({"sizes": "31"}, "sizes='31'"),
        ({"hidden": "swish"}, "hidden='swish'.*silu"),
        ({"hidden": "softmax"}, "hidden='softmax'"),
        ({"hidden": "exp"}, "hidden='exp'"),
        ({"hidden": ["relu", "relu"]}, "names 2 activations for 1 hidden"),
        ({"hidden": []}, "names 0 activations"),
        ({"hidden": [["relu"]]}, "hidden"),
        ({"hidden": None}, "hidden"),
        ({"output": "logistic"}, "output='logistic'.*sigmoid"),
        ({"output": ["relu"]}, "output"),
        ({"loss": "mse"}, "loss='mse'.*half_squared_error"),
        ({"loss": ["huber"]}, "loss"),
        ({"output": "softmax", "sizes": (3, 4, 1)}, "softmax needs two outputs"),
        ({"loss": "cross_entropy", "sizes": (3, 4, 1)}, "softmax needs two outputs"),
        ({"loss_parameter": 1.0}, "has no parameter"),
        ({"loss": "huber", "loss_parameter": 0.0}, "loss_parameter=0"),
        ({"loss": "huber", "loss_parameter": np.inf}, "loss_parameter"),
        ({"loss": "huber", "loss_parameter": np.nan}, "loss_parameter"),
        ({"loss": "huber", "loss_parameter": "big"}, "loss_parameter"),
        ({"loss": "quantile", "loss_parameter": 1.0}, "loss_parameter=1"),
        ({"loss": "quantile", "loss_parameter": -0.1}, "loss_parameter"),
    ],
)
def test_bad_descriptions_are_named(arguments, named):
    with pytest.raises(BadSetting, match=named) as caught:
        Network(**({"sizes": (3, 4, 2)} | arguments))
    assert isinstance(caught.value, BadInput)
    assert isinstance(caught.value, ValueError)
