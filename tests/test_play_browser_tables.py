"""Tables of one's own in the browser: dropped and learned from, or refused with a message."""

import gzip
import http.client
import json
import random
import re
from urllib.parse import urlsplit

import numpy as np
import pytest

from playpages import block, go, head, known, launched, prepared_from, section, tell, until, watch

pytestmark = [pytest.mark.browser, pytest.mark.compiled_only]

SHOW = {name: name for name in ("Data", "Prediction", "Scores", "Worked step", "Network")}
DROP = """([name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(bytes)], name));
  const options = { dataTransfer: data, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("dragover", options));
  document.body.dispatchEvent(new DragEvent("drop", options));
}"""
ODD = ["<img src=x onerror=alert(1)>", "__proto__", "constructor", "a\"'><b>bold</b>", "toString"]


def drop(page, name, content):
    content = content.encode() if isinstance(content, str) else content
    page.evaluate(DROP, [name, list(content)])


def shop(rows=120, seed=3):
    """Return a CSV with gaps, categories, truths and dates; the price follows from them."""
    chance = random.Random(seed)
    lines = ["size,colour,new,sold,price"]
    for k in range(rows):
        size, colour = chance.uniform(1, 9), chance.choice(["red", "green", "deep blue"])
        new = chance.random() < 0.5
        price = 10 * size + 20 * (colour == "red") + 15 * new
        cells = [f"{size:.3f}", colour, str(new).lower(), f"2024-0{1 + k % 9}-1{k % 10}"]
        cells = ["" if chance.random() < 0.1 else cell for cell in cells]
        lines.append(",".join([*cells, f"{price:.2f}"]))
    return "\n".join(lines) + "\n"


def test_a_dropped_table_with_gaps_and_categories_is_learned_from(page):
    drop(page, "shop.csv", shop())
    until(page, "settings.data.source === 'table:shop'")
    assert page.get_by_role("status").get_by_text("“shop.csv” is loaded").is_visible()
    now = head(page)
    assert now["table"]["target"] == "price"
    assert now["table"]["task"] == "regression"
    assert now["table"]["rows"] == {"train": 84, "validation": 36, "ignored": 0}
    kinds = {column["name"]: column["kind"] for column in now["table"]["columns"]}
    assert kinds == {"size": "numeric", "colour": "categorical", "new": "boolean", "sold": "date"}
    assert all(column["missing"] for column in now["table"]["columns"])
    data = section(page, "Data")
    assert data.get_by_label("Table", exact=True).locator("option:checked").inner_text() == "shop"
    assert "3 categories; some missing" in data.get_by_text("categories").inner_text()

    assert tell(page, "settings", settings={"training": {"epochs": 300}})["ok"]
    go(page, "epoch", count=300)
    until(page, "head.metrics !== undefined && head.metrics.step === head.step")
    assert head(page)["metrics"]["validation"]["r2"] > 0.8
    scores = section(page, "Scores").get_by_role("table")
    shown = scores.get_by_role("row", name=re.compile("^R²")).get_by_role("cell").all_inner_texts()
    assert [float(text) for text in shown] == [
        pytest.approx(head(page)["metrics"][part]["r2"], abs=1e-3)
        for part in ("train", "validation")
    ]


def test_the_table_is_chosen_by_a_file_dialog_too_and_its_target_changed(page):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a table …").click()
    files = {"name": "shop two.csv", "mimeType": "text/csv", "buffer": shop(60).encode()}
    chooser.value.set_files(files)
    until(page, "settings.data.source === 'table:shop two'")
    page.get_by_label("Target").select_option("colour")
    until(page, "table.target === 'colour'")
    assert head(page)["table"]["classes"] == ["deep blue", "green", "red"]
    data = section(page, "Data")
    data.get_by_role("checkbox", name="sold").uncheck()
    until(page, "settings.data.columns !== null && !settings.data.columns.includes('sold')")
    go(page, "epoch", count=3)
    assert np.isfinite(block(page, "parameters")).all()
    used = [column["name"] for column in head(page)["table"]["columns"] if column["used"]]
    assert used == ["size", "new", "price"]


def test_names_and_values_that_are_html_are_text_and_nothing_runs(page):
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    quoted = ['"' + name.replace('"', '""') + '"' for name in ODD]
    classes = ["<script>alert(2)</script>", "javascript:alert(3)", "__proto__"]
    chance = random.Random(1)
    lines = [",".join([*quoted, '"<i>target</i>"'])]
    for k in range(60):
        numbers = [f"{chance.gauss(k % 3, 1):.3f}" for _ in ODD[1:]]
        category = chance.choice(["<svg onload=alert(4)>", "&lt;b&gt;", "${7*7}"])
        lines.append(",".join([f'"{category}"', *numbers, f'"{classes[k % 3]}"']))
    drop(page, '"><img src=y onerror=alert(5)>.csv', "\n".join(lines))
    until(page, "settings.data.source.startsWith('table:')")
    assert set(head(page)["table"]["classes"]) == set(classes)
    assert [column["name"] for column in head(page)["table"]["columns"]] == ODD
    for name in (*SHOW, "Distributions", "Kept runs", "Take it along"):
        section(page, name)
    go(page, "epoch", count=5)
    assert tell(page, "snapshot", name="<img src=z onerror=alert(6)>")["ok"]

    data = section(page, "Data")
    for name in ODD:
        assert data.get_by_role("checkbox", name=name, exact=True).is_checked(), name
        kind = data.get_by_label(f"Kind of {name}", exact=True).locator("option:checked")
        assert kind.inner_text() == ("categorical" if name == ODD[0] else "numeric"), name
    prediction = section(page, "Prediction")
    prediction.get_by_label("Across").select_option(ODD[0])
    prediction.get_by_label("Up").select_option(ODD[3])
    until(page, f"head.surface.y === {json.dumps(ODD[3])} && head.points !== undefined")
    for name in (ODD[2], ODD[4], ODD[1]):
        slider = prediction.get_by_role("slider", name=name, exact=True)
        mean = next(c["mean"] for c in head(page)["table"]["columns"] if c["name"] == name)
        assert float(slider.input_value()) == pytest.approx(mean, rel=1e-6), name
    slider.focus()
    before = block(page, "surface")
    for _ in range(10):
        page.keyboard.press("PageUp")
    until(page, "Object.hasOwn(view.surface.held, '__proto__')")
    go(page, "step", count=1)
    assert not np.array_equal(block(page, "surface"), before)
    data.get_by_label("Kind of __proto__", exact=True).select_option("categorical")
    until(page, "Object.hasOwn(settings.data.kinds, '__proto__')")
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")
    assert dialogs == []
    assert (
        page.locator("img:not([src='/page/mark.svg']), script:not([src]), svg[onload]").count() == 0
    )


