"""The inner search: against scikit-learn's, and that it keeps participants whole."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from learning_data import make_dataset
from lumbago.models import STANDARD, LinearSVM, Logistic, RandomForest, Ridge
from lumbago.models.columns import groups_of, take_rows
from lumbago.models.folds import deal_folds, labels_of_people
from lumbago.models.logistic import NewtonLogistic
from lumbago.models.pipeline import assemble, outputs
from lumbago.models.refit import Refit
from lumbago.models.search import (
    GroupedSearch,
    area_under_curve,
    best_candidate,
    candidates,
    inner_folds,
)

GRID = {"C": [1e-4, 1e-3, 1e-2, 1e-1, 1.0]}


@pytest.fixture(autouse=True)
def one_thread():
    """Small matrices are slower on many threads, and units run on one anyway."""
    with threadpool_limits(1):
        yield


@pytest.mark.parametrize("sessions", [1, 2])
@pytest.mark.parametrize("p", [10, 200])
def test_the_search_chooses_and_predicts_as_grid_search_cv(p, sessions):
    data = make_dataset(36, p, signal=0.5, sessions=sessions, seed=p)
    X, y = data.X[data.features], data.y
    new = make_dataset(20, p, seed=99).X[data.features]
    for model in (
        NewtonLogistic(),
        SVC(kernel="linear", tol=1e-9),
    ):
        pipeline = Pipeline([("scale", StandardScaler()), ("model", model)])
        ours = GroupedSearch(pipeline, GRID, n_splits=4, seed=11).fit(X, y)
        folds = inner_folds(X, y, 4, 11, continuous=False)
        theirs = GridSearchCV(pipeline, {"model__C": GRID["C"]}, cv=folds, scoring="roc_auc").fit(
            X, y
        )
        np.testing.assert_allclose(
            ours.scores_.mean(axis=1), theirs.cv_results_["mean_test_score"], atol=1e-12
        )
        assert ours.best_params_["C"] == theirs.best_params_["model__C"]
        np.testing.assert_array_equal(ours.decision_function(new), theirs.decision_function(new))
        np.testing.assert_array_equal(ours.predict(new), theirs.predict(new))


def test_a_continuous_target_is_searched_by_squared_error():
    data = make_dataset(40, 30, signal=0.5, kind="continuous")
    X = data.X[data.features].astype("float64")
    pipeline = make_pipeline(StandardScaler(), SklearnRidge())
    grid = {"alpha": [1000.0, 100.0, 10.0, 1.0]}
    ours = GroupedSearch(pipeline, grid, seed=2, continuous=True).fit(X, data.y)
    theirs = GridSearchCV(
        pipeline,
        {"ridge__alpha": grid["alpha"]},
        cv=inner_folds(X, data.y, 5, 2, continuous=True),
        scoring="neg_mean_squared_error",
    ).fit(X, data.y)
    np.testing.assert_allclose(
        ours.scores_.mean(axis=1), theirs.cv_results_["mean_test_score"], rtol=1e-10
    )
    assert ours.best_params_["alpha"] == theirs.best_params_["ridge__alpha"]


def test_the_shortcut_in_rotated_space_chooses_as_the_plain_search():
    data = make_dataset(40, 400, signal=0.6)
    spec = LinearSVM(tune=GRID)
    ours = assemble(spec, STANDARD, data.features, 5, "binary").fit(data.X, data.y)
    plain = GroupedSearch(
        make_pipeline(StandardScaler(), SVC(kernel="linear", tol=1e-9)), GRID, 5, 5
    ).fit(data.X[data.features].astype("float64"), data.y)
    assert ours.best_params_ == plain.best_params_
    np.testing.assert_allclose(
        ours.decision_function(data.X),
        plain.decision_function(data.X[data.features].astype("float64")),
        atol=1e-5,
    )


def test_candidates_come_most_regularized_first_and_ties_go_there():
    assert [c["C"] for c in candidates({"C": [1, 0.1, 10]})] == [0.1, 1, 10]
    assert [c["alpha"] for c in candidates({"alpha": [1, 100]})] == [100, 1]
    assert [c["max_depth"] for c in candidates({"max_depth": [None, 5, 2]})] == [2, 5, None]
    assert [c["x"] for c in candidates({"x": ["b", "a"]})] == ["b", "a"]
    assert candidates({}) == [{}]
    assert best_candidate(np.array([[0.5, 0.7], [0.6, 0.6], [0.4, 0.9]])) == 2
    assert best_candidate(np.array([[0.6, 0.6 + 1e-14], [0.6, 0.6], [0.6, 0.6 + 2e-14]])) == 0
    assert best_candidate(np.array([[0.5, np.nan], [0.6, np.nan]])) == 1
    assert best_candidate(np.full((3, 2), np.nan)) == 0
    assert best_candidate(np.zeros((3, 0))) == 0


def test_the_search_prefers_the_strong_penalty_when_all_are_alike():
    data = make_dataset(30, 5, signal=8.0)
    fitted = assemble(
        Logistic(tune={"C": [1.0, 0.01, 0.1]}), STANDARD, data.features, 0, "binary"
    ).fit(data.X, data.y)
    assert (fitted.scores_ == 1).all()
    assert fitted.best_params_ == {"C": 0.01}


def test_inner_folds_keep_sessions_of_one_person_together():
    data = make_dataset(30, 4, sessions=3)
    groups = groups_of(data.X)
    for fit, check in inner_folds(data.X, data.y, 5, 0, continuous=False):
        assert not set(groups[fit]) & set(groups[check])
        assert set(data.y[fit]) == {0, 1}


def test_there_are_no_more_inner_folds_than_people_of_a_class():
    data = make_dataset(20, 4)
    few = np.flatnonzero((data.y == 0) | (np.cumsum(data.y) <= 3))
    X, y = take_rows(data.X, few), data.y[few]
    assert len(inner_folds(X, y, 5, 0, continuous=False)) == 3
    one = np.flatnonzero((data.y == 0) | (np.cumsum(data.y) <= 1))
    X, y = take_rows(data.X, one), data.y[one]
    assert inner_folds(X, y, 5, 0, continuous=False) == []
    fitted = assemble(LinearSVM(tune=GRID), STANDARD, data.features, 0, "binary").fit(X, y)
    assert fitted.best_params_ == {"C": 1e-4}
    assert np.isnan(outputs(fitted, X, "binary").probability).all()


def test_the_preparation_is_fitted_once_per_inner_fold():
    calls = []

    class Counting(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            calls.append(len(X))
            return super().fit(X, y)

    data = make_dataset(40, 6)
    pipeline = make_pipeline(Counting(), LogisticRegression())
    GroupedSearch(pipeline, GRID, n_splits=4).fit(data.X[data.features], data.y)
    assert calls == [30, 30, 30, 30, 40]


def test_probabilities_are_platts_over_inner_folds_of_the_training_rows():
    data = make_dataset(200, 5, signal=0.4)
    fitted = assemble(LinearSVM(C=0.1), STANDARD, data.features, 3, "binary").fit(data.X, data.y)
    fresh = make_dataset(2000, 5, signal=0.4, seed=5)
    probability = outputs(fitted, fresh.X, "binary").probability
    order = np.argsort(probability)
    for part in np.array_split(order, 4):
        assert probability[part].mean() == pytest.approx(fresh.y[part].mean(), abs=0.12)
    rank = np.argsort(np.argsort(fitted.decision_function(fresh.X)))
    assert np.corrcoef(rank, np.argsort(order))[0, 1] > 0.999


def test_area_under_curve_is_scikit_learns():
    rng = np.random.default_rng(0)
    for _ in range(20):
        y, score = rng.random(30) < 0.4, rng.integers(0, 8, 30).astype(float)
        assert area_under_curve(score, y) == pytest.approx(roc_auc_score(y, score), abs=1e-12)
    assert np.isnan(area_under_curve(np.arange(3.0), np.ones(3, dtype=bool)))


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (Logistic(tune=GRID), "binary"),
        (LinearSVM(tune=GRID), "binary"),
        (LinearSVM(C=0.1), "binary"),
        (Logistic(), "binary"),
        (RandomForest(n_estimators=10), "binary"),
        (Ridge(tune={"alpha": [1.0, 100.0]}), "continuous"),
    ],
    ids=lambda v: v if isinstance(v, str) else v.kind + ("_tuned" if v.tune else ""),
)
def test_a_refit_with_the_true_labels_is_the_fit_itself(spec, kind):
    data = make_dataset(40, 90, signal=0.5, sessions=2, kind=kind, holes=True)
    train, test = np.arange(60), np.arange(60, 80)
    X_train, X_test = take_rows(data.X, train), take_rows(data.X, test)
    estimator = assemble(spec, STANDARD, data.features, 4, kind)
    refit = Refit(estimator, X_train, data.y[train], X_test, continuous=kind == "continuous")
    assert refit.label_free
    refit(np.roll(data.y[train], 7))  # an earlier permutation leaves no trace
    predicted, score = refit(data.y[train])
    whole = outputs(estimator.fit(X_train, data.y[train]), X_test, kind)
    np.testing.assert_array_equal(predicted, whole.predicted)
    np.testing.assert_array_equal(score, whole.score)


def test_a_step_that_reads_labels_is_fitted_for_every_permutation():
    from sklearn.feature_selection import SelectKBest

    data = make_dataset(40, 60)
    X = data.X[data.features]
    pipeline = make_pipeline(SelectKBest(k=5), LogisticRegression())
    refit = Refit(pipeline, X.iloc[:30], data.y[:30], X.iloc[30:], continuous=False)
    assert not refit.label_free
    other = np.random.default_rng(1).permutation(data.y[:30])
    np.testing.assert_array_equal(
        refit(other)[1], pipeline.fit(X.iloc[:30], other).decision_function(X.iloc[30:])
    )


def test_one_class_left_by_a_permutation_is_predicted_without_a_fit():
    data = make_dataset(20, 5)
    X = data.X[data.features]
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    refit = Refit(estimator, X.iloc[:10], data.y[:10], X.iloc[10:], continuous=False)
    predicted, score = refit(np.ones(10, dtype=int))
    assert (predicted == 1).all()
    assert (score == 0).all()


def test_people_are_dealt_evenly_over_folds_classes_and_strata():
    rng = np.random.default_rng(0)
    groups = np.array([f"g{i}" for i in range(60)])
    y = np.r_[np.zeros(37, dtype=int), np.ones(23, dtype=int)]
    strata = np.arange(60) % 3
    fold = deal_folds(y, groups, 5, rng, strata=strata)
    assert np.ptp(np.bincount(fold)) <= 1
    for c in (0, 1):
        assert np.ptp(np.bincount(fold[y == c], minlength=5)) <= 1
        for s in range(3):
            assert np.ptp(np.bincount(fold[(y == c) & (strata == s)], minlength=5)) <= 1


def test_values_are_dealt_evenly_over_folds():
    rng = np.random.default_rng(0)
    y = rng.normal(size=50)
    groups = np.array([f"g{i}" for i in range(50)])
    spread = [y[deal_folds(y, groups, 5, rng, continuous=True) == k].mean() for k in range(5)]
    assert np.ptp(spread) < 0.4


def test_a_person_of_two_classes_counts_as_of_the_more_frequent():
    y, person = np.array([0, 0, 1, 1, 0, 1]), np.array([0, 0, 0, 1, 2, 2])
    assert list(labels_of_people(y, person, 3)) == [0, 1, 1]
