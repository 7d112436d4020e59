"""L2-penalized logistic regression by Newton's method, for the small spaces of rotated rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from lumbago.models.learner import TwoClasses

MAX_STEPS = 200


class NewtonLogistic(TwoClasses):
    """Logistic regression of two classes, minimizing C Σ loss + ½ ‖w‖² to rounding error.

    The problem of `sklearn.linear_model.LogisticRegression` (intercept unpenalized), solved
    to where a further Newton step changes nothing: the result depends on no tolerance, and
    inner searches and permutations fit thousands of these in at most n unknowns.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty.
    class_weight : "balanced" or None
        Weigh rows by n / (2 · rows of their class).

    Attributes
    ----------
    coef_ : array of shape (1, n_features)
    intercept_ : array of shape (1,)
    n_iter_ : int
    """

    called = "logistic regression"

    def __init__(self, C: float = 1.0, class_weight: str | None = None) -> None:
        self.C = C
        self.class_weight = class_weight

    def fit(self, X: Any, y: np.ndarray) -> NewtonLogistic:
        """Find the one minimum.

        Raises
        ------
        ValueError
            If y does not hold two classes, or the search does not end.
        """
        Z, code = self._training_codes(X, y)
        n, p = Z.shape
        weight = np.full(n, float(self.C))
        if self.class_weight == "balanced":
            weight *= (n / (2 * np.bincount(code)))[code]
        design = np.column_stack([Z, np.ones(n)])
        penalty = np.r_[np.ones(p), 0.0]
        theta = np.zeros(p + 1)
        value, decision = self._objective(theta, design, code, weight, penalty)
        for self.n_iter_ in range(1, MAX_STEPS + 1):
            e = np.exp(-np.abs(decision))
            share = np.where(decision >= 0, 1 / (1 + e), e / (1 + e))
            gradient = design.T @ (weight * (share - code)) + penalty * theta
            curve = weight * e / (1 + e) ** 2
            hessian = (design * curve[:, None]).T @ design
            # Far from the boundary a sigmoid is flat to the last bit: the intercept needs a floor.
            hessian.flat[:: p + 2] += np.maximum(penalty, 1e-12 * weight.sum())
            move = np.linalg.solve(hessian, gradient)
            # Half of this is what the step is expected to gain.
            gain = float(gradient @ move)
            if gain <= 1e-14 * value:
                # Newton's error squares with every step: this one leaves nothing but rounding.
                theta = theta - move
                break
            size, found = 1.0, None
            while size > 1e-8:
                found = self._objective(theta - size * move, design, code, weight, penalty)
                if found[0] <= value - 1e-4 * size * gain:
                    break
                size /= 2
            else:
                raise ValueError("logistic regression: Newton's method found no way down")
            theta = theta - size * move
            value, decision = found
        else:
            raise ValueError(f"logistic regression did not settle in {MAX_STEPS} steps")
        self.coef_, self.intercept_ = theta[None, :p].copy(), theta[p:].copy()
        return self

    @staticmethod
    def _objective(
        theta: np.ndarray,
        design: np.ndarray,
        code: np.ndarray,
        weight: np.ndarray,
        penalty: np.ndarray,
    ) -> tuple[float, np.ndarray]:
        decision = design @ theta
        loss = np.logaddexp(0, np.where(code == 1, -decision, decision))
        return float(weight @ loss + 0.5 * penalty @ theta**2), decision

    def decision_function(self, X: Any) -> np.ndarray:
        """Return log odds of the second class."""
        return self._rows(X) @ self.coef_[0] + self.intercept_[0]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities of both classes, shape (n_samples, 2)."""
        decision = self.decision_function(X)
        e = np.exp(-np.abs(decision))
        second = np.where(decision >= 0, 1 / (1 + e), e / (1 + e))
        return np.column_stack([1 - second, second])
