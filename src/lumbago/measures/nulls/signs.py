"""Switching in signed graphs, so that positive and negative edges keep their numbers per node."""

from __future__ import annotations

import numpy as np

from lumbago.measures.compiling import kernel

_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_R23, _R41, _S17 = np.uint64(23), np.uint64(41), np.uint64(17)
_R45, _R19 = np.uint64(45), np.uint64(19)


@kernel
def next_word(state: np.ndarray) -> int:
    """64 random bits by xoshiro256++ (Blackman & Vigna 2021, doi:10.1145/3460772).

    Parameters
    ----------
    state : uint64 (4,), changed
    """
    total = state[0] + state[3]
    drawn = ((total << _R23) | (total >> _R41)) + state[0]
    shifted = state[1] << _S17
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = (state[3] << _R45) | (state[3] >> _R19)
    return drawn


@kernel
def switch_signs(
    signs: np.ndarray, edges: np.ndarray, attempts: int, wanted: int, state: np.ndarray
) -> tuple[int, int]:
    """Switch edges of one sign at random, in place, until so many were attempted or made.

    Every attempt draws two edges, a-b and c-d. If they have one sign, and a-d and c-b are both
    absent or both of the other sign, the pairs change places. Any switch is as likely as
    the one that undoes it.

    Parameters
    ----------
    signs : int8 (n_nodes, n_nodes) of -1, 0 and 1, symmetric, changed
    edges : int32 (n_edges, 2), every pair of nodes with a sign once, changed
    attempts, wanted : int
    state : uint64 (4,), of the random numbers, changed

    Returns
    -------
    made, attempted : int
    """
    n_edges = np.uint64(len(edges))
    n_directed = n_edges << np.uint64(1)
    # Products below these would favour some edges (Lemire 2019, doi:10.1145/3230636).
    unfair = (_LOW + np.uint64(1)) % n_edges
    unfair_directed = (_LOW + np.uint64(1)) % n_directed
    made, attempted = 0, 0
    while attempted < attempts and made < wanted:
        drawn = next_word(state)
        scaled = (drawn & _LOW) * n_edges
        scaled_directed = (drawn >> _HALF) * n_directed
        if (scaled & _LOW) < unfair or (scaled_directed & _LOW) < unfair_directed:
            continue
        attempted += 1
        i = np.int64(scaled >> _HALF)
        directed = np.int64(scaled_directed >> _HALF)
        j, turned = directed >> 1, directed & 1
        a, b = edges[i, 0], edges[i, 1]
        c, d = edges[j, turned], edges[j, 1 - turned]
        if a in (c, d) or b in (c, d):
            continue
        own, other = signs[a, b], signs[a, d]
        if signs[c, d] != own or signs[c, b] != other or own == other:
            continue
        made += 1
        signs[a, d] = signs[d, a] = signs[c, b] = signs[b, c] = own
        signs[a, b] = signs[b, a] = signs[c, d] = signs[d, c] = other
        if other == 0:
            edges[i, 1] = d
            edges[j, 0], edges[j, 1] = c, b
    return made, attempted
