"""Models and the steps before them, fitted inside the training fold and never outside."""

from lumbago.models.catalogue import (
    MODELS,
    SVR,
    DecisionTree,
    Dummy,
    ElasticNetLogistic,
    Linear,
    LinearSVM,
    Logistic,
    Model,
    RandomForest,
    RbfSVM,
    Ridge,
)
from lumbago.models.hub_disruption import HubDisruption
from lumbago.models.impute import Impute
from lumbago.models.residualize import Residualize
from lumbago.models.scale import Scale
from lumbago.models.steps import STANDARD, STEPS, Preparation, expand_step, read_preparation

__all__ = [
    "MODELS", "STANDARD", "STEPS", "SVR", "DecisionTree", "Dummy", "ElasticNetLogistic",
    "HubDisruption", "Impute", "Linear", "LinearSVM", "Logistic", "Model", "Preparation",
    "RandomForest", "RbfSVM", "Residualize", "Ridge", "Scale", "expand_step", "read_preparation",
]  # fmt: skip
