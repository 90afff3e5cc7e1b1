"""Networks in PyTorch's memory, and in Keras', against their own predictions."""

import os

import numpy as np
import pandas as pd
import pytest

import chainrule
from chainrule import BadSource, import_model
from chainrule.importing import modules
from tolerances import IMPORTED

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = pytest.mark.peers

TYPES = {np.float64: torch.float64, np.float32: torch.float32}
X = np.random.default_rng(3).normal(0.0, 2.0, (200, 4))
TABLE = pd.DataFrame(X, columns=[f"x{i + 1}" for i in range(4)])
HIDDEN = [getattr(nn, name) for name in modules.ACTIVATIONS if "Softmax" not in name]
OUTPUTS = {
    "number": (nn.Linear(6, 1),),
    "two": (nn.Linear(6, 1), nn.Sigmoid()),
    "two by softmax": (nn.Linear(6, 2), nn.Softmax(dim=-1)),
    "three": (nn.Linear(6, 3), nn.Softmax(dim=1)),
    "three logarithms": (nn.Linear(6, 3), nn.LogSoftmax(dim=1)),
    "a positive number": (nn.Linear(6, 1), nn.Softplus()),
}


def outputs_of(network, dtype):
    with torch.no_grad():
        found = network(torch.tensor(X, dtype=TYPES[dtype])).numpy()
    if isinstance(network[-1], nn.LogSoftmax):
        found = np.exp(found)
    is_share = isinstance(network[-1], nn.Sigmoid)
    return np.hstack([1 - found, found]) if is_share else found


def assert_same(network, dtype, tolerance=None, **settings):
    network = network.to(TYPES[dtype]).eval()
    model = import_model(network, **settings)
    assert model.parameters.dtype == dtype
    number = model.spec.target.task == "regression"
    found = model.predict(TABLE)[:, None] if number else model.predict_proba(TABLE)
    expected = outputs_of(network, dtype)
    error = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
    assert error.max() <= (tolerance or IMPORTED[dtype])
    return model


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("activation", HIDDEN)
def test_every_activation(activation, dtype):
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(4, 6), activation(), nn.Linear(6, 6), activation())
    # from 20 on PyTorch's softplus is z, which is off by e^-20
    tolerance = 1e-8 if activation is nn.Softplus and dtype is np.float64 else None
    for output in OUTPUTS.values():
        assert_same(nn.Sequential(network, *output), dtype, tolerance)


@pytest.mark.parametrize("dtype", TYPES)
def test_what_stands_between(dtype, tmp_path):
    torch.manual_seed(2)
    network = nn.Sequential(
        nn.Flatten(), nn.BatchNorm1d(4), nn.Sequential(nn.Linear(4, 6, bias=False), nn.Identity()),
        nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 5), nn.Tanh(),
        nn.BatchNorm1d(5, affine=False), nn.Linear(5, 5), nn.Linear(5, 3), nn.Softmax(dim=1),
    )  # fmt: skip
    network[1].weight.data[1] = -0.7  # which turns an input round
    for _ in range(5):
        network(torch.tensor(X, dtype=torch.float32) * 3 + 1)
    model = assert_same(network, dtype, classes=["a", "b", "c"], target="kind")
    assert model.network.sizes == (4, 6, 5, 5, 3)
    assert "part of the weights: module 3 (BatchNorm1d)" in model.summary.settings["imported_from"]
    model.save(tmp_path / "m.safetensors")
    again = chainrule.load(tmp_path / "m.safetensors")
    assert np.array_equal(again.predict_proba(TABLE), model.predict_proba(TABLE))


def test_scores_of_classes():
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    model = import_model(network, output="softmax")
    expected = torch.softmax(network(torch.tensor(X)), 1).detach().numpy()
    assert np.abs(model.predict_proba(TABLE) - expected).max() < 1e-12
    named = import_model(network.state_dict(), hidden="relu", output="softmax")
    assert np.array_equal(named.predict_proba(TABLE), model.predict_proba(TABLE))
    with pytest.raises(BadSource, match="output='softmax'"):
        import_model(network)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def normed():
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 1)))


def hooked():
    network = nn.Sequential(nn.Linear(4, 1))
    network[0].register_forward_hook(lambda module, x, y: 2 * y)
    return network


