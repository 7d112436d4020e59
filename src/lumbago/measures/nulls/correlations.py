"""Null models of correlation matrices: random ones with the same moments."""

from __future__ import annotations

import math

import numpy as np

from lumbago.measures.chance import sequence_of
from lumbago.measures.graph.adjacency import checked_square, differ


def hirschberger_qi_steuer(
    matrix: np.ndarray, *, seed: int | np.random.SeedSequence, correlation: bool = False
) -> np.ndarray:
    """A random covariance matrix with the moments of another.

    A rewired graph may be one that no correlations give: if a goes with b and b with c, then a
    goes with c. So graphs of correlations have triangles that say nothing about the
    brain, and this null has them too [2]_.

    It is X X', where X has m columns of independent normal values with mean q and variance u.
    An entry off its diagonal is a sum of m products of independent values, with mean m q^2
    and variance m ((q^2 + u)^2 - q^4); one on its diagonal a sum of m squares, with mean m (q^2
    + u). With q^2 = e / m and u = (d - e) / m these are e, (d^2 - e^2) / m and d. Given the mean
    d of a matrix' diagonal and the mean e and variance v of what is off it, m is (d^2 - e^2) / v
    rounded down [1]_ but at least 1: the variance comes out larger than v by up to a share of
    1 / m.

    Parameters
    ----------
    matrix : array of shape (n_nodes, n_nodes)
        Correlations or covariances, symmetric. Never changed.
    seed : int or numpy.random.SeedSequence
    correlation : bool
        Bring the diagonal to 1. The mean is kept to about 0.001, the variance less well: of
        0.04 around a mean of 0.14 4 % are lost, of 0.005 around 0.5 nearly half.

    Returns
    -------
    array of shape (n_nodes, n_nodes), float64, symmetric, positive semidefinite of rank m at most.

    Raises
    ------
    ValueError
        If the matrix has fewer than 3 nodes, is not symmetric or finite, its mean off the
        diagonal is negative (as after global signal regression) or not below that on it, or all
        values off the diagonal are one.

    References
    ----------
    .. [1] Hirschberger, Qi & Steuer (2007). Randomly generating portfolio-selection covariance
       matrices with specified distributional characteristics. European Journal of Operational
       Research 177, 1610-1625. doi:10.1016/j.ejor.2005.10.014
    .. [2] Zalesky, Fornito & Bullmore (2012). On the use of correlation as a measure of network
       connectivity. NeuroImage 60, 2096-2106. doi:10.1016/j.neuroimage.2012.02.001
    """
    return RandomCovariance(matrix, "hirschberger_qi_steuer").null(seed, correlation=correlation)


class RandomCovariance:
    """The moments of a matrix, from which any number of random ones are drawn.

    Parameters
    ----------
    matrix : (n_nodes, n_nodes)
    where : str
        Opens the errors.
    """

    def __init__(self, matrix: np.ndarray, where: str) -> None:
        values = checked_square(matrix, where).astype(np.float64)
        self.n_nodes = len(values)
        if self.n_nodes < 3:
            raise ValueError(f"{where}: expected at least 3 nodes, got {self.n_nodes}")
        if not np.isfinite(values).all():
            raise ValueError(f"{where}: the matrix holds values that are not finite")
        if differ(values, values.T):
            raise ValueError(f"{where}: expected a symmetric matrix")
        off = values[np.triu_indices(self.n_nodes, 1)]
        diagonal, mean, variance = float(values.diagonal().mean()), float(off.mean()), off.var()
        if not 0 <= mean < diagonal:
            raise ValueError(
                f"{where}: expected a mean off the diagonal from 0 to below that of the diagonal, "
                f"got {mean:.4g} and {diagonal:.4g}; keep the diagonal, and take rewired graphs "
                "as nulls where signals had their global mean removed"
            )
        if variance <= 1e-12 * diagonal**2:
            raise ValueError(f"{where}: all values off the diagonal are {mean:.4g}")
        self.n_columns = max(math.floor((diagonal**2 - mean**2) / variance), 1)
        self._mean = math.sqrt(mean / self.n_columns)
        self._spread = math.sqrt((diagonal - mean) / self.n_columns)

    def null(self, seed: int | np.random.SeedSequence, *, correlation: bool = False) -> np.ndarray:
        """One random matrix."""
        shape = (self.n_nodes, self.n_columns)
        columns = np.random.default_rng(sequence_of(seed)).normal(self._mean, self._spread, shape)
        if correlation:
            columns /= np.linalg.norm(columns, axis=1, keepdims=True)
        found = columns @ columns.T
        found = (found + found.T) / 2
        if correlation:
            np.fill_diagonal(found, 1)
        return found
