"""Two models on the same people: is one better?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target
from lumbago.evaluation.compare import LEFT_OUT
from lumbago.evaluation.intervals import (
    N_RESAMPLES,
    draw,
    percentiles,
    resampled,
    strata,
    too_small,
)
from lumbago.evaluation.metrics import Metric, metrics_of, score, why_undefined
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.scores import bootstrap_seed
from lumbago.evaluation.splits import kind_of
from lumbago.statistics.delong import delong
from lumbago.statistics.mcnemar import mcnemar

DELONG, MCNEMAR, BOOTSTRAP = "DeLong", "McNemar, exact", "paired bootstrap"
PAIR_COLUMNS = (
    "features", "model", "features_other", "model_other", "scheme", "scope", "metric",
    "score", "score_other", "difference", "ci_low", "ci_high", "p", "method", "n", "reason",
)  # fmt: skip
_SAME = ["repeat", "fold", "split", "cohort", "participant_id", "session"]
Cell = tuple[str, str]


def compare_models(
    predictions: pd.DataFrame,
    target: Target,
    pairs: Sequence[tuple[Cell, Cell]],
    scheme: str,
    *,
    seed: int,
    metrics: Sequence[str] | None = None,
    n_resamples: int = N_RESAMPLES,
) -> pd.DataFrame:
    """Compare pairs of models, each pair on the very rows that both predicted.

    Where one fitted model of each was tested on people of a place it never saw (the parts of
    a left-out or transfer scheme), the AUCs are compared by DeLong's test and the accuracies
    by McNemar's. Everything else pools several fitted models, whose training sets overlap and
    whose decision values cannot be ranked together: there people are drawn again with all
    their rows, the same in both models, and the difference has an interval and a bootstrap p,
    given these participants and models as fitted.

    Parameters
    ----------
    predictions : DataFrame
        Rows of `Result.predictions`.
    target : Target
    pairs : sequence of ((features, model), (features, model))
    scheme : str
    seed : int
        Of the evaluation; every pair draws the same people.
    metrics : sequence of str, optional
        Default: all of the target's.

    Returns
    -------
    DataFrame
        `PAIR_COLUMNS`. ``difference`` is positive where the first is better, also where lower
        is better; ``scope`` is "pooled" or a left-out part; ``p`` is two-sided, for this one
        comparison; ``reason`` says why something is missing.

    Raises
    ------
    ValueError
        If a model of a pair has no predictions under this scheme.
    """
    wanted = metrics_of(target, metrics)
    of_scheme = predictions[predictions["scheme"] == scheme]
    rows: list[dict[str, Any]] = []
    for one, other in pairs:
        sides = [_rows_of(of_scheme, cell, scheme) for cell in (one, other)]
        names = dict(zip(PAIR_COLUMNS, (*one, *other, scheme), strict=False))
        keys = [pd.MultiIndex.from_frame(s[_SAME].astype(str)) for s in sides]
        if len(keys[0]) != len(keys[1]) or not (keys[0] == keys[1]).all():
            rows += [names | _nothing(m, "pooled", "not the same rows") for m in wanted]
            continue
        rows += [names | row for row in _compared(sides, target, scheme, wanted, seed, n_resamples)]
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS))


def _rows_of(predictions: pd.DataFrame, cell: Cell, scheme: str) -> pd.DataFrame:
    mine = predictions[(predictions["features"] == cell[0]) & (predictions["model"] == cell[1])]
    if mine.empty:
        raise ValueError(f"{cell[1]} on {cell[0]} has no predictions under {scheme}")
    mine = mine.assign(split=mine["split"].fillna("").astype(str))
    return mine.sort_values(_SAME, kind="stable", ignore_index=True)


def _nothing(metric: Metric, scope: str, reason: str) -> dict[str, Any]:
    nan = float("nan")
    numbers = ("score", "score_other", "difference", "ci_low", "ci_high", "p")
    return {
        "scope": scope, "metric": metric.name, **dict.fromkeys(numbers, nan), "method": "",
        "n": 0, "reason": reason,
    }  # fmt: skip


def _compared(
    sides: Sequence[pd.DataFrame],
    target: Target,
    scheme: str,
    metrics: Sequence[Metric],
    seed: int,
    n_resamples: int,
) -> list[dict[str, Any]]:
    both = [Outcomes.of(side, target) for side in sides]
    rows = []
    counts = None
    if not too_small(both[0]):
        people = strata(both[0])
        counts = draw(people, n_resamples, bootstrap_seed(seed, target, "pooled"))
    rows += [_drawn(m, both, counts) for m in metrics]
    if kind_of(scheme) not in (*LEFT_OUT, "locked"):
        return rows
    split = sides[0]["split"].to_numpy(dtype=str)
    for name in np.unique(split):
        part = [o.take(split == name) for o in both]
        # One row per person, one fitted model: what the two tests assume.
        if len(np.unique(part[0].fitted)) > 1 or part[0].n_people < len(part[0]):
            continue
        for metric in metrics:
            if found := _tested(metric, part):
                rows.append({"scope": f"part:{name}", "metric": metric.name} | found)
    return rows


def _drawn(metric: Metric, both: Sequence[Outcomes], counts: np.ndarray | None) -> dict[str, Any]:
    """Compare by people drawn again: the same draw weighs a person in both models."""
    reason = next((why for side in both if (why := why_undefined(metric, side))), "")
    if reason:
        return _nothing(metric, "pooled", reason)
    values = [score(metric, side) for side in both]
    sign = 1 if metric.higher_is_better else -1
    row = _nothing(metric, "pooled", "") | {
        "score": values[0], "score_other": values[1], "n": both[0].n_people,
        "difference": sign * (values[0] - values[1]),
    }  # fmt: skip
    if counts is None:
        return row | {"reason": too_small(both[0])}
    drawn = [resampled(metric, side, counts) for side in both]
    apart = sign * (drawn[0] - drawn[1])
    low, high = percentiles(apart)
    if not np.isfinite(low):
        return row | {"reason": "no interval: often undefined"}
    defined = apart[np.isfinite(apart)]
    tail = min(np.sum(defined <= 0), np.sum(defined >= 0))
    p = min(1.0, 2 * (tail + 1) / (len(defined) + 1))
    return row | {"ci_low": low, "ci_high": high, "p": float(p), "method": BOOTSTRAP}


def _tested(metric: Metric, part: Sequence[Outcomes]) -> dict[str, Any] | None:
    """Compare two fitted models on people neither has seen; None for a metric without a test."""
    one, other = part
    if metric.name not in ("roc_auc", "accuracy") or any(why_undefined(metric, s) for s in part):
        return None
    about = {
        "score": score(metric, one), "score_other": score(metric, other), "n": one.n_people,
        "reason": "",
    }  # fmt: skip
    if metric.name == "accuracy":
        found = mcnemar(*(s.truth == s.predicted for s in part))
        nan = float("nan")
        told = {"difference": found.difference, "ci_low": nan, "ci_high": nan, "p": found.p}
        return about | told | {"method": MCNEMAR}
    if min(one.positive.sum(), (~one.positive).sum()) < 2:
        return None
    difference, low, high, p = delong(one.positive, np.stack([s.score for s in part])).difference()
    return about | {
        "difference": difference, "ci_low": low, "ci_high": high, "p": p, "method": DELONG,
    }  # fmt: skip
