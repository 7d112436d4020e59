"""Modules: groups of nodes with more links among them than chance would put there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lumbago.measures.graph.adjacency import checked
from lumbago.measures.graph.blocks import checked_threads
from lumbago.measures.graph.leiden import find_modules
from lumbago.measures.graph.small_worldness import child

# Rounds of one run: each starts from the modules of the last, and hardly any run needs ten.
_MOST_ROUNDS = 50


@dataclass(frozen=True)
class Modularity:
    """What `modularity` finds.

    Parameters
    ----------
    quality : float
        Q of the best run; NaN for graphs without edges.
    labels : int64 (n_nodes,)
        Module of every node: 0 for that of the first node, 1 for that of the first node outside
        it, and so on.
    n_modules : int
    qualities : float64 (n_runs,)
        Q of every run.
    """

    quality: float
    labels: np.ndarray
    n_modules: int
    qualities: np.ndarray


def modularity(
    adjacency: np.ndarray,
    *,
    gamma: float = 1.0,
    n_runs: int = 10,
    seed: int | np.random.SeedSequence,
    n_threads: int | None = None,
) -> Modularity:
    """The partition into modules with the highest quality Q, best of several runs.

    Q is the share of the links that lie within modules, less gamma times the share expected if
    links fell at random between nodes of the same strengths (Newman; gamma: Reichardt and
    Bornholdt). Negative weights lower Q where they lie within a module, in the asymmetric way
    of Rubinov and Sporns: Q = Q+ - w- / (w+ + w-) Q-, w+ and w- being all positive and negative
    weight; bctpy calls it ``negative_asym``, or ``sta``.

    The search is Leiden's: nodes move between modules; modules are refined from single nodes;
    the refined groups become nodes of a smaller graph; from the result the next round starts,
    until one changes nothing. The refinement takes the best merge instead of drawing among good
    ones. Run i has the i-th child of `seed`, so more runs leave the first ones as they are.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0; binary or weights of any sign.
    gamma : float, above 0
        Resolution: the higher, the smaller the modules.
    n_runs : int, at least 1
    seed : int or numpy.random.SeedSequence
    n_threads : int or None
        Threads to work with; None takes the cores of this process. No value depends on it.

    Returns
    -------
    Modularity

    Raises
    ------
    ValueError
        If the adjacency is not such a graph or a number is out of its range.

    References
    ----------
    .. [1] Newman (2004). Analysis of weighted networks. Phys Rev E 70, 056131.
       doi:10.1103/PhysRevE.70.056131
    .. [2] Reichardt & Bornholdt (2006). Statistical mechanics of community detection. Phys Rev E
       74, 016110. doi:10.1103/PhysRevE.74.016110
    .. [3] Blondel et al. (2008). Fast unfolding of communities in large networks. J Stat Mech,
       P10008. doi:10.1088/1742-5468/2008/10/P10008
    .. [4] Traag, Waltman & van Eck (2019). From Louvain to Leiden: guaranteeing well-connected
       communities. Sci Rep 9, 5233. doi:10.1038/s41598-019-41695-z
    .. [5] Rubinov & Sporns (2011). Weight-conserving characterization of complex functional
       brain networks. NeuroImage 56, 2068-2079. doi:10.1016/j.neuroimage.2011.03.069
    """
    weights = checked(adjacency, "modularity").astype(np.float64)
    _check_gamma(gamma, "modularity")
    if n_runs < 1:
        raise ValueError(f"modularity: n_runs is at least 1, got {n_runs}")
    threads = checked_threads(n_threads, "modularity")
    links, plus, minus = _against_chance(weights)
    nodes, ends = np.nonzero(links)
    starts = np.searchsorted(nodes, np.arange(len(links) + 1)).astype(np.int64)
    made = starts, ends.astype(np.int64), links[nodes, ends], plus, minus

    def run(index: int) -> np.ndarray:
        state = child(seed, index).generate_state(1, np.uint64)
        return find_modules(made, float(gamma), _MOST_ROUNDS, state)

    if threads == 1 or n_runs == 1:
        found = [run(index) for index in range(n_runs)]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(run, range(n_runs)))
    qualities = np.array([_quality(links, plus, minus, labels, gamma) for labels in found])
    best = 0 if np.isnan(qualities).all() else int(qualities.argmax())
    labels = found[best]
    return Modularity(float(qualities[best]), labels, int(labels.max()) + 1, qualities)


def quality(adjacency: np.ndarray, labels: np.ndarray, *, gamma: float = 1.0) -> float:
    """Q of a given partition, as `modularity` defines it.

    Parameters
    ----------
    adjacency, gamma
        As in `modularity`.
    labels : array of shape (n_nodes,), of integers
        Nodes with the same number are in the same module.

    Returns
    -------
    float, at most 1; NaN for graphs without edges.

    Raises
    ------
    ValueError
        If the adjacency is no such graph, or there is not one label per node.
    """
    weights = checked(adjacency, "quality").astype(np.float64)
    _check_gamma(gamma, "quality")
    links, plus, minus = _against_chance(weights)
    return _quality(links, plus, minus, checked_labels(labels, len(weights), "quality"), gamma)


def checked_labels(labels: np.ndarray, n_nodes: int, where: str) -> np.ndarray:
    """Modules of nodes, numbered from 0 without gaps."""
    labels = np.asarray(labels)
    if labels.shape != (n_nodes,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{where}: expected one whole number per node, the label of its module, of shape "
            f"({n_nodes},), got {labels.dtype} {labels.shape}"
        )
    return np.unique(labels, return_inverse=True)[1]


def _check_gamma(gamma: float, where: str) -> None:
    if not 0 < gamma < np.inf:
        raise ValueError(f"{where}: gamma is above 0 and finite, got {gamma}")


def _against_chance(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Links as shares of the whole, and per node what chance is made of (see `leiden`)."""
    weights = (weights + weights.T) / 2
    positive, negative = np.maximum(weights, 0), np.maximum(-weights, 0)
    total_positive, total_negative = positive.sum(), negative.sum()
    total = total_positive + total_negative
    links, plus, minus = np.zeros_like(weights), np.zeros(len(weights)), np.zeros(len(weights))
    if total_positive:
        links += positive / total_positive
        plus = positive.sum(axis=1) / total_positive
    if total_negative:
        links -= negative / total
        minus = negative.sum(axis=1) / np.sqrt(total_negative * total)
    return links, plus, minus


def _quality(
    links: np.ndarray, plus: np.ndarray, minus: np.ndarray, labels: np.ndarray, gamma: float
) -> float:
    if not links.any():
        return float("nan")
    within = links[labels[:, None] == labels].sum()
    by_chance = np.bincount(labels, plus) ** 2 - np.bincount(labels, minus) ** 2
    return float(within - gamma * by_chance.sum())
