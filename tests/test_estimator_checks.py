"""scikit-learn's own checks of an estimator, for every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_array

from lumbago.data.features import COVARIATE
from lumbago.models import STEPS, Combat
from lumbago.models.columns import FeaturesOnly
from lumbago.models.components import Components
from lumbago.models.filters import CoverageFilter, VarianceFilter
from lumbago.models.harmonize import CombatHarmonizer
from lumbago.models.hub_disruption import HubDisruptor
from lumbago.models.impute import Imputer
from lumbago.models.partial import Partial
from lumbago.models.residualize import Residualizer
from lumbago.models.rotate import DistanceRotator, Rotator
from lumbago.models.scale import Scaler
from lumbago.models.selectors import (
    AnovaSelector,
    ElasticNetSelector,
    RecursiveSelector,
    StabilitySelector,
)
from lumbago.models.tangent import Tangent

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")


class CombatBySign(CombatHarmonizer):
    """ComBat on plain arrays: scikit-learn's checks know no sites, so a value names them."""

    def fit(self, X: Any, y: Any = None) -> CombatBySign:
        """Fit with the sign of the first feature, against its usual size, as the batch."""
        super().fit(self._sited(X))
        self._open(X)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Transform with the same batches."""
        self._reopen(X)
        named = CombatHarmonizer(**self.get_params())
        vars(named).update(vars(self))
        table = self._sited(X)
        named.feature_names_in_ = table.columns[:-1].to_numpy(dtype=object)
        found = named.transform(table)
        return found.iloc[:, : self.n_features_in_].to_numpy()

    @staticmethod
    def _sited(X: Any) -> pd.DataFrame:
        values = check_array(X, dtype=[np.float64, np.float32], ensure_all_finite=False)
        table = pd.DataFrame(values, columns=[f"f{j}" for j in range(values.shape[1])])
        return table.assign(**{COVARIATE + "site": np.where(values[:, 0] > 0.3, "high", "low")})


STEPS_CHECKED = [
    Imputer(), Scaler(), Residualizer(), CombatBySign(unseen="none"),
    # The checks hold a tenth of missing values, over the default that a filter exists for.
    CoverageFilter(max_missing=0.5), VarianceFilter(), Components(), Components(2, whiten=True),
    AnovaSelector(k=2), ElasticNetSelector(), StabilitySelector(n_halves=6, per_half=2),
    RecursiveSelector(k=2), FeaturesOnly(), Rotator(), DistanceRotator(),
    HubDisruptor(reference="all"),
]  # fmt: skip


def exceptions(step: Any) -> dict[str, str]:
    """Return checks that a step cannot pass, with the reason."""
    if isinstance(step, Scaler):
        why = "the check sets with_mean=False, StandardScaler's, on any class called a scaler"
        return {"check_estimator_sparse_array": why, "check_estimator_sparse_matrix": why}
    return {}


@parametrize_with_checks(STEPS_CHECKED, expected_failed_checks=exceptions)
def test_scikit_learns_checks_pass(estimator: Any, check: Any) -> None:
    check(estimator)


def test_every_step_is_checked() -> None:
    checked = {type(e) for e in STEPS_CHECKED}
    # Steps of matrices are checked in test_matrix_steps.py.
    for step in (s for s in STEPS if s not in (Tangent, Partial)):
        needed = {n: ("age",) for n, f in step.model_fields.items() if f.is_required()}
        built = type(step(**needed).build((), 0))
        assert built in checked or (step is Combat and CombatBySign in checked)
