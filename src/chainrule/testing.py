"""For the tests of a course: assert that somebody's back-propagation is right.

In a file of pytest, beside the submission ``net.py``:

    from chainrule import Network
    from chainrule.testing import assert_gradients_correct
    from net import backward

    def test_backward():
        assert_gradients_correct(backward, Network((3, 4, 1), hidden="tanh"))

The code runs in the process of the tests. To judge a folder of submissions, each in a process
of its own with a limit on time and memory: ``chainrule check FOLDER --csv grades.csv``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.checking.checker import check
from chainrule.network import Network


def assert_gradients_correct(
    function: Callable[..., Any] | str, network: Network | None = None, **hints: Any
) -> None:
    """Raise AssertionError, with the report as its message, unless all gradients are right.

    Parameters
    ----------
    function : function, class or str
        What computes gradients, or ``FILE.py:NAME``.
    network : Network, optional
        What it should compute the gradients of.
    **hints
        As in ``chainrule.check``: weights, samples, targets, biases.

    Raises
    ------
    AssertionError
        If there is a mistake, or if it could not be run.
    BadCode
        If a file cannot be read or run.

    Examples
    --------
    >>> import numpy as np
    >>> def gradients(w, b, x, y):
    ...     a = np.tanh(x @ w + b)
    ...     delta = a - y
    ...     return x.T @ delta / len(x), delta.mean(axis=0)
    >>> assert_gradients_correct(gradients, Network((3, 1), output="tanh"))
    Traceback (most recent call last):
        ...
    AssertionError: ✗ One mistake in gradients: the activation's derivative is left out ...
    """
    __tracebackhide__ = True  # pytest shows the caller's line, and not ours
    report = check(function, network, **hints)
    if report.verdict != "correct":
        raise AssertionError(str(report))