BAD = {
    "empty.csv": (b"", "empty"),
    "header.csv": (b"a,b,c\n", "row"),
    "one row.csv": (b"a,b\n1,2\n", "row"),
    "one column.csv": (b"a\n1\n2\n3\n", "column"),
    "twice.csv": (b"a,b,a\n1,2,3\n4,5,6\n7,8,9\n", "a"),
    "binary.csv": (bytes(range(256)) * 40, "binary"),
    "picture.parquet": (b"\x89PNG\r\n\x1a\n" + bytes(2000), "picture"),
    "parquet.parquet": (b"PAR1" + bytes(100) + b"PAR1", "parquet"),
    "broken.csv.gz": (gzip.compress(b"a,b\n1,2\n" * 1000)[:-20], "gzipped"),
    "bomb.csv.gz": (65 * gzip.compress(bytes(8 << 20)), "MiB"),
    "constant.csv": (b"a,b\n" + b"1,x\n" * 20, "b"),
    "ragged.csv": (b"a,b\n1,2\n3,4,5\n6,7\n", "3"),
}


def test_tables_that_cannot_be_learned_are_refused_with_a_message_and_nothing_is_lost(page):
    page.expected = [r"status of 4\d\d"]
    go(page, "step", count=5)
    before = head(page)
    for k, (name, (content, said)) in enumerate(BAD.items()):
        drop(page, name, content)
        alert = page.get_by_role("alert").filter(has_text=name)
        alert.wait_for()
        message = alert.inner_text()
        assert "was not loaded" in message, name
        assert said in message.replace(f"“{name}”", ""), name
        assert "Traceback" not in message
        assert "the server failed" not in message
        go(page, "step", count=1)
        now = head(page)
        assert (now["step"], now["run"]) == (6 + k, before["run"]), name
        assert now["settings"] == before["settings"], name
        known, still = (
            [one["key"] for one in each["options"]["sources"]] for each in (before, now)
        )
        assert known == still, name
        page.get_by_role("button", name="Close this message").click()
        assert not alert.is_visible()


def test_ten_gigabytes_are_refused_before_they_come(page, server):
    parts = urlsplit(server)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    connection.putrequest("POST", f"/upload?name=huge.csv&{parts.query}")
    connection.putheader("Origin", f"http://{parts.netloc}")
    connection.putheader("Content-Length", str(10 << 30))
    connection.endheaders(b"a,b\n1,2\n")
    answer = connection.getresponse()
    assert answer.status == 413
    assert "64 MiB" in json.loads(answer.read())["error"]
    connection.close()

    page.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(65 << 20)], "large.csv"));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
    }""")
    alert = page.get_by_role("alert").filter(has_text="large.csv")
    alert.wait_for()
    assert "at most 64 can be loaded" in alert.inner_text()
    go(page, "step", count=1)
    assert head(page)["step"] == 1


def test_shipped_tables_are_learned_as_by_train(page):
    page.get_by_label("Table", exact=True).select_option(label="Palmer penguins")
    until(page, "table.target === 'species'")
    go(page, "epoch", count=30)
    prepared, _ = prepared_from(head(page)["settings"])
    counts = prepared.Y[prepared.validation].sum(axis=0)
    until(page, "head.metrics.step === head.step")
    confusion = np.array(head(page)["metrics"]["confusion"]["validation"])
    assert confusion.sum() == len(prepared.validation)
    assert confusion.sum(axis=1).tolist() == counts.tolist()
    right = np.trace(confusion) / confusion.sum()
    assert right > 0.9
    assert head(page)["metrics"]["validation"]["accuracy"] == pytest.approx(right)
    cells = section(page, "Scores").get_by_role("table").nth(1).locator("td:not(.over)")
    assert [int(text) for text in cells.all_inner_texts()] == confusion.ravel().tolist()


def test_a_table_of_the_command_line_is_the_first_one(browser, tmp_path):
    (tmp_path / "shop.csv").write_text(shop())
    with launched(str(tmp_path / "shop.csv"), "--target", "colour", "--port", "0") as address:
        page = browser.new_context().new_page()
        watch(page, address)
        page.goto(address)
        known(page)
        now = head(page)
        assert now["settings"]["data"]["source"] == "table:shop"
        assert now["table"]["classes"] == ["deep blue", "green", "red"]
        go(page, "epoch", count=2)
        assert page.get_by_label("Target").locator("option:checked").inner_text() == "colour"
        assert page.complaints == []
        page.context.close()
