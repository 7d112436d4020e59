"""What a machine offers to a run, in words that name no path, no user and no host."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from pathlib import Path

from lumbago.data.packaged import packaged_atlas, packaged_names
from lumbago.provenance import RECORDED_LIBRARIES, versions

_EXTRAS = {"dask": "distributed", "models": "skops", "stats": "statsmodels", "hdf5": "h5py"}
_SHARED = "LUMBAGO_SHARED"
_LEAST_DISK = 1e9  # bytes; a run of a middling cohort writes about as much


def describe() -> tuple[list[str], bool]:
    """Return lines to paste into an issue, and whether everything needed is there."""
    wrong: list[str] = []
    found = versions()
    missing = [name for name in RECORDED_LIBRARIES if found[name] == "not installed"]
    if missing:
        wrong.append(f"not installed: {', '.join(missing)}; install lumbago again")
    lines = [
        "system: " + " ".join(part for part in (platform.system(), platform.machine()) if part),
        "versions: " + ", ".join(f"{name} {version}" for name, version in found.items()),
        _extras(),
        *_threads(),
        _memory(),
        _disk(wrong),
        *_atlases(wrong),
        _kernels(wrong),
        _shared(),
    ]
    lines += [f"problem: {what}" for what in wrong] or ["everything needed is there"]
    return lines, not wrong


def _extras() -> str:
    there = {name: importlib.util.find_spec(module) is not None for name, module in _EXTRAS.items()}
    return "extras: " + ", ".join(f"{n} {'yes' if t else 'no'}" for n, t in there.items())


def _threads() -> list[str]:
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))  # loads the library, so that it can be asked
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pools = {
        f"{p.get('internal_api')} {p.get('version') or ''} {p.get('num_threads')} threads".replace(
            "  ", " "
        )
        for p in threadpool_info()
    }
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    limits = [f"{n}={v}" for n in names if (v := os.environ.get(n, "")).isdigit()]
    return [
        f"cores: {usable or 'unknown'} of {os.cpu_count() or 'unknown'}",
        "linear algebra: " + (", ".join(sorted(pools)) or "unknown")
        + (f"; set: {', '.join(limits)}" if limits else ""),
    ]  # fmt: skip


def _memory() -> str:
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total, free = (page * os.sysconf(n) for n in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return "memory: unknown"
    return f"memory: {total / 1e9:.1f} GB, {free / 1e9:.1f} GB unused"


def _disk(wrong: list[str]) -> str:
    try:
        free = shutil.disk_usage(".").free
        writable = os.access(".", os.W_OK)
    except OSError:
        return "disk: unknown"
    if free < _LEAST_DISK:
        wrong.append(f"{free / 1e9:.2f} GB are free on the disk of this folder; make some room")
    return (
        f"disk: {free / 1e9:.1f} GB free, this folder {'can' if writable else 'cannot'} be written"
    )


def _atlases(wrong: list[str]) -> list[str]:
    told = []
    for name in packaged_names():
        try:
            told.append(f"{name} {len(packaged_atlas(name))} regions")
        except Exception as error:  # whatever is wrong with one atlas must not hide the rest
            wrong.append(f"atlas {name} cannot be read ({type(error).__name__}); reinstall")
    return ["atlases: " + (", ".join(told) or "none")]


def _kernels(wrong: list[str]) -> str:
    """Compile and measure what is known: three nodes all joined, a fourth joined to the first."""
    import numpy as np

    from lumbago.measures.graph import clustering

    graph = np.zeros((4, 4), dtype=bool)
    graph[[0, 0, 0, 1], [1, 2, 3, 2]] = True
    expected = np.array([1 / 3, 1, 1, 0])
    try:
        found = clustering(graph | graph.T)
    except Exception as error:  # a compiler can fail in any way
        wrong.append(f"compiled measures do not run ({type(error).__name__}); reinstall numba")
        return "compiled measures: fail"
    if not np.allclose(found, expected, rtol=0, atol=1e-12):
        wrong.append(
            f"compiled measures are wrong (clustering {np.round(found, 6).tolist()}, expected "
            f"{np.round(expected, 6).tolist()}); reinstall numba"
        )
        return "compiled measures: wrong"
    return "compiled measures: run (clustering of a known graph is right)"


def _shared() -> str:
    folder = os.environ.get(_SHARED)
    if not folder:
        return f"shared data: {_SHARED} is not set"
    try:
        n = sum(p.is_dir() for p in (Path(folder) / "data").iterdir())
    except OSError:
        return f"shared data: {_SHARED} names no folder with data/"
    return f"shared data: {n} data sets"
