"""The playground in Chromium: what it shows are the numbers of the engine, and in time."""

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from chainrule.loop import train
from chainrule.playing.scene import MARGIN
from chainrule.table import features
from playpages import (
    block,
    change,
    go,
    head,
    prepared_from,
    section,
    settled,
    speaking,
    tell,
    until,
)  # fmt: skip

pytestmark = [pytest.mark.browser, pytest.mark.compiled_only]

SHOWN_WITHIN = 0.3  # seconds, of a step click, the median, beside other work; alone less than 0.1
UPDATES = 8  # a second while playing, at the least


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def trained(page, epochs):
    """Return what ``chainrule.train`` makes of the page's settings, and what it was given."""
    p, table = prepared_from(head(page)["settings"])
    X, Y, held = p.X[p.train], p.Y[p.train], (p.X[p.validation], p.Y[p.validation])
    done = train(p.network, X, Y, validation=held, **p.settings | {"epochs": epochs})
    return done, p, table


def test_one_step_is_one_update_of_the_engine(page):
    change(page, training={"batch_size": None, "solver": "sgd", "learning_rate": 0.1})
    before = block(page, "parameters")
    button(page, "Step").click()
    until(page, "head.step === 1")
    done, *_ = trained(page, epochs=1)
    assert not np.array_equal(before, done.parameters)
    assert_array_equal(block(page, "parameters"), done.parameters)
    settled(page)
    assert head(page)["step"] == 1


def test_epochs_are_those_of_train_with_the_same_losses(page):
    page.get_by_label("Epochs to run").fill("12")
    button(page, "Run epochs").click()
    until(page, "head.epoch === 12 && head.status === 'paused'")
    done, *_ = trained(page, epochs=12)
    assert_array_equal(block(page, "parameters"), done.parameters)
    curve = block(page, "curve")
    assert curve[0, 0] == 0
    assert_array_equal(curve[1:, 0], np.arange(1, 13))
    history = np.stack([done.history.loss, done.history.validation_loss], axis=1)
    assert_array_equal(curve[1:, 1:], history.astype(np.float32))
    loss = page.locator("[data-figure=loss]").inner_text()
    assert float(loss) == pytest.approx(done.history.loss[-1], rel=1e-3)


def cells_of(head, names):
    """Return the centres of the surface's cells as a table, rows from below."""
    surface = head["surface"]
    ranges = [surface[f"{axis}_range"] for axis in "xy"]
    x, y = ([low + (k + 0.5) / 100 * (high - low) for k in range(100)] for low, high in ranges)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    assert [surface["x"], surface["y"]] == names
    return pa.table({name: grid[:, k] for k, name in enumerate(names)})


def test_the_surface_is_a_forward_pass_and_the_canvas_shows_it(page):
    go(page, "epoch", count=40)
    done, prepared, table = trained(page, epochs=40)
    x1 = table["x1"].to_numpy()
    room = MARGIN * (x1.max() - x1.min())
    shown = head(page)
    assert shown["surface"]["x_range"] == pytest.approx([x1.min() - room, x1.max() + room])
    (W1, b1), (W2, b2) = prepared.network.layers(done.parameters.astype(float))
    X = features(prepared.spec, cells_of(shown, ["x1", "x2"]))
    share = 1 / (1 + np.exp(-(np.tanh(X @ W1 + b1) @ W2 + b2))).reshape(100, 100)
    surface = block(page, "surface")
    assert np.abs(surface - 255.0 * share).max() <= 0.51
    assert surface.min() < 20
    assert surface.max() > 235

    colours = pixels(page)
    clear = away_from_points(page, shown)
    assert clear.sum() > 5000
    by_value = {}
    for value, colour in zip(surface[clear], colours[clear], strict=True):
        by_value.setdefault(int(value), []).append(colour)
    for value, found in by_value.items():  # a cell elsewhere would have another's colour
        assert np.ptp(found, axis=0).max() <= 2, value
    blue, orange = by_value[max(by_value)][0], by_value[min(by_value)][0]
    assert np.abs(blue.astype(int) - orange).max() > 60


