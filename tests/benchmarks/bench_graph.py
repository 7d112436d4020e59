"""Graphs: what users run today against ours, in CPU time of one run; `python bench_graph.py`.

`--figure scaling.svg` measures and draws the scaling with the number of nodes alone.

Peers are bctpy (a dependency) and igraph, which is taken only if it happens to be installed.
bctpy rewires one null of a few densities and is scaled up to the sweep, which is linear in
nulls; igraph's attempts are set so that it makes as many switches as we do. The limit of
rewiring is the latency of the few cells that an attempt reads.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import bct
import numpy as np
from threadpoolctl import threadpool_limits

from lumbago.measures import graph
from lumbago.measures.connectivity import correlation
from lumbago.measures.graph.bits import to_bits
from lumbago.measures.nulls.rewiring import Switching

DENSITIES = np.arange(1, 11) * 0.05
N_NULLS, SWAPS = 100, 10


def igraph() -> Any:
    """The module, or None."""
    try:
        module = import_module("igraph")
    except ImportError:
        return None
    module.set_random_number_generator(None)  # its own: Python's, the default, is slower
    return module


def best(function: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    """Shortest of several runs, in seconds."""
    seconds = []
    for _ in range(repeats):
        start = clock()
        function()
        seconds.append(clock() - start)
    return min(seconds)


def brain_like(n_nodes: int) -> np.ndarray:
    """Correlations of 200 volumes with 7 networks and a common signal, mostly positive."""
    rng = np.random.default_rng(n_nodes)
    networks = rng.standard_normal((200, 7))[:, np.arange(n_nodes) * 7 // n_nodes]
    common = rng.standard_normal((200, 1))
    return correlation(common + 0.7 * networks + 1.5 * rng.standard_normal((200, n_nodes)))


def compare_sweeps(n_nodes: int, peer: Any) -> None:
    """gamma, lambda and sigma at 10 densities against 100 nulls each."""
    matrix = brain_like(n_nodes)

    def ours() -> object:
        return graph.sweep(
            matrix, DENSITIES, measures=["gamma", "lambda", "sigma"], n_nulls=N_NULLS, seed=0
        )

    wall, cpu = (best(ours, 2, clock) for clock in (time.perf_counter, time.process_time))
    print(f"sweep, {n_nodes} nodes: ours {wall:.2f} s, CPU {cpu:.2f} s")
    theirs = {"bctpy": 0.0} | ({"igraph": 0.0} if peer else {})
    for density in DENSITIES:
        adjacency = graph.threshold(matrix, density)
        theirs["bctpy"] += N_NULLS * best(lambda a=adjacency: by_bctpy(a), 1, time.process_time)
        if peer:
            attempts = Switching(adjacency, SWAPS, "bench").attempts
            edges = peer.Graph(n_nodes, np.argwhere(np.triu(adjacency)).tolist())
            theirs["igraph"] += (N_NULLS / 3) * best(
                lambda e=edges, t=attempts: [by_igraph(e, t) for _ in range(3)],
                1,
                time.process_time,
            )
    for name, seconds in theirs.items():
        print(f"  {name:7} {seconds:9.1f} s CPU (scaled up from 1-3 nulls), "
              f"{seconds / cpu:6.0f} x ours")  # fmt: skip


def by_bctpy(adjacency: np.ndarray) -> tuple[float, float]:
    """One null and its two numbers; bctpy's itr counts attempts that succeeded, too."""
    null = bct.randmio_und(adjacency.astype(float), SWAPS, seed=0)[0]
    return bct.clustering_coef_bu(null).mean(), 1 / bct.efficiency_bin(null)


def by_igraph(edges: Any, attempts: int) -> tuple[float, float]:
    """One null and its two numbers."""
    null = edges.copy()
    null.rewire(n=attempts)
    efficiency = np.mean(null.harmonic_centrality(normalized=True))
    return null.transitivity_avglocal_undirected(mode="zero"), float(efficiency)


def compare_measures(n_nodes: int, density: float, peer: Any) -> None:
    """One thread each."""
    adjacency = graph.threshold(brain_like(n_nodes), density)
    numbers = adjacency.astype(float)
    edges = peer.Graph(n_nodes, np.argwhere(np.triu(adjacency)).tolist()) if peer else None
    rows: dict[str, tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any] | None]] = {
        "clustering": (
            lambda: graph.clustering(adjacency),
            lambda: bct.clustering_coef_bu(numbers),
            lambda: edges.transitivity_local_undirected(mode="zero"),
        ),
        "path length": (
            lambda: graph.characteristic_path_length(adjacency, n_threads=1),
            lambda: 1 / bct.efficiency_bin(numbers),
            None,
        ),
        "local efficiency": (
            lambda: graph.local_efficiency(adjacency, n_threads=1),
            lambda: bct.efficiency_bin(numbers, local=True),
            None,
        ),
        "betweenness": (
            lambda: graph.betweenness(adjacency, n_threads=1) * (n_nodes - 1) * (n_nodes - 2),
            lambda: bct.betweenness_bin(numbers),
            lambda: 2 * np.array(edges.betweenness()),
        ),
    }
    print(f"{n_nodes} nodes, density {density}, 1 thread")
    for name, (ours, bctpy, by_peer) in rows.items():
        seconds = best(ours, 5, time.process_time)
        np.testing.assert_allclose(ours(), bctpy(), atol=1e-7)
        by_bct = best(bctpy, 3, time.process_time) / seconds
        line = f"  {name:17} {seconds:.2e} s, bctpy {by_bct:6.1f} x"
        if peer and by_peer:
            np.testing.assert_allclose(ours(), by_peer(), atol=1e-7)
            line += f", igraph {best(by_peer, 3, time.process_time) / seconds:6.1f} x"
        print(line)


