"""Feature columns and covariate columns of X: what every in-fold step takes apart and puts back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names, check_array, check_is_fitted

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
        raise ValueError(
            f"X has {n} features, but this step is expecting {fitted_on} features as input"
        )
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
    if isinstance(X, pd.DataFrame):
        table = X.iloc[:, n_features(X) :]
    else:
        table = pd.DataFrame(index=range(len(np.asarray(X))))
    missing = [n for n in names if COVARIATE + n not in table.columns]
    if missing:
        there = [c.removeprefix(COVARIATE) for c in table.columns]
        raise ValueError(f"covariates {missing} are needed; X has {there or 'none'}")
    return table[[COVARIATE + n for n in names]].set_axis(list(names), axis=1)


def _floats(values: np.ndarray) -> np.ndarray:
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float64)
    return np.ascontiguousarray(values)


class Step(TransformerMixin, BaseEstimator):
    """What all in-fold steps share: X is taken apart, and compared with the X of the fit.

    Attributes
    ----------
    n_features_in_ : int
        Feature columns, covariates not counted.
    feature_names_in_ : array of shape (n_features,)
        Their names, where X had words for names.
    """

    def _open(self, X: Any) -> Columns:
        """Take X of a fit apart and remember its features."""
        parts = self._complete(split_columns(_checked(self, X)))
        self.n_features_in_ = parts.values.shape[1]
        if parts.names is not None and parts.names.inferred_type == "string":
            self.feature_names_in_ = parts.names.to_numpy(dtype=object)
        else:
            _check_feature_names(self, _features_of(X, self.n_features_in_), reset=True)
        return parts

    def _reopen(self, X: Any) -> Columns:
        """Take any X apart.

        Raises
        ------
        ValueError
            If its features are not those of the fit.
        """
        check_is_fitted(self)
        parts = split_columns(_checked(self, X))
        n = parts.values.shape[1]
        known = getattr(self, "feature_names_in_", None)
        # The same names need no second look, and tens of thousands of them would take one.
        if known is None or parts.names is None or not np.array_equal(parts.names, known):
            _check_feature_names(self, _features_of(X, n), reset=False)
        if n != self.n_features_in_:
            raise ValueError(
                f"X has {n} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        return self._complete(parts)

    def _complete(self, parts: Columns) -> Columns:
        """Refuse infinite values, and missing ones unless the step takes them."""
        if self.takes_missing:
            # One pass: a sum is infinite, or NaN, if a value is; most tables end here.
            if not np.isfinite(parts.values.sum()) and np.isinf(parts.values).any():
                raise ValueError("features hold infinite values; only NaN means missing")
        elif not np.isfinite(parts.values).all():
            raise ValueError(f"{self.called}: features hold missing values (NaN); {self.cure}")
        return parts

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that the label is not needed, unless the step reads it."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.takes_missing
        tags.target_tags.required = self.reads_y
        return tags

    reads_y = True
    """Whether fitting looks at the labels; without, a fit serves every permutation of them."""
    takes_missing = False
    called = "features"
    """What errors call the step."""
    cure = "put impute before it"


def _checked(step: BaseEstimator, X: Any) -> Any:
    """Return X, an array made sure to be a table of numbers."""
    if isinstance(X, pd.DataFrame):
        return X
    return check_array(
        X, dtype=[np.float64, np.float32], ensure_all_finite=False, estimator=step,
        input_name="X",
    )  # fmt: skip


def _features_of(X: Any, n: int) -> Any:
    return X.iloc[:, :n] if isinstance(X, pd.DataFrame) else X


class FeaturesOnly(Step):
    """Leave the covariates behind: the last step before a model that is not rotated."""

    reads_y = False
    takes_missing = True

    def fit(self, X: Any, y: Any = None) -> FeaturesOnly:
        """Learn which features there are."""
        self._open(X)
        return self

    def transform(self, X: Any) -> Any:
        """Return the feature columns alone."""
        parts = self._reopen(X)
        if parts.names is None:
            return parts.values
        return pd.DataFrame(parts.values, index=X.index, columns=parts.names, copy=False)
