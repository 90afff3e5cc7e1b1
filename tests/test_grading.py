"""How submissions are found, judged apart and listed; what came back is not trusted."""

import ast
import builtins
import csv
import inspect
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

import numpy as np
import pytest

from chainrule import BadCode, BadSetting, Network, Report, Rule
from chainrule.checking import sandbox
from chainrule.checking.finding import candidates
from chainrule.checking.grading import (
    COLUMNS,
    Row,
    Submission,
    as_csv,
    commonest,
    grade,
    submissions,
)
from chainrule.checking.loading import load
from chainrule.checking.report import Mistake, Wrong
from chainrule.checking.sandbox import Limits, judge_apart, report_of
from submissions import HEAD, RIGHT, SLOPE_LEFT_OUT

NEURON = Network((3, 1), output="sigmoid")


def mistake(name, *layers):
    layer = layers[0] if len(layers) == 1 else None
    return Mistake(name, layer, "a", "b", "layer 1: it is wrong. It is.", layers=layers)


# What is in a file


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["backward(w, b, x, y)", "train(x, y, lr)"], ["backward"]),
        (["compute_gradients(params, X, Y)", "gradient_descent(X, Y, lr)"], ["compute_gradients"]),
        (["gradient_check(w, b, x, y)", "backprop(w, b, x, y)"], ["backprop"]),
        (["feedforward_nn(X, Y, epochs)", "sigmoid(z)"], ["feedforward_nn"]),
        (["loss(w, b, x, y)", "f(w, b, x, y)"], ["f"]),
        (["back(w, b, x, y)", "grads(w, b, x, y)"], ["back", "grads"]),
        (["L_model_backward(AL, Y, caches)", "relu_backward(dA, Z)"], ["L_model_backward"]),
        (["mine(p, q)"], ["mine"]),
        (["sigmoid(z)", "relu(z)"], []),
        (["_backward(w, b, x, y)", "sigmoid(z)", "relu(z)"], []),
    ],
)
def test_which_function_is_meant(names, expected):
    source = "".join(f"def {name}: pass\n" for name in names)
    assert candidates(ast.parse(source)) == expected


def test_which_class_is_meant():
    layer = "class Dense:\n    def backward(self, grad): pass\n"
    whole = "class Net:\n    def forward(self, X): pass\n    def backward(self, X, y): pass\n"
    assert candidates(ast.parse(layer + whole)) == ["Net"]
    guarded = "try:\n    import numba\nexcept ImportError:\n    pass\nif True:\n"
    assert candidates(ast.parse(guarded + "    def backward(w, b, x, y): pass\n")) == ["backward"]


def test_what_is_loaded_has_its_source(tmp_path):
    (tmp_path / "net.py").write_text(RIGHT + "\nclass Net:\n    def backward(self, dy): pass\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "net.py").write_text("class Net:\n    size = 3\n")
    function, kind = load(str(tmp_path / "net.py")), load(f"{tmp_path}/net.py:Net")
    other = load(f"{tmp_path}/other/net.py:Net")
    assert inspect.getsource(function).startswith("def gradients(w, b, x, y):\n    a = sigmoid")
    assert inspect.getsourcelines(function)[1] == 7
    assert inspect.getsource(kind) == "class Net:\n    def backward(self, dy): pass\n"
    assert inspect.getsource(other) == "class Net:\n    size = 3\n"


def test_loading_leaves_this_process_as_it_was(tmp_path, capsys):
    def state():
        return sys.argv, list(sys.path), sys.stdin, builtins.input, np.exp, np.random.seed

    before = state()
    (tmp_path / "net.py").write_text("print('hello')\nimport numpy as np\nnp.exp = None\n" + RIGHT)
    with pytest.raises(BadCode, match=r"replaces numpy\.exp for the whole program"):
        load(str(tmp_path / "net.py"))
    assert state() == before
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path, encoding):
    (tmp_path / "net.py").write_bytes("def backward(x, y):\r\n    return 'é'\r\n".encode(encoding))
    function = load(str(tmp_path / "net.py"))
    assert function(0, 0) == "é"
    assert inspect.getsource(function) == "def backward(x, y):\n    return 'é'\n"


# What comes back from the other process


