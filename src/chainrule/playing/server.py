"""The playground's server: the page, the socket, uploads and downloads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket as sockets
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from chainrule.errors import BadSetting, ChainruleError
from chainrule.playing.choices import LIMITS
from chainrule.playing.commands import Command, read_command
from chainrule.playing.guard import Application, guarded
from chainrule.playing.host import Host
from chainrule.playing.tabs import Tab

PAGE = Path(__file__).parent / "page"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",  # some systems say text/plain
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
MOST_OF_A_MESSAGE = 256 << 10  # bytes
MOST_UPLOADED = int(LIMITS["upload_bytes"])
MOST_MALFORMED, MOST_WAITING = 100, 100
FIRST_PORT, PORTS = 8000, 20
POLICY_VIOLATION = 1008

Waiting = asyncio.Queue[Command]


def application(host: Host, token: str, names: Iterable[str] = ()) -> Application:
    """Return the playground as an ASGI application, guarded."""

    def refused(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        message = error.detail if isinstance(error, HTTPException) else str(error)
        return JSONResponse({"error": message}, status)

    def failed(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": f"the server failed: {type(error).__name__}"}, 500)

    async def page(_: Request) -> Response:
        return Response((PAGE / "index.html").read_bytes(), media_type=KINDS[".html"])

    async def static(request: Request) -> Response:
        wanted = request.path_params["path"]
        for path in PAGE.rglob("*"):  # what is not among them does not exist
            if path.is_file() and path.relative_to(PAGE).as_posix() == wanted:
                return _file(path, request.headers.get("if-none-match"))
        raise HTTPException(404, "there is no such file")

    async def upload(request: Request) -> Response:
        try:
            content = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody
        name = request.query_params.get("name", "")
        return JSONResponse({"source": await host.upload(name, content)})

    async def export(request: Request) -> Response:
        return _download(*await host.export(request.query_params.get("to", "")))

    async def table(_: Request) -> Response:
        return _download(*await host.table())

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        with host.tab(asyncio.get_running_loop()) as tab:
            waiting: Waiting = asyncio.Queue(MOST_WAITING)
            await _together(
                _listen(websocket, host, tab, waiting),
                _answer(websocket, host, tab, waiting),
                _tell(websocket, host, tab),
            )

    routes = [
        Route("/", page),
        Route("/page/{path:path}", static),
        Route("/upload", upload, methods=["POST"]),
        Route("/export", export),
        Route("/table.csv", table),
        WebSocketRoute("/socket", socket),
    ]
    handlers: Any = {HTTPException: refused, ChainruleError: refused, Exception: failed}
    return guarded(Starlette(routes=routes, exception_handlers=handlers), token, names)


def _file(path: Path, known: str | None) -> Response:
    """Return a file of the page; 304 if the browser has it."""
    found = path.stat()
    tag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if known == tag:
        return Response(status_code=304, headers=headers)
    kind = KINDS.get(path.suffix, "application/octet-stream")
    headers["content-type"] = kind
    return Response(path.read_bytes(), headers=headers)


async def _body(request: Request) -> bytes:
    """Return the body of a request, unless it is longer than allowed."""
    told = request.headers.get("content-length", "0")
    content = bytearray()
    if not told.isdigit() or int(told) <= MOST_UPLOADED:
        async for part in request.stream():
            content += part
            if len(content) > MOST_UPLOADED:
                break
        else:
            return bytes(content)
    raise HTTPException(
        413,
        f"the file is larger than {MOST_UPLOADED >> 20} MiB; give it to chainrule play as TABLE",
    )


def _download(name: str, content: bytes, kind: str) -> Response:
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(content, media_type=kind, headers=headers)


async def _together(*jobs: Awaitable[None]) -> None:
    """Do all of them until one ends."""
    tasks = [asyncio.ensure_future(each) for each in jobs]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        gone = isinstance(error, WebSocketDisconnect | asyncio.CancelledError)
        if isinstance(error, BaseException) and not gone:
            raise error


async def _listen(websocket: WebSocket, host: Host, tab: Tab, waiting: Waiting) -> None:
    """Read what the page says. What takes time waits, so that this never does.

    While a message is not read, the server hears nothing else from the page, not even that it
    is there.
    """
    malformed = 0
    while malformed <= MOST_MALFORMED:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        command = read_command(message.get("text"))
        malformed += bool(command.wrong)
        if (reply := host.hear(tab, command)) is not None:
            await websocket.send_text(json.dumps(reply))
        elif waiting.full():
            full = {"re": command.id, "ok": False, "error": "too many commands wait", "where": None}
            await websocket.send_text(json.dumps(full))
        else:
            waiting.put_nowait(command)
    await websocket.close(POLICY_VIOLATION, "too many messages that are no commands")


async def _answer(websocket: WebSocket, host: Host, tab: Tab, waiting: Waiting) -> None:
    """Do the commands that wait, in their order."""
    while True:
        reply = await host.obey(tab, await waiting.get())
        await websocket.send_text(json.dumps(reply))


async def _tell(websocket: WebSocket, host: Host, tab: Tab) -> None:
    """Send a frame whenever the page is ready for one and there is something new."""
    loop = asyncio.get_running_loop()
    while True:
        await tab.wait_for_news()
        begun = loop.time()
        await websocket.send_bytes(await host.frame(tab))
        await tab.rest(begun)


def listening(host: str, port: int | None) -> sockets.socket:
    """Return a socket that listens: on a port, or on the first free one from 8000 on.

    Raises
    ------
    BadSetting
        If the host or the port cannot be had.
    """
    wanted = range(FIRST_PORT, FIRST_PORT + PORTS) if port is None else (port,)
    for number in wanted:
        try:
            family = sockets.getaddrinfo(host, number, type=sockets.SOCK_STREAM)[0][0]
            return sockets.create_server((host, number), family=family)
        except (OSError, OverflowError) as error:
            if number == wanted[-1]:
                raise BadSetting(_why_not(host, port, error)) from None
    raise AssertionError


def _why_not(host: str, port: int | None, error: Exception) -> str:
    import errno

    if isinstance(error, sockets.gaierror):
        return f"--host {host} is no address of this machine; 127.0.0.1 is usual"
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        if port is None:
            return f"ports {FIRST_PORT} to {FIRST_PORT + PORTS - 1} are all taken; try --port 0"
        return f"--port {port} is taken by another program; leave it out, or take another"
    why = getattr(error, "strerror", None) or str(error)
    return f"cannot listen on --host {host} --port {FIRST_PORT if port is None else port}: {why}"


def serve(
    host: Host,
    listener: sockets.socket,
    token: str,
    names: Iterable[str] = (),
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve a session until Ctrl-C.

    Parameters
    ----------
    host : Host
    listener : socket
        That listens.
    token : str
    names : iterable of str
        Under which the server is known besides those of the loopback.
    ready : callable
        Called when requests are answered.
    """
    server = uvicorn.Server(configuration(application(host, token, names)))
    with contextlib.suppress(KeyboardInterrupt):
        ready()
        server.run(sockets=[listener])


def _is_news(record: logging.LogRecord) -> bool:
    """Say whether a line of uvicorn is to be shown.

    Not that a socket was refused with 403, nor what the end of the server cut off.
    """
    error, said = record.exc_info and record.exc_info[1], record.getMessage()
    cut_off = isinstance(error, asyncio.CancelledError) or "timeout graceful shutdown" in said
    return not cut_off and "without completing handshake" not in said


def configuration(served: Application) -> uvicorn.Config:
    """Return how uvicorn runs the playground."""
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    return uvicorn.Config(
        served,
        http="h11",
        ws="websockets-sansio",
        ws_max_size=MOST_OF_A_MESSAGE,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
