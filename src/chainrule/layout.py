"""Where everything lies: what the kernels are given, and a network's plan."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.network import Network
from chainrule.own import Rule, code_of
from chainrule.rules import ACTIVATIONS, LINKS, LOSSES

LOSS_CODES = {name: code for code, name in enumerate(LOSSES)}
CODES = {name: code for code, name in enumerate((*ACTIVATIONS, "softmax"))}
SAMPLES_AT_ONCE = 128  # more would leave the nearest caches
NO_OPTIMISER = -1
VECTOR_BYTES = 64  # of the widest vectors there are: parts of the workspace begin at multiples


class Plan(NamedTuple):
    """Where everything lies, and which rule each layer uses."""

    sizes: Any  # neurons of each layer, the input first
    activations: Any  # code of each layer after the input
    loss: int
    loss_parameter: float
    parameters: Any  # start of each layer's [W; b] in the flat parameters
    outputs: Any  # start of each layer's A in the workspace, the input first
    slopes: Any  # start of each layer's dA/dZ
    deltas: Any  # two places for dL/dZ, used in turn
    turned: int  # delta with samples as rows
    identity: Any  # 0, 1, 2, ...: all rows of a delta
    targets: int
    shares: int  # each sample's share in the mean


class Data(NamedTuple):
    """Samples as rows, as the user has them, and the order in which they are taken."""

    X: Any
    Y: Any
    weight: Any  # of each sample; of size 0 where all count alike
    order: Any


class Settings(NamedTuple):
    """What stays the same during a training."""

    batch_size: int
    hyperparameters: Any
    optimiser: int = NO_OPTIMISER
    shuffle: bool = False
    l1: float = 0.0
    l2: float = 0.0
    alpha: float = 0.0  # as l2, but divided by the weight of each batch
    clip_norm: float = np.inf  # no clipping
    dropout: float = 0.0  # share of the outputs of hidden layers that are left out
    patience: int = -1  # epochs without improvement before the stop; -1: never
    tolerance: float = 0.0
    # What is reported, and not followed, as scikit-learn has it: the data's loss times a share,
    # such as 1 / outputs; and batches of an epoch that count by rows, whatever their weight.
    share: float = 1.0
    by_rows: bool = False


class State(NamedTuple):
    """What training changes: parameters, memories, and the place in the run."""

    theta: Any
    gradient: Any
    m: Any
    v: Any
    best: Any  # parameters with the least loss, on the validation data if there are any
    finite: Any  # parameters after the last epoch without overflow
    place: Any  # see the indices below
    random: Any  # state of the shuffling, and the number of dropout's next draw
    work: Any


STEP, BEST_LOSS, WAITED, BEST_EPOCH, FIRST_STEP, EPOCHS = range(6)


class Chunk(NamedTuple):
    """A few epochs, run in one call."""

    first: int
    rates: Any  # learning rate of each step; of size 1 where it is constant
    losses: Any
    validation_losses: Any


@lru_cache(maxsize=64)
def lay_out(network: Network, itemsize: int, samples: int, training: bool) -> Plan:
    """Lay out a network for the kernels.

    For ``training`` the last layer of a loss that is computed from scores gives
    the scores.
    """
    names = list(network.activations)
    if training and network.loss in LINKS:
        names[-1] = "identity"
    sizes = np.array(network.sizes, dtype=np.int64)
    places: list[int] = [0]

    def room(numbers: int) -> int:
        places.append(
            places[-1] + -(-numbers * itemsize // VECTOR_BYTES) * VECTOR_BYTES // itemsize
        )
        return places[-2]

    outputs = np.array([room((size + 1) * samples) for size in network.sizes])
    slopes = np.array([room(size * samples) for size in network.sizes])
    deltas = np.array([room(max(network.sizes) * samples) for _ in range(2)])
    turned = room(samples * max(network.sizes))
    targets = room(network.sizes[-1] * samples)
    return Plan(
        sizes=sizes,
        activations=np.array([_code(name, CODES, itemsize) for name in names]),
        loss=_code(network.loss, LOSS_CODES, itemsize),
        loss_parameter=network.loss_parameter or 0.0,
        parameters=np.array(network.starts[:-1]),
        outputs=outputs,
        slopes=slopes,
        deltas=deltas,
        turned=turned,
        identity=np.arange(max(network.sizes), dtype=np.int32),
        targets=targets,
        shares=room(0),
    )


def _code(rule: str | Rule, codes: dict[str, int], itemsize: int) -> int:
    return code_of(rule, itemsize) if isinstance(rule, Rule) else codes[rule]


def workspace(plan: Plan, samples: int, dtype: Any) -> NDArray[Any]:
    """Return the scratch memory of a plan, aligned to the widest vectors."""
    size = plan.shares + samples
    vector = VECTOR_BYTES // np.dtype(dtype).itemsize
    raw = np.zeros(size + 2 * vector, dtype=dtype)  # products may read a vector too far
    if samples == 1:  # gains nothing by alignment, and to ask for the address takes longer
        return raw[:size]
    offset = -raw.ctypes.data % VECTOR_BYTES // raw.itemsize
    return raw[offset : offset + size]


def begin(network: Network, theta: NDArray[Any], batch_size: int, seed: int) -> tuple[Plan, State]:
    """Return plan and state of a training that is about to begin; it changes ``theta``."""
    samples = min(batch_size, SAMPLES_AT_ONCE)
    plan = lay_out(network, theta.itemsize, samples, training=True)
    random = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    state = State(
        theta=theta,
        gradient=np.zeros_like(theta),
        m=np.zeros_like(theta),
        v=np.zeros_like(theta),
        best=theta.copy(),
        finite=theta.copy(),
        place=np.array([0.0, np.inf, 0.0, -1.0, 0.0, 0.0]),
        random=random | np.array([1, 0], np.uint64),  # xorshift never leaves 0
        work=workspace(plan, samples, theta.dtype),
    )
    return plan, state


def no_data(data: Data) -> Data:
    """Return data without samples, of the same types."""
    return Data(data.X[:0], data.Y[:0], data.weight[:0], data.order[:0])


def in_double(data: Data) -> Data:
    """Return data as float64."""
    X, Y, weight = (np.asarray(part, np.float64) for part in data[:3])
    return Data(X, Y, weight, data.order)
