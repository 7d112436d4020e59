"""The audit: clean pipelines pass, and every leaky one it can express is caught.

The leaky pipelines are positive controls, numbered as in the list of known leaks they come
from (Kapoor & Narayanan 2023, doi:10.1016/j.patter.2023.100804; Rosenblatt et al. 2024,
doi:10.1038/s41467-024-46150-w). They test the prover itself.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from learning_data import make_dataset
from lumbago.data.features import COVARIATE
from lumbago.evaluation import LeaveOneSiteOut, Split, WithinCohort, audit, plan_units
from lumbago.evaluation.audit import poison_test, single_row, split_checks
from lumbago.evaluation.poison import POISONS, poisoned
from lumbago.evaluation.state import first_difference, learned_state
from lumbago.models import STANDARD, LinearSVM, Logistic, RandomForest, Ridge
from lumbago.models.columns import FeaturesOnly, split_columns
from lumbago.models.impute import Imputer
from lumbago.models.pipeline import assemble
from lumbago.models.residualize import Residualizer
from lumbago.models.scale import Scaler

STEPS = [{"impute": "median"}, {"residualize": ["age", "sex"]}, "scale"]


@pytest.fixture(autouse=True)
def one_thread():
    """The audit compares bits, which threads may change."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def data():
    return make_dataset(40, 30, signal=0.4, holes=True)


@pytest.fixture(scope="module")
def split(data):
    return WithinCohort().splits(data, 0)[0]


def filled(dataset):
    """Feature values without holes, each row by itself, and covariates as numbers."""
    return np.nan_to_num(split_columns(dataset.X).values.astype(float), nan=0.0)


class AfterFilling(BaseEstimator):
    """A fitted model on feature columns, missing values as zeros."""

    def __init__(self, model):
        self.model = model

    def _values(self, X):
        return np.nan_to_num(split_columns(X).values.astype(float), nan=0.0)

    def predict(self, X):
        return self.model.predict(self._values(X))

    def decision_function(self, X):
        return self.model.decision_function(self._values(X))


# Leaky on purpose. Each is handed the whole dataset, as a careless script has it.


def selection_on_all(dataset, split):
    """1: features are chosen on all subjects."""
    X, train = filled(dataset), split.train
    chosen = SelectKBest(k=5).fit(np.clip(X, -1e9, 1e9), dataset.y)
    model = LogisticRegression().fit(chosen.transform(X[train]), dataset.y[train])
    pipeline = make_pipeline(SelectKBest(k=5), LogisticRegression())
    pipeline.steps = [("select", chosen), ("model", model)]
    return AfterFilling(pipeline)


def scaling_on_all(dataset, split):
    """3: scaling by the mean and deviation of everyone."""
    X, train = filled(dataset), split.train
    scaler = StandardScaler().fit(X)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    model = LogisticRegression().fit(scaler.transform(X[train]), dataset.y[train])
    pipeline.steps = [("scale", scaler), ("model", model)]
    return AfterFilling(pipeline)


def pca_on_all(dataset, split):
    """4: components of everyone."""
    X, train = filled(dataset), split.train
    pca = PCA(4, svd_solver="full").fit(X)
    model = LogisticRegression().fit(pca.transform(X[train]), dataset.y[train])
    pipeline = make_pipeline(PCA(4), LogisticRegression())
    pipeline.steps = [("pca", pca), ("model", model)]
    return AfterFilling(pipeline)


def covariates_regressed_on_all(dataset, split):
    """7: the covariates' effects are estimated on everyone."""
    prepared = make_pipeline(Imputer(), FeaturesOnly(), LogisticRegression())
    train = split.train
    imputer = Imputer().fit(dataset.X.iloc[train])
    residualizer = Residualizer(["age", "mean_fd"]).fit(imputer.transform(dataset.X))
    cleaned = residualizer.transform(imputer.transform(dataset.X.iloc[train]))
    model = LogisticRegression().fit(FeaturesOnly().fit_transform(cleaned), dataset.y[train])
    features = FeaturesOnly().fit(cleaned)
    prepared.steps = [
        ("impute", imputer), ("residualize", residualizer), ("features", features),
        ("model", model),
    ]  # fmt: skip
    return prepared


