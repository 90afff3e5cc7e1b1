"""The bundle in Chromium, under the policy that the playground is served with."""

import re
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from browsing import chromium, served
from chainrule import Network, explain
from chainrule.explaining.markdown import as_markdown
from chainrule.explaining.reference import source
from chainrule.network import HIDDEN
from chainrule.rules import OPTIMISERS

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
VENDOR = HERE.parent / "src" / "chainrule" / "playing" / "page" / "vendor"


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address():
    with served({"/vendor/": VENDOR, "/": HERE / "vendor_page"}) as found:
        yield found.rstrip("/")


@pytest.fixture
def page(browser, address):
    """Open the page of tests/vendor_page; fail if anything was refused or went wrong in it."""
    page = browser.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda line: page.complaints.append(line.text))
    page.goto(f"{address}/index.html")
    page.wait_for_function("() => window.plot")
    yield page
    page.close()


def test_components_signals_and_hooks_draw_and_answer(page):
    assert page.text_content("h1") == "steps 1, twice 2"
    page.click("button")
    assert page.text_content("h1") == "steps 2, twice 4"
    assert page.text_content("button") == "clicks 1, own 6, square 36"
    assert page.evaluate("() => [steps, own, named]") == [2, 6, "class component"]
    assert page.get_attribute("line", "stroke-width") == "2"
    assert page.complaints == []


def test_styles_as_objects_and_as_text_are_applied(page):
    colour = "(name) => getComputedStyle(document.querySelector(name)).color"
    assert page.evaluate(colour, "h1") == "rgb(10, 20, 200)"
    assert page.evaluate(colour, "#text") == "rgb(1, 2, 3)"
    assert page.complaints == []


def test_a_curve_is_drawn_and_follows_the_mouse(page):
    blue = """() => {
      const { canvas } = plot.ctx;
      const { data } = plot.ctx.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 0; i < data.length; i += 4) {
        count += data[i] < 60 && data[i + 1] < 60 && data[i + 2] > 200 && data[i + 3] > 200;
      }
      return [canvas.width, count > 300];
    }"""
    assert page.evaluate(blue) == [500, True]
    page.hover(".u-over")
    page.wait_for_function("() => plot.cursor.idx !== null")
    assert page.evaluate("() => getComputedStyle(plot.over).position") == "absolute"
    assert page.complaints == []


def equations_of(derivation):
    """Return the formulas of a derivation as Markdown holds them, without the signs around."""
    found = re.findall(r"\$\$\n(.+?)\n\$\$|\$(?!\$)([^$\n]+)\$", as_markdown(derivation), re.S)
    return [display or inline for display, inline in found]


def explained():
    """Yield every formula of one step, of every activation and every optimiser."""
    for hidden, solver in zip(HIDDEN, cycle(OPTIMISERS), strict=False):
        network = Network((3, 2, 3), hidden=hidden, output="softmax", loss="cross_entropy")
        step = explain(network, network.initial(3), np.linspace(-1, 1, 3), 1, solver=solver)
        yield from equations_of(step)
    yield from equations_of(source())


def test_every_formula_of_an_explanation_is_typeset(page):
    equations = list(dict.fromkeys(explained()))
    assert len(equations) > 100
    assert page.evaluate("(equations) => typeset(equations)", equations) == []
    assert page.locator("#equations .katex-html").count() == len(equations)
    page.evaluate("() => document.fonts.ready.then(() => null)")
    fonts = "() => [...document.fonts].filter((font) => font.status === 'loaded').length"
    assert page.evaluate(fonts) >= 4
    assert page.complaints == []


SHAPED = [  # what KaTeX draws with a style on something else than HTML
    r"\vec{x}", r"\begin{pmatrix} 1 \\ 2 \\ 3 \\ 4 \end{pmatrix}", r"\pmb{x}",
    r"\htmlStyle{color: red}{x}",
    r"\fcolorbox{red}{white}{x}", r"\begin{CD} A @>a>> B \\ @VVV @| \\ C @= D \end{CD}",
]  # fmt: skip


def test_shapes_have_the_width_that_katex_gave_them(page):
    assert page.evaluate("(equations) => typeset(equations)", SHAPED) == []
    width = page.evaluate("""() => {
      const shape = document.querySelector("#equations svg");
      return shape.getBoundingClientRect().width / parseFloat(getComputedStyle(shape).fontSize);
    }""")
    assert width == pytest.approx(0.471, abs=0.001)  # of the arrow of a vector, in ems
    assert page.complaints == []


def test_what_the_policy_refuses_is_noticed(page):
    page.evaluate("() => { document.body.setAttribute('style', 'color: red'); }")
    page.wait_for_function("() => refused.length")
    assert page.evaluate("() => refused") == ["style-src-attr inline"]
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate("() => { document.body.innerHTML = '<b>x</b>'; }")
    assert len(page.complaints) == 2
    [wrong] = page.evaluate(r"() => typeset(['\\frac{'])")
    assert "KaTeX parse error" in wrong


def test_axe_runs_under_the_policy_and_finds_what_is_wrong(page):
    found = axe.Axe().run(page)
    assert found.generate_snapshot() == ""
    page.evaluate("() => { document.body.append(document.createElement('input')); }")
    assert "label (critical) : 1" in axe.Axe().run(page).generate_snapshot()
    assert page.complaints == []
