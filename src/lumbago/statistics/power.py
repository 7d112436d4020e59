"""How large an AUC must be for this many people to find it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri


def auc_variance(area: float, n_positive: int, n_negative: int) -> float:
    """Return Hanley and McNeil's variance of an area under the ROC curve.

    Parameters
    ----------
    area : float
        In [0, 1].
    n_positive, n_negative : int
        People of each class, one score each from one model.

    References
    ----------
    .. [1] Hanley & McNeil (1982). Radiology 143, 29-36. doi:10.1148/radiology.143.1.7063747
    """
    if not 0 <= area <= 1 or min(n_positive, n_negative) < 1:
        raise ValueError(
            f"expected an area in [0, 1] and people in both classes; got {area}, "
            f"{n_positive} and {n_negative}"
        )
    two_positive, two_negative = area / (2 - area), 2 * area**2 / (1 + area)
    return (
        area * (1 - area)
        + (n_positive - 1) * (two_positive - area**2)
        + (n_negative - 1) * (two_negative - area**2)
    ) / (n_positive * n_negative)


def minimal_auc(
    n_positive: int,
    n_negative: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    critical: float | None = None,
) -> float:
    """Return the smallest true AUC that a one-sided test against chance finds often enough.

    The observed AUC must exceed a critical value: by default 0.5 and the normal quantile of
    its standard error without any difference, or one that is given, such as the 95th
    percentile of the scores under permuted labels. Above it, the observed AUC is taken as
    normal around the true one with Hanley and McNeil's variance.

    Parameters
    ----------
    n_positive, n_negative : int
        People of each class.
    alpha : float
        One-sided level, where `critical` is not given.
    power : float
        Share of studies that should find it.
    critical : float, optional
        In [0, 1).

    Returns
    -------
    float
        NaN where not even an AUC near 1 is found that often.
    """
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1, got {value}")
    if critical is None:
        critical = 0.5 + ndtri(1 - alpha) * np.sqrt(auc_variance(0.5, n_positive, n_negative))
    z, border = ndtri(power), float(critical)

    def room(area: float) -> float:
        return area - z * np.sqrt(auc_variance(area, n_positive, n_negative)) - border

    top = 1 - 1e-9
    if room(top) < 0:
        return float("nan")
    if room(border) >= 0:
        return border
    return float(brentq(room, border, top, xtol=1e-10))
