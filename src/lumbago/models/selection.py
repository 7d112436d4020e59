"""Features picked by the labels of the training rows, anew in every fold and permutation."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from lumbago.models.selectors import (
    AnovaSelector,
    ElasticNetSelector,
    RecursiveSelector,
    StabilitySelector,
)
from lumbago.spec import Spec


class SelectAnova(Spec):
    """Keep the features that differ most between the classes, or go most with the target.

    By the F of a one-way analysis of variance, or of a linear regression on the feature
    where the target is continuous.
    """

    short: ClassVar[str] = "k"

    kind: Literal["select_anova"] = "select_anova"
    k: int | None = Field(None, ge=1)
    """How many features to keep; all where there are fewer."""
    share: float | None = Field(None, gt=0, le=1)
    """Share of the features to keep, instead of `k`. Default: 0.1."""

    @model_validator(mode="after")
    def _one_way_to_count(self) -> SelectAnova:
        if self.k is not None and self.share is not None:
            raise ValueError("select_anova: expected k or share, got both; take one away")
        return self

    def build(self, columns: Any, seed: int) -> AnovaSelector:
        """Return the step, unfitted."""
        return AnovaSelector(k=self.k, share=self.share)


class SelectElasticNet(Spec):
    """Keep the features to which an elastic net gives a weight.

    Put `scale` before it: the penalty is one of weights, and those depend on units.
    """

    references: ClassVar[tuple[str, ...]] = ("zou2005",)
    short: ClassVar[str] = "penalty"

    kind: Literal["select_elastic_net"] = "select_elastic_net"
    penalty: float = Field(0.5, gt=0, lt=1)
    """As a share of the smallest penalty that would keep nothing; larger keeps fewer."""
    l1_ratio: float = Field(0.5, gt=0, le=1)
    """Share of the L1 penalty; 1 is the lasso."""

    def build(self, columns: Any, seed: int) -> ElasticNetSelector:
        """Return the step, unfitted."""
        return ElasticNetSelector(penalty=self.penalty, l1_ratio=self.l1_ratio)


class SelectStable(Spec):
    """Keep the features that the lasso picks in most random halves of the participants.

    Put `scale` before it. With q features per half out of p and a threshold t, no more than
    q² / ((2t - 1) p) noise features are expected, if noise features are exchangeable and
    the lasso picks no worse than chance.
    """

    references: ClassVar[tuple[str, ...]] = ("meinshausen2010",)

    kind: Literal["select_stable"] = "select_stable"
    threshold: float = Field(0.6, gt=0.5, le=1)
    """Share of the halves that must pick a feature."""
    per_half: int = Field(20, ge=1)
    """How many features the lasso picks in each: the first of its path."""
    n_halves: int = Field(100, ge=2)
    """Random halves of the participants."""

    def build(self, columns: Any, seed: int) -> StabilitySelector:
        """Return the step, unfitted."""
        return StabilitySelector(
            threshold=self.threshold, per_half=self.per_half, n_halves=self.n_halves,
            random_state=seed,
        )  # fmt: skip


class SelectRecursive(Spec):
    """Drop the features of the smallest weight again and again (recursive elimination).

    Weights are those of a linear support vector machine, or of ridge regression where the
    target is continuous. Put `scale` before it.
    """

    references: ClassVar[tuple[str, ...]] = ("guyon2002",)
    short: ClassVar[str] = "k"

    kind: Literal["select_rfe"] = "select_rfe"
    k: int = Field(100, ge=1)
    """How many features to keep; all where there are fewer."""
    drop: float = Field(0.5, gt=0, lt=1)
    """Share of the features that are left to drop at a time."""

    def build(self, columns: Any, seed: int) -> RecursiveSelector:
        """Return the step, unfitted."""
        return RecursiveSelector(k=self.k, drop=self.drop)
