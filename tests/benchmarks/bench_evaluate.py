"""Learning on connectomes: scikit-learn's own search and permutation test against ours.

Run as ``python tests/benchmarks/bench_evaluate.py``. Peer and ours do the same work on the same
folds, one thread each; seconds are processor time, so a busy machine changes them little.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, permutation_test_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))

from learning_data import make_dataset
from lumbago.data.dataset import Dataset
from lumbago.evaluation import Unit, WithinCohort, plan_units
from lumbago.evaluation.nulls import permuted_labels
from lumbago.models import LinearSVM, Logistic
from lumbago.models import Ridge as OurRidge
from lumbago.models.columns import take_rows
from lumbago.models.search import area_under_curve, inner_folds

C = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
COVARIATES = 2
"""Last columns of the peer's table: age and sex as a number."""


class LeastSquaresRest(TransformerMixin, BaseEstimator):
    """What a user of scikit-learn writes to residualize: the last columns explain the others."""

    def fit(self, X: np.ndarray, y: Any = None) -> LeastSquaresRest:
        """Fit every feature on the covariates."""
        covariates = X[:, -COVARIATES:]
        self.centre_ = covariates.mean(axis=0)
        self.effects_ = np.linalg.pinv(covariates - self.centre_) @ X[:, :-COVARIATES]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Subtract what the covariates explain."""
        return X[:, :-COVARIATES] - (X[:, -COVARIATES:] - self.centre_) @ self.effects_


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def collect(found: list[pd.DataFrame], units: list[Unit], data: Dataset) -> None:
    """Run units and keep the tables of their permutations."""
    found.extend(unit.run(data).nulls for unit in units)


def heading(text: str) -> None:
    """Print what is compared, and the columns."""
    print(f"\n{text}\n{'':12}{'scikit-learn':>14}{'Lumbago':>10}{'ratio':>8}   (seconds)")


def tuned(n: int = 66, p: int = 34716, n_permutations: int = 20) -> None:
    """Print seconds and ratios for one repeat of 5 folds, tuned, and per permutation."""
    data = make_dataset(n, p, signal=0.1, sites=1, covariates=False)
    X = data.X.to_numpy()
    heading(f"tuned: {n} participants x {p} edges, 5 folds, 5 inner folds, {len(C)} candidates")
    plain = {
        "logistic": (LogisticRegression(max_iter=10000, tol=1e-8), Logistic(tune={"C": C})),
        "linear_svm": (SVC(kernel="linear", tol=1e-6), LinearSVM(tune={"C": C})),
    }
    for name, (theirs, ours) in plain.items():
        units = plan_units(
            data, {name: ours}, WithinCohort(), preparation=["scale"], seed=0,
            permutations=n_permutations, baselines=False,
        )  # fmt: skip

        def peer(labels: np.ndarray, unit: Unit = units[0], theirs: Any = theirs) -> None:
            for split in unit.splits:
                rows = take_rows(data.X, split.train)
                folds = inner_folds(
                    rows, data.y[split.train], 5, unit.fold_seed(split), continuous=False
                )
                pipeline = make_pipeline(StandardScaler(), theirs)
                grid = {f"{pipeline.steps[-1][0]}__C": C}
                search = GridSearchCV(pipeline, grid, cv=folds, scoring="roc_auc")
                search.fit(X[split.train], labels[split.train])
                search.decision_function(X[split.test])

        slow, fast = seconds(lambda: peer(data.y)), seconds(partial(units[0].run, data))
        print(f"{name:12}{slow:14.2f}{fast:10.2f}{slow / fast:8.1f}   one repeat")
        null = seconds(partial(units[1].run, data)) / n_permutations
        print(f"{'':12}{slow:14.2f}{null:10.2f}{slow / null:8.1f}   one permutation of many")


def peer_score(
    pipeline: Any, X: np.ndarray, y: np.ndarray, folds: list[Any], *, continuous: bool
) -> float:
    """Score scikit-learn's predictions as we do: the mean error, or pairs within folds."""
    told, weight = [], []
    for train, rest in folds:
        fitted = pipeline.fit(X[train], y[train])
        if continuous:
            told.append(float(np.abs(fitted.predict(X[rest]) - y[rest]).mean()))
            weight.append(len(rest))
        else:
            positive = y[rest] == 1
            told.append(area_under_curve(fitted.decision_function(X[rest]), positive))
            weight.append(int(positive.sum() * (~positive).sum()))
    return float(np.average(told, weights=weight))


def permuted(n: int = 100, p: int = 19900, n_permutations: int = 1000, few: int = 5) -> None:
    """Print seconds of a permutation test, scikit-learn's extrapolated from a few permutations."""
    heading(
        f"{n_permutations} permutations x 5 folds: {n} participants x {p} edges, residualized and "
        f"scaled in the fold\n(scikit-learn's permutation_test_score on {few}, times "
        f"{n_permutations / few:g})"
    )
    models = {
        "linear_svm": (SVC(kernel="linear", C=0.01, tol=1e-6), LinearSVM(C=0.01)),
        "logistic": (LogisticRegression(C=0.01, max_iter=10000, tol=1e-8), Logistic(C=0.01)),
        "ridge": (Ridge(alpha=1000.0), OurRidge(alpha=1000.0)),
    }
    for name, (theirs, ours) in models.items():
        continuous = name == "ridge"
        data = make_dataset(
            n, p, signal=0.1, sites=1, kind="continuous" if continuous else "binary"
        )
        units = [
            u for u in plan_units(
                data, {name: ours}, WithinCohort(), seed=0, permutations=n_permutations,
                preparation=[{"residualize": ["age", "sex"]}, "scale"], baselines=False,
            ) if u.permutations
        ]  # fmt: skip
        covariates = np.column_stack(
            [data.X["covariate:age"], (data.X["covariate:sex"] == "M").astype(float)]
        )
        X = np.column_stack([data.X[data.features].to_numpy(dtype=np.float64), covariates])
        pipeline = make_pipeline(LeastSquaresRest(), StandardScaler(), theirs)
        folds = [(split.train, split.test) for split in units[0].splits]
        metric = "neg_mean_absolute_error" if continuous else "roc_auc"
        test = partial(permutation_test_score, pipeline, X, data.y, cv=folds, scoring=metric)
        # One permutation less than asked for takes the true labels' own score along.
        slow = seconds(partial(test, n_permutations=few - 1, n_jobs=1)) * n_permutations / few
        found: list[pd.DataFrame] = []
        fast = seconds(partial(collect, found, units, data))
        print(f"{name:12}{slow:14.2f}{fast:10.2f}{slow / fast:8.1f}   ", end="")
        table = pd.concat(found)
        wanted = "mae" if continuous else "roc_auc"
        ours_scores = table[table["metric"] == wanted].sort_values("permutation")["score"]
        off = 0.0
        for number in range(few):
            y = permuted_labels(data, units[0].seed, number)
            theirs_score = peer_score(pipeline, X, y, folds, continuous=continuous)
            off = max(off, abs(ours_scores.iloc[number] - theirs_score))
        print(f"largest difference of {few} scores {off:.1e}")


if __name__ == "__main__":
    with threadpool_limits(1):
        permuted()
        tuned()
