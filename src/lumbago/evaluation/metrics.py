"""How good predictions are: metrics that take weights, so that a bootstrap is one call.

Every metric is a function of `Outcomes` (the predictions of one model as arrays) and of
weights of shape (n_resamples, n_rows), and gives one value per resample, NaN where it is
undefined. A plain score is the resample in which every row weighs one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target
from lumbago.evaluation import calibration
from lumbago.evaluation.outcomes import CELL, Outcomes


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide, NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)


def roc_auc(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Share of (positive, negative) pairs that one fitted model ranks rightly; ties count half.

    Decision values of different folds come from different models and are never compared;
    a fold with one class alone contributes no pair.

    Returns
    -------
    array of shape (n_resamples,), in [0, 1], NaN where no fold holds both classes.

    References
    ----------
    .. [1] Hanley & McNeil (1982). Radiology 143, 29-36. doi:10.1148/radiology.143.1.7063747
    """
    order = np.lexsort((outcomes.score, outcomes.fitted))
    score, fitted = outcomes.score[order], outcomes.fitted[order]
    positive = outcomes.positive[order]
    n = len(order)
    new_model = np.r_[True, fitted[1:] != fitted[:-1]]
    new_value = new_model | np.r_[True, score[1:] != score[:-1]]
    # For each row, where its model's rows begin and end, and where its ties begin and end.
    begin = np.flatnonzero(new_model)[np.cumsum(new_model) - 1]
    end = np.r_[np.flatnonzero(new_model)[1:], n][np.cumsum(new_model) - 1]
    first = np.flatnonzero(new_value)[np.cumsum(new_value) - 1]
    last = np.r_[np.flatnonzero(new_value)[1:], n][np.cumsum(new_value) - 1]

    weights = weights[:, order]
    negatives = np.zeros((len(weights), n + 1))
    np.cumsum(np.where(positive, 0.0, weights), axis=1, out=negatives[:, 1:])
    up = np.flatnonzero(positive)
    below = (negatives[:, first[up]] + negatives[:, last[up]]) / 2 - negatives[:, begin[up]]
    against = negatives[:, end[up]] - negatives[:, begin[up]]
    right = np.einsum("bi,bi->b", weights[:, up], below)
    pairs = np.einsum("bi,bi->b", weights[:, up], against)
    return _share(right, pairs)


