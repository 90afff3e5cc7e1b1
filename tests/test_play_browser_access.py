"""The playground by keyboard alone, for axe, in both themes, at both widths, and in calm."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from playpages import (
    NARROW,
    WIDE,
    block,
    change,
    go,
    head,
    prepared_from,
    section,
    settled,
    until,
)  # fmt: skip

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = [pytest.mark.browser, pytest.mark.compiled_only]

PANELS = (
    "Data", "Training", "Network", "Worked step", "Kept runs", "Take it along", "Prediction",
    "Loss", "Scores", "Distributions",
)  # fmt: skip
FOCUSED = """() => {
  const at = document.activeElement;
  const label = at.labels?.[0]?.innerText ?? at.ariaLabel ?? at.innerText ?? "";
  return label.trim();
}"""


def tab_to(page, label, most=250):
    """Press Tab until something of this name has the focus; it must be seen that it has."""
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found == label or found.startswith(f"{label}\n"):
            assert_focus_is_visible(page)
            return
    raise AssertionError(f"{label} is not reached by Tab")


def assert_focus_is_visible(page):
    """Say whether the element with the focus is drawn otherwise than without it."""
    seen = page.evaluate("""() => {
      const at = document.activeElement;
      const style = getComputedStyle(at);
      const outline = parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== "none";
      const box = at.getBoundingClientRect();
      const seen = box.width > 0 && box.bottom > 0 && box.top < innerHeight
        && box.right > 0 && box.left < innerWidth;
      return [outline, seen, at.outerHTML.slice(0, 200)];
    }""")
    assert seen[:2] == [True, True], seen


def test_a_session_by_keyboard_alone(page, tmp_path):
    keys = page.keyboard
    tab_to(page, "Table")
    keys.type("Palmer")
    until(page, "settings.data.source === 'shipped:penguins' && table.target === 'species'")
    tab_to(page, "Learning rate")
    keys.press("Control+a")
    keys.type("0.05")
    keys.press("Enter")
    until(page, "settings.training.learning_rate === 0.05")
    tab_to(page, "Add a hidden layer")
    keys.press("Enter")
    until(page, "String(network.sizes) === '14,8,8,3'")

    page.evaluate("() => document.activeElement.blur()")
    keys.press("Space")
    until(page, "head.status === 'playing' && head.step > 10")
    keys.press("Space")
    until(page, "head.status === 'paused'")
    settled(page)
    step = head(page)["step"]
    keys.press("s")
    until(page, f"head.step === {step + 1}")
    keys.press("r")
    until(page, "head.step === 0")
    keys.press("e")
    until(page, "head.epoch === 1 && head.status === 'paused'")

    tab_to(page, "Worked step")
    if page.evaluate("() => document.activeElement.ariaExpanded") == "false":
        keys.press("Enter")
    until(page, "head.worked !== undefined && view.worked !== null")
    tab_to(page, "Shown")
    keys.press("ArrowDown")
    until(page, "view.worked.weight !== null")
    tab_to(page, "the row after")
    keys.press("Enter")
    until(page, "view.worked.row !== 0")
    settled(page)
    assert "One weight" in section(page, "Worked step").inner_text()

    tab_to(page, "Python")
    with page.expect_download() as caught:
        keys.press("Enter")
    caught.value.save_as(tmp_path / "species.py")
    space = {"__name__": "exported"}
    exec((tmp_path / "species.py").read_text(), space)
    prepared, table = prepared_from(head(page)["settings"])
    assert prepared.network.sizes == (14, 8, 8, 3)
    given = space["predict_proba"](table.slice(0, 1).to_pylist()[0])
    A = prepared.X[:1]
    for W, b in prepared.network.layers(block(page, "parameters").astype(float)):
        Z = A @ W + b
        A = np.tanh(Z)
    share = np.exp(Z[0] - Z.max())
    np.testing.assert_allclose(given, share / share.sum(), atol=3e-6)


def test_the_prediction_is_read_by_arrow_keys(page):
    go(page, "epoch", count=20)
    plot = page.get_by_role("group", name="Prediction: the arrow keys")
    plot.focus()
    assert_focus_is_visible(page)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    readout = section(page, "Prediction").locator(".readout")
    page.wait_for_function("() => /x1 .*x2/.test(document.querySelector('.readout').innerText)")
    share = block(page, "surface")[50, 60] / 255
    assert f"{100 * share:.0f} %" in readout.inner_text().replace("\u202f", " ")
    page.keyboard.press("Escape")
    readout.get_by_text("Point at the picture").wait_for()


def test_the_keys_are_listed(page):
    page.keyboard.press("?")
    listed = page.get_by_role("dialog", name="Keys")
    listed.wait_for()
    assert "one step" in listed.inner_text()
    page.keyboard.press("Escape")
    assert not listed.is_visible()


def test_the_loss_is_a_table_too(page):
    go(page, "epoch", count=5)
    panel = section(page, "Loss")
    panel.get_by_text("As a table").click()
    page.wait_for_function("() => document.querySelectorAll('.panel-curve tbody tr').length === 6")
    rows = [row.get_by_role("cell").all_inner_texts() for row in panel.get_by_role("row").all()[1:]]
    found = np.array([[float(text.replace("−", "-")) for text in row] for row in rows])
    np.testing.assert_allclose(found, block(page, "curve")[:, 1:], rtol=2e-3)


def violations(page):
    """Return what axe finds, in words."""
    found = axe.Axe().run(page)
    return found.generate_report() if found.violations_count else ""


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(visit, size, scheme):
    page = visit(size, color_scheme=scheme)
    change(page, data={"source": "shipped:penguins"})
    for name in PANELS:
        section(page, name)
    page.get_by_label("Guided examples").focus()
    go(page, "epoch", count=3)
    panel = section(page, "Kept runs")
    panel.get_by_role("button", name="Keep this run").click()
    panel.get_by_role("button", name="Compare with").click()
    until(page, "head.surface_compared !== undefined && head.histograms !== undefined")
    settled(page)
    page.wait_for_function("() => document.querySelector('.banner.done') === null")
    assert page.evaluate("() => document.documentElement.dataset.theme") == scheme
    assert_no_sideways(page)
    assert violations(page) == ""
    if scheme == "dark":
        return
    page.get_by_label("Table", exact=True).select_option(label="a plane (numbers)")
    until(page, "table.task === 'regression'")
    rate = page.get_by_label("Learning rate", exact=True)
    rate.fill("fast")
    rate.press("Enter")
    page.get_by_text("“fast” is not a number").wait_for()
    page.get_by_label("Guided examples").select_option(index=2)
    page.get_by_role("region", name="Guided example").wait_for()
    settled(page)
    assert_no_sideways(page)
    assert violations(page) == ""


def assert_no_sideways(page):
    """Fail if the page is wider than its window, and name what is."""
    wide = page.evaluate("""() => {
      if (document.documentElement.scrollWidth <= innerWidth) return [];
      return [...document.querySelectorAll("body *")]
        .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
        .map((one) => one.outerHTML.slice(0, 120));
    }""")
    assert wide == []


def test_many_layers_and_columns_do_not_push_the_page_apart(visit):
    page = visit(NARROW)
    change(page, network={"hidden_layer_sizes": [16] * 8})
    for name in PANELS:
        section(page, name)
    settled(page)
    assert_no_sideways(page)
    for width in (1024, 1280, 700):
        page.set_viewport_size({"width": width, "height": 700})
        page.wait_for_timeout(300)  # the loss is drawn anew for the width
        assert_no_sideways(page)


def test_dark_is_a_choice_that_stays(page):
    button = page.get_by_role("button", name="Dark", exact=True)
    assert button.get_attribute("aria-pressed") == "false"
    light = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    button.click()
    page.reload()
    assert (
        page.get_by_role("button", name="Dark", exact=True).get_attribute("aria-pressed") == "true"
    )
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") != light


def test_in_calm_nothing_moves_by_itself(visit):
    page = visit(reduced_motion="reduce")
    assert page.evaluate("() => store.calm.peek()")
    change(page, training={"epochs": 100_000})
    section(page, "Distributions")
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, "head.step > 20")
    moving = page.evaluate("""() => document.getAnimations()
      .filter((one) => one.effect.getComputedTiming().duration > 10)
      .map((one) => one.effect.target.outerHTML.slice(0, 100))""")
    assert moving == []
    durations = page.evaluate("""() => [...document.querySelectorAll("*")]
      .filter((one) => {
        const style = getComputedStyle(one);
        return [...style.transitionDuration.split(","), ...style.animationDuration.split(",")]
          .some((time) => parseFloat(time) > 0.01);
      }).map((one) => one.outerHTML.slice(0, 100))""")
    assert durations == []
    page.get_by_role("button", name="Pause", exact=True).click()
    until(page, "head.status === 'paused'")
    settled(page)
    before = block(page, "parameters")
    settled(page)
    assert_array_equal(block(page, "parameters"), before)
