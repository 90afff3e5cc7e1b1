"""An explanation as Markdown, LaTeX and HTML: the same numbers, whatever a column is called."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from markdown_it import MarkdownIt

from chainrule import Network, explain, worksheet
from chainrule.boxes import clean
from chainrule.explaining.derivation import Derivation
from chainrule.explaining.document import as_latex
from chainrule.explaining.markdown import as_markdown, escaped, words_in_mathematics
from chainrule.explaining.page import as_fragment, as_html
from chainrule.explaining.parts import Grid, Line, Lines, Section, Words
from chainrule.explaining.reference import source
from chainrule.notation import Derivative, Number, Product, Sum, Symbol
from chainrule.typesetting import figure, text

HOSTILE = [
    "</script><img src=x onerror=1>",
    r"\input{/etc/passwd}",
    r"$\write18{touch pwned}$",
    "$$ \\end{aligned} \\end{document}",
    "price ($) & 50% of a_b #1 {x} ~ ^ | `code` \"q\" 'q'",
    "emoji 😀👩‍🔬 and 名前, Ελλάδα, Привет, ſ, ŷ, ½",
    "שלום عربي \u202eturned\u202c",
    "two\nlines\tand\x1b[31m control \x00\ufffe",
    "*[link](javascript:alert(1))* <!-- -->",
    "lone \ud800 surrogate",
    "--- and ``` and & &amp; &lt;b&gt;",
    "x" * 90,
    "",
]
SLOPE = Derivative(Symbol("L"), Symbol("W", 1, (1,)))


def small(**settings):
    network = Network((3, 2, 1), hidden="tanh", output="sigmoid")
    return explain(network, network.initial(3), [0.5, -0.35, 1.2], 1.0, solver="adam", **settings)


def large():
    network = Network((12, 8, 3), hidden="gelu", output="softmax", loss="cross_entropy")
    return explain(network, network.initial(3), np.linspace(-1, 1, 12), 1, solver="rprop", most=12)


def hostile():
    grid = Grid(
        (Symbol("v"), *HOSTILE[:4]),
        tuple((name, 0.25, -1e-9, name, None) for name in HOSTILE),
    )
    lines = Lines(
        tuple(
            Line(name, Sum((Symbol("x", value=2.0), Symbol("y", value=-0.5))), 1.5, note=name)
            for name in HOSTILE
        )
    )
    paragraphs = tuple(Words((name, Symbol("W", 2, (3, 1)), name)) for name in HOSTILE)
    sections = [Section(name, (Words(name),)) for name in HOSTILE]
    many = tuple(f"column {k}" for k in range(30))
    wide = Grid(many, ((*map(float, range(30)),),) * 50)
    return Derivation(HOSTILE[0], (*sections, Section("all", (*paragraphs, grid, lines, wide))))


def sheet():
    return worksheet(Network((3, 2, 1), hidden="relu", output="sigmoid"), 3, answers=True)


ALL = {"small": small, "large": large, "hostile": hostile, "rules": source, "sheet": sheet}
RENDERERS = [as_markdown, as_latex, as_html, as_fragment]


@pytest.fixture(scope="module", params=list(ALL))
def derivation(request):
    return ALL[request.param]()


@pytest.mark.parametrize("render", RENDERERS)
def test_numbers_are_those_of_the_text(derivation, render):
    shown = render(derivation)
    for line in derivation.lines():
        if line.value is not None:
            decimal, ten = figure(line.value, derivation.digits)
            assert decimal.lstrip("-") in shown
            assert not ten or str(ten).lstrip("-") in shown
    assert render(small(digits=3)) != render(small())


@pytest.mark.parametrize("render", RENDERERS)
def test_it_can_be_written_as_a_file(derivation, render):
    assert render(derivation).encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ufffe]", render(derivation))


class Elements(HTMLParser):
    """Every element with its attributes, and the text outside of styles."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.words, self.open = [], "", []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        self.open.remove(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, words):
        if "style" not in self.open:
            self.words += words


@pytest.mark.parametrize("render", [as_html, as_fragment])
def test_html_runs_nothing_and_asks_no_other_host(derivation, render):
    page = render(derivation)
    found = Elements(page)
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"script", "img", "iframe", "link", "object", "embed", "form", "base", "b"}
    for _, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert attributes.get("href", "#")[0] == "#"
    style = re.search("<style>(.*?)</style>", page, re.S)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search("https?:", page)


