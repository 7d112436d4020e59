"""Models, the steps before them, and the rotated space: against scikit-learn and by hand."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from learning_data import make_dataset
from lumbago.errors import InputError
from lumbago.models import (
    CPM,
    MODELS,
    STANDARD,
    STEPS,
    DecisionTree,
    Dummy,
    GradientBoosting,
    Impute,
    LinearSVM,
    Logistic,
    Preparation,
    RandomForest,
    Residualize,
    Ridge,
    Scale,
    Sklearn,
    read_preparation,
)
from lumbago.models.calibration import Sigmoid, platt
from lumbago.models.catalogue import COMMON_FIELDS
from lumbago.models.columns import groups_of, split_columns, take_rows
from lumbago.models.design import CovariateCoder, CovariatesAsFeatures
from lumbago.models.impute import Imputer
from lumbago.models.logistic import NewtonLogistic
from lumbago.models.pipeline import assemble, linear_weights, outputs
from lumbago.models.residualize import Residualizer
from lumbago.models.rotate import Rotator
from lumbago.models.scale import Scaler


@pytest.fixture(autouse=True)
def one_thread():
    """Small matrices are slower on many threads, and units run on one anyway."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def example(step):
    return step(covariates=["age"]) if step is Residualize else step()


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.__name__)
def test_settings_of_a_step_are_the_arguments_of_its_estimator(step):
    estimator = example(step).build((), 0)
    arguments = set(inspect.signature(type(estimator)).parameters)
    assert set(step.model_fields) - {"kind"} == arguments - {"random_state"}
    arguments -= {"random_state"}
    for name in arguments:
        assert getattr(estimator, name) == getattr(example(step), name)
    assert clone(estimator).get_params() == estimator.get_params()


# What stands behind the kind `sklearn` is tested in test_foreign.py.
TWINS = [(m, k) for m in MODELS if m is not Sklearn for k in m.targets]
FOR_CLASSES_ONLY = {"class_weight", "C"}


@pytest.mark.parametrize(("model", "kind"), TWINS, ids=lambda v: getattr(v, "__name__", v))
def test_settings_of_a_model_reach_its_estimator(model, kind):
    spec = model()
    estimator = spec.build((), 3, kind)
    own = set(model.model_fields) - COMMON_FIELDS
    if model in (DecisionTree, RandomForest, GradientBoosting, CPM) and kind == "continuous":
        own -= FOR_CLASSES_ONLY
    for name in own:
        assert estimator.get_params()[name] == getattr(spec, name), name


def test_a_kind_without_a_twin_says_so():
    with pytest.raises(InputError, match="'ridge' predicts continuous targets, this one is binary"):
        Ridge().build((), 0, "binary")
    with pytest.raises(InputError, match="'linear_svm' predicts binary"):
        LinearSVM().build((), 0, "continuous")


def test_every_way_to_write_a_step_gives_the_same_settings():
    short = [{"impute": "median"}, {"residualize": ["age", "sex"]}, "scale"]
    long = [
        {"kind": "impute", "strategy": "median"},
        {"kind": "residualize", "covariates": ["age", "sex"]},
        {"scale": None},
    ]
    specs = (Impute(), Residualize(covariates=("age", "sex")), Scale())
    assert read_preparation(short) == read_preparation(long) == specs == read_preparation(specs)


def test_steps_are_read_in_strict_json_as_yaml_gives_them():
    text = json.dumps([{"impute": "median"}, {"residualize": ["age"]}, "scale"])
    steps = TypeAdapter(Preparation).validate_json(text, strict=True)
    assert steps == (Impute(), Residualize(covariates=("age",)), Scale())
    text = json.dumps({"features": "edges", "preparation": ["scale"], "tune": {"C": [0.1, 1]}})
    svm = LinearSVM.model_validate_json(text, strict=True)
    assert svm.features == ("edges",)
    assert svm.preparation == (Scale(),)


def test_an_unknown_step_or_candidate_is_refused():
    with pytest.raises(ValidationError, match="'scal'"):
        read_preparation(["scal"])
    with pytest.raises(ValidationError, match="has no setting 'gamma'"):
        LinearSVM(tune={"gamma": [1]})
    with pytest.raises(ValidationError, match="greater than 0"):
        Logistic(tune={"C": [1, -1]})
    with pytest.raises(ValidationError, match="no candidates"):
        Logistic(tune={"C": []})
    with pytest.raises(ValidationError, match="at least 1"):
        Residualize(covariates=[])


