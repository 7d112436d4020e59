"""Rows written in the space they span: the exact shortcut of linear models with an L2 penalty."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from lumbago.models.columns import split_columns


class Rotator(TransformerMixin, BaseEstimator):
    """Write n rows of p > n features in at most n coordinates, without losing anything.

    With X = Z Qᵀ (Q orthonormal), the weights of any model that penalizes their length
    lie in the span of the training rows, w = Q v with \\|w\\| = \\|v\\|: fitting v on Z is the
    same problem in n instead of p unknowns, for every penalty and every candidate [1]_.
    With no more features than rows, nothing is changed. Covariates are dropped: this is
    the last step before a model.

    Attributes
    ----------
    basis_ : array of shape (rank, n_features), float64, or None
        Qᵀ; None where nothing is rotated.

    References
    ----------
    .. [1] Hastie & Tibshirani (2004). Biostatistics 5, 329-340.
       doi:10.1093/biostatistics/kxh010
    """

    reads_y = False

    def fit(self, X: Any, y: Any = None) -> Rotator:
        """Find an orthonormal basis of the training rows."""
        values = self._values(X)
        n, p = values.shape
        self.n_features_in_ = p
        self.basis_ = None
        if p > n:
            square, vectors = np.linalg.eigh(values @ values.T)
            kept = square > n * np.finfo(float).eps * square[-1]
            if not kept.any():
                self.basis_ = np.zeros((1, p))
                self.basis_[0, 0] = 1.0
                return self
            basis = (vectors[:, kept] / np.sqrt(square[kept])).T @ values
            # Small directions come out of a Gram matrix a little skew: straighten them once.
            small, turn = np.linalg.eigh(basis @ basis.T)
            self.basis_ = (turn / np.sqrt(small)) @ turn.T @ basis
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return coordinates of any rows, shape (n_samples, rank).

        What lies outside the span of the training rows has no weight in any such model.
        """
        values = self._values(X, fitted_on=self.n_features_in_)
        if self.basis_ is not None:
            values = values @ self.basis_.T
        return values

    def back(self, weights: np.ndarray) -> np.ndarray:
        """Return weights of the features from weights of the coordinates."""
        return weights if self.basis_ is None else weights @ self.basis_

    @staticmethod
    def _values(X: Any, *, fitted_on: int | None = None) -> np.ndarray:
        values = split_columns(X, fitted_on=fitted_on).values.astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError("features hold missing values; put impute into the preparation")
        return values
