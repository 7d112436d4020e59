"""Real connectomes: 66 people, 34,716 edges, patients with fibromyalgia and controls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from lumbago.data.dataset import Dataset, Target
from lumbago.evaluation import WithinCohort, audit, evaluate, plan_units
from lumbago.models import LinearSVM, Logistic, RandomForest

C = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]


@pytest.fixture(scope="module")
def data(shared_data: Path) -> Dataset:
    folder = shared_data / "fibromyalgia"
    people = pd.read_csv(folder / "participants.tsv", sep="\t").sort_values("participant_id")
    files = {f.stem.split("_")[0]: f for f in (folder / "connectomes").glob("*.npy")}
    people = people[people["participant_id"].isin(files)]
    values = np.stack([np.load(files[p]) for p in people["participant_id"]]).astype(np.float32)
    index = pd.MultiIndex.from_tuples(
        [("fibromyalgia", p, "") for p in people["participant_id"]],
        names=("cohort", "participant_id", "session"),
    )
    X = pd.DataFrame(values, index, [f"edges:e{i}" for i in range(values.shape[1])])
    y = (people["group"] == "FM").to_numpy(dtype=np.int64)
    site = np.full(len(people), "fibromyalgia", dtype=object)
    return Dataset(X, y, Target("group", "binary", ("HC", "FM")), site)


def test_rotated_fits_are_the_plain_ones_on_real_edges(data):
    models = {"svm": LinearSVM(C=0.001), "logistic": Logistic(C=0.001)}
    units = plan_units(data, models, WithinCohort(), preparation=["scale"], seed=1, baselines=False)
    plain = {
        "svm": SVC(kernel="linear", C=0.001, tol=1e-6),
        "logistic": LogisticRegression(C=0.001, tol=1e-9, max_iter=10000),
    }
    for unit in units:
        split = unit.splits[0]
        X = data.X.to_numpy(dtype=np.float64)
        with threadpool_limits(1):
            theirs = make_pipeline(StandardScaler(), plain[unit.model])
            theirs.fit(X[split.train], data.y[split.train])
            ours = unit.fit(data, split).decision_function(data.X.iloc[split.test])
        np.testing.assert_allclose(ours, theirs.decision_function(X[split.test]), atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "expected"),
    [(Logistic(tune={"C": C}), 0.60), (RandomForest(), 0.64)],
    ids=["logistic", "forest"],
)
def test_patients_are_told_from_controls_as_well_as_by_a_plain_script(data, spec, expected):
    found = evaluate(
        data, {"model": spec}, WithinCohort(n_repeats=20), preparation=["impute", "scale"],
        seed=1, n_jobs=2, baselines=False, audited=False,
    )  # fmt: skip
    scores = found.scores(["roc_auc"], n_resamples=20)
    auc = scores[scores["scope"] == "pooled"]["score"].iloc[0]
    assert auc == pytest.approx(expected, abs=0.04)


@pytest.mark.slow
def test_the_audit_passes_on_real_edges(data):
    models = {"svm": LinearSVM(tune={"C": C}), "forest": RandomForest(n_estimators=50)}
    units = plan_units(data, models, WithinCohort(), preparation=["impute", "scale"], seed=1)
    assert set(audit(data, units)["verdict"]) <= {"passed", "not applicable"}
