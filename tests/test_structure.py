"""What the repository promises of itself: order of imports, names, weight, versions."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import chainrule
from chainrule import jit

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "chainrule"

# A module imports only from modules above it.
ORDER = [
    "errors", "elementary", "rules.activations", "rules.losses", "rules.optimisers", "rules",
    "formula", "notation", "boxes", "markup", "typesetting", "slots", "slopecheck", "loops",
    "jit", "own", "products", "schedules", "initial",
    "parsing", "csvfile", "reading", "datasets", "cells", "columns", "target", "kinds", "table",
    "network", "layout", "lifted", "passes", "kernels", "squares", "engine", "arguments",
    "files", "checkpoint", "threads", "levenberg", "course", "wholesale", "loop",
    "ensemble", "calibration", "folds", "document", "untrusted", "summary", "drawing", "terminal",
    "explaining", "explaining.parts", "explaining.sketch", "explaining.plain",
    "explaining.machine", "explaining.shown",
    "explaining.markdown", "explaining.document", "explaining.style", "explaining.page",
    "explaining.derivation", "explaining.template",
    "explaining.trace", "explaining.signs", "explaining.rulelines", "explaining.drawn",
    "explaining.forward", "explaining.chain", "explaining.update", "explaining.paths",
    "explaining.neurons", "explaining.steps",
    "explaining.reference", "explaining.friendly", "explaining.worksheet", "explaining.tables",
    "telling", "weights", "restarts", "frames", "resuming", "stepwise", "ownsteps", "perceptron",
    "estimators", "modelfile", "metrics",
    "exporting", "exporting.spelling", "exporting.language", "exporting.samples",
    "exporting.categories", "exporting.ctext", "exporting.footprint", "exporting.c",
    "exporting.fixedplan", "exporting.fixedrun", "exporting.fixedparts", "exporting.fixed",
    "exporting.javascript", "exporting.plain_python",
    "exporting.onnxinputs", "exporting.onnxnodes", "exporting.onnx",
    "exporting.sqldialect", "exporting.sqlrules", "exporting.sqlnetworks", "exporting.sql",
    "exporting.targets", "exporting.artefact",
    "model", "recipe", "prepare", "fitting",
    "importing", "importing.chain", "importing.inputs", "importing.pipelines",
    "importing.assembling", "importing.perceptrons", "importing.modules", "importing.tensors",
    "importing.keraslayers", "importing.onnxfile", "importing.graph", "importing.sources",
    "checking", "checking.catalogue", "checking.wordlist", "checking.roles", "checking.rewriting",
    "checking.finding", "checking.loading", "checking.reading", "checking.ruled",
    "checking.packing", "checking.sources", "checking.steps", "checking.bundling",
    "checking.cases", "checking.tracing", "checking.variant", "checking.chained",
    "checking.gathered", "checking.variants", "checking.matching", "checking.running",
    "checking.aftermath", "checking.assigning", "checking.holding", "checking.functions",
    "checking.classes", "checking.judging", "checking.effects",
    "checking.inferring", "checking.progress", "checking.repairing", "checking.trying",
    "checking.telling", "checking.report", "checking.quantities", "checking.reporting",
    "checking.mending", "checking.checker", "testing", "checking.sandbox", "checking.grading",
    "playing", "playing.toys", "playing.readers", "playing.choices", "playing.sources",
    "playing.settling", "playing.curve", "playing.run",
    "playing.scene", "playing.looks", "playing.scores", "playing.spread",
    "playing.snapshots", "playing.ahead", "playing.worked",
    "options", "checkoptions", "sheetoptions", "exportoptions", "importoptions", "playoptions",
    "commands", "playing.sharing", "playing.guided", "playing.view", "playing.tabs",
    "playing.commands", "playing.worker", "playing.pace", "playing.frame", "playing.about",
    "playing.planning", "playing.recipes", "playing.beginning", "playing.heads", "playing.session",
    "playing.host", "playing.guard", "playing.server",
    "traincommand", "checkcommand", "explaincommand", "worksheetcommand", "exportcommand",
    "importcommand", "playcommand", "cli",
]  # fmt: skip


def module_name(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(path):
    """Return the modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chainrule"):
            inside = node.module.removeprefix("chainrule").removeprefix(".")
            for alias in node.names:
                below = f"{inside}.{alias.name}".removeprefix(".")
                known = (PACKAGE / below.replace(".", "/")).with_suffix(".py")
                yield below if known.exists() else inside
        elif isinstance(node, ast.Import):
            for alias in node.names:
                assert not alias.name.startswith("chainrule"), f"{path}: write from ... import"


def test_modules_import_only_from_above():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        name = module_name(path)
        if name in ("__init__", ""):
            continue
        assert name in ORDER, f"{name} has no place in the order"
        below = [i for i in imports(path) if i and ORDER.index(i) >= ORDER.index(name)]
        wrong += [f"{name} imports {imported}" for imported in below]
    assert not wrong


def test_the_order_names_only_modules_that_exist():
    there = {module_name(path) for path in PACKAGE.rglob("*.py")}
    assert set(ORDER) <= there


def test_the_cache_folder_is_named_by_all_files_that_kernels_are_made_of():
    needed, waiting = set(), ["kernels", "squares"]
    while waiting:
        name = waiting.pop()
        if name and name not in needed:
            needed.add(name)
            path = PACKAGE / name.replace(".", "/")
            waiting += imports(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
    assert {name.split(".")[0] for name in needed} == set(jit.KERNEL_SOURCES)


def test_public_names_are_exact_and_sorted():
    assert sorted(chainrule.__all__) == chainrule.__all__
    assert sorted(chainrule._HOMES) == chainrule.__all__
    for name in chainrule.__all__:
        assert getattr(chainrule, name).__module__ == f"chainrule.{chainrule._HOMES[name]}"


def test_import_is_light():
    code = "import chainrule, sys, json; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    heavy = {"numpy", "numba", "pandas", "pyarrow", "matplotlib", "sklearn", "scipy", "typer"}
    assert not heavy & set(loaded)


def test_a_network_is_described_without_the_compiler():
    code = (
        "import sys; from chainrule import Network; Network((3, 1)); print('numba' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code]).strip() == b"False"


def test_versions_agree():
    declared = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert declared
    assert newest
    assert declared[1] == chainrule.__version__ == newest[1]


def test_modules_are_short():
    long = {
        module_name(path): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert not long


def test_compile_options_stand_in_one_place():
    users = [p.name for p in PACKAGE.rglob("*.py") if re.search(r"njit|fastmath", p.read_text())]
    assert users == ["jit.py"]
    assert jit.OPTIONS["fastmath"] == {"contract", "reassoc"}  # NaN and infinity keep their meaning
    assert jit.OPTIONS["error_model"] == "numpy"
