"""One scan under two names: people whose features are too alike to be two people's."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import betainc

from lumbago.data.dataset import Dataset
from lumbago.data.features import COVARIATE
from lumbago.evaluation.splits import Split

ALIKE = 0.99
"""Correlation of two people's features, each feature standardized over people, from which on
they count as one scan. Our choice: the same scan through the same pipeline gives 1 but for
rounding, and two people about 0, whatever all people have in common."""
BY_CHANCE = 0.01
"""Pairs so alike that may be expected of strangers before the search says nothing."""
FEWEST = 8
LIMIT = 4.0
"""Largest size of a standardized value."""


def alike_pairs(values: np.ndarray) -> tuple[np.ndarray, str]:
    """Find rows that are nearly the same, beyond what all rows share.

    Parameters
    ----------
    values : array of shape (n_samples, n_features)
        NaN where missing; counts as the feature's mean.

    Returns
    -------
    pairs : array of shape (n_pairs, 2) of int
        Positions, the first before the second.
    reason : str
        Why nothing can be said, empty where it can: with few independent features, strangers
        lie close together as well. Their number is (sum of eigenvalues)² / sum of squares.
    """
    nothing = np.empty((0, 2), dtype=int)
    known = np.isfinite(values)
    n_known = known.sum(axis=0)
    # Median and median deviation, and a limit: beside one person of huge values, by mean and
    # standard deviation, all others would be alike.
    there = np.where(known, values, np.nan).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a feature without any value
        middle = np.nanmedian(there, axis=0)
        spread = 1.4826 * np.nanmedian(np.abs(there - middle), axis=0)
    z = np.where(known, there - middle, 0.0)
    deviation = np.sqrt((z**2).sum(axis=0) / np.maximum(n_known, 1))
    spread = np.where(spread > 1e-3 * deviation, spread, deviation)
    varies = spread > 1e-9 * np.maximum(1.0, np.abs(middle))
    if int(varies.sum()) < FEWEST or len(values) < 3:
        return nothing, f"fewer than {FEWEST} features that vary"
    z = np.clip(z[:, varies] / spread[varies], -LIMIT, LIMIT)
    z -= z.mean(axis=1, keepdims=True)
    gram = z @ z.T
    length = np.sqrt(np.diag(gram))
    length[length == 0] = np.inf
    total, squares = float(np.trace(gram)), float((gram**2).sum())
    dimensions = total**2 / squares if squares else 0.0
    n_pairs = len(values) * (len(values) - 1) / 2
    # Share of directions in so many dimensions within this angle of a given one.
    share = 0.5 * float(betainc(max(dimensions - 1, 1e-9) / 2, 0.5, 1 - ALIKE**2))
    if n_pairs * share > BY_CHANCE:
        return nothing, f"about {dimensions:.0f} independent features are too few to tell people by"
    found = np.argwhere(np.triu(gram / np.outer(length, length) > ALIKE, k=1))
    return found, ""


def parted_duplicates(
    dataset: Dataset, columns: Sequence[str], splits: Sequence[Split]
) -> tuple[str, bool | None]:
    """Tell whether scans that look like one train and are tested, under two people's names.

    Returns
    -------
    detail : str
        In words, without any participant's name.
    parted : bool or None
        None where nothing can be said.
    """
    features = tuple(c for c in columns if not c.startswith(COVARIATE))
    pairs, reason = _pairs_of(dataset, features) if features else (None, "no features")
    if pairs is None or reason:
        return reason, None
    between = pairs[dataset.families[pairs[:, 0]] != dataset.families[pairs[:, 1]]]
    parted = np.zeros(len(between), dtype=bool)
    for split in splits:
        side = np.zeros(len(dataset), dtype=int)
        side[split.train], side[split.test] = 1, 2
        parted |= side[between[:, 0]] + side[between[:, 1]] == 3
    if not len(between):
        return f"no two people's features correlate above {ALIKE}", False
    cohorts = dataset.cohort
    across = int((cohorts[between[:, 0]] != cohorts[between[:, 1]]).sum())
    noun = "pair" if len(between) == 1 else "pairs"
    what = (
        f"{len(between)} {noun} of samples under two people's names have features that correlate "
        f"above {ALIKE}, {across} of them in two cohorts: one scan twice?"
    )
    if not parted.any():
        return f"{what} No split parts them", False
    return f"{what} {int(parted.sum())} train and are tested", True


@lru_cache(maxsize=1)
def _pairs_of(dataset: Dataset, features: tuple[str, ...]) -> tuple[np.ndarray, str]:
    whole = list(features) == dataset.features
    values = dataset.X.iloc[:, : len(features)] if whole else dataset.X[list(features)]
    return alike_pairs(values.to_numpy(dtype=np.float32))
