"""Every error that chainrule raises on purpose.

    ChainruleError
    ├── BadInput (also a ValueError)     what was given cannot be used
    │   ├── BadTable                     a table, a column or a cell of it
    │   ├── BadSetting                   a parameter or an option
    │   ├── BadRule                      a formula outside the grammar of rules
    │   ├── BadCode                      a file of somebody's code, or what is in it
    │   ├── BadModelFile                 a model file
    │   └── BadSource                    a network from elsewhere
    └── Diverged (also an ArithmeticError)   training left the finite numbers

A message says what was wrong, where (file, column, row, parameter), and what
to do. The command prints the message and exits with status 2, without a
traceback.
"""

from __future__ import annotations

from typing import Any


class ChainruleError(Exception):
    """The root of every error that chainrule raises on purpose."""


class BadInput(ChainruleError, ValueError):
    """What was given cannot be used."""


class BadTable(BadInput):
    """A table, or a column or a cell of it, cannot be used."""


class BadSetting(BadInput):
    """A parameter or an option cannot be used."""


class BadRule(BadInput):
    """A rule is outside the grammar of formulas."""


class BadCode(BadInput):
    """A file of somebody's code cannot be run, or has not what is asked for."""


class BadModelFile(BadInput):
    """A file is not a model, or not one that can be trusted."""


class BadSource(BadInput):
    """A network from elsewhere is outside the shape that can be imported, or its file is bad."""


class Diverged(ChainruleError, ArithmeticError):
    """Training left the finite numbers.

    Attributes
    ----------
    training : chainrule.Training
        What was reached before: the last finite parameters and the history.
    """

    def __init__(self, message: str, training: Any) -> None:
        super().__init__(message)
        self.training = training
