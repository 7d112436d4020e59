"""Areas under ROC curves of several scores on the same people, with their covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri
from scipy.stats import rankdata


@dataclass(frozen=True, eq=False)
class Areas:
    """Areas under the ROC curves of scores of the same rows.

    Parameters
    ----------
    estimate : array of shape (n_scores,)
        In [0, 1].
    covariance : array of shape (n_scores, n_scores)
        DeLong's; of the people drawn, the scores as they are.
    """

    estimate: np.ndarray
    covariance: np.ndarray

    def interval(self, which: int = 0, level: float = 0.95) -> tuple[float, float]:
        """Return an area's interval, worked out on the logit scale, so inside (0, 1).

        NaN where the area is 0 or 1: no variance can be told from a perfect ranking.
        """
        area, variance = self.estimate[which], self.covariance[which, which]
        if not 0 < area < 1:
            return float("nan"), float("nan")
        half = ndtri((1 + level) / 2) * np.sqrt(variance) / (area * (1 - area))
        low, high = expit(logit(area) + np.array([-half, half]))
        return float(low), float(high)

    def difference(
        self, one: int = 0, other: int = 1, level: float = 0.95
    ) -> tuple[float, float, float, float]:
        """Compare two areas.

        Returns
        -------
        estimate, ci_low, ci_high, p : float
            ``one`` minus ``other``; p is two-sided. Scores that rank every pair alike have
            p = 1 where the areas are equal, else NaN.
        """
        contrast = np.zeros(len(self.estimate))
        contrast[one], contrast[other] = 1.0, -1.0
        estimate = float(contrast @ self.estimate) if one != other else 0.0
        variance = float(contrast @ self.covariance @ contrast) if one != other else 0.0
        if variance <= 1e-15:
            p = 1.0 if abs(estimate) < 1e-12 else float("nan")
            same = estimate if p == 1.0 else float("nan")
            return estimate, same, same, p
        half = ndtri((1 + level) / 2) * np.sqrt(variance)
        p = float(2 * ndtr(-abs(estimate) / np.sqrt(variance)))
        return estimate, estimate - half, estimate + half, p


def delong(positive: np.ndarray, scores: np.ndarray) -> Areas:
    """Return areas under ROC curves and their covariance over people.

    The placement values of a row (the share of the other class it is ranked rightly
    against) come from mid-ranks [2]_, so that n rows cost a sort; their covariances over
    the rows of each class give the areas' covariance [1]_.

    Parameters
    ----------
    positive : array of shape (n_rows,) of bool
        One row per person.
    scores : array of shape (n_scores, n_rows) or (n_rows,)
        Higher for the positive class; each from one fitted model, which saw none of the rows.

    Raises
    ------
    ValueError
        If a class has fewer than two rows, or a score is not finite.

    References
    ----------
    .. [1] DeLong, DeLong & Clarke-Pearson (1988). Biometrics 44, 837-845.
       doi:10.2307/2531595
    .. [2] Sun & Xu (2014). IEEE Signal Processing Letters 21, 1389-1393.
       doi:10.1109/LSP.2014.2337313
    """
    positive = np.asarray(positive, dtype=bool)
    scores = np.atleast_2d(np.asarray(scores, dtype=float))
    if scores.shape[1:] != positive.shape:
        raise ValueError(
            f"scores must be (n_scores, {len(positive)}), one value per row; got {scores.shape}"
        )
    up, down = scores[:, positive], scores[:, ~positive]
    m, n = up.shape[1], down.shape[1]
    if min(m, n) < 2:
        raise ValueError(f"each class needs two rows or more; got {m} positive and {n} negative")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite; leave out rows without one")
    together = rankdata(np.hstack([up, down]), axis=1)
    placed_up = (together[:, :m] - rankdata(up, axis=1)) / n
    placed_down = 1 - (together[:, m:] - rankdata(down, axis=1)) / m
    covariance = np.atleast_2d(np.cov(placed_up)) / m + np.atleast_2d(np.cov(placed_down)) / n
    return Areas(placed_up.mean(axis=1), covariance)
