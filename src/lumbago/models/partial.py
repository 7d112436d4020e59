"""Partial correlations from covariances or correlations, row by row."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from lumbago.measures.positive import partial_correlations
from lumbago.models.columns import Step
from lumbago.models.matrices import find_matrices
from lumbago.spec import Spec


class Partial(Spec):
    """Replace covariances or correlations by shrunk partial correlations, each row for itself.

    For features of `{kind: connectome}` that hold covariances or correlations, not their
    Fisher z; others are left as they are. Nothing is learned: this is the extractor's
    `partial_correlation` for matrices that come without signals, with the same shrinkage for
    all, where the extractor measures what each scan needs. Put it first.
    """

    references: ClassVar[tuple[str, ...]] = ("marrelec2006",)
    short: ClassVar[str] = "shrinkage"

    kind: Literal["partial"] = "partial"
    shrinkage: float = Field(0.1, ge=0, lt=1)
    """Share of the identity in every correlation matrix before it is inverted."""

    def build(self, columns: Any, seed: int) -> PartialCorrelations:
        """Return the step, unfitted."""
        return PartialCorrelations(shrinkage=self.shrinkage)


class PartialCorrelations(Step):
    """Write every row's correlations as partial correlations; variances are dropped.

    A region that a row lacks is NaN with every other, which are conditioned on those that
    are there. An array is one upper triangle with its diagonal, row by row.

    Parameters
    ----------
    shrinkage : float
    """

    reads_y = False
    takes_missing = True
    called = "partial"

    def __init__(self, shrinkage: float = 0.1) -> None:
        self.shrinkage = shrinkage

    def fit(self, X: Any, y: Any = None) -> PartialCorrelations:
        """Find the matrices among the columns."""
        parts = self._open(X)
        self.matrices_ = find_matrices(parts.names, parts.values.shape[1], self.called)
        if not self.matrices_:
            raise ValueError(
                "partial: expected features of pairs of regions, got none; give a feature "
                "{kind: connectome}"
            )
        self.keep_ = np.ones(parts.values.shape[1], dtype=bool)
        for matrices in self.matrices_:
            if matrices.diagonal:
                self.keep_[np.diag(matrices.column)] = False
        return self

    def transform(self, X: Any) -> Any:
        """Return partial correlations of any rows."""
        parts = self._reopen(X)
        values = parts.values.copy()
        for matrices in self.matrices_:
            found = self._partial(matrices.completed(parts.values, self.called))
            rows, columns = np.triu_indices(len(matrices.column), k=1)
            values[:, matrices.column[rows, columns]] = found[:, rows, columns]
        names = parts.names[self.keep_] if parts.names is not None else None
        return parts.with_values(np.ascontiguousarray(values[:, self.keep_]), names)

    def _partial(self, given: np.ndarray) -> np.ndarray:
        try:
            return partial_correlations(given, self.shrinkage)
        except ValueError as error:
            raise ValueError(f"partial: {error} (give the step partial a shrinkage)") from error
