"""A page's commands through the socket: what they do, what they answer, what frames show."""

import json
import threading
import time

import numpy as np
import pytest

from chainrule import fit
from chainrule.datasets import penguins
from chainrule.engine import forward
from chainrule.playing import heads
from chainrule.playing.beginning import with_model, with_table
from chainrule.playing.choices import Choices, Data, document
from chainrule.playing.session import MOST_TABLES
from chainrule.playing.sources import shelf, table_of
from chainrule.playing.tabs import BETWEEN_FRAMES
from playground import TOKEN, playground

pytestmark = pytest.mark.compiled_only

SURFACE = {"x": "x1", "y": "x2"}


@pytest.fixture(scope="module")
def served():
    with playground() as found:
        yield found


@pytest.fixture
def page(served):
    """A page on a session as it is at the start."""
    with served.page() as page:
        page.until(lambda head: "settings" in head)
        page.order("pause")
        page.order("speed", steps_per_second=None)
        page.order("settings", settings=document(Choices()))
        page.order("rewind")
        yield page


def test_the_first_frame_tells_all(page):
    head = page.head
    assert head["settings"]["data"]["source"] == "toy:moons"
    assert head["table"]["rows"] == {"train": 210, "validation": 90, "ignored": 0}
    assert [column["name"] for column in head["table"]["columns"]] == ["x1", "x2"]
    assert head["network"]["sizes"] == [2, 8, 1]
    assert head["network"]["n_parameters"] == len(page.blocks["parameters"]) == 33
    assert {"toy:moons", "shipped:penguins"} <= {s["key"] for s in head["options"]["sources"]}
    assert (head["status"], head["step"], head["epoch"], head["exact"]) == ("paused", 0, 0, True)


def test_what_was_sent_is_not_sent_again(page):
    page.order("step", count=1)
    assert {"settings", "options", "table", "network"}.isdisjoint(page.frames[-1])
    before = len(page.frames)
    page.order("settings", settings={"training": {"learning_rate": 0.5}})
    page.order("step", count=1)
    sent = [frame["settings"] for frame in page.frames[before:] if "settings" in frame]
    assert [settings["training"]["learning_rate"] for settings in sent] == [0.5]
    assert not any("table" in frame for frame in page.frames[before:])


def test_a_step_is_one_step_and_an_epoch_ends_where_epochs_end(page):
    assert page.ask("step", count=1)["step"] == 1
    head = page.order("epoch", count=1)
    assert (head["step"], head["epoch"], head["batch_in_epoch"]) == (7, 1, 0)
    page.order("epoch", count=500)
    head = page.until(lambda head: head["status"] == "paused")
    assert (head["epoch"], head["step"]) == (501, 501 * 7)


def test_a_step_shows_within_a_tenth_of_a_second(page):
    page.send("view", surface=SURFACE, maps=True, metrics=True)
    page.until(lambda head: "surface" in head)
    times = []
    for _ in range(10):
        time.sleep(2 * BETWEEN_FRAMES)
        begun, step = time.perf_counter(), page.head["step"]
        page.send("step", count=1)
        page.until(lambda head, step=step: head["step"] == step + 1)
        times.append(time.perf_counter() - begun)
    assert np.median(times) < 0.1, times


def test_pause_holds_at_once(page):
    page.order("settings", settings={"training": {"epochs": 1_000_000}})
    assert page.ask("play")["ok"]
    page.until(lambda head: head["status"] == "playing" and head["step"] > 100)
    assert page.ask("pause")["ok"]
    head = page.fresh()
    time.sleep(0.2)
    assert head["status"] == "paused"
    assert page.fresh()["step"] == head["step"]


def test_pause_holds_at_once_for_a_large_network_after_a_small_one(page):
    training = {"epochs": 1_000_000}
    page.order("settings", settings={"training": training, "data": {"rows": 5000}})
    page.ask("play")
    page.until(lambda head: head["step"] > 20_000)
    large = {"hidden_layer_sizes": [512, 512], "hidden": ["relu", "relu"]}
    assert page.ask("settings", settings={"network": large})["ok"]
    begun = time.perf_counter()
    assert page.ask("pause")["ok"]
    assert time.perf_counter() - begun < 1.0
    step = page.fresh()["step"]
    time.sleep(0.2)
    assert page.fresh()["step"] == step


