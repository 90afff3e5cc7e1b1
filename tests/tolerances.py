"""Every tolerance of the tests, in one table, each with its reason."""

import numpy as np

# relative to the largest number of the compared array, by type
GRADIENT = {np.float64: 1e-10, np.float32: 2e-4}  # against naive.py and PyTorch
FORWARD = {np.float64: 1e-13, np.float32: 3e-6}  # a few roundings a layer
IMPORTED = {np.float64: 1e-12, np.float32: 1e-6}  # predictions of 1 or of their value, elsewhere
NORMAL_EQUATIONS = 1e-12  # sums over samples, in another order
OF_EXP = 1e-10  # the same where an output is exp: rounding of a score of dozens, then its power
TRAINING = {np.float64: 1e-12, np.float32: 2e-4}  # a few steps, against naive.py
LONG_TRAINING = 1e-9  # 20 steps against torch.optim, which orders its sums differently

# relative; a central difference at the step below is right to h^2 + rounding / h
DIFFERENCE = 2e-7
DIFFERENCE_STEP = 1e-5

RULE = {np.float64: 2e-14, np.float32: 1e-5}  # a rule against 50 digits, of 1 or of its value
ALGEBRA = 1e-30  # a slope against a numerical derivative, both at 50 digits
ROUNDED_CONSTANTS = 1e-15  # the same, where a rule holds sqrt(1/2) or 1/sqrt(2 pi) as a float64
SCHEDULE = 1e-14

# a statistic of n draws, in standard errors: wrong once in 10^9 runs, and the seeds are fixed
SIGMAS = 6.0


def close(actual, expected, tolerance):
    """Say whether two arrays agree, relative to the largest expected number (and not below 1e-3).

    The floor: in a gradient that is nearly 0 everywhere only its rounding is left.
    """
    actual, expected = np.asarray(actual, dtype=float), np.asarray(expected, dtype=float)
    assert actual.shape == expected.shape, (actual.shape, expected.shape)
    if not expected.size:
        return True
    scale = max(np.abs(expected).max(), 1e-3)
    return bool(np.abs(actual - expected).max() <= tolerance * scale)


def assert_close(actual, expected, tolerance):
    """Fail, and show both arrays, where they do not agree."""
    if not close(actual, expected, tolerance):
        difference = np.abs(np.asarray(actual, float) - np.asarray(expected, float)).max()
        raise AssertionError(
            f"largest difference {difference:.3g} is beyond {tolerance:g} of the scale:\n"
            f"{actual}\n{expected}"
        )


EXPLAINED = 1e-12  # of the largest number of an equation, between its right side and its value
