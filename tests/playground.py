"""A playground on a free port for tests, and a page without a browser."""

import contextlib
import http.client
import json
import socket
import threading
import time

import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from chainrule.playing.choices import Choices
from chainrule.playing.frame import unpack
from chainrule.playing.host import Host
from chainrule.playing.planning import planned
from chainrule.playing.server import application, configuration, listening
from chainrule.playing.session import Session
from chainrule.playing.sources import shelf

TOKEN = "token-of-the-tests"
LONGEST = 60.0  # seconds that anything may take


class Playground:
    """A server that runs in a thread."""

    def __init__(self, host, port):
        self.work, self.session, self.port = host, host.session, port
        self.host = f"127.0.0.1:{port}"

    def get(self, path, method="GET", body=None, token=True, **headers):
        """Send a request; return status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST)
        given = {"Host": self.host, "Origin": f"http://{self.host}"}
        given |= {"X-Token": TOKEN} if token else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in given.items() if value is not None}
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        connection.close()
        return found

    @contextlib.contextmanager
    def page(self, token=TOKEN, host=None, **given):
        """Connect as the page does."""
        host = host or self.host
        given = {"origin": f"http://{host}", "max_size": None, "compression": None} | given
        given["sock"] = socket.create_connection(("127.0.0.1", self.port), LONGEST)
        address = f"ws://{host}/socket?token={token}"
        with connect(address, open_timeout=LONGEST, close_timeout=5, **given) as connected:
            yield Page(connected)


class Page:
    """A page: it sends commands, takes frames, and says when it has drawn them."""

    def __init__(self, socket):
        self.socket, self.number, self.view, self.turn = socket, 0, {}, False
        self.head, self.blocks, self.frames, self.replies = {}, {}, [], {}

    def _receive(self):
        message = self.socket.recv(timeout=LONGEST)
        if isinstance(message, str):
            reply = json.loads(message)
            self.replies[reply["re"]] = reply
            return
        head, blocks = unpack(message)
        if head.get("run") != self.head.get("run"):
            self.blocks = {}
        self.head, self.blocks = self.head | head, self.blocks | blocks
        self.frames.append(head)
        self.socket.send(json.dumps({"do": "ready", "id": 0, "number": head["frame"]}))

    def send(self, do, **arguments):
        """Send a command; return its number."""
        self.number += 1
        self.socket.send(json.dumps({"do": do, "id": self.number, **arguments}))
        return self.number

    def reply(self, number):
        """Return the reply to a command."""
        while number not in self.replies:
            self._receive()
        return self.replies.pop(number)

    def ask(self, do, **arguments):
        """Send a command and return the reply."""
        return self.reply(self.send(do, **arguments))

    def order(self, do, **arguments):
        """Send a command that is done, and return the head once it shows."""
        reply = self.ask(do, **arguments)
        assert reply["ok"], reply
        return self.fresh()

    def fresh(self):
        """Return the head of a frame that was built after now."""
        self.turn = not self.turn
        reply = self.ask("view", **self.view, compare=int(self.turn))
        assert reply["ok"], reply
        return self.until(lambda head: head["frame"] > reply["frame"])

    def closed(self):
        """Wait until the server closes the connection; return its code."""
        while True:
            try:
                self.socket.recv(timeout=LONGEST)
            except ConnectionClosed as error:
                return error.rcvd.code

    def until(self, wanted):
        """Take frames until the head is as wanted; return it."""
        ends = time.monotonic() + LONGEST
        while not wanted(self.head):
            assert time.monotonic() < ends, self.head
            self._receive()
        return self.head


@contextlib.contextmanager
def playground(change=None, begun=None, names=()):
    """Serve a session on a free port, that begins as told, or with a toy."""
    listener = listening("127.0.0.1", 0)
    sources = shelf()
    session = Session(*(begun or (sources, planned(sources, change or {}, Choices()))))
    with Host(session) as host:
        server = uvicorn.Server(configuration(application(host, TOKEN, names)))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield Playground(host, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(LONGEST)
    assert not thread.is_alive()
