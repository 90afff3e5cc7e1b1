"""Connections of the browser's page: lost and found, of two tabs, of a hidden one, of strangers."""

import contextlib
import http.client
import json
import select
import socket
from threading import Thread
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from websockets.exceptions import InvalidStatus

from playpages import (
    block,
    change,
    go,
    head,
    known,
    launched,
    settled,
    speaking,
    until,
    watch,
)

pytestmark = [pytest.mark.browser, pytest.mark.compiled_only]

REFUSED = [r"WebSocket connection .* failed", r"net::ERR_"]  # the browser's own lines


class Tunnel:
    """A way to the server by another port, as of ``ssh -L``, that can be cut and mended."""

    def __init__(self, address):
        self.target = urlsplit(address).port
        self.pairs, self.open = [], True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = address.replace(str(self.target), str(self.listener.getsockname()[1]))
        Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if not self.open:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self.pairs.append((near, far))
            Thread(target=self._pass, args=(near, far), daemon=True).start()

    def _pass(self, near, far):
        ways = {near: far, far: near}
        try:
            while True:
                for one in select.select(list(ways), [], [])[0]:
                    if not (data := one.recv(1 << 16)):
                        return
                    ways[one].sendall(data)
        except (OSError, ValueError):
            return
        finally:
            near.close()
            far.close()

    def cut(self):
        """End all connections, and take no more."""
        self.open = False
        for pair in self.pairs:
            for one in pair:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self.pairs.clear()


@pytest.fixture
def tunnel(server):
    made = Tunnel(server)
    yield made
    made.cut()
    made.listener.close()


def test_a_lost_connection_is_told_and_found_again_with_the_curve(visit, tunnel):
    page = visit(address=tunnel.address)
    page.expected += REFUSED
    go(page, "epoch", count=4)
    curve, parameters = block(page, "curve"), block(page, "parameters")
    tunnel.cut()
    lost = page.get_by_role("alert").get_by_text("Connection lost, trying again …")
    lost.wait_for()
    page.get_by_role("button", name="Step", exact=True).click()
    page.get_by_role("alert").get_by_text("the connection is lost: this was not done").wait_for()
    tunnel.open = True
    until(page, "store.connection.peek() === 'open'")
    settled(page)
    assert not lost.is_visible()
    assert_array_equal(block(page, "curve"), curve)
    assert_array_equal(block(page, "parameters"), parameters)
    assert head(page)["epoch"] == 4
    go(page, "step", count=1)
    assert head(page)["step"] == 29


def test_a_training_goes_on_while_nobody_is_connected(visit, tunnel, server):
    page = visit(address=tunnel.address)
    page.expected += REFUSED
    change(page, training={"epochs": 100_000})
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, "head.step > 5")
    tunnel.cut()
    until(page, "store.connection.peek() === 'lost'")
    step = head(page)["step"]
    page.wait_for_timeout(500)
    tunnel.open = True
    until(page, "store.connection.peek() === 'open'")
    until(page, f"head.step > {step + 20}")
    curve = block(page, "curve")
    assert_array_equal(curve[:-1, 0], np.arange(len(curve) - 1))  # no gap
    assert head(page)["status"] == "playing"


def test_a_reload_keeps_the_run_and_its_settings(page):
    change(page, data={"source": "toy:spiral", "classes": 3}, network={"hidden_layer_sizes": [7]})
    go(page, "epoch", count=3)
    before = head(page), block(page, "curve"), block(page, "parameters")
    page.reload()
    known(page)
    settled(page)
    now = head(page)
    for key in ("run", "step", "settings", "table", "network", "loss"):
        assert now[key] == before[0][key], key
    assert_array_equal(block(page, "curve"), before[1])
    assert_array_equal(block(page, "parameters"), before[2])


def test_two_tabs_see_the_same_run_each_with_its_own_view(page, visit):
    other = visit(context=page.context)
    page.get_by_label("Across").select_option("x2")
    until(page, "head.surface.x === 'x2'")
    other.get_by_role("button", name="Epoch", exact=True).click()
    until(page, "head.epoch === 1 && head.status === 'paused'")
    settled(page)
    settled(other)
    assert_array_equal(block(page, "parameters"), block(other, "parameters"))
    assert_array_equal(block(page, "curve"), block(other, "curve"))
    assert head(other)["surface"]["x"] == "x1"
    assert_array_equal(block(page, "surface"), block(other, "surface").T)
    page.get_by_label("Learning rate", exact=True).fill("0.2")
    page.get_by_label("Learning rate", exact=True).press("Enter")
    until(other, "settings.training.learning_rate === 0.2")
    assert other.get_by_label("Learning rate", exact=True).input_value() == "0.2"


HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_tab_stalls_nothing_and_is_up_to_date_when_it_is_back(page, visit):
    other = visit(context=page.context)
    change(page, training={"epochs": 100_000})
    page.evaluate(HIDE, True)
    until(page, "view.hidden_tab")
    page.evaluate("() => { window.frames = 0; store.blocks.subscribe(() => { frames += 1; }); }")
    other.get_by_role("button", name="Play", exact=True).click()
    until(other, "head.step > 100")
    other.wait_for_timeout(1500)
    frames = page.evaluate("() => frames")
    assert frames <= 6, "a hidden tab has one frame a second"
    other.get_by_role("button", name="Pause", exact=True).click()
    until(other, "head.status === 'paused'")
    page.evaluate(HIDE, False)
    until(page, "!view.hidden_tab && head.status === 'paused'")
    settled(page)
    settled(other)
    assert head(page)["step"] == head(other)["step"] > 100
    assert_array_equal(block(page, "parameters"), block(other, "parameters"))


def test_a_server_begun_anew_says_that_its_token_is_another(browser):
    with launched() as address:
        port = urlsplit(address).port
        page = browser.new_context().new_page()
        watch(page, address)
        page.goto(address)
        known(page)
    page.expected += [*REFUSED, "status of 403"]
    page.get_by_role("alert").get_by_text("Connection lost").wait_for()
    with launched("--port", str(port)) as again:
        assert urlsplit(again).port == port
        page.get_by_role("button", name="Try now").click()
        page.get_by_role("alert").get_by_text("was started anew with another token").wait_for()
        refused = page.context.new_page()
        assert refused.goto(address).status == 403
        assert "Open the address that chainrule play printed" in refused.inner_text("body")
        assert page.complaints == []
        page.context.close()


def test_a_page_of_another_site_can_open_no_socket(browser, server, page):
    """A page from another origin, in the same browser, with the right token."""
    before = head(page)["step"]
    with launched() as elsewhere:
        stranger = browser.new_page()
        stranger.goto(elsewhere.partition("?")[0] + "page/mark.svg")  # a document of its origin
        parts = urlsplit(server)
        opened = stranger.evaluate(
            """(url) => new Promise((done) => {
              const socket = new WebSocket(url);
              socket.onopen = () => done("open");
              socket.onerror = () => done("refused");
            })""",
            f"ws://{parts.netloc}/socket?{parts.query}",
        )
        assert opened == "refused"
        stranger.context.close()
    go(page, "step", count=1)
    assert head(page)["step"] == before + 1


@pytest.mark.parametrize(
    "given",
    [
        {"origin": "http://evil.example"},
        {"origin": None},
        {"origin": "null"},
        {"token": "wrong"},
        {"token": ""},
        {"host": "evil.example", "origin": "http://evil.example"},
        {"host": "127.0.0.1.evil.example", "origin": "http://127.0.0.1.evil.example"},
    ],
)
def test_strangers_open_no_socket_and_change_nothing(server, given):
    parts = urlsplit(server)
    host = f"{given['host']}:{parts.port}" if "host" in given else parts.netloc
    address = server.replace(parts.netloc, host)
    if "token" in given:
        address = f"{address.partition('=')[0]}={given['token']}"
    origin = given.get("origin", f"http://{host}")
    near = socket.create_connection(("127.0.0.1", parts.port))
    with pytest.raises(InvalidStatus) as caught, speaking(address, origin=origin, sock=near):
        pass
    assert caught.value.response.status_code == 403

    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=20)
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    path = f"/upload?name=t.csv&{urlsplit(address).query}"
    connection.request("POST", path, b"a,b\n1,2\n3,4\n5,6\n", headers)
    answer = connection.getresponse()
    assert answer.status == 403
    assert json.loads(answer.read())["error"]
    connection.close()
    with speaking(server) as speaker:
        found = speaker.until(lambda head: "options" in head)
        assert "table:t" not in [source["key"] for source in found["options"]["sources"]]
