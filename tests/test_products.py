"""The own matrix products against NumPy, for all small shapes, and what they must not touch."""

import itertools

import numba
import numpy as np
import pytest

from chainrule.jit import COMPILED, OPTIONS
from chainrule.products import matrix, multiply, rows_to_columns, vector

DTYPES = [np.float64, np.float32]
GUARD = 64  # numbers before and behind an array: more than the widest vector
PRECISION = {np.float64: 1e-14, np.float32: 5e-6}

ROWS = range(1, 20) if COMPILED else (1, 2, 7, 8, 15)
DEPTHS = (1, 2, 3, 8, 17)
COLUMNS = (*range(1, 36), 47, 48, 64, 65, 128, 129) if COMPILED else (1, 3, 4, 8, 17, 33)


@numba.njit(**OPTIONS)
def product(a, b, out, add):
    multiply(a, b, out, add)


@numba.njit(**OPTIONS)
def turn(source, rows, begin, target):
    rows_to_columns(source, rows, begin, target)


@numba.njit(**OPTIONS)
def fill_views(flat):
    view = matrix(flat, 3, 4, 5)
    for i in range(4):
        for j in range(5):
            view[i, j] = 10 * i + j
    part = vector(flat, 30, 6)
    for i in range(6):
        part[i] = -i
    return view.shape[0] * 100 + view.shape[1] * 10 + part.size


def guarded(shape, dtype, values=None):
    """Return an array that lies between guards of NaN, and the whole of its memory."""
    size = int(np.prod(shape))
    memory = np.full(size + 2 * GUARD, np.nan, dtype)
    inside = memory[GUARD : GUARD + size].reshape(shape)
    inside[...] = 0.0 if values is None else values
    return inside, memory


def guards_are_whole(memory, size):
    return np.isnan(memory[:GUARD]).all() and np.isnan(memory[GUARD + size :]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("turned", [False, True])
def test_products_of_all_small_shapes(turned, dtype):
    """What lies around the arrays is NaN: it must neither get in nor be written over."""
    random = np.random.default_rng(0)
    big_a, big_b = random.normal(size=(64, 64)), random.normal(size=(64, 256))
    count = 0
    for m, k, n in itertools.product(ROWS, DEPTHS, COLUMNS):
        a, _ = guarded((k, m) if turned else (m, k), dtype)
        a = a.T if turned else a
        a[...] = big_a[:m, :k]
        b, _ = guarded((k, n), dtype, big_b[:k, :n])
        out, memory = guarded((m, n), dtype, 7.0)
        expected = a.astype(float) @ b.astype(float)
        product(a, b, out, False)
        assert np.abs(out - expected).max() <= PRECISION[dtype] * k, (m, k, n)
        product(a, b, out, True)
        assert np.abs(out - 2 * expected).max() <= 2 * PRECISION[dtype] * k, (m, k, n)
        assert guards_are_whole(memory, m * n), (m, k, n)
        count += 1
    assert count == len(ROWS) * len(DEPTHS) * len(COLUMNS)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_a_beyond_the_result_take_no_part(dtype):
    random = np.random.default_rng(1)
    a, _ = guarded((9, 4), dtype, random.normal(size=(9, 4)))
    b, _ = guarded((3, 5), dtype, random.normal(size=(3, 5)))
    out, memory = guarded((6, 5), dtype)
    product(a, b, out, False)
    np.testing.assert_allclose(out, a[:6, :3] @ b, rtol=1e-5)
    assert guards_are_whole(memory, 30)


@pytest.mark.compiled_only  # NumPy's own product promises no such thing
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_column_has_the_same_bits_wherever_it_stands(dtype):
    random = np.random.default_rng(2)
    a, _ = guarded((13, 21), dtype, random.normal(size=(13, 21)))
    column = random.normal(size=(21, 1))
    b, _ = guarded((21, 37), dtype, np.repeat(column, 37, axis=1))
    out, _ = guarded((13, 37), dtype)
    product(a, b, out, False)
    assert (out == out[:, :1]).all()


@pytest.mark.compiled_only  # NumPy warns of it
@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinity_keep_their_meaning(dtype):
    a, _ = guarded((2, 2), dtype, [[1.0, 0.0], [np.inf, 1.0]])
    b, _ = guarded((2, 3), dtype, [[1.0, np.nan, -1.0], [2.0, 1.0, 0.0]])
    out, _ = guarded((2, 3), dtype)
    product(a, b, out, False)
    np.testing.assert_array_equal(out, [[1.0, np.nan, -1.0], [np.inf, np.nan, -np.inf]])


@pytest.mark.parametrize("begin", [0, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_become_columns_in_all_small_shapes(dtype, begin):
    random = np.random.default_rng(3)
    sizes = range(1, 27) if COMPILED else (1, 7, 8, 9, 17)
    for n_rows, n_columns in itertools.product(sizes, sizes):
        n = n_rows + 5
        source, around = guarded((n, n_columns), dtype, random.normal(size=(n, n_columns)))
        kept = source.copy()
        rows = random.permutation(n).astype(np.int32)
        target, memory = guarded((n_columns, n_rows), dtype, -1.0)
        turn(source, rows, begin, target)
        expected = kept[rows[begin : begin + n_rows]].T
        assert (target == expected).all(), (n_rows, n_columns)
        assert guards_are_whole(memory, target.size), (n_rows, n_columns)
        assert guards_are_whole(around, source.size)
        assert (source == kept).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_views_share_their_memory(dtype):
    flat = np.full(40, 99.0, dtype)
    assert fill_views(flat) == 456
    expected = np.full(40, 99.0)
    expected[3:23] = [10 * i + j for i in range(4) for j in range(5)]
    expected[30:36] = [0, -1, -2, -3, -4, -5]
    np.testing.assert_array_equal(flat, expected)