# Columns


def test_columns_come_apart_and_together_again():
    X = make_dataset().X
    parts = split_columns(X)
    assert parts.values.shape == (40, 12)
    assert list(parts.covariates) == ["covariate:age", "covariate:sex", "covariate:mean_fd"]
    pd.testing.assert_frame_equal(parts.with_values(parts.values), X)


def test_a_feature_behind_a_covariate_is_refused():
    X = make_dataset().X
    with pytest.raises(ValueError, match="stands before feature columns"):
        split_columns(X[["covariate:age", "f:r0"]])


def test_rows_have_one_memory_layout_wherever_they_come_from():
    X = make_dataset(p=200).X
    fortran = pd.concat([pd.DataFrame(X[c]) for c in X.columns], axis=1)
    for table in (X, fortran, X.copy()):
        assert split_columns(take_rows(table, np.arange(9))).values.flags.c_contiguous


def test_participants_are_read_off_the_index_within_their_cohort():
    X = make_dataset(4, sessions=2, cohorts=2).X
    assert len(set(groups_of(X))) == 4
    assert groups_of(X)[0] == "cohort0/sub-000"
    assert list(groups_of(X.to_numpy()[:, :2])) == [str(i) for i in range(8)]


# Imputation


@pytest.mark.parametrize("strategy", ["median", "mean"])
def test_imputing_is_what_scikit_learn_does(rng, strategy):
    X = rng.standard_normal((21, 30))
    X[rng.random(X.shape) < 0.2] = np.nan
    new = np.where(rng.random((5, 30)) < 0.5, np.nan, 1.0)
    ours = Imputer(strategy).fit(X)
    theirs = SimpleImputer(strategy=strategy).fit(X)
    np.testing.assert_allclose(ours.transform(new), theirs.transform(new), atol=1e-12)


def test_a_column_without_training_values_is_dropped_and_listed():
    X = make_dataset(10, 4).X.copy()
    X["f:r2"] = np.float32(np.nan)
    imputer = Imputer().fit(X)
    assert imputer.dropped_ == ["f:r2"]
    assert list(imputer.transform(X).columns[:3]) == ["f:r0", "f:r1", "f:r3"]


def test_infinite_values_are_not_missing_values(rng):
    X = rng.standard_normal((5, 3))
    X[1, 1] = np.inf
    with pytest.raises(ValueError, match="infinite"):
        Imputer().fit(X)


# Scaling


def test_scaling_is_what_scikit_learn_does(rng):
    X = rng.normal(100, 3, (25, 40))
    new = rng.normal(100, 3, (4, 40))
    expected = StandardScaler().fit(X).transform(new)
    np.testing.assert_allclose(Scaler().fit(X).transform(new), expected, rtol=1e-10)
    holed = X.copy()
    holed[rng.random(X.shape) < 0.2] = np.nan
    expected = StandardScaler().fit(holed).transform(holed)
    np.testing.assert_allclose(Scaler().fit(holed).transform(holed), expected, rtol=1e-9)


@given(st.floats(-1e6, 1e6, allow_subnormal=False), st.sampled_from([np.float32, np.float64]))
def test_a_constant_feature_becomes_zero(value, dtype):
    X = np.full((7, 2), value, dtype=dtype)
    X[:, 1] = np.arange(7)
    scaled = Scaler().fit(X).transform(X)
    # The mean of equal floats is off by at most a rounding error of theirs.
    assert np.abs(scaled[:, 0]).max() <= 1e-9 * max(1, abs(value))
    assert scaled[:, 1].std() == pytest.approx(1, rel=1e-6)


# Covariates


def test_residuals_are_those_of_a_linear_model_and_keep_the_mean():
    X = make_dataset(60, 5).X
    cleaned = Residualizer(["age", "sex", "mean_fd"]).fit(X).transform(X)
    design = np.column_stack(
        [X["covariate:age"], X["covariate:sex"] == "M", X["covariate:mean_fd"]]
    ).astype(float)
    values = X.iloc[:, :5].to_numpy(dtype=float)
    expected = values - LinearRegression().fit(design, values).predict(design) + values.mean(0)
    np.testing.assert_allclose(cleaned.iloc[:, :5], expected, atol=1e-5)
    assert list(cleaned.columns) == list(X.columns)


