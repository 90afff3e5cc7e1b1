"""Guided examples: settings and a view that show one thing, and what to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Example:
    """A guided example.

    Attributes
    ----------
    title : str
    text : str
        What it is about, in a sentence or two.
    look : str
        What to do, and what to look at.
    settings : dict
        Changes of the settings that a page begins with.
    view : dict
        What the page opens besides: its panels, and the view.
    """

    title: str
    text: str
    look: str
    settings: dict[str, Any]
    view: dict[str, Any] = field(default_factory=dict)


GUIDED: dict[str, Example] = {}
