"""What all tests share: Hypothesis without a deadline, and the run without the compiler."""

import os

import pytest
from hypothesis import settings

from chainrule.jit import COMPILED

pytest.register_assert_rewrite("playpages")
from playpages import browser, page, server, visit  # noqa: E402, F401, fixtures

collect_ignore = ["conftest.py", "golden/elsewhere/make.py"]  # not to be searched for examples

settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=100, derandomize=True)
settings.register_profile("plain", deadline=None, max_examples=10)
settings.load_profile("ci" if "CI" in os.environ else "default" if COMPILED else "plain")


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "compiled_only: tests the machine code itself, or takes too long with NUMBA_DISABLE_JIT=1",
    )


def pytest_collection_modifyitems(items):
    if COMPILED:
        return
    skip = pytest.mark.skip(reason="compiled_only, and NUMBA_DISABLE_JIT is set")
    for item in items:
        if "compiled_only" in item.keywords:
            item.add_marker(skip)
