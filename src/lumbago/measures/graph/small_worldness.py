"""Small-worldness: a graph's clustering and path length against those of random graphs."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from numbers import Integral
from typing import Literal, TypeVar

import numpy as np

from lumbago.measures.chance import sequence_of
from lumbago.measures.graph.adjacency import checked_unsigned
from lumbago.measures.graph.bits import to_bits
from lumbago.measures.graph.blocks import checked_threads
from lumbago.measures.graph.paths import characteristic_path_length, path_length_of_bits
from lumbago.measures.graph.triangles import clustering, clustering_of_bits
from lumbago.measures.nulls.lattices import lattice
from lumbago.measures.nulls.rewiring import Switching, checked_swaps
from lumbago.measures.nulls.uniform import Uniform
from lumbago.measures.nulls.weighted import Preserve, WeightedSwitching

T = TypeVar("T")
GraphNull = Literal["rewired", "random"]

# Clustering of a lattice hardly depends on its seed: by half a percent in sparse graphs.
_N_LATTICES = 4
# The child that lattices are drawn from; children from 0 on are those of nulls.
_LATTICES = 1 << 62


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
        Of the graph: mean clustering of its nodes; harmonic mean of distances, in steps or, with
        weights, in 1 / weight.
    null_clustering, null_path_length : float
        Means over the nulls.
    null_clustering_sd, null_path_length_sd : float
        Standard deviations over the nulls (n - 1); NaN for one null.
    n_nulls : int
    swaps_per_edge : float
        Switches that succeeded per edge, mean over the nulls; 0 where the graph is the only one
        with its degrees, so that every null is the graph itself, NaN where nulls are not rewired.
    omega : float
        Null path length / path length - clustering / clustering of lattices: near 0 a small
        world, towards -1 a lattice, towards 1 a random graph. NaN where not asked for.
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
    omega: float = math.nan


def small_world(
    adjacency: np.ndarray,
    *,
    n_nulls: int = 100,
    swaps_per_edge: float = 10,
    seed: int | np.random.SeedSequence,
    omega: bool = False,
    preserve: Preserve = "weights",
    null: GraphNull = "rewired",
    n_threads: int | None = None,
) -> SmallWorld:
    """Gamma, lambda and sigma against the mean of random graphs.

    The clustering is the mean over nodes, the path length the harmonic mean, finite for
    disconnected graphs; ratios are taken to the mean over nulls, as DPABI and GRETNA do.
    networkx's ``sigma`` is another number: transitivity, arithmetic paths, and an
    error where the graph is disconnected. Null i is ``rewire`` with the i-th child of `seed`
    (``SeedSequence(seed).spawn``), so more nulls leave the first ones as they are.

    Of weighted graphs it takes the weighted `clustering` and `characteristic_path_length`, and
    null i is ``rewire_weighted`` with that seed and `preserve`. DPABI measures paths of weighted
    nulls on other lengths than those of the graph: its weighted lambda is another number.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.
    n_nulls : int, at least 1
    swaps_per_edge : float
        As in `lumbago.measures.nulls.rewire`.
    seed : int or numpy.random.SeedSequence
    omega : bool
        Also compute omega [3]_, here from harmonic path lengths, where the paper and networkx
        take arithmetic ones, and against the mean clustering of 4 graphs by
        `lumbago.measures.nulls.lattice`, which come nearer to lattices than those of other tools.
        Binary graphs only.
    preserve : {"weights", "strengths"}
        What rewired nulls of weighted graphs keep besides degrees; without effect on binary
        graphs.
    null : {"rewired", "random"}
        ``rewired`` graphs keep every degree [2]_. ``random`` ones are `random_graph` with the same
        seeds: as many nodes and edges, weights dealt at random, as sigma was defined [1]_. Hubs
        alone then raise gamma: of graphs with hubs sigma is larger than against rewired ones.
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
    .. [3] Telesford, Joyce, Hayasaka, Burdette & Laurienti (2011). The ubiquity of small-world
       networks. Brain Connectivity 1, 367-375. doi:10.1089/brain.2011.0038
    """
    graph = checked_unsigned(adjacency, "small_world")
    checked_number(n_nulls, "small_world")
    checked_swaps(swaps_per_edge, "small_world")
    threads = checked_threads(n_threads, "small_world")
    if null not in ("rewired", "random"):
        raise ValueError(f"small_world: null is 'rewired' or 'random', got {null!r}")
    if omega and graph.dtype != bool:
        raise ValueError("small_world: omega is for binary graphs, got weights; pass omega=False")
    nulls: Switching | WeightedSwitching | Uniform
    if null == "random":
        nulls = Uniform(graph)
    elif graph.dtype == bool:
        nulls = Switching(graph, swaps_per_edge, "small_world")
    else:
        nulls = WeightedSwitching(graph, swaps_per_edge, preserve, "small_world")

    def drawn(index: int) -> tuple[float, float, float]:
        found, made = nulls.null(child(seed, index))
        if graph.dtype == bool:
            return float(clustering_of_bits(found).mean()), path_length_of_bits(found), made
        return *_clustering_and_length(found), made

    found = np.array(in_threads(drawn, n_nulls, threads))
    return compared(
        graph,
        found[:, :2],
        swaps_per_edge=float(found[:, 2].mean() / max(np.count_nonzero(graph) / 2, 1)),
        lattices=lattice_clustering(graph, seed, threads) if omega else math.nan,
    )


def compared(
    graph: np.ndarray, nulls: np.ndarray, *, swaps_per_edge: float, lattices: float
) -> SmallWorld:
    """A graph against what its nulls have.

    Parameters
    ----------
    graph : bool or float64 (n_nodes, n_nodes)
    nulls : float64 (n_nulls, 2)
        Mean clustering and path length.
    swaps_per_edge : float
        Made, mean over the nulls.
    lattices : float
        Clustering of lattices; NaN for no omega.
    """
    own_clustering, path_length = _clustering_and_length(graph)
    null_clustering, null_length = (float(column.mean()) for column in nulls.T)
    gamma, lambda_ = _ratio(own_clustering, null_clustering), _ratio(path_length, null_length)
    return SmallWorld(
        gamma=gamma,
        lambda_=lambda_,
        sigma=gamma / lambda_,
        clustering=own_clustering,
        path_length=path_length,
        null_clustering=null_clustering,
        null_path_length=null_length,
        null_clustering_sd=_spread(nulls[:, 0]),
        null_path_length_sd=_spread(nulls[:, 1]),
        n_nulls=len(nulls),
        swaps_per_edge=swaps_per_edge,
        omega=math.nan
        if math.isnan(lattices)
        else _ratio(null_length, path_length) - _ratio(own_clustering, lattices),
    )


def _clustering_and_length(graph: np.ndarray) -> tuple[float, float]:
    """Mean clustering and harmonic path length, in the caller's thread."""
    return float(clustering(graph).mean()), characteristic_path_length(graph, n_threads=1)


