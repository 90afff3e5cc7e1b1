"""The worked step in the browser: its equations add up, to what the engine does next."""

import re

import numpy as np
import pytest

from chainrule.engine import gradient
from playpages import block, change, go, head, prepared_from, section, settled, until

pytestmark = [pytest.mark.browser, pytest.mark.compiled_only]

SHOWN = 2e-5  # numbers of the page have six digits, their sums some less
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def worked(page):
    return section(page, "Worked step")


def weight(page, layer, source, target):
    """Have a weight worked out, by the choices of the panel."""
    panel = worked(page)
    panel.get_by_label("Shown", exact=True).select_option("one weight")
    for label, value in (("Layer", layer), ("From", source), ("To", target)):
        panel.get_by_label(label, exact=True).select_option(str(value))
    until(page, f"String(view.worked.weight) === '{layer},{source},{target}'")
    settled(page)


def equations(page):
    """Return all equations that stand in the panel, as they are read out."""
    found = worked(page).get_by_role("math").all()
    for formula in found:
        formula.scroll_into_view_if_needed()
    page.wait_for_function(
        """() => [...document.querySelectorAll(".panel-worked [role=math]")]
          .every((formula) => formula.ariaLabel)"""
    )
    return [formula.get_attribute("aria-label") for formula in found]


def number(text):
    """Return the value of arithmetic as the page writes it, or None if it holds symbols."""
    text = re.sub(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: f"1e{m[1].translate(SUPERSCRIPTS)}", text)
    text = re.sub(r"·1e", "*1e", text).replace("−", "-").replace("·", "*").replace("√", "sqrt")
    if re.search(r"[^-+*/(). 0-9e]", text.replace("sqrt", "")):
        return None
    return eval(text, {"sqrt": np.sqrt})


def checked(said):
    """Return how many of some equations are numbers on two sides; these must agree."""
    count = 0
    for equation in said:
        sides = [number(side) for side in equation.split(" = ")]
        known = [side for side in sides if side is not None]
        if len(known) > 1:
            count += 1
            assert known[-1] == pytest.approx(known[-2], rel=50 * SHOWN, abs=2 * SHOWN), equation
    return count


def ending(said, start):
    """Return the number at the end of the one equation that starts so."""
    [found] = [equation for equation in said if equation.startswith(start)]
    value = number(re.split(r" = | ← ", found)[-1])
    assert value is not None, found
    return value


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_update_on_the_page_is_what_the_next_step_does(page, solver):
    change(page, network={"hidden_layer_sizes": [3]}, training={"solver": solver})
    go(page, "epoch", count=4)
    weight(page, 1, 2, 3)
    said = equations(page)
    assert checked(said) >= 2

    prepared, _ = prepared_from(head(page)["settings"])
    rows = prepared.train[[0]]
    theta, place = block(page, "parameters"), 1 * 3 + 2
    assert ending(said, "W₁[2,3] = ") == pytest.approx(theta[place], rel=SHOWN)
    alone = gradient(prepared.network, theta, prepared.X[rows], prepared.Y[rows])[1][place]
    assert ending(said, "∂L/∂W₁[2,3] = ") == pytest.approx(alone, rel=20 * SHOWN)
    slope = ending(said, "∂L_batch/∂W₁[2,3] = ")
    [after] = [number(e.split(" = ")[-1]) for e in said if re.match(r"W₁\[2,3\] (←|=) .*=", e)][-1:]

    page.get_by_role("button", name="Step", exact=True).click()
    until(page, "head.step === 29")
    settled(page)
    assert block(page, "gradient")[place] == pytest.approx(slope, rel=20 * SHOWN)
    assert block(page, "parameters")[place] == pytest.approx(after, rel=SHOWN)
    assert after != pytest.approx(theta[place], rel=SHOWN)


def test_all_equations_of_a_whole_step_add_up(page):
    change(page, network={"hidden_layer_sizes": [2]}, training={"batch_size": 1})
    go(page, "step", count=7)
    panel = worked(page)
    panel.get_by_role("button", name="Next step's row").click()
    until(page, "head.worked.row === head.worked.next")
    for name in ("Preprocessing", "The network"):
        panel.get_by_role("button", name=name, exact=True).click()
    said = equations(page)
    assert checked(said) >= 8
    row = head(page)["worked"]["row"]
    prepared, table = prepared_from(head(page)["settings"])
    place = prepared.train[row]
    theta = block(page, "parameters")
    (W1, b1), _ = prepared.network.layers(theta.astype(float))
    Z = prepared.X[place] @ W1 + b1
    assert ending(said, "Z₁[1] = ") == pytest.approx(Z[0], rel=1e-3)
    assert ending(said, "A₁[1] = ") == pytest.approx(np.tanh(Z[0]), rel=1e-3)
    raw = panel.get_by_role("definition").all_inner_texts()
    assert float(raw[0]) == pytest.approx(table["x1"][int(place)].as_py(), rel=SHOWN)
    go(page, "step", count=1)
    mean = block(page, "gradient")
    alone = gradient(prepared.network, theta, prepared.X[[place]], prepared.Y[[place]])[1]
    np.testing.assert_allclose(mean, alone, rtol=1e-4, atol=1e-7)


def test_mathematics_is_typeset_once_and_only_its_numbers_change(page):
    change(page, training={"batch_size": None})  # so that each step takes the row that is shown
    go(page, "step", count=1)
    weight(page, 1, 1, 1)
    before = equations(page)
    page.evaluate("""() => {
      window.formulas = [...document.querySelectorAll(".panel-worked .katex-html")];
    }""")
    go(page, "epoch", count=2)
    assert page.evaluate("""() => {
      const now = [...document.querySelectorAll(".panel-worked .katex-html")];
      return now.length === formulas.length && now.every((one, k) => one === formulas[k]);
    }""")
    after = equations(page)
    assert len(after) == len(before) > 10
    assert after != before
    theta = block(page, "parameters")
    assert ending(after, "W₁[1,1] = ") == pytest.approx(theta[0], rel=SHOWN)


def test_an_edge_and_a_neuron_of_the_drawing_are_worked_out_when_clicked(page):
    drawing = page.get_by_role("group", name="Drawing of the network")
    neuron = drawing.get_by_role("button", name="Hidden 1, neuron 3 of 8")
    neuron.click()
    until(page, "String(view.worked.neuron) === '1,3'")
    settled(page)
    assert worked(page).get_by_role("heading", name="One neuron: layer 1, number 3").is_visible()
    said = equations(page)
    assert checked(said) >= 1
    prepared, _ = prepared_from(head(page)["settings"])
    (W, b), _ = prepared.network.layers(block(page, "parameters").astype(float))
    Z = prepared.X[prepared.train[0]] @ W[:, 2] + b[2]
    assert ending(said, "Z₁[3] = ") == pytest.approx(Z, rel=20 * SHOWN)

    neuron.focus()
    drawing.page.get_by_text("Weights into Hidden 1, neuron 3 of 8").click()
    page.get_by_role("button", name="x2", exact=True).click()
    until(page, "String(view.worked.weight) === '1,2,3'")
    start = drawing.get_by_role("button", name="Output, neuron 1 of 1").bounding_box()
    page.mouse.click(start["x"] - 12, start["y"] + start["height"] / 2)
    until(page, "view.worked.weight !== null && view.worked.weight[0] === 2")
    _, source, _ = page.evaluate("() => store.view.peek().worked.weight")
    title = f"One weight: layer 2, from {source} to 1"
    worked(page).get_by_role("heading", name=title).wait_for()
