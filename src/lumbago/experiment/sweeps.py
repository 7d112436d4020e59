"""Measures of graphs over densities, group by group: what a figure of them is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Dataset, FeatureTable
from lumbago.data.html import FEWEST
from lumbago.extractors.network import density_of

SWEEP_COLUMNS = (
    "features", "measure", "density", "group", "versus", "n", "estimate", "ci_low", "ci_high",
)  # fmt: skip
AREA = "auc"


def sweep_summary(
    table: FeatureTable, groups: pd.Series, order: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return means of groups over densities, and how far apart two groups are.

    A person counts once: the sessions of a person and group are averaged before.

    Parameters
    ----------
    table : FeatureTable
        Of kind ``network``; measures that give one number are taken.
    groups : Series of str
        Group of each sample, by the index of the table; samples without one are left out.
    order : sequence of str, optional
        The groups that count; where there are two, the second is compared with the first.

    Returns
    -------
    DataFrame
        features, measure, density (NaN for the area under the curve), group, versus (empty for
        the mean of a group), n people, estimate, ci_low, ci_high. Intervals: 95 %, Student's t
        for means and Welch's for differences. Groups of fewer than three people are left out.
    """
    people, labels = _people(table, groups)
    wanted = list(dict.fromkeys(order if order is not None else sorted(set(labels))))
    wanted = [g for g in wanted if (labels == g).sum() >= FEWEST]
    rows = []
    for column in people:
        told = _told(str(column), table.key)
        if told is None:
            continue
        values = {g: _finite(people.loc[labels == g][column]) for g in wanted}
        for group, mine in values.items():
            rows.append((table.key, *told, group, "", len(mine), *_mean(mine)))
        if len(wanted) == 2:
            one, other = values.values()
            n = len(one) + len(other)
            rows.append((table.key, *told, wanted[1], wanted[0], n, *_difference(other, one)))
    return pd.DataFrame(rows, columns=list(SWEEP_COLUMNS))


def run_sweeps(tables: Mapping[str, FeatureTable], dataset: Dataset) -> pd.DataFrame | None:
    """Return the summaries of every network of a run with two classes; None where there is none."""
    target = dataset.target
    mine = [t for t in tables.values() if t.spec.get("kind") == "network"]
    if target.kind != "binary" or not mine:
        return None
    groups = pd.Series([target.classes[code] for code in dataset.y], index=dataset.X.index)
    found = [sweep_summary(t, groups, target.classes) for t in mine]
    return pd.concat(found, ignore_index=True)


def _people(table: FeatureTable, groups: pd.Series) -> tuple[pd.DataFrame, np.ndarray]:
    """Return one row per person and group, and the group of each row."""
    columns = [c for c in table.values if ":" not in str(c)]
    labels = groups.reindex(table.values.index)
    there = labels.notna().to_numpy()
    values = table.values.loc[there, columns].astype(np.float64)
    keys = [
        values.index.get_level_values("cohort"),
        values.index.get_level_values("participant_id"),
        labels[there].astype(str).to_numpy(),
    ]
    people = values.groupby(keys).mean()
    return people, people.index.get_level_values(2).to_numpy(dtype=object)


def _told(column: str, key: str) -> tuple[str, float] | None:
    """Return the measure of a column and its density, NaN for the area under the curve."""
    measure, _, at = column.removeprefix(f"{key}.").rpartition(".")
    if not measure:
        return None
    if at == AREA:
        return measure, np.nan
    density = density_of(at)
    return None if density is None else (measure, density)


def _finite(values: pd.Series) -> np.ndarray:
    found = values.to_numpy(dtype=np.float64)
    return found[np.isfinite(found)]


def _mean(values: np.ndarray) -> tuple[float, float, float]:
    if len(values) < FEWEST:
        return np.nan, np.nan, np.nan
    from scipy.stats import t

    mean = float(values.mean())
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def _difference(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    if min(len(one), len(other)) < FEWEST:
        return np.nan, np.nan, np.nan
    if one.std() == 0 and other.std() == 0:
        apart = float(one.mean() - other.mean())
        return apart, apart, apart
    from scipy.stats import ttest_ind

    interval: Any = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    return float(one.mean() - other.mean()), float(interval.low), float(interval.high)
