"""A score in context: the baselines beside it, and what is lost on people from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target
from lumbago.evaluation.baselines import BASELINES
from lumbago.evaluation.intervals import (
    N_RESAMPLES,
    draw,
    percentiles,
    resampled,
    strata,
    too_small,
)
from lumbago.evaluation.metrics import METRICS, Metric, metrics_of, score, why_undefined
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.scores import WITHIN, bootstrap_seed

BASELINE = "baseline"
ALL_BUT_ONE = "all cohorts but one"
LEFT_OUT = {
    "leave_one_cohort_out": "cohort", "leave_one_site_out": "site", "transfer": ALL_BUT_ONE,
}  # fmt: skip
GAP_COLUMNS = (
    "features", "model", "metric", "left_out", "within", "elsewhere", "gap", "ci_low",
    "ci_high", "n", "reason", "words",
)  # fmt: skip


def with_baselines(scores: pd.DataFrame) -> pd.DataFrame:
    """Put the baselines' scores beside every other score.

    Parameters
    ----------
    scores : DataFrame
        What `Result.scores` gives.

    Returns
    -------
    DataFrame
        The rows of the experiment's own models, with one column more for each of
        `BASELINES`: its score under the same scheme, scope and metric, NaN where the
        baseline did not run (its reason is in `Result.not_available`) or has no such score.
    """
    keys = ["scheme", "scope", "metric"]
    own = scores[scores["features"] != BASELINE]
    theirs = scores[scores["features"] == BASELINE]
    table = own
    for name in BASELINES:
        column = theirs.loc[theirs["model"] == name, [*keys, "score"]]
        table = table.merge(column.rename(columns={"score": name}), on=keys, how="left")
    return table.reset_index(drop=True)


def gaps(
    predictions: pd.DataFrame,
    target: Target,
    *,
    seed: int,
    metrics: Sequence[str] | None = None,
    not_available: Mapping[str, str] | None = None,
    n_resamples: int = N_RESAMPLES,
) -> pd.DataFrame:
    """Compare cross-validation within the cohorts with leaving a cohort or site out.

    Parameters
    ----------
    predictions : DataFrame
        Rows of `Result.predictions`.
    not_available : mapping of str to str, optional
        Reasons by scheme, repeated where a gap is missing.

    Returns
    -------
    DataFrame
        features, model, metric, left_out ("cohort", "site", or "all cohorts but one" of a
        transfer), within, elsewhere, gap
        (how much better within; positive means that the pooled score promises too much, also
        where lower is better), ci_low, ci_high (95 %, the same participants resampled in both,
        models as fitted), n participants, reason, words.
    """
    wanted = metrics_of(target, metrics)
    reasons = dict(not_available or {})
    rows: list[dict[str, Any]] = []
    for (features, model), frame in predictions.groupby(["features", "model"], sort=True):
        if features == BASELINE:
            continue
        for scheme, unit in LEFT_OUT.items():
            sides = frame[frame["scheme"].isin([WITHIN, scheme])].reset_index(drop=True)
            missing = [s for s in (WITHIN, scheme) if not (sides["scheme"] == s).any()]
            if scheme in missing and scheme not in reasons:
                continue
            about = {"features": features, "model": model, "left_out": unit}
            if missing:
                reason = reasons.get(missing[0], f"{missing[0]} was not run")
                rows += [about | _no_gap(m, unit, reason) for m in wanted]
                continue
            both = Outcomes.of(sides, target)
            within = (sides["scheme"] == WITHIN).to_numpy()
            counts = None
            if not too_small(both):
                counts = draw(strata(both), n_resamples, bootstrap_seed(seed, target, "pooled"))
            rows += [about | _gap(m, unit, both, within, counts) for m in wanted]
    return pd.DataFrame(rows, columns=list(GAP_COLUMNS))


def _no_gap(metric: Metric, unit: str, reason: str) -> dict[str, Any]:
    nan = float("nan")
    return {
        "metric": metric.name, "within": nan, "elsewhere": nan, "gap": nan, "ci_low": nan,
        "ci_high": nan, "n": 0, "reason": reason,
        "words": f"{metric.label} {_leaving(unit, 'a')} is not available: {reason}.",
    }  # fmt: skip


def _gap(
    metric: Metric,
    unit: str,
    both: Outcomes,
    within: np.ndarray,
    counts: np.ndarray | None,
) -> dict[str, Any]:
    sides = [both.take(within), both.take(~within)]
    reason = next((why for side in sides if (why := why_undefined(metric, side))), "")
    if reason:
        return _no_gap(metric, unit, reason)
    inside, outside = (score(metric, side) for side in sides)
    sign = 1 if metric.higher_is_better else -1
    low = high = float("nan")
    if counts is not None:
        # The same draw weighs a participant in both schemes, so the difference is paired.
        people = [np.unique(both.person[rows]) for rows in (within, ~within)]
        drawn = [
            resampled(metric, side, counts[:, who]) for side, who in zip(sides, people, strict=True)
        ]
        low, high = percentiles(sign * (drawn[0] - drawn[1]))
    about = {
        "metric": metric.name, "within": inside, "elsewhere": outside,
        "gap": sign * (inside - outside), "ci_low": low, "ci_high": high,
        "n": both.n_people, "reason": "",
    }  # fmt: skip
    return about | {"words": gap_in_words(about, unit)}


def place_of(unit: str) -> str:
    """Return where the people never seen are from: a site, or a cohort."""
    return "cohort" if unit == ALL_BUT_ONE else unit


def _leaving(unit: str, article: str) -> str:
    if unit == ALL_BUT_ONE:
        return "training on one cohort and testing on another"
    return f"leaving {article} {unit} out"


def gap_in_words(gap: Mapping[str, Any], unit: str) -> str:
    """Say what a gap means, in one sentence without a verdict the interval does not carry."""
    label, place = METRICS[gap["metric"]].label, place_of(unit)
    span = ""
    if np.isfinite(gap["ci_low"]):
        span = f" (95 % interval {_signed(gap['ci_low'])} to {_signed(gap['ci_high'])})"
    size = f"{abs(gap['gap']):.2f}"
    if size == "0.00":
        loss = f"no difference to two decimals{span}"
    elif gap["gap"] > 0:
        loss = f"a loss of {size}{span} on a {place} never seen"
    else:
        loss = f"better by {size}{span} on a {place} never seen"
    if np.isfinite(gap["ci_low"]) and gap["ci_low"] <= 0 <= gap["ci_high"] and size != "0.00":
        loss += ", which these participants cannot tell from no difference"
    within, elsewhere = (f"{gap[side]:.2f}".replace("-", "−") for side in ("within", "elsewhere"))
    return (
        f"{label} {within} with people of every {place} in training, "
        f"{elsewhere} {_leaving(unit, 'each')}: {loss}."
    )


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
