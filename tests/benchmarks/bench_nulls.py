"""Weighted nulls and lattices: bctpy as users run it against ours; `python bench_nulls.py`.

CPU time of one run, one thread. What both reach is printed beside the time: how near strengths
come, how clustered the lattice is. One attempted switch of a lattice or of signs reads a few
cells at random, one exchange of weights four strengths: their latency is the limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import bct
import numpy as np
from threadpoolctl import threadpool_limits

from lumbago.measures import graph, nulls
from lumbago.measures.connectivity import correlation


def timed(function: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Shortest CPU time of several runs in seconds, and what the last one returned."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        found = function()
        seconds.append(time.process_time() - start)
    return min(seconds), found


def brain_like(n_nodes: int) -> np.ndarray:
    """Correlations of 200 volumes with 7 networks; a diagonal of 0."""
    rng = np.random.default_rng(n_nodes)
    networks = rng.standard_normal((200, 7))[:, np.arange(n_nodes) * 7 // n_nodes]
    found = correlation(0.7 * networks + 1.5 * rng.standard_normal((200, n_nodes)))
    np.fill_diagonal(found, 0)
    return found


def off(weights: np.ndarray, null: np.ndarray) -> str:
    """Correlation of positive strengths, and the largest difference over their mean."""
    own, kept = (np.clip(values, 0, None).sum(axis=1) for values in (weights, null))
    largest = np.abs(kept - own).max() / own.mean()
    return f"r {np.corrcoef(own, kept)[0, 1]:.6f}, off by {largest:.2%}"


def row(what: str, ours: float, theirs: float, reached: str) -> None:
    """Print one line."""
    print(f"  {what:34} {1e3 * ours:9.2f} ms {theirs:9.3f} s {theirs / ours:8.0f} x   {reached}")


def compare(n_nodes: int, density: float) -> None:
    """One size and density: weights, strengths, signs, lattices."""
    full = brain_like(n_nodes)
    weights = graph.threshold(full, density, binary=False)
    adjacency = (weights > 0).astype(float)
    print(f"{n_nodes} nodes, density {density}: ours, bctpy, ratio")
    # bctpy counts attempts per edge, ours switches made: both aim at 10.
    ours, _ = timed(lambda: nulls.rewire_weighted(weights, seed=0), 5)
    theirs, _ = timed(lambda: bct.randmio_und(weights, 10, seed=0))
    row("rewired, weights kept", ours, theirs, "")
    ours, null = timed(lambda: nulls.rewire_weighted(weights, seed=0, preserve="strengths"), 3)
    theirs, (peer, _) = timed(lambda: bct.null_model_und_sign(weights, 10, 0.1, seed=0))
    row("strengths kept", ours, theirs, f"{off(weights, null)}; bctpy {off(weights, peer)}")
    if n_nodes <= 100:
        ours, null = timed(lambda: nulls.rewire_weighted(full, seed=0, preserve="strengths"), 3)
        theirs, (peer, _) = timed(lambda: bct.null_model_und_sign(full, 10, 0.1, seed=0))
        row("full and signed, strengths kept", ours, theirs,
            f"{off(full, null)}; bctpy {off(full, peer)}")  # fmt: skip
    ours, made = timed(lambda: nulls.lattice(weights > 0, seed=0), 3)
    theirs, (peer, *_) = timed(lambda: bct.latmio_und(adjacency, 10, seed=0))
    clustered = (graph.clustering(each).mean() for each in (weights > 0, made, peer))
    row("lattice", ours, theirs,
        "clustering {:.3f}, lattice {:.3f}, bctpy {:.3f}".format(*clustered))  # fmt: skip


def main() -> None:
    """Print the ratios."""
    tiny = brain_like(12)
    for preserve in ("weights", "strengths"):  # loads or compiles every kernel
        for weights in (tiny, np.abs(tiny)):
            nulls.rewire_weighted(weights, seed=0, preserve=preserve)
    nulls.lattice(tiny > 0, seed=0)
    with threadpool_limits(1):
        for n_nodes, density in ((100, 0.15), (200, 0.05), (200, 0.15)):
            compare(n_nodes, density)


if __name__ == "__main__":
    main()
