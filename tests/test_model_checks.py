"""scikit-learn's own checks of an estimator, for every model of ours."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from lumbago.models import MODELS, Sklearn
from lumbago.models.forest import CalibratedForest
from lumbago.models.logistic import NewtonLogistic
from lumbago.models.margin import Margin
from lumbago.models.nearest import LogOddsBayes
from lumbago.models.sparse import SparseLogistic

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")


def ours() -> list[Any]:
    """Return one estimator of every class of ours behind the catalogue."""
    found: dict[type, Any] = {}
    for model in MODELS:
        for kind in model.targets if model is not Sklearn else ():
            estimator = model().build((), 0, kind)
            if type(estimator).__module__.startswith("lumbago"):
                found.setdefault(type(estimator), estimator)
    found[CalibratedForest].set_params(n_estimators=8)
    return list(found.values())


def exceptions(estimator: Any) -> dict[str, str]:
    """Return checks that a model cannot pass, with the reason."""
    found = {}
    if isinstance(estimator, NewtonLogistic | SparseLogistic | Margin):
        found["check_class_weight_classifiers"] = "weights by class are balanced or none"
    if isinstance(estimator, LogOddsBayes):
        why = "what is added to the variances counts rows, not weights: as of GaussianNB"
        found["check_sample_weight_equivalence_on_dense_data"] = why
    if isinstance(estimator, CalibratedForest):
        why = "a bag draws rows whatever their weight: as of RandomForestClassifier"
        found["check_sample_weight_equivalence_on_dense_data"] = why
        found["check_sample_weight_equivalence_on_sparse_data"] = why
    return found


@parametrize_with_checks(ours(), expected_failed_checks=exceptions)
def test_scikit_learns_checks_pass(estimator: Any, check: Any) -> None:
    with threadpool_limits(1):
        check(estimator)