def test_residuals_do_not_go_with_the_covariate_any_more():
    X = make_dataset(60, 3).X.copy()
    X["f:r0"] = (X["f:r0"] + 0.3 * X["covariate:age"]).astype("float32")
    cleaned = Residualizer(["age"]).fit(X).transform(X)
    assert abs(np.corrcoef(cleaned["f:r0"], X["covariate:age"])[0, 1]) < 1e-5


def test_an_unseen_word_is_zero_everywhere_and_a_missing_number_the_training_mean():
    table = pd.DataFrame({"age": [20.0, 40.0, np.nan], "sex": ["F", "M", "F"]})
    coder = CovariateCoder().fit(table)
    assert coder.names == ["age", "sex=F", "sex=M"]
    new = pd.DataFrame({"age": [np.nan, 7.0], "sex": ["X", None]})
    np.testing.assert_array_equal(coder.code(new), [[30, 0, 0], [7, 0, 0]])


def test_residualizing_says_what_it_lacks():
    X = make_dataset(10, 3).X
    with pytest.raises(ValueError, match=r"\['bmi'\] are needed"):
        Residualizer(["bmi"]).fit(X)
    with pytest.raises(ValueError, match="explain 4 training rows entirely"):
        Residualizer(["age", "mean_fd", "sex"]).fit(take_rows(X, np.array([0, 1, 2, 3])))
    X = X.copy()
    X.iloc[0, 0] = np.nan
    with pytest.raises(ValueError, match="put impute before it"):
        Residualizer(["age"]).fit(X)


def test_covariates_become_features_behind_the_others():
    X = make_dataset(10, 2).X
    out = CovariatesAsFeatures(("mean_fd", "sex")).fit(X).transform(X)
    assert list(out.columns[:5]) == ["f:r0", "f:r1", "mean_fd", "sex=F", "sex=M"]
    assert list(out.columns[5:]) == list(X.columns[2:])


# Rotated space


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 20), st.integers(1, 60), st.integers(0, 10**6), st.booleans())
def test_rotation_loses_nothing(n, p, seed, skewed):
    X = np.random.default_rng(seed).standard_normal((n, p))
    if skewed:
        X *= np.geomspace(1, 1e-4, p)
    rotator = Rotator().fit(X)
    Z = rotator.transform(X)
    assert Z.shape[1] <= max(n, p if p <= n else n)
    np.testing.assert_allclose(Z @ Z.T, X @ X.T, atol=1e-9 * np.abs(X @ X.T).max())
    np.testing.assert_allclose(rotator.back(Z), X, atol=1e-7 * np.abs(X).max())


def test_rotation_of_nothing_but_zeros_is_no_error():
    assert np.isfinite(Rotator().fit_transform(np.zeros((4, 9)))).all()


