"""Columns that are the target under another name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumbago.data.dataset import Dataset
from lumbago.data.features import COVARIATE

ALWAYS_THERE = ("site", "cohort")
"""Columns that every dataset has, named as covariates or not."""
_AT_ONCE = 4096
"""Columns looked at together, so that a wide table is never copied whole."""
_ON_A_LINE = 1 - 1e-9


def tells_the_target(dataset: Dataset, covariate: str) -> bool:
    """Tell whether a covariate's values and the target's go one to one, or lie on a line."""
    if covariate in ALWAYS_THERE and covariate not in dataset.covariates:
        return False
    column = dataset.X[COVARIATE + covariate]
    there = column.notna().to_numpy()
    values, y = column.to_numpy()[there], np.asarray(dataset.y)[there]
    if dataset.target.kind == "continuous":
        if not pd.api.types.is_numeric_dtype(column) or len(set(values)) < 2 or np.ptp(y) == 0:
            return False
        return abs(float(np.corrcoef(values.astype(float), y)[0, 1])) > _ON_A_LINE
    pairs = set(zip(map(str, values), y.tolist(), strict=True))
    return 1 < len(pairs) == len({v for v, _ in pairs}) == len({c for _, c in pairs})


def disguised_features(dataset: Dataset) -> list[str]:
    """Return the feature columns whose values and the target's go one to one, or lie on a line."""
    found: list[str] = []
    n = len(dataset.features)
    for start in range(0, n, _AT_ONCE):
        stop = min(n, start + _AT_ONCE)
        values = dataset.X.iloc[:, start:stop].to_numpy(dtype=np.float64)
        if dataset.target.kind == "continuous":
            told = _on_a_line(values, np.asarray(dataset.y, dtype=float))
        else:
            told = _one_to_one(values, dataset.y)
        found += [dataset.features[start + i] for i in np.flatnonzero(told)]
    return found


def _one_to_one(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tell which columns hold one value in each class, another in every class."""
    codes = np.unique(y)
    missing = np.isnan(values)
    low = np.stack([np.where(missing, np.inf, values)[y == c].min(axis=0) for c in codes])
    high = np.stack([np.where(missing, -np.inf, values)[y == c].max(axis=0) for c in codes])
    apart = (np.diff(np.sort(low, axis=0), axis=0) > 0).all(axis=0)
    told: np.ndarray = (low == high).all(axis=0) & apart & (len(codes) > 1)
    return told


def _on_a_line(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tell which columns are a straight line of the target, over the rows where they are known."""
    known = np.isfinite(values)
    n = np.maximum(known.sum(axis=0), 1)
    x = np.where(known, values, 0.0)
    x = np.where(known, x - x.sum(axis=0) / n, 0.0)
    z = np.where(known, y[:, None] - (known * y[:, None]).sum(axis=0) / n, 0.0)
    both = (x * z).sum(axis=0)
    size = np.sqrt((x * x).sum(axis=0) * (z * z).sum(axis=0))
    told: np.ndarray = (known.sum(axis=0) > 2) & (size > 0) & (np.abs(both) > _ON_A_LINE * size)
    return told
