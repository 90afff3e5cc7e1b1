"""The source document's program, on the engine: one neuron, trained by gradient descent.

It reads side by side with the document. Where each equation stands:

    section            equations       line of code
    ================   =============   ==================================================
    3 Initialization   (1)             ``initial.xavier_normal``
    4 Forward          (2), (3)        ``passes.forward``, ``rules.activations.sigmoid``
    5 Loss             (4)             ``rules.losses.half_squared_error``
    6 Backpropagation  (5) to (9)      ``rules.losses.half_squared_error``, its slope
                       (10) to (13)    ``rules.activations.sigmoid``, its slope
                       (14) to (25)    ``passes.times_slope`` and ``passes.backward``
    7 Descent          (26), (27)      ``rules.optimisers.gd``
    8 Training loop                    ``feedforward_nn``, below
    ================   =============   ==================================================

We follow the equations; ``docs/document.md`` shows where the document's printed
code does something else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.arguments import learning_rate_of, whole
from chainrule.engine import mean_loss
from chainrule.errors import BadSetting, Diverged
from chainrule.loop import train
from chainrule.network import Network

Floats = NDArray[np.float64]


def feedforward_nn(
    epochs: int,
    x: ArrayLike,
    y: ArrayLike,
    *,
    learning_rate: float = 0.005,
    seed: int | None = None,
    w: ArrayLike | None = None,
    b: ArrayLike | None = None,
    report_every: int | None = 100,
) -> tuple[Floats, Floats]:
    """Train the document's network: n_in inputs, one sigmoid neuron, half the squared error.

    Parameters
    ----------
    epochs : int
        Steps of gradient descent, each over all samples. 0 gives the initial
        parameters back.
    x : array-like of shape (n_in,), (n_in, 1) or (n_in, m)
        One sample, or m samples as the columns, as the document writes them.
    y : array-like
        The targets. For one sample a number or one in an array of shape (1,) or
        (1, 1); for m samples of shape (m,) or (1, m).
    learning_rate : float, default 0.005
        Eta of equations (26) and (27).
    seed : int, optional
        Of the initial weights; by default they are new in every run, as in the
        document.
    w : array-like of shape (n_in, 1) or (n_in,), optional
        Initial weights; by default drawn by equation (1).
    b : float or array-like of shape (1,), optional
        Initial bias; by default 0.
    report_every : int or None, default 100
        Epochs between two lines of progress; None is silent.

    Returns
    -------
    w : ndarray of shape (n_in, 1)
    b : ndarray of shape (1,)

    Raises
    ------
    BadSetting
        If a shape does not fit, or a value is not finite or out of its range.
    Diverged
        If numbers overflowed, which takes inputs of about 1e300.

    Notes
    -----
    Z = w^T x + b (2), A = 1 / (1 + e^-Z) (3), L = (A - y)^2 / 2 (4), and with
    delta = (A - y) A (1 - A)

        dL/dw = delta x (24)          dL/db = delta (25)
        w <- w - eta dL/dw (26)       b <- b - eta dL/db (27)

    For m samples L, dL/dw and dL/db are means over the samples.

    A line of progress shows the parameters with which its epoch begins, and the
    loss at these parameters. (The printed code joins the parameters after the
    step with the squared error before it.)

    Ctrl-C ends the training and gives back the best parameters of the block of
    epochs between two lines.

    Examples
    --------
    >>> w, b = feedforward_nn(200, [1.0, 2.0, 3.0], 1.0, w=[0.1, -0.2, 0.05], b=0.0)
    Epoch 0: w = [0.100, -0.200, 0.050], b = [0.000], loss = 0.144
    Epoch 100: w = [0.153, -0.095, 0.208], b = [0.053], loss = 0.060
    >>> w.shape, b.shape
    ((3, 1), (1,))

    A batch, three samples as the columns:

    >>> x = np.array([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]])
    >>> w, b = feedforward_nn(20_000, x, [0.1, 0.5, 0.9], seed=7, report_every=None)
    >>> a = 1 / (1 + np.exp(-(w.T @ x + b)))
    >>> a.round(2).tolist()
    [[0.2, 0.5, 0.8]]
    """
    epochs = whole("epochs", epochs, 0)
    learning_rate = learning_rate_of("gd", learning_rate)
    block = max(1, epochs) if report_every is None else whole("report_every", report_every, 1)
    x, y = _samples(x, y)
    network = Network((len(x), 1), output="sigmoid", loss="half_squared_error")

    # Initialization: W ~ N(0, 2 / (n_in + n_out)) (1), b = 0
    parameters = _initial(network, seed, w, b)

    for epoch in range(0, epochs, block):
        # Print progress (optional)
        if report_every is not None:
            loss = mean_loss(network, parameters, x.T, y)
            print(_line(epoch, parameters[:-1], parameters[-1:], loss))  # noqa: T201

        # Forward propagation (2), (3), backpropagation (24), (25) and gradient
        # descent (26), (27), for a block of epochs in one compiled call
        try:
            training = train(
                network, x.T, y,
                solver="gd", learning_rate=learning_rate, epochs=min(block, epochs - epoch),
                batch_size=None, shuffle=False, parameters=parameters,
            )  # fmt: skip
        except Diverged as error:
            error.add_note(f"Epochs are counted from epoch {epoch}, the last line of progress.")
            raise
        parameters = training.parameters
        if training.stopped == "interrupted":
            break

    return parameters[:-1].reshape(-1, 1), parameters[-1:]


def _line(epoch: int, w: Floats, b: Floats, loss: float) -> str:
    """Return the document's line of progress: three decimals, no per cent."""
    weights = ", ".join(f"{value:.3f}" for value in w)
    return f"Epoch {epoch}: w = [{weights}], b = [{b[0]:.3f}], loss = {loss:.3f}"


