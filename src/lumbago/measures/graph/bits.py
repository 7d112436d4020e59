"""Adjacencies as bits: row i holds the neighbours of node i, 64 to a word.

Common neighbours of two nodes are then a few machine instructions (and, count).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

WORD = 64


def to_bits(adjacency: np.ndarray) -> np.ndarray:
    """Rows of booleans as rows of 64-bit words, uint64 (n_nodes, n_words)."""
    n_words = -(-adjacency.shape[1] // WORD)
    packed = np.zeros((len(adjacency), n_words * 8), np.uint8)
    found = np.packbits(adjacency, axis=1, bitorder="little")
    packed[:, : found.shape[1]] = found
    return packed.view("<u8").astype(np.uint64, copy=False)


def from_bits(bits: np.ndarray) -> np.ndarray:
    """The adjacency (n_nodes, n_nodes), bool, of rows of words."""
    packed = np.ascontiguousarray(bits.astype("<u8", copy=False)).view(np.uint8)
    return np.unpackbits(packed, axis=1, count=len(bits), bitorder="little").astype(bool)


def _population(typing_context: Any, word: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


def _lowest(typing_context: Any, word: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        never_zero = context.get_constant(types.boolean, True)
        return builder.cttz(arguments[0], never_zero)

    return types.int64(types.uint64), generate


# For kernels: how many bits of a word are set; the place of the lowest set bit of a word that
# is not 0. Both are one instruction.
population: Any = intrinsic(_population)
lowest: Any = intrinsic(_lowest)
