"""The null model of small-worldness: random graphs in which every node keeps its degree."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lumbago.measures.chance import sequence_of
from lumbago.measures.graph.adjacency import checked_binary
from lumbago.measures.graph.bits import from_bits, to_bits
from lumbago.measures.nulls.switching import MOST_NODES, pack_edges, switch_edges

# Attempts per switch aimed at, after which rewiring ends.
_PATIENCE = 100
# Switches from which the share of attempts that succeed is read.
_COUNTED = 1000


def rewire(
    adjacency: np.ndarray,
    *,
    swaps_per_edge: float = 10,
    seed: int | np.random.SeedSequence,
) -> np.ndarray:
    """A random graph with the degrees of another (Maslov and Sneppen's switches).

    Pairs of edges a-b, c-d become a-d, c-b, unless that joins a node to itself or repeats an
    edge. `swaps_per_edge` counts switches that succeed, where most tools count attempts: at a
    density of 0.5 only about a quarter of them do.

    Stopping at the moment when enough have succeeded would favour graphs with many possible
    switches. So the number of attempts is fixed beforehand: a trial run, whose random numbers do
    not depend on the seed and whose graph is thrown away, tells what share of the attempts
    succeeds in this graph. The switches made come out within some percent of those aimed at, and
    in the long run every graph with these degrees is equally likely.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Binary and symmetric, diagonal 0. Never changed.
    swaps_per_edge : float, at least 0
        Switches that succeed, per edge, expected. No more than 100 times as many are attempted.
    seed : int or numpy.random.SeedSequence

    Returns
    -------
    array of shape (n_nodes, n_nodes), bool, symmetric, diagonal 0, with the same degrees; the
    graph itself where it is the only one with them (a star, a complete graph).

    Raises
    ------
    ValueError
        If the adjacency is not such a graph or has more than 65536 nodes, or if
        `swaps_per_edge` is negative.

    References
    ----------
    .. [1] Maslov & Sneppen (2002). Specificity and stability in topology of protein networks.
       Science 296, 910-913. doi:10.1126/science.1065103
    .. [2] Artzy-Randrup & Stone (2005). Generating uniformly distributed random networks. Phys
       Rev E 72, 056708. doi:10.1103/PhysRevE.72.056708
    """
    graph = checked_binary(adjacency, "rewire")
    return from_bits(Switching(graph, swaps_per_edge, "rewire").null(seed)[0])


class Switching:
    """One graph, ready to be rewired any number of times.

    Parameters
    ----------
    graph : bool (n_nodes, n_nodes)
    swaps_per_edge : float
    where : str
        Opens the errors.
    """

    def __init__(self, graph: np.ndarray, swaps_per_edge: float, where: str) -> None:
        checked_swaps(swaps_per_edge, where)
        if len(graph) > MOST_NODES:
            raise ValueError(f"{where}: at most {MOST_NODES} nodes, got {len(graph)}")
        self.bits, self.edges = to_bits(graph), pack_edges(graph)
        self.attempts = self._attempts(graph, swaps_per_edge)

    def null(self, seed: int | np.random.SeedSequence) -> tuple[np.ndarray, int]:
        """A rewired graph as bits, and how many switches were made."""
        bits = self.bits.copy()
        if not self.attempts:
            return bits, 0
        state = random_state(seed)
        made, _ = switch_edges(bits, self.edges.copy(), self.attempts, self.attempts, state)
        return bits, int(made)

    def _attempts(self, graph: np.ndarray, swaps_per_edge: float) -> int:
        bits, edges, state = self.bits.copy(), self.edges.copy(), random_state(0)
        return attempts_needed(
            lambda attempts, wanted: switch_edges(bits, edges, attempts, wanted, state),
            len(edges),
            swaps_per_edge,
            lambda: _can_switch(graph),
        )


def checked_swaps(swaps_per_edge: float, where: str) -> None:
    """Refuse what is no number of switches."""
    if not 0 <= swaps_per_edge < math.inf:
        raise ValueError(f"{where}: swaps_per_edge is at least 0 and finite, got {swaps_per_edge}")


def attempts_needed(
    trial: Callable[[int, int], tuple[int, int]],
    n_edges: int,
    swaps_per_edge: float,
    can_switch: Callable[[], bool],
) -> int:
    """Attempts that are expected to make the switches aimed at.

    Parameters
    ----------
    trial : callable
        Switches some graph on, given the most attempts and the switches wanted; returns the
        switches made and attempted.
    n_edges : int
    swaps_per_edge : float
    can_switch : callable
        Asked where the trial made none: whether there is any to be made.
    """
    aim = round(swaps_per_edge * n_edges)
    if not aim:
        return 0
    # What share succeeds changes while the graph loses its order: count after that.
    for wanted in (n_edges, max(n_edges, _COUNTED)):
        made, attempted = trial(_PATIENCE * wanted, wanted)
    if made:
        return min(round(aim * attempted / made), _PATIENCE * aim)
    return _PATIENCE * aim if can_switch() else 0


def _can_switch(graph: np.ndarray) -> bool:
    """Whether any two edges can be switched, i.e. another graph has these degrees.

    A switch is a cycle a-b-c-d of which every other side is an edge and the others are not.
    """
    edge = graph.astype(np.float64)
    gap = 1 - edge - np.eye(len(edge))
    two_steps = edge @ gap
    return bool((two_steps * two_steps.T).any())


def random_state(seed: int | np.random.SeedSequence, first: int = 0) -> np.ndarray:
    """Four words that xoshiro256++ starts from; those after `first` others of the same seed."""
    return sequence_of(seed).generate_state(first + 4, np.uint64)[first:]
