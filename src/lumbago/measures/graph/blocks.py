"""Nodes dealt out to threads, cut by number so that no bit depends on the thread count."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lumbago.measures.threads import cores_of_process

Found = TypeVar("Found")

_NODES_AT_ONCE = 64


def by_block(
    work: Callable[[int, int], Found], n_nodes: int, n_threads: int | None, where: str
) -> list[Found]:
    """`work(first, last)` of every block of nodes, in order."""
    n_threads = checked_threads(n_threads, where)
    starts = range(0, n_nodes, _NODES_AT_ONCE)

    def block(first: int) -> Found:
        return work(first, min(first + _NODES_AT_ONCE, n_nodes))

    if n_threads == 1 or len(starts) == 1:
        return [block(first) for first in starts]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(block, starts))


def checked_threads(n_threads: int | None, where: str) -> int:
    """Threads to work with; None takes the cores of this process."""
    if n_threads is not None and n_threads < 1:
        raise ValueError(f"{where}: n_threads is at least 1 or None, got {n_threads}")
    return n_threads or cores_of_process()
