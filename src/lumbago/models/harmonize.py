"""Features without what sites and scanners add to them: ComBat, fitted on the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from lumbago.models.columns import Step, require_covariates
from lumbago.models.combat import BatchEffects, fit_batches
from lumbago.models.design import CovariateCoder
from lumbago.models.residualize import Names
from lumbago.spec import Spec


class Combat(Spec):
    """ComBat: bring location and scale of every feature together over sites, by empirical Bayes.

    Everything is learned from the training rows; a test row needs its batch and its preserved
    covariates, never its label. The target can be no preserved covariate: it would have to
    be known for the rows to predict.
    """

    references: ClassVar[tuple[str, ...]] = ("johnson2007", "fortin2018")
    group: ClassVar[str] = "harmonize"

    kind: Literal["combat"] = "combat"
    batch: str = "site"
    """``site``, ``cohort`` or a covariate of words (``scanner``)."""
    method: Literal["parametric", "nonparametric"] = "parametric"
    """How batches are shrunk; ``nonparametric`` takes time as the square of the features."""
    mean_only: bool = False
    """Bring means together and leave variances."""
    reference: str | None = None
    """A batch that stays as it is; the others are brought to it."""
    unseen: Literal["refuse", "pooled", "none"] = "refuse"
    """A batch never met in training: an error, the mean of the training batches' corrections,
    or values left as they are."""
    preserve: Names = ()
    """Covariates whose effects are no effect of the batch (``age``, ``sex``)."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of all covariates that the step needs."""
        return (self.batch, *self.preserve)

    def build(self, columns: Any, seed: int) -> CombatHarmonizer:
        """Return the step, unfitted."""
        return CombatHarmonizer(
            batch=self.batch, method=self.method, mean_only=self.mean_only,
            reference=self.reference, unseen=self.unseen, preserve=self.preserve,
        )  # fmt: skip


