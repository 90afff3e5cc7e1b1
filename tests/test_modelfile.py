"""The model file: the same bytes for the same model, and no file that does harm."""

import json
import os
import pickle
import stat
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.columns import Column, TableSpec, Target
from chainrule.ensemble import Ensemble
from chainrule.errors import BadModelFile, BadSetting
from chainrule.files import write_whole
from chainrule.modelfile import (
    LARGEST_HEADER,
    Contents,
    _checksum,
    from_bytes,
    is_model,
    read_model,
    to_bytes,
    write_model,
)
from chainrule.network import Network
from chainrule.summary import KEPT_EPOCHS, Course, Summary

GOLDEN = Path(__file__).parent / "golden" / "model-format-2.safetensors"


def tiny(dtype=np.float32, **changed):
    """Return a model with something in every field."""
    columns = (
        Column("x", "numeric", "numbers, 1 of 4 missing", 1.5, 0.5, fill=1.5, missing=True),
        Column("café", "categorical", "text", categories=("a", 'b,"c"')),
        Column("id", "dropped", "identifier: a row counter"),
    )
    target = Target("y", "classification", ("no", "yes"), reason="text")
    summary = Summary(
        version="0.1.0",
        settings={"solver": "adam", "learning_rate": 0.001, "batch_size": None, "shuffle": True},
        rows={"train": 3, "validation": 0, "test": 1},
        scores={"network": {"accuracy": 1.0, "roc_auc": nan}},
        courses=(
            Course("patience", 2, 1, {"loss": [0.75, 0.5], "learning_rate": [0.001, 0.001]}),
            Course("epochs", 1, None, {"loss": [0.875], "validation_loss": []}),
        ),
    )
    network = changed.pop("network", Network((4, 2, 1), "tanh", "sigmoid", "binary_cross_entropy"))
    parameters = np.linspace(-1.5, 1.25, 2 * network.n_parameters).reshape(2, -1).astype(dtype)
    outputs = network.sizes[-1]
    residuals = np.repeat([[0.25], [0.5], [1.5]], outputs, axis=1).astype(parameters.dtype)
    parts = {"parameters": parameters, "residuals": residuals}
    for name in [name for name in parts if name in changed]:
        parts[name] = changed.pop(name)
    contents = Contents(Ensemble(network, **parts), TableSpec(columns, target), summary)
    return contents._replace(**changed)


def same(one, other):
    """Compare models bit for bit; NaN scores are equal."""
    assert one.ensemble.network == other.ensemble.network
    for name in ("parameters", "residuals"):
        array, expected = getattr(one.ensemble, name), getattr(other.ensemble, name)
        assert (array.dtype, array.shape) == (expected.dtype, expected.shape)
        assert array.tobytes() == expected.tobytes()
    assert one.spec == other.spec
    assert repr(one.summary.scores) == repr(other.summary.scores)
    assert replace(one.summary, scores={}) == replace(other.summary, scores={})
    return True


def test_the_same_model_gives_the_golden_bytes():
    assert to_bytes(tiny()) == GOLDEN.read_bytes()


def test_the_golden_file_is_read_as_what_was_written():
    assert same(read_model(GOLDEN), tiny())


def test_other_tools_can_read_it():
    from safetensors import safe_open

    with safe_open(GOLDEN, "np") as file:
        assert list(file.keys()) == ["parameters", "residuals"]
        for name in file.keys():  # noqa: SIM118
            expected = getattr(tiny().ensemble, name)
            assert file.get_tensor(name).tobytes() == expected.tobytes()
        document = json.loads(file.metadata()["chainrule"])
    assert document["format"] == 2
    assert document["network"]["sizes"] == [4, 2, 1]
    assert document["training"]["scores"] == {"network": {"accuracy": 1.0, "roc_auc": None}}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "network",
    [
        Network((4, 1), output="sigmoid"),
        Network((4, 3, 2, 2), ("relu", "elu"), "softmax", "cross_entropy"),
        Network((4, 3, 1), "relu", "sigmoid", "huber", 1 / 3),
    ],
    ids=lambda network: network.loss,
)
def test_a_round_trip_is_exact(dtype, network, tmp_path):
    random = np.random.default_rng(3)
    parameters = random.normal(size=(3, network.n_parameters)).astype(dtype)
    parameters[1, :3] = [np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal, -0.0]
    residuals = np.sort(random.uniform(size=(7, network.sizes[-1])).astype(dtype), axis=0)
    contents = tiny(network=network, parameters=parameters, residuals=residuals)
    write_model(tmp_path / "m.safetensors", contents)
    assert same(read_model(tmp_path / "m.safetensors"), contents)


