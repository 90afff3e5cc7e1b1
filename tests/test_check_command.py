"""``chainrule check``, driven as a student or a teacher would, with submissions that fight back."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

from chainrule import cli
from submissions import FAILED, HEAD, JUDGED, RIGHT, SLOPE_LEFT_OUT, TURNED, write

COMMAND = [sys.executable, "-c", "from chainrule.cli import main; main()"]
NEURON = ("--sizes", "3-1", "--output", "sigmoid")
posix_only = pytest.mark.skipif(os.name != "posix", reason="limits of POSIX systems")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run in an empty folder, 80 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def run(capfdbinary):
    """Run the command in this process; return exit status, output and errors."""

    def command(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(["check", *arguments])
        out, err = capfdbinary.readouterr()
        return caught.value.code, out.decode(), err.decode()

    return command


def rows_of(path):
    return {row["file"]: row for row in csv.DictReader(io.StringIO(path.read_text("utf-8")))}


# One file


def test_right(run):
    Path("net.py").write_text(RIGHT)
    status, out, err = run("net.py", *NEURON)
    assert (status, err) == (0, "")
    assert re.match(r"✓ .*All gradients .*are right", out)
    assert re.search(r"\de-1[5-7] of the largest\s+number", out)
    assert "  network    3-1, sigmoid, half_squared_error\n" in out
    assert "samples as rows; mean over the samples" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_mistake(run):
    Path("net.py").write_text(SLOPE_LEFT_OUT)
    status, out, err = run("net.py:gradients", *NEURON)
    assert (status, err) == (1, "")
    assert out.startswith(
        "✗ One mistake in gradients: the activation's derivative is left out in layer 1.\n\n"
        "    9 │ delta = a - y\n"
        "      │         ^^^^^\n\n"
    )
    assert "try        delta = (a - y) * a * (1 - a)\n" in out
    assert "delta = dL/dA * f'(Z)\n" in out
    assert "yours is   delta = dL/dA\n" in out
    assert "slope_left_out" in out
    assert "\x1b" not in out


def test_as_json(run):
    Path("net.py").write_text(TURNED)
    status, out, err = run("net.py", *NEURON, "--json")
    document = json.loads(out)
    assert (status, err) == (1, "")
    assert (document["file"], document["name"]) == ("net.py", "gradients")
    assert document["verdict"] == "mistake"
    (mistake,) = document["mistakes"]
    assert (mistake["name"], mistake["layer"]) == ("target_minus_output", 1)
    assert mistake["equation"] == "dL/dA = A - Y"
    assert "Y - A" in mistake["message"]


def test_right_as_json(run):
    Path("net.py").write_text(RIGHT)
    status, out, _ = run("net.py", *NEURON, "--json")
    document = json.loads(out)
    assert (status, document["verdict"], document["mistakes"]) == (0, "correct", [])
    assert 0.0 < document["precision"] < 1e-12


@pytest.mark.parametrize("name", ["syntax.py", "only_data.py", "asks.py", "crashes.py"])
def test_what_could_not_be_judged(run, name):
    source, reason = FAILED[name]
    Path(name).write_text(source)
    status, out, err = run(name, *NEURON)
    assert (status, out) == (2, "")
    assert err.startswith(f"! {name}" if name != "crashes.py" else "! gradients: ")
    assert reason in " ".join(err.split())
    assert "Traceback" not in err
    status, out, err = run(name, *NEURON, "--json")
    document = json.loads(out)
    assert (status, err, document["verdict"], document["mistakes"]) == (2, "", "failed", [])
    assert reason in document["message"]


def test_the_network_reaches_the_check(run):
    source = RIGHT.replace("(a - y) * a * (1 - a)", "a - y")
    Path("net.py").write_text(source)
    assert run("net.py", *NEURON)[0] == 1
    status, out, _ = run("net.py", *NEURON, "--loss", "binary_cross_entropy")
    assert status == 0
    assert "binary_cross_entropy" in out


def test_hints_reach_the_check(run):
    Path("net.py").write_text(RIGHT)
    assert run("net.py", *NEURON, "--samples", "rows", "--weights", "in_out")[0] == 0
    assert run("net.py", *NEURON, "--samples", "columns", "--weights", "in_out")[0] != 0


def test_a_class_of_two_layers_in_a_file(run):
    Path("net.py").write_text(
        "import numpy as np\n\n\nclass Net:\n"
        "    def __init__(self, n_in, n_hidden, n_out):\n"
        "        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros(n_hidden)\n"
        "        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros(n_out)\n\n"
        "    def forward(self, X):\n"
        "        self.A1 = np.tanh(X @ self.W1 + self.b1)\n"
        "        self.A2 = self.A1 @ self.W2 + self.b2\n"
        "        return self.A2\n\n"
        "    def backward(self, X, y):\n"
        "        d2 = (self.A2 - y) / len(X)\n"
        "        self.dW2, self.db2 = self.A1.T @ d2, d2.sum(axis=0)\n"
        "        d1 = d2 @ self.W2.T * SLOPE\n"
        "        self.dW1, self.db1 = X.T @ d1, d1.sum(axis=0)\n".replace(
            "SLOPE", "(1 - self.A1 ** 2)"
        )
    )
    options = ("--sizes", "3-4-2", "--hidden", "tanh")
    assert run("net.py", *options)[0] == 0
    wrong = Path("net.py").read_text().replace(" * (1 - self.A1 ** 2)", "")
    Path("net.py").write_text(wrong)
    status, out, _ = run("net.py:Net", *options, "--json")
    mistakes = json.loads(out)["mistakes"]
    assert (status, [(m["name"], m["layer"]) for m in mistakes]) == (1, [("slope_left_out", 1)])


# Which file, and what in it


def test_no_such_file(run):
    Path("right.py").write_text(RIGHT)
    assert run("nothing.py") == (
        2, "", "chainrule: nothing.py cannot be read: No such file or directory\n"
    )  # fmt: skip
    assert "; did you mean right.py?" in run("rigth.py")[2]
    status, out, _ = run("nothing.py", "--json")
    assert (status, json.loads(out)["verdict"]) == (2, "failed")


def test_a_folder_in_place_of_a_file(run):
    Path("net.py").mkdir()
    status, out, err = run("net.py")
    assert (status, out) == (2, "")
    assert err.startswith("chainrule: net.py has no files of Python")


@posix_only
def test_what_is_no_ordinary_file(run):
    os.mkfifo("net.py")
    assert run("net.py")[2] == "chainrule: net.py is no ordinary file\n"
    Path("large.py").write_bytes(b"#" * 5_000_001)
    assert run("large.py")[2] == "chainrule: large.py is larger than 5 MB\n"


def test_a_notebook(run):
    Path("net.ipynb").write_text("{}")
    assert "export it as Python" in run("net.ipynb")[2]


def test_no_such_function(run):
    Path("net.py").write_text(RIGHT)
    status, _, err = run("net.py:gradient", *NEURON)
    assert status == 2
    assert err == "! net.py has no function or class gradient; did you mean gradients?\n"
    assert "it has sigmoid, gradients" in " ".join(run("net.py:zzz", *NEURON)[2].split())
    Path("net.py").write_text(RIGHT + "\nthing = 3\n")
    assert "thing in net.py is a int, and no function" in run("net.py:thing", *NEURON)[2]


def test_the_function_is_found_among_others(run):
    others = "".join(
        f"def {name}({arguments}):\n    raise RuntimeError\n"
        for name, arguments in [
            ("forward", "w, b, x"), ("loss", "w, b, x, y"), ("sigmoid_backward", "dA, Z"),
            ("numerical_gradient", "w, b, x, y"), ("predict", "w, b, x"), ("train", "x, y, epochs"),
            ("_gradients", "w, b, x, y"), ("plot", "x, y"),
        ]
    )  # fmt: skip
    Path("net.py").write_text(others + RIGHT)
    status, out, _ = run("net.py", *NEURON)
    assert (status, "gradients" in out) == (0, True)


def test_several_functions(run):
    Path("net.py").write_text(RIGHT + RIGHT.replace("gradients", "backward"))
    status, _, err = run("net.py", *NEURON)
    assert status == 2
    assert " ".join(err.split()) == (
        "! net.py has 2 that could be meant: gradients (line 7), backward (line 17); say which, "
        "such as net.py:gradients."
    )
    assert run("net.py:backward", *NEURON)[0] == 0
    assert run("net.py", "--function", "backward", *NEURON)[0] == 0


def test_modules_beside_the_file_are_found(run, monkeypatch):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    Path("sub").mkdir()
    Path("sub/helper.py").write_text("import numpy as np\nsigmoid = lambda z: 1/(1+np.exp(-z))\n")
    Path("sub/data.csv").write_text("1")
    local = RIGHT.replace("def sigmoid(z):\n    return 1 / (1 + np.exp(-z))", "")
    local = "from helper import sigmoid\nopen('data.csv').read()\n" + local
    Path("sub/net.py").write_text(local)
    assert run("sub/net.py", *NEURON)[0] == 0
    assert sorted(os.listdir("sub")) == ["data.csv", "helper.py", "net.py"]
    Path("sub/helper.py").write_text("def broken(:\n")
    assert "helper.py, line 1, `def broken(:`: SyntaxError" in run("sub/net.py", *NEURON)[2]


def test_files_in_the_way_of_the_standard_library(run):
    for name in ("numpy", "json", "typing", "random"):
        Path(f"{name}.py").write_text("raise RuntimeError('mine')\n")
    Path("net.py").write_text(RIGHT)
    assert run("net.py", *NEURON)[0] == 0


# Options that cannot be used


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--sizes", "3"), "--sizes 3 must be numbers with - between"),
        (("--sizes", "3-x"), "--sizes 3-x must be numbers"),
        (("--sizes", "0-1"), "must be two or more positive whole numbers"),
        (("--hidden", "tanhh"), "'tanhh' is not one of"),
        (("--hidden", "tanh,relu"), "--hidden goes with --sizes"),
        (("--sizes", "3-1", "--output", "sigmoidal"), "'sigmoidal' is not one of"),
        (("--sizes", "3-1", "--loss", "cross_entropy"), "softmax"),
        (("--csv", "g.csv"), "--csv goes with a folder of submissions, and net.py is none"),
        (("--weights", "sideways"), "'in_out', 'out_in'"),
        (("--timeout", "0"), "--timeout"),
        (("--function", "zzz"), "name two functions"),
    ],
)
def test_bad_options(run, options, expected):
    Path("net.py").write_text(RIGHT)
    code = "net.py:gradients" if "--function" in options else "net.py"
    status, out, err = run(code, *options)
    assert (status, out) == (2, "")
    assert expected in " ".join(err.replace("│", " ").split())


# A class


def test_hostile_submissions(run, folder):
    write(Path("."), JUDGED | FAILED)
    Path("folder.py").mkdir()
    before = {path.name: path.read_bytes() for path in Path(".").glob("*.py") if path.is_file()}
    status, out, err = run(
        str(folder), *NEURON, "--csv", "grades.csv", "--timeout", "8", "--memory", "600"
    )
    assert (status, err) == (0, "")
    rows = rows_of(Path("grades.csv"))
    assert sorted(rows) == sorted(JUDGED | FAILED)
    for name, (_, verdict) in JUDGED.items():
        assert (name, rows[name]["verdict"]) == (name, verdict)
    for name, (_, reason) in FAILED.items():
        assert (name, rows[name]["verdict"], rows[name]["mistakes"]) == (name, "failed", "")
        assert reason in rows[name]["message"], name
        assert "\n" not in rows[name]["message"]
    assert rows["wrong.py"]["mistakes"] == "slope_left_out"
    assert rows["wrong.py"]["layers"] == "1"
    assert rows["wrong.py"]["lines"] == "9"
    assert rows["wrong.py"]["function"] == "gradients"
    assert float(rows["endless.py"]["seconds"]) >= 8.0
    assert max(float(rows[name]["seconds"]) for name in JUDGED) < 8.0  # their threads are left
    assert f"{len(rows)} submissions: 14 right, 2 with a mistake, {len(FAILED)} could" in out
    assert max(map(len, out.splitlines()[:-1])) <= 80
    assert before == {p.name: p.read_bytes() for p in Path(".").glob("*.py") if p.is_file()}
    assert not list(Path(".").glob("__pycache__"))


def test_the_statistics_of_a_class(run):
    for name, source in {"a": SLOPE_LEFT_OUT, "b": SLOPE_LEFT_OUT, "c": TURNED, "d": RIGHT}.items():
        Path(f"{name}.py").write_text(source)
    status, out, _ = run(".", *NEURON)
    assert status == 0
    assert "4 submissions: 1 right, 3 with a mistake" in out
    lines = out.split("The commonest mistakes:")[1].splitlines()
    assert [" ".join(line.split()) for line in lines[4:]] == [
        "2 the activation's derivative is left out a, b",
        "1 the error is Y - A where A - Y belongs c",
    ]
    document = json.loads(run(".", *NEURON, "--json")[1])
    assert document["verdicts"] == {"correct": 1, "mistake": 3, "unknown": 0, "failed": 0}
    assert document["mistakes"] == {"slope_left_out": 2, "target_minus_output": 1}
    assert [row["file"] for row in document["submissions"]] == ["a.py", "b.py", "c.py", "d.py"]


def test_a_folder_for_each_student(run):
    for name, files in {
        "anna": {"net.py": RIGHT},
        "ben": {"net.py": SLOPE_LEFT_OUT, "helper.py": "def draw(x, y):\n    pass\n"},
        "cleo": {"one.py": RIGHT, "two.py": RIGHT},
        "dan": {"one.py": "x = 1\n", "two.py": "y = 2\n"},
        ".git": {"net.py": RIGHT},
        "eve": {"notes.txt": "ill"},
    }.items():
        Path(name).mkdir()
        for file, source in files.items():
            Path(name, file).write_text(source)
    document = json.loads(run(".", *NEURON, "--json")[1])
    found = {row["file"]: (row["verdict"], row["message"]) for row in document["submissions"]}
    assert {name: verdict for name, (verdict, _) in found.items()} == {
        "anna/net.py": "correct", "ben/net.py": "mistake", "cleo": "failed", "dan": "failed",
        "eve": "failed",
    }  # fmt: skip
    assert found["cleo"][1] == "several files may be meant: one.py, two.py."
    assert found["dan"][1] == "none of its files has back-propagation: one.py, two.py."


def test_one_function_in_every_file(run):
    both = RIGHT + SLOPE_LEFT_OUT.replace("gradients", "backward")
    Path("a.py").write_text(both)
    Path("b.py").write_text(RIGHT)
    document = json.loads(run(".", *NEURON, "--function", "backward", "--json")[1])
    a, b = document["submissions"]
    assert (a["verdict"], b["verdict"]) == ("mistake", "failed")
    assert "b.py has no function or class backward" in b["message"]


def test_cells_are_no_formulas(run):
    Path("class").mkdir()
    for name in ("=cmd|calc.py", "+1.py", "-1.py", "@sum.py"):
        Path("class", name).write_text("x = 1\n")
    run("class", "--csv", "grades.csv")
    rows = list(csv.reader(io.StringIO(Path("grades.csv").read_text())))
    assert sorted(row[0] for row in rows[1:]) == ["'+1.py", "'-1.py", "'=cmd|calc.py", "'@sum.py"]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_a_file_of_grades_that_cannot_be_written(run):
    Path("a.py").write_text("while True: pass")  # nothing is judged first
    status, _, err = run(".", "--csv", "nowhere/grades.csv")
    assert (status, err.startswith("chainrule: nowhere/grades.csv cannot be written")) == (2, True)


def test_an_empty_folder(run):
    status, _, err = run(".")
    assert (status, err) == (
        2, "chainrule: . has no files of Python (*.py), nor folders with such files\n"
    )  # fmt: skip


# Processes and terminals


def starts_and_loops(folder, name):
    (folder / name).write_text(
        f"import subprocess, sys, time\n{HEAD}"
        "    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', 'orphan'])\n"
        "    open('started', 'w').write(str(__import__('os').getpid()))\n"
        "    while True: time.sleep(0.1)\n"
    )


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid):
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


@posix_only
def test_interrupting_a_class_keeps_the_rows_so_far(folder):
    Path("class").mkdir()
    (folder / "class" / "a.py").write_text(RIGHT)
    starts_and_loops(folder / "class", "b.py")
    (folder / "class" / "c.py").write_text(RIGHT)
    command = ["check", "class", *NEURON, "--csv", "grades.csv", "--jobs", "1"]
    child = subprocess.Popen([*COMMAND, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for((folder / "class" / "started").exists)
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, b"")
    assert list(rows_of(Path("grades.csv"))) == ["a.py"]
    assert b"Interrupted: 2 were not judged." in out
    pid = int((folder / "class" / "started").read_text())
    wait_for(lambda: not alive(pid))


@posix_only
def test_interrupting_one_file_ends_its_process(folder):
    starts_and_loops(folder, "net.py")
    child = subprocess.Popen(
        [*COMMAND, "check", "net.py", *NEURON], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_for((folder / "started").exists)
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"Traceback" not in err
    pid = int((folder / "started").read_text())
    wait_for(lambda: not alive(pid))


@posix_only
def test_what_a_submission_starts_is_ended_with_it(folder, run):
    starts_and_loops(folder, "net.py")
    status, _, err = run("net.py", *NEURON, "--timeout", "2")
    assert (status, "did not end within 2 s" in err) == (2, True)
    pid = int((folder / "started").read_text())
    wait_for(lambda: not alive(pid))


def spawn(*arguments, **environment):
    return pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], "check", *arguments], timeout=60, dimensions=(40, 80),
        env=os.environ | {"TERM": "xterm-256color"} | environment,
    )  # fmt: skip


@posix_only
@pytest.mark.parametrize("plain", [False, True])
def test_on_a_terminal(plain, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    monkeypatch.delenv("NO_COLOR", raising=False)
    Path("net.py").write_text(SLOPE_LEFT_OUT)
    child = spawn("net.py", *NEURON, **({"NO_COLOR": "1"} if plain else {}))
    child.expect(pexpect.EOF)
    shown = child.before.decode()
    assert "One mistake in gradients" in shown
    assert ("\x1b[1;33m✗ " in shown) is not plain
    assert ("\x1b[33m" in shown) is False


@posix_only
def test_a_class_on_a_terminal_has_a_bar(monkeypatch):
    monkeypatch.delenv("COLUMNS")
    Path("a.py").write_text(RIGHT)
    Path("b.py").write_text(TURNED)
    child = spawn(".", *NEURON)
    child.expect("2/2")
    child.expect("2 submissions: 1 right, 1 with a mistake")
    child.expect(pexpect.EOF)
