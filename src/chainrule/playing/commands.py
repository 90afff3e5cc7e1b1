"""What a page may ask of the playground: a closed set of commands, each checked."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from chainrule.errors import BadSetting
from chainrule.terminal import printable

MOST_STEPS, MOST_EPOCHS = 1000, 100_000
LEAST_SPEED, MOST_SPEED = 0.2, 100_000.0
LONGEST_NAME = 100

Check = Callable[[str, Any], Any]


class Command(NamedTuple):
    """A command that was checked.

    Attributes
    ----------
    do : str
    id : int or None
        With which it is answered.
    arguments : dict
    wrong : str
        Why it is none; empty if it is one.
    """

    do: str
    id: int | None = None
    arguments: dict[str, Any] = {}  # noqa: RUF012
    wrong: str = ""


def _count(most: int) -> Check:
    def check(name: str, value: Any) -> int:
        if type(value) is not int or not 1 <= value <= most:
            raise BadSetting(f"{name}={_short(value)} must be a whole number from 1 to {most:,}")
        return value

    return check


def _speed(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not LEAST_SPEED <= value <= MOST_SPEED:
        raise BadSetting(
            f"{name}={_short(value)} must be a number from {LEAST_SPEED:g} to {MOST_SPEED:,.0f}, "
            "or null for as fast as it goes"
        )
    return float(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= LONGEST_NAME:
        raise BadSetting(f"{name} must be text of 1 to {LONGEST_NAME} characters")
    return printable(value.strip())


def _whole(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise BadSetting(f"{name}={_short(value)} must be a whole number, 0 or more")
    return value


def _document(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadSetting(f"{name} must be an object")
    return value


COMMANDS: dict[str, dict[str, Check]] = {
    "settings": {"settings": _document},
    "play": {},
    "pause": {},
    "rewind": {},
    "new_seed": {},
    "step": {"count": _count(MOST_STEPS)},
    "epoch": {"count": _count(MOST_EPOCHS)},
    "speed": {"steps_per_second": _speed},
    "view": {},  # the rest of the message is the view
    "ready": {"number": _whole},
    "snapshot": {"name": _text},
    "restore": {"snapshot": _whole},
    "forget": {"snapshot": _whole},
    "rename": {"snapshot": _whole, "name": _text},
    "guided": {"key": _text},
    "share": {},
}


def read_command(text: Any) -> Command:
    """Return the command in a message, or what is wrong with it.

    Examples
    --------
    >>> read_command('{"do": "step", "id": 7, "count": 2}')
    Command(do='step', id=7, arguments={'count': 2}, wrong='')
    >>> read_command('{"do": "stop", "id": 8}').wrong
    "there is no command 'stop'"
    """
    message = _message(text)
    if message is None:
        return Command("", wrong="a command is one object of JSON, and this is not")
    do, found = message.pop("do", None), message.pop("id", None)
    number = found if type(found) is int and abs(found) < 2**53 else None
    if not isinstance(do, str) or do not in COMMANDS:
        return Command("", number, wrong=f"there is no command {_short(do)}")
    if do == "view":
        return Command(do, number, {"view": message})
    checks = COMMANDS[do]
    wrong = [*(set(message) - set(checks)), *(set(checks) - set(message))]
    if wrong:
        takes = ", ".join(checks) or "nothing more"
        return Command(do, number, wrong=f"{do} takes {takes}; {_short(wrong[0])} is wrong")
    try:
        arguments = {name: check(name, message[name]) for name, check in checks.items()}
    except BadSetting as error:
        return Command(do, number, wrong=str(error))
    return Command(do, number, arguments)


def _message(text: Any) -> dict[str, Any] | None:
    try:
        message = json.loads(text, parse_constant=lambda _: math.nan)
    except (TypeError, ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _short(value: Any) -> str:
    """Return a value as text that is not long and can be shown.

    Examples
    --------
    >>> _short("x" * 100), _short([1, 2])
    ("'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...", 'list')
    """
    if not isinstance(value, str | int | float | None):
        return type(value).__name__
    text = printable(repr(value)[:200])
    return text if len(text) <= 40 else f"{text[:39]}..."
