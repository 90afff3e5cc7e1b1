"""The description of a network: sizes, activations, loss. It holds no parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.errors import BadSetting
from chainrule.initial import draw
from chainrule.own import Rule, check_slope, rule_of
from chainrule.rules import ACTIVATIONS, LINKS, LOSSES

HIDDEN = tuple(name for name in ACTIVATIONS if name != "exp")
OUTPUTS = (*ACTIVATIONS, "softmax")


@dataclass(frozen=True)
class Network:
    """A frozen description of a feed-forward network.

    Layer l computes Z = W^T A + b and A = f(Z), equations (2) and (3) of the
    source document.

    Parameters
    ----------
    sizes : sequence of int
        Neurons of each layer: the inputs, the hidden layers (none or more), the
        outputs. The source document's network is ``(3, 1)``.
    hidden : str, function, or a sequence of these, default "relu"
        The activation of the hidden layers, or one for each of them: a name, or a rule of
        your own, ``f(z) -> (a, slope)``, which is checked and compiled; ``chainrule.Rule``.
    output : str or function, default "identity"
        The activation of the last layer; "softmax" is possible here too.
    loss : str or function, default "half_squared_error"
        A name, or a rule of your own, ``f(a, y) -> (loss, slope)``. Summed over outputs,
        averaged over samples. ``binary_cross_entropy``, ``cross_entropy`` and
        ``poisson`` are computed from the scores Z and go with the outputs "sigmoid",
        "softmax" and "exp", or with "identity" for a network that gives out the scores.
    loss_parameter : float, optional
        The loss's own parameter: delta of ``huber`` (default 1), level of
        ``quantile`` (default 0.5).

    Raises
    ------
    BadRule
        If a function is outside the grammar of rules, or its slope is not its derivative.
    BadSetting
        If a name is unknown, a size is not a positive whole number, or output
        and loss do not go together.

    Examples
    --------
    >>> network = Network((3, 8, 1), hidden="tanh", output="sigmoid")
    >>> network.n_parameters
    41
    >>> parameters = network.initial(seed=7)
    >>> [(W.shape, b.shape) for W, b in network.layers(parameters)]
    [((3, 8), (8,)), ((8, 1), (1,))]

    An activation of your own, with its derivative beside it:

    >>> def bump(z):
    ...     a = exp(-z * z)
    ...     slope = -2.0 * z * a
    ...     return a, slope
    >>> print(Network((2, 8, 1), hidden=bump).hidden)
    bump
    """

    sizes: tuple[int, ...]
    hidden: Any = "relu"
    output: Any = "identity"
    loss: Any = "half_squared_error"
    loss_parameter: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", _checked_sizes(self.sizes))
        if isinstance(self.hidden, Sequence) and not isinstance(self.hidden, str):
            hidden: Any = tuple(rule_of(each, loss=False) for each in self.hidden)
        else:
            hidden = rule_of(self.hidden, loss=False)
        object.__setattr__(self, "hidden", hidden)
        object.__setattr__(self, "output", rule_of(self.output, loss=False))
        object.__setattr__(self, "loss", rule_of(self.loss, loss=True))
        if isinstance(self.hidden, tuple) and len(self.hidden) != len(self.sizes) - 2:
            raise BadSetting(
                f"hidden={self.hidden!r} names {len(self.hidden)} activations for "
                f"{len(self.sizes) - 2} hidden layers; give one, or one for each layer"
            )
        for name in self.hidden if isinstance(self.hidden, tuple) else (self.hidden,):
            _one_of("hidden", name, HIDDEN)
        _one_of("output", self.output, OUTPUTS)
        _one_of("loss", self.loss, LOSSES)
        self._check_loss()

    def _check_loss(self) -> None:
        link = LINKS.get(self.loss)
        if link and self.output not in (link, "identity"):
            raise BadSetting(
                f"loss={self.loss!r} is computed from scores and goes with output={link!r} "
                f"(or 'identity'), not with output={self.output!r}"
            )
        if "softmax" in (link, self.output) and self.sizes[-1] < 2:
            raise BadSetting(
                "softmax needs two outputs or more; for two classes with one output take "
                "output='sigmoid', loss='binary_cross_entropy'"
            )
        default = own_parameter(self.loss)
        value = default if self.loss_parameter is None else self.loss_parameter
        if value is None:
            return
        if default is None:
            raise BadSetting(f"loss='{self.loss}' has no parameter of its own")
        upper = 1.0 if self.loss == "quantile" else np.inf
        if not (isinstance(value, int | float | np.number) and 0.0 < value < upper):
            raise BadSetting(f"loss_parameter={value!r} of '{self.loss}' must be in (0, {upper})")
        object.__setattr__(self, "loss_parameter", float(value))
        if isinstance(self.loss, Rule):
            check_slope(self.loss.source, float(value))

    @property
    def activations(self) -> tuple[str | Rule, ...]:
        """The activation of each layer after the input."""
        between = len(self.sizes) - 2
        hidden = self.hidden if isinstance(self.hidden, tuple) else (self.hidden,) * between
        return (*hidden, self.output)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each layer's W begins in the flat parameters, and their number."""
        blocks = [(i + 1) * o for i, o in zip(self.sizes[:-1], self.sizes[1:], strict=True)]
        return (0, *(int(total) for total in np.cumsum(blocks)))

    @property
    def n_parameters(self) -> int:
        """The number of weights and biases."""
        return self.starts[-1]

    def initial(
        self,
        seed: int | np.random.Generator = 0,
        scheme: str = "xavier_normal",
        dtype: DTypeLike = np.float64,
    ) -> NDArray[Any]:
        """Return fresh parameters: weights drawn, biases 0.

        Parameters
        ----------
        seed : int or numpy.random.Generator, default 0
        scheme : str, default "xavier_normal"
            A name in ``chainrule.initial.INITIALISERS``.
        dtype : float64 or float32, default float64
            The numbers are drawn in float64, so both types get the same ones.

        Returns
        -------
        ndarray of shape (n_parameters,)

        Examples
        --------
        >>> Network((3, 1)).initial(seed=0).round(4)
        array([ 0.0889, -0.0934,  0.4528,  0.    ])
        """
        return draw(self.sizes, seed, scheme, np.dtype(dtype))

    def layers(self, parameters: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """View flat parameters as [(W (n_in, n_out), b (n_out,)), ...].

        The views share memory with ``parameters``: a change of one shows in the other.
        """
        if parameters.shape != (self.n_parameters,):
            raise BadSetting(
                f"parameters of shape {parameters.shape} do not fit a network of sizes "
                f"{'-'.join(map(str, self.sizes))}, which has {self.n_parameters}"
            )
        views = []
        for start, n_in, n_out in zip(self.starts, self.sizes[:-1], self.sizes[1:], strict=False):
            split, end = start + n_in * n_out, start + (n_in + 1) * n_out
            views.append((parameters[start:split].reshape(n_in, n_out), parameters[split:end]))
        return views


def _checked_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    try:
        whole = tuple(int(size) for size in sizes)
        exact = all(w == size for w, size in zip(whole, sizes, strict=True))
    except (TypeError, ValueError, OverflowError):
        whole, exact = (), False
    if not exact or len(whole) < 2 or min(whole) < 1:
        raise BadSetting(
            f"sizes={sizes!r} must be two or more positive whole numbers: inputs, hidden "
            "layers, outputs, such as (3, 8, 1)"
        )
    return whole


def _one_of(parameter: str, name: Any, allowed: Any) -> None:
    if isinstance(name, Rule):
        return
    if not isinstance(name, str) or name not in allowed:
        raise BadSetting(f"{parameter}={name!r} is not one of {', '.join(allowed)}")


def own_parameter(loss: str | Rule) -> float | None:
    """Return the default of a loss's third argument, or None where it has only two."""
    if isinstance(loss, Rule):
        return loss.parameter
    rule = LOSSES[loss]
    arguments = list(signature(rule).parameters.values())[2:] if rule else []
    return float(arguments[0].default) if arguments else None
