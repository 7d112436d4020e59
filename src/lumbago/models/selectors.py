"""The estimators behind the selection steps, thin on scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from lumbago.models.columns import Columns, groups_of
from lumbago.models.keeping import Keeper


class Selector(Keeper):
    """Keep features by what they say of the labels of the training rows.

    Whole numbers and words are classes, other numbers a continuous target. Where nothing
    would be kept, the one feature with the largest F is, and `notes_` says so.

    Attributes
    ----------
    keep_ : boolean array of shape (n_features,)
    notes_ : list of str
    """

    called = "selection"

    def fit(self, X: Any, y: Any = None) -> Selector:
        """Choose features by the training rows and their labels."""
        if y is None:
            raise ValueError(f"{self.called}: requires y to be passed, but the target y is None")
        parts = self._open(X)
        values = parts.values.astype(np.float64)
        y = column_or_1d(y, warn=True)
        if len(y) != len(values):
            raise ValueError(f"{self.called}: expected {len(values)} labels, got {len(y)}")
        if len(y) < 2:
            raise ValueError(f"{self.called}: expected 2 training rows or more, got n_samples=1")
        continuous = y.dtype.kind == "f"
        if continuous:
            if not np.isfinite(y).all():
                raise ValueError(f"{self.called}: the target holds NaN or infinity; leave it out")
        else:
            check_classification_targets(y)
            y = np.unique(y, return_inverse=True)[1].ravel()
        self.notes_: list[str] = []
        if values.shape[1] < 2 or len(np.unique(y)) < 2:
            # Permuted labels, or sessions that differ in class, can leave one class alone.
            self.keep_ = np.ones(values.shape[1], dtype=bool)
        else:
            self.keep_ = self._choose(
                values, y, groups_of(values if parts.names is None else X), continuous=continuous
            )
        if not self.keep_.any():
            self.keep_ = _highest(f_values(values, y, continuous=continuous), 1)
            self.notes_.append(f"{self.called}: nothing was picked; the largest F was kept")
        self.notes_.append(self._told(parts))
        return self

    def _choose(
        self, values: np.ndarray, y: np.ndarray, groups: np.ndarray, *, continuous: bool
    ) -> np.ndarray:
        raise NotImplementedError

    def _told(self, parts: Columns) -> str:
        return f"{self.called}: {int(self.keep_.sum())} of {len(self.keep_)} features kept"


class AnovaSelector(Selector):
    """Keep the features with the largest F; of equals the earlier ones.

    Parameters
    ----------
    k : int, optional
    share : float, optional
        Instead of `k`; 0.1 without either. One feature is kept at least.
    """

    called = "select_anova"

    def __init__(self, k: int | None = None, share: float | None = None) -> None:
        self.k = k
        self.share = share

    def _choose(
        self, values: np.ndarray, y: np.ndarray, groups: np.ndarray, *, continuous: bool
    ) -> np.ndarray:
        share = 0.1 if self.share is None else self.share
        n = max(1, round(share * values.shape[1])) if self.k is None else self.k
        return _highest(f_values(values, y, continuous=continuous), n)


class ElasticNetSelector(Selector):
    """Keep the features with a weight in an elastic net (logistic, or linear by least squares).

    The penalty is a share of the smallest that keeps nothing, so that it means the same for
    any number of rows and for permuted labels. Of several classes each is told from the
    others, and what any of these models keeps is kept.

    Parameters
    ----------
    penalty : float
        In (0, 1).
    l1_ratio : float
        In (0, 1].

    References
    ----------
    .. [1] Zou & Hastie (2005). J R Stat Soc B 67, 301-320.
       doi:10.1111/j.1467-9868.2005.00503.x
    """

    called = "select_elastic_net"

    def __init__(self, penalty: float = 0.5, l1_ratio: float = 0.5) -> None:
        self.penalty = penalty
        self.l1_ratio = l1_ratio

    def _choose(
        self, values: np.ndarray, y: np.ndarray, groups: np.ndarray, *, continuous: bool
    ) -> np.ndarray:
        values = values - values.mean(axis=0)
        kept = np.zeros(values.shape[1], dtype=bool)
        for column in _columns_of(y, continuous=continuous):
            weights = self._least_squares if continuous else self._logistic
            kept |= weights(values, column) != 0
        return kept

    def _logistic(self, values: np.ndarray, y: np.ndarray) -> np.ndarray:
        from lumbago.models.sparse import SparseLogistic

        # At no weights the loss of a row has the slope share - y.
        largest = np.abs(values.T @ (y.mean() - y)).max()
        if largest <= 0:
            return np.zeros(values.shape[1])
        C = self.l1_ratio / (self.penalty * largest)
        return SparseLogistic(C=C, l1_ratio=self.l1_ratio).fit(values, y.astype(int)).coef_[0]

    def _least_squares(self, values: np.ndarray, y: np.ndarray) -> np.ndarray:
        from sklearn.linear_model import ElasticNet

        largest = np.abs(values.T @ (y - y.mean())).max() / len(y)
        if largest <= 0:
            return np.zeros(values.shape[1])
        alpha = self.penalty * largest / self.l1_ratio
        model = ElasticNet(alpha=alpha, l1_ratio=self.l1_ratio, tol=1e-6, max_iter=100_000)
        return model.fit(values, y).coef_


class StabilitySelector(Selector):
    """Keep the features that the lasso picks in most random halves of the participants.

    Participants are halved, so that the sessions of one stay together. In each half the
    lasso's path is followed until it has picked `per_half` features; classes are told by
    least squares on 0 and 1, each from the others.

    Parameters
    ----------
    threshold : float
        In (0.5, 1].
    per_half, n_halves : int
    random_state : int
        Seed of the halves.

    Attributes
    ----------
    picked_ : array of shape (n_features,)
        Share of the halves that picked each feature.

    References
    ----------
    .. [1] Meinshausen & Bühlmann (2010). J R Stat Soc B 72, 417-473.
       doi:10.1111/j.1467-9868.2010.00740.x
    """

    called = "select_stable"

    def __init__(
        self,
        threshold: float = 0.6,
        per_half: int = 20,
        n_halves: int = 100,
        random_state: int = 0,
    ) -> None:
        self.threshold = threshold
        self.per_half = per_half
        self.n_halves = n_halves
        self.random_state = random_state

    def _choose(
        self, values: np.ndarray, y: np.ndarray, groups: np.ndarray, *, continuous: bool
    ) -> np.ndarray:
        rng = np.random.default_rng(self.random_state)
        people, person = np.unique(groups, return_inverse=True)
        person = person.ravel()
        picked = np.zeros(values.shape[1])
        for _ in range(self.n_halves):
            half = np.zeros(len(people), dtype=bool)
            half[rng.permutation(len(people))[: len(people) // 2]] = True
            rows = half[person]
            here = np.zeros(values.shape[1], dtype=bool)
            for column in _columns_of(y, continuous=continuous):
                here |= _first_of_the_path(values[rows], column[rows], self.per_half)
            picked += here
        self.picked_ = picked / self.n_halves
        return self.picked_ >= self.threshold


class RecursiveSelector(Selector):
    """Keep features by recursive elimination of those with the smallest weights.

    Parameters
    ----------
    k : int
    drop : float
        Share of the remaining features that goes at a time, at least one; in (0, 1).

    References
    ----------
    .. [1] Guyon, Weston, Barnhill & Vapnik (2002). Mach Learn 46, 389-422.
       doi:10.1023/A:1012487302797
    """

    called = "select_rfe"

    def __init__(self, k: int = 100, drop: float = 0.5) -> None:
        self.k = k
        self.drop = drop

    def _choose(
        self, values: np.ndarray, y: np.ndarray, groups: np.ndarray, *, continuous: bool
    ) -> np.ndarray:
        from sklearn.feature_selection import RFE
        from sklearn.linear_model import Ridge
        from sklearn.svm import SVC

        kept = np.ones(values.shape[1], dtype=bool)
        while (n := int(kept.sum())) > self.k:
            goes = min(max(1, int(self.drop * n)), n - self.k)
            model = Ridge(solver="svd") if continuous else SVC(kernel="linear")
            # One step of scikit-learn's at a time: its own share is one of all features.
            once = RFE(model, n_features_to_select=n - goes, step=goes)
            kept[np.flatnonzero(kept)[~once.fit(values[:, kept], y).support_]] = False
        return kept


def f_values(values: np.ndarray, y: np.ndarray, *, continuous: bool) -> np.ndarray:
    """Return every feature's F; 0 where it does not vary, infinite where it tells y fully.

    Parameters
    ----------
    values : array of shape (n_samples, n_features)
    y : array of shape (n_samples,)
        Class codes, or values.
    """
    centred = values - values.mean(axis=0)
    if continuous:
        aim = ((y - y.mean()) / max(np.linalg.norm(y - y.mean()), np.finfo(float).tiny))[:, None]
    else:
        one_hot = (y[:, None] == np.unique(y)).astype(float)
        aim = np.linalg.qr(np.column_stack([np.ones(len(y)), one_hot[:, 1:]]))[0][:, 1:]
    total = np.einsum("ij,ij->j", centred, centred)
    explained = ((aim.T @ centred) ** 2).sum(axis=0)
    size = np.abs(values).max(axis=0)
    constant = total <= len(y) * (len(y) * np.finfo(float).eps * size) ** 2
    rest = len(y) - 1 - aim.shape[1]
    if rest < 1:
        raise ValueError(f"{len(y)} training rows are too few for an F; use more rows")
    left = np.maximum(total - explained, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        f = explained / aim.shape[1] / (left / rest)
    return np.where(constant, 0.0, f)


def _highest(score: np.ndarray, n: int) -> np.ndarray:
    kept = np.zeros(len(score), dtype=bool)
    kept[np.argsort(-score, kind="stable")[:n]] = True
    return kept


def _columns_of(y: np.ndarray, *, continuous: bool) -> list[np.ndarray]:
    """Return what is to be told: the values, the later of two classes, or every class."""
    if continuous:
        return [y]
    classes = np.unique(y)
    return [(y == c).astype(float) for c in (classes[1:] if len(classes) == 2 else classes)]


def _first_of_the_path(values: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    """Return which features the lasso picks first, up to `n` of them."""
    from sklearn.linear_model import lars_path

    values = values - values.mean(axis=0)
    norm = np.linalg.norm(values, axis=0)
    values = np.divide(values, norm, out=np.zeros_like(values), where=norm > 0)
    picked = np.zeros(values.shape[1], dtype=bool)
    if y.min() == y.max():
        return picked
    _, _, weights = lars_path(values, y - y.mean(), method="lasso", max_iter=n, return_path=False)
    picked[weights != 0] = True
    return picked
