"""Features without what covariates explain of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from lumbago.models.columns import Step, require_covariates
from lumbago.models.design import CovariateCoder
from lumbago.spec import Spec


def as_tuple(value: Any) -> Any:
    """Take a list for a tuple: YAML and JSON know lists only, strict validation wants tuples."""
    return tuple(value) if isinstance(value, list) else value


Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]


class Residualize(Spec):
    """Subtract the effect of covariates, a line or a smooth curve, learned on the training rows."""

    short: ClassVar[str] = "covariates"
    references: ClassVar[tuple[str, ...]] = ("snoek2019",)

    kind: Literal["residualize"] = "residualize"
    covariates: Names = Field(min_length=1)
    """Names of covariates, numbers or words (``age``, ``sex``, ``site``)."""
    spline: dict[str, Annotated[int, Field(ge=2, le=20)]] = Field(default_factory=dict)
    """Covariates among them whose effect is a cubic spline, with its number of knots, which
    stand at quantiles of the training values (``{age: 3}``)."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of all covariates that the step needs."""
        return self.covariates

    @model_validator(mode="after")
    def _curves_are_covariates(self) -> Residualize:
        for name in self.spline:
            if name not in self.covariates:
                raise ValueError(
                    f"residualize: {name!r} has a spline and is no covariate; add it to covariates"
                )
        return self

    def build(self, columns: Any, seed: int) -> Residualizer:
        """Return the step, unfitted."""
        return Residualizer(covariates=self.covariates, spline=self.spline)


class Residualizer(Step):
    """Subtract what a least-squares fit on the training rows says of the covariates.

    Words become one column each, learned in training; a word never met there has no
    effect to subtract beyond the training mean's. Missing covariates take the training
    mean. The mean of every feature stays: only differences that go with the covariates
    are removed. Covariates pass through and never become features.

    A covariate with a spline is a cubic curve in pieces, smooth where they meet, with knots
    at evenly spaced quantiles of its training values (smallest and largest included; equal
    ones count once); beyond them it goes on as a straight line.

    Parameters
    ----------
    covariates : sequence of str
        Names of covariate columns, without prefix.
    spline : mapping of str to int, optional
        Knots per covariate, 2 or more.

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
    called = "residualize"

    def __init__(
        self, covariates: Sequence[str] = (), spline: Mapping[str, int] | None = None
    ) -> None:
        self.covariates = covariates
        self.spline = spline

    def fit(self, X: Any, y: Any = None) -> Residualizer:
        """Learn the covariates' effects on every feature."""
        values = self._open(X).values
        if len(values) < 2:
            raise ValueError("residualize: expected 2 training rows or more, got n_samples=1")
        table = require_covariates(X, list(self.covariates))
        self.coder_ = CovariateCoder().fit(table)
        self.curves_ = self._knots(table)
        coded = self._coded(table)
        self.centre_ = coded.mean(axis=0)
        design = coded - self.centre_
        # One-hot columns add up to one: the smallest of all equal solutions is as good as any.
        inverse = np.linalg.pinv(design, rcond=1e-10)
        if len(values) <= np.linalg.matrix_rank(design) + 1:
            raise ValueError(
                f"residualize: {design.shape[1]} covariate columns explain {len(values)} "
                "training rows entirely; use fewer covariates"
            )
        self.effects_ = inverse @ values
        return self

    def transform(self, X: Any) -> Any:
        """Subtract the covariates' effects from any rows."""
        parts = self._reopen(X)
        design = self._coded(require_covariates(X, list(self.covariates))) - self.centre_
        rest = parts.values - design @ self.effects_
        return parts.with_values(rest.astype(parts.values.dtype, copy=False))

    def back(self, weights: np.ndarray) -> np.ndarray:
        """Return weights as they are: what is subtracted does not depend on the features."""
        return weights

    def _knots(self, table: pd.DataFrame) -> dict[int, Any]:
        """Return the fitted curves by the position of their covariate among the coded columns."""
        from sklearn.preprocessing import SplineTransformer

        coded = self.coder_.code(table)
        curves = {}
        for name, n_knots in (self.spline or {}).items():
            if (name, None) not in self.coder_.columns_:
                raise ValueError(
                    f"residualize: a spline needs numbers, {name!r} is words; take it out of spline"
                )
            position = self.coder_.columns_.index((name, None))
            column = coded[:, [position]]
            knots = np.unique(np.quantile(column, np.linspace(0, 1, n_knots)))
            if len(knots) > 1:  # a constant has no curve
                curves[position] = SplineTransformer(
                    knots=knots[:, None], degree=3, extrapolation="linear", include_bias=False
                ).fit(column)
        return curves

    def _coded(self, table: pd.DataFrame) -> np.ndarray:
        """Return the coded covariates, curves in place of the columns that have one."""
        coded = self.coder_.code(table)
        if not self.curves_:
            return coded
        parts = [
            self.curves_[j].transform(coded[:, [j]]) if j in self.curves_ else coded[:, [j]]
            for j in range(coded.shape[1])
        ]
        return np.hstack(parts)
