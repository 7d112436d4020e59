"""Dealing weights to the edges of a graph so that nodes come near to given strengths."""

from __future__ import annotations

import math

import numpy as np

from lumbago.measures.compiling import kernel
from lumbago.measures.nulls.signs import next_word

_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_ELEVEN, _UNIT = np.uint64(11), 2.0**-53
# Exchanges tried, per edge and at least; the last share of them only ever downhill.
_TRIES_PER_EDGE = 400
_FEWEST_TRIES = 300_000
_DOWNHILL = 0.25
# Temperatures, from one at which any exchange passes to one that tells hardly any apart.
_STEPS = 60
_COLDEST = 1e-8


def settle(ends: np.ndarray, weights: np.ndarray, strengths: np.ndarray, state: np.ndarray) -> None:
    """Exchange the weights of edges, in place, until nodes have nearly the strengths wanted.

    Simulated annealing of the sum of squared differences, from an order of the weights that
    should be random, over temperatures that fall geometrically.

    Parameters
    ----------
    ends : int32 (n_edges, 2)
    weights : float64 (n_edges,), changed
    strengths : float64 (n_nodes,)
    state : uint64 (4,), of the random numbers, changed
    """
    if len(ends) < 2:
        return
    excess = -strengths.astype(np.float64)
    np.add.at(excess, ends[:, 0], weights)
    np.add.at(excess, ends[:, 1], weights)
    hottest = 4 * math.sqrt(float((excess**2).mean()) * float(weights.var()))
    if hottest == 0:
        return
    tries = max(_TRIES_PER_EDGE * len(ends), _FEWEST_TRIES)
    _anneal(ends, weights, excess, hottest, tries, state)


@kernel
def shuffle(values: np.ndarray, state: np.ndarray) -> None:
    """Bring values into a random order, in place, every order equally likely.

    Parameters
    ----------
    values : float64 (n,), changed
    state : uint64 (4,), of the random numbers, changed
    """
    for last in range(len(values) - 1, 0, -1):
        n = np.uint64(last + 1)
        scaled = (next_word(state) & _LOW) * n
        while (scaled & _LOW) < (_LOW + np.uint64(1)) % n:
            scaled = (next_word(state) & _LOW) * n
        drawn = np.int64(scaled >> _HALF)
        values[last], values[drawn] = values[drawn], values[last]


@kernel
def _anneal(
    ends: np.ndarray,
    weights: np.ndarray,
    excess: np.ndarray,
    hottest: float,
    tries: int,
    state: np.ndarray,
) -> None:
    n_edges = np.uint64(len(ends))
    hot = round(tries * (1 - _DOWNHILL))
    per_step = max(hot // _STEPS, 1)
    factor = _COLDEST ** (1 / (_STEPS - 1))
    temperature = hottest
    for index in range(tries):
        if index and index % per_step == 0:
            temperature *= factor
        if index >= hot:
            temperature = 0.0
        drawn = next_word(state)
        i = np.int64(((drawn & _LOW) * n_edges) >> _HALF)
        j = np.int64(((drawn >> _HALF) * n_edges) >> _HALF)
        gain = weights[j] - weights[i]
        if gain == 0:
            continue
        a, b, c, d = ends[i, 0], ends[i, 1], ends[j, 0], ends[j, 1]
        changed = 4 if a != c and a != d and b != c and b != d else 2
        up = gain * (2 * (excess[a] + excess[b] - excess[c] - excess[d]) + changed * gain)
        if up > 0:
            if temperature == 0.0 or up > 40 * temperature:
                continue
            if np.float64(next_word(state) >> _ELEVEN) * _UNIT >= math.exp(-up / temperature):
                continue
        excess[a] += gain
        excess[b] += gain
        excess[c] -= gain
        excess[d] -= gain
        weights[i], weights[j] = weights[j], weights[i]
