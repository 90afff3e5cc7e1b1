"""The pages: every block of code in them runs, and what is shown below a command is printed.

Blocks of Python with ``>>>`` are doctests. The others are run here, a page at a time, in a
folder of its own with the tutorial's table and the README's:

- a ``console`` block: what follows ``$`` is run, the lines below it are what it prints;
- a ``sh`` block, or an indented block that begins with ``chainrule``: each line is run;
- a ``python`` block with ``title="FILE"`` is written to that file first.

``chainrule play`` serves until Ctrl-C: its page is asked for, and it is ended.

A command must end with exit status 0, or with N where ``# exit status N`` stands behind it.
Lines that set up an installation (``SETUP``) are not run. Where the printed text has
changed, ``python tests/test_docs.py PAGE ...`` writes the new one into the page.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

import chainrule

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
SETUP = re.compile(r"python -m venv|pip install|git clone|mkdocs")
FENCED = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}chainrule .*\n)(?:^ {4}.+\n)*", re.MULTILINE)
STATUS = re.compile(r"# exit status (\d+)")
NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")
# Durations, sizes of files, and the epochs at which a training was stopped early.
FREE = re.compile(r"\d+(?:\.\d+)?(?= m?s\b| kB| µs| epochs:| to \d+ epochs:)|(?<=epoch )\d+")
TOLERANCE = 0.1  # of what a training ends at on another machine


class Step(NamedTuple):
    """A file to write, or a command with what it shall print (None: anything)."""

    command: str = ""
    shown: str | None = None
    file: str = ""
    text: str = ""

    @property
    def status(self):
        found = STATUS.search(self.command)
        return int(found[1]) if found else 0


def steps(page):
    """Yield what a page does, in its order."""
    found = [(block.start(), *_fenced(block)) for block in FENCED.finditer(page)]
    blank = FENCED.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), page)
    found += [(block.start(), *_commands(block[0])) for block in INDENTED.finditer(blank)]
    for _, *of_block in sorted(found, key=lambda each: each[0]):
        yield from of_block


def _fenced(block):
    indent, language, more, code = block.groups()
    code = re.sub(f"^{indent}", "", code, flags=re.MULTILINE)
    if language == "console":
        for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
            command, shown = re.match(r"((?:.*\\\n)*.*)\n?((?s:.*))", part).groups()
            if not SETUP.search(command):
                yield Step(command, shown)
    elif language in ("sh", "bash"):
        yield from _commands(code)
    elif language == "python" and (title := re.search(r'title="(.+?)"', more)):
        yield Step(file=title[1], text=code)


def _commands(code):
    lines = re.sub(r"\\\n\s*", "", code).splitlines()
    return [Step(line.strip()) for line in lines if line.strip() and not SETUP.search(line)]


def write(step, folder):
    path = folder / step.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(step.text)


def play(step, folder, env):
    """Serve the playground of a page's command, ask for its page, and end it."""
    command = [*shlex.split(step.command, comments=True), "--no-browser", "--port", "0"]
    server = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
    try:
        told = iter(server.stdout.readline, "")
        address = next(found[0] for line in told if (found := re.search(r"http://\S+", line)))
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert b"chainrule" in answer.read()
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
    assert server.returncode == step.status, step.command


def run(step, folder):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "COLUMNS": "80", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    if step.command.startswith("chainrule play"):
        return play(step, folder, env)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", step.command],
        cwd=folder, env=env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    told = done.stdout + done.stderr if step.status else done.stdout
    assert done.returncode == step.status, f"$ {step.command}\n{done.stdout}{done.stderr}"
    return told


def same(shown, printed):
    """Say whether a text was printed: the words exactly, decimals nearly, ``...`` anything."""
    pattern, numbers, end = "", [], 0
    shown, printed = (" ".join(FREE.sub("0", text).split()) for text in (shown, printed))
    shown, printed = (re.sub("─+", "─", text) for text in (shown, printed))
    shown, printed = (re.sub("[■□▪▫·]", "·", text) for text in (shown, printed))  # weights
    for found in NUMBER.finditer(shown):
        pattern += re.escape(shown[end : found.start()]) + f"({NUMBER.pattern})"
        numbers.append(found[0])
        end = found.end()
    pattern = (pattern + re.escape(shown[end:])).replace(re.escape("..."), ".*?")
    match = re.fullmatch(pattern, printed, re.DOTALL)
    return match is not None and all(map(_near, numbers, match.groups()))


def _near(shown, printed):
    if "." not in shown and "e" not in shown:
        return shown == printed
    a, b = (float(text.replace("−", "-").replace(",", "")) for text in (shown, printed))
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b), 0.5)


