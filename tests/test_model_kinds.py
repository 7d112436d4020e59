"""Sparse, boosted, near and naive models against scikit-learn's, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import neighbors
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Lasso as SklearnLasso
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from learning_data import make_dataset
from lumbago.evaluation import WithinCohort, evaluate, plan_units
from lumbago.evaluation.audit import FAILED, audit
from lumbago.models import (
    CPM,
    MODELS,
    PLS,
    STANDARD,
    ElasticNet,
    ElasticNetSVM,
    GradientBoosting,
    Lasso,
    NaiveBayes,
    Neighbours,
    Sklearn,
    read_preparation,
)
from lumbago.models.partial_least_squares import PLS1Regressor
from lumbago.models.pipeline import assemble, linear_weights, outputs
from lumbago.models.selectors import ElasticNetSelector

WIDTHS = pytest.mark.parametrize("p", [6, 35, 300])


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def halves(p, kind, n=70):
    """Return training and test datasets of fewer, about as many and more features than rows."""
    data = make_dataset(n, p, signal=0.8, kind=kind, seed=p)
    return data.take(np.arange(40)), data.take(np.arange(40, n))


def scaled(train, test):
    """Return both in the training rows' standard deviations, by scikit-learn."""
    parts = [d.X.iloc[:, : len(d.features)].to_numpy(dtype=float) for d in (train, test)]
    scaler = StandardScaler().fit(parts[0])
    return [scaler.transform(part) for part in parts]


def fitted(spec, train, kind):
    return assemble(spec, STANDARD, train.features, 5, kind).fit(train.X, train.y)


@WIDTHS
@pytest.mark.parametrize("penalty", [0.05, 0.5])
@pytest.mark.parametrize(
    ("model", "twin"), [(Lasso, SklearnLasso), (ElasticNet, SklearnElasticNet)]
)
def test_sparse_regression_is_scikit_learns_at_that_share_of_the_largest_penalty(
    p, penalty, model, twin
):
    train, test = halves(p, "continuous")
    Z, new = scaled(train, test)
    ratio = 1.0 if model is Lasso else 0.5
    largest = np.abs(Z.T @ (train.y - train.y.mean())).max() / len(Z) / ratio
    theirs = twin(alpha=penalty * largest, tol=1e-10, max_iter=100_000).fit(Z, train.y)
    ours = fitted(model(penalty=penalty, tol=1e-10, max_iter=100_000), train, "continuous")
    weights = linear_weights(ours, train.X, train.features).coefficient
    np.testing.assert_allclose(weights, theirs.coef_, atol=2e-3)
    np.testing.assert_allclose(ours.predict(test.X), theirs.predict(new), atol=1e-2)


def test_a_share_of_the_largest_penalty_means_the_same_in_any_unit_and_just_below_it_one_is_kept():
    train, _ = halves(300, "continuous")
    for unit in (1.0, 1e-3, 1e4):
        estimator = assemble(
            Lasso(penalty=0.99, tol=1e-12), STANDARD, train.features, 5, "continuous"
        )
        estimator.fit(train.X, unit * train.y)
        assert (estimator[-1].coef_ != 0).sum() == 1
    flat = fitted(Lasso(), train.take(np.arange(20)), "continuous")
    flat.fit(train.X, np.full(len(train.y), 7.0))
    np.testing.assert_allclose(flat.predict(train.X), 7.0)


def test_a_sparse_fit_that_does_not_settle_says_what_to_do():
    train, _ = halves(300, "continuous")
    with pytest.raises(ValueError, match="did not settle in 1 passes; scale the features"):
        fitted(Lasso(penalty=0.01, max_iter=1), train, "continuous")


@WIDTHS
def test_pls_in_rotated_space_is_scikit_learns_on_all_features(p):
    train, test = halves(p, "continuous")
    Z, new = scaled(train, test)
    for n in (1, 2, 5):
        theirs = PLSRegression(n_components=n, scale=False, tol=1e-12).fit(Z, train.y)
        ours = fitted(PLS(n_components=n), train, "continuous")
        np.testing.assert_allclose(
            ours.predict(test.X), theirs.predict(new).ravel(), rtol=1e-4, atol=1e-3
        )
        weights = linear_weights(ours, train.X, train.features).coefficient
        np.testing.assert_allclose(weights, theirs.coef_.ravel(), atol=1e-3)