def test_playing_ends_where_it_is_told_to_and_says_why(page):
    page.order("settings", settings={"training": {"epochs": 30}})
    assert page.ask("play")["ok"]
    head = page.until(lambda head: head["status"] == "ended")
    assert (head["epoch"], head["step"]) == (30, 210)
    assert "30 epochs" in head["why"]
    reply = page.ask("play")
    assert not reply["ok"]
    assert "rewind" in reply["error"]
    page.order("settings", settings={"training": {"epochs": 40}})
    assert page.ask("play")["ok"]
    assert page.until(lambda head: head["status"] == "ended")["epoch"] == 40


def test_rewind_goes_back_to_the_same_weights_and_the_same_curve(page):
    first = page.blocks["parameters"].copy()
    page.order("epoch", count=20)
    curve, run = page.blocks["curve"].copy(), page.head["run"]
    head = page.order("rewind")
    assert (head["step"], head["run"], head["status"]) == (0, run + 1, "paused")
    assert (page.blocks["parameters"] == first).all()
    page.order("epoch", count=20)
    assert len(curve) == 21
    assert (page.blocks["curve"] == curve)[:, :2].all()


def test_a_new_seed_draws_other_weights(page):
    before = page.blocks["parameters"].copy()
    head = page.order("new_seed")
    assert head["settings"]["seed"] == 1
    assert (page.blocks["parameters"] != before).any()


def test_speed_is_kept(page):
    page.order("settings", settings={"training": {"epochs": 1_000_000}})
    page.order("speed", steps_per_second=40)
    page.order("play")
    begun, step = time.perf_counter(), page.fresh()["step"]
    time.sleep(1.5)
    head = page.order("pause")
    rate = (head["step"] - step) / (time.perf_counter() - begun)
    assert 20 < rate < 45
    assert head["speed"] == 40


def test_at_full_speed_the_samples_a_second_are_told(page):
    page.order("settings", settings={"training": {"epochs": 1_000_000}})
    page.order("play")
    begun, step = time.perf_counter(), page.fresh()["step"]
    time.sleep(1.0)
    head = page.fresh()
    rows = (head["step"] - step) * 30 / (time.perf_counter() - begun)
    assert 0.3 < head["samples_per_second"] / rows < 3.0
    assert 0.2 < head["engine_share"] <= 1.0
    page.order("pause")


def test_settings_change_all_or_nothing_and_say_where(page):
    before = page.head["settings"]
    wrong = {"training": {"learning_rate": 0.3}, "network": {"hidden_layer_sizes": [8, 0]}}
    reply = page.ask("settings", settings=wrong)
    assert (reply["ok"], reply["where"]) == (False, "network.hidden_layer_sizes[1]")
    reply = page.ask("settings", settings={"training": {"momentum": 1}})
    assert (reply["ok"], reply["where"]) == (False, "training.momentum")
    for text in ('{"training": {"learning_rate": NaN}}', '{"training": {"l2": 1e999}}'):
        page.socket.send(f'{{"do": "settings", "id": 900, "settings": {text}}}')
        assert not page.reply(900)["ok"]
    assert page.fresh()["settings"] == before


def test_changes_on_the_way_keep_the_run_and_others_begin_a_new_one(page):
    page.order("epoch", count=3)
    run = page.head["run"]
    head = page.order("settings", settings={"training": {"learning_rate": 0.2}})
    assert (head["run"], head["epoch"], head["exact"]) == (run, 3, False)
    head = page.order("settings", settings={"network": {"hidden_layer_sizes": [4, 3]}})
    assert (head["run"], head["epoch"], head["exact"]) == (run + 1, 0, True)
    assert head["network"]["sizes"] == [2, 4, 3, 1]
    assert head["settings"]["network"]["hidden"] == ["tanh", "tanh"]


