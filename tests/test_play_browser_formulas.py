"""The worked step's mathematics in the browser: typeset late, patched as text, never too wide."""

import re

import pytest

from playpages import NARROW, change, go, head, section, settled, tell, until
from test_play_browser_tables import drop

pytestmark = [pytest.mark.browser, pytest.mark.compiled_only]

HOSTILE = [r"\input{/etc/passwd}", "$x$", "@3@", "<b onclick=alert(1)>b</b>", r"\text{@0@}"]
TYPESET = (
    """() => [...document.querySelectorAll(".worked-tex")].filter((e) => e.firstChild).length"""
)
SLOTS = """() => [...document.querySelectorAll(".worked-tex")].filter((e) =>
  e.firstChild && /@\\d+@/.test(e.textContent)).length"""


def worked(page, shown="the whole step"):
    panel = section(page, "Worked step")
    panel.get_by_label("Shown", exact=True).select_option(shown)
    until(page, "head.worked !== undefined")
    settled(page)
    return panel


def test_only_what_is_near_the_sight_is_typeset(page):
    change(page, network={"hidden_layer_sizes": [16]})
    panel = worked(page)
    panel.get_by_text("Layer 1: 16 neurons, tanh.").evaluate("(line) => line.scrollIntoView()")
    page.wait_for_function(f"() => ({TYPESET})() > 5")
    count = page.locator(".worked-tex").count()
    assert count > 200
    assert page.evaluate(TYPESET) < count / 2
    box = panel.get_by_role("region", name="One step of a 2-16-1 network")
    box.evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
    page.wait_for_function("""() => {
      const all = [...document.querySelectorAll(".worked-tex")];
      return all[all.length - 1].firstChild !== null;
    }""")
    panel.get_by_role("button", name="Back-propagation", exact=True).click()
    until(page, f"document.querySelectorAll('.worked-tex').length < {count - 100}")


def test_names_and_cells_are_shown_as_they_are_and_fill_no_slot(page):
    rows = [",".join([*(str((7 * k + j) % 11) for j in range(4)), "a" if k % 3 else "@1@"])
            for k in range(60)]  # fmt: skip
    names = ",".join(f'"{name}"' for name in HOSTILE)
    drop(page, "odd.csv", "\n".join([names, *rows]) + "\n")
    until(page, "settings.data.source === 'table:odd'")
    panel = worked(page)
    panel.get_by_role("button", name="Preprocessing", exact=True).click()
    table = panel.get_by_role("region", name="Preprocessing: table")
    shown = [row.get_by_role("cell").first for row in table.get_by_role("row").all()[1:]]
    assert [cell.inner_text() for cell in shown] == HOSTILE[:4]
    terms = panel.get_by_role("term").all_inner_texts()
    assert terms == HOSTILE
    go(page, "step", count=1)
    assert page.evaluate(SLOTS) == 0
    assert panel.locator(".katex-error, b, img, script").count() == 0
    target = panel.get_by_text(re.compile(r"^The target \\text\{@0@\} is (a|@1@), so Y = [01]\.$"))
    assert target.is_visible()


def test_the_page_is_never_wider_than_the_screen_and_wide_equations_scroll(visit):
    page = visit(NARROW)
    panel = worked(page, "one weight")
    change(page, network={"hidden_layer_sizes": [4, 4]})
    until(page, "head.worked.template !== undefined")
    panel.get_by_role("button", name="Next step's row").click()
    settled(page)
    wide = panel.get_by_role("group", name="equation, scrolls sideways").first
    wide.scroll_into_view_if_needed()
    assert page.evaluate("() => document.documentElement.scrollWidth") == NARROW[0]
    wide.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.scrollLeft > 0")


def test_another_branch_of_an_activation_typesets_its_own_lines_alone(page):
    change(page, network={"hidden_layer_sizes": [6], "hidden": ["leaky_relu"]})
    panel = worked(page)
    panel.get_by_text("Layer 1: 6 neurons").evaluate("(line) => line.scrollIntoView()")
    page.wait_for_function(f"() => ({TYPESET})() > 12")
    key = head(page)["worked"]["key"]
    page.evaluate("""() => {
      window.before = new Set(document.querySelectorAll(".worked-tex .katex-html"));
    }""")
    for row in range(1, 12):
        page.get_by_label("Row", exact=True).fill(str(row + 1))
        page.get_by_label("Row", exact=True).press("Enter")
        until(page, f"head.worked.row === {row}")
        if head(page)["worked"]["key"] != key:
            break
    assert head(page)["worked"]["key"] != key
    settled(page)
    kept = page.evaluate("""() => {
      const now = [...document.querySelectorAll(".worked-tex .katex-html")];
      return now.filter((one) => before.has(one)).length / now.length;
    }""")
    assert kept > 0.5
    assert page.evaluate(SLOTS) == 0


def test_rows_are_chosen_by_the_keyboard_and_stay_within_their_part(page):
    panel = worked(page)
    row = panel.get_by_label("Row", exact=True)
    row.fill("99999")
    row.press("Enter")
    until(page, "head.worked.row === 209 && head.worked.of === 210")
    panel.get_by_role("button", name="the row after").press("Enter")
    until(page, "head.worked.row === 0")
    panel.get_by_role("button", name="the row before").press("Enter")
    until(page, "head.worked.row === 209")
    panel.get_by_label("Rows", exact=True).select_option("validation rows")
    until(page, "head.worked.part === 'validation' && head.worked.row === 0")
    assert tell(page, "settings", settings={"data": {"validation": 0}})["ok"]
    until(page, "head.worked.part === 'train' && table.rows.validation === 0")


def test_nothing_of_another_table_stays(page):
    panel = worked(page)
    likeliest = panel.get_by_text("The likeliest label is")
    likeliest.scroll_into_view_if_needed()
    change(page, data={"source": "toy:plane"})
    panel.get_by_text("In the units of the target:", exact=True).wait_for()
    assert likeliest.count() == 0
    change(page, data={"source": "toy:moons"})
    panel.get_by_text(re.compile(r"^The likeliest label is [AB], with 0\.\d+\.$")).wait_for()
