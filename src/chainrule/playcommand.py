"""What ``chainrule play`` does; ``cli.py`` has its arguments."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule import terminal
from chainrule.errors import BadSetting

if TYPE_CHECKING:
    from chainrule.playing.session import Session


def play_command(given: dict[str, Any]) -> None:
    """Serve the playground until Ctrl-C."""
    try:
        from chainrule.playing.host import Host
        from chainrule.playing.server import listening, serve
    except ModuleNotFoundError as error:
        raise BadSetting(
            f"the playground needs {error.name}, which is not installed: pip install {error.name}"
        ) from None
    names = [*map(_checked_name, given["allow_host"] or ()), *_own_name(given["host"])]
    state = _fragment(given["state"])
    session, said = _session(given)
    listener = listening(given["host"], given["port"])
    token = secrets.token_urlsafe(24)
    address = _address(given["host"], listener.getsockname()[1], token) + state
    out = terminal.standard_output()
    for line in said:
        out.print(terminal.shown(line))
    _warn(given["host"], names)

    def ready() -> None:
        shown = terminal.shown(address)  # whole, however narrow the terminal is
        out.print(f"The playground is at [bold]{shown}[/bold]", soft_wrap=True)
        out.print("Ctrl-C ends it.", style="dim")
        sys.stdout.flush()
        if not given["no_browser"]:
            _open(address)

    sys.setswitchinterval(0.0005)
    with Host(session) as host:
        serve(host, listener, token, names, ready)
    terminal.standard_error().print("The playground has ended.", style="dim")


def _session(given: dict[str, Any]) -> tuple[Session, list[str]]:
    """Return the session that the arguments ask for, and what there is to say of it."""
    from chainrule.modelfile import is_model
    from chainrule.playing.choices import Choices
    from chainrule.playing.planning import planned
    from chainrule.playing.session import Session
    from chainrule.playing.sources import shelf

    source, table = given["source"], given["table"]
    if source is None:
        _only_with(given, OF_A_TABLE, "a TABLE")
        sources = shelf()
        return Session(sources, planned(sources, {"seed": given["seed"] or 0}, Choices())), []
    if source != "-" and is_model(source):
        _only_with(given, OF_A_TABLE, "a TABLE alone, and a model knows it")
        return _with_model(Path(source), table, given["seed"] or 0)
    if table is not None:
        if source != "-" and not Path(source).exists():
            raise BadSetting(f"there is no file {source}")
        raise BadSetting(
            f"{source} is no model of chainrule: give one TABLE, or a MODEL and its TABLE"
        )
    return _with_table(given)


OF_A_TABLE = ("target", "task", "kind", "drop")


def _only_with(given: dict[str, Any], names: tuple[str, ...], what: str) -> None:
    for name in names:
        if given[name]:
            raise BadSetting(f"--{name} goes with {what}")


def _with_table(given: dict[str, Any]) -> tuple[Session, list[str]]:
    from chainrule.options import settings_of
    from chainrule.playing.beginning import with_table
    from chainrule.playing.session import Session
    from chainrule.reading import read_table

    source, target = given["source"], given["target"]
    asked = settings_of({name: given[name] for name in ("task", "kind", "drop", "seed")})
    rows = read_table(source, columns=asked.get("kinds"))
    name = "standard input" if source == "-" else Path(source).name
    sources, plan = with_table(name, rows, target, **asked)
    session = Session(sources, plan, {} if source == "-" else {plan.source.key: source})
    said = f"{name}: {rows.num_rows:,} rows, to predict {plan.prepared.spec.target.name}"
    if target is None:
        said += ", the last column; --target COLUMN or the page chooses another"
    return session, [f"{said}."]


def _with_model(path: Path, table: str | None, seed: int) -> tuple[Session, list[str]]:
    from chainrule.commands import check_table
    from chainrule.datasets import penguins, penguins_path
    from chainrule.model import load
    from chainrule.playing.beginning import with_model
    from chainrule.playing.session import Session
    from chainrule.reading import read_table

    model, said = load(path), []
    if len(model.ensemble) > 1:
        said.append(f"{path.name} has {len(model.ensemble)} networks: this is the first of them.")
    name, kinds = path.stem, model.spec.kinds
    rows: Any = None
    if table is not None:
        check_table(table)
        name = "standard input" if table == "-" else Path(table).name
        rows = read_table(table, columns=kinds)
    elif set(kinds) <= set(penguins().column_names):
        name, rows = "penguins", read_table(penguins_path(), columns=kinds)
        said.append("No table given: here are the penguins that come with chainrule.")
    else:
        said.append(
            "No table given: the page shows predictions for made-up rows, and does not train. "
            f"With its table: chainrule play {path} TABLE"
        )
    if rows is not None:
        said.append("The model may have learned from rows that are called validation here.")
    sources, plan = with_model(name, model, rows, seed=seed)
    paths = {} if table in (None, "-") else {plan.source.key: str(table)}
    return Session(sources, plan, paths), said


def _checked_name(name: str) -> str:
    from chainrule.playing.guard import name_of

    plain = name_of(name)
    if plain != name.lower() or not plain or any(c in plain for c in "/@ ,*"):
        raise BadSetting(
            f"--allow-host {name} must be a name alone, such as pc12.example.org, without a "
            "scheme, a port or wildcards"
        )
    return plain


def _fragment(state: str | None) -> str:
    """Return the end of the address that sets the page as it was; the page reads it.

    Examples
    --------
    >>> _fragment("s=eyJ9"), _fragment("#s=eyJ9"), _fragment(None)
    ('#s=eyJ9', '#s=eyJ9', '')
    """
    if state is None:
        return ""
    plain = state.rpartition("#")[2]
    if not re.fullmatch(r"s=[A-Za-z0-9_-]{1,20000}", plain):
        raise BadSetting(
            f"--state {state[:40]!r} must be what the page gives, from s= on, letters and digits"
        )
    return f"#{plain}"


def _own_name(host: str) -> list[str]:
    """Return the name that the address itself is, unless it stands for all addresses."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return [host]
    if address.is_unspecified:
        return []
    return [f"[{address}]" if address.version == 6 else str(address)]


def _address(host: str, port: int, token: str) -> str:
    """Return what to open; all addresses of a machine are reached by its loopback.

    Examples
    --------
    >>> _address("0.0.0.0", 8000, "T"), _address("::1", 80, "T")
    ('http://127.0.0.1:8000/?token=T', 'http://[::1]:80/?token=T')
    """
    names = _own_name(host) or ["[::1]" if ":" in host else "127.0.0.1"]
    return f"http://{names[0]}:{port}/?token={token}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _warn(host: str, names: list[str]) -> None:
    """Say loudly what it means to listen beyond this machine."""
    if _is_loopback(host):
        return
    error = terminal.standard_error()
    error.print(
        f"[bold red]WARNING: other machines can reach this server[/bold red], as it listens on "
        f"{terminal.shown(host)}. Whoever has the address with its token can train here, read the "
        "table and use this machine's time; nothing is encrypted on the way. On a machine that "
        "you reach by ssh, keep to 127.0.0.1 and take ssh -L 8000:127.0.0.1:8000 in its place."
    )
    if not names:
        error.print(
            "Browsers elsewhere need a name that is known here: add --allow-host NAME, the name or "
            "the address that they open."
        )


def _open(address: str) -> None:
    """Open the page, where there is a screen."""
    import webbrowser

    screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    if screen or sys.platform in ("darwin", "win32"):
        webbrowser.open(address)
