"""Do probabilities mean what they say: slope, intercept, expected error, and what they are worth.

Every function takes resampling weights of shape (n_resamples, n_rows), as the other metrics do.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from lumbago.evaluation.outcomes import Outcomes

EDGE = 1e-4
"""Probabilities nearer to 0 or 1 are drawn in to it: a forest's certainty has no finite logit."""
N_BINS = 10
_STEPS = 30
_CHUNK = 2_000_000


def slope(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Slope of the logistic regression of the truth on the logit of the probability.

    1 is right; below, probabilities are too extreme; 0 or less, they tell nothing.

    Returns
    -------
    array of shape (n_resamples,)
        NaN where the classes are parted by the probabilities: no finite slope exists.

    References
    ----------
    .. [1] Van Calster et al. (2019). BMC Medicine 17, 230. doi:10.1186/s12916-019-1466-7
    """
    return _line(outcomes, weights, sloped=True)[:, 1]


def intercept(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Intercept of the same regression with the slope held at 1, in logits.

    0 is right; above, the positive class is more frequent than its probabilities say.
    """
    return _line(outcomes, weights, sloped=False)[:, 0]


def expected_error(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Mean distance of given and true shares over ten bins of equal width, by their size.

    It is never negative, so that chance alone lifts it above 0; so do its resamples.
    """
    at = np.minimum((outcomes.prob * N_BINS).astype(int), N_BINS - 1)
    member = np.zeros((len(at), N_BINS))
    member[np.arange(len(at)), at] = 1.0
    off = (outcomes.positive - outcomes.prob)[:, None] * member
    total = weights.sum(axis=1)
    apart = np.abs(weights @ off).sum(axis=1)
    return np.divide(apart, total, out=np.full(len(total), np.nan), where=total > 0)


def _line(outcomes: Outcomes, weights: np.ndarray, *, sloped: bool) -> np.ndarray:
    """Fit the regression in every resample by Newton's method, from that of all rows."""
    x = logit(np.clip(outcomes.prob, EDGE, 1 - EDGE))
    y = outcomes.positive.astype(float)
    start = _newton(x, y, np.ones((1, len(x))), np.array([[0.0, 1.0]]), sloped=sloped)
    start = np.where(np.isfinite(start), start, [[0.0, 1.0]])
    step = max(1, _CHUNK // max(1, len(x)))
    parts = [
        _newton(x, y, weights[i : i + step], start, sloped=sloped)
        for i in range(0, len(weights), step)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 2))


def _newton(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, start: np.ndarray, *, sloped: bool
) -> np.ndarray:
    theta = np.repeat(start, len(weights), axis=0)
    left = np.arange(len(weights))
    done = np.zeros(len(weights), dtype=bool)
    for _ in range(_STEPS):
        w = weights[left]
        p = expit(theta[left, :1] + theta[left, 1:] * x)
        r, v = w * (y - p), w * p * (1 - p)
        g0, h00 = r.sum(axis=1), v.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if sloped:
                g1, h01, h11 = r @ x, v @ x, v @ (x * x)
                det = h00 * h11 - h01**2
                move = np.column_stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0]) / det[:, None]
            else:
                move = np.column_stack([g0 / h00, np.zeros(len(g0))])
        # A step that large leaves the range where the curve is curved; half of it comes next.
        far = np.abs(move).max(axis=1, keepdims=True)
        theta[left] += move / np.maximum(1.0, far / 2)
        small = far[:, 0] < 1e-9 * (1 + np.abs(theta[left]).max(axis=1))
        done[left[small]] = True
        lost = ~np.isfinite(far[:, 0]) | (np.abs(theta[left]).max(axis=1) > 50)
        left = left[~small & ~lost]
        if not len(left):
            break
    return np.where(done[:, None], theta, np.nan)


def net_benefit(
    outcomes: Outcomes, weights: np.ndarray, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what acting on the model is worth, and what acting on everybody is.

    At a threshold t, whoever has a probability of t or more is acted on; a false alarm costs
    t / (1 - t) of what a found patient is worth. Acting on nobody is worth 0.

    Parameters
    ----------
    thresholds : array of shape (n_thresholds,)
        In (0, 1).

    Returns
    -------
    model, everybody : arrays of shape (n_resamples, n_thresholds)
        Found patients per person, false alarms taken off, at the prevalence of these rows.

    References
    ----------
    .. [1] Vickers & Elkin (2006). Medical Decision Making 26, 565-574.
       doi:10.1177/0272989X06295361
    """
    thresholds = np.asarray(thresholds, dtype=float)
    if not ((thresholds > 0) & (thresholds < 1)).all():
        raise ValueError("thresholds must lie between 0 and 1, without the ends")
    odds = thresholds / (1 - thresholds)
    acted = (outcomes.prob[:, None] >= thresholds).astype(float)
    total = weights.sum(axis=1, keepdims=True)
    positive = weights * outcomes.positive
    found, alarms = positive @ acted, (weights - positive) @ acted
    prevalence = positive.sum(axis=1, keepdims=True) / total
    return found / total - alarms / total * odds, prevalence - (1 - prevalence) * odds