REFUSED = {
    "module 1 \\(ReLU6\\)": lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU6()),
    "module 1.0 \\(Conv1d\\)": lambda: nn.Sequential(
        nn.Linear(4, 4), nn.Sequential(nn.Conv1d(1, 1, 1))
    ),
    "approximate='tanh'": lambda: nn.Sequential(nn.Linear(4, 4), nn.GELU("tanh")),
    "alpha=0.5": lambda: nn.Sequential(nn.Linear(4, 4), nn.ELU(0.5)),
    "negative_slope=0.2": lambda: nn.Sequential(nn.Linear(4, 4), nn.LeakyReLU(0.2)),
    "beta=2": lambda: nn.Sequential(nn.Linear(4, 4), nn.Softplus(2)),
    "dim=0": lambda: nn.Sequential(nn.Linear(4, 4), nn.Softmax(0)),
    "Doubled": lambda: nn.Sequential(Doubled(4, 1)),
    "ParametrizedLinear": normed,
    "hooks": hooked,
    "follows the activation relu": lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Tanh()),
    "does not follow a layer": lambda: nn.Sequential(nn.ReLU(), nn.Linear(4, 1)),
    "takes 3 numbers": lambda: nn.Sequential(nn.Linear(4, 4), nn.Linear(3, 1)),
    "no layer of weights": lambda: nn.Sequential(nn.Dropout()),
    "torch.bfloat16": lambda: nn.Sequential(nn.Linear(4, 1)).bfloat16(),
    "Transformer": lambda: nn.TransformerEncoderLayer(4, 1, batch_first=True),
    "5 sigmoid outputs": lambda: nn.Sequential(nn.Linear(4, 5), nn.Sigmoid()),
    "scales what the last activation gives": lambda: nn.Sequential(
        nn.Linear(4, 1), nn.Tanh(), nn.BatchNorm1d(1)
    ),
}


@pytest.mark.parametrize("match", REFUSED)
def test_refused(match):
    with pytest.raises(BadSource, match=match):
        import_model(REFUSED[match]())


def test_a_linear_layer_alone():
    layer = nn.Linear(4, 1).double()
    model = import_model(layer, inputs=["a", "b", "c", "d"])
    found = model.predict(TABLE.set_axis(["a", "b", "c", "d"], axis=1))
    assert np.abs(found - layer(torch.tensor(X)).detach().numpy()[:, 0]).max() < 1e-12


OLD = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in Keras itself


@pytest.fixture
def keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


KERAS = ("linear", "relu", "tanh", "sigmoid", "elu", "selu", "softplus", "softsign", "silu", "gelu")


@OLD
@pytest.mark.parametrize("activation", KERAS)
def test_keras_in_memory_and_in_a_file(keras, activation, tmp_path):
    pytest.importorskip("h5py")
    keras.utils.set_random_seed(1)
    layers = keras.layers
    for output, n in (("softmax", 3), ("sigmoid", 1), ("linear", 1), ("exponential", 1)):
        network = keras.Sequential(
            [keras.Input((4,)), layers.Dropout(0.1),
             layers.Dense(5, activation=activation, bias_initializer="normal"),
             layers.Dense(5), layers.Activation(activation), layers.Dense(n, activation=output)]
        )  # fmt: skip
        expected = network.predict(X.astype(np.float32), verbose=0)
        network.save(tmp_path / "net.keras")
        for source in (network, tmp_path / "net.keras"):
            model = import_model(source)
            number = model.spec.target.task == "regression"
            found = model.predict(TABLE)[:, None] if number else model.predict_proba(TABLE)[:, -n:]
            error = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
            grown = 10 if output == "exponential" else 1  # e^z multiplies the rounding of z
            assert error.max() <= grown * IMPORTED[np.float32]


@pytest.mark.filterwarnings("ignore")
def test_other_keras_networks_are_refused(keras, tmp_path):
    layers = keras.layers
    inputs = keras.Input((4,))
    functional = keras.Model(inputs, layers.Dense(1)(inputs))

    class Own(layers.Layer):
        def call(self, x):
            return x

    def then(layer):
        return keras.Sequential([keras.Input((4,)), layers.Dense(4), layer])

    for network, match in (
        (functional, "Functional"),
        (then(Own()), "Own"),
        (then(layers.Lambda(lambda x: 2 * x)), "Lambda"),
        (then(layers.LeakyReLU()), "negative_slope=0.3"),
        (then(layers.Activation("mish")), "mish"),
        (then(layers.Dense(1, activation=lambda x: x)), "activation"),
        (then(layers.LayerNormalization()), "LayerNormalization"),
        (then(layers.Reshape((2, 2))), "Reshape"),
    ):
        network.save(tmp_path / "net.keras")
        for source in (network, tmp_path / "net.keras"):
            with pytest.raises(BadSource, match=match):
                import_model(source)