def test_a_new_run_goes_on_playing(page):
    page.order("settings", settings={"training": {"epochs": 1_000_000}})
    page.order("play")
    head = page.order("settings", settings={"network": {"hidden_layer_sizes": [5]}})
    assert head["status"] == "playing"
    assert page.until(lambda head: head["step"] > 50)["network"]["sizes"] == [2, 5, 1]
    page.order("pause")


def test_what_fails_says_what_to_do(page):
    steep = {"solver": "gd", "learning_rate": 1000.0}
    page.order("settings", settings={"data": {"source": "toy:plane"}, "training": steep})
    page.ask("play")
    head = page.until(lambda head: head["status"] == "failed")
    assert "learning rate" in head["why"]
    assert not page.ask("step", count=1)["ok"]
    assert page.order("settings", settings={"training": {"solver": "adam"}})["status"] == "paused"


def test_the_surface_is_a_forward_pass(page, served):
    page.order("epoch", count=30)
    number = page.send("view", surface=SURFACE | {"size": 50})
    assert page.reply(number)["ok"]
    head = page.until(lambda head: page.blocks.get("surface", np.zeros(1)).shape == (50, 50))
    (x0, x1), (y0, y1) = head["surface"]["x_range"], head["surface"]["y_range"]
    x = x0 + (np.arange(50) + 0.5) / 50 * (x1 - x0)
    y = y0 + (np.arange(50) + 0.5) / 50 * (y1 - y0)
    columns = served.session.plan.prepared.spec.columns
    raw = np.stack([np.tile(x, 50), np.repeat(y, 50)], axis=1)
    X = (raw - [c.mean for c in columns]) / [c.scale for c in columns]
    theta = page.blocks["parameters"]
    expected = forward(served.session.run.network, theta, X.astype(np.float32))[:, 0]
    shown = page.blocks["surface"].ravel() / 255
    assert np.abs(shown - expected).max() < 0.51 / 255 + 1e-5
    assert head["points"]["count"] == 300


def test_points_come_once_for_each_pair_of_columns(page):
    page.ask("view", surface=SURFACE)
    page.until(lambda head: "points_xy" in page.blocks)
    page.order("step", count=1)
    assert "points" not in page.frames[-1]
    page.view = {"surface": {"x": "x2", "y": "x1"}}
    page.fresh()
    assert page.frames[-1]["points"]["count"] == 300


def test_what_is_not_looked_at_is_not_sent(page):
    assert {"surface", "metrics", "histograms", "maps"}.isdisjoint(page.frames[-1])
    page.view = {"metrics": True, "histograms": True}
    head = page.fresh()
    assert 0 <= head["metrics"]["validation"]["accuracy"] <= 1
    assert {found["what"] for found in head["histograms"]} >= {"weights", "activations"}
    reply = page.ask("view", surface={"x": 1, "y": "x2"})
    assert (reply["ok"], reply["where"]) == (False, "view.surface.x")
    assert page.ask("view", surface={"x": "no such", "y": "x2"})["ok"]


def test_a_snapshot_is_kept_compared_and_gone_back_to(page):
    page.order("epoch", count=5)
    theta = page.blocks["parameters"].copy()
    number = page.ask("snapshot", name="five <b>epochs</b>")["snapshot"]
    page.order("settings", settings={"network": {"hidden_layer_sizes": [3]}})
    assert page.head["snapshots"][-1]["name"] == "five <b>epochs</b>"
    assert page.ask("view", surface=SURFACE, compare=number)["ok"]
    page.until(lambda head: "surface_compared" in page.blocks)
    assert page.blocks["curve_compared"].shape == (6, 3)
    head = page.order("restore", snapshot=number)
    assert (head["epoch"], head["network"]["sizes"]) == (5, [2, 8, 1])
    assert head["settings"]["network"]["hidden_layer_sizes"] == [8]
    assert (page.blocks["parameters"] == theta).all()
    page.order("rename", snapshot=number, name="other")
    assert page.head["snapshots"][-1]["name"] == "other"
    page.order("forget", snapshot=number)
    assert all(found["id"] != number for found in page.head["snapshots"])
    assert not page.ask("restore", snapshot=number)["ok"]


