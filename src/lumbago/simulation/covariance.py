"""The correlations that simulated signals have in the long run, before any noise."""

from __future__ import annotations

import numpy as np

from lumbago.simulation.brain import Brain
from lumbago.simulation.scans import EVERYWHERE, NETWORK, PAIR, Planted


def planted_correlation(brain: Brain, planted: Planted) -> np.ndarray:
    """Correlation of every pair of regions of a person whose networks are of mean tightness.

    It is that of `lumbago.simulation.scans.region_signals` for endless scans, computed from
    the shares of variance instead of from signals.

    Parameters
    ----------
    brain : Brain
    planted : Planted
        Amplitudes have no say.

    Returns
    -------
    array of shape (n_regions, n_regions)
    """
    n_regions = len(brain.labels)
    network = brain.labels["network"].to_numpy()
    pair = np.arange(n_regions) % (n_regions // 2)
    swapped = EVERYWHERE * planted.apart
    r = (
        (EVERYWHERE - swapped)
        + (NETWORK + swapped) * (network[:, None] == network)
        + PAIR * (pair[:, None] == pair)
    )
    np.fill_diagonal(r, 1.0)
    if planted.coupling != 0:
        r = _mixed(r, network == planted.default_mode, list(planted.insula), planted, swapped)
    return r


def _mixed(
    r: np.ndarray, default: np.ndarray, insula: list[int], planted: Planted, swapped: float
) -> np.ndarray:
    """Mix the default mode's common signal into the insula: one more signal, then a product."""
    n, c = len(r), planted.coupling
    with_signal = np.eye(n + 1)
    with_signal[:n, :n] = r
    with_signal[:n, n] = with_signal[n, :n] = np.sqrt(NETWORK + swapped) * default
    mixing = np.eye(n, n + 1)
    mixing[insula, insula] = np.sqrt(1 - c**2)
    mixing[insula, n] = c
    covariance = mixing @ with_signal @ mixing.T
    spread = np.sqrt(np.diag(covariance))
    return np.asarray(covariance / np.outer(spread, spread))