@pytest.mark.parametrize("C", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("centred", [True, False])
def test_rotated_models_decide_as_the_plain_ones(rng, C, centred):
    X, new = rng.standard_normal((40, 500)) + 0.3, rng.standard_normal((10, 500))
    y = np.arange(40) % 2
    X[:, 0] += y
    scale = [StandardScaler()] if centred else []
    for plain in (
        NewtonLogistic(C=C),
        SVC(kernel="linear", C=C, tol=1e-9),
        SklearnRidge(alpha=1 / C),
    ):
        direct = make_pipeline(*scale, plain).fit(X, y)
        rotated = make_pipeline(*scale, Rotator(), clone(plain)).fit(X, y)
        decide = "predict" if isinstance(plain, SklearnRidge) else "decision_function"
        np.testing.assert_allclose(
            getattr(rotated, decide)(new), getattr(direct, decide)(new), atol=1e-6
        )
        back = rotated.named_steps["rotator"].back(np.ravel(rotated[-1].coef_))
        np.testing.assert_allclose(back, np.ravel(direct[-1].coef_), atol=1e-7)


@pytest.mark.parametrize("p", [1, 8, 60])
@pytest.mark.parametrize("shift", [0.0, 30.0])
@pytest.mark.parametrize("weights", [None, "balanced"])
def test_our_logistic_is_scikit_learns_problem(rng, p, shift, weights):
    X, y = 3 * rng.standard_normal((50, p)), (np.arange(50) % 3 == 0).astype(int)
    X[:, 0] += shift * y
    for C in (1e-4, 0.3, 1e3):
        ours = Logistic(C=C, class_weight=weights).build((), 0, "binary").fit(X, y)
        theirs = LogisticRegression(C=C, class_weight=weights, tol=1e-10, max_iter=100000)
        theirs.fit(X, y)
        scale = np.abs(theirs.coef_).max()
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-5 * scale)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=2e-4 * (1 + scale))
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(4, 30), st.integers(1, 30), st.floats(-6, 5), st.floats(-3, 3), st.integers(0, 999)
)
def test_our_logistic_ends_at_the_minimum_whatever_the_data(n, p, log_c, log_scale, seed):
    rng = np.random.default_rng(seed)
    X, y = 10**log_scale * rng.standard_normal((n, p)), np.arange(n) % 2
    C = 10**log_c
    model = Logistic(C=C).build((), 0, "binary").fit(X, y)
    residual = model.predict_proba(X)[:, 1] - y
    gradient = C * X.T @ residual + model.coef_[0]
    assert np.abs(gradient).max() <= 1e-6 * max(C * np.abs(X).sum(), 1e-3)
    assert abs(residual.sum()) <= 1e-6 * n


def test_our_logistic_wants_two_classes():
    with pytest.raises(ValueError, match="needs two classes, got 1"):
        Logistic().build((), 0, "binary").fit(np.zeros((3, 2)), np.zeros(3))


# Assembled


def test_weights_are_named_after_the_inputs_with_nan_where_dropped():
    data = make_dataset(40, 60, signal=1.5)
    X = data.X.copy()
    X["f:r1"] = np.float32(np.nan)
    columns = list(X.columns[:60])
    fitted = assemble(Logistic(), STANDARD, columns, 0, "binary").fit(X, data.y)
    weights = linear_weights(fitted, X, columns)
    assert weights.features == columns
    assert np.isnan(weights.coefficient[1])
    assert np.isnan(weights.pattern[1])
    assert np.isfinite(np.delete(weights.coefficient, 1)).all()


def test_the_pattern_is_the_covariance_with_the_decision_of_variance_one():
    data = make_dataset(40, 60, signal=1.0)
    columns = list(data.X.columns[:60])
    fitted = assemble(LinearSVM(), STANDARD, columns, 0, "binary").fit(data.X, data.y)
    weights = linear_weights(fitted, data.X, columns)
    pipeline = fitted.best_estimator_
    prepared = pipeline[:2].transform(data.X).to_numpy()[:, :60].astype(float)
    decision = fitted.decision_function(data.X)
    np.testing.assert_allclose(
        prepared @ weights.coefficient + pipeline[-1].intercept_, decision, atol=1e-5
    )
    expected = [np.cov(x, decision, ddof=0)[0, 1] / np.std(decision) for x in prepared.T]
    np.testing.assert_allclose(weights.pattern, expected, atol=1e-6)


def test_a_suppressor_has_a_weight_but_no_pattern(rng):
    """Haufe et al. 2014, the first example: noise shared by two sensors is cancelled."""
    signal = np.repeat([-1.0, 1.0], 500)
    noise = np.tile(5 * rng.standard_normal(500), 2)  # the same in both classes
    X = np.column_stack([signal + noise, noise])
    columns = ["f:signal", "f:noise"]
    table = pd.DataFrame(X, columns=columns)
    fitted = assemble(Logistic(C=1e4), (), columns, 0, "binary").fit(
        table, (signal > 0).astype(int)
    )
    weights = linear_weights(fitted, table, columns)
    assert abs(weights.coefficient[1]) > 0.9 * abs(weights.coefficient[0])
    assert abs(weights.pattern[1]) < 0.05 * abs(weights.pattern[0])


