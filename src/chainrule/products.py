"""Matrix products for small matrices: one tile of numbers, held in registers.

``multiply(a, b, out)`` is out = a b. A tile of 8 rows by one vector of columns is
summed over the whole inner dimension in registers and written once. Libraries
(BLAS) are made for large matrices; from 8 x 8 x 32 to 128 x 784 x 64 this is as
fast as they are, or faster, and its bits do not depend on a number of threads
(``docs/decisions/0002-own-products.md``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np import arrayobj

from chainrule.jit import COMPILED, inner


def _vector_bytes() -> int:
    """Return the width of this machine's vectors."""
    features = binding.get_host_cpu_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx2") else 16


VECTOR_BYTES = _vector_bytes()


def _tile_in_python(rows: int) -> Callable[..., None]:
    def tile(out: Any, i: int, j: int, a: Any, b: Any, columns: int, add: bool) -> None:
        block = a[i : i + rows, : b.shape[0]] @ b[:, j : j + columns]
        target = out[i : i + rows, j : j + columns]
        target[...] = target + block if add else block

    return tile


def _tile_in_registers(rows: int) -> Callable[..., None]:
    """Write the tile with the vectors that the compiler would not find by itself.

    One step of the inner dimension k loads one vector b[k, j:], and adds a[i, k]
    times it to the sum of each row i. The sums are the loop's phi nodes, which
    the compiler keeps in registers. The last columns are written under a mask.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, i, j, a, b, columns, add = arguments
        number = signature.args[0].dtype
        size = number.bitwidth // 8
        lanes = VECTOR_BYTES // size
        index, vector = ir.IntType(64), ir.VectorType(context.get_value_type(number), lanes)
        module = builder.module

        def constant(value: int) -> Any:
            return ir.Constant(index, value)

        def library(name: str, result: Any, *takes: Any) -> Any:
            function_type = ir.FunctionType(result, takes)
            return cgutils.get_or_insert_function(module, function_type, name)

        def place(array_type: Any, array: Any, row: Any, column: Any) -> Any:
            parts = context.make_array(array_type)(context, builder, array)
            return cgutils.get_item_pointer(
                context, builder, array_type, parts, [row, column], wraparound=False
            )

        def as_vector(pointer: Any) -> Any:
            return builder.bitcast(pointer, vector.as_pointer())

        b_parts = context.make_array(signature.args[4])(context, builder, b)
        depth = cgutils.unpack_tuple(builder, b_parts.shape)[0]
        multiply_add = library(f"llvm.fma.v{lanes}f{size * 8}", vector, vector, vector, vector)
        masks = ir.VectorType(ir.IntType(1), lanes)
        store = library(
            f"llvm.masked.store.v{lanes}f{size * 8}.p0",
            ir.VoidType(), vector, vector.as_pointer(), ir.IntType(32), masks,
        )  # fmt: skip
        load = library(
            f"llvm.masked.load.v{lanes}f{size * 8}.p0",
            vector, vector.as_pointer(), ir.IntType(32), masks, vector,
        )  # fmt: skip
        spread = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
        zeros = ir.Constant(vector, [0.0] * lanes)

        def broadcast(value: Any, kind: Any) -> Any:
            empty = ir.Constant(kind, ir.Undefined)
            single = builder.insert_element(empty, value, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(single, empty, spread)

        numbers = ir.VectorType(index, lanes)
        mask = builder.icmp_signed(
            "<", ir.Constant(numbers, list(range(lanes))), broadcast(columns, numbers)
        )
        keep = builder.and_(mask, broadcast(add, masks))
        align = ir.Constant(ir.IntType(32), size)
        targets = [
            as_vector(place(signature.args[0], out, builder.add(i, constant(r)), j))
            for r in range(rows)
        ]
        starts = [builder.call(load, [t, align, keep, zeros]) for t in targets]

        before = builder.block
        loop = builder.append_basic_block("inner_dimension")
        after = builder.append_basic_block("write")
        builder.branch(loop)
        builder.position_at_end(loop)
        k = builder.phi(index)
        k.add_incoming(constant(0), before)
        sums = [builder.phi(vector) for _ in range(rows)]
        for phi, start in zip(sums, starts, strict=True):
            phi.add_incoming(start, before)
        column = builder.load(as_vector(place(signature.args[4], b, k, j)), align=size)
        added = []
        for r in range(rows):
            factor = builder.load(place(signature.args[3], a, builder.add(i, constant(r)), k))
            added.append(builder.call(multiply_add, [broadcast(factor, vector), column, sums[r]]))
        following = builder.add(k, constant(1))
        for phi, value in zip([k, *sums], [following, *added], strict=True):
            phi.add_incoming(value, loop)
        builder.cbranch(builder.icmp_signed("<", following, depth), loop, after)
        builder.position_at_end(after)
        for target, value in zip(targets, added, strict=True):
            builder.call(store, [value, target, align, mask])
        return context.get_dummy_value()

    def tile(
        typing_context: Any, out: Any, i: Any, j: Any, a: Any, b: Any, columns: Any, add: Any
    ) -> Any:
        whole = types.int64
        return types.void(out, whole, whole, a, b, whole, types.boolean), build

    return intrinsic(tile)


_tile_of = _tile_in_registers if COMPILED else _tile_in_python
_tile8, _tile4, _tile2, _tile1 = (_tile_of(rows) for rows in (8, 4, 2, 1))


@inner
def multiply(a: Any, b: Any, out: Any, add: bool) -> None:
    """Set out = a b, or out += a b where ``add``.

    Parameters
    ----------
    a : array of shape (at least M, at least K)
        Any strides, so that a transposed matrix costs nothing.
    b : array of shape (K, N)
        One vector beyond its end must be readable.
    out : array of shape (M, N)
        Its shape, and K from b, say which part of a takes part.
    """
    rows, columns = out.shape
    lanes = VECTOR_BYTES // out.itemsize
    j = 0
    while j < columns:  # a range with a step costs a division
        wide = min(lanes, columns - j)
        i = 0
        while i + 8 <= rows:
            _tile8(out, i, j, a, b, wide, add)
            i += 8
        if i + 4 <= rows:
            _tile4(out, i, j, a, b, wide, add)
            i += 4
        if i + 2 <= rows:
            _tile2(out, i, j, a, b, wide, add)
            i += 2
        if i < rows:
            _tile1(out, i, j, a, b, wide, add)
        j += lanes


def _turn_in_python(source: Any, rows: Any, i: int, j: int, target: Any, column: int) -> None:
    target[j : j + 8, column : column + 8] = source[rows[i : i + 8], j : j + 8].T


@intrinsic
def _turn_in_registers(
    typing_context: Any, source: Any, rows: Any, i: Any, j: Any, target: Any, column: Any
) -> Any:
    """Turn a block of 8 by 8, in three rounds of pairwise shuffles."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source_value, rows_value, i, j, target_value, column = arguments
        index = ir.IntType(64)
        vector = ir.VectorType(context.get_value_type(source.dtype), 8)
        size = source.dtype.bitwidth // 8

        def place(array_type: Any, array: Any, *indices: Any) -> Any:
            parts = context.make_array(array_type)(context, builder, array)
            return cgutils.get_item_pointer(
                context, builder, array_type, parts, list(indices), wraparound=False
            )

        def as_vector(pointer: Any) -> Any:
            return builder.bitcast(pointer, vector.as_pointer())

        def after(start: Any, number: int) -> Any:
            return builder.add(start, ir.Constant(index, number))

        lines = []
        for r in range(8):
            row = builder.load(place(signature.args[1], rows_value, after(i, r)))
            line = place(signature.args[0], source_value, builder.sext(row, index), j)
            lines.append(builder.load(as_vector(line), align=size))
        for distance in (4, 2, 1):
            low = [c if not c & distance else c - distance + 8 for c in range(8)]
            high = [c + distance if not c & distance else c + 8 for c in range(8)]
            for r in range(8):
                if not r & distance:
                    upper, lower = lines[r], lines[r + distance]
                    for number, lanes in ((r, low), (r + distance, high)):
                        mask = ir.Constant(ir.VectorType(ir.IntType(32), 8), lanes)
                        lines[number] = builder.shuffle_vector(upper, lower, mask)
        for c, line in enumerate(lines):
            pointer = place(signature.args[4], target_value, after(j, c), column)
            builder.store(line, as_vector(pointer), align=size)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(source, rows, whole, whole, target, whole), build