def _samples(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return x of shape (n_in, m) and y of shape (m,)."""
    inputs, targets = _finite("x", x), _finite("y", y)
    columns = inputs.reshape(-1, 1) if inputs.ndim == 1 else inputs
    if columns.ndim != 2 or not columns.size:
        raise BadSetting(
            f"x of shape {inputs.shape} must be one sample of shape (n_in,) or (n_in, 1), or m "
            "samples as columns, shape (n_in, m)"
        )
    m = columns.shape[1]
    shapes: list[tuple[int, ...]] = [(m,), (1, m)] + ([()] if m == 1 else [])
    if targets.shape not in shapes:
        raise BadSetting(
            f"y of shape {targets.shape} does not fit x of shape {inputs.shape}, whose columns "
            f"are {m} samples: it must be of shape {' or '.join(map(str, shapes))}"
        )
    return columns, targets.reshape(m)


def _initial(
    network: Network, seed: int | None, w: ArrayLike | None, b: ArrayLike | None
) -> Floats:
    """Return the flat parameters to start from: the given ones, else fresh ones."""
    seed = None if seed is None else whole("seed", seed, 0)
    parameters: Floats = network.initial(np.random.default_rng(seed))
    n_in = network.sizes[0]
    if w is not None:
        weights = _finite("w", w)
        if weights.shape not in ((n_in, 1), (n_in,)):
            raise BadSetting(f"w of shape {weights.shape} must be of shape ({n_in}, 1)")
        parameters[:-1] = weights.ravel()
    if b is not None:
        bias = _finite("b", b)
        if bias.shape not in ((), (1,)):
            raise BadSetting(f"b of shape {bias.shape} must be a number, or of shape (1,)")
        parameters[-1] = float(bias.reshape(()))
    return parameters


def _finite(name: str, values: Any) -> Floats:
    """Return values as an array of finite float64."""
    try:
        array: Floats = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadSetting(f"{name} must be a number or an array of numbers: {error}") from None
    if not np.isfinite(array).all():
        raise BadSetting(f"{name} holds NaN or an infinite number; it must be finite")
    return array
