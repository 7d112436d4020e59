"""Models that weigh and add features."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from lumbago.models.base import Model, TargetKind


class Logistic(Model):
    """L2-penalized logistic regression; its own probabilities are the calibrated ones."""

    targets: ClassVar = ("binary",)
    linear: ClassVar = True

    kind: Literal["logistic"] = "logistic"
    C: float = Field(1.0, gt=0)
    """Inverse strength of the penalty; smaller is more regularized."""
    class_weight: Literal["balanced"] | None = None
    """``balanced`` weighs classes alike, at the price of calibrated probabilities."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.logistic import NewtonLogistic

        return NewtonLogistic(C=self.C, class_weight=self.class_weight)


class ElasticNetLogistic(Model):
    """Logistic regression with an L1 and an L2 penalty: few features, picked inside the fold.

    Minimizes C Σ loss + l1_ratio ‖w‖₁ + ½ (1 - l1_ratio) ‖w‖². Its own probabilities are
    the calibrated ones; of correlated features it keeps groups rather than one.
    """

    references: ClassVar = ("zou2005",)
    targets: ClassVar = ("binary",)

    kind: Literal["elastic_net_logistic"] = "elastic_net_logistic"
    C: float = Field(0.1, gt=0)
    """Inverse strength of the penalty; smaller keeps fewer features."""
    l1_ratio: float = Field(0.5, gt=0, le=1)
    """Share of the L1 penalty; 1 is the lasso. Without any it is the kind ``logistic``."""
    class_weight: Literal["balanced"] | None = None
    """``balanced`` weighs classes alike, at the price of calibrated probabilities."""
    tol: float = Field(1e-5, gt=0)
    """Largest violation of the optimality conditions, as a share of the L1 penalty."""
    max_iter: int = Field(200, ge=1)
    """Newton steps; a fit that needs more is refused."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.sparse import SparseLogistic

        return SparseLogistic(C=self.C, l1_ratio=self.l1_ratio, class_weight=self.class_weight,
                              tol=self.tol, max_iter=self.max_iter)  # fmt: skip


class Ridge(Model):
    """L2-penalized linear regression."""

    targets: ClassVar = ("continuous",)
    linear: ClassVar = True

    kind: Literal["ridge"] = "ridge"
    alpha: float = Field(1.0, gt=0)
    """Strength of the penalty; larger is more regularized."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.shrunken import RidgeRegression

        return RidgeRegression(alpha=self.alpha)


class Linear(Model):
    """Ordinary least squares, without any penalty.

    With as many features as samples, or more, countless weights fit the training rows
    without error; the shortest are taken (the limit of ridge regression as its penalty
    goes to zero). Such a fit follows noise as readily as signal, most of all where features
    and samples are about as many: `ridge` is the better model of many features, this one is
    the yardstick of few.
    """

    targets: ClassVar = ("continuous",)
    linear: ClassVar = True

    kind: Literal["linear"] = "linear"

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.least_squares import LeastSquares

        return LeastSquares()


class Lasso(Model):
    """Linear regression with an L1 penalty: few features, picked inside the fold.

    Of features that go together it keeps one; `elastic_net` keeps groups.
    """

    references: ClassVar = ("tibshirani1996",)
    targets: ClassVar = ("continuous",)

    kind: Literal["lasso"] = "lasso"
    penalty: float = Field(0.1, gt=0, lt=1)
    """As a share of the smallest penalty that would keep nothing; larger keeps fewer."""
    tol: float = Field(1e-6, gt=0)
    """What a better solution could gain at most, as a share of the target's variance."""
    max_iter: int = Field(10_000, ge=1)
    """Passes over the features; a fit that needs more is refused."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.sparse_linear import SparseLinear

        return SparseLinear(penalty=self.penalty, tol=self.tol, max_iter=self.max_iter)


class ElasticNet(Lasso):
    """Linear regression with an L1 and an L2 penalty: few features or groups of them."""

    references: ClassVar = ("zou2005",)

    kind: Literal["elastic_net"] = "elastic_net"  # type: ignore[assignment]
    l1_ratio: float = Field(0.5, gt=0, le=1)
    """Share of the L1 penalty; 1 is the lasso."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.sparse_linear import SparseLinear

        return SparseLinear(penalty=self.penalty, l1_ratio=self.l1_ratio, tol=self.tol,
                            max_iter=self.max_iter)  # fmt: skip
