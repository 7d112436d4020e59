"""Rows written in the space they span: the exact shortcut of models that penalize length."""

from __future__ import annotations

from typing import Any

import numpy as np

from lumbago.models.columns import Step


class Rotator(Step):
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
    cure = "put impute into the preparation"

    def fit(self, X: Any, y: Any = None) -> Rotator:
        """Find an orthonormal basis of the training rows."""
        self._learn(self._open(X).values.astype(np.float64))
        return self

    def _learn(self, values: np.ndarray) -> None:
        n, p = values.shape
        self.basis_ = None
        if p > n:
            square, vectors = np.linalg.eigh(values @ values.T)
            kept = square > n * np.finfo(float).eps * square[-1]
            if not kept.any():
                self.basis_ = np.zeros((1, p))
                self.basis_[0, 0] = 1.0
                return
            basis = (vectors[:, kept] / np.sqrt(square[kept])).T @ values
            # Small directions come out of a Gram matrix a little skew: straighten them once.
            small, turn = np.linalg.eigh(basis @ basis.T)
            self.basis_ = (turn / np.sqrt(small)) @ turn.T @ basis

    def transform(self, X: Any) -> np.ndarray:
        """Return coordinates of any rows, shape (n_samples, rank).

        What lies outside the span of the training rows has no weight in any such model.
        """
        values = self._reopen(X).values.astype(np.float64)
        if self.basis_ is not None:
            values = values @ self.basis_.T
        return values

    def back(self, weights: np.ndarray) -> np.ndarray:
        """Return weights of the features from weights of the coordinates."""
        return weights if self.basis_ is None else weights @ self.basis_


class DistanceRotator(Rotator):
    """Write n rows of p > n features in n + 1 coordinates that keep every distance to them.

    As `Rotator`, about the training mean, and with one coordinate more: how far a row lies
    outside the span of the training rows, 0 for those themselves. A Gaussian kernel between any row
    and a training row is thereby the same as on all features, and a linear kernel gives
    that coordinate no weight. With no more features than rows, rows are centred only.

    Attributes
    ----------
    mean_ : array of shape (n_features,)
    basis_ : array of shape (rank, n_features), or None
    """

    def fit(self, X: Any, y: Any = None) -> DistanceRotator:
        """Find the training mean and an orthonormal basis of the centred rows."""
        values = self._open(X).values.astype(np.float64)
        self.mean_ = values.mean(axis=0)
        self._learn(values - self.mean_)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return coordinates of any rows, shape (n_samples, rank + 1), or (n_samples, p)."""
        values = self._reopen(X).values.astype(np.float64) - self.mean_
        if self.basis_ is None:
            return values
        inside = values @ self.basis_.T
        outside = np.linalg.norm(values - inside @ self.basis_, axis=1)
        # What is left of a training row is rounding.
        outside[outside <= 1e-7 * np.linalg.norm(values, axis=1)] = 0.0
        return np.column_stack([inside, outside])

    def back(self, weights: np.ndarray) -> np.ndarray:
        """Return weights of the features from weights of the coordinates."""
        return weights if self.basis_ is None else weights[:-1] @ self.basis_
