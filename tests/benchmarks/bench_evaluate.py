"""Learning on connectomes: scikit-learn's own grid search and permutation test against ours.

Run as ``python tests/benchmarks/bench_evaluate.py``. Peer and ours do the same work on the same
folds, one thread each; seconds are processor time, so a busy machine changes them little.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))

from learning_data import make_dataset
from lumbago.evaluation import WithinCohort, plan_units
from lumbago.models import LinearSVM, Logistic
from lumbago.models.columns import take_rows
from lumbago.models.search import inner_folds

C = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main(n: int = 66, p: int = 34716, n_permutations: int = 20) -> None:
    """Print seconds and ratios for one repeat of 5 folds, tuned, and per permutation."""
    data = make_dataset(n, p, signal=0.1, sites=1, covariates=False)
    X = data.X.to_numpy()
    print(f"{n} participants x {p} edges, 5 folds, 5 inner folds, {len(C)} candidates")
    print(f"{'':12}{'scikit-learn':>14}{'Lumbago':>10}{'ratio':>8}   (seconds)")
    plain = {
        "logistic": (LogisticRegression(max_iter=10000, tol=1e-8), Logistic(tune={"C": C})),
        "linear_svm": (SVC(kernel="linear", tol=1e-6), LinearSVM(tune={"C": C})),
    }
    with threadpool_limits(1):
        for name, (theirs, ours) in plain.items():
            units = plan_units(
                data, {name: ours}, WithinCohort(), preparation=["scale"], seed=0,
                permutations=n_permutations, baselines=False,
            )  # fmt: skip

            def peer(labels: np.ndarray, unit=units[0], theirs=theirs, name=name) -> None:
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


if __name__ == "__main__":
    main()
