"""The formulas. Each is written once, here, as a pure function of numbers.

An activation is ``f(z) -> (a, slope)``, a loss ``f(a, y) -> (loss, slope)``, an
optimiser ``f(theta, g, m, v, ...) -> (theta, m, v)``. The derivative is derived
by hand and stands beside its function.
"""

from chainrule.rules.activations import ACTIVATIONS
from chainrule.rules.losses import LINKS, LOSSES
from chainrule.rules.optimisers import LEARNING_RATES, OPTIMISERS, WHOLESALE

__all__ = ["ACTIVATIONS", "LEARNING_RATES", "LINKS", "LOSSES", "OPTIMISERS", "WHOLESALE"]