def test_two_tabs_see_the_same_run_each_with_its_own_view(served, page):
    with served.page() as other:
        other.until(lambda head: "settings" in head)
        other.view = {"surface": SURFACE}
        page.order("epoch", count=2)
        assert other.fresh()["epoch"] == 2
        assert "surface" in other.head
        assert "surface" not in page.head
        assert (other.blocks["parameters"] == page.blocks["parameters"]).all()


def test_a_page_that_comes_back_finds_the_curve(served, page):
    page.order("epoch", count=12)
    with served.page() as again:
        head = again.until(lambda head: "settings" in head)
        assert head["epoch"] == 12
        assert (again.blocks["curve"] == page.blocks["curve"])[:, :2].all()


def test_a_page_that_does_not_draw_gets_no_more_frames_and_stops_nobody(served, page):
    page.order("settings", settings={"training": {"epochs": 1_000_000}})
    with served.page() as dead:
        received = []
        silent = dead.socket.recv(timeout=10)
        page.order("play")
        step = page.fresh()["step"]
        time.sleep(0.5)
        with pytest.raises(TimeoutError):
            received.append(dead.socket.recv(timeout=0.3))
        assert page.fresh()["step"] > step
        assert isinstance(silent, bytes)
        assert received == []
        number = json.loads(silent[4 : 4 + int.from_bytes(silent[:4], "little")])["frame"]
        dead.socket.send(json.dumps({"do": "ready", "id": 1, "number": number + 7}))
        dead.socket.send(json.dumps({"do": "ready", "id": 2, "number": number}))
        assert json.loads(dead.socket.recv(timeout=10))["ok"]
    page.order("pause")


def test_a_client_that_reads_nothing_does_not_stall_the_training(served, page):
    page.order("settings", settings={"training": {"epochs": 1_000_000}})
    with served.page(max_queue=1) as slow:
        for k in range(400):
            slow.socket.send(json.dumps({"do": "ready", "id": k, "number": k}))
            if k % 40 == 0:
                slow.socket.send(json.dumps({"do": "settings", "id": k, "settings": {"a" * k: 1}}))
        begun = time.perf_counter()
        page.order("play")
        step = page.fresh()["step"]
        time.sleep(0.3)
        assert page.fresh()["step"] > step
        assert time.perf_counter() - begun < 5
        page.order("pause")
        slow.socket.socket.close()


def test_a_hidden_tab_gets_one_frame_a_second(served, page):
    page.order("settings", settings={"training": {"epochs": 1_000_000}})
    page.order("speed", steps_per_second=100)
    page.ask("view", hidden_tab=True)
    page.send("play")
    page.until(lambda head: head["status"] == "playing")
    before, begun = len(page.frames), time.perf_counter()
    page.until(lambda head: time.perf_counter() - begun > 2.5)
    assert len(page.frames) - before <= 4
    page.ask("view", hidden_tab=False)
    begun = time.perf_counter()
    page.until(lambda head: time.perf_counter() - begun > 1.0)
    assert len(page.frames) - before > 6
    page.order("pause")


def test_frames_come_at_twenty_a_second_at_most(page):
    page.order("settings", settings={"training": {"epochs": 1_000_000}})
    page.ask("view", surface=SURFACE)
    page.send("play")
    page.until(lambda head: head["status"] == "playing")
    before, begun = len(page.frames), time.perf_counter()
    page.until(lambda head: time.perf_counter() - begun > 2.0)
    assert 10 < len(page.frames) - before <= 41  # fewer than 40 where the machine is busy
    page.order("pause")


HOSTILE = (
    b'<img src=x onerror=alert(1)>,\xc3\xa9 "quoted",y\n1,a,0\n2,b,1\n,a,1\n4,,0\n5,b,1\n6,a,0\n'
)


