"""Principal components of the training rows in place of the features."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from lumbago.models.columns import Step
from lumbago.spec import Spec


class PCA(Spec):
    """Replace features by their principal components; weights are told per feature again."""

    short: ClassVar[str] = "components"

    kind: Literal["pca"] = "pca"
    components: int | None = Field(None, ge=1)
    """How many; fewer where the training rows span fewer."""
    variance: float | None = Field(None, gt=0, le=1)
    """The smallest number that explains this share of the variance. Default: all components."""
    whiten: bool = False
    """Give every component the training variance 1."""

    @model_validator(mode="after")
    def _one_way_to_count(self) -> PCA:
        if self.components is not None and self.variance is not None:
            raise ValueError("pca: expected components or variance, got both; take one away")
        return self

    def build(self, columns: Any, seed: int) -> Components:
        """Return the step, unfitted."""
        return Components(components=self.components, variance=self.variance, whiten=self.whiten)


class Components(Step):
    """Project rows onto the directions in which the training rows vary most.

    Features are centred, not scaled: put `scale` before. The loading of a component that
    is largest in size is positive, so that signs do not depend on chance. Components go by
    the names ``pca:1``, ``pca:2``; covariates pass through.

    Parameters
    ----------
    components : int, optional
    variance : float, optional
        Share to be explained.
    whiten : bool

    Attributes
    ----------
    mean_ : array of shape (n_features,)
    loadings_ : array of shape (n_components, n_features)
        Orthonormal rows.
    scale_ : array of shape (n_components,)
        1, or the training standard deviations (ddof 1) where whitened.
    explained_ : array of shape (n_components,)
        Shares of the training variance.
    notes_ : list of str
    """

    reads_y = False
    called = "pca"

    def __init__(
        self,
        components: int | None = None,
        variance: float | None = None,
        whiten: bool = False,
    ) -> None:
        self.components = components
        self.variance = variance
        self.whiten = whiten

    def fit(self, X: Any, y: Any = None) -> Components:
        """Find the components of the training rows."""
        values = self._open(X).values.astype(np.float64)
        if len(values) < 2:
            raise ValueError(f"pca: expected 2 training rows or more, got n_samples={len(values)}")
        self.mean_ = values.mean(axis=0)
        _, size, loadings = np.linalg.svd(values - self.mean_, full_matrices=False)
        limit = size[0] * max(values.shape) * np.finfo(float).eps if len(size) else 0.0
        rank = max(1, int((size > limit).sum()))
        share = size**2 / max(float((size**2).sum()), np.finfo(float).tiny)
        n = rank
        if self.variance is not None:
            n = min(rank, int(np.searchsorted(np.cumsum(share), self.variance - 1e-12) + 1))
        elif self.components is not None:
            n = min(rank, self.components)
        largest = loadings[np.arange(n), np.abs(loadings[:n]).argmax(axis=1)]
        self.loadings_ = loadings[:n] * np.where(largest < 0, -1.0, 1.0)[:, None]
        self.explained_ = share[:n]
        deviation = size[:n] / np.sqrt(len(values) - 1)
        self.scale_ = np.where(deviation > 0, deviation, 1.0) if self.whiten else np.ones(n)
        self.notes_ = [f"pca: {n} components explain {share[:n].sum():.1%} of the variance"]
        if self.components is not None and n < self.components:
            self.notes_[0] += f", {self.components} were asked for"
        return self

    def transform(self, X: Any) -> Any:
        """Return the components of any rows."""
        parts = self._reopen(X)
        found = (parts.values - self.mean_) @ self.loadings_.T / self.scale_
        names = pd.Index([f"pca:{i + 1}" for i in range(found.shape[1])])
        return parts.with_values(found.astype(parts.values.dtype, copy=False), names)

    def back(self, weights: np.ndarray) -> np.ndarray:
        """Return weights of the features from weights of the components."""
        return (weights / self.scale_) @ self.loadings_
