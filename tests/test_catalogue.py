"""Every kind of model against an independent one: scikit-learn's on all features, or algebra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn import svm
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from learning_data import make_dataset
from lumbago.data.features import COVARIATE
from lumbago.evaluation import WithinCohort, evaluate, plan_units
from lumbago.evaluation.audit import FAILED, audit
from lumbago.models import (
    MODELS,
    STANDARD,
    SVR,
    DecisionTree,
    ElasticNetLogistic,
    Linear,
    RandomForest,
    RbfSVM,
    Ridge,
)
from lumbago.models.least_squares import LeastSquares
from lumbago.models.pipeline import assemble, linear_weights, outputs
from lumbago.models.rotate import DistanceRotator
from lumbago.models.search import candidates
from lumbago.models.sparse import SparseLogistic

# How scikit-learn is asked for an elastic net depends on its version.
MIXED = {} if LogisticRegression().penalty == "deprecated" else {"penalty": "elasticnet"}
WIDTHS = pytest.mark.parametrize("p", [6, 35, 300])
NEW = [ElasticNetLogistic, RbfSVM, DecisionTree, SVR, Linear]


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def halves(p, kind, n=70, **options):
    """Return training and test datasets of fewer, about as many and more features than rows."""
    data = make_dataset(n, p, signal=0.8, kind=kind, seed=p, **options)
    return data.take(np.arange(40)), data.take(np.arange(40, n))


def plain(dataset):
    return dataset.X.iloc[:, : len(dataset.features)].to_numpy(dtype=float)


def fitted(spec, train, kind):
    return assemble(spec, STANDARD, train.features, 5, kind).fit(train.X, train.y)


# Support vector machines


@WIDTHS
@pytest.mark.parametrize("gamma", ["scale", 0.003])
def test_the_rbf_svm_in_rotated_space_is_scikit_learns_on_all_features(p, gamma):
    train, test = halves(p, "binary")
    ours = fitted(RbfSVM(C=2.0, gamma=gamma), train, "binary")
    theirs = make_pipeline(StandardScaler(), svm.SVC(C=2.0, gamma=gamma, tol=1e-8))
    theirs.fit(plain(train), train.y)
    np.testing.assert_allclose(
        outputs(ours, test.X, "binary").score, theirs.decision_function(plain(test)), atol=2e-5
    )
    np.testing.assert_array_equal(ours.predict(test.X), theirs.predict(plain(test)))
    probability = outputs(ours, test.X, "binary").probability
    assert ((probability > 0) & (probability < 1)).all()


@WIDTHS
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_svr_in_rotated_space_is_scikit_learns_of_the_scaled_target(p, kernel):
    train, test = halves(p, "continuous")
    spec = SVR(kernel=kernel, C=0.3, epsilon=0.2)
    ours = fitted(spec, train, "continuous")
    theirs = make_pipeline(StandardScaler(), svm.SVR(kernel=kernel, C=0.3, epsilon=0.2, tol=1e-9))
    mean, sd = train.y.mean(), train.y.std()
    expected = theirs.fit(plain(train), (train.y - mean) / sd).predict(plain(test)) * sd + mean
    np.testing.assert_allclose(ours.predict(test.X), expected, atol=1e-3)
    weights = linear_weights(ours, train.X, train.features)
    if kernel == "rbf":
        assert weights is None
    else:
        np.testing.assert_allclose(weights.coefficient, theirs[-1].coef_[0] * sd, atol=2e-4)


def test_svr_does_not_care_for_the_unit_of_the_target():
    train, test = halves(20, "continuous")
    ours = fitted(SVR(), train, "continuous").predict(test.X)
    tenth = assemble(SVR(), STANDARD, train.features, 5, "continuous").fit(train.X, train.y / 10)
    np.testing.assert_allclose(tenth.predict(test.X), ours / 10, atol=1e-5)
    flat = assemble(SVR(), STANDARD, train.features, 5, "continuous").fit(train.X, 0 * train.y + 7)
    np.testing.assert_allclose(flat.predict(test.X), 7)


@pytest.mark.parametrize("model", [RbfSVM, SVR])
def test_a_kernel_without_width_is_refused(model):
    with pytest.raises(ValidationError, match="gamma must be greater than 0, got 0"):
        model(gamma=0)
    with pytest.raises(ValidationError, match="gamma must be greater than 0"):
        model(tune={"gamma": [0.1, -1.0]})


def test_words_and_numbers_can_be_tuned_together():
    order = [c["gamma"] for c in candidates({"gamma": ["scale", 0.1, 0.01]})]
    assert order == [0.01, 0.1, "scale"]
    train, test = halves(30, "binary")
    spec = RbfSVM(tune={"gamma": ["scale", 0.001], "C": [0.1, 1.0]})
    found = fitted(spec, train, "binary")
    assert set(found.best_params_) == {"gamma", "C"}
    assert np.isfinite(outputs(found, test.X, "binary").probability).all()
    both = fitted(
        SVR(tune={"kernel": ["linear", "rbf"]}), *[halves(30, "continuous")[0]], "continuous"
    )
    assert both.best_params_["kernel"] in ("linear", "rbf")


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 20), st.integers(1, 60), st.integers(0, 10**6), st.floats(-3, 3))
def test_distances_to_training_rows_are_kept(n, p, seed, log_scale):
    rng = np.random.default_rng(seed)
    X = 10**log_scale * rng.standard_normal((n, p)) + 5
    new = 10**log_scale * rng.standard_normal((4, p)) + 5
    rotator = DistanceRotator().fit(X)
    for rows in (X, new):
        expected = euclidean_distances(rows - X.mean(0), X - X.mean(0))
        found = euclidean_distances(rotator.transform(rows), rotator.transform(X))
        np.testing.assert_allclose(found, expected, atol=1e-6 * expected.max())
    assert rotator.transform(X).shape[1] <= max(n + 1, p if p <= n else 0)


# Trees


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_the_tree_is_scikit_learns(kind):
    train, test = halves(35, kind)
    spec = DecisionTree(max_depth=4, min_samples_leaf=2)
    estimator = assemble(spec, STANDARD, train.features, 5, kind).fit(train.X, train.y)
    twin = DecisionTreeClassifier if kind == "binary" else DecisionTreeRegressor
    theirs = make_pipeline(
        StandardScaler(), twin(max_depth=4, min_samples_leaf=2, random_state=5)
    ).fit(plain(train), train.y)
    found = outputs(estimator, test.X, kind)
    if kind == "binary":
        np.testing.assert_allclose(found.score, theirs.predict_proba(plain(test))[:, 1])
        leaves = np.unique(found.score)
        # Leaves of few people are sure of them; the sigmoid over inner folds is not.
        assert np.ptp(found.probability) < np.ptp(leaves)
        assert (np.diff(found.probability[np.argsort(found.score)]) >= -1e-12).all()
    else:
        np.testing.assert_allclose(found.predicted, theirs.predict(plain(test)))
        assert np.isnan(found.probability).all()


def test_a_continuous_target_is_predicted_by_scikit_learns_forest():
    train, test = halves(35, "continuous")
    spec = RandomForest(n_estimators=40, max_features=0.33, min_samples_leaf=3)
    ours = fitted(spec, train, "continuous")
    theirs = make_pipeline(
        StandardScaler(),
        RandomForestRegressor(40, max_features=0.33, min_samples_leaf=3, random_state=5),
    ).fit(plain(train).astype(np.float32), train.y)
    # Features are scaled in single precision, which moves a threshold now and then.
    np.testing.assert_allclose(
        ours.predict(test.X), theirs.predict(plain(test).astype(np.float32)), rtol=0.02
    )
    tuned = spec.model_copy(update={"tune": {"max_depth": [1, 4]}})
    assert fitted(tuned, train, "continuous").best_params_["max_depth"] in (1, 4)


# Least squares


@WIDTHS
def test_least_squares_are_the_pseudo_inverse_of_all_features(p):
    train, test = halves(p, "continuous")
    ours = fitted(Linear(), train, "continuous")
    scaler = StandardScaler().fit(plain(train))
    Z, new = scaler.transform(plain(train)), scaler.transform(plain(test))
    expected = np.linalg.pinv(Z, rcond=1e-6) @ (train.y - train.y.mean())
    weights = linear_weights(ours, train.X, train.features)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(weights.coefficient, expected, atol=2e-4 * scale)
    if p < 40:
        theirs = LinearRegression().fit(Z, train.y)
        np.testing.assert_allclose(ours.predict(test.X), theirs.predict(new), rtol=2e-4)
    else:
        # The shortest of all weights that fit without error.
        np.testing.assert_allclose(ours.predict(train.X), train.y, rtol=1e-4)


def test_least_squares_are_where_ridge_ends_without_a_penalty():
    train, test = halves(300, "continuous")
    ours = fitted(Linear(), train, "continuous").predict(test.X)
    ridge = fitted(Ridge(alpha=1e-6), train, "continuous").predict(test.X)
    np.testing.assert_allclose(ours, ridge, rtol=1e-5)


def test_a_repeated_feature_shares_its_weight_and_rounding_gets_none():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 2)).astype(np.float32).astype(float)
    y = x @ [2.0, -1.0] + 0.1 * rng.standard_normal(30)
    alone = LeastSquares().fit(x, y)
    nearly = x[:, :1] * (1 + 1e-7 * rng.standard_normal((30, 1)))
    twice = LeastSquares().fit(np.hstack([x, nearly]), y)
    assert twice.rank_ == 2
    np.testing.assert_allclose(twice.coef_[[0, 2]], alone.coef_[0] / 2, rtol=1e-4)
    np.testing.assert_allclose(twice.predict(np.hstack([x, nearly])), alone.predict(x), atol=1e-5)


# Elastic net


@WIDTHS
@pytest.mark.parametrize(("C", "l1_ratio"), [(0.05, 0.5), (0.5, 0.2), (0.3, 1.0)])
@pytest.mark.parametrize("weights", [None, "balanced"])
def test_the_elastic_net_is_the_problem_that_saga_solves(p, C, l1_ratio, weights):
    train, _ = halves(p, "binary")
    rows = np.flatnonzero((train.y == 0) | (np.arange(len(train.y)) % 3 > 0))
    X, y = StandardScaler().fit_transform(plain(train))[rows], train.y[rows]
    ours = SparseLogistic(C, l1_ratio, weights, tol=1e-8).fit(X, y)
    theirs = LogisticRegression(
        C=C, l1_ratio=l1_ratio, class_weight=weights, solver="saga", tol=1e-8, max_iter=100_000,
        random_state=0, **MIXED,
    ).fit(X, y)  # fmt: skip
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    if ours.coef_.any():  # saga leaves an intercept that stands alone a little off
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(4, 40), p=st.integers(1, 80), log_c=st.floats(-4, 2),
    l1_ratio=st.floats(0.02, 1), log_scale=st.floats(-2, 1), seed=st.integers(0, 999),
)  # fmt: skip
def test_the_elastic_net_ends_where_no_weight_wants_to_move(n, p, log_c, l1_ratio, log_scale, seed):
    """The conditions of the minimum, written down anew."""
    rng = np.random.default_rng(seed)
    X, y, C = 10**log_scale * rng.standard_normal((n, p)), np.arange(n) % 2, 10**log_c
    model = SparseLogistic(C=C, l1_ratio=l1_ratio, tol=1e-5).fit(X, y)
    w = model.coef_[0]
    residual = model.predict_proba(X)[:, 1] - y
    slope = C * X.T @ residual + (1 - l1_ratio) * w
    room = 1.01e-5 * l1_ratio + 1e-12
    assert abs(C * residual.sum()) <= room
    assert (np.abs(slope[w == 0]) <= l1_ratio + room).all()
    assert (np.abs(slope[w != 0] + l1_ratio * np.sign(w[w != 0])) <= room).all()


def test_a_penalty_too_strong_keeps_nothing_but_the_share_of_classes():
    train, test = halves(35, "binary")
    found = fitted(ElasticNetLogistic(C=1e-4), train, "binary")
    assert (found[-1].coef_ == 0).all()
    np.testing.assert_allclose(outputs(found, test.X, "binary").probability, train.y.mean())


def test_an_elastic_net_that_does_not_settle_says_what_to_do():
    train, _ = halves(35, "binary")
    with pytest.raises(ValueError, match="did not settle in 1 steps; scale the features"):
        fitted(ElasticNetLogistic(max_iter=1), train, "binary")
    with pytest.raises(ValueError, match="needs two classes, got 1"):
        SparseLogistic().fit(np.zeros((3, 2)), np.zeros(3))
    with pytest.raises(ValueError, match="put impute into the preparation"):
        SparseLogistic().fit(np.full((3, 2), np.nan), np.arange(3) % 2)


def test_the_elastic_net_reports_the_features_it_kept():
    train, _ = halves(300, "binary")
    columns = [*train.features, COVARIATE + "age"]
    found = assemble(ElasticNetLogistic(), STANDARD, columns, 0, "binary").fit(train.X, train.y)
    weights = linear_weights(found, train.X, columns)
    assert weights.features == columns
    kept = np.flatnonzero(weights.coefficient)
    assert 0 < len(kept) < 60
    assert {0, 1, 2} & set(kept)


# In the harness


@pytest.mark.parametrize("model", NEW, ids=lambda m: m.__name__)
def test_new_models_pass_the_audit_tuned_and_with_holes(model):
    grids = {
        ElasticNetLogistic: {"C": [0.05, 0.5]}, RbfSVM: {"gamma": ["scale", 0.01]},
        DecisionTree: {"max_depth": [1, 3]}, SVR: {"kernel": ["linear", "rbf"]}, Linear: {},
    }  # fmt: skip
    for kind in model.targets:
        data = make_dataset(36, 50, signal=0.5, holes=True, kind=kind, sessions=2)
        units = plan_units(
            data, {"m": model(tune=grids[model])}, WithinCohort(n_splits=3), seed=3,
            preparation=["impute", {"residualize": ["age", "sex"]}, "scale"], baselines=False,
        )  # fmt: skip
        table = audit(data, units)
        assert not (table["verdict"] == FAILED).any(), table[table["verdict"] == FAILED]
        assert (table["verdict"] == "passed").sum() == 12


@pytest.mark.parametrize("model", NEW, ids=lambda m: m.__name__)
def test_new_models_run_with_permutations_to_the_same_bits(model):
    kind = model.targets[0]
    data = make_dataset(30, 40, signal=1.0, kind=kind)
    runs = [
        evaluate(data, model(), WithinCohort(n_splits=3), seed=1, permutations=3,
                 preparation=STANDARD, baselines=False, audited=False)
        for _ in range(2)
    ]  # fmt: skip
    one, two = (r.predictions["y_score"].to_numpy() for r in runs)
    assert one.tobytes() == two.tobytes()
    assert len(runs[0].nulls) > 0
    probability = runs[0].predictions["y_prob"]
    assert probability.isna().all() if kind == "continuous" else probability.notna().all()
    assert not runs[0].fits["notes"].any()


def test_every_kind_stands_once_in_the_catalogue():
    kinds = [m.model_fields["kind"].default for m in MODELS]
    assert len(set(kinds)) == len(kinds) == 19