def test_an_uploaded_table_is_trained_on(served, page):
    status, _, body = served.get("/upload?name=../strange%20name.csv", "POST", HOSTILE)
    assert (status, json.loads(body)) == (200, {"source": "table:strange name"})
    head = page.fresh()
    assert head["settings"]["data"]["source"] == "table:strange name"
    assert head["table"]["target"] == "y"
    assert head["table"]["columns"][0]["name"] == "<img src=x onerror=alert(1)>"
    assert head["table"]["columns"][1]["categories"] == ["a", "b"]
    assert "table:strange name" in {s["key"] for s in head["options"]["sources"]}
    assert page.order("epoch", count=3)["epoch"] == 3
    assert served.get("/table.csv")[2].count(b"\n") == 7


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", ""),
        (b"a\n1\n2\n", "only the column 'a'"),
        (b"PAR1" + b"\x00" * 50, ""),
        (b"\x1f\x8b" + b"\x00" * 50, "gzipped"),
        (",".join(f"c{k}" for k in range(3000)).encode(), "columns"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_a_message(served, page, content, said):
    status, _, body = served.get("/upload?name=bad.csv", "POST", content)
    assert status == 400
    assert said in json.loads(body)["error"]
    assert page.fresh()["settings"]["data"]["source"] == "toy:moons"
    assert "table:bad" not in served.session.sources


def test_commands_are_answered_while_a_table_is_read(served, page):
    content = b"x,y\n" + b"".join(b"%d.5,%d\n" % (k, k % 3) for k in range(150_000))
    thread = threading.Thread(
        target=served.get, args=("/upload?name=long.csv", "POST", content), daemon=True
    )
    thread.start()
    begun = time.perf_counter()
    assert page.ask("pause")["ok"]
    assert time.perf_counter() - begun < 2.0
    thread.join(60)
    head = page.fresh()
    assert head["settings"]["data"]["source"] == "table:long"
    assert head["table"]["rows"]["train"] == 105_000


def test_a_page_is_heard_while_a_command_takes_long(served, page):
    served.work._worker.ask(lambda: time.sleep(1.5))
    begun = time.perf_counter()
    number = page.send("pause")
    assert page.ask("view")["ok"]
    assert time.perf_counter() - begun < 1.0
    assert page.reply(number)["ok"]
    assert time.perf_counter() - begun > 1.0


def test_while_the_engine_is_compiled_frames_say_so(served, page):
    def compile_slowly():
        session.busy = "compiling"
        session._changed()
        time.sleep(1.5)
        session.busy = ""
        session._changed()

    session = served.session
    served.work._worker.ask(compile_slowly)
    begun = time.perf_counter()
    assert page.until(lambda head: head["why"] == "compiling")["status"] == "paused"
    assert time.perf_counter() - begun < 1.4
    assert page.until(lambda head: head["why"] == "")["step"] == 0


def broken(*_, **__):
    raise RuntimeError("broken for a test")


def test_what_nobody_expected_is_said_and_ends_nothing(served, page, monkeypatch):
    monkeypatch.setattr(served.session, "_rewind_command", broken)
    reply = page.ask("rewind")
    assert not reply["ok"]
    assert reply["error"] == "rewind failed, RuntimeError: broken for a test"
    with monkeypatch.context() as during:
        during.setattr(heads, "scores", broken)
        page.ask("view", metrics=True)
        head = page.until(lambda head: "broken" in head["why"])
        assert head["why"].startswith("What is looked at cannot be shown")
    page.ask("view", metrics=True, maps=True)
    assert page.until(lambda head: "metrics" in head)["why"] == ""
    with monkeypatch.context() as during:
        during.setattr(served.session.run, "advance", broken)
        assert page.ask("play")["ok"]
        head = page.until(lambda head: "broken" in head["why"])
        assert (head["status"], head["step"]) == ("paused", 0)
    assert page.order("step", count=1)["why"] == ""


def test_of_many_tables_that_were_uploaded_the_first_goes(served, page):
    for number in range(MOST_TABLES + 2):
        content = b"x,y\n1,2\n2,3\n3,5\n" + b"4,6\n" * number
        assert served.get(f"/upload?name=many{number}.csv", "POST", content)[0] == 200
    keys = [source["key"] for source in page.fresh()["options"]["sources"]]
    assert f"table:many{MOST_TABLES + 1}" in keys
    assert "table:many0" not in keys
    assert "shipped:penguins" in keys
    assert sum(key.startswith("table:") for key in keys) == MOST_TABLES


def test_a_given_table_is_the_first():
    heaps = table_of(shelf()["toy:gaussians"], Data(classes=3))
    begun = with_table("heaps.csv", heaps, None, seed=3)
    with playground(begun=begun) as served, served.page() as page:
        head = page.until(lambda head: "settings" in head)
        assert head["options"]["sources"][0]["key"] == "table:heaps"
        assert (head["settings"]["seed"], head["table"]["target"]) == (3, "label")


def test_a_model_begins_with_its_weights_and_goes_on_learning():
    model = fit(penguins(), "species", epochs=5, hidden_layer_sizes=6, hidden="tanh")
    begun = with_model("penguins", model, penguins())
    with playground(begun=begun) as served, served.page() as page:
        page.view = {"metrics": True}
        page.until(lambda head: "settings" in head)
        head = page.fresh()
        assert (page.blocks["parameters"] == model.parameters[0]).all()
        assert head["network"]["sizes"] == [14, 6, 3]
        assert head["settings"]["network"]["hidden_layer_sizes"] == [6]
        assert head["exact"] is False
        assert [found["name"] for found in head["snapshots"]] == ["the model"]
        shares = model.ensemble.outputs(served.session.plan.prepared.X)[0]
        rows = served.session.plan.prepared.train
        right = shares[rows].argmax(axis=1) == served.session.plan.prepared.values[rows]
        assert head["metrics"]["train"]["accuracy"] == pytest.approx(right.mean())
        before = head["loss"]
        assert page.order("epoch", count=30)["loss"] < before
        page.order("rewind")
        assert (page.blocks["parameters"] == model.parameters[0]).all()
        head = page.order("settings", settings={"network": {"hidden_layer_sizes": [6, 2]}})
        assert "model's weights are left" in head["why"]
        head = page.order("restore", snapshot=1)
        assert (page.blocks["parameters"] == model.parameters[0]).all()


def test_a_model_that_always_says_the_same_opens_too():
    model = fit(penguins(), "species", epochs=0, hidden_layer_sizes=())
    model.parameters[:, :-3] = 0.0
    model.parameters[:, -3:] = [1.0, 2.0, 9.0]
    _, plan = with_model("penguins", model)
    assert plan.prepared.spec == model.spec
    assert sorted(np.bincount(plan.prepared.values.astype(int))) == [1, 1, 198]


def test_a_model_without_a_table_predicts_and_does_not_train():
    table = table_of(shelf()["toy:plane"], Data())
    model = fit(table, "value", epochs=20, hidden_layer_sizes=4)
    with playground(begun=with_model("plane", model)) as served, served.page() as page:
        page.until(lambda head: "settings" in head)
        page.view = {"surface": SURFACE}
        head = page.fresh()
        assert "made up" in head["why"]
        assert head["surface"]["kind"] == "number"
        for command in ({"do": "play"}, {"do": "step", "count": 1}, {"do": "epoch", "count": 1}):
            reply = page.ask(**command)
            assert not reply["ok"]
            assert "MODEL TABLE" in reply["error"]
        page.order("settings", settings={"data": {"source": "toy:plane"}})
        assert page.ask("step", count=1)["ok"]
        assert served.get(f"/export?to=python&token={TOKEN}")[0] == 200


def test_after_a_step_its_numbers_come_first_and_what_is_worked_out_follows(page):
    page.view = {"worked": {"part": "train", "row": 0}}
    page.fresh()
    page.until(lambda head: "worked" in head)
    before = len(page.frames)
    page.order("step", count=1)
    page.until(lambda head: head["worked"]["step"] == 1)
    frames = [(frame["step"], "worked" in frame) for frame in page.frames[before:]]
    assert frames[0] == (1, False)
    assert frames[-1] == (1, True)
