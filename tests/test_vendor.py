"""The page's bundle of other people's packages: whole, named with its licences, in the wheel."""

import json
import re
import subprocess
import sys
import tarfile
from importlib.resources import files
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
VENDOR = ROOT / "src" / "chainrule" / "playing" / "page" / "vendor"
FILES = sorted(path.relative_to(ROOT / "src").as_posix() for path in VENDOR.rglob("*.*"))


def test_the_package_finds_the_bundle_and_twenty_fonts():
    found = files("chainrule.playing") / "page" / "vendor"
    names = {entry.name for entry in found.iterdir()}
    assert names == {
        "vendor.mjs", "vendor.d.mts", "katex.css", "uplot.css", "LICENSES.txt", "fonts",
    }  # fmt: skip
    fonts = [font.read_bytes()[:4] for font in (found / "fonts").iterdir()]
    assert fonts == [b"wOF2"] * 20


def test_wheel_and_source_distribution_hold_the_bundle(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = wheel.namelist()
    assert set(FILES) <= set(packed)
    assert [name for name in packed if name.endswith("/vendor/LICENSES.txt")][1:]  # metadata too
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as source:
        names = [name.partition("/")[2] for name in source.getnames()]
    assert {f"src/{name}" for name in FILES} | {"frontend/build.mjs"} <= set(names)
    assert not [name for name in names if "node_modules" in name]


def test_the_style_sheet_names_exactly_the_fonts_that_are_there():
    sheet = (VENDOR / "katex.css").read_text()
    named = re.findall(r"url\(([^)]+)\)", sheet)
    assert set(named) == {f"fonts/{path.name}" for path in (VENDOR / "fonts").iterdir()}
    assert "url(" not in (VENDOR / "uplot.css").read_text()


def test_licences_are_those_of_the_locked_packages():
    locked = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    licences = (VENDOR / "LICENSES.txt").read_text()
    named = dict(re.findall(r"^(\S+) (\S+) \([\w.-]+\)\n=+$", licences, re.M))
    assert named == {name: locked[f"node_modules/{name}"]["version"] for name in named}
    declared = json.loads((ROOT / "frontend" / "package.json").read_text())
    assert declared["dependencies"].items() <= named.items()
    assert "SIL OPEN FONT LICENSE Version 1.1" in licences


@pytest.mark.parametrize(
    "banned", [r"\beval\(", r"\bFunction\(", r"document\.write", r"\bimport\("]
)
def test_the_bundle_runs_no_text_as_code_and_loads_nothing(banned):
    assert not re.search(banned, (VENDOR / "vendor.mjs").read_text())
