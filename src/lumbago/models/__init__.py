"""Models and the steps before them, fitted inside the training fold and never outside."""

from lumbago.models.catalogue import (
    CPM,
    MODELS,
    PLS,
    SVR,
    DecisionTree,
    Dummy,
    ElasticNet,
    ElasticNetLogistic,
    ElasticNetSVM,
    GradientBoosting,
    Lasso,
    Linear,
    LinearSVM,
    Logistic,
    Model,
    NaiveBayes,
    Neighbours,
    RandomForest,
    RbfSVM,
    Ridge,
    Sklearn,
)
from lumbago.models.components import PCA
from lumbago.models.filters import Coverage, Variance
from lumbago.models.harmonize import Combat
from lumbago.models.hub_disruption import HubDisruption
from lumbago.models.impute import Impute
from lumbago.models.partial import Partial
from lumbago.models.residualize import Residualize
from lumbago.models.scale import Scale
from lumbago.models.selection import SelectAnova, SelectElasticNet, SelectRecursive, SelectStable
from lumbago.models.steps import STANDARD, STEPS, Preparation, expand_step, read_preparation
from lumbago.models.tangent import Tangent

__all__ = [
    "CPM", "MODELS", "PCA", "PLS", "STANDARD", "STEPS", "SVR", "Combat", "Coverage", "DecisionTree",
    "Dummy", "ElasticNet", "ElasticNetLogistic", "ElasticNetSVM", "GradientBoosting",
    "HubDisruption", "Impute", "Lasso", "Linear", "LinearSVM", "Logistic", "Model", "NaiveBayes",
    "Neighbours", "Partial", "Preparation", "RandomForest", "RbfSVM", "Residualize", "Ridge",
    "Scale", "SelectAnova", "SelectElasticNet", "SelectRecursive", "SelectStable", "Sklearn",
    "Tangent", "Variance", "expand_step", "read_preparation",
]  # fmt: skip
