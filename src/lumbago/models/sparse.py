"""Logistic regression with an elastic-net penalty, for many more features than rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from lumbago.models.learner import TwoClasses

ADDED = 50
"""Features that may join the working set at once; twice the kept ones, if that is more."""


class SparseLogistic(TwoClasses):
    """Minimize C Σ loss + l1_ratio ‖w‖₁ + ½ (1 - l1_ratio) ‖w‖², intercept unpenalized.

    Newton steps on a working set of features, each solved by scikit-learn's coordinate descent;
    features enter by how much they violate the conditions of the minimum [1]_. It ends when
    no feature, in the set or out of it, violates them by more than `tol`: that is a
    certificate, unlike a small last step, and nothing in it is random. The problem is that of
    `LogisticRegression(solver="saga")`, which needs thousands of passes over wide tables.

    Parameters
    ----------
    C, l1_ratio : float
    class_weight : "balanced" or None
    tol : float
        Largest violation, as a share of `l1_ratio`.
    max_iter : int
        Newton steps.

    Attributes
    ----------
    coef_ : array of shape (1, n_features)
    intercept_ : array of shape (1,)
    n_iter_ : int
    violation_ : float
        Largest violation that is left, as a share of `l1_ratio`.

    References
    ----------
    .. [1] Friedman, Hastie & Tibshirani (2010). J Stat Softw 33, 1-22.
       doi:10.18637/jss.v033.i01
    """

    called = "logistic regression"

    def __init__(
        self,
        C: float = 0.1,
        l1_ratio: float = 0.5,
        class_weight: str | None = None,
        tol: float = 1e-5,
        max_iter: int = 200,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: np.ndarray) -> SparseLogistic:
        """Find the minimum.

        Raises
        ------
        ValueError
            If y does not hold two classes, a value is missing, or the search does not end.
        """
        Z, code = self._training_codes(X, y)
        Z = np.asfortranarray(Z)
        n, p = Z.shape
        weight = np.full(n, float(self.C))
        if self.class_weight == "balanced":
            weight *= (n / (2 * np.bincount(code)))[code]
        share = float(weight @ code / weight.sum())
        w, intercept = np.zeros(p), float(np.log(share / (1 - share)))
        decision = np.full(n, intercept)
        kept = np.zeros(p, dtype=bool)
        precision, last = 1e-8, np.inf
        for step in range(self.max_iter + 1):
            residual = weight * (_sigmoid(decision) - code)
            out = self._violation(w, Z.T @ residual)
            rest = abs(float(residual.sum()))
            self.violation_ = max(out.max(initial=0.0), rest) / self.l1_ratio
            self.n_iter_ = step
            if self.violation_ <= self.tol:
                break
            if step == self.max_iter:
                raise ValueError(
                    f"elastic_net_logistic did not settle in {self.max_iter} steps; "
                    "scale the features, lower C or raise max_iter"
                )
            inside = max(out[kept].max(initial=0.0), rest) / self.l1_ratio
            if inside <= 0.1 * self.violation_ or not kept.any():
                # The set is solved as far as it matters: the worst of the others join it.
                most = max(ADDED, 2 * int((w != 0).sum()))
                order = np.argsort(-out, kind="stable")[:most]
                kept[order[out[order] > 0]] = True
            elif inside > 0.5 * last:
                # Coordinate descent stops by what is left to gain, a square of the distance.
                precision = max(precision * 1e-3, 1e-17)
            last = inside
            w, intercept, decision = self._step(
                Z, code, weight, w, intercept, decision, kept, precision
            )
        self.coef_, self.intercept_ = w[None], np.array([intercept])
        return self

    def _violation(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        slope = gradient + (1 - self.l1_ratio) * w
        return np.where(
            w != 0,
            np.abs(slope + self.l1_ratio * np.sign(w)),
            np.maximum(np.abs(slope) - self.l1_ratio, 0),
        )

    def _step(
        self,
        Z: np.ndarray,
        code: np.ndarray,
        weight: np.ndarray,
        w: np.ndarray,
        intercept: float,
        decision: np.ndarray,
        kept: np.ndarray,
        precision: float,
    ) -> tuple[np.ndarray, float, np.ndarray]:
        """Solve the quadratic model of the loss over the kept features, and go as far as it pays.

        The curvature has a floor, so that rows beyond all doubt do not divide by zero; the
        point where no step pays is the minimum all the same.
        """
        columns = np.flatnonzero(kept)
        chance = _sigmoid(decision)
        curve = np.maximum(chance * (1 - chance), 1e-6)
        aim = decision + (code - chance) / curve
        new, level = self._quadratic(Z[:, columns], aim, weight * curve, w[columns], precision)
        move = np.zeros_like(w)
        move[columns] = new - w[columns]
        along = Z[:, columns] @ move[columns] + (level - intercept)
        value = self._objective(decision, code, weight, w)
        slope = weight @ ((chance - code) * along)
        slope += (1 - self.l1_ratio) * (w @ move)
        slope += self.l1_ratio * float(np.abs(w + move).sum() - np.abs(w).sum())
        size = 1.0
        while size > 1e-10:
            there = self._objective(decision + size * along, code, weight, w + size * move)
            # Rounding of the objective: near the minimum a good step gains less than it.
            if there <= value + 1e-4 * size * slope + 1e-13 * abs(value):
                break
            size /= 2
        w = w + size * move
        return w, intercept + size * (level - intercept), decision + size * along

    def _quadratic(
        self,
        Z: np.ndarray,
        aim: np.ndarray,
        weight: np.ndarray,
        start: np.ndarray,
        precision: float,
    ) -> tuple[np.ndarray, float]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import ElasticNet

        solver = ElasticNet(
            alpha=1 / weight.sum(), l1_ratio=self.l1_ratio, tol=precision, max_iter=2000,
            warm_start=True,
        )  # fmt: skip
        solver.coef_ = start.copy()
        with warnings.catch_warnings():
            # What counts is checked on the whole problem, in every step.
            warnings.simplefilter("ignore", ConvergenceWarning)
            solver.fit(Z, aim, sample_weight=weight)
        return np.asarray(solver.coef_), float(solver.intercept_)

    def _objective(
        self, decision: np.ndarray, code: np.ndarray, weight: np.ndarray, w: np.ndarray
    ) -> float:
        loss = np.logaddexp(0, np.where(code == 1, -decision, decision))
        penalty = self.l1_ratio * np.abs(w).sum() + 0.5 * (1 - self.l1_ratio) * (w @ w)
        return float(weight @ loss + penalty)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return log odds of the second class."""
        return self._rows(X) @ self.coef_[0] + self.intercept_[0]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities of both classes, shape (n_samples, 2)."""
        second = _sigmoid(self.decision_function(X))
        return np.column_stack([1 - second, second])


def _sigmoid(t: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(t))
    return np.where(t >= 0, 1 / (1 + e), e / (1 + e))
