"""The built site: no warnings, no dead links, formulas as MathML, nothing from other hosts."""

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="the extra docs is not installed")
pytest.importorskip("math_core", reason="the extra docs is not installed")

ROOT = Path(__file__).parent.parent
ELSEWHERE = re.compile(r"\s*(?:https?:)?//")
LOADING = {"src", "srcset", "data", "poster", "action"}  # and href, except of <a>


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build it as ``mkdocs build --strict`` does; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def mathematics():
    path = ROOT / "docs" / "making" / "mathematics.py"
    spec = importlib.util.spec_from_file_location("mathematics", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Loads(HTMLParser):
    """Collects what a page loads from elsewhere."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            loads = name in LOADING or (name == "href" and tag != "a")
            if loads and ELSEWHERE.match(value or ""):
                self.found.append((tag, value))


def loads(page):
    parser = Loads()
    parser.feed(page)
    return parser.found + re.findall(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^)'\"]+)", page)


def test_nothing_is_loaded_from_elsewhere(site):
    for path in site.rglob("*"):
        if path.suffix in (".html", ".css", ".svg"):
            assert not loads(path.read_text()), path.relative_to(site)


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://unpkg.com/mathjax"></script>',
        '<link rel="stylesheet" href="//fonts.googleapis.com/css">',
        "<style>@import 'https://fonts.example'</style>",
        "<style>a { background: url(https://a.example/b.png) }</style>",
    ],
)
def test_what_is_loaded_is_noticed(page):
    assert loads(page)
    assert not loads('<a href="https://a.example">a</a> <img src="assets/xor.svg">')


def test_formulas_are_mathml(site):
    pages = {path: path.read_text() for path in site.rglob("*.html")}
    assert not [path for path, page in pages.items() if "arithmatex" in page]
    neuron = pages[site / "tutorial" / "neuron.html"]
    assert neuron.count("<math") > 10
    assert "<mtext>(24)</mtext>" in neuron
    assert "$" not in re.sub(r"<(code|script|pre)\b.*?</\1>", "", neuron, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("marked", "made"),
    [
        (
            r'<p>At <span class="arithmatex">\(a &lt; 1\)</span>.</p>',
            "<p>At <math><mi>a</mi><mo>&lt;</mo><mn>1</mn></math>.</p>",
        ),
        (
            r'<div class="arithmatex">\[z\]</div>',
            '<div class="formula"><math display="block"><mi>z</mi></math></div>',
        ),
    ],
)
def test_marked_formulas_are_replaced(mathematics, marked, made):
    assert mathematics.on_page_content(marked) == made


def test_a_formula_that_cannot_be_read_stops_the_build(mathematics):
    with pytest.raises(ValueError, match="nonsense"):
        mathematics.on_page_content(r'<span class="arithmatex">\(\nonsense\)</span>')


def test_pages_that_are_made_hold_what_they_are_made_of(site):
    from chainrule.rules import ACTIVATIONS, LOSSES, OPTIMISERS

    rules = (site / "reference" / "rules.html").read_text()
    for name in (*ACTIVATIONS, *LOSSES, *OPTIMISERS):
        assert name in rules, name
    assert "--target" in (site / "reference" / "command.html").read_text()
    assert "0.1.0" in (site / "changelog.html").read_text()
