"""Examples of pages run in a folder of their own, in which the tutorial's table lies."""

import shutil
from pathlib import Path

import pytest

collect_ignore = ["conftest.py"]  # two of one name cannot both be searched for examples
TABLES = Path(__file__).parent / "tutorial"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Leave nothing in the folder from which the tests are started."""
    shutil.copy(TABLES / "cars.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
