"""What the playground's server sends: a head of JSON, and blocks of numbers, as bytes.

    [u32, little endian: length of the head][head, padded with spaces][blocks]

Head and blocks begin at multiples of four, so that the page reads numbers in place.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.terminal import finite

ALIGNMENT = 4
TYPES = {"float32": "<f4", "uint8": "u1", "uint16": "<u2"}


def pack(head: Mapping[str, Any], blocks: Mapping[str, NDArray[Any]]) -> bytes:
    """Return a frame.

    Parameters
    ----------
    head : mapping
        Of JSON types; NaN and infinity become null.
    blocks : mapping of str to ndarray
        Of float32, uint8 or uint16; their places are added to the head.

    Examples
    --------
    >>> frame = pack({"loss": float("nan")}, {"curve": np.ones((1, 2), np.float32)})
    >>> head, blocks = unpack(frame)
    >>> head["loss"], head["blocks"][0]["shape"], blocks["curve"].tolist()
    (None, [1, 2], [[1.0, 1.0]])
    """
    places, parts, offset = [], [], 0
    for name, block in blocks.items():
        kind = str(block.dtype)
        content = np.ascontiguousarray(block, TYPES[kind]).tobytes()
        place = {"name": name, "type": kind, "shape": list(block.shape), "offset": offset}
        places.append(place)
        padding = -len(content) % ALIGNMENT
        parts += [content, bytes(padding)]
        offset += len(content) + padding
    whole = finite(dict(head) | {"blocks": places})
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    written = text.encode("utf-8", "replace")
    written += b" " * (-len(written) % ALIGNMENT)
    return b"".join([struct.pack("<I", len(written)), written, *parts])


def unpack(frame: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the head and the blocks of a frame, as the page reads them."""
    (length,) = struct.unpack_from("<I", frame)
    start = 4 + length
    head = json.loads(frame[4:start])
    blocks = {}
    for place in head["blocks"]:
        kind = np.dtype(TYPES[place["type"]])
        count = int(np.prod(place["shape"], dtype=np.int64))
        numbers = np.frombuffer(frame, kind, count, start + place["offset"])
        blocks[place["name"]] = numbers.reshape(place["shape"])
    return head, blocks