def site_means_on_all(dataset, split):
    """8: every site is centred on the mean of all its people."""
    X, train = filled(dataset), split.train
    X = X.copy()
    for site in np.unique(dataset.site):
        X[dataset.site == site] -= X[dataset.site == site].mean(axis=0)
    return AfterFilling(LogisticRegression(max_iter=1000).fit(X[train], dataset.y[train]))


def imputation_on_all(dataset, split):
    """12, mild form: missing values take the median of everyone."""
    imputer = Imputer().fit(dataset.X)
    train = imputer.transform(dataset.X.iloc[split.train])
    features = FeaturesOnly().fit(train)
    model = LogisticRegression().fit(features.transform(train), dataset.y[split.train])
    pipeline = make_pipeline(Imputer(), FeaturesOnly(), LogisticRegression())
    pipeline.steps = [("impute", imputer), ("features", features), ("model", model)]
    return pipeline


def class_means_imputed_on_all(dataset, split):
    """12: missing values take the mean of everyone of the same class."""
    values = split_columns(dataset.X).values.astype(float).copy()
    for code in (0, 1):
        rows = dataset.y == code
        part = values[rows]
        present = np.isfinite(part)
        total = np.where(present, part, 0).sum(axis=0)
        mean = total / np.maximum(present.sum(axis=0), 1)
        values[rows] = np.where(present, part, mean)
    model = LogisticRegression(max_iter=1000).fit(values[split.train], dataset.y[split.train])
    return AfterFilling(model)


def oversampling_before_the_split(dataset, split):
    """13: the smaller class is doubled before the split, copies of test rows train."""
    X, y = filled(dataset), dataset.y
    rare = int(np.bincount(y, minlength=2).argmin())
    copies = np.random.default_rng(0).choice(np.flatnonzero(y == rare), 15)
    rows = np.r_[split.train, copies]
    return AfterFilling(LogisticRegression().fit(X[rows], y[rows]))


def priors_of_everyone(dataset, split):
    """19: class weights from all labels."""
    share = np.bincount(dataset.y, minlength=2) / len(dataset)
    weights = {0: 1 / (share[0] + 1e-3), 1: 1 / (share[1] + 1e-3)}
    X = filled(dataset)[split.train]
    return AfterFilling(LogisticRegression(class_weight=weights).fit(X, dataset.y[split.train]))


def tuned_on_the_outer_fold(dataset, split):
    """20: the setting that does best on the test fold."""
    X, y = np.clip(filled(dataset), -1e6, 1e6), dataset.y
    best, best_score = None, -np.inf
    for seed in range(25):
        model = RandomForestClassifier(5, max_depth=2, random_state=seed)
        model.fit(X[split.train], y[split.train])
        said = model.predict(X[split.test])
        score = (said == y[split.test]).mean()
        if score > best_score:
            best, best_score = model, score
    return _Trees(best)


class _Trees(AfterFilling):
    def decision_function(self, X):
        return self.model.predict_proba(self._values(X))[:, 1]


class Thresholded(AfterFilling):
    """A model whose cut-off is learned apart."""

    def __init__(self, model, cut):
        super().__init__(model)
        self.cut = cut

    def predict(self, X):
        return (self.decision_function(X) > self.cut).astype(int)


def threshold_chosen_on_test(dataset, split):
    """21: the cut-off that gives the test fold its own share of patients."""
    X, y = filled(dataset), dataset.y
    model = LogisticRegression().fit(X[split.train], y[split.train])
    decided = model.decision_function(X[split.test])
    return Thresholded(model, float(np.quantile(decided, 1 - y[split.test].mean())))


def outliers_dropped_by_label(dataset, split):
    """24: rows far from the mean of their class, over everyone, do not train."""
    X, y = filled(dataset), dataset.y
    far = np.zeros(len(y))
    for code in (0, 1):
        rows = y == code
        if rows.any():
            far[rows] = np.linalg.norm(X[rows] - X[rows].mean(axis=0), axis=1)
    kept = split.train[far[split.train] <= np.quantile(far, 0.8)]
    return AfterFilling(LogisticRegression().fit(X[kept], y[kept]))


