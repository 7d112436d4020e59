"""Small-worldness: a graph's clustering and path length against random graphs' of its degrees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lumbago.measures.graph.adjacency import checked_binary
from lumbago.measures.graph.blocks import checked_threads
from lumbago.measures.graph.paths import path_length_of_bits
from lumbago.measures.graph.triangles import clustering_of_bits
from lumbago.measures.nulls.rewiring import Switching


@dataclass(frozen=True)
class SmallWorld:
    """What `small_world` finds.

    Parameters
    ----------
    gamma : float
        Clustering over the nulls' mean clustering; NaN where the nulls have none.
    lambda_ : float
        Path length over the nulls' mean path length; NaN where there is no edge.
    sigma : float
        gamma / lambda.
    clustering, path_length : float
        Of the graph: mean clustering of its nodes; harmonic mean of distances, in steps.
    null_clustering, null_path_length : float
        Means over the nulls.
    null_clustering_sd, null_path_length_sd : float
        Standard deviations over the nulls (n - 1); NaN for one null.
    n_nulls : int
    swaps_per_edge : float
        Switches that succeeded per edge, mean over the nulls; 0 where the graph is the only one
        with its degrees, so that every null is the graph itself.
    """

    gamma: float
    lambda_: float
    sigma: float
    clustering: float
    path_length: float
    null_clustering: float
    null_path_length: float
    null_clustering_sd: float
    null_path_length_sd: float
    n_nulls: int
    swaps_per_edge: float


def small_world(
    adjacency: np.ndarray,
    *,
    n_nulls: int = 100,
    swaps_per_edge: float = 10,
    seed: int | np.random.SeedSequence,
    n_threads: int | None = None,
) -> SmallWorld:
    """Gamma, lambda and sigma against the mean of rewired graphs.

    The clustering is the mean over nodes, the path length the harmonic mean, finite for
    disconnected graphs; ratios are taken to the mean over nulls, as DPABI and GRETNA do.
    networkx's ``sigma`` is another number: transitivity, arithmetic paths, and an
    error where the graph is disconnected. Null i is ``rewire`` with the i-th child of `seed`
    (``SeedSequence(seed).spawn``), so more nulls leave the first ones as they are.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Binary and symmetric, diagonal 0.
    n_nulls : int, at least 1
    swaps_per_edge : float
        As in `lumbago.measures.nulls.rewire`.
    seed : int or numpy.random.SeedSequence
    n_threads : int or None
        Threads to work with; None takes the cores of this process. No value depends on it.

    Returns
    -------
    SmallWorld

    Raises
    ------
    ValueError
        If the adjacency is not such a graph or a number is out of its range.

    References
    ----------
    .. [1] Humphries & Gurney (2008). Network 'small-world-ness': a quantitative method for
       determining canonical network equivalence. PLoS ONE 3, e0002051.
       doi:10.1371/journal.pone.0002051
    .. [2] Maslov & Sneppen (2002). Specificity and stability in topology of protein networks.
       Science 296, 910-913. doi:10.1126/science.1065103
    """
    graph = checked_binary(adjacency, "small_world")
    if n_nulls < 1:
        raise ValueError(f"small_world: n_nulls is at least 1, got {n_nulls}")
    threads = checked_threads(n_threads, "small_world")
    switching = Switching(graph, swaps_per_edge, "small_world")

    def null(index: int) -> tuple[float, float, int]:
        bits, made = switching.null(child(seed, index))
        return float(clustering_of_bits(bits).mean()), path_length_of_bits(bits), made

    if threads == 1:
        found = [null(index) for index in range(n_nulls)]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(null, range(n_nulls)))
    null_clustering, null_lengths, made = (np.array(column) for column in zip(*found, strict=True))
    own_clustering = float(clustering_of_bits(switching.bits).mean())
    own_length = path_length_of_bits(switching.bits)
    gamma = _ratio(own_clustering, float(null_clustering.mean()))
    lambda_ = _ratio(own_length, float(null_lengths.mean()))
    return SmallWorld(
        gamma=gamma,
        lambda_=lambda_,
        sigma=gamma / lambda_,
        clustering=own_clustering,
        path_length=own_length,
        null_clustering=float(null_clustering.mean()),
        null_path_length=float(null_lengths.mean()),
        null_clustering_sd=_spread(null_clustering),
        null_path_length_sd=_spread(null_lengths),
        n_nulls=n_nulls,
        swaps_per_edge=float(made.mean() / max(len(switching.edges), 1)),
    )


def child(seed: int | np.random.SeedSequence, index: int) -> np.random.SeedSequence:
    """The seed of one of many tasks, whatever the others are."""
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return np.random.SeedSequence(
        parent.entropy, spawn_key=(*parent.spawn_key, index), pool_size=parent.pool_size
    )


def _ratio(own: float, null: float) -> float:
    return own / null if null > 0 and np.isfinite(null) else float("nan")


def _spread(values: np.ndarray) -> float:
    """Standard deviation; NaN for one value or for values that are not finite."""
    if len(values) < 2 or not np.isfinite(values).all():
        return float("nan")
    return float(values.std(ddof=1))
