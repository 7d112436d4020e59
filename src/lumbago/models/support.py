"""Support vector machines."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from lumbago.models.base import Model, TargetKind


class LinearSVM(Model):
    """Linear support vector machine (hinge loss), the problem of libsvm.

    Scores are decision values; probabilities come from Platt's sigmoid over the decision
    values of inner, participant-aware folds of the training fold.
    """

    references: ClassVar = ("cortes1995", "platt1999")
    targets: ClassVar = ("binary",)
    linear: ClassVar = True
    calibrated_outside: ClassVar = True

    kind: Literal["linear_svm"] = "linear_svm"
    C: float = Field(1.0, gt=0)
    """Inverse strength of the penalty; smaller is more regularized."""
    class_weight: Literal["balanced"] | None = None
    tol: float = Field(1e-6, gt=0)

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.margin import Margin

        return Margin(C=self.C, class_weight=self.class_weight, tol=self.tol)


class RbfSVM(Model):
    """Support vector machine with a Gaussian kernel exp(-gamma · distance²) (libsvm).

    Scores are decision values; probabilities come from Platt's sigmoid over the decision
    values of inner, participant-aware folds of the training fold.
    """

    references: ClassVar = ("cortes1995", "platt1999")
    targets: ClassVar = ("binary",)
    by_distance: ClassVar = True
    calibrated_outside: ClassVar = True

    kind: Literal["rbf_svm"] = "rbf_svm"
    C: float = Field(1.0, gt=0)
    """Inverse strength of the penalty; smaller is more regularized."""
    gamma: Literal["scale"] | float = "scale"
    """Width of the kernel; ``scale`` is 1 / (sum of the features' training variances)."""
    class_weight: Literal["balanced"] | None = None
    tol: float = Field(1e-6, gt=0)

    @field_validator("gamma")
    @classmethod
    def _a_width_is_positive(cls, value: str | float) -> str | float:
        return positive_width(value)

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from sklearn.svm import SVC

        return SVC(kernel="rbf", C=self.C, gamma=self.gamma, class_weight=self.class_weight,
                   tol=self.tol)  # fmt: skip


class ElasticNetSVM(Model):
    """Linear support vector machine on the features that an elastic net keeps.

    The recipe of a much-cited classifier of low back pain [1]_, both parts inside the training
    fold. Its authors went on to search the kept features for the best subset; here candidates
    for `penalty` under `tune` decide how many are kept. Probabilities as of `linear_svm`.

    References
    ----------
    .. [1] Lamichhane et al. (2021). Front Neurol, article 669076.
    """

    references: ClassVar = ("lamichhane2021", "zou2005", "cortes1995", "platt1999")
    targets: ClassVar = ("binary",)
    calibrated_outside: ClassVar = True

    kind: Literal["elastic_net_svm"] = "elastic_net_svm"
    penalty: float = Field(0.5, gt=0, lt=1)
    """As a share of the smallest penalty that would keep nothing; larger keeps fewer."""
    l1_ratio: float = Field(0.5, gt=0, le=1)
    """Share of the L1 penalty in the elastic net; 1 is the lasso."""
    C: float = Field(1.0, gt=0)
    """Inverse strength of the machine's penalty; smaller is more regularized."""
    class_weight: Literal["balanced"] | None = None
    tol: float = Field(1e-6, gt=0)

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.picked_svm import PickedSVM

        return PickedSVM(penalty=self.penalty, l1_ratio=self.l1_ratio, C=self.C,
                         class_weight=self.class_weight, tol=self.tol)  # fmt: skip


class SVR(Model):
    """Support vector regression (libsvm), linear or with a Gaussian kernel.

    The target is brought to mean 0 and standard deviation 1 within the training fold, so
    that `C` and `epsilon` mean the same for a score of 0 to 10 and one of 0 to 100.
    """

    references: ClassVar = ("smola2004",)
    targets: ClassVar = ("continuous",)
    by_distance: ClassVar = True

    kind: Literal["svr"] = "svr"
    kernel: Literal["linear", "rbf"] = "linear"
    """A linear kernel gives weights that are reported."""
    C: float = Field(1.0, gt=0)
    """Inverse strength of the penalty; smaller is more regularized."""
    epsilon: float = Field(0.1, ge=0)
    """Errors up to this cost nothing, in training standard deviations of the target."""
    gamma: Literal["scale"] | float = "scale"
    """Width of the rbf kernel; ``scale`` is 1 / (sum of the features' training variances)."""
    tol: float = Field(1e-6, gt=0)

    @field_validator("gamma")
    @classmethod
    def _a_width_is_positive(cls, value: str | float) -> str | float:
        return positive_width(value)

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.scaled_svr import ScaledSVR

        return ScaledSVR(kernel=self.kernel, C=self.C, epsilon=self.epsilon, gamma=self.gamma,
                         tol=self.tol)  # fmt: skip


def positive_width(value: str | float) -> str | float:
    """Refuse a kernel's width that is a number and not above zero."""
    if not isinstance(value, str) and not value > 0:
        raise ValueError(f"gamma must be greater than 0, got {value:g}")
    return value
