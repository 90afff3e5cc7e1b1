"""The table that the package brings along; ``README.md`` beside it names source and licence."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from chainrule.reading import read_table


def penguins_path() -> Path:
    """Return where the table of the Palmer penguins lies.

    Examples
    --------
    >>> penguins_path().name
    'penguins.csv.gz'
    """
    return Path(str(files(__name__))) / "penguins.csv.gz"


def penguins() -> Any:
    """Return the Palmer penguins as a pyarrow Table: 344 rows, seven columns.

    Examples
    --------
    >>> table = penguins()
    >>> table.shape
    (344, 7)
    >>> table.column_names[:3]
    ['species', 'island', 'bill_length_mm']
    """
    return read_table(penguins_path())
