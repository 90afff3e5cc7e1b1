"""Who may speak to the playground's server: a wrapper around its ASGI application.

Three checks, before anything else looks at a request:

- *Host* must be a known name. A page of another site whose name was made to point at this
  machine (DNS rebinding) still says its own name there. The port is ignored, because a
  tunnel may have another.
- *Origin* must be the same as Host, on the socket and on every request that is not GET or
  HEAD. Browsers always send it there, so where it is absent something else is at work, and
  that is refused too.
- *The token* of this launch, on all but the page's own files, which hold no secret.

Every answer gets the headers that keep other sites, and text from tables, from doing harm.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
OPEN = "/page/"  # files that hold no secret
SAFE = ("GET", "HEAD")
MOST_FIELDS = 20  # of a query
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
NO_TOKEN = (
    "This address lacks the token of this launch. Open the address that chainrule play "
    "printed in the terminal; a new launch has a new one."
)


def guarded(application: Application, token: str, names: Iterable[str] = ()) -> Application:
    """Return an application that lets through only what may speak to it.

    Parameters
    ----------
    application : ASGI application
    token : str
        Of this launch.
    names : iterable of str
        Under which the server is known besides those of the loopback.
    """
    known = {*LOOPBACK, *(name.lower() for name in names)}

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await application(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                _add_headers(message)
            await send(message)

        objection = _objection(scope, token, known)
        if objection is None:
            await application(scope, receive, with_headers)
        else:
            await _refuse(scope, receive, with_headers, objection)

    return guard


def name_of(host: str) -> str:
    """Return the name in a Host header, without the port.

    Examples
    --------
    >>> [name_of(host) for host in ("localhost:8000", "[::1]:8000", "Example.org", "::1")]
    ['localhost', '[::1]', 'example.org', '']
    """
    name, sign, port = host.partition("]") if host.startswith("[") else host.partition(":")
    if host.startswith("["):
        name, port = name + sign, port.removeprefix(":")
    return name.lower() if not port or (port.isascii() and port.isdigit()) else ""


def same_origin(origin: str, host: str) -> bool:
    """Say whether an Origin is of the host that a request went to.

    Examples
    --------
    >>> same_origin("http://localhost:8000", "localhost:8000")
    True
    >>> same_origin("http://localhost:9000", "localhost:8000"), same_origin("null", "null")
    (False, False)
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def _objection(scope: Scope, token: str, known: set[str]) -> str | None:
    """Return why a request is refused, or None."""
    hosts, origins, tokens = (_headers(scope, name) for name in ("host", "origin", "x-token"))
    if len(hosts) != 1 or name_of(hosts[0]) not in known:
        return (
            "This server is not known by that name. If it is to be, start it with "
            "chainrule play --allow-host NAME."
        )
    changes = scope["type"] == "websocket" or scope["method"] not in SAFE
    if changes and not (len(origins) == 1 and same_origin(origins[0], hosts[0])):
        return "Only the playground's own page may do this: the Origin is another."
    if scope["type"] == "http" and scope["path"].startswith(OPEN):
        return None
    given = [*tokens, *_asked(scope).get("token", ())]
    right = [hmac.compare_digest(each.encode(), token.encode()) for each in given]
    return None if right and all(right) else NO_TOKEN


def _asked(scope: Scope) -> dict[str, list[str]]:
    try:
        return parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}


def _headers(scope: Scope, name: str) -> list[str]:
    wanted = name.encode("ascii")
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == wanted]


def _add_headers(message: Message) -> None:
    """Add the headers that an answer does not have of its own."""
    headers = list(message.get("headers", ()))
    there = {bytes(name).lower() for name, _ in headers}
    headers += [
        (name.encode("ascii"), value.encode("ascii"))
        for name, value in HEADERS.items()
        if name.encode("ascii") not in there
    ]
    message["headers"] = headers


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    """Answer 403: a plain page to who asked for the page, else JSON."""
    if scope["type"] == "http" and scope["path"] == "/":
        kind, body = b"text/plain; charset=utf-8", f"chainrule playground\n\n{why}\n".encode()
    else:
        kind, body = b"application/json", json.dumps({"error": why}).encode()
    kinds = "http" if scope["type"] == "http" else "websocket.http"
    if scope["type"] == "websocket":
        await receive()  # its connect
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 4403, "reason": why})
            return
    headers = [(b"content-type", kind)]
    if scope["type"] == "http":  # of a socket, the server adds it
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": f"{kinds}.response.start", "status": 403, "headers": headers})
    await send({"type": f"{kinds}.response.body", "body": body})
