"""What is kept and taken along, in the browser: runs, files, commands, links, guided examples."""

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from chainrule.datasets import penguins
from chainrule.model import load
from chainrule.playing.guided import GUIDED
from playpages import NARROW, block, change, go, head, prepared_from, section, settled, tell, until

pytestmark = [pytest.mark.browser, pytest.mark.compiled_only]

TAKEN = "Take it along"
BINARY32 = 3e-6  # of what a network of float32 gives, in other languages


def download(page, name, folder):
    """Click on a download, and return the path of the file."""
    with page.expect_download() as caught:
        section(page, TAKEN).get_by_role("link", name=name, exact=True).click()
    path = folder / caught.value.suggested_filename
    caught.value.save_as(path)
    return path


def probabilities(page):
    """Return what the page's own parameters give for all rows of the penguins."""
    prepared, _ = prepared_from(head(page)["settings"])
    (W1, b1), (W2, b2) = prepared.network.layers(block(page, "parameters").astype(float))
    Z = np.tanh(prepared.X @ W1 + b1) @ W2 + b2
    share = np.exp(Z - Z.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


def test_the_exported_model_predicts_in_python_what_the_page_shows(page, tmp_path):
    change(page, data={"source": "shipped:penguins"})
    go(page, "epoch", count=8)
    expected, rows = probabilities(page), penguins().drop_columns(["species"])
    model = load(download(page, "Model", tmp_path))
    assert_allclose(model.predict_proba(rows), expected, atol=BINARY32)
    until(page, "head.metrics !== undefined && head.metrics.step === head.step")
    prepared, table = prepared_from(head(page)["settings"])
    right = np.array(model.predict(rows)) == np.array(table["species"].to_pylist())
    shown = head(page)["metrics"]["validation"]["accuracy"]
    assert right[prepared.validation].mean() == pytest.approx(shown)

    space = {"__name__": "exported"}
    exec(download(page, "Python", tmp_path).read_text(), space)
    given = [space["predict_proba"](row) for row in rows.slice(0, 20).to_pylist()]
    assert_allclose(given, expected[:20], atol=BINARY32)


def test_every_other_file_is_there_and_named(page, tmp_path):
    go(page, "step", count=3)
    endings = {"ONNX": ".onnx", "C": ".h", "JavaScript": ".mjs", "SQL": ".sql", "Table": ".csv"}
    for name, ending in endings.items():
        path = download(page, name, tmp_path)
        assert path.name == ("moons" if name == "Table" else "label") + ending
        assert path.stat().st_size > 1000
    assert (tmp_path / "moons.csv").read_text().splitlines()[0] == '"x1","x2","label"'


def shown(page, title):
    return section(page, TAKEN).get_by_label(title, exact=True).inner_text()


def test_the_command_and_the_code_on_the_page_train_the_same(page, tmp_path):
    change(page, data={"source": "toy:bumps", "seed": 4}, seed=7, training={"epochs": 15})
    change(page, network={"hidden_layer_sizes": [6, 4], "hidden": ["relu", "tanh"]})
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, "head.status === 'ended'")
    page.get_by_text("the 15 epochs asked for are done").wait_for()
    download(page, "Table", tmp_path)
    command = shlex.split(shown(page, "The same training as a command"))
    assert command[:3] == ["chainrule", "train", "bumps.csv"]
    command[0] = Path(sys.executable).with_name("chainrule")
    subprocess.run([*command, "--output", "of-command.safetensors"], cwd=tmp_path, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    code = shown(page, "The same training in Python")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    expected = block(page, "parameters")
    for name in ("of-command", "bumps"):
        model = load(tmp_path / f"{name}.safetensors")
        assert_array_equal(model.ensemble.parameters[0], expected)


def test_a_run_is_kept_compared_and_gone_back_to(page):
    go(page, "epoch", count=5)
    kept, curve, surface = (block(page, name) for name in ("parameters", "curve", "surface"))
    panel = section(page, "Kept runs")
    panel.get_by_label("Name", exact=True).fill("five <b>epochs</b>")
    panel.get_by_role("button", name="Keep this run").click()
    panel.get_by_role("row", name="five <b>epochs</b>").wait_for()
    go(page, "epoch", count=20)
    assert not np.array_equal(block(page, "parameters"), kept)

    panel.get_by_role("button", name="Compare with five").click()
    until(page, "head.surface_compared !== undefined && blocks.has('curve_compared')")
    assert_array_equal(block(page, "surface_compared"), surface)
    assert_array_equal(block(page, "curve_compared"), curve)
    assert section(page, "Prediction").get_by_role("img").count() == 2
    assert section(page, "Scores").get_by_role("columnheader", name="Compared").is_visible()

    panel.get_by_role("button", name="Go back to five").click()
    until(page, "head.epoch === 5")
    assert_array_equal(block(page, "parameters"), kept)
    assert_array_equal(block(page, "curve"), curve)
    go(page, "epoch", count=1)
    assert head(page)["epoch"] == 6
    panel.get_by_role("button", name="Forget five").click()
    until(page, "head.snapshots.length === 0 && view.compare === null")
    assert section(page, "Prediction").get_by_role("img").count() == 1


def test_a_link_brings_back_settings_and_what_was_looked_at(page, visit):
    change(page, data={"source": "shipped:penguins"}, seed=3)
    change(page, network={"hidden_layer_sizes": [5, 4], "hidden": ["relu", "tanh"]})
    change(page, training={"solver": "sgd", "learning_rate": 0.02, "l2": 0.001})
    prediction = section(page, "Prediction")
    prediction.get_by_label("Across").select_option("body_mass_g")
    prediction.get_by_label("Up").select_option("island")
    prediction.get_by_role("slider", name="bill_length_mm").fill("50")
    until(page, "view.surface.held.bill_length_mm === 50")
    settings, view = head(page)["settings"], page.evaluate("() => store.view.peek()")
    taken = section(page, TAKEN)
    taken.get_by_role("button", name="Copy a link").click()
    link = taken.get_by_label("Link", exact=True).input_value()
    fragment = link[link.index("#") :]
    assert page.evaluate("() => location.hash") == fragment
    taken.get_by_role("button", name="Copy a command").click()
    command = taken.get_by_label("Command", exact=True).input_value()
    assert command == f"chainrule play --state {fragment[1:]}"

    change(page, data={"source": "toy:xor"}, network={"hidden_layer_sizes": [2]})
    other = visit(fragment=fragment)
    until(other, "head.surface !== undefined && head.surface.y === 'island'")
    assert head(other)["settings"] == settings
    assert other.evaluate("() => store.view.peek().surface") == view["surface"]
    assert tell(other, "step", count=1)["ok"]


def test_a_damaged_link_is_told_and_changes_nothing(page, visit):
    before = head(page)["settings"]
    for fragment in ("#s=%%%", "#s=e30", "#s=eyJzZXR0aW5ncyI6eyJzZWVkIjotMX19"):
        other = visit(fragment=fragment)
        said = other.get_by_role("alert").filter(has_text="link")
        said.wait_for()
        assert head(other)["settings"] == before


@pytest.mark.parametrize("size", [(1280, 900), NARROW])
def test_guided_examples_load_and_say_what_to_look_at(visit, size):
    page = visit(size)
    menu = page.get_by_label("Guided examples")
    titles = [example.title for example in GUIDED.values()]
    assert menu.get_by_role("option").all_inner_texts()[1:] == titles
    assert len(titles) >= 6
    for key, example in GUIDED.items():
        menu.select_option(label=example.title)
        text = page.get_by_role("region", name="Guided example")
        text.get_by_role("heading", name=example.title).wait_for()
        settled(page)
        said = text.inner_text()
        assert example.text in said
        assert example.look in said
        text.scroll_into_view_if_needed()
        assert text.is_visible()
        for part, values in example.settings.items():
            if not isinstance(values, dict):
                values, found = {part: values}, head(page)["settings"]
            else:
                found = head(page)["settings"][part]
            for name, value in values.items():
                assert found[name] == value, (key, name)
        assert head(page)["step"] == 0
        reply = tell(page, "step", count=3)
        assert reply["ok"], (key, reply)
        until(page, "head.step === 3")
    text.get_by_role("button", name="Close the guided example").click()
    assert not text.is_visible()


def test_guided_examples_show_what_they_say(page):
    """xor with one neuron stays near one half; a rate too large fails; zeros stay alike."""
    menu = page.get_by_label("Guided examples")

    def show(key):
        menu.select_option(label=GUIDED[key].title)
        page.get_by_role("heading", name=GUIDED[key].title).wait_for()
        settled(page)

    for title in ("Loss", "Distributions"):
        section(page, title).get_by_role("button", name=title, exact=True).click()
    show("vanishing")  # it is seen in both
    for title in ("Loss", "Distributions"):
        panel = page.get_by_role("region", name=title, exact=True)
        panel.get_by_role("button", name=title, exact=True, expanded=True).wait_for()
    show("xor")
    go(page, "epoch", count=300)
    until(page, "head.metrics !== undefined && head.metrics.step === head.step")
    assert head(page)["metrics"]["train"]["accuracy"] < 0.75
    show("rate")
    assert tell(page, "epoch", count=5)["ok"]
    until(page, "head.epoch === 5")
    losses = block(page, "curve")[:, 1]
    assert (np.diff(losses[1:]) > 0).all()
    show("zeros")
    go(page, "epoch", count=20)
    p, _ = prepared_from(head(page)["settings"])
    (W1, _), (W2, _) = p.network.layers(block(page, "parameters"))
    assert_array_equal(W1, np.repeat(W1[:, :1], W1.shape[1], axis=1))
    assert_array_equal(W2, np.repeat(W2[:1], len(W2), axis=0))
