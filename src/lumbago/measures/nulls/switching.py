"""Switching two edges, over and over: a-b and c-d become a-d and c-b."""

from __future__ import annotations

import numpy as np

from lumbago.measures.compiling import kernel

_ONE, _SIX, _WITHIN = np.uint64(1), np.uint64(6), np.uint64(63)
_HALF, _LOW, _END = np.uint64(32), np.uint64(0xFFFFFFFF), np.uint64(0xFFFF)
_SIXTEEN = np.uint64(16)
# Rotations and shift of xoshiro256++ (Blackman & Vigna 2021, doi:10.1145/3460772).
_R23, _R41, _S17 = np.uint64(23), np.uint64(41), np.uint64(17)
_R45, _R19 = np.uint64(45), np.uint64(19)

# Nodes of an edge are packed in halves of 32 bits.
MOST_NODES = 1 << 16


def pack_edges(graph: np.ndarray) -> np.ndarray:
    """Every edge of a boolean graph once, its two nodes in one word, uint32 (n_edges,)."""
    rows, columns = np.nonzero(np.triu(graph, 1))
    return (rows.astype(np.uint32) << np.uint32(16)) | columns.astype(np.uint32)


@kernel
def switch_edges(
    bits: np.ndarray, edges: np.ndarray, attempts: int, wanted: int, state: np.ndarray
) -> tuple[int, int]:
    """Switch edges at random, in place, until so many were attempted or made.

    Every attempt draws one edge and one directed edge, uniformly and independently, and is void
    if the switch would join a node to itself or repeat an edge; the graph then stays as it is.
    Any switch is as likely as the one that undoes it, so all graphs with these degrees are
    equally likely in the long run.

    Parameters
    ----------
    bits : uint64 (n_nodes, n_words), changed
    edges : uint32 (n_edges,), as from `pack_edges`, changed
    attempts, wanted : int
    state : uint64 (4,), of the random numbers, changed

    Returns
    -------
    made, attempted : int
    """
    n_edges = np.uint64(len(edges))
    n_directed = n_edges << _ONE
    flat = bits.reshape(-1)
    n_words = np.uint64(bits.shape[1])
    # Products below these would favour some edges (Lemire 2019, doi:10.1145/3230636).
    unfair = (_LOW + _ONE) % n_edges
    unfair_directed = (_LOW + _ONE) % n_directed
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    made, attempted = 0, 0
    while attempted < attempts and made < wanted:
        total = s0 + s3
        drawn = ((total << _R23) | (total >> _R41)) + s0
        shifted = s1 << _S17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = (s3 << _R45) | (s3 >> _R19)

        scaled = (drawn & _LOW) * n_edges
        scaled_directed = (drawn >> _HALF) * n_directed
        if (scaled & _LOW) < unfair or (scaled_directed & _LOW) < unfair_directed:
            continue
        attempted += 1
        i = scaled >> _HALF
        directed = scaled_directed >> _HALF
        j = directed >> _ONE
        a = np.uint64(edges[i]) >> _SIXTEEN
        b = np.uint64(edges[i]) & _END
        turn = (directed & _ONE) << np.uint64(4)
        c = (np.uint64(edges[j]) >> (_SIXTEEN - turn)) & _END
        d = (np.uint64(edges[j]) >> turn) & _END
        a_d = a * n_words + (d >> _SIX)
        c_b = c * n_words + (b >> _SIX)
        taken = ((flat[a_d] >> (d & _WITHIN)) | (flat[c_b] >> (b & _WITHIN))) & _ONE
        if taken or a == d or c == b:
            continue
        made += 1
        flat[a_d] ^= _ONE << (d & _WITHIN)
        flat[c_b] ^= _ONE << (b & _WITHIN)
        flat[d * n_words + (a >> _SIX)] ^= _ONE << (a & _WITHIN)
        flat[b * n_words + (c >> _SIX)] ^= _ONE << (c & _WITHIN)
        flat[a * n_words + (b >> _SIX)] ^= _ONE << (b & _WITHIN)
        flat[b * n_words + (a >> _SIX)] ^= _ONE << (a & _WITHIN)
        flat[c * n_words + (d >> _SIX)] ^= _ONE << (d & _WITHIN)
        flat[d * n_words + (c >> _SIX)] ^= _ONE << (c & _WITHIN)
        edges[i] = np.uint32((a << _SIXTEEN) | d)
        edges[j] = np.uint32((c << _SIXTEEN) | b)
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3
    return made, attempted