def test_pls_ends_at_least_squares_and_finds_no_more_components_than_there_are():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 4)) @ rng.standard_normal((4, 6))
    y = rng.standard_normal(30)
    found = PLS1Regressor(n_components=6).fit(X, y)
    assert found.n_components_ == 4
    expected = np.linalg.pinv(X - X.mean(0), rcond=1e-10) @ (y - y.mean())
    np.testing.assert_allclose(found.coef_, expected, atol=1e-8)
    assert PLS1Regressor(3).fit(X, np.ones(30)).n_components_ == 0


def test_pls_of_classes_ranks_as_the_regression_on_their_codes_with_the_border_half_way():
    train, test = halves(35, "binary")
    rows = np.flatnonzero((train.y == 1) | (np.arange(len(train.y)) % 3 == 0))
    few = train.take(rows)
    Z, new = scaled(few, test)
    theirs = PLSRegression(n_components=2, scale=False).fit(Z, 2.0 * few.y - 1)
    ours = fitted(PLS(), few, "binary")
    score = outputs(ours, test.X, "binary").score
    apart = score - theirs.predict(new).ravel()
    np.testing.assert_allclose(apart, apart[0], atol=1e-4)
    inside = outputs(ours, few.X, "binary").score
    assert inside[few.y == 1].mean() == pytest.approx(-inside[few.y == 0].mean())


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_boosting_is_scikit_learns_without_early_stopping(kind):
    train, test = halves(35, kind)
    Z, new = (part.astype(np.float32) for part in scaled(train, test))
    twin = HistGradientBoostingRegressor if kind == "continuous" else HistGradientBoostingClassifier
    theirs = twin(
        max_iter=20, max_depth=3, min_samples_leaf=5, early_stopping=False, random_state=5
    ).fit(Z, train.y)
    ours = fitted(GradientBoosting(max_iter=20), train, kind)
    expected = theirs.predict(new) if kind == "continuous" else theirs.decision_function(new)
    found = outputs(ours, test.X, kind).score
    # Features are scaled in single precision here and in double there: bins may differ by one.
    assert np.corrcoef(found, expected)[0, 1] > 0.99


@WIDTHS
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_neighbours_in_rotated_space_are_scikit_learns_on_all_features(p, weights, kind):
    train, test = halves(p, kind)
    Z, new = scaled(train, test)
    ours = fitted(Neighbours(n_neighbors=7, weights=weights), train, kind)
    if kind == "binary":
        theirs = neighbors.KNeighborsClassifier(7, weights=weights).fit(Z, train.y)
        expected = theirs.predict_proba(new)[:, 1]
    else:
        theirs = neighbors.KNeighborsRegressor(7, weights=weights).fit(Z, train.y)
        expected = theirs.predict(new)
    np.testing.assert_allclose(outputs(ours, test.X, kind).score, expected, rtol=1e-4)


def test_more_neighbours_than_rows_are_all_rows():
    train, test = halves(6, "continuous")
    ours = fitted(Neighbours(n_neighbors=1000), train, "continuous")
    np.testing.assert_allclose(ours.predict(test.X), train.y.mean())


def test_naive_bayes_ranks_where_probabilities_are_all_0_or_1():
    train, test = halves(35, "binary")
    Z, new = scaled(train, test)
    ours = fitted(NaiveBayes(), train, "binary")
    theirs = GaussianNB().fit(Z, train.y).predict_log_proba(new)
    score = outputs(ours, test.X, "binary").score
    np.testing.assert_allclose(score, theirs[:, 1] - theirs[:, 0], rtol=1e-3)
    wide = make_dataset(40, 4000, signal=6.0)
    found = outputs(fitted(NaiveBayes(), wide, "binary"), wide.X, "binary")
    assert len(np.unique(found.score)) == 40
    assert ((found.probability > 0) & (found.probability < 1)).all()


