"""Covariates as numbers: numeric ones as they are, words as one column per word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.base import BaseEstimator, TransformerMixin

from lumbago.data.features import COVARIATE
from lumbago.models.columns import require_covariates, split_columns


class CovariateCoder:
    """Covariates as a numeric matrix, coded by what the training rows hold.

    Numbers stay (missing ones take the training mean); words become one 0/1 column per
    word met in training, in sorted order, so a word never met is zero everywhere.
    """

    def fit(self, table: pd.DataFrame) -> CovariateCoder:
        """Learn means and words."""
        self.columns_: list[tuple[str, str | None]] = []
        self.means_: dict[str, float] = {}
        for name in table.columns:
            column = table[name]
            if is_numeric_dtype(column):
                values = column.to_numpy(dtype=float)
                present = values[np.isfinite(values)]
                if len(present) == 0:
                    raise ValueError(f"covariate {name!r} has no value in the training rows")
                self.means_[name] = float(present.mean())
                self.columns_.append((name, None))
            else:
                words = sorted({str(w) for w in column if not pd.isna(w)})
                self.columns_ += [(name, word) for word in words]
        return self

    @property
    def names(self) -> list[str]:
        """Names of the coded columns: ``age``, ``site=A``."""
        return [name if word is None else f"{name}={word}" for name, word in self.columns_]

    def code(self, table: pd.DataFrame) -> np.ndarray:
        """Return the coded covariates, shape (n_samples, n_columns), float64."""
        out = np.zeros((len(table), len(self.columns_)))
        for j, (name, word) in enumerate(self.columns_):
            if word is None:
                if not is_numeric_dtype(table[name]):
                    raise ValueError(f"covariate {name!r} was a number in training, now words")
                values = table[name].to_numpy(dtype=float)
                out[:, j] = np.where(np.isfinite(values), values, self.means_[name])
            else:
                out[:, j] = [not pd.isna(w) and str(w) == word for w in table[name]]
        return out


class CovariatesAsFeatures(TransformerMixin, BaseEstimator):
    """Make feature columns of named covariates: the one door from covariate to predictor.

    The new columns stand behind the other features, named without the ``covariate:``
    prefix (``mean_fd``, ``site=A``); the covariates themselves stay where they are.

    Parameters
    ----------
    covariates : sequence of str
        Names without prefix.
    """

    reads_y = False

    def __init__(self, covariates: Sequence[str] = ()) -> None:
        self.covariates = covariates

    def fit(self, X: Any, y: Any = None) -> CovariatesAsFeatures:
        """Learn which words there are."""
        self.coder_ = CovariateCoder().fit(require_covariates(X, list(self.covariates)))
        return self

    def transform(self, X: Any) -> pd.DataFrame:
        """Append the coded covariates to the features."""
        parts = split_columns(X)
        coded = self.coder_.code(require_covariates(X, list(self.covariates)))
        old = [] if parts.names is None else list(parts.names)
        values = np.hstack([parts.values.astype(np.float64), coded])
        return parts.with_values(values, pd.Index(old + self.coder_.names))


def covariate_column(feature: str) -> str:
    """Return the covariate column a coded feature came from: ``site=A`` → ``covariate:site=A``."""
    return COVARIATE + feature
