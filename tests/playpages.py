"""The playground in a browser: its command as a process, pages that are watched, what they know.

A page's own store is imported into it once more, as ``store``: tests act by roles and labels,
and read numbers from there.
"""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from websockets.sync.client import connect

from browsing import chromium
from chainrule.playing.choices import Choices, choices_of, document
from chainrule.playing.settling import ready
from chainrule.playing.sources import shelf, table_of
from playground import LONGEST, Page

WIDE, NARROW = (1280, 900), (390, 844)
PATIENCE = 20.0  # seconds, for what takes some hundredths of one where the machine is idle
SOURCES = shelf()


@contextmanager
def launched(*arguments):
    """Run ``chainrule play`` as users do; yield the address that it prints."""
    command = [Path(sys.executable).with_name("chainrule"), "play", "--no-browser"]
    arguments = arguments or ("--port", "0")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, *arguments], text=True, **pipes) as process:
        try:
            told = next((line for line in process.stdout if "http://" in line), "")
            assert told, process.stderr.read()
            yield re.search(r"http://\S+", told)[0]
        finally:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=LONGEST)
    assert process.returncode == 0
    assert said == "The playground has ended.\n"  # and no traceback


@pytest.fixture(scope="module")
def server():
    """The address of a playground that all tests of a module share."""
    with launched() as address, speaking(address) as speaker:
        speaker.until(lambda head: "settings" in head)  # the engine is compiled
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser, server):
    """Return a function that opens the page; what goes wrong in one of them fails the test."""
    contexts, pages = [], []
    _reset(server)

    def open_page(size=WIDE, fragment="", context=None, address=server, **options):
        if context is None:
            width, height = size
            context = browser.new_context(viewport={"width": width, "height": height}, **options)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        pages.append(page)
        watch(page, address)
        page.goto(address + fragment)
        known(page)
        return page

    yield open_page
    complaints = [complaint for page in pages for complaint in page.complaints]
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(visit):
    """The page, just opened, on two moons, paused before the first step."""
    return visit()


def watch(page, address):
    """Note errors, reports of the policy and requests to other hosts in ``page.complaints``.

    ``page.expected`` holds patterns of lines of the console that belong to a test.
    """
    page.complaints, page.expected = [], []
    own = urlsplit(address).netloc

    def line(message):
        wanted = any(re.search(pattern, message.text) for pattern in page.expected)
        if message.type in ("error", "warning") and not wanted:
            page.complaints.append(message.text)

    def asked(request):
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data") and parts.netloc != own:
            page.complaints.append(f"asked {request.url}")

    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", line)
    page.on("request", asked)
    page.on("websocket", lambda socket: asked(socket))


def known(page):
    """Wait until the page knows the run; bring its store into reach."""
    page.evaluate("async () => { window.store = await import('/page/store.mjs'); }")
    until(page, "head.settings !== undefined && store.connection.peek() === 'open'")


def until(page, condition, timeout=PATIENCE):
    """Wait for a condition, in JavaScript, on ``head``, ``blocks``, ``view`` and ``store``."""
    names = ("head", "blocks", "view", "settings", "table", "network")
    given = "; ".join(f"const {name} = store.{name}.peek()" for name in names)
    page.wait_for_function(f"() => {{ {given}; return {condition}; }}", timeout=1000 * timeout)


def head(page):
    """Return the head of the last frame, with what came once."""
    return page.evaluate("() => store.head.peek()")


def block(page, name):
    """Return a block of the last frame that had it."""
    found = page.evaluate(
        """(name) => {
          const block = store.blocks.peek().get(name);
          return block && [Array.from(block), block.shape, block.constructor.name];
        }""",
        name,
    )
    assert found, f"there is no block {name}"
    numbers, shape, kind = found
    kinds = {"Uint8Array": np.uint8, "Uint16Array": np.uint16, "Float32Array": np.float32}
    return np.array(numbers, dtype=kinds[kind]).reshape(shape)


def tell(page, do, **arguments):
    """Send a command by the page's own connection; return the reply."""
    return page.evaluate("(command) => store.send(command)", {"do": do, **arguments})


def change(page, **parts):
    """Change settings, and wait until the page shows them."""
    reply = tell(page, "settings", settings=parts)
    assert reply["ok"], reply
    assert tell(page, "pause")["ok"]
    settled(page)


def settled(page):
    """Wait until the page shows what the server has: for a frame that is asked for now."""
    reply = page.evaluate(
        """() => {
          window.turn = !window.turn;
          const view = store.view.peek();
          const held = { ...view.surface?.held, "no column": Number(window.turn) };
          const none = window.turn ? 999983 : 999979; // no snapshots
          return store.send({
            do: "view", ...view, compare: view.compare ?? none,
            surface: view.surface && { ...view.surface, held },
          });
        }"""
    )
    assert reply["ok"], reply
    until(page, f"head.frame > {reply['frame']}")
    until(page, "view.worked === null || head.worked?.step === head.step")  # it comes a frame later


def go(page, do, **arguments):
    """Have steps taken, and wait until they are shown."""
    reply = tell(page, do, **arguments)
    assert reply["ok"], reply
    until(page, "head.status !== 'playing'")
    settled(page)


def section(page, name):
    """Return a panel by its heading, open."""
    found = page.get_by_role("region", name=name, exact=True)
    heading = found.get_by_role("button", name=name, exact=True)
    if heading.get_attribute("aria-expanded") == "false":
        heading.click()
    return found


def prepared_from(settings):
    """Return what ``chainrule.prepare`` makes of the page's settings and the shipped tables."""
    choices = choices_of(settings)
    source = SOURCES[choices.data.source]
    table = table_of(source, choices.data)
    return ready(choices, source, table), table


@contextmanager
def speaking(address, **options):
    """Connect to the socket of an address, as the page would unless options say otherwise."""
    parts = urlsplit(address)
    options = {
        "open_timeout": LONGEST,
        "origin": f"http://{parts.netloc}",
        "max_size": None,
    } | options
    with connect(f"ws://{parts.netloc}/socket?{parts.query}", **options) as socket:
        yield Page(socket)


def _reset(address):
    """Set the playground as it is when it begins."""
    with speaking(address) as speaker:
        speaker.until(lambda head: "snapshots" in head)
        commands = [("pause", {}), ("settings", {"settings": document(Choices())}), ("rewind", {})]
        commands += [("speed", {"steps_per_second": 100.0})]
        kept = [kept["id"] for kept in speaker.head["snapshots"]]
        commands += [("forget", {"snapshot": number}) for number in kept]
        for name, arguments in commands:
            reply = speaker.ask(name, **arguments)
            assert reply["ok"], reply