def test_names_stand_in_html_as_they_are():
    words = Elements(as_html(hostile())).words
    for name in HOSTILE:
        assert clean(name) in words


def test_the_page_is_well_formed_with_contents_that_lead_somewhere(derivation):
    page = as_html(derivation).removeprefix("<!DOCTYPE html>\n")
    root = ElementTree.fromstring(page)
    assert root.get("lang") == "en"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    links = [element.get("href") for element in root.iter("a")]
    assert links == ["#content", *(f"#part-{k}" for k in range(1, len(derivation.sections) + 1))]
    assert {link[1:] for link in links} == set(ids)
    assert len(list(root.iter("main"))) == len(list(root.iter("nav"))) == 1
    for table in root.iter("table"):
        widths = {len(row) for row in table.iter("tr")}
        assert len(widths) == 1


def test_mathml_has_the_parts_that_it_needs(derivation):
    root = ElementTree.fromstring(as_html(derivation).removeprefix("<!DOCTYPE html>\n"))
    needed = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3}
    known = {"mrow", "mn", "mi", "mo", "mtext", "msqrt", "mtable", "mtr", "mtd", *needed}
    for formula in root.iter("math"):
        for element in formula.iter():
            assert element.tag in known | {"math"}
            assert len(element) == needed.get(element.tag, len(element))
            if element.tag in ("mn", "mi", "mo", "mtext"):
                assert element.text


def test_a_fragment_changes_nothing_else_in_a_notebook():
    fragment = as_fragment(small())
    style = re.search("<style>(.*?)</style>", fragment, re.S)[1]
    rules = re.sub(r"@media [^{]+\{(.*?\})\s*\}", r"\1", style, flags=re.S)
    for selectors in re.findall(r"([^{}]+)\{[^{}]*\}", rules):
        for selector in selectors.split(","):
            assert re.match(r"\s*(main)?\.chainrule-derivation ", selector), selector
    assert " id=" not in fragment
    ElementTree.fromstring(fragment)
    assert small()._repr_html_() == fragment


def test_an_equation_stands_with_its_number_and_its_check():
    line = Line(SLOPE, Product((Symbol("x", value=2.0), Symbol("y", value=0.25))), 0.5,
                equation="24", check=0.5)  # fmt: skip
    off = Line(SLOPE, None, 0.5, check=0.75)
    blank = Line(Symbol("a"))
    explanation = Derivation("t", (Section("s", (Lines((line, off, blank)),)),))
    markdown = as_markdown(explanation)
    left = r"\frac{\partial L}{\partial W_{1}^{(1)}}"
    assert left + r" &= x \cdot y = 2 \cdot 0.25 = 0.5 && \checkmark\;(24) \\" in markdown
    assert left + r" &= 0.5 && \ne \text{0.75 by differences} \\" in markdown
    assert r"a &= \underline{\hspace{12em}}" in markdown
    latex = as_latex(explanation)
    assert r"{= x \cdot y = 2 \cdot 0.25 = 0.5}{$\checkmark$ (24)}" in latex
    assert r"\equate{a}{= \blank}{}" in latex
    page = as_html(explanation)
    assert "aria-label='by finite differences: 0.5'" in page
    assert "≠ 0.75" in page
    assert page.count("class='blank'") == 1


def test_an_update_is_an_arrow_and_then_equal():
    line = Line(Symbol("W"), Sum((Symbol("W", value=1.0), Number(-0.5))), 0.5, relation="←")
    explanation = Derivation("t", (Section("s", (Lines((line,)),)),))
    assert r"W &\leftarrow W - 0.5 = 1 - 0.5 = 0.5" in as_markdown(explanation)
    assert r"{\leftarrow W - 0.5 = 1 - 0.5 = 0.5}" in as_latex(explanation)
    relations = re.findall(r"<mo form='infix'>([←=])</mo>", as_html(explanation))
    assert relations == ["←", "=", "="]
    terms = tuple(Symbol("x", None, (k,), 1.0) for k in range(12))
    long = Line(Symbol("W"), Sum(terms), 12.0, relation="←")
    rows = as_markdown(Derivation("t", (Section("s", (Lines((long,)),)),)))
    assert re.findall(r"&(\\leftarrow|=)", rows) == ["\\leftarrow", "=", "="]


