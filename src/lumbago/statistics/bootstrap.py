"""The BCa interval: bootstrap percentiles corrected for bias and skewness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri


def acceleration(left_out: Sequence[np.ndarray]) -> float:
    """Return the acceleration from the estimates that leave one person out.

    Parameters
    ----------
    left_out : sequence of arrays
        One array per stratum that is resampled by itself (patients, controls): the estimate
        without each of its members in turn.

    Returns
    -------
    float
        0 where no member makes a difference.
    """
    third = second = 0.0
    for estimates in left_out:
        n = len(estimates)
        pull = (n - 1) * (np.mean(estimates) - np.asarray(estimates, dtype=float))
        third += float(np.sum(pull**3)) / n**3
        second += float(np.sum(pull**2)) / n**2
    return third / (6 * second**1.5) if second > 0 else 0.0


def bca(
    estimate: float,
    drawn: np.ndarray,
    left_out: Sequence[np.ndarray],
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated bootstrap interval.

    Parameters
    ----------
    estimate : float
        Of the sample.
    drawn : array of shape (n_resamples,)
        Estimates of the resamples, drawn within strata; NaN are left out.
    left_out : sequence of arrays
        See `acceleration`.
    level : float

    Returns
    -------
    low, high : float
        NaN where every resample lies on one side of the estimate (a perfect score): no
        correction can be told from that.

    References
    ----------
    .. [1] Efron (1987). J Am Stat Assoc 82, 171-185. doi:10.1080/01621459.1987.10478410
    """
    drawn = np.asarray(drawn, dtype=float)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn) or not np.isfinite(estimate):
        return float("nan"), float("nan")
    # Sums in another order differ in the last bits; a resample equal to the sample counts half.
    slack = 1e-12 * max(1.0, abs(estimate))
    below = np.mean(drawn < estimate - slack)
    share = below + np.mean(np.abs(drawn - estimate) <= slack) / 2
    if not 0 < share < 1:
        return float("nan"), float("nan")
    bias, a = ndtri(share), acceleration(left_out)
    z = ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    at = ndtr(bias + (bias + z) / (1 - a * (bias + z)))
    low, high = np.quantile(drawn, at)
    return float(low), float(high)