def test_a_long_history_is_thinned():
    loss = [float(epoch) for epoch in range(2 * KEPT_EPOCHS + 1)]
    summary = replace(tiny().summary, courses=(Course(history={"loss": loss}),))
    back = from_bytes(to_bytes(tiny(summary=summary))).summary
    assert (back.courses[0].every, back.courses[0].history["loss"]) == (3, loss[::3])
    again = from_bytes(to_bytes(tiny(summary=back))).summary
    assert again == replace(back, scores=again.scores)


# Hostile files


def header_and_data(content):
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def forged(change, data=None, good=None):
    """Return a model file with another document in it, and the checksum put right."""
    header, own = header_and_data(good or to_bytes(tiny()))
    data = own if data is None else data
    document = json.loads(header["__metadata__"]["chainrule"])
    change(document)
    document["checksum"] = _checksum(document, data)
    header["__metadata__"]["chainrule"] = json.dumps(document)
    return joined(header, data)


def put(value, *path):
    """Return a change of a document that sets one entry."""

    def change(document):
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


def test_forging_alone_is_no_fault():
    assert same(from_bytes(forged(lambda document: None)), tiny())


COURSE = ("training", "courses", 1)
FORGED = {
    "a later format": (put(3, "format"), "format 3"),
    "an earlier format": (put(1, "format"), "format 1, this version of chainrule reads 2"),
    "a format of another type": (put("2", "format"), "format '2'"),
    "no table": (lambda d: d.pop("table"), "lacks 'table'"),
    "an unknown entry": (put(1, "code"), "unknown 'code'"),
    "sizes as text": (put("4-2-1", "network", "sizes"), "network.sizes"),
    "sizes of flags": (put([4, True, 1], "network", "sizes"), "network.sizes"),
    "sizes of fractions": (put([4, 2.0, 1], "network", "sizes"), "network.sizes"),
    "sizes below 0": (put([4, -2, 1], "network", "sizes"), "network.sizes"),
    "no sizes": (put([], "network", "sizes"), "network.sizes"),
    "sizes that overflow": (put([1 << 62, 1 << 62, 1], "network", "sizes"), "network.sizes"),
    "sizes past 2^63": (put([10**30, 1, 1], "network", "sizes"), "network.sizes"),
    "more parameters": (put([4, 3, 1], "network", "sizes"), "network with 13 parameters"),
    "an unknown activation": (put("os.system", "network", "hidden"), "os.system"),
    "activations for other layers": (put(["tanh"] * 2, "network", "hidden"), "2 activations"),
    "an activation as object": (put({}, "network", "hidden"), "network.hidden"),
    "an output as list": (put([], "network", "output"), "network.output"),
    "an unknown loss": (put("nothing", "network", "loss"), "nothing"),
    "loss and output apart": (put("cross_entropy", "network", "loss"), "cross_entropy"),
    "a loss parameter too many": (put(0.5, "network", "loss_parameter"), "no parameter"),
    "a loss parameter too large": (put(10**400, "network", "loss_parameter"), "loss_parameter"),
    "other outputs": (put("identity", "network", "output"), "network.output"),
    "other inputs": (lambda d: d["table"]["columns"].pop(0), "2 inputs"),
    "more classes": (put(["a", "b", "c"], "table", "target", "classes"), "3 classes"),
    "regression with classes": (put("regression", "table", "target", "task"), "classes"),
    "a scale of 0": (put(0.0, "table", "columns", 0, "scale"), "scale"),
    "a mean as text": (put("1", "table", "columns", 0, "mean"), "mean"),
    "a name twice": (put("x", "table", "columns", 1, "name"), "twice"),
    "settings as list": (put([], "training", "settings"), "training.settings"),
    "a setting as object": (put({"a": {}}, "training", "settings"), "settings.a"),
    "a score as text": (put({"network": {"r2": "1"}}, "training", "scores"), "scores.network.r2"),
    "courses as object": (put({}, "training", "courses"), "training.courses"),
    "a course of text": (put(["done"], "training", "courses"), "training.courses[0]"),
    "epochs below 0": (put(-1, *COURSE, "epochs"), "courses[1].epochs"),
    "a best epoch of text": (put("1", *COURSE, "best_epoch"), "courses[1].best_epoch"),
    "another history": (put({"weights": [1.0]}, *COURSE, "history"), "courses[1].history"),
    "a history of text": (put({"loss": "12"}, *COURSE, "history"), "history.loss"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_document_is_refused(name):
    change, named = FORGED[name]
    with pytest.raises(BadModelFile) as caught:
        from_bytes(forged(change))
    assert named in str(caught.value)


def header_with(name="parameters", **changed):
    header, data = header_and_data(to_bytes(tiny()))
    header[name] |= changed
    return joined(header, data)


DEEP = b'{"__metadata__":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
GOOD = to_bytes(tiny())
HOSTILE = {
    "empty": b"",
    "text": b"species,island\nAdelie,Dream\n",
    "a pickle": pickle.dumps({"parameters": [1.0]}),
    "zeros": bytes(1000),
    "a huge header": (1 << 62).to_bytes(8, "little") + GOOD[8:],
    "a header longer than the file": len(GOOD).to_bytes(8, "little") + GOOD[8:],
    "a header of no bytes": bytes(8) + GOOD[8:],
    "a header that is no JSON": joined(b"{'a': 1}", b""),
    "a header that is a list": joined(b"[1,2,3]", b""),
    "a deep header": joined(DEEP, b""),
    "a header that is not UTF-8": joined(b'{"\xff\xff":1}', b""),
    "a name twice": joined(b'{"parameters":1,"parameters":2,"__metadata__":{}}', b""),
    "NaN in the header": joined(b'{"parameters":NaN,"__metadata__":{}}', b""),
    "a huge number": joined(b'{"parameters":1' + b"0" * 10_000 + b',"__metadata__":{}}', b""),
    "no metadata": joined({"parameters": header_and_data(GOOD)[0]["parameters"]}, bytes(52)),
    "no tensors": joined({"__metadata__": header_and_data(GOOD)[0]["__metadata__"]}, bytes(116)),
    "float16": header_with(dtype="F16", data_offsets=[0, 52]),
    "whole numbers": header_with(dtype="I32"),
    "another type of the same size": header_with(dtype="F64", shape=[1, 13]),
    "residuals of another type": header_with("residuals", dtype="I32"),
    "fewer numbers than bytes": header_with(shape=[1, 13]),
    "one dimension": header_with(shape=[26]),
    "no dimension": header_with(shape=[]),
    "a shape below 0": header_with(shape=[-2, -13]),
    "a shape of text": header_with(shape="26"),
    "a shape past 2^63": header_with(shape=[1 << 64, 0]),
    "no networks": header_with(shape=[0, 13]),
    "residuals of more outputs": header_with("residuals", shape=[1, 3]),
    "offsets past the end": header_with(data_offsets=[0, 5200]),
    "offsets that begin later": header_with(data_offsets=[4, 104]),
    "residuals over parameters": header_with("residuals", data_offsets=[0, 12]),
    "a gap before the residuals": header_with("residuals", data_offsets=[108, 120]),
    "one byte more": GOOD + b"\0",
    "one byte less": GOOD[:-1],
    "half of it": GOOD[: len(GOOD) // 2],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name, tmp_path):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(BadModelFile) as caught:
        read_model(path)
    assert str(caught.value).startswith(f"{path}: ")
    is_model(path)  # does not raise


def test_a_deep_document_is_refused():
    header, data = header_and_data(GOOD)
    header["__metadata__"]["chainrule"] = "[" * 100_000
    with pytest.raises(BadModelFile, match="too deeply"):
        from_bytes(joined(header, data))


@pytest.mark.parametrize("literal", ["1e999", "-1e999", "NaN", "Infinity"])
def test_numbers_that_are_not_finite_are_refused(literal):
    header, data = header_and_data(GOOD)
    document = header["__metadata__"]["chainrule"]
    header["__metadata__"]["chainrule"] = document.replace("1.5", literal, 1)
    with pytest.raises(BadModelFile, match="no finite number"):
        from_bytes(joined(header, data))


def test_further_tensors_and_metadata_are_refused():
    from safetensors.numpy import save

    ensemble = tiny().ensemble
    tensors = {"parameters": ensemble.parameters, "residuals": ensemble.residuals}
    document = header_and_data(GOOD)[0]["__metadata__"]["chainrule"]
    with pytest.raises(BadModelFile, match="'code'"):
        from_bytes(save(tensors | {"code": np.zeros(3)}, metadata={"chainrule": document}))
    with pytest.raises(BadModelFile, match="'format'"):
        from_bytes(save(tensors, metadata={"chainrule": document, "format": "pt"}))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_parameters_that_are_not_finite_are_refused(value):
    parameters = tiny().ensemble.parameters.copy()
    parameters[1, 5] = value
    with pytest.raises(BadModelFile, match=r"parameters\[1, 5\] \(from 0\)"):
        from_bytes(to_bytes(tiny(parameters=parameters)))


@pytest.mark.parametrize("values", [[-0.25, 0.5], [0.5, 0.25], [0.5, np.inf]])
def test_residuals_are_finite_distances_in_rising_order(values):
    residuals = np.array(values, np.float32)[:, None]
    with pytest.raises(BadModelFile, match="residuals"):
        from_bytes(to_bytes(tiny(residuals=residuals)))


def test_a_header_too_large_to_be_a_model_is_not_read(tmp_path):
    path = tmp_path / "sparse.safetensors"
    with open(path, "wb") as file:
        file.write((LARGEST_HEADER + 1).to_bytes(8, "little") + b"{")
        file.truncate(1 << 36)
    with pytest.raises(BadModelFile, match="header of"):
        read_model(path)


def test_many_parameters_are_not_read_before_they_are_found_to_fit(tmp_path):
    header, _ = header_and_data(GOOD)
    header["parameters"] |= {"shape": [1, 1 << 34], "data_offsets": [0, 1 << 36]}
    header["residuals"] |= {"shape": [0, 1], "data_offsets": [1 << 36, 1 << 36]}
    path = tmp_path / "sparse.safetensors"
    with open(path, "wb") as file:
        file.write(joined(header, b""))
        file.truncate(file.tell() + (1 << 36))
    with pytest.raises(BadModelFile, match=r"network\.sizes"):
        read_model(path)


@given(place=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_one_wrong_byte_is_found_or_does_no_harm(place, byte):
    wrong = GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
    try:
        assert same(from_bytes(wrong), tiny())
    except BadModelFile:
        assert byte != GOOD[place]


def test_every_bit_of_the_tensors_counts():
    ensemble = tiny().ensemble
    start = len(GOOD) - ensemble.parameters.nbytes - ensemble.residuals.nbytes
    for place in range(start, len(GOOD)):
        wrong = GOOD[:place] + bytes([GOOD[place] ^ 1]) + GOOD[place + 1 :]
        with pytest.raises(BadModelFile, match="checksum"):
            from_bytes(wrong)


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_any_bytes_are_refused(header, rest):
    with pytest.raises(BadModelFile):
        from_bytes(len(header).to_bytes(8, "little") + header + rest)


def test_what_is_no_file(tmp_path):
    with pytest.raises(BadModelFile, match="is a folder"):
        read_model(tmp_path)
    with pytest.raises(BadModelFile, match="there is no model file"):
        read_model(tmp_path / "absent")
    with pytest.raises(BadModelFile, match="cut short"):
        read_model("/dev/null")
    with pytest.raises(BadModelFile, match="cannot be read"):
        read_model("a\0b")
    assert not is_model(tmp_path)
    assert is_model(GOLDEN)


# Writing


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadSetting, match="No space left on device; nothing was changed"):
        write_model(path, tiny())
    assert os.listdir(tmp_path) == ["m.safetensors"]
    assert path.read_bytes() == b"old"


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a", b"new")
    assert os.listdir(tmp_path) == []


def test_a_full_disk(tmp_path):
    with pytest.raises(BadSetting, match="No space left on device"):
        write_whole("/dev/full", b"x" * 100_000)


def test_permissions_and_links_are_kept(tmp_path):
    path, link = tmp_path / "m", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_folder_that_is_absent_or_the_target(tmp_path):
    with pytest.raises(BadSetting, match="there is no folder"):
        write_whole(tmp_path / "no" / "m", b"")
    with pytest.raises(BadSetting, match="it is a folder"):
        write_whole(tmp_path, b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(BadSetting, match="no permission"):
        write_whole(tmp_path / "m", b"")


def test_columns_that_no_file_can_hold(monkeypatch):
    monkeypatch.setattr("chainrule.modelfile.LARGEST_HEADER", 1000)
    with pytest.raises(BadSetting, match="drop columns"):
        to_bytes(tiny())
