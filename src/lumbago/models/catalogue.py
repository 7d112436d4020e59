"""The models an experiment can name."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from lumbago.models.base import COMMON_FIELDS, Model, TargetKind
from lumbago.models.foreign import Sklearn
from lumbago.models.linear import ElasticNet, ElasticNetLogistic, Lasso, Linear, Logistic, Ridge
from lumbago.models.neighbours import NaiveBayes, Neighbours
from lumbago.models.sums import CPM, PLS
from lumbago.models.support import SVR, ElasticNetSVM, LinearSVM, RbfSVM
from lumbago.models.trees import DecisionTree, GradientBoosting, RandomForest


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
    Dummy, Logistic, ElasticNetLogistic, LinearSVM, RbfSVM, ElasticNetSVM, DecisionTree,
    RandomForest, GradientBoosting, NaiveBayes, Neighbours, PLS, CPM, Ridge, Linear, Lasso,
    ElasticNet, SVR, Sklearn,
)  # fmt: skip

__all__ = [
    "COMMON_FIELDS", "CPM", "MODELS", "PLS", "SVR", "DecisionTree", "Dummy", "ElasticNet",
    "ElasticNetLogistic", "ElasticNetSVM", "GradientBoosting", "Lasso", "Linear", "LinearSVM",
    "Logistic", "Model", "NaiveBayes", "Neighbours", "RandomForest", "RbfSVM", "Ridge", "Sklearn",
    "TargetKind",
]  # fmt: skip
