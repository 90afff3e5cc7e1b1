"""``import_model``: which reader takes a source."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.columns import Target
from chainrule.errors import BadInput, BadSetting, BadSource
from chainrule.importing.assembling import Wanted
from chainrule.importing.graph import from_onnx
from chainrule.importing.keraslayers import from_keras, from_keras_file, is_keras
from chainrule.importing.modules import from_module, is_module
from chainrule.importing.perceptrons import from_estimator, is_estimator
from chainrule.importing.tensors import from_tensor_file, from_tensors
from chainrule.model import Model
from chainrule.terminal import printable

IN_PYTHON = """\
{path} runs code when it is loaded, so it is not. If you trust it, convert it in Python:

    import chainrule, {module}
    model = chainrule.import_model({module}.load({path.name!r}{call}))
    model.save("model.safetensors")"""
PICKLES = {
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), ("joblib", "")),
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".bin"), ("torch", ", weights_only=False")),
}
OTHERS = {
    **dict.fromkeys((".h5", ".hdf5"), "is of an older Keras; load it there, and save it as .keras"),
    ".json": "holds no weights",
    ".pt2": "is a program; give the module in Python, or export it to ONNX",
}


def import_model(
    source: Any,
    *,
    inputs: Any = None,
    target: str | Target = "target",
    classes: Sequence[Any] | None = None,
    hidden: Any = None,
    output: str | None = None,
) -> Model:
    """Make a model of a network that was trained elsewhere.

    It predicts the same numbers, and can be explained, checked, saved and exported.

    Parameters
    ----------
    source : estimator, module, mapping or path
        - of scikit-learn a fitted ``MLPClassifier`` or ``MLPRegressor``, or this package's,
          alone or in a ``Pipeline`` after scalers, ``SimpleImputer``, ``OneHotEncoder`` and
          ``ColumnTransformer`` of these; ``TransformedTargetRegressor`` around it;
        - of PyTorch a ``Sequential`` of ``Linear``, activations, ``BatchNorm1d`` and dropout;
          or its ``state_dict()``, in a ``.safetensors`` file too, with ``hidden`` and
          ``output``;
        - of Keras 3 a ``Sequential`` of ``Dense``, activations, ``Normalization``,
          ``BatchNormalization`` and dropout, in a ``.keras`` file too;
        - an ``.onnx`` file of such a network.

        No code in a file is run, so pickles are not read.
    inputs : sequence of str or Column, or fitted preprocessor of scikit-learn, optional
        The names of the columns, or how each becomes numbers. Default: the names that the
        source knows, else x1, x2, ...
    target : str or Target, default "target"
        What is predicted.
    classes : sequence, optional
        The labels, in the order of the outputs. Default: those that the source knows, else
        0, 1, ...
    hidden : str or sequence of str, optional
        The activations of hidden layers, for a file that has weights alone.
    output : str, optional
        The activation of the last layer where the source ends in scores: softmax or
        sigmoid for classes.

    Returns
    -------
    Model
        Where a cell is missing, and the source has no rule for it, it counts as the mean
        by which its column is scaled, else as 0. A category that is not known counts as
        none.

    Raises
    ------
    BadSource
        If anything in it is outside this shape, naming it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> network = MLPClassifier((8,), solver="lbfgs", max_iter=500, random_state=1)
    >>> pipeline = make_pipeline(StandardScaler(), network).fit(X, y)
    >>> model = import_model(pipeline, target="species", classes=load_iris().target_names)
    >>> model
    <Model of 'species': 4-8-3, classification>
    >>> bool(abs(model.predict_proba(X) - pipeline.predict_proba(X)).max() < 1e-12)
    True
    """
    for name, value in (("inputs", inputs), ("classes", classes)):
        if isinstance(value, str):
            raise BadSetting(f"{name}={value!r} is one text; give a list of names")
    wanted = Wanted(inputs, target, classes, hidden, output)
    with np.errstate(all="ignore"):  # what overflows is found at the end
        if isinstance(source, str | os.PathLike):
            return _from_file(Path(source), wanted)
        return _from_memory(source, wanted)


def _from_memory(source: Any, wanted: Wanted) -> Model:
    if isinstance(source, Mapping):
        return from_tensors(source, wanted)
    _without_hidden(wanted)
    for is_it, read in KINDS:
        if is_it(source):
            return read(source, wanted)
    raise BadSource(
        f"a {type(source).__name__} is no network that can be imported; give a fitted estimator "
        "of scikit-learn, a Sequential of PyTorch or Keras, a state dict, or the path of a file"
    )


def _from_file(path: Path, wanted: Wanted) -> Model:
    ending = path.suffix.lower()
    if not path.is_file():
        what = "is a folder; give the file in it" if path.is_dir() else "is not there"
        raise BadSource(f"{path} {what}")
    if ending in PICKLES:
        module, call = PICKLES[ending]
        raise BadSource(IN_PYTHON.format(path=path, module=module, call=call))
    if ending not in READERS:
        raise BadSource(f"{path} {OTHERS.get(ending, 'is of no known kind')}; {ENDINGS}")
    if ending != ".safetensors":
        _without_hidden(wanted)
    try:
        return READERS[ending](path, wanted)
    except BadInput as error:  # names in a file could be anything
        text = printable(str(error))
        raise type(error)(text if len(text) < LONGEST else f"{text[:LONGEST]} ...") from None


def _without_hidden(wanted: Wanted) -> None:
    if wanted.hidden is not None:
        raise BadSetting("hidden is for weights alone; this source has its own activations")


KINDS = (  # a network of Keras may be a module of PyTorch too
    (is_keras, from_keras),
    (is_module, from_module),
    (is_estimator, from_estimator),
)
READERS: dict[str, Callable[[Path, Wanted], Model]] = {
    ".safetensors": from_tensor_file,
    ".keras": from_keras_file,
    ".onnx": from_onnx,
}
LONGEST = 1000  # characters of a message
ENDINGS = f"the files that can be imported end in {', '.join(READERS)}"
