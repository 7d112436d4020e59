"""Probabilities from decision values, by Platt's sigmoid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sigmoid:
    """P(positive) = 1 / (1 + exp(-(slope · decision + intercept)))."""

    slope: float
    intercept: float

    def __call__(self, decision: np.ndarray) -> np.ndarray:
        """Return probabilities of the positive class, in (0, 1)."""
        t = self.slope * np.asarray(decision, dtype=float) + self.intercept
        e = np.exp(-np.abs(t))
        return np.where(t >= 0, 1 / (1 + e), e / (1 + e))


def platt(decision: np.ndarray, positive: np.ndarray) -> Sigmoid | None:
    """Fit Platt's sigmoid to decision values of rows the model was not fitted on.

    Targets are Platt's, drawn in from 0 and 1 by the class sizes. Small samples can give a
    falling curve, which would contradict the ranking it comes from; then the slope is
    zero and every row gets the (drawn-in) share of positives.

    Parameters
    ----------
    decision : array of shape (n_samples,)
        Higher for the positive class; rows that are NaN are left out.
    positive : array of shape (n_samples,) of bool

    Returns
    -------
    Sigmoid, or None where fewer than two rows of a class are left.

    References
    ----------
    .. [1] Platt (1999). Probabilistic outputs for support vector machines. Advances in Large
       Margin Classifiers, 61-74.
    .. [2] Lin, Lin & Weng (2007). Machine Learning 68, 267-276. doi:10.1007/s10994-007-5018-6
    """
    kept = np.isfinite(decision)
    decision, positive = np.asarray(decision, dtype=float)[kept], np.asarray(positive)[kept]
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if min(n_pos, n_neg) < 2:
        return None
    aim = np.where(positive, (n_pos + 1) / (n_pos + 2), 1 / (n_neg + 2))
    flat = Sigmoid(0.0, float(np.log(aim.mean() / (1 - aim.mean()))))
    spread = decision.std()
    if spread == 0:
        return flat
    centre = decision.mean()
    z = (decision - centre) / spread
    theta = np.array([0.0, flat.intercept])
    design = np.column_stack([z, np.ones_like(z)])

    def loss(theta: np.ndarray) -> float:
        t = design @ theta
        return float(np.sum(np.logaddexp(0, t) - aim * t))

    value = loss(theta)
    for _ in range(100):
        p = Sigmoid(1.0, 0.0)(design @ theta)
        gradient = design.T @ (p - aim)
        if np.abs(gradient).max() < 1e-10 * len(z):
            break
        hessian = (design * (p * (1 - p))[:, None]).T @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-10 and loss(theta - size * step) > value:
            size /= 2
        if size <= 1e-10:
            break
        theta = theta - size * step
        value = loss(theta)
    slope = theta[0] / spread
    if slope <= 0:
        return flat
    return Sigmoid(float(slope), float(theta[1] - slope * centre))
