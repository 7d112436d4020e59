"""P-values corrected for every combination that was looked at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lumbago.data.features import COVARIATE
from lumbago.evaluation.baselines import LABEL
from lumbago.evaluation.metrics import METRICS
from lumbago.evaluation.outcomes import CELL
from lumbago.statistics.permutation import max_statistic

Cell = tuple[str, ...]


def is_rival(features: str) -> bool:
    """Tell whether a label is one of the grid's own: baselines and covariates alone are not.

    >>> is_rival("edges+covariate:age"), is_rival("covariate:age"), is_rival("baseline")
    (True, False, False)
    """
    return features != LABEL and not all(p.startswith(COVARIATE) for p in features.split("+"))


def over_the_grid(
    observed: Mapping[tuple[Cell, str], float], nulls: pd.DataFrame
) -> dict[tuple[Cell, str], tuple[float, int, int]]:
    """Correct each metric's p-values over all features, models and schemes of the grid.

    Permutations are known by their number, and only those that every combination has are
    used: forests, which run fewer, shorten the comparison for all.

    Parameters
    ----------
    observed : mapping of (cell, metric) to float
        Scores of the repeat that was permuted.
    nulls : DataFrame
        `Result.nulls`.

    Returns
    -------
    mapping of (cell, metric) to (p, n_cells, n_shared)
        The corrected p, how many combinations it is corrected for and how many permutations
        they share. References, which nobody picks as the best, are not in it.
    """
    corrected: dict[tuple[Cell, str], tuple[float, int, int]] = {}
    own = nulls[[is_rival(str(f)) for f in nulls["features"]]] if len(nulls) else nulls
    for metric, of_metric in own.groupby("metric", sort=True):
        by_number = of_metric.set_index(["permutation", *CELL])["score"]
        numbers = by_number.index.get_level_values(0)
        groups = dict(list(by_number.groupby(list(CELL), sort=True)))
        # A permutation that ran has a row, undefined or not; one that did not run has none.
        counts = numbers.value_counts()
        shared = np.sort(counts.index[counts == len(groups)].to_numpy())
        cells = [tuple(str(part) for part in cell) for cell in groups]
        null = np.column_stack(
            [g.droplevel(list(CELL)).loc[shared].to_numpy(dtype=float) for g in groups.values()]
        )
        sign = 1.0 if METRICS[str(metric)].higher_is_better else -1.0
        seen = np.array([observed.get((cell, str(metric)), np.nan) for cell in cells])
        p = max_statistic(sign * seen, sign * null)
        n_cells = int(np.isfinite(p).sum())
        for cell, value in zip(cells, p, strict=True):
            if np.isfinite(value):
                corrected[cell, str(metric)] = (float(value), n_cells, len(shared))
    return corrected
