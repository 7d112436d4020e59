"""QC-FC: how much of every edge follows head motion across people, and over which distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class QcFc:
    """Relation of every edge to head motion, and what sums it up.

    Parameters
    ----------
    r : array of shape (n_edges,)
        Correlation with mean displacement across people, given the covariates, in [-1, 1];
        NaN where too few people have the edge or it is the same in all.
    p : array of shape (n_edges,)
        Two-sided, of each edge alone.
    n : array of int of shape (n_edges,)
        People who have the edge.
    n_covariates : int
        Independent covariates that were taken out, the mean not counted.
    median_abs : float
        Median of \\|r\\|.
    expected_abs : float
        What that median would be without any relation: r of independent normal values, for as
        many people and covariates as the median edge has.
    share_uncorrected : float
        Share of edges with p < `alpha`; `alpha` of them would be by chance.
    share_fdr : float
        Share of edges at a false discovery rate of `alpha` (Benjamini and Hochberg).
    distance_rho : float
        Spearman's correlation of r with the distance of the two regions; NaN without distances.
        Negative: motion lifts short edges above long ones. Edges share regions and people, so it
        has no p-value here.
    alpha : float
    """

    r: np.ndarray
    p: np.ndarray
    n: np.ndarray
    n_covariates: int
    median_abs: float
    expected_abs: float
    share_uncorrected: float
    share_fdr: float
    distance_rho: float
    alpha: float


def qc_fc(
    edges: np.ndarray,
    mean_fd: np.ndarray,
    distances: np.ndarray | None = None,
    covariates: np.ndarray | None = None,
    *,
    alpha: float = 0.05,
) -> QcFc:
    """Correlate every edge of a connectome with head motion across people.

    After denoising, an edge should not tell who moved. The three numbers by which Ciric et
    al. (2017) [1]_ compare denoisings are here: the size of the relation, the share of edges
    that show it, and how it changes with the distance between the regions, where motion is
    known to leave its trace (Power et al. 2012) [2]_.

    Parameters
    ----------
    edges : array of shape (n_people, n_edges)
        Connectivity, any scale; NaN where somebody lacks the edge, who is then left out of it.
    mean_fd : array of shape (n_people,)
        Mean framewise displacement, in mm.
    distances : array of shape (n_edges,), optional
        Between the centres of the two regions, in mm; NaN where unknown.
    covariates : array of shape (n_people, k), optional
        What is taken out of both, with the mean: age, sex, dummies of sites.
    alpha : float
        Level of the two shares, in (0, 1).

    Returns
    -------
    QcFc

    Raises
    ------
    ValueError
        If the shapes do not fit, mean_fd or a covariate holds a missing value, or there are
        fewer than 4 people more than independent covariates.

    References
    ----------
    .. [1] Ciric et al. (2017). NeuroImage 154, 174-187. doi:10.1016/j.neuroimage.2017.03.020
    .. [2] Power et al. (2012). NeuroImage 59, 2142-2154. doi:10.1016/j.neuroimage.2011.10.018
    """
    edges, motion, nuisance = _checked(edges, mean_fd, covariates)
    n_people, n_edges = edges.shape
    if distances is not None:
        distances = np.asarray(distances, dtype=np.float64)
        if distances.shape != (n_edges,):
            raise ValueError(
                f"distances: expected one for each of {n_edges} edges, got {distances.shape}"
            )
    r = np.full(n_edges, np.nan)
    df = np.zeros(n_edges, dtype=np.int64)
    n = np.zeros(n_edges, dtype=np.int64)
    present = np.isfinite(edges)
    whole = present.all(axis=0)
    for people, columns in _alike(present, whole):
        # Fewer people than this leave nothing to correlate once the covariates are out.
        basis = _orthonormal(nuisance[people])
        n[columns] = people.sum()
        df[columns] = people.sum() - basis.shape[1] - 1
        if df[columns[0]] < 1:
            continue
        for start in range(0, len(columns), _BLOCK):
            some = columns[start : start + _BLOCK]
            r[some] = _correlations(edges[np.ix_(people, some)], motion[people], basis)
    p = _two_sided(r, df)
    known = np.isfinite(r)
    rank = _orthonormal(nuisance).shape[1]
    typical = int(np.median(df[known])) if known.any() else n_people - rank - 1
    return QcFc(
        r=r,
        p=p,
        n=n,
        n_covariates=rank - 1,
        median_abs=float(np.median(np.abs(r[known]))) if known.any() else np.nan,
        expected_abs=expected_median(typical),
        share_uncorrected=float((p[known] < alpha).mean()) if known.any() else np.nan,
        share_fdr=float(discovered(p[known], alpha).mean()) if known.any() else np.nan,
        distance_rho=_rank_correlation(distances, r),
        alpha=alpha,
    )


def expected_median(df: int) -> float:
    """Return the median of \\|r\\| where nothing is related, for normal values.

    Parameters
    ----------
    df : int
        People less covariates less 2.

    >>> round(expected_median(46), 3)
    0.1
    """
    t = stats.t.ppf(0.75, df)
    return float(t / np.sqrt(df + t * t))


def discovered(p: np.ndarray, rate: float) -> np.ndarray:
    """Tell which p-values pass at a false discovery rate (Benjamini and Hochberg 1995).

    >>> discovered(np.array([0.001, 0.04, 0.02, 0.8]), 0.05).tolist()
    [True, False, True, False]
    """
    p = np.asarray(p, dtype=np.float64)
    order = np.sort(p)
    passing = np.flatnonzero(order <= rate * np.arange(1, len(p) + 1) / max(1, len(p)))
    return p <= order[passing[-1]] if len(passing) else np.zeros(len(p), bool)


def _checked(
    edges: np.ndarray, mean_fd: np.ndarray, covariates: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    edges = np.asarray(edges)
    motion = np.asarray(mean_fd, dtype=np.float64)
    if edges.ndim != 2 or motion.shape != (len(edges),):
        raise ValueError(
            "expected edges (n_people, n_edges) and one mean_fd per person, "
            f"got {edges.shape} and {motion.shape}"
        )
    given = np.empty((len(edges), 0)) if covariates is None else np.asarray(covariates, np.float64)
    if given.ndim != 2 or len(given) != len(edges):
        raise ValueError(f"covariates: expected ({len(edges)} people, k), got {given.shape}")
    for name, values in (("mean_fd", motion), ("covariates", given)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name}: expected a number for everyone, got a missing value")
    nuisance = np.column_stack([np.ones(len(edges)), given])
    left = len(edges) - _orthonormal(nuisance).shape[1] + 1
    if left < 4:
        raise ValueError(
            f"{len(edges)} people are too few for {nuisance.shape[1] - 1} covariates: at least "
            "4 people more than independent covariates are needed"
        )
    return edges, motion, nuisance


def _alike(present: np.ndarray, whole: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return groups of edges that the same people have: who, and which edges."""
    groups = [(np.ones(len(present), bool), np.flatnonzero(whole))] if whole.any() else []
    partial = np.flatnonzero(~whole)
    if len(partial):
        patterns, member = np.unique(present[:, partial], axis=1, return_inverse=True)
        groups += [(patterns[:, i], partial[member.ravel() == i]) for i in range(patterns.shape[1])]
    return [(people, columns) for people, columns in groups if people.any()]


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of what columns span, constant and dependent ones once."""
    scale = np.linalg.norm(columns, axis=0)
    scaled = columns[:, scale > 0] / scale[scale > 0]
    u, s, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(u[:, s > s[0] * max(scaled.shape) * np.finfo(float).eps])


def _correlations(edges: np.ndarray, motion: np.ndarray, basis: np.ndarray) -> np.ndarray:
    values = edges.astype(np.float64)
    size = np.linalg.norm(values, axis=0)
    values -= basis @ (basis.T @ values)
    moved = motion - basis @ (basis.T @ motion)
    spread, own = np.linalg.norm(values, axis=0), np.linalg.norm(moved)
    # What is left of a constant by rounding is no variation.
    flat = spread <= 1e-10 * size
    if own <= 1e-10 * np.linalg.norm(motion):
        return np.full(values.shape[1], np.nan)
    r = np.full(values.shape[1], np.nan)
    r[~flat] = np.clip((moved @ values[:, ~flat]) / (spread[~flat] * own), -1, 1)
    return r


def _two_sided(r: np.ndarray, df: np.ndarray) -> np.ndarray:
    p = np.full(len(r), np.nan)
    known = np.isfinite(r)
    with np.errstate(divide="ignore"):
        t = np.abs(r[known]) * np.sqrt(df[known] / (1 - r[known] ** 2))
    p[known] = 2 * stats.t.sf(t, df[known])
    return p


def _rank_correlation(distances: np.ndarray | None, r: np.ndarray) -> float:
    if distances is None:
        return float("nan")
    both = np.isfinite(distances) & np.isfinite(r)
    if both.sum() < 3:
        return float("nan")
    one, other = stats.rankdata(distances[both]), stats.rankdata(r[both])
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
