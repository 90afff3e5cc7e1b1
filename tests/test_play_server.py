"""The playground's server: who may speak to it, what it answers, and what it refuses."""

import http.client
import json
import socket
import threading
import time

import pytest
from websockets.exceptions import InvalidStatus

from chainrule.errors import BadSetting
from chainrule.playing import guard, host, server
from playground import LONGEST, TOKEN, playground

pytestmark = pytest.mark.compiled_only


@pytest.fixture(scope="module")
def served():
    with playground(names=["pc12.example.org"]) as found:
        with found.page() as page:
            page.until(lambda head: "settings" in head)
        yield found


def test_the_page_is_served_to_who_has_the_token(served):
    status, headers, body = served.get(f"/?token={TOKEN}", token=False)
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert b"/page/main.mjs" in body


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=other", f"/?token={TOKEN}&token=x"])
def test_the_page_is_refused_to_who_has_not(served, path):
    status, headers, body = served.get(path, token=False)
    assert status == 403
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert b"lacks the token" in body
    assert TOKEN.encode() not in body


@pytest.mark.parametrize("path", ["/export?to=c", "/table.csv", "/nothing", "/socket"])
def test_everything_but_the_pages_files_needs_the_token(served, path):
    status, headers, body = served.get(path, token=False)
    assert (status, headers["content-type"]) == (403, "application/json")
    assert "token" in json.loads(body)["error"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        (f"/?token={TOKEN}", "GET", 200),
        ("/", "GET", 403),
        ("/page/main.mjs", "GET", 200),
        ("/page/nothing.mjs", "GET", 404),
        ("/table.csv", "GET", 200),
        ("/table.csv", "DELETE", 405),
        ("/export?to=cobol", "GET", 400),
        ("/upload?name=x.csv", "POST", 400),
    ],
)
def test_every_answer_has_the_headers_that_protect(served, path, method, status):
    found, headers, _ = served.get(path, method, token=path != "/")
    assert found == status
    kept = {"cache-control": "no-cache"} if path == "/page/main.mjs" else {}
    for name, value in (guard.HEADERS | kept).items():
        assert headers[name] == value, name
    assert "server" not in headers


def test_the_policy_shuts_everything_else_out(served):
    policy = served.get("/page/main.mjs")[1]["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'"} <= set(policy)
    assert {"require-trusted-types-for 'script'", "trusted-types 'none'"} <= set(policy)
    assert not any("unsafe" in rule or "*" in rule for rule in policy)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/page/main.mjs", "text/javascript; charset=utf-8"),
        ("/page/style.css", "text/css; charset=utf-8"),
        ("/page/vendor/vendor.mjs", "text/javascript; charset=utf-8"),
        ("/page/vendor/fonts/KaTeX_Main-Regular.woff2", "font/woff2"),
        ("/page/mark.svg", "image/svg+xml"),
    ],
)
def test_the_pages_files_need_no_token_and_have_their_types(served, path, kind):
    status, headers, body = served.get(path, token=False)
    assert (status, headers["content-type"]) == (200, kind)
    assert body
    again = served.get(path, token=False, If_None_Match=headers["etag"])
    assert (again[0], again[2]) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server.py",
        "/page/%2e%2e/server.py",
        "/page/..%2fserver.py",
        "/page//etc/passwd",
        "/page/vendor/../../session.py",
        "/page/",
        "/page/vendor",
        "/page/main.mjs%00.css",
    ],
)
def test_no_path_leads_out_of_the_page(served, path):
    status, _, body = served.get(path)
    assert status == 404
    assert json.loads(body)["error"] == "there is no such file"


NAMES = ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:99", "pc12.example.org:8000"]
STRANGERS = [
    "evil.example", "127.0.0.1.evil.example", "localhost.", "127.0.0.2", "0.0.0.0", "[::2]",
    "localhost:80@evil.example", "evil.example:127", "", "::1", "localhost:x",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_known_names_of_the_host_are_served(served, name):
    assert served.get("/page/main.mjs", Host=name)[0] == 200


@pytest.mark.parametrize("name", STRANGERS)
def test_other_names_of_the_host_are_refused(served, name):
    for path in (f"/?token={TOKEN}", "/page/main.mjs", "/table.csv"):
        assert served.get(path, Host=name)[0] == 403


def test_a_request_without_a_host_or_with_two_is_refused(served):
    for lines in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        with socket.create_connection(("127.0.0.1", served.port), timeout=LONGEST) as connection:
            connection.sendall(b"GET /page/main.mjs HTTP/1.1\r\n" + lines + b"\r\n")
            assert connection.recv(100).split()[1] in (b"400", b"403")


def test_a_socket_opens_for_the_page(served):
    with served.page() as page:
        assert page.until(lambda head: "settings" in head)["status"] == "paused"
    name = "pc12.example.org:8000"
    with served.page(host=name, origin=f"https://{name}") as page:
        page.until(lambda head: "settings" in head)


@pytest.mark.parametrize(
    "given",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://127.0.0.1"},
        {"origin": "null"},
        {"origin": None},
        {"token": "other"},
        {"token": ""},
        {"host": "evil.example"},
    ],
)
def test_a_socket_stays_shut_for_others(served, given):
    with pytest.raises(InvalidStatus) as caught, served.page(**given):
        pass
    assert caught.value.response.status_code == 403
    assert caught.value.response.headers["content-security-policy"] == guard.POLICY


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "http://localhost:1"])
def test_what_changes_something_must_come_from_the_page(served, origin):
    status, _, body = served.get("/upload?name=a.csv", "POST", b"a,b\n1,2\n", Origin=origin)
    assert status == 403
    assert "Origin" in json.loads(body)["error"]
    assert "table:a" not in served.session.sources


