"""Kernels are compiled once per machine, and only when something is measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lumbago
from lumbago.measures.compiling import kernel

WORK = """
import numpy as np
from lumbago.measures import graph, nulls
from lumbago.measures.graph import triangles
from lumbago.measures.nulls import switching

def misses():
    adjacency = np.kron(np.eye(3), np.ones((5, 5))) > np.eye(15)
    graph.clustering(adjacency)
    nulls.rewire(adjacency, seed=0)
    kernels = (triangles._closed_pairs, switching.switch_edges)
    return [sum(k.stats.cache_misses.values()) for k in kernels]

if __name__ == "__main__":
    {run}
"""


def run(code: str, **environment: str) -> str:
    source = str(Path(lumbago.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": source} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_naming_a_measure_loads_no_compiler():
    code = (
        "import sys, lumbago.measures; from lumbago.measures import graph, nulls; "
        "print('clustering' in dir(graph), 'numba' in sys.modules, 'networkx' in sys.modules)"
    )
    assert run(code) == "True False False"


def test_another_process_compiles_nothing_again(tmp_path):
    once = WORK.format(run="print(misses())")
    cache = str(tmp_path / "cache")
    assert run(once, NUMBA_CACHE_DIR=cache) == "[1, 1]"
    assert run(once, NUMBA_CACHE_DIR=cache) == "[0, 0]"
    (tmp_path / "work.py").write_text(WORK.format(run="pass"))
    workers = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        "from joblib import Parallel, delayed; from work import misses; "
        "print(Parallel(n_jobs=2)(delayed(misses)() for _ in range(2)))"
    )
    path = os.pathsep.join([str(Path(lumbago.__file__).parents[1]), str(tmp_path)])
    assert run(workers, NUMBA_CACHE_DIR=cache, PYTHONPATH=path) == "[[0, 0], [0, 0]]"


def test_a_kernel_works_where_nothing_can_be_cached():
    # Code without a file: numba finds no place to keep what it compiles, as where all is read-only.
    names: dict = {}
    exec("def double(x):\n    return 2 * x\n", names)
    double = kernel(names["double"])
    assert double(21) == 42
    assert not double.stats.cache_path


def test_other_errors_of_the_compiler_are_passed_on(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("no such luck")

    monkeypatch.setattr("numba.njit", broken)
    with pytest.raises(RuntimeError, match="no such luck"):
        kernel(abs)
