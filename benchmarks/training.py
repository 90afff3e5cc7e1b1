"""Time one training step of the same network on the same data, ours and the peers'.

    python -m pip install -e '.[bench]'
    python benchmarks/training.py            # prints the table in benchmarks/README.md
    python benchmarks/training.py --peers scikit-learn numpy

Everything runs on one thread (BLAS, PyTorch and JAX are told so before they are
imported; JAX's compiler threads are kept off by pinning the process to one core
where the system allows it). Each peer trains through shuffled mini-batches of
20,000 rows. Ours and a peer take turns, and the ratio is the median of the
ratios of neighbouring turns, so that a machine that slows down slows both.
"""

from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{name}_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chainrule.loop import train
from chainrule.network import Network

ROWS = 20_000


@dataclass(frozen=True)
class Case:
    """One line of the table, with the ratios to reach."""

    sizes: tuple[int, ...]
    batch: int
    targets: dict[str, float]
    classes: bool = False
    rows: int = ROWS

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return -(-self.rows // self.batch)

    @property
    def name(self) -> str:
        """The sizes, such as 3-8-8-1."""
        return "-".join(map(str, self.sizes))


NEURON = Case((3, 1), 1, {"numpy": 250})
CASES = [
    Case((3, 8, 8, 1), 32, {"scikit-learn": 150, "PyTorch": 500, "JAX": 16}),
    Case((20, 32, 32, 1), 32, {"scikit-learn": 30, "PyTorch": 55, "JAX": 4}),
    Case((20, 64, 64, 1), 32, {"scikit-learn": 15, "PyTorch": 30, "JAX": 2}),
    Case((64, 128, 128, 1), 128, {"scikit-learn": 3.5, "PyTorch": 3, "JAX": 1}),
    Case((784, 128, 64, 10), 64, {"scikit-learn": 4, "PyTorch": 3, "JAX": 1}, classes=True),
]
Epoch = Callable[[], float]  # trains one epoch, returns the seconds of a step


def data(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 inputs and targets; classes as whole numbers."""
    random = np.random.default_rng(0)
    X = random.normal(size=(case.rows, case.sizes[0])).astype(np.float32)
    if case.classes:
        return X, random.integers(0, case.sizes[-1], case.rows)
    return X, np.sin(X[:, 0]).astype(np.float32)


def chainrule_epoch(case: Case) -> Epoch:
    """Return our epoch: relu, Adam, the rows in a new order each time."""
    X, Y = data(case)
    network = Network(
        case.sizes,
        output="softmax" if case.classes else "identity",
        loss="cross_entropy" if case.classes else "half_squared_error",
    )
    if case.classes:
        Y = np.eye(case.sizes[-1], dtype=np.float32)[Y]
    epochs = max(1, 2_000 // case.steps)

    def run() -> float:
        training = train(network, X, Y, epochs=epochs, batch_size=case.batch)
        return training.seconds / (epochs * case.steps)

    return run


def sklearn_epoch(case: Case) -> Epoch:
    """Return scikit-learn's epoch, timed inside one ``fit`` of three."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    X, Y = data(case)
    kind = MLPClassifier if case.classes else MLPRegressor
    epochs = 3

    def run() -> float:
        model = kind(
            hidden_layer_sizes=case.sizes[1:-1],
            alpha=0.0,
            batch_size=case.batch,
            max_iter=epochs,
            tol=0.0,
            n_iter_no_change=epochs + 1,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            start = time.perf_counter()
            model.fit(X, Y)
        return (time.perf_counter() - start) / (epochs * case.steps)

    return run


def torch_epoch(case: Case) -> Epoch:
    """Return PyTorch's eager epoch: the usual loop, without a DataLoader."""
    import torch

    torch.set_num_threads(1)
    X, Y = map(torch.from_numpy, data(case))
    layers: list[torch.nn.Module] = []
    for n_in, n_out in zip(case.sizes[:-1], case.sizes[1:], strict=True):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    criterion = torch.nn.CrossEntropyLoss() if case.classes else torch.nn.MSELoss()
    Y = Y if case.classes else Y[:, None]
    optimiser = torch.optim.Adam(model.parameters())
    steps = min(case.steps, 300)

    def run() -> float:
        order = torch.randperm(case.rows)
        start = time.perf_counter()
        for s in range(steps):
            rows = order[s * case.batch : (s + 1) * case.batch]
            optimiser.zero_grad()
            criterion(model(X[rows]), Y[rows]).backward()
            optimiser.step()
        return (time.perf_counter() - start) / steps

    return run


def jax_epoch(case: Case) -> Epoch:
    """Return JAX's epoch in its strongest form: one jitted ``lax.scan`` over all batches."""
    import jax
    import jax.numpy as jnp

    X, Y = data(case)
    if case.classes:
        Y = np.eye(case.sizes[-1], dtype=np.float32)[Y]
    X, Y = jnp.asarray(X), jnp.asarray(Y.reshape(case.rows, -1))
    random = np.random.default_rng(0)
    weights = [
        (jnp.asarray(random.normal(0, (2 / (i + o)) ** 0.5, (i, o)), jnp.float32), jnp.zeros(o))
        for i, o in zip(case.sizes[:-1], case.sizes[1:], strict=True)
    ]

    def loss(p, x, y):
        for W, b in p[:-1]:
            x = jax.nn.relu(x @ W + b)
        z = x @ p[-1][0] + p[-1][1]
        if case.classes:
            return -(y * jax.nn.log_softmax(z)).sum(1).mean()
        return 0.5 * ((z - y) ** 2).sum(1).mean()

    def step(carry, rows):
        p, m, v, t = carry
        value, g = jax.value_and_grad(loss)(p, X[rows], Y[rows])
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        c1, c2 = 1 / (1 - 0.9**t), 1 / (1 - 0.999**t)
        p = jax.tree.map(lambda p, m, v: p - 0.001 * m * c1 / (jnp.sqrt(v * c2) + 1e-8), p, m, v)
        return (p, m, v, t), value

    @jax.jit
    def epoch(carry, key):
        order = jax.random.permutation(key, case.rows)
        whole = case.rows // case.batch
        return jax.lax.scan(step, carry, order[: whole * case.batch].reshape(whole, case.batch))

    zeros = jax.tree.map(jnp.zeros_like, weights)
    carry = (weights, zeros, zeros, jnp.float32(0))
    keys = iter(jax.random.split(jax.random.key(0), 1000))

    def run() -> float:
        start = time.perf_counter()
        jax.block_until_ready(epoch(carry, next(keys)))
        return (time.perf_counter() - start) / (case.rows // case.batch)

    return run


PEERS = {"scikit-learn": sklearn_epoch, "PyTorch": torch_epoch, "JAX": jax_epoch}


def neuron_epoch() -> Epoch:
    """Return our epoch of the document's neuron, one sample a step, rows in order."""
    X, y = neuron_data()
    network = Network((3, 1), output="sigmoid")

    def run() -> float:
        training = train(
            network, X, y, solver="gd", learning_rate=0.005, batch_size=1, epochs=5, shuffle=False
        )
        return training.seconds / (5 * ROWS)

    return run


def document_epoch() -> Epoch:
    """Return the document's NumPy loop, with shapes that its equations have."""
    X, y = neuron_data()
    columns = [(X[i].reshape(3, 1), y[i]) for i in range(ROWS)]

    def run() -> float:
        w, b, learning_rate = np.zeros((3, 1)), np.zeros((1, 1)), 0.005
        start = time.perf_counter()
        for x, target in columns:
            z = np.dot(w.T, x) + b
            a = 1 / (1 + np.exp(-z))
            dl_dw = (a - target) * a * (1 - a) * x
            dl_db = (a - target) * a * (1 - a)
            w = w - learning_rate * dl_dw
            b = b - learning_rate * dl_db
        return (time.perf_counter() - start) / ROWS

    return run


def neuron_data() -> tuple[np.ndarray, np.ndarray]:
    """Return 20,000 samples of three numbers, with targets in 0..1."""
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS, 3))
    return X, 1 / (1 + np.exp(-X.sum(1)))


def compare(ours: Epoch, peer: Epoch, turns: int) -> tuple[float, float, float]:
    """Return our seconds a step, the peer's, and the ratio, each the median of the turns."""
    ours()
    peer()  # warm
    pairs = [(ours(), peer()) for _ in range(turns)]
    mine, theirs = zip(*pairs, strict=True)
    ratio = statistics.median(b / a for a, b in pairs)
    return statistics.median(mine), statistics.median(theirs), ratio


def sgemm_rate(case: Case) -> float:
    """Return the flops a second of SciPy's sgemm at the shape of a case's largest product."""
    from scipy.linalg.blas import sgemm

    random = np.random.default_rng(0)
    inputs, outputs = case.sizes[:2]
    a = np.asfortranarray(random.random((outputs, inputs), dtype=np.float32))
    b = np.asfortranarray(random.random((inputs, case.batch), dtype=np.float32))
    best = np.inf
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(20):
            sgemm(1.0, a, b)
        best = min(best, (time.perf_counter() - start) / 20)
    return 2 * a.shape[0] * a.shape[1] * b.shape[1] / best


def flops(case: Case) -> float:
    """Count a step's multiplications and additions: forward, dW, and dA but for the input."""
    products = [i * o for i, o in zip(case.sizes[:-1], case.sizes[1:], strict=True)]
    return 2.0 * case.batch * (3 * sum(products) - products[0])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="*", default=["numpy", *PEERS])
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print("| network | batch | peer | ours, µs | peer, µs | ratio | to reach |")
    print("|---|---|---|---|---|---|---|")
    if "numpy" in options.peers:
        line(NEURON, "numpy", *compare(neuron_epoch(), document_epoch(), options.turns))
    for case in CASES:
        ours = chainrule_epoch(case)
        for peer, epoch in PEERS.items():
            if peer in options.peers:
                line(case, peer, *compare(ours, epoch(case), options.turns))
    last = CASES[-1]
    shares = []
    ours = chainrule_epoch(last)
    for _ in range(options.turns):
        rate = sgemm_rate(last)
        shares.append(flops(last) / ours() / rate)
    print(
        f"\n{last.name}: {100 * statistics.median(shares):.0f} % of the machine's sgemm rate "
        f"({rate / 1e9:.0f} GFLOP/s); to reach: 40 %"
    )


def line(case: Case, peer: str, ours: float, theirs: float, ratio: float) -> None:
    """Print one line of the table."""
    print(
        f"| {case.name} | {case.batch} | {peer} | {1e6 * ours:.2f} | {1e6 * theirs:.1f} "
        f"| {ratio:.3g} | {case.targets[peer]:g} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
