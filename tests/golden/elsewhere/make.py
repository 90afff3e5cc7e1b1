"""Make the files beside this one, and what the programs that made them say of some rows.

pip install keras torch skl2onnx onnxruntime, then KERAS_BACKEND=torch python make.py
"""

import json
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import torch
from keras import layers
from skl2onnx import to_onnx
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch import nn

FOLDER = Path(__file__).parent


def keras_network(X):
    scale = layers.Normalization()
    scale.adapt(X)
    network = keras.Sequential(
        [
            keras.Input((3,)),
            scale,
            layers.Dense(6, activation="gelu"),
            layers.Dropout(0.2),
            layers.Dense(5, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.01),
            layers.Dense(4, activation="silu"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(X, np.arange(len(X)) % 3, epochs=3, verbose=0)
    network.save(FOLDER / "keras.keras", include_optimizer=False)
    return network.predict(X, verbose=0)


def by_runtime(name, X):
    session = onnxruntime.InferenceSession(FOLDER / name)
    found = session.run(None, {session.get_inputs()[0].name: X})[-1]
    return np.array([list(row.values()) for row in found]) if isinstance(found, list) else found


def torch_network(X):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(3, 6), nn.GELU(), nn.Linear(6, 5), nn.SiLU(), nn.Dropout(),
        nn.Linear(5, 4, bias=False), nn.BatchNorm1d(4), nn.Softplus(), nn.Linear(4, 3),
    )  # fmt: skip
    network(torch.tensor(X))  # moves the running means
    network.eval()
    for opset, dynamo in ((13, False), (20, True)):
        torch.onnx.export(
            network, (torch.tensor(X),), FOLDER / f"torch-{opset}.onnx", opset_version=opset,
            dynamo=dynamo, external_data=False, input_names=["row"],
            dynamic_axes=None if dynamo else {"row": {0: "rows"}},
            dynamic_shapes=({0: torch.export.Dim("rows")},) if dynamo else None,
        )  # fmt: skip
        strip(FOLDER / f"torch-{opset}.onnx")
    scores = network(torch.tensor(X)).detach().numpy()
    return torch.softmax(torch.tensor(scores), 1).numpy()


def strip(path):
    """Leave out where on whose disk the network was made."""
    model = onnx.load(path)
    for each in (model, model.graph, *model.graph.node, *model.graph.value_info):
        del each.metadata_props[:]
        each.doc_string = ""
    path.write_bytes(model.SerializeToString())


def main():
    X = np.random.default_rng(0).normal(2.0, 3.0, (24, 3)).astype(np.float32)
    three, kinds = np.arange(24) % 3, np.array(["no", "yes"])[np.arange(24) % 2]
    expected = {"X": X.tolist(), "keras.keras": keras_network(X).tolist()}
    few = {"max_iter": 20, "random_state": 0}
    estimators = {
        "three.onnx": make_pipeline(StandardScaler(), MLPClassifier((5,), **few)).fit(X, three),
        "two.onnx": make_pipeline(
            MinMaxScaler(), MLPClassifier((5,), activation="logistic", **few)
        ).fit(X, kinds),
        "number.onnx": make_pipeline(
            StandardScaler(),
            MLPRegressor(hidden_layer_sizes=(5, 4), activation="tanh", **few),
        ).fit(X, X[:, 0]),
    }
    for name, estimator in estimators.items():
        (FOLDER / name).write_bytes(to_onnx(estimator, X[:1]).SerializeToString())
        expected[name] = by_runtime(name, X).tolist()
    for name in ("torch-13.onnx", "torch-20.onnx"):
        expected[name] = torch_network(X).tolist()
    (FOLDER / "expected.json").write_text(json.dumps(expected))


main()
