"""A browser for tests, and pages served to it under the playground's policy."""

import os
import shutil
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "font-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
TYPES = {
    ".css": "text/css", ".html": "text/html", ".mjs": "text/javascript", ".woff2": "font/woff2",
}  # fmt: skip


@contextmanager
def chromium():
    """Start the system's Chromium, or Playwright's own; without one, skip (CI: fail)."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        try:
            browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        except playwright.Error as error:
            if "CI" in os.environ:
                raise
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(folders):
    """Serve the files of folders, by the path each is under; yield the address."""

    class Files(BaseHTTPRequestHandler):
        def do_GET(self):
            path = next(
                (folder / self.path.removeprefix(under) for under, folder in folders.items()
                 if self.path.startswith(under)), None,
            )  # fmt: skip
            body = path.read_bytes() if path and path.is_file() else None
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Security-Policy", POLICY)
            if body is not None:
                self.send_header("Content-Type", TYPES[path.suffix])
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
