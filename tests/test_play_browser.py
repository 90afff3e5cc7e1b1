"""The playground in Chromium: what it shows are the numbers of the engine."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from chainrule.loop import train
from playground import block, change, go, head, prepared_from, settled, tell, until

pytestmark = [pytest.mark.browser, pytest.mark.compiled_only]


def test_one_step_is_one_update_of_the_engine(page):
    change(page, training={"batch_size": None, "solver": "sgd", "learning_rate": 0.1})
    before = block(page, "parameters")
    page.get_by_role("button", name="Step", exact=True).click()
    until(page, "head.step === 1")
    settings = head(page)["settings"]
    prepared, _ = prepared_from(settings)
    X, Y, rows = prepared.X, prepared.Y, prepared.train
    done = train(prepared.network, X[rows], Y[rows], **prepared.settings | {"epochs": 1})
    assert not np.array_equal(before, done.parameters)
    assert_array_equal(block(page, "parameters"), done.parameters)
    settled(page)
    assert head(page)["step"] == 1
