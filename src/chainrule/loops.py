"""The loops that carry a rule for numbers to arrays. Names of a loop end in _, a rule's do not.

``RULE`` stands for the lines of the rule, ``RESULT`` for what it returns; see
``chainrule.formula.lifted``. Arrays of a layer have the shape (O, B).
"""

from __future__ import annotations

HYPERPARAMETERS = 4  # the most that an optimiser has


def activation_loop(arguments: list[str]) -> str:
    """Give every output and its slope in place of the score."""
    (score,) = arguments
    return f"""
for i_ in range(outputs_.size):
    {score} = outputs_[i_]
    RULE
    outputs_[i_], slopes_[i_] = RESULT
return
"""


def loss_loop(arguments: list[str]) -> str:
    """Add up the losses of all outputs, and give dL/dA."""
    output, target, *parameter = arguments
    return f"""
total_ = 0.0
for o_ in range(outputs_.shape[0]):
    part_ = shares_.dtype.type(0)
    for b_ in range(shares_.size):
        {output}, {target} = outputs_[o_, b_], targets_[o_, b_]
        {"".join(parameter) or "unused_"} = parameter_
        RULE
        loss_, slope_ = RESULT
        part_ += shares_[b_] * loss_
        deltas_[o_, b_] = shares_[b_] * slope_
    total_ += part_
return total_
"""


def update_loop(arguments: list[str]) -> str:
    """Change every parameter and its memories."""
    names = arguments[6:]
    names += [f"unused{i}_" for i in range(len(names), HYPERPARAMETERS)]
    return f"""
{", ".join(names)} = hyperparameters_
rate, t = rate_, t_
for i_ in range(thetas_.size):
    theta, g, m, v = thetas_[i_], gradients_[i_], ms_[i_], vs_[i_]
    RULE
    thetas_[i_], ms_[i_], vs_[i_] = RESULT
return
"""