def prepare(folder):
    """Lay the tables of the pages into a folder; the README's are made up."""
    shutil.copy(DOCS / "tutorial" / "cars.csv", folder)
    for name, rows in (("houses", range(240)), ("new", range(9)), ("held_back", range(100, 140))):
        lines = ["area,rooms,town,households,sold,price"]
        for i in rows:
            area, rooms, town = 40 + 37 * i % 160, 1 + i % 6, ("Ulm", "Bonn", "Kiel")[i % 3]
            price = 900 * area + 9000 * rooms + 20_000 * (i % 3) + 997 * i % 5000
            lines.append(f"{area},{rooms},{town},{1 + i % 4},{int(price > 120_000)},{price}")
        (Path(folder) / f"{name}.csv").write_text("\n".join(lines) + "\n")


def name_of(page):
    return str(page.relative_to(ROOT))


WITH_STEPS = [page for page in PAGES if list(steps(page.read_text()))]


@pytest.mark.compiled_only
@pytest.mark.parametrize("page", WITH_STEPS, ids=name_of)
def test_commands_of_a_page_run_and_print_what_is_shown(page, tmp_path):
    prepare(tmp_path)
    for step in steps(page.read_text()):
        if step.file:
            write(step, tmp_path)
            continue
        printed = run(step, tmp_path)
        if step.shown is not None:
            assert same(step.shown, printed), f"$ {step.command}\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_block_is_left_out(page):
    for _, language, more, code in FENCED.findall(page.read_text()):
        if language == "python":
            assert ">>>" in code or "title=" in more, f"this block is run by nobody:\n{code}"
        elif language == "console":
            assert code.startswith("$ "), code
        else:
            assert language in ("sh", "bash"), f"``` {language}\n{code}"
    for line in re.findall(r"\n\n {4}(\S.*)", FENCED.sub("", page.read_text())):
        assert line.startswith("chainrule ") or SETUP.search(line), f"this is run by nobody: {line}"


def test_all_public_names_are_in_the_reference_once():
    listed = re.findall(r"^::: chainrule\.(\w+)$", (DOCS / "reference/python.md").read_text(), re.M)
    assert Counter(listed) == Counter(chainrule.__all__)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_repository_lead_somewhere(name):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text()):
        assert (ROOT / link).exists(), link


# The tester.

PRINTED = "Trained  in 0.19 s; 192 to 360 epochs: stopped early\n\n  RMSE   2.659\n  rows   318\n"


@pytest.mark.parametrize(
    "shown",
    [
        PRINTED,
        "Trained in 7.2 s; 12 to 70 epochs: stopped early\nRMSE 2.7\nrows 318",
        "Trained ... RMSE 2.659 ...",
    ],
)
def test_what_differs_by_machine_may_differ(shown):
    assert same(shown, PRINTED)


@pytest.mark.parametrize(
    "shown",
    [
        "",
        PRINTED.replace("318", "319"),
        PRINTED.replace("2.659", "3.659"),
        PRINTED.replace("2.659", "-2.659"),
        PRINTED.replace("early", "late"),
        PRINTED + "more",
        "Trained ... rows",
    ],
)
def test_a_wrong_text_is_noticed(shown):
    assert not same(shown, PRINTED)


def test_steps_are_found_in_their_order():
    page = (
        "    chainrule one\n    chainrule two # exit status 2\n\n"
        '```python title="a.py"\nz = 1\n```\n\n'
        "```console\n$ python a.py\n1\n\n2\n$ chainrule three \\\n    --more\n```\n"
        "```sh\npip install x\nchainrule four\n```\n"
    )
    found = list(steps(page))
    assert [step.command for step in found] == [
        "chainrule one", "chainrule two # exit status 2", "", "python a.py",
        "chainrule three \\\n    --more", "chainrule four",
    ]  # fmt: skip
    assert [step.status for step in found] == [0, 2, 0, 0, 0, 0]
    assert found[2].file == "a.py"
    assert found[2].text == "z = 1\n"
    assert found[3].shown == "1\n\n2\n"


def test_a_command_that_fails_is_noticed(tmp_path):
    with pytest.raises(AssertionError, match="no-such-file"):
        run(Step("cat no-such-file"), tmp_path)
    with pytest.raises(AssertionError):
        run(Step("true # exit status 1"), tmp_path)


def record(path):
    """Write into a page what its commands print now, where that is not what it shows."""
    import tempfile

    page = path.read_text()
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        for step in steps(page):
            if step.file:
                write(step, Path(folder))
                continue
            printed = run(step, folder)
            if step.shown is not None and not same(step.shown, printed):
                printed = "".join(line.rstrip() + "\n" for line in printed.splitlines())
                before = f"$ {step.command}\n"
                page = page.replace(before + step.shown, before + printed, 1)
    path.write_text(page)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        record(Path(argument))