def rendered(markdown):
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)


def test_names_stand_in_markdown_as_they_are():
    for name in HOSTILE:
        found = Elements(rendered(escaped(name)))
        assert {tag for tag, _ in found.elements} <= {"p"}, name
        assert " ".join(found.words.split()) == clean(name)


def test_a_table_of_markdown_has_its_cells():
    grid = Grid(("name", "value"), tuple((name, 0.5) for name in HOSTILE))
    found = Elements(rendered(as_markdown(Derivation("t", (Section("s", (grid,)),)))))
    tags = [tag for tag, _ in found.elements]
    assert tags.count("tr") == len(HOSTILE) + 1
    assert tags.count("td") == 2 * len(HOSTILE)
    for name in HOSTILE:
        assert clean(name) in found.words


def test_mathematics_in_markdown_has_no_sign_of_markdown_or_html(derivation):
    markdown = as_markdown(derivation)
    blocks = re.findall(r"^\$\$\n(.*?)\n\$\$$", markdown, re.S | re.M)
    assert len(blocks) == markdown.count("\\begin{aligned}") == sum(
        isinstance(part, Lines) for section in derivation.sections for part in section.parts
    )  # fmt: skip
    for block in blocks:
        assert not re.search(r"[<>`|*]|(?<!\\)\$|\n\n", block)
        assert block.count("{") - block.count("\\{") == block.count("}") - block.count("\\}")
        for row in block.split("\\\\\n"):
            assert len(re.findall(r"(?<!\\)&", row)) in (0, 1, 3) or "cases" in row, row


def test_words_in_mathematics_are_in_no_command():
    for name in HOSTILE:
        shown = re.sub(r"\\text\{[^{}\\$&#_^%~*]*\}", "", words_in_mathematics(name))
        assert re.fullmatch(
            r"(\\(_|%|#|&|\$|\{|\}|backslash |lt |gt |vert |sim |wedge |ast )|')*", shown
        )


def has(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


ENGINES = [pytest.param(e, marks=has(e)) for e in ("pdflatex", "lualatex")]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ALL)
def test_the_document_compiles(engine, name, tmp_path):
    (tmp_path / "step.tex").write_text(ALL[name]().to_latex(), encoding="utf-8")
    arguments = [engine, "-interaction=nonstopmode", "-halt-on-error", "step.tex"]
    run = subprocess.run(arguments, cwd=tmp_path, capture_output=True, timeout=300)
    said = run.stdout.decode(errors="replace")
    assert run.returncode == 0, said[-2000:]
    too_wide = [float(size) for size in re.findall(r"Overfull \\hbox \(([\d.]+)pt", said)]
    assert max(too_wide, default=0) < 2, said  # points
    assert not (tmp_path / "pwned").exists()
    if shutil.which("pdftotext"):
        read = subprocess.run(["pdftotext", "step.pdf", "-"], cwd=tmp_path, capture_output=True)
        assert b"root:" not in read.stdout
        assert b"/etc/passwd" in read.stdout or name != "hostile"


def test_text_of_a_paragraph_is_that_of_its_signs():
    words = Words(("from ", Symbol("W", 2, (3, 1)), " on"))
    explanation = Derivation("t", (Section("s", (words,)),))
    assert "from W₂[3,1] on" in explanation.to_text()
    assert "from $W_{3,1}^{(2)}$ on" in explanation.to_markdown()
    assert "from $W_{3,1}^{(2)}$ on" in explanation.to_latex()
    assert "<msubsup>" in explanation.to_html()


def test_a_long_sum_goes_over_several_rows_of_markdown():
    terms = tuple(Symbol("x", None, (k,)) for k in range(1, 40))
    rows = as_markdown(Derivation("t", (Section("s", (Lines((Line("S", Sum(terms)),)),)),)))
    assert rows.count("&\\qquad") == 3
    assert max(map(len, rows.splitlines())) < 250
    assert len(re.findall(r"x_\{\d+\}", rows)) == 39
    assert text(Number(0.5)) not in rows
