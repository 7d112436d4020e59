"""Small made-up datasets for the tests of the learning wing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumbago.data.dataset import Dataset, Target


def make_dataset(
    n: int = 40,
    p: int = 12,
    *,
    signal: float = 0.0,
    sessions: int = 1,
    sites: int = 2,
    cohorts: int = 1,
    kind: str = "binary",
    holes: bool = False,
    covariates: bool = True,
    seed: int = 0,
) -> Dataset:
    """Make n participants; the first three features carry the target, scaled by `signal`."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(n) % 2)
    pain = rng.normal(50, 15, n)
    people, rows = np.repeat(np.arange(n), sessions), n * sessions
    what = label if kind == "binary" else (pain - 50) / 15
    values = rng.standard_normal((rows, p))
    if sessions > 1:
        values += 2 * rng.standard_normal((n, p))[people]
    values[:, : min(3, p)] += signal * what[people][:, None]
    if holes:
        values[rng.random(values.shape) < 0.05] = np.nan
    cohort = np.array([f"cohort{i % cohorts}" for i in people])
    site = np.array([f"site{(i // 2) % sites}" for i in people], dtype=object)
    index = pd.MultiIndex.from_arrays(
        [
            cohort,
            [f"sub-{i:03d}" for i in people],
            [f"ses-{s}" if sessions > 1 else "" for s in np.tile(np.arange(sessions), n)],
        ],
        names=("cohort", "participant_id", "session"),
    )
    X = pd.DataFrame(values.astype(np.float32), index, [f"f:r{j}" for j in range(p)])
    if covariates:
        age, sex = rng.normal(45, 10, n), np.where(rng.random(n) < 0.5, "F", "M")
        X["covariate:age"] = age[people]
        X["covariate:sex"] = pd.Series(sex[people], index=index, dtype=object)
        X["covariate:mean_fd"] = rng.gamma(2, 0.1, rows)
    order = np.array(sorted(range(rows), key=lambda i: index[i]))
    y = label[people].astype(np.int64) if kind == "binary" else pain[people]
    target = (
        Target("diagnosis", "binary", ("control", "patient"))
        if kind == "binary"
        else Target("pain", "continuous")
    )
    return Dataset(X.iloc[order], y[order], target, site[order])
