"""The corrected variance of a cross-validated score, which counts that training sets overlap."""

from __future__ import annotations

import numpy as np
from scipy.stats import t


def corrected_interval(
    scores: np.ndarray, test_over_train: float, level: float = 0.95
) -> tuple[float, float]:
    """Return an interval for the score of models trained on other samples of the same size.

    The variance over J fitted models is taken times 1/J + n_test/n_train instead of 1/J:
    training sets of a cross-validation overlap, so the J scores are fewer than they seem.

    Parameters
    ----------
    scores : array of shape (J,)
        Of every fold of every repeat, each a model of its own; NaN are left out.
    test_over_train : float
        Participants tested by a model over those it was trained on (1/4 in five folds).
    level : float

    Returns
    -------
    low, high : float
        Around the mean of `scores`, by Student's t with J - 1 degrees of freedom; NaN where
        fewer than two scores are there.

    References
    ----------
    .. [1] Nadeau & Bengio (2003). Machine Learning 52, 239-281. doi:10.1023/A:1024068626366
    """
    scores = np.asarray(scores, dtype=float)
    scores = scores[np.isfinite(scores)]
    j = len(scores)
    if j < 2:
        return float("nan"), float("nan")
    if test_over_train <= 0:
        raise ValueError(f"test_over_train must be above 0, got {test_over_train}")
    variance = (1 / j + test_over_train) * np.var(scores, ddof=1)
    half = t.ppf((1 + level) / 2, j - 1) * np.sqrt(variance)
    mean = float(scores.mean())
    return mean - float(half), mean + float(half)