def test_coded_covariates_are_predictors_with_their_own_names():
    data = make_dataset(40, 5)
    columns = ["covariate:sex", "covariate:mean_fd"]
    fitted = assemble(Logistic(), STANDARD, columns, 0, "binary")
    X = data.X.iloc[:, 5:]
    fitted.fit(X, data.y)
    weights = linear_weights(fitted, X, columns)
    assert weights.features == ["covariate:sex=F", "covariate:sex=M", "covariate:mean_fd"]
    assert np.isfinite(weights.coefficient).all()


@pytest.mark.parametrize(("model", "kind"), TWINS, ids=lambda v: getattr(v, "__name__", v))
def test_every_model_learns_a_strong_signal(model, kind):
    data = make_dataset(60, 20, signal=3.0, kind=kind, holes=True)
    spec = model(n_estimators=60) if model is RandomForest else model()
    fitted = assemble(spec, STANDARD, data.features, 1, kind).fit(data.X, data.y)
    fresh = make_dataset(60, 20, signal=3.0, kind=kind, seed=0)
    found = outputs(fitted, fresh.X, kind)
    if model is Dummy:
        assert len(set(found.predicted)) == 1
    elif kind == "binary":
        assert (found.predicted == fresh.y).mean() > 0.9
        assert found.score[fresh.y == 1].mean() > found.score[fresh.y == 0].mean()
        assert found.probability[fresh.y == 1].mean() > 0.6
    else:
        assert np.corrcoef(found.predicted, fresh.y)[0, 1] > 0.8
    if kind == "continuous":
        assert np.isnan(found.probability).all()
    else:
        assert ((found.probability > 0) & (found.probability < 1)).all()


def test_missing_values_without_imputation_are_refused_in_words():
    data = make_dataset(30, 50, holes=True)
    with pytest.raises(ValueError, match="put impute into the preparation"):
        assemble(Logistic(), (), data.features, 0, "binary").fit(data.X, data.y)


# Calibration


def test_platt_finds_the_curve_that_made_the_labels(rng):
    decision = rng.normal(0, 2, 20000)
    true = Sigmoid(1.3, -0.4)
    found = platt(decision, rng.random(20000) < true(decision))
    assert found.slope == pytest.approx(1.3, abs=0.05)
    assert found.intercept == pytest.approx(-0.4, abs=0.05)


def test_platt_is_the_maximum_of_its_likelihood(rng):
    from scipy.optimize import minimize

    decision = rng.normal(0, 3, 30)
    positive = rng.random(30) < Sigmoid(0.7, 0.3)(decision)
    n = positive.sum()
    aim = np.where(positive, (n + 1) / (n + 2), 1 / (30 - n + 2))

    def loss(theta):
        t = theta[0] * decision + theta[1]
        return np.sum(np.logaddexp(0, t) - aim * t)

    best = minimize(loss, [0.1, 0.0], tol=1e-12)
    found = platt(decision, positive)
    assert (found.slope, found.intercept) == pytest.approx(tuple(best.x), abs=1e-4)


def test_platt_never_contradicts_the_ranking(rng):
    decision = np.r_[np.full(10, 1.0), np.full(10, -1.0)] + 0.1 * rng.standard_normal(20)
    falling = platt(decision, np.arange(20) >= 10)
    assert falling.slope == 0
    assert falling(np.array([-5.0, 5.0])) == pytest.approx([0.5, 0.5])


def test_platt_needs_two_of_each_class():
    assert platt(np.arange(5.0), np.array([True] + [False] * 4)) is None
    assert platt(np.array([1.0, np.nan, 2, 3]), np.array([True, True, False, False])) is None


def test_a_perfectly_parted_sample_still_gives_finite_probabilities():
    probability = platt(np.r_[-50.0 - np.arange(20), 50.0 + np.arange(20)], np.arange(40) >= 20)
    assert 0 < probability(np.array([-60.0]))[0] < 0.5 < probability(np.array([60.0]))[0] < 1
    assert np.isfinite(probability(np.array([-1e6, 1e6]))).all()


