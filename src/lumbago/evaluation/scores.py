"""The scores table: every cell, pooled and in its parts, with intervals and p-values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target
from lumbago.evaluation.familywise import over_the_grid
from lumbago.evaluation.intervals import (
    N_RESAMPLES,
    draw,
    interval,
    strata,
    too_small,
    wider,
)
from lumbago.evaluation.metrics import Metric, metrics_of, score, why_undefined
from lumbago.evaluation.outcomes import CELL, Outcomes, place_of
from lumbago.evaluation.splits import kind_of
from lumbago.provenance import task_seed

SCORE_COLUMNS = (
    *CELL, "scope", "metric", "score", "ci_low", "ci_high", "interval",
    "wide_low", "wide_high", "n", "n_positive",
    "p", "n_permutations", "p_corrected", "n_cells", "n_shared", "reason",
)  # fmt: skip
WITHIN = "within_cohort"
"""The scheme whose every repeat tests everybody once, by models trained on all the others."""


def score_cells(
    predictions: pd.DataFrame,
    nulls: pd.DataFrame,
    target: Target,
    *,
    metrics: Sequence[str] | None = None,
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> pd.DataFrame:
    """Score every cell of a predictions table; the columns are those of `Result.scores`."""
    wanted = metrics_of(target, metrics)
    null_of = {
        key: group["score"].to_numpy(dtype=float)
        for key, group in nulls.groupby([*CELL, "metric"], sort=True)
    }
    rows: list[dict[str, Any]] = []
    observed: dict[tuple[tuple[str, ...], str], float] = {}
    for cell, frame in predictions.groupby(list(CELL), sort=True):
        of_cell = Outcomes.of(frame, target)
        for scope, mask in scopes(frame):
            outcomes = of_cell if mask is None else of_cell.take(mask)
            sequence = bootstrap_seed(seed, target, scope)
            for metric, row in _scope_scores(outcomes, wanted, sequence, n_resamples):
                null = null_of.get((*cell, metric.name), np.array([]))
                if scope == "pooled" and len(null):
                    null = null[np.isfinite(null)]
                    first = of_cell.take(of_cell.repeat == 0)
                    observed[tuple(map(str, cell)), metric.name] = score(metric, first)
                    row["p"] = p_value(observed[tuple(map(str, cell)), metric.name], null, metric)
                    row["n_permutations"] = len(null)
                crossed = kind_of(str(cell[2])) == WITHIN
                if scope == "pooled" and crossed and np.isfinite(row["ci_low"]):
                    row["wide_low"], row["wide_high"] = wider(metric, of_cell)
                rows.append(dict(zip(CELL, cell, strict=True)) | {"scope": scope} | row)
    corrected = over_the_grid(observed, nulls)
    for row in rows:
        key = tuple(str(row[c]) for c in CELL), row["metric"]
        if row["scope"] == "pooled" and key in corrected:
            row["p_corrected"], row["n_cells"], row["n_shared"] = corrected[key]
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def bootstrap_seed(seed: int, target: Target, scope: str) -> np.random.SeedSequence:
    """Return the seed that draws participants.

    No model in the name: cells with the same people draw the same people, which makes
    their differences paired.
    """
    return task_seed(seed, "bootstrap", target.name, scope)


def scopes(frame: pd.DataFrame) -> list[tuple[str, np.ndarray | None]]:
    """Return the parts of one cell's rows that are scored: all, each cohort, site and transfer.

    A site that is a whole cohort is not repeated, nor is a part that is everything.
    """
    found: list[tuple[str, np.ndarray | None]] = [("pooled", None)]
    cohort = frame["cohort"].to_numpy(dtype=str)
    # Sites are read within their cohort: "A" of two studies are two scanners.
    site = frame["site"].fillna("").to_numpy(dtype=str)
    cohorts = np.unique(cohort)
    if len(cohorts) > 1:
        found += [(f"cohort:{c}", cohort == c) for c in cohorts]
    for c in cohorts:
        sites = np.unique(site[cohort == c])
        if len(sites) > 1:
            several = len(cohorts) > 1
            found += [
                (f"site:{place_of(c, s) if several else s}", (cohort == c) & (site == s))
                for s in sites
            ]
    if len(frame) and kind_of(frame["scheme"].iloc[0]) == "transfer":
        pair = frame["split"].to_numpy(dtype=str)
        found += [(f"pair:{name}", pair == name) for name in np.unique(pair)]
    return found


def _scope_scores(
    outcomes: Outcomes,
    metrics: Sequence[Metric],
    seed: np.random.SeedSequence,
    n_resamples: int,
) -> Iterable[tuple[Metric, dict[str, Any]]]:
    small = too_small(outcomes)
    counts = None if small else draw(strata(outcomes), n_resamples, seed)
    binary = outcomes.target.kind == "binary"
    positives = len(np.unique(outcomes.person[outcomes.positive])) if binary else 0
    for metric in metrics:
        reason = why_undefined(metric, outcomes)
        low = high = float("nan")
        words = ""
        if not reason and counts is not None:
            low, high, words = interval(metric, outcomes, counts)
        row = {
            "metric": metric.name,
            "score": score(metric, outcomes),
            "ci_low": low,
            "ci_high": high,
            "interval": words,
            "wide_low": float("nan"),
            "wide_high": float("nan"),
            "n": outcomes.n_people,
            "n_positive": positives if binary else float("nan"),
            "p": float("nan"),
            "n_permutations": 0,
            "p_corrected": float("nan"),
            "n_cells": 0,
            "n_shared": 0,
            "reason": reason or ("" if words else small or "no interval: often undefined"),
        }
        yield metric, row


def p_value(observed: float, null: np.ndarray, metric: Metric) -> float:
    """Share of permutations at least as good as observed, the observed one counted in.

    References
    ----------
    .. [1] Phipson & Smyth (2010). Stat Appl Genet Mol Biol 9, 39. doi:10.2202/1544-6115.1585
    """
    if not len(null) or not np.isfinite(observed):
        return float("nan")
    # Sums in another order differ in the last bits; a tie must stay a tie.
    margin = 1e-12 * max(1.0, abs(observed))
    better = null >= observed - margin if metric.higher_is_better else null <= observed + margin
    return float((np.count_nonzero(better) + 1) / (len(null) + 1))