def pixels(page):
    """Return the colour at the centre of each cell of the canvas, rows from below."""
    assert not page.get_by_label("Smooth between the cells").is_checked()
    found = page.evaluate("""async () => {
      const { inside } = await import("/page/axes.mjs");
      const canvas = document.querySelector(".panel-surface canvas");
      const [width, height] = [canvas.clientWidth, canvas.clientHeight];
      const box = inside(width, height);
      const scale = canvas.width / width;
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const found = [];
      for (let i = 0; i < 100; i += 1) {
        for (let j = 0; j < 100; j += 1) {
          const x = Math.floor(scale * (box.left + box.width * (j + 0.5) / 100));
          const y = Math.floor(scale * (box.top + box.height * (1 - (i + 0.5) / 100)));
          found.push(...data.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 3));
        }
      }
      return found;
    }""")
    return np.array(found, np.uint8).reshape(100, 100, 3)


def away_from_points(page, head):
    """Return which cells no point of the table is drawn over."""
    places = [head["surface"][f"{axis}_range"] for axis in "xy"]
    low, high = np.array(places).T
    points = (block(page, "points_xy") - low) / (high - low) * 100 - 0.5
    i, j = np.mgrid[:100, :100]
    nearest = np.full((100, 100), np.inf)
    for x, y in points:
        nearest = np.minimum(nearest, np.hypot(j - x, i - y))
    return nearest > 4


def test_pause_holds_at_once(page, server):
    change(page, training={"epochs": 1_000_000})
    page.get_by_label("Speed").select_option("full")
    button(page, "Play").click()
    until(page, "head.step > 500 && head.samples_per_second !== null")
    assert head(page)["samples_per_second"] > 1000
    button(page, "Pause").click()
    until(page, "head.status === 'paused'")
    held = head(page)["step"]
    with speaking(server) as other:
        other.until(lambda head: "step" in head)
        assert other.head["step"] == held
        page.wait_for_timeout(500)
        assert other.fresh()["step"] == held
    assert head(page)["step"] == held
    assert page.get_by_role("status").get_by_text("Paused").is_visible()


def test_rewind_repeats_the_same_curve(page):
    begin = block(page, "parameters")
    go(page, "epoch", count=6)
    go(page, "step", count=3)
    curve, end = block(page, "curve"), block(page, "parameters")
    button(page, "Rewind").click()
    until(page, "head.step === 0")
    settled(page)
    assert_array_equal(block(page, "parameters"), begin)
    assert len(block(page, "curve")) == 1
    go(page, "epoch", count=6)
    go(page, "step", count=3)
    assert_array_equal(block(page, "curve"), curve)
    assert_array_equal(block(page, "parameters"), end)


def test_a_new_seed_begins_at_other_weights(page):
    begin = block(page, "parameters")
    button(page, "New seed").click()
    until(page, "settings.seed === 1")
    settled(page)
    p, _ = prepared_from(head(page)["settings"])
    assert_array_equal(block(page, "parameters"), p.network.initial(1, dtype=np.float32))
    assert not np.array_equal(begin, block(page, "parameters"))


def test_a_step_click_is_shown_soon(page):
    change(page, network={"hidden_layer_sizes": [16]})
    waits = page.evaluate("""async () => {
      const step = document.querySelector("[data-figure=step]");
      const click = [...document.querySelectorAll("button")]
        .find((button) => button.textContent === "Step");
      const waits = [];
      for (let k = 0; k < 20; k += 1) {
        await new Promise((done) => setTimeout(done, 120));
        const before = performance.now();
        waits.push(await new Promise((shown) => {
          const watch = new MutationObserver(() => {
            watch.disconnect();
            requestAnimationFrame(() => shown(performance.now() - before));
          });
          watch.observe(step, { characterData: true, childList: true, subtree: true });
          click.click();
        }));
      }
      return waits;
    }""")
    assert head(page)["step"] == 20
    assert np.median(waits) < 1000 * SHOWN_WITHIN, waits