def seed_from_the_names_of_everyone(dataset, split):
    """28: an id reaches the model, here through a seed made of all names."""
    seed = sum(map(ord, "".join(dataset.participant))) % 2**31
    model = RandomForestClassifier(5, max_depth=2, random_state=seed)
    return _Trees(model.fit(filled(dataset)[split.train], dataset.y[split.train]))


LEAKY = {
    selection_on_all: {"values", "labels", "all"},
    scaling_on_all: {"values", "missing", "all"},
    pca_on_all: {"values", "missing", "all"},
    covariates_regressed_on_all: {"values", "covariates", "covariates_missing", "all"},
    site_means_on_all: {"values", "missing", "site", "all"},
    imputation_on_all: {"values", "missing", "all"},
    class_means_imputed_on_all: {"values", "missing", "labels", "all"},
    oversampling_before_the_split: {"values", "missing", "labels", "all"},
    priors_of_everyone: {"labels", "all"},
    tuned_on_the_outer_fold: {"labels", "all"},
    threshold_chosen_on_test: {"values", "labels", "all"},
    outliers_dropped_by_label: {"values", "all"},
    seed_from_the_names_of_everyone: {"ids", "all"},
}


@pytest.mark.parametrize("leak", LEAKY, ids=lambda f: f.__name__)
def test_every_leak_is_caught(leak, data, split):
    checks = {c.check: c for c in poison_test(leak, data, split)}
    caught = {name.removeprefix("poison_") for name, c in checks.items() if c.verdict == "failed"}
    assert LEAKY[leak] <= caught
    for name in LEAKY[leak]:
        assert "test rows" in checks[f"poison_{name}"].detail


def clean_selection(dataset, split):
    """The same parts, used rightly: everything is fitted on the training rows."""
    X, y = filled(dataset)[split.train], dataset.y[split.train]
    pipeline = make_pipeline(StandardScaler(), SelectKBest(k=5), PCA(3), LogisticRegression())
    return AfterFilling(pipeline.fit(X, y))


def clean_site_means(dataset, split):
    """Sites centred on the mean of their training people."""
    X, y, site = filled(dataset)[split.train], dataset.y[split.train], dataset.site[split.train]
    X = X.copy()
    for name in np.unique(site):
        X[site == name] -= X[site == name].mean(axis=0)
    return AfterFilling(LogisticRegression().fit(X, y))


def clean_balance(dataset, split):
    """Over-sampling and class weights within the training rows."""
    X, y = filled(dataset)[split.train], dataset.y[split.train]
    rare = int(np.bincount(y, minlength=2).argmin())
    rows = np.r_[np.arange(len(y)), np.flatnonzero(y == rare)[:3]]
    return AfterFilling(LogisticRegression(class_weight="balanced").fit(X[rows], y[rows]))


def clean_forest(dataset, split):
    """Trees, whose state lies in compiled objects."""
    model = RandomForestClassifier(10, random_state=3)
    return _Trees(model.fit(filled(dataset)[split.train], dataset.y[split.train]))


@pytest.mark.parametrize(
    "clean",
    [clean_selection, clean_site_means, clean_balance, clean_forest],
    ids=lambda f: f.__name__,
)
def test_clean_pipelines_pass_on_every_fold(clean, data):
    for split in WithinCohort().splits(data, 1):
        checks = poison_test(clean, data, split)
        assert len(checks) == len(POISONS)
        assert {c.verdict for c in checks} == {"passed"}


@pytest.mark.parametrize(
    "spec",
    [
        LinearSVM(tune={"C": [0.01, 1.0]}),
        Logistic(features=("all", "covariate:age"), preparation=["impute", "scale"]),
        RandomForest(n_estimators=3, tune={"max_depth": [2, 4]}),
    ],
    ids=lambda s: s.kind,
)
def test_our_models_pass_on_every_fold_of_every_scheme(spec, data):
    units = plan_units(
        data, spec, [WithinCohort(n_splits=2), LeaveOneSiteOut()], preparation=STEPS, seed=2,
        baselines=False,
    )  # fmt: skip
    for unit in units:
        for split in unit.splits:
            checks = poison_test(unit.fit, data, split, X=unit.design(data))
            assert {c.verdict for c in checks} == {"passed"}, checks