def scaling() -> dict[str, list[float]]:
    """From 100 to 1600 nodes at a density of 0.3, in CPU time of one thread; returns the ms."""
    found: dict[str, list[float]] = {}
    print("density 0.3, 1 thread, CPU ms")
    print("  nodes  one null  ns/attempt  clustering  paths  local efficiency  betweenness")
    for n_nodes in (100, 200, 400, 800, 1600):
        adjacency = graph.threshold(brain_like(n_nodes), 0.3)
        switching = Switching(adjacency, SWAPS, "bench")
        repeats = 5 if n_nodes < 800 else 2
        null = best(lambda s=switching: s.null(0), repeats, time.process_time)
        cells = [
            1e3 * best(lambda f=f, a=adjacency: f(a), repeats, time.process_time)
            for f in (
                graph.clustering,
                lambda a: graph.global_efficiency(a, n_threads=1),
                lambda a: graph.local_efficiency(a, n_threads=1),
                lambda a: graph.betweenness(a, n_threads=1),
            )
        ]
        print(f"  {n_nodes:5} {1e3 * null:9.2f} {1e9 * null / switching.attempts:11.1f}"
              f" {cells[0]:11.2f} {cells[1]:6.2f} {cells[2]:17.2f} {cells[3]:12.2f}")  # fmt: skip
        for name, ms in zip(
            ("nodes", "one null", "clustering", "path lengths", "local efficiency", "betweenness"),
            (n_nodes, 1e3 * null, *cells), strict=True,
        ):  # fmt: skip
            found.setdefault(name, []).append(ms)
    return found


def draw_scaling(found: dict[str, list[float]], path: str) -> None:
    """Milliseconds over nodes, both on logarithmic axes."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    nodes = found["nodes"]
    # Labels stand beside the last points; those that would touch are moved apart.
    ends = sorted((values[-1], name) for name, values in found.items() if name != "nodes")
    at = 0.0
    for last, name in ends:
        (line,) = axes.loglog(nodes, found[name], "o-", markersize=3.5, linewidth=1.4)
        at = max(last, at * 1.9)
        axes.text(nodes[-1] * 1.08, at, name, color=line.get_color(), va="center", fontsize=9)
    axes.set_xticks(nodes, [f"{n:.0f}" for n in nodes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(nodes[0] * 0.9, nodes[-1] * 2.6)
    axes.set_ylim(top=at * 1.6)
    axes.set_xlabel("nodes (density 0.3)")
    axes.set_ylabel("ms on one core")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def forgetting() -> None:
    """Share of edges kept, and the clustering, by the switches made: how fast a null mixes."""
    adjacency = graph.threshold(brain_like(200), 0.15)
    upper = np.triu(adjacency)
    bits = to_bits(adjacency)
    print("200 nodes, density 0.15: by switches per edge, share of edges kept and clustering")
    for swaps in (0, 0.5, 1, 2, 5, 10, 20):
        found = [
            graph.small_world(adjacency, n_nulls=20, swaps_per_edge=swaps, seed=1).null_clustering,
        ]
        switching = Switching(adjacency, swaps, "bench")
        shared = [
            np.bitwise_count(switching.null(seed)[0] & bits).sum() / (2 * upper.sum())
            for seed in range(20)
        ]
        print(f"  {swaps:4} {np.mean(shared):8.4f} {found[0]:8.4f}")


def main() -> None:
    """Print the ratios, or draw the scaling."""
    graph.sweep(brain_like(50), [0.2], n_nulls=2, seed=0)  # loads or compiles every kernel
    if len(sys.argv) == 3 and sys.argv[1] == "--figure":
        draw_scaling(scaling(), sys.argv[2])
        return
    peer = igraph()
    print(f"igraph {peer.__version__ if peer else 'is not installed: left out'}")
    with threadpool_limits(1):  # spinning threads of BLAS would count as bctpy's time
        compare(peer)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def compare(peer: Any) -> None:
    """All tables."""
    for n_nodes, density in ((200, 0.05), (200, 0.25), (400, 0.05), (400, 0.25), (400, 0.5)):
        compare_measures(n_nodes, density, peer)
    scaling()
    forgetting()
    for n_nodes in (200, 400):
        compare_sweeps(n_nodes, peer)


if __name__ == "__main__":
    main()