def test_a_report_survives_json():
    report = Report(
        "mistake", "f", "", (mistake("sign", 1), mistake("broadcast", 2, 3)), "3-1", "rows",
        notes=("a", "b"), wrong=Wrong("delta", 2, 0.5, "d2", 7, "d2 = a - y"),
    )  # fmt: skip
    assert report_of(json.loads(json.dumps(report.to_dict()))) == report


@pytest.mark.parametrize(
    "document",
    [
        None, 3, [], {}, {"verdict": "correct"}, {"verdict": "fine", "name": "f", "message": ""},
        {"verdict": "correct", "name": "f", "message": "", "mistakes": [3]},
        {"verdict": "mistake", "name": "f", "message": "", "mistakes": [{"name": "sign"}]},
        {"verdict": "unknown", "name": "f", "message": "", "mistakes": [], "wrong": "delta"},
        {"verdict": ["correct"], "name": "f", "message": "", "mistakes": []},
    ],
)  # fmt: skip
def test_a_damaged_report_is_refused(document):
    with pytest.raises((KeyError, TypeError, ValueError)):
        report_of(document)


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]\n", b'{"report": 3}\n', b"\xff\xfe\n", b"[" * 100_000, b"{}\n" * 9]
)
def test_what_is_damaged_on_the_way_is_a_failure(said, tmp_path, monkeypatch):
    def run(folder, limits, stop):
        Path(folder, "said").write_bytes(said)
        return 0

    monkeypatch.setattr(sandbox, "_run", run)
    (tmp_path / "net.py").write_text(RIGHT)
    report = judge_apart(str(tmp_path / "net.py"), NEURON)
    assert (report.verdict, report.mistakes) == ("failed", ())


def test_rules_of_ones_own_reach_the_other_process(tmp_path):
    (tmp_path / "net.py").write_text(RIGHT)
    mine = Rule("def mine(z): a = 1.0 / (1.0 + exp(-z)); slope = a * (1.0 - a); return a, slope")
    network = Network((3, 1), output=mine)
    report = judge_apart(str(tmp_path / "net.py"), network)
    assert (report.verdict, report.network.split(", ")[1]) == ("correct", "mine")


def test_the_limit_on_memory_is_told(tmp_path):
    (tmp_path / "net.py").write_text(f"{HEAD}    return bytes(10**10), b\n")
    report = judge_apart(str(tmp_path / "net.py"), NEURON, limits=Limits(megabytes=300))
    assert report.verdict == "failed"
    assert "MemoryError" in report.message
    assert report.notes == ("It may take 300 MB of memory; --memory gives it more.",)
    (tmp_path / "net.py").write_text(
        RIGHT.replace("    a = ", "    big = bytes(2 * 10**8)\n    a = ")
    )
    for megabytes, verdict in ((100, "failed"), (900, "correct")):
        limits = Limits(megabytes=megabytes)
        assert judge_apart(str(tmp_path / "net.py"), NEURON, limits=limits).verdict == verdict