def test_the_audit_of_a_grid_has_every_check_for_every_cell():
    data = make_dataset(30, 6, sessions=2)
    schemes = [WithinCohort(n_splits=3, n_repeats=2), LeaveOneSiteOut()]
    units = plan_units(data, {"log": Logistic()}, schemes, preparation=STEPS, seed=1,
                       permutations=3)  # fmt: skip
    table = audit(data, units)
    assert list(table.columns) == ["features", "model", "scheme", "check", "verdict", "detail"]
    # A handful of features cannot tell people apart, so duplicates are not looked for.
    others = table[table["check"] != "duplicates"]
    assert (others["verdict"] == "passed").all()
    counts = table.groupby(["features", "model", "scheme"])["check"].nunique()
    assert len(counts) == 10
    assert set(counts) == {len(POISONS) + 4}
    assert not table["detail"].str.contains("sub-").any()
    pd.testing.assert_frame_equal(table, audit(data, units, n_jobs=2))
    assert audit(data, []).empty


def test_checks_that_need_covariates_are_said_not_to_apply():
    data = make_dataset(20, 4, covariates=False)
    checks = poison_test(clean_selection_small, data, WithinCohort().splits(data, 0)[0])
    verdicts = {c.check: c.verdict for c in checks}
    assert verdicts["poison_covariates"] == "not applicable"
    assert verdicts["poison_values"] == "passed"


def clean_selection_small(dataset, split):
    """Nothing but a model."""
    return AfterFilling(
        LogisticRegression().fit(filled(dataset)[split.train], dataset.y[split.train])
    )


def test_a_continuous_target_is_audited_too():
    data = make_dataset(30, 5, kind="continuous")
    split = WithinCohort().splits(data, 0)[0]

    def leaky(dataset, split):
        model = LinearRegression().fit(filled(dataset)[split.train], dataset.y[split.train])
        model.intercept_ = dataset.y.mean()
        return _Line(model)

    caught = {c.check for c in poison_test(leaky, data, split) if c.verdict == "failed"}
    assert caught == {"poison_labels", "poison_all"}
    unit = plan_units(data, Ridge(), WithinCohort(), preparation=STANDARD, seed=0)[0]
    checks = poison_test(unit.fit, data, split, X=unit.design(data))
    assert {c.verdict for c in checks} == {"passed"}


class _Line(BaseEstimator):
    def __init__(self, model):
        self.model = model

    def predict(self, X):
        return self.model.predict(np.nan_to_num(split_columns(X).values.astype(float)))


# What the poison test rests on


@pytest.mark.parametrize("what", POISONS)
def test_poison_spoils_every_row_that_does_not_train_and_no_other(what, data, split):
    spoiled, moved = poisoned(data, split, what)
    assert len(moved.train) == len(split.train)
    trained, before = spoiled.X.iloc[moved.train], data.X.iloc[split.train]
    pd.testing.assert_frame_equal(trained, before)
    np.testing.assert_array_equal(spoiled.y[moved.train], data.y[split.train])
    np.testing.assert_array_equal(spoiled.site[moved.train], data.site[split.train])
    assert spoiled.digest != data.digest


def test_labels_are_poisoned_asymmetrically(data, split):
    spoiled, _ = poisoned(data, split, "labels")
    assert set(spoiled.y[split.test]) == {1}
    one_class = replace(data, y=np.where(np.isin(np.arange(len(data)), split.test), 1, data.y))
    assert set(poisoned(one_class, split, "labels")[0].y[split.test]) == {0}


def test_rows_that_neither_train_nor_are_tested_are_poisoned_as_well(data, split):
    smaller = replace(split, test=split.test[1:])
    spoiled, _ = poisoned(data, smaller, "values")
    assert (spoiled.X.iloc[split.test[0], :30] >= 1e6).all()


def test_poisoned_names_move_training_rows_too(data, split):
    _, moved = poisoned(data, split, "ids")
    assert not np.array_equal(moved.train, split.train)


def test_site_as_a_covariate_is_poisoned_with_the_site(data, split):
    X = data.X.copy()
    X[COVARIATE + "site"] = pd.Series(data.site, index=X.index, dtype=object)
    spoiled, _ = poisoned(replace(data, X=X), split, "site")
    assert set(spoiled.X[COVARIATE + "site"].iloc[split.test]) == {"poisoned"}


