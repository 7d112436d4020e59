"""The cut on decision values above which a row is called positive, chosen in training."""

from __future__ import annotations

from typing import Literal

import numpy as np

Threshold = Literal["default", "youden"]
"""Where classes part: at the model's own cut, or where Youden's J is highest in training."""


def youden_cut(decision: np.ndarray, positive: np.ndarray) -> float | None:
    """Return the cut with the highest sensitivity + specificity - 1.

    A row is called positive where its decision value is at the cut or above. Cuts lie in the
    middle between two neighbouring values. Of cuts with the same J, the one that comes
    nearest to calling half of the rows positive is taken, and of two as near, the lower.

    Parameters
    ----------
    decision : array of shape (n_samples,)
        Decision values of rows the model was not fitted on, higher for the positive class;
        rows that are NaN are left out.
    positive : array of shape (n_samples,) of bool

    Returns
    -------
    float, or None where a class is absent or no cut does better than chance (J of 0).

    References
    ----------
    .. [1] Youden (1950). Cancer 3, 32-35.
       doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3

    Examples
    --------
    >>> youden_cut(np.array([0.0, 1.0, 3.0, 4.0]), np.array([False, False, True, True]))
    2.0
    """
    kept = np.isfinite(decision)
    decision, positive = np.asarray(decision, dtype=float)[kept], np.asarray(positive)[kept]
    n, n_pos = len(decision), int(positive.sum())
    if n_pos in (0, n):
        return None
    values, place = np.unique(decision, return_inverse=True)
    below = np.cumsum(np.bincount(place))[:-1]
    missed = np.cumsum(np.bincount(place, weights=positive))[:-1].astype(np.int64)
    # J times n_pos * n_neg: whole numbers, so that ties are ties.
    gain = (below - missed) * n_pos - missed * (n - n_pos)
    if not len(gain) or gain.max() <= 0:
        return None
    tied = np.flatnonzero(gain == gain.max())
    best = int(tied[np.argmin(np.abs(2 * below[tied] - n))])
    low, high = values[best], values[best + 1]
    middle = float(low + (high - low) / 2)
    return middle if middle > low else float(high)
