"""Fitted estimators of scikit-learn, and this package's own, to models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chainrule.columns import Column, Target
from chainrule.errors import BadSetting, BadSource
from chainrule.importing.assembling import Origin, Wanted, assembled
from chainrule.importing.chain import Chain
from chainrule.importing.inputs import NUMBER, Feature
from chainrule.importing.pipelines import names_of, through
from chainrule.model import Model

PERCEPTRONS = ("MLPClassifier", "MLPRegressor")
SIGMOID = "logistic"  # its name in scikit-learn
SOLVERS = {"adam": "adam_section2"}  # its form in scikit-learn


def is_estimator(source: Any) -> bool:
    """Say whether something is an object of scikit-learn's kind."""
    return hasattr(source, "get_params") and hasattr(source, "fit")


def from_estimator(source: Any, wanted: Wanted) -> Model:
    """Return the model of a fitted perceptron, alone or in a pipeline."""
    if wanted.hidden is not None or wanted.output is not None:
        raise BadSetting("hidden and output are those of the estimator; leave them out")
    steps, network, scaling = _taken_apart(source)
    first = next((step for _, step in steps if not _is_nothing(step)), network)
    if hasattr(wanted.inputs, "transform") or any(
        isinstance(i, Column) for i in wanted.inputs or ()
    ):
        raise BadSetting("inputs of an estimator are the names of its columns")
    chain, names = _chain(network), names_of(first, wanted.inputs)
    features = [Feature(name) for name in names]
    for name, step in steps:
        features = through(step, features, name)
    wanted = replace(wanted, **_target(network, scaling, wanted))
    kinds = [type(step).__name__ for _, step in steps if not _is_nothing(step)]
    origin = Origin(_name(kinds, network), " → ".join(kinds), _settings(network))
    if hasattr(network, "table_"):
        if steps:
            raise BadSource("categorical_features goes with no steps before the network")
        model = assembled(chain, replace(wanted, inputs=network.table_.columns), origin)
    else:
        model = assembled(chain, wanted, origin, features, names)
    return _with_own_loss(model, network)


def _taken_apart(source: Any) -> tuple[list[tuple[str, Any]], Any, Feature]:
    """Return the steps before the perceptron, itself, and what the target is scaled by."""
    kind, own = type(source).__name__, type(source).__module__.startswith("sklearn.")
    if kind == "Pipeline" and own:
        steps, network, scaling = _taken_apart(source.steps[-1][1])
        return [*source.steps[:-1], *steps], network, scaling
    if kind == "TransformedTargetRegressor" and own:
        if not hasattr(source, "regressor_"):
            raise BadSource(f"this {kind} is not fitted; fit it first")
        steps, network, inner = _taken_apart(source.regressor_)
        (outer,) = through(source.transformer_, [Feature("y")], "transformer") or [inner]
        if outer.of != NUMBER or inner != Feature("y"):
            raise BadSource("the target is transformed twice, which cannot be imported")
        return steps, network, outer
    if hasattr(source, "best_estimator_"):
        raise BadSource(f"a {kind} holds many networks; give its best_estimator_")
    if not (kind in PERCEPTRONS and (own or type(source).__module__ == "chainrule.estimators")):
        raise BadSource(
            f"{kind} is no network that can be imported; {' and '.join(PERCEPTRONS)} can, alone "
            "or at the end of a Pipeline, and in a TransformedTargetRegressor"
        )
    if not hasattr(source, "coefs_"):
        raise BadSource(f"this {kind} is not fitted; fit it first")
    return [], source, Feature("y")


def _is_nothing(step: Any) -> bool:
    return step is None or isinstance(step, str)


def _chain(perceptron: Any) -> Chain:
    layers = len(perceptron.coefs_)
    given = perceptron.activation
    hidden = [given] * (layers - 1) if isinstance(given, str) or callable(given) else [*given]
    chain = Chain()
    for place, name in enumerate([*hidden, perceptron.out_activation_]):
        where = f"layer {place + 1}"
        chain.affine(perceptron.coefs_[place], perceptron.intercepts_[place], where)
        chain.activation("sigmoid" if name == SIGMOID else name, where)
    return chain


def _target(perceptron: Any, scaling: Feature, wanted: Wanted) -> dict[str, Any]:
    """Return what the estimator knows of its target, where the user says nothing else."""
    if hasattr(perceptron, "classes_"):
        return {"classes": perceptron.classes_ if wanted.classes is None else wanted.classes}
    if isinstance(wanted.target, Target):
        return {}
    target = Target(
        str(wanted.target), "regression", mean=scaling.mean, scale=scaling.scale, reason="a number"
    )
    return {"target": target}


def _name(kinds: list[str], perceptron: Any) -> str:
    from sklearn import __version__

    own = type(perceptron).__module__.startswith("chainrule.")
    of = "chainrule" if own and not kinds else f"scikit-learn {__version__}"
    return f"{of}: {' → '.join([*kinds, type(perceptron).__name__])}"


def _settings(perceptron: Any) -> dict[str, Any]:
    """Return the solver's settings, under the names that they have in ``chainrule.train``."""
    solver, found = perceptron.solver, {"learning_rate": float(perceptron.learning_rate_init)}
    if solver == "adam":
        found |= {"beta1": perceptron.beta_1, "beta2": perceptron.beta_2}
        found |= {"epsilon": perceptron.epsilon}
    if solver == "sgd":
        found |= {"momentum": perceptron.momentum}
        solver = "nesterov" if perceptron.nesterovs_momentum else "sgd"
    found = {name: float(value) for name, value in found.items()}
    return {"solver": SOLVERS.get(solver, solver)} | (found if solver != "lbfgs" else {})


def _with_own_loss(model: Model, perceptron: Any) -> Model:
    """Return the model with the loss that this package's own class was trained on."""
    if not type(perceptron).__module__.startswith("chainrule."):
        return model
    loss, parameter = perceptron._loss_name(), perceptron._loss_parameter()
    network = replace(model.network, loss=loss, loss_parameter=parameter)
    return replace(model, ensemble=replace(model.ensemble, network=network))
