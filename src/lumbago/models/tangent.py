"""Covariances as seen from the geometric mean of the training rows."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from lumbago.measures.positive import completed, geometric_mean, shrunk, tangent
from lumbago.models.columns import Columns, Step
from lumbago.models.matrices import Matrices, find_matrices
from lumbago.spec import Spec

ROOT_2 = np.sqrt(2.0)


class Tangent(Spec):
    """Write covariances in the tangent space at the geometric mean of the training rows.

    For features of `{kind: connectome, measure: covariance}`; others are left as they are. Where
    there is no such feature, correlations are taken (not their Fisher z), as covariances of
    signals of variance 1; with more regions than kept volumes they need a shrinkage.
    Distances between participants become straight lines there, and no region's unit counts.
    Put it first: a covariance whose values were imputed, scaled or harmonized one by one is
    none any more. With `logistic` behind it, this is the recipe of Varoquaux and others.
    """

    references: ClassVar[tuple[str, ...]] = ("varoquaux2010",)
    short: ClassVar[str] = "shrinkage"

    kind: Literal["tangent"] = "tangent"
    shrinkage: float = Field(0.0, ge=0, lt=1)
    """Share of every covariance given to a multiple of the identity of the same trace: needed
    where there are fewer volumes than regions and the covariances were not shrunk before."""
    max_missing: float = Field(0.05, ge=0, lt=1)
    """A region missing in a larger share of the training rows is dropped for all."""

    def build(self, columns: Any, seed: int) -> TangentSpace:
        """Return the step, unfitted."""
        return TangentSpace(shrinkage=self.shrinkage, max_missing=self.max_missing)


class TangentSpace(Step):
    """Replace covariances C by log(G^-½ C G^-½), G their geometric mean over training rows.

    Columns keep their names and order (upper triangle, row by row) and hold the logarithm's
    entries, those of the diagonal divided by √2: the squared length of a row is half the
    squared distance from G, as in nilearn, whose lower triangle goes row by row instead. The
    mean needs no labels, and one row is written as readily as many. A table of correlations has
    no columns for the diagonal: it is completed with ones and, of the logarithms, left out.

    A region that a row lacks is filled by what G predicts of it from the others; rows that
    lack one take no part in the mean.

    Parameters
    ----------
    shrinkage : float
    max_missing : float

    Attributes
    ----------
    means_ : list of array of shape (n_regions, n_regions)
        One for every feature of covariances.
    dropped_ : list
        Names (positions for an array) of columns dropped with their region.
    notes_ : list of str
    """

    reads_y = False
    takes_missing = True
    called = "tangent"

    def __init__(self, shrinkage: float = 0.0, max_missing: float = 0.05) -> None:
        self.shrinkage = shrinkage
        self.max_missing = max_missing

    def fit(self, X: Any, y: Any = None) -> TangentSpace:
        """Find the geometric means of the training rows."""
        parts = self._open(X)
        found = find_matrices(parts.names, parts.values.shape[1], self.called)
        self.matrices_ = [m for m in found if m.diagonal] or found
        if not self.matrices_:
            raise ValueError(
                "tangent: expected covariances, or correlations, of pairs of regions, got none; "
                "give a feature {kind: connectome, measure: covariance}"
            )
        self.means_: list[np.ndarray] = []
        self.regions_: list[np.ndarray] = []
        self.notes_: list[str] = []
        self.keep_ = np.ones(parts.values.shape[1], dtype=bool)
        for matrices in self.matrices_:
            self._learn(matrices, parts.values)
        names = parts.names if parts.names is not None else pd.RangeIndex(len(self.keep_))
        self.dropped_ = list(names[~self.keep_])
        return self

    def _learn(self, matrices: Matrices, values: np.ndarray) -> None:
        given = matrices.completed(values, self.called)
        lacking = np.isnan(np.diagonal(given, axis1=1, axis2=2))
        kept = np.flatnonzero(lacking.mean(axis=0) <= self.max_missing)
        full = ~lacking[:, kept].any(axis=1)
        if not len(kept) or not full.any():
            raise ValueError(
                f"tangent: no training row has all regions of {matrices.feature}; drop the scans "
                "of poor coverage"
            )
        gone = np.setdiff1d(np.arange(len(matrices.column)), kept)
        without = matrices.column[gone]
        self.keep_[without[without >= 0]] = False
        self.regions_.append(kept)
        covariances = self._covariances(kept, given[full])
        try:
            self.means_.append(geometric_mean(covariances))
        except ValueError as error:
            raise ValueError(_with_cure(error)) from error
        self.notes_.append(
            f"tangent: {matrices.feature or 'X'}, {len(kept)} of {len(matrices.column)} regions, "
            f"mean of {int(full.sum())} rows"
        )

    def _covariances(self, kept: np.ndarray, given: np.ndarray) -> np.ndarray:
        found = given[:, kept[:, None], kept]
        # Unshrunk ones keep the precision they came in: it decides what may be rounding.
        return shrunk(found, self.shrinkage) if self.shrinkage else found

    def transform(self, X: Any) -> Any:
        """Write any rows in the tangent space."""
        parts = self._reopen(X)
        values = parts.values.copy()
        for matrices, kept, mean in zip(self.matrices_, self.regions_, self.means_, strict=True):
            given = matrices.completed(parts.values, self.called)
            covariances = self._filled(self._covariances(kept, given), mean)
            try:
                logs = tangent(covariances, mean)
            except ValueError as error:
                raise ValueError(_with_cure(error)) from error
            every = np.arange(len(kept))
            logs[:, every, every] /= ROOT_2
            rows, columns = np.triu_indices(len(kept), k=0 if matrices.diagonal else 1)
            values[:, matrices.column[kept[rows], kept[columns]]] = logs[:, rows, columns]
        if self.keep_.all():
            return parts.with_values(values)
        return self._without_dropped(parts, values)

    def _without_dropped(self, parts: Columns, values: np.ndarray) -> Any:
        names = parts.names[self.keep_] if parts.names is not None else None
        return parts.with_values(np.ascontiguousarray(values[:, self.keep_]), names)

    def _filled(self, covariances: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Return covariances in which no region is missing."""
        known = ~np.isnan(np.diagonal(covariances, axis1=1, axis2=2))
        for row in np.flatnonzero(~known.all(axis=1)):
            if not known[row].any():
                raise ValueError("tangent: a row lacks every region; drop the scan")
            covariances[row] = completed(covariances[row], known[row], mean)
        return covariances


def _with_cure(error: ValueError) -> str:
    return (
        f"{error} (extract with shrinkage: ledoit_wolf, or give the step tangent a shrinkage; put "
        "it before impute and scale)"
    )
