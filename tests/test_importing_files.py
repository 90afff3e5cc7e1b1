"""Files of ONNX and Keras: what their operators mean, and that a bad file does no harm."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chainrule import BadSource, import_model
from chainrule.importing import graph
from tolerances import IMPORTED

ELSEWHERE = Path(__file__).parent / "golden" / "elsewhere"
RANDOM = np.random.default_rng(8)
X = RANDOM.normal(0.0, 2.0, (64, 3)).astype(np.float32)
TABLE = pd.DataFrame(X, columns=["x1", "x2", "x3"])


@pytest.fixture(autouse=True)
def drawn_anew():
    """Give each test the same numbers, whichever ran before it."""
    RANDOM.bit_generator.state = np.random.default_rng(3).bit_generator.state


# ONNX


@pytest.fixture(scope="module")
def onnx():
    return pytest.importorskip("onnx")


class Maker:
    """Makes a graph, an operator after the other on the value before it."""

    def __init__(self, onnx, dtype=np.float32, inputs=("X",), width=3):
        self.onnx, self.helper, self.dtype = onnx, onnx.helper, dtype
        self.nodes, self.constants, self.last = [], [], inputs[0]
        self.number = onnx.TensorProto.FLOAT if dtype is np.float32 else onnx.TensorProto.DOUBLE
        self.inputs = [
            self.helper.make_tensor_value_info(name, self.number, ["n", width]) for name in inputs
        ]

    def constant(self, value):
        name = f"c{len(self.constants)}"
        array = np.asarray(value, None if np.asarray(value).dtype == np.int64 else self.dtype)
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def add(self, op, *args, domain="", **settings):
        """Add an operator. None among the arguments stands for the last value."""
        given = [
            self.last if a is None else a if isinstance(a, str) else self.constant(a) for a in args
        ]
        self.last = f"v{len(self.nodes)}"
        node = self.helper.make_node(
            op, given, [self.last], name=f"n_{op}", domain=domain, **settings
        )
        self.nodes.append(node)
        return self

    def dense(self, n_in, n_out):
        self.add("MatMul", None, RANDOM.normal(size=(n_in, n_out)))
        return self.add("Add", None, RANDOM.normal(size=n_out))

    def model(self, opset=22):
        output = self.helper.make_tensor_value_info(self.last, self.number, None)
        body = self.helper.make_graph(self.nodes, "g", self.inputs, [output], self.constants)
        sets = [("", opset), ("ai.onnx.ml", 3)]
        opsets = [self.helper.make_opsetid(*each) for each in sets]
        return self.helper.make_model(body, opset_imports=opsets, ir_version=10)

    def save(self, path, **settings):
        path.write_bytes(self.model(**settings).SerializeToString())
        return path


def assert_same(maker, path, onnx, tolerance=None, rows=X, opset=22, **settings):
    from onnx.reference import ReferenceEvaluator

    model = import_model(maker.save(path, opset=opset), **settings)
    given = {each.name: rows for each in maker.inputs}
    if len(maker.inputs) > 1:
        given = {each.name: rows[:, [i]] for i, each in enumerate(maker.inputs)}
    given = {name: values.astype(maker.dtype) for name, values in given.items()}
    (expected,) = ReferenceEvaluator(maker.model(opset=opset)).run(None, given)
    table = TABLE if len(maker.inputs) == 1 else TABLE.set_axis(list(given), axis=1)
    number = model.spec.target.task == "regression"
    found = model.predict(table)[:, None] if number else model.predict_proba(table)
    found = found[:, -expected.shape[1] :]
    error = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
    assert error.max() <= (tolerance or IMPORTED[maker.dtype])
    return model


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "op", [op for op in graph.ACTIVATIONS if "oftmax" not in op and op != "Exp"]
)
def test_every_activation(op, dtype, onnx, tmp_path):
    if op == "Swish" and onnx.defs.onnx_opset_version() < 24:
        pytest.skip("this onnx does not know Swish")
    opset = 24 if op == "Swish" else 22
    maker = Maker(onnx, dtype).dense(3, 5).add(op, None).dense(5, 4)
    maker.add(op, None).dense(4, 3).add("Softmax", None, axis=1)
    # the constants of Selu are numbers of float32 in the format; Gelu's erf is approximated there
    tolerance = 1e-6 if op in ("Selu", "LeakyRelu", "Gelu") else None
    model = assert_same(maker, tmp_path / "m.onnx", onnx, tolerance, opset=opset)
    assert model.network.hidden == (graph.ACTIVATIONS[op],) * 2
    assert model.parameters.dtype == dtype


def test_gates_in_parts(onnx, tmp_path):
    def gelu(maker, kind):
        z = maker.last
        maker.add("Div", z, np.sqrt(2)) if kind % 2 else maker.add("Mul", np.sqrt(0.5), z)
        maker.add("Erf", None).add("Add", None, 1.0) if kind < 2 else maker.add("Erf", None).add(
            "Add", 1.0, None
        )
        if kind == 0:
            return maker.add("Mul", z, None).add("Mul", None, 0.5)
        if kind == 1:
            return maker.add("Mul", None, 0.5).add("Mul", None, z)
        if kind == 2:
            return maker.add("Mul", None, z).add("Div", None, 2.0)
        inner = maker.last
        return maker.add("Mul", z, 0.5).add("Mul", None, inner)

    for kind in range(4):
        maker = gelu(Maker(onnx).dense(3, 5), kind).dense(5, 1)
        assert assert_same(maker, tmp_path / "m.onnx", onnx).network.hidden == ("gelu",)
    maker = Maker(onnx).dense(3, 5)
    z = maker.last
    maker.add("Sigmoid", None).add("Mul", None, z).dense(5, 1)
    assert assert_same(maker, tmp_path / "m.onnx", onnx).network.hidden == ("silu",)
    maker = Maker(onnx).dense(3, 5).add("Neg", None).add("Exp", None).add("Add", 1.0, None)
    maker.add("Div", 1.0, None).dense(5, 1)
    assert assert_same(maker, tmp_path / "m.onnx", onnx).network.hidden == ("sigmoid",)
    for inner, outer in ((0.7, 0.5), (np.sqrt(0.5), 0.4)):  # near a gelu, and none
        maker = Maker(onnx).dense(3, 5)
        z = maker.last
        maker.add("Mul", None, inner).add("Erf", None).add("Add", None, 1.0).add("Mul", None, z)
        with pytest.raises(BadSource, match="n_Mul"):
            import_model(maker.add("Mul", None, outer).dense(5, 1).save(tmp_path / "m.onnx"))


def test_what_stands_between(onnx, tmp_path):
    path = tmp_path / "m.onnx"
    maker = (
        Maker(onnx, np.float64)
        .add("Sub", None, [[1.0, 2.0, 3.0]])
        .add("Div", None, [2.0, -3.0, 4.0])
    )
    maker.add(
        "Gemm",
        None,
        RANDOM.normal(size=(5, 3)),
        RANDOM.normal(size=(1, 5)),
        transB=1,
        alpha=0.5,
        beta=2.0,
    )
    maker.add(
        "BatchNormalization",
        None,
        [1, 2, -1, 0.5, 3.0],
        np.ones(5),
        np.arange(5.0),
        np.full(5, 0.3),
    )
    maker.add("Relu", None).add("Mul", None, RANDOM.uniform(1, 2, 5)).add(
        "Add", RANDOM.normal(size=5), None
    )
    maker.add("Dropout", None).add("Identity", None).add("Flatten", None).dense(5, 1)
    maker.add("Mul", 10.0, None).add("Add", None, 5.0).add("Sub", 1.0, None).add(
        "Cast", None, to=11
    )
    maker.add("Reshape", None, np.array([-1, 1]))
    model = assert_same(maker, path, onnx, target="price")
    assert model.spec.columns[1].mean == 2.0
    assert model.spec.columns[1].scale == 3.0
    for name in ("Sigmoid", "Exp", "Softplus"):
        assert_same(Maker(onnx).dense(3, 1).add(name, None), path, onnx)


def test_an_input_for_each_column(onnx, tmp_path):
    names = ("age", "income", "an odd 'name'")
    maker = Maker(onnx, inputs=names, width=1).add("Concat", *names, axis=1).dense(3, 1)
    model = assert_same(maker, tmp_path / "m.onnx", onnx)
    assert [column.name for column in model.spec.columns] == [*names]
    maker = Maker(onnx, inputs=names, width=1).add("Gemm", None, np.ones((1, 1)))
    with pytest.raises(BadSource, match="takes the input 'age' alone, of 3"):
        import_model(maker.save(tmp_path / "m.onnx"))


def test_what_is_missing_is_filled_in(onnx, tmp_path):
    maker, path = Maker(onnx), tmp_path / "m.onnx"
    x = maker.last
    maker.add("IsNaN", x).add("Where", None, [[1.0, 2.0, 3.0]], x).add("Sub", None, 0.5).dense(3, 1)
    model = import_model(maker.save(path))
    assert [column.fill for column in model.spec.columns] == [1.0, 2.0, 3.0]
    holes = TABLE.assign(x2=np.nan)
    assert np.array_equal(model.predict(holes), model.predict(TABLE.assign(x2=2.0)))
    maker = Maker(onnx).add("Sub", None, 0.5)
    x = maker.last
    maker.add("IsNaN", x).add("Where", None, 1.0, x).dense(3, 1)
    with pytest.raises(BadSource, match="after something was done to it"):
        import_model(maker.save(path))
    maker = Maker(onnx)
    maker.add("Where", maker.constant([True]), 1.0, "X").dense(3, 1)
    with pytest.raises(BadSource, match="chooses by something else"):
        import_model(maker.save(path))


def residual(maker):
    before = maker.last
    return maker.add("Gemm", None, np.ones((3, 3))).add("Add", None, before)


def shrunk(maker):
    for _ in range(9):
        maker.add("Mul", None, 1e38)
    return maker.dense(3, 1)


REFUSED = {
    "node 'n_Clip' \\(Clip\\)": lambda m: m.dense(3, 3).add("Clip", None, 0.0, 6.0),
    "node 'n_Mine' \\(Mine\\)": lambda m: m.dense(3, 1).add("Mine", None, domain="evil"),
    "alpha=0.5": lambda m: m.dense(3, 3).add("Elu", None, alpha=0.5),
    "alpha=0.2": lambda m: m.dense(3, 3).add("LeakyRelu", None, alpha=0.2),
    "approximate=b'tanh'": lambda m: m.dense(3, 3).add("Gelu", None, approximate="tanh"),
    "axis=0": lambda m: m.dense(3, 3).add("Softmax", None, axis=0),
    "two values that depend on the inputs": residual,
    "is of constants": lambda m: m.add("MatMul", np.ones((3, 3)), np.ones((3, 1))),
    "multiplies by 0": lambda m: m.dense(3, 3).add("Mul", None, [0.0, 1.0, 2.0]),
    "other for each row": lambda m: m.dense(3, 3).add("Add", None, np.ones((2, 3))),
    "takes 4 numbers": lambda m: m.dense(3, 3).add("MatMul", None, np.ones((4, 1))),
    "no row of the numbers": lambda m: m.dense(3, 4).add("Reshape", None, np.array([-1, 2])),
    "3 outputs.*output='softmax'": lambda m: m.dense(3, 3),
    "not finite": lambda m: m.add("MatMul", None, np.full((3, 1), np.inf)),
    "squeezes more": lambda m: m.dense(3, 4).add("Squeeze", None, np.array([1])),
    "transA": lambda m: m.add("Gemm", None, np.ones((3, 1)), transA=1),
    "divides by what": lambda m: m.dense(3, 1).add("Div", 1.0, None),
    "no layer of weights": lambda m: m.add("Mul", None, 2.0),
    "overflow": lambda m: m.dense(3, 1).add("Mul", None, 1e38).add("Mul", None, 1e38),
    "numbers overflow": shrunk,
}


@pytest.mark.parametrize("match", REFUSED)
def test_refused(match, onnx, tmp_path):
    with pytest.raises(BadSource, match=match) as caught:
        import_model(REFUSED[match](Maker(onnx)).save(tmp_path / "m.onnx"))
    assert str(tmp_path / "m.onnx") in str(caught.value)


def test_hostile_onnx(onnx, tmp_path):
    path = tmp_path / "m.onnx"
    whole = Maker(onnx).dense(3, 5).add("Relu", None).dense(5, 1).model()

    def refused(model, match):
        content = model if isinstance(model, bytes) else model.SerializeToString()
        path.write_bytes(content)
        with pytest.raises(BadSource, match=match):
            import_model(path)

    content = whole.SerializeToString()
    refused(b"", "no ONNX file")
    refused(b"not a protobuf at all", "ONNX")
    for length in range(1, len(content) - 30, 11):  # what comes last may be absent
        path.write_bytes(content[:length])
        with pytest.raises(BadSource):
            import_model(path)
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(4 * 15))
    model = onnx.ModelProto.FromString(content)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret")
    refused(model, "in another file, which is not read")
    tensor.data_location = onnx.TensorProto.DEFAULT
    refused(model, "in another file, which is not read")
    model = onnx.ModelProto.FromString(content)
    model.graph.initializer[0].dims[0] = 1 << 40
    refused(model, "damaged")
    model.graph.initializer[0].dims[0] = -3
    refused(model, "damaged: its shape")
    model = onnx.ModelProto.FromString(content)
    model.graph.node[0].input[0] = model.graph.node[1].output[0]  # a circle
    refused(model, "nothing before it gives")
    model = onnx.ModelProto.FromString(content)
    model.graph.node[0].output.pop()
    refused(model, "damaged")
    model = onnx.ModelProto.FromString(content)
    model.graph.output.add().CopyFrom(model.graph.output[0])
    refused(model, "one output of numbers is needed")
    model = onnx.ModelProto.FromString(content)
    for _ in range(10_001):
        model.graph.node.add().CopyFrom(model.graph.node[0])
    refused(model, "10,004 nodes|10,005 nodes|10,006 nodes")


def test_names_in_a_file_do_not_reach_the_terminal_as_they_are(onnx, tmp_path):
    maker = Maker(onnx).dense(3, 3).add("Clip", None)
    maker.nodes[-1].name = "\x1b[2Jgone" + 5000 * "a"
    with pytest.raises(BadSource) as caught:
        import_model(maker.save(tmp_path / "m.onnx"))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 1100


def test_products_of_products_take_no_time(onnx, tmp_path):
    maker = Maker(onnx).dense(3, 3)
    maker.add("Erf", None).add("Add", None, 1.0)
    for _ in range(200):  # 2^200 paths
        maker.add("Mul", None, maker.last)
    with pytest.raises(BadSource, match="n_Mul"):
        import_model(maker.save(tmp_path / "m.onnx"))


def test_damaged_bytes_of_onnx(onnx, tmp_path):
    content = (ELSEWHERE / "two.onnx").read_bytes()
    path = tmp_path / "m.onnx"
    random = np.random.default_rng(1)
    outcomes = set()
    for _ in range(400):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), random.integers(1, 4)):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            import_model(path)
            outcomes.add("imported")
        except ValueError as error:  # every one of chainrule's
            outcomes.add(type(error).__module__)
    assert outcomes <= {"imported", "chainrule.errors"}
    assert "chainrule.errors" in outcomes


# Keras


@pytest.fixture(scope="module")
def h5py():
    return pytest.importorskip("h5py")


def rebuilt(path, config=None, weights=None, leave=()):
    """Write the Keras file again, with other contents."""
    with zipfile.ZipFile(ELSEWHERE / "keras.keras") as old:
        found = {name: old.read(name) for name in old.namelist() if name not in leave}
    if config is not None:
        document = json.loads(found["config.json"])
        config(document["config"]["layers"], document)
        found["config.json"] = json.dumps(document).encode()
    if weights is not None:
        import h5py

        buffer = io.BytesIO(found["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            weights(file)
        found["model.weights.h5"] = buffer.getvalue()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in found.items():
            new.writestr(name, content)
    return path


def setting(place, name, value):
    def change(layers, document):
        layers[place]["config"][name] = value

    return change


def outside(file):
    shape = file["layers/dense/vars/0"].shape
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset(
        "0", shape, "<f4", external=[("/etc/passwd", 0, 4 * shape[0] * shape[1])]
    )


def bomb(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset("0", (3, 1 << 28), "<f4", chunks=(3, 4096))


def packed(file):
    values = file["layers/dense/vars/0"][()]
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset("0", data=values, compression="gzip")


def removed(file):
    del file["layers/dense_1"]


def text(file):
    del file["layers/dense/vars/1"]
    file["layers/dense/vars/1"] = ["a"] * 6


BAD = {
    "no config.json": {"leave": ("config.json",)},
    "no model.weights.h5": {"leave": ("model.weights.h5",)},
    "weights \\(3, 6\\) for 7 neurons": {"config": setting(2, "units", 7)},
    "activation 'mish'": {"config": setting(2, "activation", "mish")},
    "computes in mixed_float16": {
        "config": setting(2, "dtype", {"config": {"name": "mixed_float16"}})
    },
    "evil>Layer": {
        "config": lambda layers, _: layers[2].update(registered_name="evil>Layer", module="evil")
    },
    "Lambda": {"config": lambda layers, _: layers[3].update(class_name="Lambda")},
    "a Functional of Keras": {
        "config": lambda _, document: document.update(class_name="Functional")
    },
    "damaged": {"config": lambda layers, document: document.update(config=[])},
    "damaged, ": {"config": lambda layers, document: layers.append(7)},
    "invert=True": {"config": setting(1, "invert", True)},
    "are not plain numbers in the file": {"weights": outside},
    "not plain numbers": {"weights": bomb},
    "dense/vars/0 are not plain": {"weights": packed},
    "no layers/dense_1": {"weights": removed},
    "holds object|damaged": {"weights": text},
}


@pytest.mark.parametrize("match", BAD)
def test_bad_keras_files(match, h5py, tmp_path):
    with pytest.raises(BadSource, match=match) as caught:
        import_model(rebuilt(tmp_path / "m.keras", **BAD[match]))
    assert "m.keras" in str(caught.value)


def test_links_to_other_files_are_not_followed(h5py, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["x"] = np.ones((3, 6), np.float32)
        other["group/0"] = other["x"]

    def linked(file):
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "x")

    def group(file):
        del file["layers/dense/vars"]
        file["layers/dense/vars"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "group")

    for change, match in ((linked, "dense/vars/0 are not plain"), (group, "no layers/dense")):
        with pytest.raises(BadSource, match=match):
            import_model(rebuilt(tmp_path / "m.keras", weights=change))


def test_a_rebuilt_file_is_as_before(h5py, tmp_path):
    import_model(rebuilt(tmp_path / "m.keras"))


def test_damaged_keras_files(h5py, tmp_path):
    path = tmp_path / "m.keras"
    whole = (ELSEWHERE / "keras.keras").read_bytes()
    for length in range(0, len(whole), 4001):
        path.write_bytes(whole[:length])
        with pytest.raises(BadSource):
            import_model(path)
    random, outcomes = np.random.default_rng(1), set()
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 6):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            import_model(path)
            outcomes.add("imported")
        except ValueError as error:
            outcomes.add(type(error).__module__)
    assert outcomes <= {"imported", "chainrule.errors"}
    shutil.copy(ELSEWHERE / "two.onnx", path)
    with pytest.raises(BadSource, match="damaged, or no file of Keras 3"):
        import_model(path)


def test_what_reads_a_file_is_asked_for_where_it_is_absent(monkeypatch):
    for name, package in (("keras.keras", "h5py"), ("two.onnx", "onnx")):
        monkeypatch.setitem(__import__("sys").modules, package, None)
        with pytest.raises(
            BadSource, match=rf"pip install 'chainrule\[{name.rpartition('.')[2]}\]'"
        ):
            import_model(ELSEWHERE / name)
