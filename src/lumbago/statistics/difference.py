"""Two groups and one number per person: how far apart they are, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats
from scipy.special import gammaln


@dataclass(frozen=True)
class Difference:
    """The first group less the second.

    Parameters
    ----------
    n : (int, int)
    mean : (float, float)
    difference, ci_low, ci_high : float
        Difference of means with Welch's interval, in the unit of the values.
    p : float
        Welch's test, two-sided.
    g, g_low, g_high : float
        Hedges' g, in pooled standard deviations, with the interval that the noncentral t
        distribution gives.
    p_rank : float
        Mann-Whitney's test, two-sided, for values far from normal.
    level : float
        Of the intervals.
    """

    n: tuple[int, int]
    mean: tuple[float, float]
    difference: float
    ci_low: float
    ci_high: float
    p: float
    g: float
    g_low: float
    g_high: float
    p_rank: float
    level: float


def two_groups(one: np.ndarray, other: np.ndarray, *, level: float = 0.95) -> Difference:
    """Compare two groups of people by one number each.

    Parameters
    ----------
    one, other : array of shape (n,)
        Finite values, at least 2 in each and not all the same.
    level : float
        Coverage of the intervals, in (0, 1).

    Returns
    -------
    Difference

    Raises
    ------
    ValueError
        If a group is too small, a value is missing, or nothing varies.

    References
    ----------
    .. [1] Welch (1947). Biometrika 34, 28-35. doi:10.1093/biomet/34.1-2.28
    .. [2] Hedges (1981). J Educ Stat 6, 107-128. doi:10.3102/10769986006002107
    """
    a, b = (np.asarray(v, dtype=np.float64) for v in (one, other))
    if a.ndim != 1 or b.ndim != 1 or min(len(a), len(b)) < 2:
        raise ValueError(
            f"expected two groups of at least 2 values each, got shapes {a.shape} and {b.shape}"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("expected a number for everyone, got a missing value")
    if np.ptp(a) == 0 and np.ptp(b) == 0:
        raise ValueError("no value differs within a group; there is no spread to compare with")
    n, m = len(a), len(b)
    gap = float(a.mean() - b.mean())
    welch = stats.ttest_ind(a, b, equal_var=False)
    interval = welch.confidence_interval(level)
    df = n + m - 2
    pooled = np.sqrt((a.var(ddof=1) * (n - 1) + b.var(ddof=1) * (m - 1)) / df)
    root = np.sqrt(n * m / (n + m))
    correction = small_sample_correction(df)
    t = gap / pooled * root
    low, high = (_noncentrality(t, df, share) for share in ((1 + level) / 2, (1 - level) / 2))
    return Difference(
        n=(n, m),
        mean=(float(a.mean()), float(b.mean())),
        difference=gap,
        ci_low=float(interval.low),
        ci_high=float(interval.high),
        p=float(welch.pvalue),
        g=float(correction * gap / pooled),
        g_low=float(correction * low / root),
        g_high=float(correction * high / root),
        p_rank=float(stats.mannwhitneyu(a, b, alternative="two-sided").pvalue),
        level=level,
    )


def small_sample_correction(df: int) -> float:
    """Return what makes a standardized difference unbiased (Hedges 1981).

    >>> round(small_sample_correction(10), 4)
    0.9227
    """
    return float(np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2))


def _noncentrality(t: float, df: int, share: float) -> float:
    """Return the noncentrality under which a share of all t values lies below this one."""

    def off(delta: float) -> float:
        return float(stats.nct.cdf(t, df, delta)) - share

    # Away from t in steps of the spread of t, and no further: far tails are not computed.
    step = np.sqrt(1 + t * t / (2 * df)) * (-1 if share > 0.5 else 1)
    far = t + step
    while (off(far) > 0) == (share < 0.5):
        far += step
    return float(optimize.brentq(off, min(t - step, far), max(t - step, far), xtol=1e-10))