def test_the_elastic_net_svm_is_the_selection_and_then_the_machine():
    train, test = halves(300, "binary")
    Z, new = scaled(train, test)
    keep = ElasticNetSelector(0.4, 0.7).fit(Z, train.y).keep_
    theirs = SVC(kernel="linear", C=2.0, tol=1e-8).fit(Z[:, keep], train.y)
    ours = fitted(ElasticNetSVM(penalty=0.4, l1_ratio=0.7, C=2.0), train, "binary")
    found = outputs(ours, test.X, "binary")
    np.testing.assert_allclose(found.score, theirs.decision_function(new[:, keep]), atol=1e-3)
    weights = linear_weights(ours, train.X, train.features)
    np.testing.assert_array_equal(weights.coefficient != 0, keep)
    assert 0 < keep.sum() < 60
    steps = read_preparation(
        ["impute", "scale", {"select_elastic_net": {"penalty": 0.4, "l1_ratio": 0.7}}]
    )
    from lumbago.models import LinearSVM

    same = assemble(LinearSVM(C=2.0), steps, train.features, 5, "binary").fit(train.X, train.y)
    np.testing.assert_allclose(outputs(same, test.X, "binary").score, found.score, atol=1e-3)


def test_one_search_weighs_the_penalty_of_the_selection_against_that_of_the_machine():
    train, _ = halves(35, "binary")
    spec = ElasticNetSVM(tune={"penalty": [0.3, 0.8], "C": [0.01, 1.0]})
    found = fitted(spec, train, "binary")
    assert found.candidates_[0] == {"penalty": 0.8, "C": 0.01}  # the most regularized
    assert set(found.best_params_) == {"penalty", "C"}


SETTINGS = {
    Lasso: {"tune": {"penalty": [0.2, 0.5]}}, ElasticNet: {"tune": {"l1_ratio": [0.2, 0.9]}},
    PLS: {"tune": {"n_components": [1, 3]}}, CPM: {"tune": {"p": [0.05, 0.2]}},
    GradientBoosting: {"max_iter": 5}, NaiveBayes: {}, Neighbours: {"tune": {"n_neighbors": [3]}},
    ElasticNetSVM: {"tune": {"penalty": [0.3, 0.8]}},
    Sklearn: {"estimator": "sklearn.tree.ExtraTreeClassifier", "tune": {"max_depth": [2, 4]}},
}  # fmt: skip


@pytest.mark.parametrize("model", SETTINGS, ids=lambda m: m.__name__)
def test_no_model_knows_anything_of_its_test_fold(model):
    for kind in model.targets:
        spec = model(**SETTINGS[model])
        if not spec.suits(kind):
            continue
        data = make_dataset(30, 40, signal=0.5, holes=True, kind=kind, sessions=2)
        units = plan_units(
            data, {"m": spec}, WithinCohort(n_splits=3), seed=3,
            preparation=["impute", {"residualize": ["age", "sex"]}, "scale"], baselines=False,
        )  # fmt: skip
        table = audit(data, units)
        assert not (table["verdict"] == FAILED).any(), table[table["verdict"] == FAILED]


@pytest.mark.parametrize("model", SETTINGS, ids=lambda m: m.__name__)
def test_runs_with_permutations_are_the_same_to_the_last_bit(model):
    kind = model.targets[0]
    data = make_dataset(30, 40, signal=1.0, kind=kind)
    runs = [
        evaluate(data, model(**SETTINGS[model]), WithinCohort(n_splits=3), seed=1, permutations=3,
                 preparation=STANDARD, baselines=False, audited=False)
        for _ in range(2)
    ]  # fmt: skip
    one, two = (r.predictions["y_score"].to_numpy() for r in runs)
    assert one.tobytes() == two.tobytes()
    assert len(runs[0].nulls) > 0
    probability = runs[0].predictions["y_prob"]
    assert probability.isna().all() if kind == "continuous" else probability.notna().all()


def test_every_kind_of_the_catalogue_is_tried_somewhere():
    tried = {m.__name__ for m in SETTINGS} | {
        "Dummy", "Logistic", "LinearSVM", "RandomForest", "Ridge", "ElasticNetLogistic", "RbfSVM",
        "DecisionTree", "SVR", "Linear",
    }  # fmt: skip
    assert {m.__name__ for m in MODELS} == tried


def test_a_pipeline_of_scikit_learn_takes_our_models():
    data = make_dataset(40, 20, signal=2.0, covariates=False)
    estimator = make_pipeline(StandardScaler(), PLS().build((), 0, "binary"))
    assert estimator.fit(data.X.to_numpy(), data.y).score(data.X.to_numpy(), data.y) > 0.9
