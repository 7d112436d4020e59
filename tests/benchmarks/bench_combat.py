"""ComBat: what users run today against ours, timed in one run; `python bench_combat.py`.

The peer is neuroCombat where it is installed (0.2.12; `pip install --no-deps neuroCombat future`),
else its loops written out: one least squares per feature, then the same empirical Bayes. The
limit is one pass of numpy over the same array in double precision: centring it in place of
everything else.
"""

from __future__ import annotations

import contextlib
import io
import resource
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from lumbago.models.combat import fit_batches
from lumbago.models.harmonize import CombatHarmonizer

N, P, SITES, SMALL = 200, 19_900, 4, 500


def best(function: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs, in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def loops(values: np.ndarray, batch: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Least squares feature by feature, sums over rows in every step of the search."""
    design = np.column_stack([batch[:, None] == np.arange(SITES), age]).astype(float)
    slope = np.stack([np.linalg.inv(design.T @ design) @ design.T @ v for v in values.T], axis=1)
    mean = np.bincount(batch) / len(batch) @ slope[:SITES]
    scale = np.sqrt(((values - design @ slope) ** 2).mean(axis=0))
    expected = mean + age[:, None] * slope[SITES]
    z = (values - expected) / scale
    out = np.empty_like(z)
    for i in range(SITES):
        rows = z[batch == i]
        g, d, n = rows.mean(axis=0), rows.var(axis=0, ddof=1), len(rows)
        centre, between, m, s2 = g.mean(), g.var(ddof=1), d.mean(), d.var(ddof=1)
        shape, rate = 2 + m**2 / s2, m + m**3 / s2
        shift, spread, moved = g, d, 1.0
        while moved > 1e-4:
            new = (between * n * g + spread * centre) / (between * n + spread)
            wide = (((rows - new) ** 2).sum(axis=0) / 2 + rate) / (n / 2 + shape - 1)
            moved = max((abs(new - shift) / shift).max(), (abs(wide - spread) / spread).max())
            shift, spread = new, wide
        out[batch == i] = (rows - shift) / np.sqrt(spread)
    return out * scale + expected


def peer(values: np.ndarray, batch: np.ndarray, age: np.ndarray) -> tuple[str, Callable]:
    """Return the name of the peer and a call of it."""
    try:
        vars(np)["int"] = int  # it was written for numpy 1
        from neuroCombat import neuroCombat
    except ImportError:
        return "loops", lambda: loops(values, batch, age)
    people = pd.DataFrame({"site": batch, "age": age})
    turned = np.ascontiguousarray(values.T)

    def run() -> np.ndarray:
        with contextlib.redirect_stdout(io.StringIO()):
            return neuroCombat(turned, people, "site", continuous_cols=["age"])["data"].T

    return "neuroCombat", run


def main() -> None:
    """Print the ratios."""
    rng = np.random.default_rng(0)
    batch = np.arange(N) % SITES
    # The peer keeps covariates in single precision: give it values that fit.
    age = rng.normal(50, 10, N).astype(np.float32).astype(float)
    stretch = 1 + 0.2 * rng.random((SITES, P))
    values = rng.standard_normal((N, P)) * stretch[batch]
    values += 0.3 * rng.standard_normal((SITES, P))[batch]
    X = pd.DataFrame(values, columns=[f"edges:{j}" for j in range(P)])
    X["covariate:site"] = pd.Series([f"site{i}" for i in batch], dtype=object)
    X["covariate:age"] = age

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = CombatHarmonizer(preserve=("age",)).fit(X)
    ours = step.transform(X).iloc[:, :P].to_numpy()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    name, run = peer(values, batch, age)
    print(f"{N} rows, {P} features, {SITES} sites, one preserved covariate, one BLAS thread")
    theirs = best(run, 3)
    print(f"{name:34} {theirs:8.3f} s")
    for what, call in {
        "ours, fit and transform": lambda: step.fit(X).transform(X),
        "ours, fit": lambda: step.fit(X),
        "ours, one new row": lambda: step.transform(X.iloc[:1]),
    }.items():
        seconds = best(call, 5)
        print(f"{what:34} {seconds:8.3f} s, {theirs / seconds:6.1f} x faster")
    print(f"numpy, values - mean               {best(lambda: values - values.mean(0), 5):8.3f} s")
    print(f"peak memory above the input        {(after - before) / 2**20:8.2f} GiB")
    small = values[:, :SMALL]
    none = np.zeros((N, 0))
    seconds = best(lambda: fit_batches(small, batch, none, method="nonparametric"), 3)
    print(f"ours, non-parametric, {SMALL} features {seconds:8.3f} s")
    np.testing.assert_allclose(ours, run(), rtol=0, atol=1e-10)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
