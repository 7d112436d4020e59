"""The linear support vector machine, solved in products of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from lumbago.measures.compiling import kernel
from lumbago.models.learner import TwoClasses
from lumbago.models.rows import Rows, gram

MAX_STEPS = 10_000_000


class Margin(TwoClasses):
    """Linear support vector machine of two classes, minimizing C Σ hinge loss + ½ ‖w‖².

    The problem, the order of its steps and the rule of stopping are those of libsvm (and so
    `sklearn.svm.SVC(kernel="linear")`): sequential minimal optimization of the dual problem
    with second-order choice of pairs [1]_. The products of all pairs of rows are computed
    once, and shared by every fit of the same `Rows`.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty.
    class_weight : "balanced" or None
        Weigh rows by n / (2 · rows of their class).
    tol : float
        Largest violation of the optimality conditions.

    Attributes
    ----------
    coef_ : array of shape (1, n_features)
    intercept_ : array of shape (1,)
    n_iter_ : int
        Pairs that were optimized.

    References
    ----------
    .. [1] Fan, Chen & Lin (2005). J Mach Learn Res 6, 1889-1918.
    """

    called = "linear_svm"

    def __init__(self, C: float = 1.0, class_weight: str | None = None, tol: float = 1e-6) -> None:
        self.C = C
        self.class_weight = class_weight
        self.tol = tol

    def fit(self, X: Any, y: np.ndarray) -> Margin:
        """Find the border of widest margin.

        Raises
        ------
        ValueError
            If y does not hold two classes, or the search does not end.
        """
        values, code = self._training_codes(X, y)
        limit = np.full(len(code), float(self.C))
        if self.class_weight == "balanced":
            limit *= (len(code) / (2 * np.bincount(code)))[code]
        products = X.once("gram", gram) if isinstance(X, Rows) else gram(values)
        side = np.where(code == 1, 1.0, -1.0)
        dual, self.n_iter_ = _solve(products, side, limit, float(self.tol), MAX_STEPS)
        if self.n_iter_ < 0:
            raise ValueError(
                f"linear_svm: no border within tol={self.tol:g} in {MAX_STEPS} steps; put scale "
                "into the preparation, or take a smaller C"
            )
        self.coef_ = (dual @ values)[None]
        self.intercept_ = np.array([_intercept(side - products @ dual, side, limit, dual)])
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return distances from the border in units of the margin, positive for the second."""
        return self._rows(X) @ self.coef_[0] + self.intercept_[0]


def _intercept(rest: np.ndarray, side: np.ndarray, limit: np.ndarray, dual: np.ndarray) -> float:
    """Return the mean over rows on the margin; the middle of what is allowed without any."""
    low, high = np.minimum(side, 0) * limit, np.maximum(side, 0) * limit
    free = (dual > low) & (dual < high)
    if free.any():
        return float(rest[free].mean())
    return float(rest[dual < high].max() + rest[dual > low].min()) / 2


@kernel
def _solve(
    products: np.ndarray, side: np.ndarray, limit: np.ndarray, tol: float, max_steps: int
) -> tuple[np.ndarray, int]:
    """Return α_i y_i of every row and the steps it took, -1 where they did not suffice."""
    n = len(side)
    low, high = np.minimum(side, 0.0) * limit, np.maximum(side, 0.0) * limit
    dual = np.zeros(n)
    own = np.diag(products).copy()
    rest = side.copy()  # what the decision values lack of ±1, but for the intercept
    for step in range(max_steps):
        i, most = -1, -np.inf
        for t in range(n):
            if dual[t] < high[t] and rest[t] > most:
                i, most = t, rest[t]
        if i < 0:
            return dual, step
        j, least, best = -1, np.inf, 0.0
        of_i, own_i = products[i], own[i]
        for t in range(n):
            if dual[t] > low[t]:
                least = min(least, rest[t])
                gap = most - rest[t]
                if gap > 0:
                    bend = own_i + own[t] - 2 * of_i[t]
                    gain = gap * gap / max(bend, 1e-12)
                    if gain > best:
                        j, best = t, gain
        if most - least < tol or j < 0:
            return dual, step
        of_j = products[j]
        bend = max(own_i + own[j] - 2 * of_i[j], 1e-12)
        size = (rest[i] - rest[j]) / bend
        room_i, room_j = high[i] - dual[i], dual[j] - low[j]
        size = min(size, room_i, room_j)
        # Exactly on the border, not beside it by rounding.
        dual[i] = high[i] if size == room_i else dual[i] + size
        dual[j] = low[j] if size == room_j else dual[j] - size
        for t in range(n):
            rest[t] -= size * (of_i[t] - of_j[t])
    return dual, -1