def test_where_the_system_has_no_limits(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    sandbox._limit(Limits())
    monkeypatch.setattr(sandbox, "POSIX", False)
    (tmp_path / "net.py").write_text(RIGHT)
    assert judge_apart(str(tmp_path / "net.py"), NEURON).verdict == "correct"
    (tmp_path / "net.py").write_text("while True: pass\n" + HEAD + "    pass\n")
    report = judge_apart(str(tmp_path / "net.py"), NEURON, limits=Limits(1.0))
    assert report.message.startswith("It did not end within 1 s while the file was being loaded")


def test_a_search_that_takes_too_long(tmp_path, monkeypatch):
    slow = "import time; from chainrule.checking import checker; "
    slow += "checker.checked = lambda *given, **more: time.sleep(60); "
    monkeypatch.setattr(sandbox, "START", slow + sandbox.START)
    (tmp_path / "net.py").write_text(RIGHT)
    report = judge_apart(str(tmp_path / "net.py"), NEURON, limits=Limits(1.0))
    assert report.message == "The search took longer than 1 s; --timeout gives it longer."


def test_a_process_that_does_not_start(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "START", "import nothing_of_this_name")
    (tmp_path / "net.py").write_text(RIGHT)
    report = judge_apart(str(tmp_path / "net.py"), NEURON)
    assert (report.verdict, report.message) == ("failed", sandbox.NOT_STARTED)


def test_stopping(tmp_path):
    (tmp_path / "net.py").write_text("while True: pass\n" + HEAD + "    pass\n")
    stop = Event()
    Timer(0.5, stop.set).start()
    report = judge_apart(str(tmp_path / "net.py"), NEURON, stop=stop)
    assert (report.verdict, report.message) == ("failed", "Interrupted.")


# Many


def test_what_is_a_submission(tmp_path):
    for name in ("b.py", "A.py", "_c.py", ".d.py", "e.txt", "f.PY", "s1/net.py", "s2/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(RIGHT)
    (tmp_path / "g.py").mkdir()
    assert [each.name for each in submissions(tmp_path)] == ["A.py", "b.py", "s1/net.py"]
    (tmp_path / "s1" / "more.py").write_text("def helper(x, y): pass\n")
    (tmp_path / "s1" / "test_net.py").write_text("def test_gradients(w, b, x, y): pass\n")
    (tmp_path / "s1" / "broken.py").write_text("def gradients(:\n")
    assert submissions(tmp_path)[-1].path == tmp_path / "s1" / "net.py"
    assert submissions(tmp_path, "helper")[-1].path == tmp_path / "s1" / "more.py"
    with pytest.raises(BadSetting, match=r"no files of Python"):
        submissions(tmp_path / "s2")


def test_a_folder_of_folders(tmp_path):
    for name in ("a/net.py", "b/hw/net.py", "c/text.txt", "d/.venv/x.py", "e/__pycache__/x.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(RIGHT)
    found = {each.name: each.problem for each in submissions(tmp_path)}
    nothing = "there is no file of Python (*.py) in this folder."
    assert found == {"a/net.py": "", "b/net.py": "", "c": nothing, "d": nothing, "e": nothing}
    assert submissions(tmp_path)[1].path == tmp_path / "b" / "hw" / "net.py"


@pytest.mark.parametrize("jobs", [1, 4])
def test_rows_are_in_the_order_of_submissions(tmp_path, jobs):
    found = []
    for k in range(4):
        path = tmp_path / f"{k}.py"
        path.write_text(
            f"import time\ntime.sleep({(4 - k) / 10})\n" + (RIGHT, SLOPE_LEFT_OUT)[k % 2]
        )
        found.append(Submission(path.name, path))
    found.append(Submission("none", None, "no file."))
    seen = []
    rows = grade(found, NEURON, {}, jobs=jobs, done=seen.append)
    assert [row.name for row in rows] == ["0.py", "1.py", "2.py", "3.py", "none"]
    assert sorted(row.name for row in seen) == [row.name for row in rows]
    verdicts = [row.report.verdict for row in rows]
    assert verdicts == ["correct", "mistake", "correct", "mistake", "failed"]
    assert commonest(rows) == [("slope_left_out", ["1.py", "3.py"])]


def test_the_csv_holds_what_was_found():
    located = replace(mistake("broadcast", 2, 3), line=7)
    rows = [
        Row("a.py", Report("correct", "f", "All gradients are right."), 0.123),
        Row("b.py", Report("mistake", "g", "Two.", (mistake("sign", 1), located)), 2.0),
        Row('c,\n"d".py', Report("failed", "c", "=1+1\nand\tmore"), 60.0),
    ]
    found = list(csv.reader(io.StringIO(as_csv(rows).decode())))
    assert found == [
        list(COLUMNS),
        ["a.py", "f", "correct", "", "", "", "All gradients are right.", "0.12"],
        ["b.py", "g", "mistake", "sign; broadcast", "1; 2+3", "; 7",
         "layer 1: it is wrong. It is. layer 1: it is wrong. It is.", "2.00"],
        ['c, "d".py', "c", "failed", "", "", "", "'=1+1 and more", "60.00"],
    ]  # fmt: skip


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\t=1", " =1", "\r=1", "\n=1", "\0=1"])
def test_no_cell_is_a_formula(cell):
    text = as_csv([Row(cell, Report("failed", cell, cell), 1.0)]).decode()
    for found in list(csv.reader(io.StringIO(text)))[1][:7]:
        assert not found.strip().startswith(("=", "+", "-", "@"))


def test_statistics_count_submissions():
    twice = Report("mistake", "f", "", (mistake("sign", 1), mistake("sign", 2)))
    once = Report("mistake", "f", "", (mistake("broadcast"),))
    rows = [Row(n, r, 0.0) for n, r in [("a", twice), ("b", once), ("c", once)]]
    assert commonest(rows) == [("broadcast", ["b", "c"]), ("sign", ["a"])]
