"""The small neural network that you can read, check and ship.

    fit(table, target)       train on a table, as ``chainrule train`` does
    load(path)               a saved model
    import_model(source)     a network that was trained elsewhere, as a model
    Network(sizes, ...)      the description of a network
    train(network, X, Y)     train on arrays
    train_ensemble           several networks at once, and intervals
    MLPClassifier, MLPRegressor
                             in the place of scikit-learn's
    forward, layer_outputs, gradient, mean_loss
                             the engine, for arrays
    check(function, network) judge somebody's back-propagation, and name what went wrong
    explain                  one step of a network as worked mathematics
    worksheet                the same as an exercise by hand, with the key
    feedforward_nn           the source document's own function

A name is imported when it is first used, so that ``import chainrule`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from chainrule.checking.checker import check
    from chainrule.checking.report import Report
    from chainrule.course import History, Progress, Training
    from chainrule.document import feedforward_nn
    from chainrule.engine import forward, gradient, layer_outputs, mean_loss
    from chainrule.ensemble import Ensemble
    from chainrule.errors import (
        BadCode,
        BadInput,
        BadModelFile,
        BadRule,
        BadSetting,
        BadSource,
        BadTable,
        ChainruleError,
        Diverged,
    )
    from chainrule.estimators import MLPClassifier, MLPRegressor
    from chainrule.explaining.derivation import Derivation
    from chainrule.explaining.steps import explain
    from chainrule.explaining.worksheet import worksheet
    from chainrule.fitting import fit
    from chainrule.folds import train_ensemble
    from chainrule.importing.sources import import_model
    from chainrule.loop import train
    from chainrule.model import Model, load
    from chainrule.network import Network
    from chainrule.own import Rule

_HOMES = {
    "BadCode": "errors",
    "BadInput": "errors",
    "BadModelFile": "errors",
    "BadRule": "errors",
    "BadSetting": "errors",
    "BadSource": "errors",
    "BadTable": "errors",
    "ChainruleError": "errors",
    "Derivation": "explaining.derivation",
    "Diverged": "errors",
    "Ensemble": "ensemble",
    "History": "course",
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "Model": "model",
    "Network": "network",
    "Progress": "course",
    "Report": "checking.report",
    "Rule": "own",
    "Training": "course",
    "check": "checking.checker",
    "explain": "explaining.steps",
    "feedforward_nn": "document",
    "fit": "fitting",
    "forward": "engine",
    "gradient": "engine",
    "import_model": "importing.sources",
    "layer_outputs": "engine",
    "load": "model",
    "mean_loss": "engine",
    "train": "loop",
    "train_ensemble": "folds",
    "worksheet": "explaining.worksheet",
}

__all__ = [
    "BadCode",
    "BadInput",
    "BadModelFile",
    "BadRule",
    "BadSetting",
    "BadSource",
    "BadTable",
    "ChainruleError",
    "Derivation",
    "Diverged",
    "Ensemble",
    "History",
    "MLPClassifier",
    "MLPRegressor",
    "Model",
    "Network",
    "Progress",
    "Report",
    "Rule",
    "Training",
    "check",
    "explain",
    "feedforward_nn",
    "fit",
    "forward",
    "gradient",
    "import_model",
    "layer_outputs",
    "load",
    "mean_loss",
    "train",
    "train_ensemble",
    "worksheet",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'chainrule' has no attribute {name!r}")
    value = getattr(import_module(f"chainrule.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
