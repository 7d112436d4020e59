"""Rows outside the training fold, spoiled on purpose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from lumbago.data.dataset import Dataset
from lumbago.data.features import COVARIATE
from lumbago.evaluation.schemes import Split

HUGE = 1e6
POISONS = (
    "values", "missing", "labels", "site", "covariates", "covariates_missing", "ids", "all",
)  # fmt: skip


def poisoned(dataset: Dataset, split: Split, what: str) -> tuple[Dataset, Split]:
    """Spoil every row that does not train, in one way.

    Parameters
    ----------
    dataset : Dataset
    split : Split
        Made from the true table, once.
    what : {"values", "missing", "labels", "site", "covariates", "covariates_missing", "ids", "all"}
        ``values``: huge features. ``missing``: no features. ``labels``: all of one class (so
        that every count changes; swapping balanced labels would keep them), or one far-off
        value. ``site``: a site never met. ``covariates``: huge numbers, a word never met.
        ``covariates_missing``: no covariates. ``ids``: other names, which changes where the rows
        stand. ``all``: everything at once.

    Returns
    -------
    (Dataset, Split)
        The split's positions follow the rows.
    """
    rows = np.setdiff1d(np.arange(len(dataset)), split.train)
    if what in ("values", "all"):
        dataset = _with_values(dataset, rows, HUGE)
    if what == "missing":
        dataset = _with_values(dataset, rows, np.nan)
    if what in ("labels", "all"):
        dataset = replace(dataset, y=_labels(dataset, rows))
    if what in ("site", "all"):
        site = dataset.site.astype(object).copy()
        site[rows] = "poisoned"
        dataset = replace(dataset, site=site)
        if "site" in dataset.covariates:
            dataset = _with_covariates(dataset, rows, missing=False, names=["site"])
    if what in ("covariates", "all"):
        dataset = _with_covariates(dataset, rows, missing=False, names=dataset.covariates)
    if what == "covariates_missing":
        dataset = _with_covariates(dataset, rows, missing=True, names=dataset.covariates)
    if what in ("ids", "all"):
        return _with_ids(dataset, split, rows)
    return dataset, split


def _with_values(dataset: Dataset, rows: np.ndarray, value: float) -> Dataset:
    n = len(dataset.features)
    values = dataset.X.iloc[:, :n].to_numpy(dtype=np.float32).copy()
    if np.isnan(value):
        values[rows] = np.nan
    else:
        # Different in every row and column: a constant would be centred away.
        rng = np.random.default_rng(0)
        values[rows] = value * (1 + rng.random((len(rows), n), dtype=np.float32))
    features = pd.DataFrame(values, index=dataset.X.index, columns=dataset.X.columns[:n])
    return replace(dataset, X=pd.concat([features, dataset.X.iloc[:, n:]], axis=1))


def _labels(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    y = dataset.y.copy()
    if dataset.target.kind == "continuous":
        y[rows] = np.nanmax(np.abs(y)) * 100 + 100
    else:
        last = len(dataset.target.classes) - 1
        y[rows] = 0 if (y[rows] == last).all() else last
    return y


def _with_covariates(
    dataset: Dataset, rows: np.ndarray, *, missing: bool, names: list[str]
) -> Dataset:
    X = dataset.X.copy()
    for name in names:
        column = X[COVARIATE + name]
        if is_numeric_dtype(column):
            values = column.to_numpy(dtype=float).copy()
            values[rows] = np.nan if missing else HUGE * (1 + np.arange(len(rows)))
            X[COVARIATE + name] = values
        else:
            words = column.to_numpy(dtype=object).copy()
            words[rows] = None if missing else "poisoned"
            X[COVARIATE + name] = pd.Series(words, index=X.index, dtype=object)
    return replace(dataset, X=X)


def _with_ids(dataset: Dataset, split: Split, rows: np.ndarray) -> tuple[Dataset, Split]:
    """Rename participants outside the training fold so that they sort in the opposite order."""
    outside = np.zeros(len(dataset), dtype=bool)
    outside[rows] = True
    names = sorted({dataset.participant[i] for i in rows})
    # Before and after every other name in turn, so that training rows move too.
    new = {name: f"{'!' if i % 2 else '~'}{len(names) - i:06d}" for i, name in enumerate(names)}
    ids = [
        (c, new[p] if out else p, s)
        for (c, p, s), out in zip(dataset.X.index, outside, strict=True)
    ]
    index = pd.MultiIndex.from_tuples(ids, names=dataset.X.index.names)
    order = np.array(sorted(range(len(ids)), key=lambda i: ids[i]))
    place = np.empty(len(ids), dtype=np.int64)
    place[order] = np.arange(len(ids))
    X = dataset.X.set_axis(index, axis=0).iloc[order]
    kin = None if dataset.kin is None else dataset.kin[order]
    moved = replace(dataset, X=X, y=dataset.y[order], site=dataset.site[order], kin=kin)
    return moved, replace(split, train=np.sort(place[split.train]), test=np.sort(place[split.test]))