def test_the_table_and_the_model_are_downloads(served):
    status, headers, body = served.get("/table.csv")
    assert status == 200
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''moons.csv"
    assert body.splitlines()[0] == b'"x1","x2","label"'
    assert len(body.splitlines()) == 301
    for to, start in {"c": b"/*", "onnx": b"\x08", "python": b'"""', "sql": b"--"}.items():
        status, headers, body = served.get(f"/export?to={to}&token={TOKEN}", token=False)
        assert (status, body[: len(start)]) == (200, start), to
        assert headers["content-disposition"].startswith("attachment; ")


def test_an_unknown_export_is_refused_with_the_known_ones(served):
    status, _, body = served.get("/export?to=cobol")
    assert status == 400
    assert "safetensors" in json.loads(body)["error"]


def chunks(size, count):
    for _ in range(count):
        yield b"x" * size


def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(served, monkeypatch):
    monkeypatch.setattr(server, "MOST_UPLOADED", 1 << 20)
    claimed = {"Content-Length": str(10 << 30)}
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=LONGEST)
    origin = {"Origin": f"http://{served.host}", "X-Token": TOKEN}
    connection.putrequest("POST", "/upload?name=big.csv")
    for name, value in (origin | claimed).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert "1 MiB" in json.loads(answer.read())["error"]
    connection.close()
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=LONGEST)
    headers = origin | {"Transfer-Encoding": "chunked"}
    connection.request(
        "POST", "/upload?name=big.csv", chunks(1 << 16, 17), headers, encode_chunked=True
    )
    assert connection.getresponse().status == 413
    connection.close()


def upload_begun(port, host):
    connection = socket.create_connection(("127.0.0.1", port), LONGEST)
    lines = [
        "POST /upload?name=slow.csv HTTP/1.1", f"Host: {host}", f"Origin: http://{host}",
        f"X-Token: {TOKEN}", "Content-Length: 1000", "", "a,b",
    ]  # fmt: skip
    connection.sendall("\r\n".join(lines).encode())
    return connection


def test_an_upload_that_breaks_off_is_no_error_of_the_server(served, caplog):
    with upload_begun(served.port, served.host):
        served.get("/page/main.mjs")  # is heard
    served.get("/page/main.mjs")
    with served.page() as page:
        assert page.ask("step", count=1)["ok"]
    assert not caplog.records


def test_what_the_end_of_the_server_cuts_off_is_not_said(caplog, monkeypatch):
    begun, wait = threading.Event(), threading.Event()

    def slow(name, content):
        begun.set()
        wait.wait(LONGEST)

    monkeypatch.setattr(host, "table_source", slow)
    with playground() as found:
        given = {"Origin": f"http://{found.host}", "X-Token": TOKEN}
        reading = http.client.HTTPConnection("127.0.0.1", found.port, timeout=LONGEST)
        reading.request("POST", "/upload?name=a.csv", b"a,b\n", given)
        assert begun.wait(LONGEST)
        sending = upload_begun(found.port, found.host)
        found.get("/page/main.mjs")
        ended = time.monotonic()
    assert time.monotonic() - ended < 10.0
    assert not caplog.records
    wait.set()
    reading.close()
    sending.close()


def test_a_message_that_is_too_long_closes_the_socket(served):
    with served.page() as page:
        page.socket.send("x" * (server.MOST_OF_A_MESSAGE + 1))
        assert page.closed() == 1009


def test_malformed_messages_are_answered_and_many_close_the_socket(served):
    with served.page() as page:
        page.until(lambda head: "settings" in head)
        page.socket.send(b"\x00")
        for text in ("", "{", "[1]", "null", '{"do": 1}', '{"do": "view", "maps": 1}', "[" * 9999):
            page.socket.send(text)
        while None not in page.replies:
            page._receive()
        assert "JSON" in page.replies[None]["error"]
        assert page.ask("step", count=True)["ok"] is False
        assert page.ask("step", count=1)["ok"] is True
        for _ in range(server.MOST_MALFORMED):
            page.socket.send("{}")
        assert page.closed() == server.POLICY_VIOLATION


def test_a_port_that_is_taken_and_an_address_that_is_not_here_are_said(served):
    with pytest.raises(BadSetting, match=f"port {served.port} is taken"):
        server.listening("127.0.0.1", served.port)
    with pytest.raises(BadSetting, match=r"host no\.such\.name\.invalid is no address"):
        server.listening("no.such.name.invalid", 0)
    with pytest.raises(BadSetting, match=r"cannot listen on --host 192\.0\.2\.1"):
        server.listening("192.0.2.1", 0)
