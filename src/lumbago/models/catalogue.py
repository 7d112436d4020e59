"""The models an experiment can name."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from lumbago.models.base import COMMON_FIELDS, Model, TargetKind
from lumbago.models.linear import ElasticNetLogistic, Linear, Logistic, Ridge
from lumbago.models.support import SVR, LinearSVM, RbfSVM
from lumbago.models.trees import DecisionTree, RandomForest


class Dummy(Model):
    """Knows the training labels only: the most frequent class, or the mean."""

    targets: ClassVar = ("binary", "continuous")

    kind: Literal["dummy"] = "dummy"

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from sklearn.dummy import DummyClassifier, DummyRegressor

        if target_kind == "continuous":
            return DummyRegressor(strategy="mean")
        # "prior" predicts the most frequent class and gives the training shares as probabilities.
        return DummyClassifier(strategy="prior")


MODELS: tuple[type[Model], ...] = (
    Dummy, Logistic, ElasticNetLogistic, LinearSVM, RbfSVM, DecisionTree, RandomForest, Ridge,
    Linear, SVR,
)  # fmt: skip

__all__ = [
    "COMMON_FIELDS", "MODELS", "SVR", "DecisionTree", "Dummy", "ElasticNetLogistic", "Linear",
    "LinearSVM", "Logistic", "Model", "RandomForest", "RbfSVM", "Ridge", "TargetKind",
]  # fmt: skip