def test_updates_and_frames_while_playing_with_the_surface_open(page):
    change(page, network={"hidden_layer_sizes": [16]})
    assert section(page, "Prediction").is_visible()
    until(page, "head.surface !== undefined && head.maps !== undefined")
    button(page, "Play").click()
    until(page, "head.step > 20")
    rates = page.evaluate("""async () => {
      const best = [0, 0];
      for (let k = 0; k < 4; k += 1) {
        let [updates, frames, going] = [0, 0, true];
        const stop = store.blocks.subscribe(() => { updates += 1; });
        const count = () => { frames += 1; if (going) requestAnimationFrame(count); };
        requestAnimationFrame(count);
        const begun = performance.now();
        await new Promise((done) => setTimeout(done, 1000));
        going = false;
        stop();
        const seconds = (performance.now() - begun) / 1000;
        best[0] = Math.max(best[0], (updates - 1) / seconds);
        best[1] = Math.max(best[1], frames / seconds);
      }
      return best;
    }""")
    assert rates[0] > UPDATES, rates
    assert rates[1] > 2 * UPDATES, rates


def test_a_training_that_left_the_numbers_is_explained_and_there_is_a_way_out(page):
    page.get_by_label("Table", exact=True).select_option(label="a plane (numbers)")
    button(page, "Remove hidden layer 1").click()
    page.get_by_label("Solver").select_option(label="sgd")
    until(page, "settings.training.solver === 'sgd'")
    rate = page.get_by_label("Learning rate", exact=True)
    rate.fill("1e6")
    rate.press("Enter")
    until(page, "settings.training.learning_rate === 1e6")
    button(page, "Play").click()
    until(page, "head.status === 'failed'")
    said = page.get_by_role("status").filter(has_text="Failed").inner_text()
    assert "NaN" in said
    assert "learning rate of 1e+06" in said
    assert "try 100000" in said
    assert np.isfinite(block(page, "parameters")).all()
    assert np.isfinite(block(page, "surface")).all()
    refused = tell(page, "play")
    assert not refused["ok"]
    assert "NaN" in refused["error"]

    for k in range(1, 9):
        button(page, "Learning rate ÷ 10, and rewind").click()
        until(page, "head.status === 'paused' && head.step === 0")
        assert head(page)["settings"]["training"]["learning_rate"] == pytest.approx(1e6 / 10**k)
        assert tell(page, "epoch", count=100)["ok"]
        until(page, "head.status === 'failed' || (head.status === 'paused' && head.epoch === 100)")
        if head(page)["status"] == "paused":
            break
    curve = block(page, "curve")
    assert np.isfinite(curve).all()
    assert curve[-1, 1] < curve[0, 1]


def test_a_setting_that_is_refused_is_told_at_its_field_and_changes_nothing(page):
    before = head(page)["settings"]
    for label, typed, said in (
        ("L2 penalty", "-1", "it must be a number not below 0"),
        ("Neurons of hidden layer 1", "100000", "it must be a whole number from 1 to 512"),
        ("Batch size", "2.5", "it must be a whole number from 1 to"),
    ):
        field = page.get_by_label(label, exact=True)
        field.fill(typed)
        field.press("Enter")
        page.wait_for_function(
            "(field) => field.ariaInvalid === 'true'", arg=field.element_handle()
        )
        ids = field.get_attribute("aria-describedby").split()
        told = " ".join(page.locator(f"[id='{one}']").inner_text() for one in ids)
        assert said in told, label
        assert field.input_value() == typed
        field.press("Escape")
    settled(page)
    assert head(page)["settings"] == before


def test_a_training_stops_when_its_loss_is_low_enough(page):
    field = page.get_by_label("When loss is below")
    field.fill("0.4")
    field.press("Enter")
    until(page, "settings.training.stop_loss === 0.4")
    button(page, "Play").click()
    until(page, "head.status === 'ended'")
    page.get_by_role("status").get_by_text("at or below 0.4 as asked").wait_for()
    curve = block(page, "curve")
    assert curve[-1, 2] <= 0.4 < curve[:-1, 2].min()