_turn8 = _turn_in_registers if COMPILED else _turn_in_python


@inner
def rows_to_columns(source: Any, rows: Any, begin: int, target: Any) -> None:
    """Set target[:, b] = source[rows[begin + b]], in blocks of 8 by 8.

    Parameters
    ----------
    source : array of shape (n, M)
    rows : int32 array
        The rows to take; those from ``begin`` on are taken.
    target : array of shape (M, B)
    """
    M, B = target.shape
    whole = M - M % 8
    b = 0
    while b + 8 <= B:
        j = 0
        while j < whole:
            _turn8(source, rows, begin + b, j, target, b)
            j += 8
        for c in range(b, b + 8):
            row = rows[begin + c]
            for j in range(whole, M):
                target[j, c] = source[row, j]
        b += 8
    for c in range(b, B):
        row = rows[begin + c]
        for j in range(M):
            target[j, c] = source[row, j]


def _matrix_in_python(flat: Any, start: int, rows: int, columns: int) -> Any:
    return flat[start : start + rows * columns].reshape(rows, columns)


def _vector_in_python(flat: Any, start: int, size: int) -> Any:
    return flat[start : start + size]


def _view(flat: Any, dimensions: int) -> Any:
    """Return the type of a view of a flat array, and how it is built."""
    view = types.Array(flat.dtype, dimensions, "C")

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        flat_value, start, *shape = arguments
        data = context.make_array(signature.args[0])(context, builder, flat_value).data
        item = ir.Constant(ir.IntType(64), flat.dtype.bitwidth // 8)
        strides = [builder.mul(columns, item) for columns in shape[1:]] + [item]
        result = context.make_array(view)(context, builder)
        arrayobj.populate_array(
            result,
            data=builder.gep(data, [start]),
            shape=cgutils.pack_array(builder, shape),
            strides=cgutils.pack_array(builder, strides),
            itemsize=item,
            meminfo=None,
        )
        return result._getvalue()

    return view(flat, *[types.int64] * (1 + dimensions)), build


@intrinsic
def _matrix_in_registers(context: Any, flat: Any, start: Any, rows: Any, columns: Any) -> Any:
    return _view(flat, 2)


@intrinsic
def _vector_in_registers(context: Any, flat: Any, start: Any, size: Any) -> Any:
    return _view(flat, 1)


# Views of a part of a flat array: matrix(flat, start, rows, columns), vector(flat, start, size).
matrix = _matrix_in_registers if COMPILED else _matrix_in_python
vector = _vector_in_registers if COMPILED else _vector_in_python
