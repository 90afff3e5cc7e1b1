"""Checkpoints: a training that goes on ends at the same bits, whatever stopped it."""

import os
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from chainrule import MLPClassifier, MLPRegressor, fit, load
from chainrule import checkpoint as module
from chainrule.checkpoint import Checkpoint
from chainrule.datasets import penguins
from chainrule.errors import BadModelFile, BadSetting
from chainrule.folds import train_ensemble
from chainrule.loop import train
from chainrule.network import Network

pytestmark = pytest.mark.compiled_only  # whole trainings

NETWORK = Network((3, 6, 1), "tanh")
RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(80, 3))
Y = np.sin(X[:, :1]) + RANDOM.normal(0, 0.1, (80, 1))
HELD = (X[:20] + 0.1, Y[:20])


@pytest.fixture(autouse=True)
def every_call(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.0)


class Killed(Exception):
    """What stands for kill -9: nothing is done after it."""


def killed_at(epoch):
    def callback(progress):
        if progress.epoch == epoch:
            raise Killed

    return callback


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "adam"},
        {"solver": "adamw", "schedule": "one_cycle", "weight_decay": 0.1, "dropout": 0.2},
        {"solver": "sgd", "schedule": "plateau", "learning_rate": 0.5, "epochs": 60},
        {"solver": "rprop", "batch_size": None, "schedule": "inverse_scaling"},
        {"solver": "nesterov", "schedule": "cosine", "validation": HELD, "patience": 8},
        {"solver": "rmsprop", "validation": 0.25, "patience": 30, "dtype": np.float32},
        {"solver": "gd", "l1": 0.01, "clip_norm": 0.5, "sample_weight": np.arange(80.0)},
    ],
    ids=lambda settings: settings["solver"],
)
@pytest.mark.parametrize("stop", [1, 17, 38])
def test_it_goes_on_to_the_same_bits(tmp_path, settings, stop):
    settings = {"epochs": 40, "batch_size": 16, "seed": 5} | settings
    path = tmp_path / "run.safetensors"
    whole = train(NETWORK, X, Y, **settings)
    with pytest.raises(Killed):
        train(NETWORK, X, Y, checkpoint=path, callback=killed_at(stop), **settings)
    if len(whole.history.loss) > stop:
        assert 0 < len(np.atleast_1d(arrays_in(path)["loss"])) <= stop
    again = train(NETWORK, X, Y, checkpoint=path, **settings)
    assert again.parameters.tobytes() == whole.parameters.tobytes()
    assert asdict(again.history) == asdict(whole.history)
    assert (again.stopped, again.best_epoch) == (whole.stopped, whole.best_epoch)
    once_more = train(NETWORK, X, Y, checkpoint=path, **settings)  # it was at its end
    assert once_more.parameters.tobytes() == whole.parameters.tobytes()
    assert asdict(once_more.history) == asdict(whole.history)
    assert once_more.stopped == whole.stopped


def arrays_in(path):
    from safetensors.numpy import load_file

    return load_file(path)


def test_more_epochs_may_be_asked_for(tmp_path):
    path = tmp_path / "run.safetensors"
    train(NETWORK, X, Y, epochs=10, checkpoint=path)
    more = train(NETWORK, X, Y, epochs=25, checkpoint=path)
    assert more.parameters.tobytes() == train(NETWORK, X, Y, epochs=25).parameters.tobytes()
    stretched = tmp_path / "cosine.safetensors"
    train(NETWORK, X, Y, epochs=10, schedule="cosine", checkpoint=stretched)
    with pytest.raises(BadSetting, match="of another training"):
        train(NETWORK, X, Y, epochs=25, schedule="cosine", checkpoint=stretched)