def test_out_of_bag_votes_come_from_trees_without_the_person():
    data = make_dataset(30, 8, sessions=3)
    forest = RandomForest(n_estimators=200).build((), 5, "binary").fit(data.X, data.y)
    votes = forest._out_of_bag(data.X.iloc[:, :8].to_numpy(dtype=np.float32), groups_of(data.X))
    # Sessions of one person are alike: a tree that saw one knows the class of the others.
    naive = RandomForest(n_estimators=200).build((), 5, "binary")
    naive.set_params(oob_score=True).fit(data.X, data.y)
    leaky = naive.oob_decision_function_[:, 1]
    assert leaky[data.y == 1].mean() - leaky[data.y == 0].mean() > 0.15
    assert abs(votes[data.y == 1].mean() - votes[data.y == 0].mean()) < 0.1


def test_a_model_is_a_scikit_learn_estimator_that_clones():
    estimator = assemble(LinearSVM(tune={"C": [0.1, 1]}), STANDARD, ["f:r0"], 0, "binary")
    twin = clone(estimator)
    assert isinstance(twin.estimator, Pipeline)
    assert twin.get_params()["grid"] == {"C": [0.1, 1]}


PINNED = {
    ("dummy", "binary"): [0.5, 0.5, 0.5],
    ("logistic", "binary"): [-3.143938, -1.483544, -0.978456],
    ("linear_svm", "binary"): [-0.485943, -0.386842, 0.215371],
    ("random_forest", "binary"): [0.12, 0.26, 0.28],
    ("dummy", "continuous"): [47.829926, 47.829926, 47.829926],
    ("ridge", "continuous"): [67.660063, 43.1427, 34.002455],
    ("random_forest", "continuous"): [60.685625, 45.33333, 40.501357],
    ("elastic_net_logistic", "binary"): [-0.107422, -0.075461, -0.260081],
    ("rbf_svm", "binary"): [-0.871913, -0.818786, -0.576229],
    ("decision_tree", "binary"): [0.111111, 0.111111, 0.333333],
    ("decision_tree", "continuous"): [64.266189, 50.086174, 29.046218],
    ("linear", "continuous"): [68.890107, 43.547825, 33.822085],
    ("svr", "continuous"): [67.948867, 43.629613, 35.368473],
    ("elastic_net_svm", "binary"): [-1.812609, -1.0, -0.575494],
    ("gradient_boosting", "binary"): [-7.789663, -6.538239, -6.737539],
    ("gradient_boosting", "continuous"): [66.649955, 45.12606, 36.918353],
    ("naive_bayes", "binary"): [-3.257015, -5.757187, -12.013695],
    ("neighbours", "binary"): [0.6, 0.4, 0.6],
    ("neighbours", "continuous"): [51.633557, 47.623275, 37.673766],
    ("pls", "binary"): [-0.829994, -0.306628, -0.064161],
    ("pls", "continuous"): [68.235346, 40.625581, 32.64722],
    ("cpm", "binary"): [-0.851213, -0.600764, -2.047453],
    ("cpm", "continuous"): [47.829926, 47.829926, 47.829926],
    ("lasso", "continuous"): [64.558156, 42.056427, 35.145539],
    ("elastic_net", "continuous"): [58.514533, 43.188418, 39.813598],
}


@pytest.mark.parametrize(("model", "kind"), TWINS, ids=lambda v: getattr(v, "__name__", v))
def test_numbers_stay_what_they_are_unless_a_version_rises(model, kind):
    """A change here is a change of a formula: raise `version` of the step, model or unit."""
    settings = {RandomForest: {"n_estimators": 50}, LinearSVM: {"tune": {"C": [0.01, 0.1]}}}
    data = make_dataset(24, 30, signal=0.7, kind=kind, holes=True, seed=4)
    steps = read_preparation(["impute", {"residualize": ["age", "sex"]}, "scale"])
    spec = model(**settings.get(model, {}))
    fitted = assemble(spec, steps, data.features, 3, kind).fit(data.X, data.y)
    score = outputs(fitted, data.X, kind).score[:3]
    # How trees grow is scikit-learn's, and may change a little with its version.
    grown = model in (RandomForest, GradientBoosting)
    tolerance = 0.15 * np.abs(score).max() if grown else 1e-5
    np.testing.assert_allclose(score, PINNED[spec.kind, kind], atol=tolerance)
    assert (spec.version, *(s.version for s in steps)) == (1, 1, 1, 1)
