"""Connectome-based predictive modelling: two sums of edges picked by the training labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from lumbago.models.learner import Learner, Regression, TwoClasses
from lumbago.models.rows import Rows

NETWORKS = {"both": (True, True), "positive": (True, False), "negative": (False, True)}


class _NetworkSums(Learner):
    """What the regression and the classifier share: the edges and their sums.

    Parameters
    ----------
    p : float
        Edges whose correlation with the target has a smaller two-sided p-value are picked.
    r : float, optional
        Edges whose correlation is larger in size are picked, instead of by `p`.
    networks : {"both", "positive", "negative"}
        Which sums the model knows.
    """

    called = "cpm"
    fewest = 3

    def _strengths(
        self, X: Any, values: np.ndarray, target: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pick edges and return their masks, shape (2, n_features), and the sums of each row."""
        if self.networks not in NETWORKS:
            raise ValueError(f"cpm: networks is {' or '.join(NETWORKS)}, got {self.networks!r}")
        self.threshold_ = (
            critical_correlation(self.p, len(values)) if self.r is None else float(self.r)
        )
        spread = X.once("spread", spread_of) if isinstance(X, Rows) else spread_of(values)
        found = correlations(values, target, spread)
        masks = np.array([found > self.threshold_, found < -self.threshold_], dtype=np.float64)
        masks *= np.array(NETWORKS[self.networks], dtype=float)[:, None]
        self.n_positive_, self.n_negative_ = (int(m.sum()) for m in masks)
        return masks, values @ masks.T

    def _value(self, X: Any) -> np.ndarray:
        return self._rows(X) @ self.coef_ + self.intercept_


class NetworkSumsRegressor(Regression, _NetworkSums):
    """Least squares on the sums of the edges that rise, and of those that fall, with the target.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
        The weight of its sum for a picked edge, 0 for the others.
    intercept_ : float
    threshold_ : float
        Smallest size of a correlation that was picked by.
    n_positive_, n_negative_ : int
        Edges picked.

    References
    ----------
    .. [1] Shen et al. (2017). Nat Protoc 12, 506-518. doi:10.1038/nprot.2016.178
    """

    def __init__(self, p: float = 0.01, r: float | None = None, networks: str = "both") -> None:
        self.p = p
        self.r = r
        self.networks = networks

    def fit(self, X: Any, y: np.ndarray) -> NetworkSumsRegressor:
        """Pick edges, sum them, fit the sums; without an edge the mean is predicted."""
        values, y = self._training_numbers(X, y)
        masks, sums = self._strengths(X, values, y)
        centre, level = sums.mean(axis=0), float(y.mean())
        scale = _spread(sums)
        weights = np.linalg.lstsq((sums - centre) / scale, y - level, rcond=1e-10)[0] / scale
        self.coef_ = weights @ masks
        self.intercept_ = level - float(weights @ centre)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return values in the unit of the target."""
        return self._value(X)


class NetworkSumsClassifier(TwoClasses, _NetworkSums):
    """Logistic regression on the sums of the edges that are higher, and lower, in a class.

    Sums are scaled to variance 1 and their weights lightly penalized (`C`): sums of edges that
    were picked by the same labels often part them without error, where plain logistic
    regression has no solution.

    Attributes
    ----------
    coef_, intercept_, threshold_, n_positive_, n_negative_
        As of the regression; decision values are log odds.
    """

    def __init__(
        self, p: float = 0.01, r: float | None = None, networks: str = "both", C: float = 1.0
    ) -> None:
        self.p = p
        self.r = r
        self.networks = networks
        self.C = C

    def fit(self, X: Any, y: np.ndarray) -> NetworkSumsClassifier:
        """Pick edges, sum them, fit the sums; without an edge the classes' shares are told."""
        from lumbago.models.logistic import NewtonLogistic

        values, code = self._training_codes(X, y)
        masks, sums = self._strengths(X, values, code.astype(np.float64))
        centre, scale = sums.mean(axis=0), _spread(sums)
        fitted = NewtonLogistic(C=self.C).fit((sums - centre) / scale, code)
        weights = fitted.coef_[0] / scale
        self.coef_ = weights @ masks
        self.intercept_ = float(fitted.intercept_[0] - weights @ centre)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return log odds of the second class."""
        return self._value(X)


def critical_correlation(p: float, n: int) -> float:
    """Return the correlation of `n` pairs whose two-sided p-value is `p`.

    >>> round(critical_correlation(0.05, 10), 3)
    0.632
    """
    t = float(stats.t.isf(p / 2, n - 2))
    return float(t / np.sqrt(n - 2 + t * t))


def correlations(
    values: np.ndarray, target: np.ndarray, spread: Spread | None = None
) -> np.ndarray:
    """Return Pearson's r of every column with the target; 0 where one of them is constant.

    Parameters
    ----------
    values : array of shape (n_samples, n_features), float64
    target : array of shape (n_samples,)
    spread : Spread, optional
        Of the same values, where it is known already.
    """
    aim = target - target.mean()
    size = float(np.linalg.norm(aim))
    if size <= 1e-12 * np.abs(target).max(initial=0.0):
        return np.zeros(values.shape[1])
    spread = spread_of(values) if spread is None else spread
    covariance = aim @ values
    covariance[spread.unsure] = aim @ spread.off
    return np.where(spread.constant, 0.0, covariance / spread.length / size)


@dataclass(frozen=True, eq=False)
class Spread:
    """How much columns vary: what a correlation needs of them beside the target.

    Parameters
    ----------
    length : array of shape (n_features,)
        Roots of summed squares about the mean; 1 for a constant.
    constant : boolean array of shape (n_features,)
    unsure : array of int
        Columns whose mean is large beside their variance.
    off : array of shape (n_samples, n_unsure)
        These columns about their means.
    """

    length: np.ndarray
    constant: np.ndarray
    unsure: np.ndarray
    off: np.ndarray


def spread_of(values: np.ndarray) -> Spread:
    """Measure how much every column varies."""
    n = len(values)
    mean = np.ones(n) @ values / n
    square = np.einsum("ij,ij->j", values, values)
    spread = square - n * mean**2
    # What cancels when a mean is taken off a sum of squares is rounding, not variance; where
    # the mean is large beside the variance the difference is taken again, the safe way.
    unsure = np.flatnonzero(spread <= 1e-6 * square)
    off = values[:, unsure] - mean[unsure]
    spread[unsure] = np.einsum("ij,ij->j", off, off)
    constant = spread <= (n * np.finfo(float).eps) ** 2 * square
    length = np.sqrt(np.where(constant, 1.0, spread))
    return Spread(length, constant, unsure, off)


def _spread(sums: np.ndarray) -> np.ndarray:
    """Return standard deviations, 1 where a sum does not vary."""
    spread = sums.std(axis=0)
    return np.where(spread > 1e-12 * np.abs(sums).max(initial=0.0), spread, 1.0)
