"""The same numbers from PyTorch, in float64: gradients, optimisers, schedules."""

import numpy as np
import pytest

import naive
from chainrule.course import PLATEAU_FACTOR, PLATEAU_PATIENCE
from chainrule.engine import forward, gradient
from chainrule.loop import train
from chainrule.network import HIDDEN, OUTPUTS, Network
from chainrule.rules import LINKS, LOSSES
from chainrule.schedules import SCHEDULES
from tolerances import FORWARD, GRADIENT, LONG_TRAINING, SCHEDULE, assert_close, close

torch = pytest.importorskip("torch")
functional = torch.nn.functional

pytestmark = pytest.mark.peers

DEPTHS = {0: (3, 2), 1: (3, 5, 2), 2: (3, 4, 6, 2), 3: (3, 5, 4, 3, 2)}

ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "selu": functional.selu,
    "softplus": lambda z: functional.softplus(z, threshold=1000),
    "silu": functional.silu,
    "gelu": functional.gelu,
    "softsign": functional.softsign,
    "exp": torch.exp,
    "softmax": lambda z: torch.softmax(z, dim=1),
}


def pinball(a, y, level):
    return torch.maximum(level * (y - a), (level - 1) * (y - a)).sum() / len(y)


# of the outputs a, and for losses with a link of the scores
LOSS = {
    "half_squared_error": lambda a, y, p: functional.mse_loss(a, y, reduction="sum") / 2 / len(y),
    "absolute_error": lambda a, y, p: functional.l1_loss(a, y, reduction="sum") / len(y),
    "huber": lambda a, y, p: functional.huber_loss(a, y, delta=p, reduction="sum") / len(y),
    "quantile": pinball,
    "binary_cross_entropy": lambda z, y, p: (
        functional.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(y)
    ),
    "poisson": lambda z, y, p: functional.poisson_nll_loss(z, y, reduction="sum") / len(y),
    "cross_entropy": lambda z, y, p: functional.cross_entropy(z, y),
}


def tensors(network, theta):
    return [
        torch.tensor(part, dtype=torch.float64, requires_grad=True)
        for pair in network.layers(theta)
        for part in pair
    ]


def torch_loss(network, parts, X, Y):
    """The loss of PyTorch's own functions, with our weights (n_in, n_out)."""
    a = torch.as_tensor(X, dtype=torch.float64)
    names = list(network.activations)
    if network.loss in LINKS:
        names[-1] = "identity"
    for W, b, name in zip(parts[::2], parts[1::2], names, strict=True):
        a = ACTIVATIONS[name](a @ W + b)
    y = torch.as_tensor(Y, dtype=torch.float64)
    return LOSS[network.loss](a, y, network.loss_parameter)


def flat(parts):
    return np.concatenate([part.detach().numpy().ravel() for part in parts])


def problem(network, n=11):
    random = np.random.default_rng([n, *network.sizes])
    theta = random.normal(0, 0.6, network.n_parameters)
    X = random.normal(size=(n, network.sizes[0]))
    n_out = network.sizes[-1]
    if network.loss == "cross_entropy":
        Y = random.dirichlet(np.ones(n_out), n)
    elif network.loss == "binary_cross_entropy":
        Y = random.uniform(size=(n, n_out))
    elif network.loss == "poisson":
        Y = random.poisson(2.0, (n, n_out)).astype(float)
    else:
        Y = random.normal(0, 2, (n, n_out))
    return theta, X, Y


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_every_activation_loss_and_depth(loss, depth):
    outputs = (LINKS[loss], "identity") if loss in LINKS else OUTPUTS
    for output in outputs:
        for hidden in HIDDEN if depth else ("relu",):
            network = Network(DEPTHS[depth], hidden, output, loss)
            theta, X, Y = problem(network)
            value, slope = gradient(network, theta, X, Y)
            parts = tensors(network, theta)
            expected = torch_loss(network, parts, X, Y)
            expected.backward()
            what = (hidden, output, loss, depth)
            assert abs(value - expected.item()) <= GRADIENT[np.float64] * max(1, abs(value)), what
            assert close(slope, flat([p.grad for p in parts]), GRADIENT[np.float64]), what


@pytest.mark.parametrize("parameter", [0.1, 0.7])
@pytest.mark.parametrize("loss", ["huber", "quantile"])
def test_parameters_of_losses(loss, parameter):
    network = Network((3, 4, 2), "tanh", loss=loss, loss_parameter=parameter)
    theta, X, Y = problem(network, n=40)
    parts = tensors(network, theta)
    expected = torch_loss(network, parts, X, Y)
    expected.backward()
    value, slope = gradient(network, theta, X, Y)
    assert_close(value, expected.item(), GRADIENT[np.float64])
    assert_close(slope, flat([p.grad for p in parts]), GRADIENT[np.float64])