def lattice_clustering(
    graph: np.ndarray, seed: int | np.random.SeedSequence, n_threads: int
) -> float:
    """Mean clustering of lattices with a graph's degrees."""
    parent = child(seed, _LATTICES)

    def of(index: int) -> float:
        return float(clustering_of_bits(to_bits(lattice(graph, seed=child(parent, index)))).mean())

    return float(np.mean(in_threads(of, _N_LATTICES, n_threads)))


def checked_number(n_nulls: int, where: str) -> None:
    """Refuse what is no number of nulls."""
    if not isinstance(n_nulls, Integral) or n_nulls < 1:
        raise ValueError(f"{where}: n_nulls is a whole number of at least 1, got {n_nulls!r}")


def in_threads(work: Callable[[int], T], n: int, n_threads: int) -> list[T]:
    """What `work` gives for 0 to n - 1, in this order."""
    if n_threads == 1:
        return [work(index) for index in range(n)]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(work, range(n)))


def child(seed: int | np.random.SeedSequence, index: int) -> np.random.SeedSequence:
    """The seed of one of many tasks, whatever the others are."""
    parent = sequence_of(seed)
    return np.random.SeedSequence(
        parent.entropy, spawn_key=(*parent.spawn_key, index), pool_size=parent.pool_size
    )


def _ratio(own: float, null: float) -> float:
    return own / null if null > 0 and np.isfinite(null) else math.nan


def _spread(values: np.ndarray) -> float:
    """Standard deviation; NaN for one value or for values that are not finite."""
    if len(values) < 2 or not np.isfinite(values).all():
        return math.nan
    return float(values.std(ddof=1))