def accuracy(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Share of rows given their true class."""
    right = (outcomes.truth == outcomes.predicted).astype(float)
    return _share(weights @ right, weights.sum(axis=1))


def recall(outcomes: Outcomes, weights: np.ndarray, code: int) -> np.ndarray:
    """Share of the rows of one class that are given it."""
    of_class = (outcomes.truth == code).astype(float)
    right = of_class * (outcomes.predicted == code)
    return _share(weights @ right, weights @ of_class)


def balanced_accuracy(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Mean over the classes of the share recognized; NaN where a class of the target is absent."""
    classes = range(len(outcomes.target.classes))
    return np.mean([recall(outcomes, weights, code) for code in classes], axis=0)


def sensitivity(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Share of the positive class recognized."""
    return recall(outcomes, weights, len(outcomes.target.classes) - 1)


def specificity(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Share of the negative class recognized."""
    return recall(outcomes, weights, 0)


def brier(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Mean squared distance between the probability of the positive class and what happened."""
    return _share(weights @ (outcomes.prob - outcomes.positive) ** 2, weights.sum(axis=1))


def mae(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Mean absolute error, in the target's unit."""
    return _share(weights @ np.abs(outcomes.truth - outcomes.predicted), weights.sum(axis=1))


def _over_repeats(
    outcomes: Outcomes,
    weights: np.ndarray,
    of: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    each = []
    for repeat in np.unique(outcomes.repeat):
        rows = np.flatnonzero(outcomes.repeat == repeat)
        each.append(of(outcomes.truth[rows], outcomes.predicted[rows], weights[:, rows]))
    return np.mean(each, axis=0) if each else np.full(len(weights), np.nan)


def pearson(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Pearson correlation of predicted and observed values, per repeat, then averaged."""

    def of_one(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
        # Centred first: the sums below then lose no digits to a large mean.
        x, y = truth - truth.mean(), predicted - predicted.mean()
        total = weights.sum(axis=1)
        mean_x, mean_y = _share(weights @ x, total), _share(weights @ y, total)
        xy = _share(weights @ (x * y), total) - mean_x * mean_y
        xx = _share(weights @ (x * x), total) - mean_x**2
        yy = _share(weights @ (y * y), total) - mean_y**2
        # Rounding leaves a constant with a variance of about its square times 1e-16.
        flat = (xx <= 1e-14 * (x * x).max(initial=0)) | (yy <= 1e-14 * (y * y).max(initial=0))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(flat, np.nan, np.clip(xy / np.sqrt(xx * yy), -1, 1))

    return _over_repeats(outcomes, weights, of_one)


def r_squared(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """1 - squared error / squared distance from the test rows' own mean, averaged over repeats.

    Zero is as good as knowing that mean; below zero is worse.
    """

    def of_one(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
        x = truth - truth.mean()
        mean = _share(weights @ x, weights.sum(axis=1))
        spread = weights @ (x * x) - weights.sum(axis=1) * mean**2
        spread = np.where(spread <= 1e-14 * (x * x).max(initial=0), 0.0, spread)
        return 1 - _share(weights @ (truth - predicted) ** 2, spread)

    return _over_repeats(outcomes, weights, of_one)


@dataclass(frozen=True)
class Metric:
    """A metric's function, and what a reader must know of it."""

    name: str
    label: str
    function: Callable[[Outcomes, np.ndarray], np.ndarray]
    kinds: tuple[str, ...]
    chance: float | None = None
    """Expected value of a model that knows nothing, where it does not depend on the data."""
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    always: bool = True
    """Whether it is scored where no metrics are named."""


METRICS = {
    m.name: m
    for m in (
        Metric("roc_auc", "ROC AUC", roc_auc, ("binary",), 0.5),
        Metric("balanced_accuracy", "Balanced accuracy", balanced_accuracy,
               ("binary", "multiclass")),
        Metric("accuracy", "Accuracy", accuracy, ("binary", "multiclass")),
        Metric("sensitivity", "Sensitivity", sensitivity, ("binary",)),
        Metric("specificity", "Specificity", specificity, ("binary",)),
        Metric("brier", "Brier score", brier, ("binary",), None, False),
        Metric("calibration_slope", "Calibration slope", calibration.slope, ("binary",), None,
               bounds=(-np.inf, np.inf), always=False),
        Metric("calibration_intercept", "Calibration intercept", calibration.intercept,
               ("binary",), None, bounds=(-np.inf, np.inf), always=False),
        Metric("ece", "Expected calibration error", calibration.expected_error, ("binary",),
               None, False, always=False),
        Metric("r", "Pearson r", pearson, ("continuous",), 0.0,
               bounds=(-1.0, 1.0)),
        Metric("r2", "R²", r_squared, ("continuous",), 0.0, bounds=(-np.inf, 1.0)),
        Metric("mae", "Mean absolute error", mae, ("continuous",), None, False,
               bounds=(0.0, np.inf)),
    )
}  # fmt: skip


OF_PROBABILITIES = frozenset({"brier", "calibration_slope", "calibration_intercept", "ece"})
"""Metrics of calibrated probabilities."""


def metrics_of(target: Target, metrics: Sequence[str] | None = None) -> list[Metric]:
    """Return the metrics asked for, or all that a target of this kind is always scored by.

    Raises
    ------
    ValueError
        If a metric is unknown or means nothing for this kind of target.
    """
    if metrics is None:
        return [m for m in METRICS.values() if target.kind in m.kinds and m.always]
    for name in metrics:
        if name not in METRICS or target.kind not in METRICS[name].kinds:
            fitting = [m.name for m in METRICS.values() if target.kind in m.kinds]
            raise ValueError(
                f"metric {name!r} does not exist for the {target.kind} target "
                f"{target.name!r}; expected one of {fitting}"
            )
    return [METRICS[name] for name in metrics]


def why_undefined(metric: Metric, outcomes: Outcomes) -> str:
    """Say why a metric has no value for these rows; empty where it has one."""
    if len(outcomes) == 0:
        return "no predictions"
    classes = len(outcomes.target.classes)
    counts = np.bincount(outcomes.truth, minlength=classes) if classes else np.array([])
    absent = [name for name, n in zip(outcomes.target.classes, counts, strict=True) if n == 0]
    if metric.name == "roc_auc":
        if absent:
            return f"no {absent[0]} among the test rows"
        if not np.isfinite(outcomes.score).all():
            return "rows without a decision value"
        both = {(f, p) for f, p in zip(outcomes.fitted, outcomes.positive, strict=True)}
        if not any((f, not p) in both for f, p in both):
            return "every test fold holds one class only"
    if metric.name == "balanced_accuracy" and absent:
        return f"no {absent[0]} among the test rows"
    if metric.name == "sensitivity" and outcomes.target.classes[-1] in absent:
        return f"no {outcomes.target.classes[-1]} among the test rows"
    if metric.name == "specificity" and outcomes.target.classes[0] in absent:
        return f"no {outcomes.target.classes[0]} among the test rows"
    if metric.name in OF_PROBABILITIES:
        return _why_undefined_probability(metric, outcomes, absent)
    if outcomes.target.kind == "continuous":
        return _why_undefined_continuous(metric, outcomes)
    return ""


def _why_undefined_probability(metric: Metric, outcomes: Outcomes, absent: Sequence[str]) -> str:
    if not np.isfinite(outcomes.prob).all():
        return "the model gives no probabilities"
    if metric.name.startswith("calibration_") and absent:
        return f"no {absent[0]} among the test rows"
    if metric.name == "calibration_slope":
        if np.ptp(outcomes.prob) == 0:
            return "everybody is given the same probability"
        ones = np.ones((1, len(outcomes)))
        if not np.isfinite(metric.function(outcomes, ones)).all():
            return "the probabilities part the classes"
    return ""


def _why_undefined_continuous(metric: Metric, outcomes: Outcomes) -> str:
    if not np.isfinite(outcomes.predicted).all():
        return "rows without a prediction"
    if metric.name in ("r", "r2") and np.ptp(outcomes.truth) == 0:
        return "every test row has the same value"
    if metric.name == "r":
        # Folds of a model that knows nothing differ by their training means only, which are
        # low where the held-out values are high: their correlation would be an artefact.
        spread = pd.Series(outcomes.predicted).groupby(outcomes.fitted).agg(np.ptp)
        scale = np.abs(outcomes.predicted).max()
        if (spread <= 1e-12 * scale).all():
            return "predictions do not vary within a fold"
    return ""


def score(metric: Metric, outcomes: Outcomes) -> float:
    """Return the metric's value for all rows, NaN where `why_undefined` has a reason."""
    if why_undefined(metric, outcomes):
        return float("nan")
    return float(metric.function(outcomes, np.ones((1, len(outcomes))))[0])


def score_table(
    predictions: pd.DataFrame, target: Target, metrics: Sequence[str] | None = None
) -> pd.DataFrame:
    """Score every cell (features × model × scheme) of a predictions table.

    Parameters
    ----------
    predictions : DataFrame
        Rows of `Result.predictions`.
    target : Target
        What was predicted.
    metrics : sequence of str, optional
        Names of `METRICS`; default all that the target's kind has.

    Returns
    -------
    DataFrame
        features, model, scheme, metric, score (NaN where undefined), reason (why).
    """
    wanted = metrics_of(target, metrics)
    rows = []
    for cell, frame in predictions.groupby(list(CELL), sort=True):
        outcomes = Outcomes.of(frame, target)
        for metric in wanted:
            reason = why_undefined(metric, outcomes)
            rows.append((*cell, metric.name, score(metric, outcomes), reason))
    return pd.DataFrame(rows, columns=[*CELL, "metric", "score", "reason"])
