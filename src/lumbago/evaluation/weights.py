"""Weights over folds and repeats, in one row per feature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from lumbago.evaluation.outcomes import CELL

WEIGHT_COLUMNS = (
    *CELL, "feature", "coefficient", "coefficient_sd", "pattern", "pattern_sd",
    "sign_consistency", "n_folds",
)  # fmt: skip


def gather_weights(units: Iterable[Any]) -> pd.DataFrame:
    """Summarize coefficients and Haufe patterns over all fitted models of a cell.

    Parameters
    ----------
    units : iterable
        Objects with ``predictions`` and ``weights``: {"features": names, "coefficient" and
        "pattern": (n_folds, n_features)}, or an empty or missing ``weights``. NaN where a
        column was dropped in a fold.

    Returns
    -------
    DataFrame
        `WEIGHT_COLUMNS`. ``sign_consistency`` is the share of folds whose coefficient has the
        sign of the mean coefficient, in [0, 1]; ``n_folds`` the folds that kept the feature.
        Standard deviations are over fitted models (ddof 1) and describe stability, not error.

    References
    ----------
    .. [1] Haufe et al. (2014). NeuroImage 87, 96-110. doi:10.1016/j.neuroimage.2013.10.067
    """
    by_cell: dict[tuple[str, ...], list[Any]] = {}
    for unit in units:
        if unit.weights and len(unit.weights.get("features", ())) and len(unit.predictions):
            cell = tuple(unit.predictions.iloc[0][list(CELL)])
            by_cell.setdefault(cell, []).append(unit)
    tables = []
    for cell in sorted(by_cell):
        # Sums in floating point depend on order: units are put in the order of their repeats.
        mine = sorted(by_cell[cell], key=lambda u: int(u.predictions["repeat"].iloc[0]))
        table = _summary(
            [list(u.weights["features"]) for u in mine],
            [np.asarray(u.weights["coefficient"], dtype=float) for u in mine],
            [np.asarray(u.weights["pattern"], dtype=float) for u in mine],
        )
        for name, value in reversed(list(zip(CELL, cell, strict=True))):
            table.insert(0, name, value)
        tables.append(table)
    if not tables:
        return pd.DataFrame(columns=list(WEIGHT_COLUMNS))
    return pd.concat(tables, ignore_index=True)


def _summary(
    names: list[list[str]], coefficients: list[np.ndarray], patterns: list[np.ndarray]
) -> pd.DataFrame:
    features = list(dict.fromkeys(name for part in names for name in part))
    coefficient = np.vstack(
        [_aligned(n, c, features) for n, c in zip(names, coefficients, strict=True)]
    )
    pattern = np.vstack([_aligned(n, p, features) for n, p in zip(names, patterns, strict=True)])
    mean, sd, n = _moments(coefficient)
    pattern_mean, pattern_sd, _ = _moments(pattern)
    agree = (np.sign(coefficient) == np.sign(mean)) & np.isfinite(coefficient)
    consistency = np.divide(agree.sum(axis=0), n, out=np.full(len(n), np.nan), where=n > 0)
    return pd.DataFrame(
        {
            "feature": features,
            "coefficient": mean,
            "coefficient_sd": sd,
            "pattern": pattern_mean,
            "pattern_sd": pattern_sd,
            "sign_consistency": consistency,
            "n_folds": n,
        }
    )


def _aligned(names: list[str], values: np.ndarray, features: list[str]) -> np.ndarray:
    if names == features:
        return values
    wide = np.full((len(values), len(features)), np.nan)
    position = {name: i for i, name in enumerate(features)}
    wide[:, [position[name] for name in names]] = values
    return wide


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard deviation (ddof 1) and count over the finite rows of every column."""
    finite = np.isfinite(values)
    n = finite.sum(axis=0)
    nothing = np.full(values.shape[1], np.nan)
    mean = np.divide(np.where(finite, values, 0).sum(axis=0), n, out=nothing.copy(), where=n > 0)
    off = np.where(finite, values - mean, 0)
    variance = np.divide((off**2).sum(axis=0), n - 1, out=nothing.copy(), where=n > 1)
    return mean, np.sqrt(variance), n
