"""Intervals: participants are drawn again, the fitted models stay as they are."""

from __future__ import annotations

import numpy as np

from lumbago.evaluation.metrics import Metric, score
from lumbago.evaluation.outcomes import Outcomes
from lumbago.statistics.bootstrap import bca
from lumbago.statistics.proportion import wilson
from lumbago.statistics.resampled import corrected_interval

N_RESAMPLES = 1000
MIN_PEOPLE = 5
"""Fewer participants than this in a class give no interval worth the name."""
MIN_DEFINED = 0.9
"""Share of resamples in which a metric must be defined for its percentiles to be shown."""
_CHUNK = 4_000_000  # weights held at once; 32 MB of float64


def strata(outcomes: Outcomes) -> np.ndarray:
    """Return the stratum of each participant: the classes among their rows.

    A participant whose sessions differ in class is a stratum of their own kind, so that
    a resample holds as many people of each class as the sample.
    """
    if outcomes.target.kind == "continuous":
        return np.zeros(outcomes.n_people, dtype=int)
    has = np.zeros((outcomes.n_people, len(outcomes.target.classes)), dtype=int)
    has[outcomes.person, outcomes.truth] = 1
    return np.unique(has, axis=0, return_inverse=True)[1].ravel()


def draw(stratum: np.ndarray, n_resamples: int, seed: np.random.SeedSequence) -> np.ndarray:
    """Draw participants with replacement within each stratum.

    Returns
    -------
    array of shape (n_resamples, n_people)
        How often each participant was drawn.
    """
    rng = np.random.default_rng(seed)
    counts = np.zeros((n_resamples, len(stratum)))
    for value in np.unique(stratum):
        members = np.flatnonzero(stratum == value)
        share = np.full(len(members), 1 / len(members))
        counts[:, members] = rng.multinomial(len(members), share, size=n_resamples)
    return counts


def resampled(metric: Metric, outcomes: Outcomes, counts: np.ndarray) -> np.ndarray:
    """Return the metric in every resample; a participant brings all their rows.

    Parameters
    ----------
    counts : array of shape (n_resamples, n_people)
        What `draw` gives.

    Returns
    -------
    array of shape (n_resamples,)
    """
    step = max(1, _CHUNK // max(1, len(outcomes)))
    parts = [
        metric.function(outcomes, counts[start : start + step][:, outcomes.person])
        for start in range(0, len(counts), step)
    ]
    return np.concatenate(parts)


def too_small(outcomes: Outcomes) -> str:
    """Say why these rows are too few for an interval; empty where they are not."""
    if len(outcomes) == 0:
        return "no predictions"
    fewest = outcomes.n_people
    if outcomes.target.kind != "continuous":
        classes = np.unique(outcomes.truth)
        fewest = min(len(np.unique(outcomes.person[outcomes.truth == c])) for c in classes)
    if fewest < MIN_PEOPLE:
        of = "" if outcomes.target.kind == "continuous" else " in a class"
        return f"no interval: fewer than {MIN_PEOPLE} participants{of}"
    return ""


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile, NaN where too few resamples are defined."""
    defined = values[np.isfinite(values)]
    if len(defined) < MIN_DEFINED * len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def interval(metric: Metric, outcomes: Outcomes, counts: np.ndarray) -> tuple[float, float, str]:
    """Return the 95 % interval of a score, and what it is an interval of.

    One fitted model on a test cohort: Wilson's for shares of people (each with one row), BCa
    for everything else, percentiles where all resamples lie on one side. Several fitted
    models: percentiles, models as fitted.

    Parameters
    ----------
    counts : array of shape (n_resamples, n_people)
        What `draw` gives.

    Returns
    -------
    low, high : float
        NaN where too few resamples are defined.
    words : str
        Empty where there is no interval.
    """
    if is_fixed(outcomes) and metric.name in _SHARES and outcomes.n_people == len(outcomes):
        asked = _SHARES[metric.name](outcomes)
        right = (outcomes.truth == outcomes.predicted) & asked
        return *wilson(int(right.sum()), int(asked.sum())), f"Wilson's; {_FIXED}"
    drawn = resampled(metric, outcomes, counts)
    low, high = percentiles(drawn)
    if np.isfinite(low) and is_fixed(outcomes):
        without = _without_each(metric, outcomes)
        stratum = strata(outcomes)
        if np.isfinite(without).all():
            parts = [without[stratum == value] for value in np.unique(stratum)]
            corrected = bca(score(metric, outcomes), drawn, parts)
            if np.isfinite(corrected).all():
                return *corrected, f"participants resampled, BCa; {_FIXED}"
    return low, high, wording(outcomes) if np.isfinite(low) else ""


def _without_each(metric: Metric, outcomes: Outcomes) -> np.ndarray:
    """Return the metric without each participant in turn, of shape (n_people,)."""
    n = outcomes.n_people
    step = max(1, _CHUNK // n)
    parts = []
    for start in range(0, n, step):
        counts = np.ones((min(step, n - start), n))
        counts[np.arange(len(counts)), np.arange(start, start + len(counts))] = 0.0
        parts.append(resampled(metric, outcomes, counts))
    return np.concatenate(parts)


_FIXED = "a fixed model on a test cohort"
_SHARES = {
    "accuracy": lambda o: np.ones(len(o), dtype=bool),
    "sensitivity": lambda o: o.positive,
    "specificity": lambda o: ~o.positive,
}
"""Metrics that are a share of people, and of which people."""


def is_fixed(outcomes: Outcomes) -> bool:
    """Tell whether one fitted model made every prediction."""
    return len(np.unique(outcomes.fitted)) == 1


def wider(metric: Metric, outcomes: Outcomes) -> tuple[float, float]:
    """Return the interval that other training samples are counted in, of a cross-validation.

    Nadeau and Bengio's corrected variance over the folds of all repeats, each scored by
    itself. Bates, Hastie and Tibshirani's nested cross-validation estimates the same with
    less to assume, at hundreds of fits more per combination; it is not run.

    Parameters
    ----------
    outcomes : Outcomes
        Of a scheme whose every repeat tests everybody once.

    Returns
    -------
    low, high : float
        Within the metric's bounds; NaN where a repeat has one fold only, or where more than
        a tenth of the folds cannot be scored.
    """
    models = np.unique(outcomes.fitted)
    scores, share = [], []
    everybody = outcomes.n_people
    for model in models:
        rows = outcomes.fitted == model
        tested = len(np.unique(outcomes.person[rows]))
        if tested == everybody:
            return float("nan"), float("nan")
        scores.append(score(metric, outcomes.take(rows)))
        share.append(tested / (everybody - tested))
    found = np.array(scores)
    if not len(found) or np.isfinite(found).mean() < MIN_DEFINED:
        return float("nan"), float("nan")
    low, high = corrected_interval(found, float(np.mean(share)))
    return float(np.clip(low, *metric.bounds)), float(np.clip(high, *metric.bounds))


def wording(outcomes: Outcomes) -> str:
    """Say what the interval of these rows is an interval of."""
    per_person = len({(p, f) for p, f in zip(outcomes.person, outcomes.fitted, strict=True)})
    if is_fixed(outcomes):
        return f"participants resampled; {_FIXED}"
    if per_person == outcomes.n_people and (outcomes.repeat == outcomes.repeat[0]).all():
        return "participants resampled, models as fitted, each person predicted once"
    return "participants resampled, models as fitted; given these participants"
