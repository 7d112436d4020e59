"""Degree centrality: what users run against ours, and the limit; `python bench_centrality.py`.

The peer takes rows of the full matrix by numpy, block by block, as scripts do that cannot hold it
all. It runs on some of the rows and is scaled up, which its linearity allows. The limit is the
machine's own rate of matrix products in single precision, with as many workers as ours and on
whichever size suits it best, over half the matrix. All take turns, so that other work on the
machine weighs on all alike, and the best turn of each counts. Core seconds stand beside those
of the clock: on a busy machine they alone tell how much of the limit is reached.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from lumbago.measures.centrality import degree_centrality
from lumbago.measures.cleaning import clean, cleaning_operator
from lumbago.measures.threads import cores_of_process

N_VOXELS, N_VOLUMES, N_CONFOUNDS, T_R, BAND = 69_798, 200, 24, 2.0, (0.01, 0.1)
N_LARGE, N_AT_2_MM = 120_000, 230_000
ROWS, TURNS = 2, 2
PRODUCTS = ((768, 200), (768, 768), (1024, 1024), (2048, 2048))
"""Sizes of square products and their inner dimensions, from which the limit is the best."""


def timed(function: Callable[[], object]) -> np.ndarray:
    """Seconds of one run, by the clock and of all cores."""
    start = np.array([time.perf_counter(), time.process_time()])
    function()
    return np.array([time.perf_counter(), time.process_time()]) - start


def made(n_voxels: int, cleaned: bool) -> np.ndarray:
    """Noise with some waves in common; cleaned, in a band and without confounds."""
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((N_VOLUMES, n_voxels), np.float32)
    signals += (
        rng.standard_normal((N_VOLUMES, 8), np.float32)
        @ rng.standard_normal((8, n_voxels), np.float32)
        * np.float32(0.15)
    )
    if not cleaned:
        return signals
    confounds = rng.normal(size=(N_VOLUMES, N_CONFOUNDS)).cumsum(axis=0)
    return clean(
        1000 + 10 * signals,
        cleaning_operator(N_VOLUMES, confounds=confounds, t_r=T_R, band=BAND),
    )


def peer(signals: np.ndarray, n_blocks: int, size: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    """Row blocks of the full matrix."""
    unit = signals - signals.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=0)
    binary, weighted = [], []
    for start in range(0, n_blocks * size, size):
        r = unit[:, start : start + size].T @ unit
        above = r > 0.25
        binary.append(above.sum(axis=1) - 1)
        weighted.append((r * above).sum(axis=1) - 1)
    return np.concatenate(binary), np.concatenate(weighted)


def product(size: int, inner: int) -> np.ndarray:
    """Seconds per operation of matrix products, one in every core at a time."""
    rng = np.random.default_rng(0)
    workers = cores_of_process()
    some = [rng.standard_normal((size, inner), np.float32) for _ in range(workers)]
    into = [np.empty((size, size), np.float32) for _ in range(workers)]
    times = max(1, int(1e10 / (2 * size**2 * inner)))

    def work(i: int) -> None:
        for _ in range(times):
            np.matmul(some[i], some[i - 1].T, out=into[i])

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
        found = timed(lambda: list(pool.map(work, range(workers))))
    return found / (workers * times * 2 * size**2 * inner)


def alone(n_voxels: int, cleaned: bool) -> tuple[float, float, float]:
    """In a fresh process: seconds of a first, tiny call, seconds, and peak memory in GiB."""
    signals = made(n_voxels, cleaned)
    first, _ = timed(lambda: degree_centrality(signals[:, :10]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # What making the signals took and gave back is still in the peak: stand above it.
    held = np.ones(max(0, before * 1024 - signals.nbytes - 2**28) // 8)
    before = max(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    seconds, _ = timed(lambda: degree_centrality(signals, both=True))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    del held
    return first, seconds, (after - before) / 2**20


def main() -> None:
    """Print the ratios."""
    raw, cleaned = made(N_VOXELS, False), made(N_VOXELS, True)
    degree_centrality(raw[:, :10])  # imports and compiles
    runs: dict[str, Callable[[], object]] = {
        "ours, all dimensions": lambda: degree_centrality(raw, both=True),
        "ours, cleaned": lambda: degree_centrality(cleaned, both=True),
        "ours, cleaned, Fisher z": lambda: degree_centrality(cleaned, both=True, fisher_z=True),
        "ours, cleaned, sparsity 1 %": lambda: degree_centrality(cleaned, both=True, sparsity=0.01),
    }
    half = N_VOXELS * (N_VOXELS - 1) / 2 * 2 * N_VOLUMES
    rows = ROWS * 1024
    for size, inner in PRODUCTS:
        runs[f"limit, products of {size}, inner {inner}"] = lambda s=size, i=inner: product(s, i)
    runs["numpy, row blocks of the full matrix"] = lambda: peer(raw, ROWS)
    seconds = {name: np.full(2, np.inf) for name in runs}
    for _ in range(TURNS):
        for name, run in runs.items():
            if name.startswith("limit"):
                found = np.asarray(run()) * half
            else:
                found = timed(run) * (N_VOXELS / rows if name.startswith("numpy") else 1)
            seconds[name] = np.minimum(seconds[name], found)
    limit = np.min([found for name, found in seconds.items() if name.startswith("limit")], axis=0)
    theirs = seconds["numpy, row blocks of the full matrix"]
    print(f"{N_VOXELS} voxels, {N_VOLUMES} volumes, r > 0.25, binary and weighted, float32")
    print(f"limit: half the matrix at the best rate; numpy: from {rows} rows")
    print(f"{'':40}    clock    cores   faster (cores)   of the limit (cores)")
    for name, (clock, cores) in seconds.items():
        print(
            f"{name:40} {clock:6.2f} s {cores:6.2f} s   {theirs[0] / clock:5.1f} x"
            f" {theirs[1] / cores:5.1f} x   {limit[0] / clock:6.0%} {limit[1] / cores:6.0%}",
            flush=True,
        )
    for n_voxels in (N_VOXELS, N_LARGE):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            first, took, peak = process.submit(alone, n_voxels, True).result()
        print(
            f"{n_voxels} voxels, cleaned, in a fresh process: {took:.2f} s, peak "
            f"{peak:.2f} GiB above {n_voxels * N_VOLUMES * 4 / 2**30:.2f} GiB of signals"
        )
    print(f"first call of a process: {first:.2f} s to import and load what is compiled")
    print(f"{N_AT_2_MM} voxels would take {took * (N_AT_2_MM / N_LARGE) ** 2:.0f} s")
    binary, weighted = degree_centrality(raw, both=True)
    expected = peer(raw, 1)
    assert np.abs(binary[:1024] - expected[0]).max() <= 2
    np.testing.assert_allclose(weighted[:1024], expected[1], rtol=1e-2, atol=0.6)


if __name__ == "__main__":
    main()