class CombatHarmonizer(Step):
    """Take out of every feature what its batch added, as the training rows tell it.

    With one batch in training nothing is done, and `notes_` says so. A batch with one
    training row has no variance: it is left out of the fit and counts as unseen, unless
    means alone are brought together. Covariates pass through. Preserved words never met in
    training, and missing covariates, count as the training mean.

    Parameters
    ----------
    batch : str
        Covariate that names the batch, without prefix.
    method : {"parametric", "nonparametric"}
    mean_only : bool
    reference : str, optional
    unseen : {"refuse", "pooled", "none"}
        ``pooled``: by the location and scale of the training batches, averaged over their rows.
    preserve : sequence of str

    Attributes
    ----------
    batches_ : list of str
        Batches of the fit, sorted; empty where nothing is done.
    effects_ : BatchEffects or None
    pooled_ : pair of arrays of shape (n_features,)
        Location and scale of an average training row's batch.
    notes_ : list of str

    References
    ----------
    .. [1] Johnson, Li & Rabinovic (2007). Biostatistics 8, 118-127.
       doi:10.1093/biostatistics/kxj037
    .. [2] Fortin et al. (2018). NeuroImage 167, 104-120. doi:10.1016/j.neuroimage.2017.11.024
    """

    reads_y = False
    called = "combat"

    def __init__(
        self,
        batch: str = "site",
        method: str = "parametric",
        mean_only: bool = False,
        reference: str | None = None,
        unseen: str = "refuse",
        preserve: Sequence[str] = (),
    ) -> None:
        self.batch = batch
        self.method = method
        self.mean_only = mean_only
        self.reference = reference
        self.unseen = unseen
        self.preserve = preserve

    def fit(self, X: Any, y: Any = None) -> CombatHarmonizer:
        """Learn location and scale of every batch of the training rows.

        Raises
        ------
        ValueError
            If features or batches are missing, the reference is not among the training
            batches, a batch has one row that `unseen` does not provide for, or batches cannot
            be told from preserved covariates.
        """
        values = self._open(X).values
        table = require_covariates(X, [self.batch, *self.preserve])
        names = batch_names(table[self.batch])
        if any(name is None for name in names):
            raise ValueError(
                f"combat: {self.batch} is missing in {sum(n is None for n in names)} training "
                "rows; leave them out or fill it in"
            )
        met = np.array(names, dtype=str)
        batches, counts = np.unique(met, return_counts=True)
        self.batches_: list[str] = []
        self.effects_: BatchEffects | None = None
        self.notes_: list[str] = []
        if len(batches) < 2:
            self.notes_.append(f"combat: one {self.batch} in training, nothing was harmonized")
            return self
        if self.reference is not None and self.reference not in batches:
            raise ValueError(
                f"combat: the reference {self.reference!r} is not among the training batches of "
                f"{self.batch}, {', '.join(batches)}; choose one that is always trained on"
            )
        alone = [] if self.mean_only else [str(b) for b in batches[counts < 2]]
        if alone and (self.unseen == "refuse" or self.reference in alone):
            raise ValueError(
                f"combat: {self.batch} {alone[0]!r} has one training row, which has no variance; "
                "set mean_only: true, or unseen: pooled or none"
            )
        self.batches_ = [str(b) for b in batches if str(b) not in alone]
        if alone:
            self.notes_.append(
                f"combat: {len(alone)} of {len(batches)} batches had one training row and "
                "count as unseen"
            )
        if len(self.batches_) < 2:
            self.notes_.append("combat: one batch can be estimated, nothing was harmonized")
            self.batches_ = []
            return self
        rows = np.isin(met, self.batches_)
        self._learn_covariates(table.loc[rows, list(self.preserve)])
        code = np.searchsorted(self.batches_, met[rows])
        try:
            self.effects_ = fit_batches(
                values if rows.all() else values[rows], code, self._covariates(table[rows]),
                method=self.method, mean_only=self.mean_only,
                reference=None if self.reference is None else self.batches_.index(self.reference),
            )  # fmt: skip
        except ValueError as error:
            raise ValueError(f"combat: {error}; take covariates or batches out") from None
        weight = np.bincount(code) / len(code)
        self.pooled_ = (weight @ self.effects_.shift, weight @ self.effects_.spread)
        return self

    def transform(self, X: Any) -> Any:
        """Take out of any rows what their batch added.

        Raises
        ------
        ValueError
            If a row is of a batch that training never met, unless `unseen` provides for it.
        """
        parts = self._reopen(X)
        if self.effects_ is None:
            return X
        table = require_covariates(X, [self.batch, *self.preserve])
        met = np.array([name or "" for name in batch_names(table[self.batch])], dtype=str)
        covariates = self._covariates(table)
        values = parts.values.copy()
        for name in np.unique(met).tolist():
            rows = met == name
            if name in self.batches_:
                if name == self.reference:
                    continue
                i = self.batches_.index(name)
                shift, spread = self.effects_.shift[i], self.effects_.spread[i]
            elif self.unseen == "pooled":
                shift, spread = self.pooled_
            elif self.unseen == "none":
                continue
            else:
                raise ValueError(
                    f"combat: {self.batch} {name!r} was never met in training, only "
                    f"{', '.join(self.batches_)}; set unseen: pooled or none"
                )
            values[rows] = self.effects_.remove(values[rows], covariates[rows], shift, spread)
        return parts.with_values(values)

    def _learn_covariates(self, table: pd.DataFrame) -> None:
        self.coder_ = CovariateCoder().fit(table)
        coded = self.coder_.code(table)
        self.centre_ = coded.mean(axis=0)
        for own in self._words():
            self.centre_[own] /= self.centre_[own].sum()  # of the rows that have a word
        coded = self._filled(coded)
        deviation = coded.std(axis=0)
        # One word of each covariate is told by the others; what is constant tells nothing.
        first = dict(reversed(self.coder_.columns_))
        spare = [word is not None and first[name] == word for name, word in self.coder_.columns_]
        varies = deviation > 1e-12 * np.maximum(1, np.abs(self.centre_))
        self.used_ = varies & ~np.array(spare, dtype=bool)
        self.deviation_ = deviation[self.used_]

    def _covariates(self, table: pd.DataFrame) -> np.ndarray:
        """Return the preserved covariates in training standard deviations from their means."""
        coded = self._filled(self.coder_.code(table[list(self.preserve)]))
        return (coded - self.centre_)[:, self.used_] / self.deviation_

    def _filled(self, coded: np.ndarray) -> np.ndarray:
        """Give words never met, or missing, the training mean of every word's column."""
        for own in self._words():
            strange = ~coded[:, own].any(axis=1)
            coded[np.ix_(strange, own)] = self.centre_[own]
        return coded

    def _words(self) -> list[np.ndarray]:
        """Return which coded columns belong to each covariate of words."""
        names = [name if word is not None else None for name, word in self.coder_.columns_]
        return [np.array([n == name for n in names]) for name in dict.fromkeys(names) if name]


def batch_names(column: pd.Series) -> list[str | None]:
    """Return batches as words, whole numbers without a point; None where one is missing."""
    if is_numeric_dtype(column) and column.dtype != bool:
        return [None if pd.isna(v) else f"{float(v):.15g}" for v in column]
    return [None if pd.isna(v) or str(v) == "" else str(v) for v in column]