@pytest.mark.parametrize(
    "changed",
    [
        {"X": X + 1e-12},
        {"Y": -Y},
        {"seed": 1},
        {"learning_rate": 0.0010000000001},
        {"beta1": 0.90000001},
        {"batch_size": 16},
        {"l2": 1e-9},
        {"network": Network((3, 6, 1), "relu")},
        {"sample_weight": np.ones(80)},
        {"validation": HELD},
        {"dtype": np.float32},
        {"parameters": np.ones(31)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_training_is_refused_and_the_file_left_alone(tmp_path, changed):
    path = tmp_path / "run.safetensors"
    train(NETWORK, X, Y, epochs=3, checkpoint=path)
    before = path.read_bytes()
    call = {"network": NETWORK, "X": X, "Y": Y, "epochs": 3} | changed
    with pytest.raises(BadSetting, match="of another training"):
        train(**call, checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("cut", [0, 7, 200, -1])
def test_a_damaged_file_is_refused(tmp_path, cut):
    path = tmp_path / "run.safetensors"
    train(NETWORK, X, Y, epochs=3, checkpoint=path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BadModelFile, match="remove it to begin again"):
        train(NETWORK, X, Y, epochs=3, checkpoint=path)


def test_a_file_of_something_else_is_not_overwritten(tmp_path):
    path = tmp_path / "thesis.safetensors"
    fit(penguins(), "species", epochs=1).save(path)
    before = path.read_bytes()
    with pytest.raises(BadSetting, match="is no checkpoint; remove it"):
        train(NETWORK, X, Y, epochs=3, checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_solvers_with_a_memory_of_their_own_are_refused(tmp_path, solver):
    with pytest.raises(BadSetting, match="checkpoint does not go with"):
        train(NETWORK, X, Y, solver=solver, checkpoint=tmp_path / "a")
    with pytest.raises(BadSetting, match="there is no folder"):
        train(NETWORK, X, Y, checkpoint=tmp_path / "no" / "a")


def test_it_is_written_seldom(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 3600.0)
    path, there = tmp_path / "run.safetensors", []
    callback = lambda progress: there.append(path.exists())  # noqa: E731
    train(NETWORK, X, Y, epochs=20, checkpoint=path, callback=callback)
    assert not any(there)
    assert path.exists()


def test_the_members_of_an_ensemble_go_on(tmp_path):
    settings = {"members": 3, "epochs": 30, "patience": None, "n_jobs": 1}
    whole = train_ensemble(NETWORK, X, Y, **settings)
    path = tmp_path / "run.safetensors"

    def callback(progress):
        if progress.member == 1 and progress.epoch == 12:
            raise Killed

    with pytest.raises(Killed):
        train_ensemble(NETWORK, X, Y, checkpoint=path, callback=callback, **settings)
    files = sorted(file.name for file in tmp_path.iterdir())
    assert files[:2] == ["run-0.safetensors", "run-1.safetensors"]
    again = train_ensemble(NETWORK, X, Y, checkpoint=path, **settings)
    assert again.parameters.tobytes() == whole.parameters.tobytes()


# The estimators


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 2},
        {"solver": "sgd", "learning_rate": "invscaling", "nesterovs_momentum": False},
        {"solver": "rmsprop", "learning_rate": "plateau", "learning_rate_init": 0.1},
        {"solver": "adamw", "learning_rate": "one_cycle", "dropout": 0.2},
        {"early_stopping": True, "n_iter_no_change": 4, "tol": 0.02},
        {"shuffle": False, "activation": ["tanh"], "batch_size": 16},
    ],
    ids=str,
)
@pytest.mark.parametrize("stop", [1, 9, 22])
def test_an_estimator_goes_on_to_the_same_bits(tmp_path, settings, stop):
    settings = {"hidden_layer_sizes": (5,), "max_iter": 24, "random_state": 6} | settings
    path = tmp_path / "fit.safetensors"

    def callback(model):
        if model.n_iter_ == stop:
            raise Killed

    def fitted(**more):
        return MLPRegressor(**settings | more).fit(X, Y[:, 0])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = fitted()
        if whole.n_iter_ >= stop:
            with pytest.raises(Killed):
                fitted(checkpoint=path, callback=callback)
        for _ in range(2):  # the second time it is at its end
            again = fitted(checkpoint=str(path))
            for name, value in vars(whole).items():
                if name.endswith("_") and name not in ("coefs_", "intercepts_", "_optimiser_"):
                    assert getattr(again, name) == value, name
            for ours, theirs in zip(
                again.coefs_ + again.intercepts_, whole.coefs_ + whole.intercepts_, strict=True
            ):
                assert ours.tobytes() == theirs.tobytes()
        with pytest.raises(BadSetting, match="of another training"):
            fitted(checkpoint=path, alpha=0.5)


def test_restarts_go_on_and_what_cannot_is_refused(tmp_path):
    path = tmp_path / "fit.safetensors"
    settings = {"hidden_layer_sizes": (5,), "max_iter": 20, "random_state": 6, "n_restarts": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = MLPClassifier(**settings).fit(X, Y[:, 0] > 0)
        for _ in range(2):
            again = MLPClassifier(**settings, checkpoint=path).fit(X, Y[:, 0] > 0)
            assert again.coefs_[0].tobytes() == whole.coefs_[0].tobytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f"fit-{j}.safetensors" for j in range(3)
    ]
    with pytest.raises(ValueError, match="random_state=None gives others in each call"):
        MLPRegressor(checkpoint=path).fit(X, Y[:, 0])
    with pytest.raises(BadSetting, match="checkpoint does not go with"):
        MLPRegressor(checkpoint=path, random_state=0, solver="lbfgs").fit(X, Y[:, 0])


COMMAND = [sys.executable, "-c", "from chainrule.cli import main; main()"]
OPTIONS = ["train", "--solver", "adam", "--patience", "none", "--seed", "3", "-o", "m.safetensors"]


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
@pytest.mark.parametrize("members", [1, 2])
def test_kill_9_and_the_same_command_again(tmp_path, monkeypatch, members):
    monkeypatch.chdir(tmp_path)
    options = [*OPTIONS, "--ensemble", str(members), "--checkpoint", "run.safetensors"]
    options += ["--epochs", "20000", "--hidden-layer-sizes", "8"]
    often = "import chainrule.checkpoint as c; c.SECONDS = 0.05; "
    command = [sys.executable, "-c", often + COMMAND[2]]
    child = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    files = (
        [Path("run.safetensors")]
        if members == 1
        else [Path(f"run-{j}.safetensors") for j in (0, 1)]
    )
    deadline = time.monotonic() + 60
    while not all(file.exists() for file in files) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not Path("m.safetensors").exists()
    done = len(arrays_in(files[0])["loss"])
    assert 0 < done < 20_000
    subprocess.run([*command, *options], check=True, capture_output=True)
    assert not any(file.exists() for file in files)
    expected = fit(
        penguins(), "species", solver="adam", patience=None, seed=3, epochs=20_000,
        hidden_layer_sizes=8, ensemble=members,
    )  # fmt: skip
    assert load("m.safetensors").parameters.tobytes() == expected.parameters.tobytes()
    assert load("m.safetensors").summary.settings == expected.summary.settings


def test_arrays_of_all_types_come_back(tmp_path):
    arrays = {"a": np.array([2**63], np.uint64), "b": np.zeros(0), "c": np.array([True])}
    file = Checkpoint(tmp_path / "a", 1, "x", X)
    assert file.load() is None
    file.save(arrays)
    back = Checkpoint(tmp_path / "a", 1, "x", X).load()
    assert {k: (v.dtype, v.tolist()) for k, v in back.items()} == {
        k: (v.dtype, v.tolist()) for k, v in arrays.items()
    }
