"""Weighted graphs, modules and centralities: what users run today against ours, in CPU time.

One thread each, `python bench_graph_weighted.py`. Peers are bctpy and networkx (dependencies),
and igraph, which is taken only if it happens to be installed. Every peer's values are compared
with ours before they are timed; of modules the quality is printed instead. The limit of shortest
paths is one look at every edge from every node, which is timed as well.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import bct
import networkx as nx
import numpy as np
from threadpoolctl import threadpool_limits

from lumbago.measures import graph
from lumbago.measures.connectivity import correlation

Peers = dict[str, Callable[[], Any]]


def igraph() -> Any:
    """The module, or None."""
    try:
        return import_module("igraph")
    except ImportError:
        return None


def best(function: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs, in CPU seconds; one run where it takes longer than two."""
    seconds: list[float] = []
    while len(seconds) < repeats and not (seconds and seconds[0] > 2):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return min(seconds)


def brain_like(n_nodes: int) -> np.ndarray:
    """Correlations of 200 volumes with 7 networks and a common signal, mostly positive."""
    rng = np.random.default_rng(n_nodes)
    networks = rng.standard_normal((200, 7))[:, np.arange(n_nodes) * 7 // n_nodes]
    common = rng.standard_normal((200, 1))
    return correlation(common + 0.7 * networks + 1.5 * rng.standard_normal((200, n_nodes)))


def by_node(values: dict[int, float]) -> np.ndarray:
    """networkx's answer as an array."""
    return np.array([values[node] for node in sorted(values)])


def compare(n_nodes: int, density: float, slow: bool, peer: Any) -> None:
    """Every measure; bctpy's slowest only where the graph is small."""
    weights = graph.threshold(brain_like(n_nodes), density, binary=False)
    shares = weights / weights.max()
    lengths = np.divide(1, weights, out=np.zeros_like(weights), where=weights > 0)
    theirs = nx.from_numpy_array(weights)
    for _, _, edge in theirs.edges(data=True):
        edge["length"] = 1 / edge["weight"]
    labels = graph.modularity(weights, seed=0).labels
    pairs = (n_nodes - 1) * (n_nodes - 2)
    made = None
    if peer:
        made = peer.Graph.Weighted_Adjacency(weights.tolist(), mode="undirected")
        made.es["length"] = [1 / w for w in made.es["weight"]]

    def efficiency_by_igraph() -> float:
        distances = np.array(made.distances(weights="length"))
        np.fill_diagonal(distances, np.inf)
        return float((1 / distances).sum() / (n_nodes * (n_nodes - 1)))

    slow_peers: Peers = {"bctpy": lambda: bct.efficiency_wei(weights)}
    rows: dict[str, tuple[Callable[[], Any], Peers]] = {
        "clustering": (
            lambda: graph.clustering(weights),
            {
                "bctpy": lambda: bct.clustering_coef_wu(shares),
                "networkx": lambda: by_node(nx.clustering(theirs, weight="weight")),
            },
        ),
        "global efficiency": (
            lambda: graph.global_efficiency(weights, n_threads=1),
            (slow_peers if slow else {}) | ({"igraph": efficiency_by_igraph} if peer else {}),
        ),
        "local efficiency": (
            lambda: graph.local_efficiency(weights, n_threads=1),
            {"bctpy": lambda: bct.efficiency_wei(weights, local=True)} if slow else {},
        ),
        "betweenness": (
            lambda: graph.betweenness(weights, n_threads=1),
            ({"bctpy": lambda: bct.betweenness_wei(lengths) / pairs} if slow else {})
            | {"networkx": lambda: by_node(nx.betweenness_centrality(theirs, weight="length"))}
            | (
                {"igraph": lambda: 2 * np.array(made.betweenness(weights="length")) / pairs}
                if peer
                else {}
            ),
        ),
        "participation": (
            lambda: graph.participation(weights, labels),
            {"bctpy": lambda: bct.participation_coef(weights, labels + 1)},
        ),
        "eigenvector": (
            lambda: graph.eigenvector_centrality(weights),
            {"bctpy": lambda: bct.eigenvector_centrality_und(weights)},
        ),
        "pagerank": (
            lambda: graph.pagerank(weights),
            {
                "bctpy": lambda: np.ravel(bct.pagerank_centrality(weights, 0.85)),
                "networkx": lambda: by_node(nx.pagerank(theirs, tol=1e-12)),
            },
        ),
    }
    print(f"{n_nodes} nodes, density {density}, weighted, 1 thread")
    for name, (ours, peers) in rows.items():
        seconds = best(ours, 5)
        line = f"  {name:17} {seconds:.2e} s"
        for other, run in peers.items():
            np.testing.assert_allclose(ours(), run(), atol=1e-6)
            line += f", {other} {best(run, 3) / seconds:7.1f} x"
        print(line)
    scans = best(lambda: [lengths.sum(axis=1) for _ in range(n_nodes)], 3) * density
    print(f"  one look at every edge from every node: {scans:.2e} s")
    compare_modules(weights, theirs, made)


def compare_modules(weights: np.ndarray, theirs: nx.Graph, made: Any) -> None:
    """Quality of the best of ten runs, and the time of one."""
    runs = range(10)
    ours = graph.modularity(weights, seed=0, n_threads=1)
    seconds = best(lambda: graph.modularity(weights, seed=0, n_threads=1), 5) / len(runs)
    print(f"  modules: ours Q {ours.quality:.6f} (worst run {ours.qualities.min():.6f}), "
          f"{seconds:.2e} s a run")  # fmt: skip

    def by_networkx(seed: int) -> float:
        found = nx.community.louvain_communities(theirs, seed=seed)
        return float(nx.community.modularity(theirs, found))

    def by_igraph(seed: int) -> float:
        found = made.community_leiden("modularity", weights="weight", n_iterations=-1)
        return float(made.modularity(found.membership, weights="weight"))

    peers: dict[str, Callable[[int], float]] = {
        "bctpy": lambda seed: bct.community_louvain(weights, seed=seed)[1],
        "networkx": by_networkx,
    }
    if made:
        peers["igraph"] = by_igraph
    for name, run in peers.items():
        qualities = [run(seed) for seed in runs]
        each = best(lambda run=run: [run(seed) for seed in range(3)], 2) / 3
        print(f"    {name:9} Q {max(qualities):.6f} (worst {min(qualities):.6f}), "
              f"{each / seconds:6.1f} x")  # fmt: skip


def main() -> None:
    """Print the ratios."""
    peer = igraph()
    print(f"igraph {peer.__version__ if peer else 'is not installed: left out'}")
    graph.sweep(brain_like(40), [0.3], n_nulls=2, seed=0)  # loads or compiles every kernel
    graph.small_world(graph.threshold(brain_like(40), 0.3, binary=False), n_nulls=2, seed=0)
    with threadpool_limits(1):
        for n_nodes, density, slow in ((100, 0.1, True), (200, 0.1, True), (400, 0.1, False),
                                       (400, 0.3, False), (400, 1.0, False)):  # fmt: skip
            compare(n_nodes, min(density, feasible(n_nodes)), slow, peer)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def feasible(n_nodes: int) -> float:
    """Share of pairs with a positive correlation."""
    upper = np.triu_indices(n_nodes, 1)
    return float(np.floor(100 * (brain_like(n_nodes)[upper] > 0).mean()) / 100)


if __name__ == "__main__":
    main()
