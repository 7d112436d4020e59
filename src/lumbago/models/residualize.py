"""Features without what covariates explain of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, Field
from sklearn.base import BaseEstimator, TransformerMixin

from lumbago.models.columns import require_covariates, split_columns
from lumbago.models.design import CovariateCoder
from lumbago.spec import Spec


def as_tuple(value: Any) -> Any:
    """Take a list for a tuple: YAML and JSON know lists only, strict validation wants tuples."""
    return tuple(value) if isinstance(value, list) else value


Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]


class Residualize(Spec):
    """Subtract the linear effect of covariates, estimated on the training rows."""

    short: ClassVar[str] = "covariates"
    references: ClassVar[tuple[str, ...]] = ("snoek2019",)

    kind: Literal["residualize"] = "residualize"
    covariates: Names = Field(min_length=1)
    """Names of covariates, numbers or words (``age``, ``sex``, ``site``)."""

    def build(self, columns: Any, seed: int) -> Residualizer:
        """Return the step, unfitted."""
        return Residualizer(covariates=self.covariates)


class Residualizer(TransformerMixin, BaseEstimator):
    """Subtract what a least-squares fit on the training rows says of the covariates.

    Words become one column each, learned in training; a word never met there has no
    effect to subtract beyond the training mean's. Missing covariates take the training
    mean. The mean of every feature stays: only differences that go with the covariates
    are removed. Covariates pass through and never become features.

    Parameters
    ----------
    covariates : sequence of str
        Names of covariate columns, without prefix.

    Attributes
    ----------
    effects_ : array of shape (n_columns, n_features), float64
        Change of a feature per unit of each coded covariate.
    centre_ : array of shape (n_columns,)
        Training means of the coded covariates.

    References
    ----------
    .. [1] Snoek, Miletić & Scholte (2019). NeuroImage 184, 741-760: confounds are regressed
       within the folds. doi:10.1016/j.neuroimage.2018.09.074
    """

    reads_y = False

    def __init__(self, covariates: Sequence[str] = ()) -> None:
        self.covariates = covariates

    def fit(self, X: Any, y: Any = None) -> Residualizer:
        """Learn the covariates' effects on every feature."""
        values = split_columns(X).values
        if np.isnan(values).any():
            raise ValueError("residualize: features hold missing values; put impute before it")
        table = require_covariates(X, list(self.covariates))
        self.coder_ = CovariateCoder().fit(table)
        coded = self.coder_.code(table)
        self.centre_ = coded.mean(axis=0)
        design = coded - self.centre_
        # One-hot columns add up to one: the smallest of all equal solutions is as good as any.
        inverse = np.linalg.pinv(design, rcond=1e-10)
        if len(values) <= np.linalg.matrix_rank(design) + 1:
            raise ValueError(
                f"residualize: {design.shape[1]} covariate columns explain {len(values)} "
                "training rows entirely; use fewer covariates"
            )
        self.n_features_in_ = values.shape[1]
        self.effects_ = inverse @ values
        return self

    def transform(self, X: Any) -> Any:
        """Subtract the covariates' effects from any rows."""
        parts = split_columns(X, fitted_on=self.n_features_in_)
        design = self.coder_.code(require_covariates(X, list(self.covariates))) - self.centre_
        rest = parts.values - design @ self.effects_
        return parts.with_values(rest.astype(parts.values.dtype, copy=False))