def test_repeated_sessions_in_two_folds_are_caught():
    """14: rows are dealt one by one, as a splitter without groups does."""
    data = make_dataset(20, 3, sessions=2)
    rows = np.random.default_rng(0).permutation(len(data))
    careless = [
        Split("careless", 0, k, "", np.sort(np.setdiff1d(rows, part)), np.sort(part))
        for k, part in enumerate(np.array_split(rows, 4))
    ]
    apart, once = split_checks(data, careless)
    assert (apart.verdict, once.verdict) == ("failed", "passed")
    assert {c.verdict for c in split_checks(data, WithinCohort().splits(data, 0))} == {"passed"}


def test_a_sample_tested_twice_or_never_is_caught(data):
    splits = WithinCohort().splits(data, 0)
    twice = [*splits[:-1], replace(splits[-1], test=splits[0].test)]
    assert split_checks(data, twice)[1].verdict == "failed"


class BatchCentred(AfterFilling):
    """10: harmonized anew on whatever rows are predicted together."""

    def _values(self, X):
        values = super()._values(X)
        return values - values.mean(axis=0)


def test_a_model_that_learns_from_the_test_batch_is_caught(data, split):
    X = data.X.iloc[split.test]
    model = LogisticRegression().fit(filled(data)[split.train], data.y[split.train])
    assert single_row(AfterFilling(model), X, "binary").verdict == "passed"
    assert single_row(BatchCentred(model), X, "binary").verdict == "failed"


def test_leaks_that_scores_cannot_see_are_seen_by_poison():
    """Scaling on everyone leaves the AUC of random labels at chance; the audit still fails it."""
    leaks = {scaling_on_all: [], selection_on_all: []}
    for seed in range(12):
        data = make_dataset(40, 300, seed=seed)
        for leak, found in leaks.items():
            for split in WithinCohort().splits(data, seed):
                model = leak(data, split)
                decided = model.decision_function(data.X.iloc[split.test])
                found.append(roc_auc_score(data.y[split.test], decided))
    assert np.mean(leaks[scaling_on_all]) == pytest.approx(0.5, abs=0.08)
    assert np.mean(leaks[selection_on_all]) > 0.75


# Fingerprints


def test_equal_fits_have_equal_fingerprints_and_a_changed_bit_shows(data):
    X = data.X
    for spec in (Logistic(), RandomForest(n_estimators=3), LinearSVM(tune={"C": [0.1, 1.0]})):
        estimator = assemble(spec, STANDARD, data.features, 1, "binary")
        one = learned_state(clone(estimator).fit(X, data.y))
        two = learned_state(clone(estimator).fit(X, data.y))
        assert first_difference(one, two) is None
        y = data.y.copy()
        y[0] = 1 - y[0]
        assert first_difference(one, learned_state(clone(estimator).fit(X, y))) is not None
    scaler = Scaler().fit(X)
    before = learned_state(scaler)
    scaler.mean_[3] = np.nextafter(scaler.mean_[3], np.inf)
    assert first_difference(before, learned_state(scaler)) == "mean_"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.array([1.0]), np.array([1])),
        (np.array(["a", None], dtype=object), np.array(["b", None], dtype=object)),
        ({"a": 1}, {"b": 1}),
        ({1, 2}, {1, 3}),
        ([1, 2], [1, 2, 3]),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})),
        (pd.Index(["x"]), pd.Index(["y"])),
        (np.random.default_rng(0), np.random.default_rng(1)),
        (np.random.RandomState(0), np.random.RandomState(1)),
        (np.mean, np.median),
        (None, 0),
    ],
    ids=lambda v: type(v).__name__,
)
def test_fingerprints_tell_values_apart(one, other):
    assert first_difference(learned_state(one), learned_state(one)) is None
    assert first_difference(learned_state(one), learned_state(other)) is not None


def test_an_object_that_holds_itself_has_a_fingerprint():
    loop: list[object] = [1]
    loop.append(loop)
    assert learned_state(loop) == learned_state(loop)
