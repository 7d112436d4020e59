"""Choosing settings inside the training fold, never parting a participant."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from lumbago.models.calibration import platt
from lumbago.models.columns import feature_values, groups_of, take_rows
from lumbago.models.folds import deal_folds
from lumbago.models.learner import Learner
from lumbago.models.rows import Rows
from lumbago.models.threshold import youden_cut

TOWARDS_MORE_PENALTY = {
    "C": -1, "alpha": 1, "max_depth": -1, "min_samples_leaf": 1, "gamma": -1, "epsilon": 1,
    "penalty": 1, "n_components": -1, "n_neighbors": 1, "var_smoothing": 1, "max_iter": -1,
    "l2_regularization": 1, "learning_rate": -1,
}  # fmt: skip
"""Which way a setting regularizes; ties between candidates go to the stronger penalty."""
Candidate = dict[str, Any]


def candidates(grid: Mapping[str, Sequence[Any]]) -> list[Candidate]:
    """Return every combination of settings, the most regularized first.

    Settings whose direction is not known keep the order in which they were given.

    >>> candidates({"C": [1.0, 0.1]})
    [{'C': 0.1}, {'C': 1.0}]
    """
    ordered = []
    for name, given in grid.items():
        values = list(given)
        way = TOWARDS_MORE_PENALTY.get(name)
        if way is not None:
            # None means "no limit": the least regularized end of a depth. Words keep their order.
            numbers = [v for v in given if isinstance(v, int | float)]
            words = [v for v in given if isinstance(v, str)]
            values = sorted(numbers, key=lambda v: -way * v) + words
            values += [v for v in given if v is None]
        ordered.append(values)
    return [
        dict(zip(grid, combination, strict=True)) for combination in itertools.product(*ordered)
    ]


def area_under_curve(score: np.ndarray, positive: np.ndarray) -> float:
    """Share of (positive, negative) pairs ranked rightly, ties half; NaN without a pair."""
    up, down = score[positive], np.sort(score[~positive])
    if len(up) == 0 or len(down) == 0:
        return float("nan")
    below = np.searchsorted(down, up, "left") + np.searchsorted(down, up, "right")
    return float(below.sum() / (2 * len(up) * len(down)))


def decision_values(model: Any, X: Any) -> np.ndarray:
    """Return scores that rise with the positive class, or predicted values."""
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(X), dtype=float)
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(X)[:, -1], dtype=float)
    return np.asarray(model.predict(X), dtype=float)


def quality(score: np.ndarray, y: np.ndarray, *, continuous: bool) -> float:
    """How good inner predictions are: AUC, or minus the mean squared error."""
    if continuous:
        return -float(np.mean((y - score) ** 2))
    return area_under_curve(score, y == 1)


def inner_folds(
    X: Any, y: np.ndarray, n_splits: int, seed: int, *, continuous: bool
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (fit, check) positions within a training fold, participants kept whole.

    Where the smallest class has fewer participants than `n_splits`, there are as many folds
    as it has; with fewer than two, none.
    """
    groups = groups_of(X)
    if continuous:
        n = min(n_splits, len(np.unique(groups)))
    else:
        n = min(n_splits, *(len(np.unique(groups[y == c])) for c in (0, 1)))
    if n < 2:
        return []
    rng = np.random.default_rng(seed)
    fold = deal_folds(y, groups, n, rng, continuous=continuous)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n)]


def choose(model: Any, option: Candidate) -> Any:
    """Set settings of a plain model: ``set_params`` without its inspection of signatures.

    A search and its permutations do this a hundred thousand times.
    """
    for name, value in option.items():
        if not hasattr(model, name):
            raise ValueError(f"{type(model).__name__} has no setting {name!r}")
        setattr(model, name, value)
    return model


def score_candidates(
    model: Any,
    options: Sequence[Candidate],
    parts: Sequence[tuple[Any, np.ndarray, Any]],
    y_check: Sequence[np.ndarray],
    *,
    continuous: bool,
) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    """Fit every candidate on every prepared inner part.

    Parameters
    ----------
    model : estimator
    options : sequence of settings
    parts : sequence of (X_fit, y_fit, X_check)
        Prepared; shared by all candidates.
    y_check : sequence of array

    Returns
    -------
    scores : array of shape (n_candidates, n_parts)
        NaN where a part cannot tell (one class alone).
    values : list over candidates of lists over parts
        Decision values of the checked rows.
    """
    trial = clone(model)
    scores = np.full((len(options), len(parts)), np.nan)
    values: list[list[np.ndarray]] = [[] for _ in options]
    for j, ((X_fit, y_fit, X_check), y) in enumerate(zip(parts, y_check, strict=True)):
        # Permuted labels, or sessions that differ in class, can leave one class alone.
        if not continuous and len(np.unique(y_fit)) < 2:
            for of_option in values:
                of_option.append(np.full(len(y), np.nan))
            continue
        for i, option in enumerate(options):
            fitted = choose(trial, option).fit(X_fit, y_fit)
            decided = decision_values(fitted, X_check)
            values[i].append(decided)
            scores[i, j] = quality(decided, y, continuous=continuous)
    return scores, values


