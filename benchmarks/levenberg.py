"""Time Levenberg-Marquardt: to the training loss of scikit-learn's solvers, and a step.

    python benchmarks/levenberg.py             # beside MLPRegressor with its defaults
    python benchmarks/levenberg.py --steps     # seconds of a step, and of its matrix product
    python benchmarks/levenberg.py --damping   # loss after equal time, by factors of mu

Everything runs on one thread. Kernels are compiled before the clock starts.
"""

from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import sys
import time
import warnings
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from chainrule import levenberg
from chainrule.engine import checked_data
from chainrule.layout import Data
from chainrule.levenberg import Step, levenberg_marquardt
from chainrule.network import Network

SEEDS = range(5)
FACTORS = [(1 / 3, 5.0), (0.2, 4.0), (0.2, 3.0), (0.1, 2.0), (0.1, 10.0)]
Problem = tuple[str, Network, np.ndarray, np.ndarray]


def problems() -> list[Problem]:
    """Return names, networks, inputs and targets."""
    random = np.random.default_rng(0)
    x, u = np.linspace(-3, 3, 200).reshape(-1, 1), random.uniform(-1, 1, (400, 2))
    X = random.normal(size=(1000, 10))
    y = np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:3] + 0.1 * random.normal(size=(1000, 1))
    three = np.hstack([y, X[:, :1] ** 2, np.tanh(X[:, 3:4])])
    return [
        ("sin(x) 1-10-1", Network((1, 10, 1), "tanh"), x, np.sin(x)),
        ("1,000 x 10, tanh 16", Network((10, 16, 1), "tanh"), X, y),
        ("1,000 x 10, relu 16", Network((10, 16, 1), "relu"), X, y),
        ("1,000 x 10, tanh 8-8", Network((10, 8, 8, 1), "tanh"), X, y),
        ("1,000 x 10, silu 12, 3 outputs", Network((10, 12, 3), "silu"), X, three),
        ("sin(2x), 60 rows, 1-10-1", Network((1, 10, 1), "tanh"), x[::4] / 1.5, np.sin(x[::4])),
        ("400 x 2, tanh 15", Network((2, 15, 1), "tanh"), u, np.sin(3 * u[:, :1]) * u[:, 1:]),
    ]


def data_of(network: Network, X: np.ndarray, Y: np.ndarray) -> Data:
    """Return the data as kernels take them, after one step that compiles."""
    data = checked_data(network, X, Y, None, np.float64)
    next(levenberg_marquardt(network, network.initial(0), data))
    return data


def start_of(network: Network, seed: int) -> np.ndarray:
    """Return scikit-learn's own initial weights and biases."""
    random = np.random.RandomState(seed)
    pairs = pairwise(network.sizes)
    bounds = [(np.sqrt(6 / (n_in + n_out)), (n_in + 1) * n_out) for n_in, n_out in pairs]
    return np.concatenate([random.uniform(-bound, bound, size) for bound, size in bounds])


def clocked(network: Network, data: Data, seed: int, l2: float) -> Iterator[tuple[float, Step]]:
    """Yield every step with the seconds since the start."""
    begin, theta = time.perf_counter(), start_of(network, seed)
    for step in levenberg_marquardt(network, theta, data, l2=l2, tolerance=0.0):
        yield time.perf_counter() - begin, step


def beside_scikit_learn() -> None:
    """Print the seconds to the objective that MLPRegressor ends with."""
    from sklearn.neural_network import MLPRegressor

    warnings.simplefilter("ignore")  # that it has not converged
    for name, network, X, Y in problems()[:3]:
        data, hidden = data_of(network, X, Y), network.sizes[1:-1]
        for solver in ("lbfgs", "adam"):
            ratios, rows, missed = [], [], 0
            for seed in SEEDS:
                peer = MLPRegressor(
                    hidden_layer_sizes=hidden,
                    activation=network.hidden,
                    solver=solver,
                    random_state=seed,
                )
                begin = time.perf_counter()
                peer.fit(X, Y.ravel())
                theirs, ours = time.perf_counter() - begin, np.inf
                for seconds, step in clocked(network, data, seed, 1e-4 / len(X)):
                    if step.loss <= peer.loss_:
                        ours = seconds
                        break
                    if seconds > 20 * theirs:
                        break
                missed += ours == np.inf
                ratios.append(theirs / ours)
                rows.append((theirs, ours, peer.loss_))
            theirs, ours, loss = np.median(rows, axis=0)
            print(f"{name:32} {solver:6} loss {loss:.3g}  {theirs * 1e3:7.1f} ms, "
                  f"ours {ours * 1e3:6.2f} ms, ratio {np.median(ratios):6.1f}, "
                  f"never reached {missed} of {len(SEEDS)}")  # fmt: skip


def seconds_of_steps() -> None:
    """Print the parts of a step of n = 1,000 samples."""
    random = np.random.default_rng(0)
    for sizes in [(5, 7, 1), (9, 18, 1), (20, 45, 1)]:
        network = Network(sizes, "tanh")
        P, X = network.n_parameters, random.normal(size=(1000, sizes[0]))
        data = data_of(network, X, np.sin(X[:, :1]))
        objective, theta = levenberg._Objective(network, data, 1e-6), network.initial(0)
        gradient, _ = objective.linearise(theta)
        parts = (
            least(lambda: objective.linearise(theta)),  # noqa: B023
            least(lambda: objective.step(gradient, 1e-3)),  # noqa: B023
            least(lambda: objective.value(theta)),  # noqa: B023
        )
        ms = " + ".join(f"{part * 1e3:.3f}" for part in parts)
        rate = 1000 * P * P / parts[0] / 1e9
        print(f"P = {P}: H and g + solve + trial = {ms} ms; H and g at {rate:.0f} GFLOP/s "
              f"(n P^2 counted, by symmetry)")  # fmt: skip


def least(call: object) -> float:
    """Return the least seconds of 20 calls."""
    times = []
    for _ in range(20):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def by_damping() -> None:
    """Print, for factors of mu, the loss after equal time, relative to the best (geometric)."""
    table = []
    for name, network, X, Y in problems():
        data, losses = data_of(network, X, Y), []
        for levenberg.SHRINK, levenberg.GROW in FACTORS:
            losses.append(np.mean([np.log(after(network, data, seed, 0.3)) for seed in SEEDS]))
        table.append(np.array(losses) - min(losses))
        print(f"{name:32}", np.exp(table[-1]).round(2))
    for factors, mean in zip(FACTORS, np.exp(np.mean(table, axis=0)), strict=True):
        print(f"x {factors[0]:.3g} and x {factors[1]:g}: {mean:.2f}")


def after(network: Network, data: Data, seed: int, limit: float) -> float:
    """Return the loss after some seconds."""
    loss = np.inf
    for seconds, step in clocked(network, data, seed, 0.0):
        if seconds > limit:
            break
        loss = step.loss
    return loss


if __name__ == "__main__":
    if "--steps" in sys.argv:
        seconds_of_steps()
    elif "--damping" in sys.argv:
        by_damping()
    else:
        beside_scikit_learn()
