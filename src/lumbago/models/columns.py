"""Feature columns and covariate columns of X: what every in-fold step takes apart and puts back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from lumbago.data.features import COVARIATE


@dataclass(frozen=True, eq=False)
class Columns:
    """X taken apart.

    Parameters
    ----------
    values : array of shape (n_samples, n_features)
        Feature columns, row-major, in the float type they came in.
    names : Index or None
        Names of the feature columns; None where X is an array.
    covariates : DataFrame of shape (n_samples, n_covariates)
        Columns ``covariate:<name>``; empty where X is an array.
    """

    values: np.ndarray
    names: pd.Index | None
    covariates: pd.DataFrame

    def with_values(self, values: np.ndarray, names: pd.Index | None = None) -> Any:
        """Put X back together with other feature values, an array where X was one.

        `names` are those of the new values; without them the old names stay.
        """
        if self.names is None:
            return values
        index = self.covariates.index
        names = self.names if names is None else names
        features = pd.DataFrame(values, columns=names, index=index, copy=False)
        if self.covariates.shape[1] == 0:
            return features
        return pd.concat([features, self.covariates], axis=1)


def split_columns(X: Any, *, fitted_on: int | None = None) -> Columns:
    """Take X apart; an array has features only.

    Raises
    ------
    ValueError
        If a feature column stands behind a covariate, or there are not as many features
        as the step was `fitted_on`.
    """
    parts = _parts(X)
    n = parts.values.shape[1]
    if fitted_on is not None and n != fitted_on:
        raise ValueError(f"X has {n} features, fitted on {fitted_on}")
    return parts


def _parts(X: Any) -> Columns:
    if not isinstance(X, pd.DataFrame):
        values = _floats(np.asarray(X))
        return Columns(values, None, pd.DataFrame(index=range(len(values))))
    n = n_features(X)
    values = _floats(X.iloc[:, :n].to_numpy())
    return Columns(values, X.columns[:n], X.iloc[:, n:])


def n_features(X: pd.DataFrame) -> int:
    """Count the feature columns, which stand before all covariates."""
    last = X.shape[1]
    while last and str(X.columns[last - 1]).startswith(COVARIATE):
        last -= 1
    if last and str(X.columns[0]).startswith(COVARIATE):
        raise ValueError(f"column {X.columns[0]!r} stands before feature columns; put it last")
    return last


def feature_values(X: Any) -> np.ndarray:
    """Return the feature columns, row-major."""
    return split_columns(X).values


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Return some rows of X with the memory layout that makes later steps independent of origin.

    Sums in floating point depend on the layout they run over, and pandas hands out either.
    """
    if not isinstance(X, pd.DataFrame):
        return np.asarray(X)[rows]
    parts = split_columns(X)
    cut = Columns(parts.values[:0], parts.names, parts.covariates.iloc[rows])
    return cut.with_values(parts.values[rows])


def groups_of(X: Any) -> np.ndarray:
    """Return the participant behind each row, read off the index; a row is its own otherwise."""
    if isinstance(X, pd.DataFrame) and {"cohort", "participant_id"} <= set(X.index.names):
        cohort = X.index.get_level_values("cohort")
        participant = X.index.get_level_values("participant_id")
        return np.array([f"{c}/{p}" for c, p in zip(cohort, participant, strict=True)])
    return np.arange(len(X)).astype(str)


def require_covariates(X: Any, names: Sequence[str]) -> pd.DataFrame:
    """Return the named covariates as columns without their prefix.

    Raises
    ------
    ValueError
        If X is an array or lacks one of them.
    """
    table = split_columns(X).covariates
    missing = [n for n in names if COVARIATE + n not in table.columns]
    if missing:
        there = [c.removeprefix(COVARIATE) for c in table.columns]
        raise ValueError(f"covariates {missing} are needed; X has {there or 'none'}")
    return table[[COVARIATE + n for n in names]].set_axis(list(names), axis=1)


def _floats(values: np.ndarray) -> np.ndarray:
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float64)
    return np.ascontiguousarray(values)


class FeaturesOnly(TransformerMixin, BaseEstimator):
    """Leave the covariates behind: the last step before a model that is not rotated."""

    reads_y = False

    def fit(self, X: Any, y: Any = None) -> FeaturesOnly:
        """Learn how many features there are."""
        self.n_features_in_ = split_columns(X).values.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        """Return the feature columns alone."""
        if not isinstance(X, pd.DataFrame):
            return X
        parts = split_columns(X)
        return pd.DataFrame(parts.values, index=X.index, columns=parts.names, copy=False)
