"""``chainrule play`` as a program: what it prints, what it refuses, how it ends."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from chainrule import cli, fit
from chainrule.datasets import penguins
from chainrule.playing.sharing import as_csv
from chainrule.playing.toys import toy

pytestmark = pytest.mark.compiled_only

LONGEST = 60.0


class Program:
    """The command in a process of its own."""

    def __init__(self, *arguments, folder=None):
        code = "from chainrule.cli import main; main()"
        environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "BROWSER")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "play", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
            env=environment,
        )  # fmt: skip
        self.lines = []

    def address(self):
        """Return the address that it prints, once it answers."""
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"http://\S+", line)
            if found:
                return found[0]
        raise AssertionError((self.lines, self.process.stderr.read()))

    def end(self, how=signal.SIGINT):
        """End it; return status, output and errors."""
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=LONGEST)
        return self.process.returncode, "".join(self.lines) + out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def get(address):
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=LONGEST)
    connection.request("GET", f"{parts.path}?{parts.query}")
    status = connection.getresponse().status
    connection.close()
    return status


def refused(capsys, *arguments):
    """Return what the command says when it refuses."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["play", *arguments, "--no-browser"])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, ""), (out, err)
    return " ".join(err.split())


def test_it_prints_an_address_with_a_token_and_ctrl_c_ends_it_quietly():
    with Program("--no-browser", "--port", "0") as program:
        address = program.address()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", address)
        assert get(address) == 200
        assert get(address[:-1] + ("A" if address[-1] != "A" else "B")) == 403
        time.sleep(0.3)
        status, out, err = program.end()
    assert status == 0
    assert "\x1b" not in out + err
    assert err.strip() == "The playground has ended."


def test_a_page_is_opened_as_it_was():
    with Program("--no-browser", "--port", "0", "--state", "s=eyJzZXR0aW5ncyI6e319") as program:
        address = program.address()
        assert re.search(r"token=[\w-]{32}#s=eyJzZXR0aW5ncyI6e319$", address)
        assert get(address) == 200


def test_ctrl_c_ends_it_with_a_page_open_that_plays():
    from websockets.sync.client import connect

    with Program("--no-browser", "--port", "0") as program:
        parts = urlsplit(program.address())
        with connect(
            f"ws://{parts.netloc}/socket?{parts.query}", origin=f"http://{parts.netloc}"
        ) as page:
            page.recv(timeout=LONGEST)
            page.send('{"do": "play", "id": 1}')
            page.recv(timeout=LONGEST)
            begun = time.monotonic()
            status, _, err = program.end()
    assert (status, err.strip()) == (0, "The playground has ended.")
    assert time.monotonic() - begun < 10


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM there")
def test_it_ends_when_it_is_told_to():
    with Program("--no-browser", "--port", "0") as program:
        program.address()
        assert program.end(signal.SIGTERM)[0] in (0, -signal.SIGTERM)


def test_a_table_and_its_columns(tmp_path):
    (tmp_path / "heaps.csv").write_bytes(as_csv(toy("gaussians", rows=50)))
    options = ("--target", "label", "--drop", "x2", "--seed", "4", "--no-browser", "--port", "0")
    with Program("heaps.csv", *options, folder=tmp_path) as program:
        assert get(program.address()) == 200
        assert program.lines[0] == "heaps.csv: 50 rows, to predict label.\n"
    with Program("heaps.csv", "--no-browser", "--port", "0", folder=tmp_path) as program:
        program.address()
        assert "the last column" in program.lines[0]


def test_a_model_with_and_without_its_table(tmp_path):
    fit(penguins(), "species", epochs=2, hidden_layer_sizes=3).save(tmp_path / "p.safetensors")
    with Program("p.safetensors", "--no-browser", "--port", "0", folder=tmp_path) as program:
        program.address()
        assert "p.safetensors has 5 networks: this is the first of them." in program.lines[0]
        assert "penguins that come with chainrule" in program.lines[1]
    table = toy("plane", rows=40)
    fit(table, "value", epochs=2, hidden_layer_sizes=3, ensemble=1).save(tmp_path / "v.safetensors")
    (tmp_path / "plane.csv").write_bytes(as_csv(table))
    with Program("v.safetensors", "--no-browser", "--port", "0", folder=tmp_path) as program:
        program.address()
        assert "does not train" in "".join(program.lines)
        assert "chainrule play v.safetensors TABLE" in "".join(program.lines)
    arguments = ("v.safetensors", "plane.csv", "--no-browser", "--port", "0")
    with Program(*arguments, folder=tmp_path) as program:
        program.address()
        assert "may have learned" in "".join(program.lines)


def test_what_cannot_be_used_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n5,6\n")
    fit(penguins(), "species", epochs=1, hidden_layer_sizes=3).save(tmp_path / "p.safetensors")
    cases = {
        ("none.csv",): "none.csv",
        ("a.csv", "b.csv"): "a.csv is no model of chainrule: give one TABLE, or a MODEL and",
        ("a.csv", "--target", "z"): "no column 'z'",
        ("a.csv", "--drop", "z"): "no column 'z' to leave out",
        ("a.csv", "--drop", "x"): "no column is left",
        ("--target", "z"): "--target goes with a TABLE",
        ("p.safetensors", "--target", "species"): "--target goes with a TABLE alone",
        ("p.safetensors", "a.csv"): "no column",
        ("p.safetensors", "p.safetensors"): "is a model, not a table",
        ("--allow-host", "http://x.org"): "must be a name alone",
        ("--allow-host", "*"): "must be a name alone",
        ("--state", "s=<b>"): "--state 's=<b>' must be what the page gives",
        ("--host", "no.such.name.invalid"): "--host no.such.name.invalid is no address",
    }
    for arguments, said in cases.items():
        assert said in refused(capsys, *arguments, "--port", "0"), arguments


def test_a_port_that_is_taken_is_said(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"--port {port} is taken by another program" in refused(capsys, "--port", str(port))


def test_beyond_this_machine_it_warns_loudly():
    with Program("--no-browser", "--port", "0", "--host", "0.0.0.0") as program:
        address = program.address()
        assert address.startswith("http://127.0.0.1:")
        assert get(address) == 200
        status, _, err = program.end()
    assert status == 0
    assert err.startswith("WARNING: other machines can reach this server")
    assert "--allow-host NAME" in err