def best_candidate(scores: np.ndarray) -> int:
    """Return the candidate with the highest mean score, of equals the first.

    Means that differ by rounding alone count as equal.
    """
    told = ~np.isnan(scores).all(axis=0) if scores.size else np.array([], dtype=bool)
    if not told.any():
        return 0
    mean = np.nanmean(scores[:, told], axis=1)
    return int(np.flatnonzero(mean >= mean.max() - 1e-12 * max(1.0, abs(mean.max())))[0])


class GroupedSearch(BaseEstimator):
    """Choose settings by an inner cross-validation that keeps participants whole.

    The preparation is fitted once per inner fold and shared by all candidates. Candidates
    are compared by the mean over inner folds of the AUC (binary) or of minus the mean
    squared error (continuous); ties go to the most regularized. The winner is fitted on
    all training rows. Participants are read off the index of X, so no metadata is routed.

    Parameters
    ----------
    estimator : Pipeline
        Preparation steps and, last, the model.
    grid : mapping of str to list
        Candidates per setting of the model; empty where only calibration is wanted.
    n_splits : int
        Inner folds.
    seed : int
        Seed of the inner folds.
    continuous : bool
        Whether the target is continuous.
    calibrate : bool
        Fit Platt's sigmoid to the winner's inner out-of-fold decision values. Choosing and
        calibrating on the same values is slightly optimistic, within the training fold only.
    cut : bool
        Part the classes where Youden's J of the same values is highest, and not at the model's
        own cut.

    Attributes
    ----------
    best_estimator_ : Pipeline
    best_params_ : dict
    scores_ : array of shape (n_candidates, n_inner_folds)
    candidates_ : list of dict
    sigmoid_ : Sigmoid or None
    threshold_ : float or None
        The decision value from which a row is called positive; None for the model's own cut.
    """

    def __init__(
        self,
        estimator: Any,
        grid: Mapping[str, Sequence[Any]],
        n_splits: int = 5,
        seed: int = 0,
        continuous: bool = False,
        calibrate: bool = False,
        cut: bool = False,
    ) -> None:
        self.estimator = estimator
        self.grid = grid
        self.n_splits = n_splits
        self.seed = seed
        self.continuous = continuous
        self.calibrate = calibrate
        self.cut = cut

    def fit(self, X: Any, y: np.ndarray) -> GroupedSearch:
        """Search, then fit the winner on all rows given."""
        y = np.asarray(y)
        folds = inner_folds(X, y, self.n_splits, self.seed, continuous=self.continuous)
        self.candidates_ = candidates(self.grid)
        parts, y_check = [], []
        for fit_rows, check_rows in folds:
            prepared = clone(self.estimator[:-1])
            X_fit = prepared.fit_transform(take_rows(X, fit_rows), y[fit_rows])
            X_check = prepared.transform(take_rows(X, check_rows))
            if isinstance(self.estimator[-1], Learner):
                # Candidates share what is computed of the rows.
                X_fit, X_check = Rows(feature_values(X_fit)), Rows(feature_values(X_check))
            parts.append((X_fit, y[fit_rows], X_check))
            y_check.append(y[check_rows])
        self.scores_, values = score_candidates(
            self.estimator[-1], self.candidates_, parts, y_check, continuous=self.continuous
        )
        best = best_candidate(self.scores_)
        self.best_params_ = self.candidates_[best]
        self.sigmoid_ = self.threshold_ = None
        if folds and (self.calibrate or self.cut):
            decided, positive = np.concatenate(values[best]), np.concatenate(y_check) == 1
            self.sigmoid_ = platt(decided, positive) if self.calibrate else None
            self.threshold_ = youden_cut(decided, positive) if self.cut else None
        self.best_estimator_ = clone(self.estimator)
        self.best_estimator_[-1].set_params(**self.best_params_)
        self.best_estimator_.fit(X, y)
        return self

    @property
    def classes_(self) -> np.ndarray:
        """Class codes, in order."""
        return self.best_estimator_.classes_

    def predict(self, X: Any) -> np.ndarray:
        """Predict with the winner, at the chosen cut where there is one."""
        if self.threshold_ is None:
            return self.best_estimator_.predict(X)
        return self.classes_[(self.decision_function(X) >= self.threshold_).astype(int)]

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the winner's decision values."""
        return decision_values(self.best_estimator_, X)

    def probability(self, X: Any) -> np.ndarray:
        """Return calibrated probabilities of the positive class, NaN where there are none."""
        if self.sigmoid_ is None:
            return np.full(len(X), np.nan)
        return self.sigmoid_(self.decision_function(X))