@pytest.mark.parametrize("name", OUTPUTS)
def test_forward(name):
    network = Network((1, 2), output=name)
    z = np.linspace(-30, 30, 301)
    found = forward(network, np.array([1.0, 0.5, 0.0, 0.0]), z.reshape(-1, 1))
    expected = ACTIVATIONS[name](torch.tensor(np.stack([z, 0.5 * z], axis=1))).numpy()
    error = np.abs(found - expected) / np.maximum(np.abs(expected), 1.0)
    assert error.max() <= FORWARD[np.float64]


# PyTorch's optimiser, the names of its options, and ours
OPTIMISERS = {
    "gd": lambda p, lr: torch.optim.SGD(p, lr=lr),
    "sgd": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    "nesterov": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True),
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr=lr, alpha=0.9),
    "adam": lambda p, lr: torch.optim.Adam(p, lr=lr),
    "rprop": lambda p, lr: torch.optim.Rprop(p, lr=lr),
    "adamw": lambda p, lr: torch.optim.AdamW(
        [
            {"params": p[::2], "weight_decay": 0.1},
            {"params": p[1::2], "weight_decay": 0.0},  # biases do not decay
        ],
        lr=lr,
    ),
}
OWN = {"adamw": {"weight_decay": 0.1}}


@pytest.mark.parametrize("rate", [0.005, 0.05])
@pytest.mark.parametrize("solver", OPTIMISERS)
def test_twenty_steps_of_every_optimiser(solver, rate):
    network = Network((3, 5, 2), "tanh", "sigmoid")
    theta, X, Y = problem(network, n=30)
    ours = train(
        network, X, Y, solver=solver, learning_rate=rate, epochs=20, batch_size=None,
        parameters=theta, **OWN.get(solver, {}),
    )  # fmt: skip
    parts = tensors(network, theta)
    optimiser = OPTIMISERS[solver](parts, rate)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = torch_loss(network, parts, X, Y)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    assert_close(ours.history.loss, losses, LONG_TRAINING)
    assert_close(ours.parameters, flat(parts), LONG_TRAINING)
    assert np.abs(ours.parameters - theta).max() > rate / 10


@pytest.mark.parametrize("norm", [0.01, 1e6])
def test_clipping(norm):
    """PyTorch adds 1e-6 to the norm that it divides by, so that its step is a little shorter."""
    network = Network((3, 5, 2), "tanh", "sigmoid")
    theta, X, Y = problem(network)
    ours = train(network, X, Y, solver="gd", learning_rate=1.0, epochs=1, batch_size=None,
                 parameters=theta, clip_norm=norm)  # fmt: skip
    parts = tensors(network, theta)
    torch_loss(network, parts, X, Y).backward()
    torch.nn.utils.clip_grad_norm_(parts, norm)
    step = flat([p.grad for p in parts])
    np.testing.assert_allclose(theta - ours.parameters, step, rtol=1e-4, atol=1e-12)


def rates(scheduler_of, steps, metric=None):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = scheduler_of(optimiser)
    found = []
    for step in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if metric is not None:
            scheduler.step(metric[step])
        elif step < steps - 1:
            scheduler.step()
    return found


@pytest.mark.parametrize("steps", [4, 5, 10, 33, 100])
def test_schedules(steps):
    step = np.arange(steps)
    one_cycle = rates(
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=steps), steps
    )
    np.testing.assert_allclose(SCHEDULES["one_cycle"](step, steps), one_cycle, rtol=1e-9)
    cosine = rates(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=steps), steps)
    np.testing.assert_allclose(SCHEDULES["cosine"](step, steps), cosine, rtol=1e-9)
    root = rates(
        lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda s: 1 / np.sqrt(s + 1)), steps
    )
    np.testing.assert_allclose(SCHEDULES["inverse_scaling"](step, steps), root, rtol=SCHEDULE)


def test_plateau():
    network = Network((3, 1))
    theta, X, Y = problem(network)
    ours = train(network, X, Y, solver="gd", learning_rate=1.5, epochs=60, batch_size=None,
                 schedule="plateau", parameters=theta).history  # fmt: skip
    expected = rates(
        lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(
            o, factor=PLATEAU_FACTOR, patience=PLATEAU_PATIENCE, threshold=0.0
        ),
        60,
        metric=ours.loss,
    )
    assert expected[-1] < 1
    np.testing.assert_allclose(ours.learning_rate, 1.5 * np.array(expected), rtol=1e-14)
    np.testing.assert_allclose(naive.plateau_shares(ours.loss), expected, rtol=1e-14)
