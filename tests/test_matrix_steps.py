"""Tangent space and partial correlations inside the fold: nilearn, closed forms, invariants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nilearn.connectome import ConnectivityMeasure
from nilearn.connectome.connectivity_matrices import _geometric_mean
from scipy.linalg import expm, logm, sqrtm
from sklearn.covariance import LedoitWolf, ShrunkCovariance
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_array
from threadpoolctl import threadpool_limits

from learning_data import make_dataset
from lumbago.data.dataset import Dataset
from lumbago.data.features import edge_names
from lumbago.evaluation import WithinCohort, plan_units
from lumbago.evaluation.audit import FAILED, audit
from lumbago.measures.connectivity import partial_correlation, unvectorize, vectorize
from lumbago.measures.positive import (
    completed,
    geometric_mean,
    partial_correlations,
    shrunk,
    tangent,
)
from lumbago.models import Logistic, read_preparation
from lumbago.models.partial import PartialCorrelations
from lumbago.models.pipeline import assemble, linear_weights
from lumbago.models.tangent import TangentSpace


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def signals(n, p, seed=0, n_volumes=80):
    """Return series of n scans whose signals depend on each other a little differently."""
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((p, p)) / np.sqrt(p) + np.eye(p)
    own = 0.3 * rng.standard_normal((n, p, p)) / np.sqrt(p)
    return [rng.standard_normal((n_volumes, p)) @ (mix + own[i]) for i in range(n)]


def covariances(n, p, seed=0):
    return np.array([LedoitWolf().fit(s).covariance_ for s in signals(n, p, seed)])


def table(matrices, key="edges", labels=None):
    """Return covariances as the features of an experiment."""
    labels = labels or [f"r{i}" for i in range(matrices.shape[-1])]
    names = [f"{key}:{pair}" for pair in edge_names(labels, diagonal=True)]
    return pd.DataFrame(vectorize(matrices, diagonal=True), columns=names)


def matrices_of(frame):
    return unvectorize(np.asarray(frame), diagonal=None)


# The mean and the space


def test_the_mean_of_two_has_a_closed_form():
    A, B = covariances(2, 6)
    root = np.real(sqrtm(A))
    inverse = np.linalg.inv(root)
    expected = root @ np.real(sqrtm(inverse @ B @ inverse)) @ root
    np.testing.assert_allclose(geometric_mean(np.array([A, B])), expected, atol=1e-6)


def test_the_mean_of_matrices_that_commute_is_that_of_their_eigenvalues():
    rng = np.random.default_rng(1)
    Q = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    values = np.exp(rng.standard_normal((7, 5)))
    matrices = np.array([(Q * v) @ Q.T for v in values])
    expected = (Q * np.exp(np.log(values).mean(axis=0))) @ Q.T
    np.testing.assert_allclose(geometric_mean(matrices), expected, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 7), st.integers(0, 999))
def test_logarithms_at_the_mean_add_up_to_nothing(n, p, seed):
    C = covariances(n, p, seed)
    G = geometric_mean(C)
    np.testing.assert_allclose(tangent(C, G).mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(tangent(G[None], G), 0, atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999))
def test_distances_from_the_mean_do_not_depend_on_how_signals_are_mixed(seed):
    C = covariances(8, 5, seed)
    rng = np.random.default_rng(seed)
    M = np.linalg.qr(rng.standard_normal((5, 5)))[0] * rng.uniform(0.5, 2, 5)
    D = M @ C @ M.T
    G, H = geometric_mean(C), geometric_mean(D)
    np.testing.assert_allclose(H, M @ G @ M.T, atol=1e-5 * np.abs(H).max())
    one, two = (np.linalg.norm(tangent(m, g), axis=(1, 2)) for m, g in ((C, G), (D, H)))
    np.testing.assert_allclose(one, two, rtol=1e-4)


def test_the_logarithm_is_scipys_and_its_exponential_leads_back():
    C = covariances(3, 6)
    G = geometric_mean(C)
    root = np.real(sqrtm(G))
    inverse = np.linalg.inv(root)
    T = tangent(C, G)
    for c, t in zip(C, T, strict=True):
        np.testing.assert_allclose(t, np.real(logm(inverse @ c @ inverse)), atol=1e-8)
        np.testing.assert_allclose(root @ expm(t) @ root, c, atol=1e-8)


def test_the_mean_is_nilearns_once_that_is_given_time():
    C = np.array([np.cov(s.T) for s in signals(20, 15, n_volumes=25)])
    theirs = _geometric_mean(list(C), max_iter=500, tol=1e-12)
    np.testing.assert_allclose(geometric_mean(C), theirs, rtol=1e-5, atol=1e-8 * theirs.max())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 12), st.floats(0, 7), st.integers(0, 10**6))
def test_the_mean_is_found_however_far_apart_the_matrices_are(n, p, decades, seed):
    rng = np.random.default_rng(seed)
    turns = np.linalg.qr(rng.standard_normal((n, p, p)))[0]
    C = (turns * 10 ** rng.uniform(-decades / 2, decades / 2, (n, 1, p))) @ turns.swapaxes(1, 2)
    G = geometric_mean((C + C.swapaxes(1, 2)) / 2)
    slope = tangent((C + C.swapaxes(1, 2)) / 2, G).mean(axis=0)
    np.testing.assert_allclose(slope, 0, atol=1e-6 * p)


def test_bits_do_not_depend_on_threads():
    C = covariances(21, 12)
    G = geometric_mean(C, n_threads=1)
    assert G.tobytes() == geometric_mean(C, n_threads=3).tobytes()
    assert tangent(C, G, n_threads=1).tobytes() == tangent(C, G, n_threads=3).tobytes()


def test_what_is_no_covariance_is_refused():
    good = covariances(3, 5)
    flat = np.array([np.cov(signals(1, 5, n_volumes=4)[0].T)])
    for bad in (flat, -good, np.zeros((2, 3, 3))):
        with pytest.raises(ValueError, match="not positive definite beyond rounding"):
            geometric_mean(bad)
    with pytest.raises(ValueError, match="missing values"):
        tangent(np.where(np.eye(5), np.nan, good), good[0])
    with pytest.raises(ValueError, match=r"expected matrices of shape \(n_matrices, n, n\)"):
        geometric_mean(good[0])
    # Singular up to the rounding of single precision: its own type says how far to trust it.
    nearly = shrunk(flat, 1e-8)
    assert geometric_mean(nearly).shape == (5, 5)
    with pytest.raises(ValueError, match="beyond rounding"):
        geometric_mean(nearly.astype(np.float32))


def test_a_missing_region_is_filled_by_what_the_reference_predicts():
    C = covariances(4, 6)
    G = geometric_mean(C)
    known = np.array([True, False, True, True, False, True])
    full = completed(G, known, G)
    np.testing.assert_allclose(full, G, atol=1e-12)  # from itself: itself
    full = completed(C[0], known, G)
    np.testing.assert_array_equal(full[np.ix_(known, known)], C[0][np.ix_(known, known)])
    assert np.linalg.eigvalsh(full).min() > 0
    # Nearest to the reference in Kullback-Leibler divergence: no entry that is free wants to move.
    slope = np.linalg.inv(G) - np.linalg.inv(full)
    free = ~np.outer(known, known)
    np.testing.assert_allclose(slope[free], 0, atol=1e-8)


# The step


@pytest.mark.parametrize("p", [2, 9, 30])
def test_the_step_is_nilearns_tangent_space(p):
    series = signals(14, p)
    theirs = ConnectivityMeasure(
        cov_estimator=LedoitWolf(), kind="tangent", vectorize=True, standardize=False
    )
    train = theirs.fit_transform(series[:10])
    test = theirs.transform(series[10:])
    X = table(np.array([LedoitWolf().fit(s).covariance_ for s in series]))
    step = TangentSpace().fit(X.iloc[:10])
    lower = np.tril_indices(p)
    for ours, expected in (
        (step.transform(X.iloc[:10]), train),
        (step.transform(X.iloc[10:]), test),
    ):
        # The same entries: their lower triangle row by row, our upper one.
        np.testing.assert_allclose(matrices_of(ours)[:, *lower], expected, atol=1e-6)
    np.testing.assert_allclose(step.means_[0], theirs.mean_, atol=1e-6)


def without_variances(X):
    names = [c.split(":")[1].split("~") for c in X]
    return X[[c for c, (a, b) in zip(X, names, strict=True) if a != b]]


def test_correlations_are_completed_with_ones_where_there_are_no_covariances():
    C = covariances(14, 9)
    scale = np.sqrt(np.diagonal(C, axis1=1, axis2=2))
    C = C / scale[:, :, None] / scale[:, None, :]
    X = without_variances(table(C))
    step = TangentSpace().fit(X.iloc[:10])
    mean = _geometric_mean(list(C[:10]), max_iter=100, tol=1e-9)
    np.testing.assert_allclose(step.means_[0], mean, atol=1e-6)
    white = np.linalg.inv(np.real(sqrtm(mean)))
    found = step.transform(X)
    assert list(found) == list(X)
    rows, columns = np.triu_indices(9, k=1)
    for i in (0, 12):
        expected = np.real(logm(white @ C[i] @ white))[rows, columns]
        np.testing.assert_allclose(found.iloc[i], expected, atol=1e-6)


def test_a_region_that_correlations_lack_is_filled_or_dropped_like_one_of_covariances():
    X = without_variances(
        table(
            np.corrcoef(np.random.default_rng(0).standard_normal((6, 40)))[None]
            + np.zeros((12, 1, 1))
        )
    )
    of_last = [c for c in X if c.endswith("~r5")]
    X.loc[3, of_last] = np.nan
    found = TangentSpace(max_missing=0.2).fit(X).transform(X)
    np.testing.assert_allclose(found, 0, atol=1e-7)  # all alike: nothing is left of any row
    step = TangentSpace().fit(X)
    assert step.dropped_ == of_last
    assert list(step.transform(X)) == [c for c in X if c not in of_last]


def test_correlations_beside_covariances_are_left_as_they_are():
    X = table(covariances(12, 5))
    beside = without_variances(X).add_prefix("other-")
    both = pd.concat([X, beside], axis=1)
    found = TangentSpace().fit(both).transform(both)
    pd.testing.assert_frame_equal(found[list(beside)], beside)
    pd.testing.assert_frame_equal(found[list(X)], TangentSpace().fit(X).transform(X))


def test_one_row_is_written_as_in_company_and_columns_keep_their_names():
    X = table(covariances(12, 8))
    step = TangentSpace().fit(X.iloc[:9])
    together = step.transform(X)
    assert list(together.columns) == list(X.columns)
    for i in (0, 11):
        alone = step.transform(X.iloc[[i]])
        assert alone.to_numpy().tobytes() == together.iloc[[i]].to_numpy().tobytes()
    array = TangentSpace().fit(X.iloc[:9].to_numpy()).transform(X.to_numpy())
    np.testing.assert_array_equal(array, together.to_numpy())


def test_the_length_of_a_row_is_its_distance_from_the_mean_over_root_2():
    C = covariances(6, 5)
    found = TangentSpace().fit_transform(table(C)).to_numpy()
    distance = np.linalg.norm(tangent(C, geometric_mean(C)), axis=(1, 2))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), distance / np.sqrt(2))


def test_other_features_pass_and_several_covariances_have_means_of_their_own():
    one, two = table(covariances(10, 4), "rest"), table(covariances(10, 3, seed=5), "task.slow")
    other = pd.DataFrame({"reho:r0": np.arange(10.0), "flat:r0~r1": np.arange(10.0)})
    age = pd.DataFrame({"covariate:age": np.arange(10.0)})
    X = pd.concat([one, other, two, age], axis=1)
    found = TangentSpace().fit_transform(X)
    assert list(found.columns) == list(X.columns)
    for part in (one, two):
        expected = TangentSpace().fit_transform(part)
        pd.testing.assert_frame_equal(found[part.columns], expected)
    pd.testing.assert_frame_equal(found[[*other, *age]], X[[*other, *age]])


def test_a_region_missing_here_and_there_is_filled_and_one_missing_often_is_dropped():
    C = covariances(40, 6)
    C[0, 2, :] = C[0, :, 2] = np.nan
    C[1:15, 4, :] = C[1:15, :, 4] = np.nan
    X = table(C)
    step = TangentSpace().fit(X)
    assert set(step.dropped_) == {c for c in X if "r4" in c}
    found = step.transform(X)
    assert np.isfinite(found.to_numpy()).all()
    kept = [0, 1, 2, 3, 5]
    expected = geometric_mean(C[1:][:, kept][:, :, kept])
    np.testing.assert_allclose(step.means_[0], expected, atol=1e-12)
    np.testing.assert_allclose(
        matrices_of(found)[1:, 0, 1], tangent(C[1:][:, kept][:, :, kept], expected)[:, 0, 1]
    )
    assert "5 of 6 regions, mean of 39 rows" in step.notes_[0]


def test_fewer_volumes_than_regions_are_refused_with_the_cure_and_shrinkage_is_it():
    series = signals(8, 12, n_volumes=9)
    X = table(np.array([np.cov(s.T) for s in series])).astype(np.float32)
    with pytest.raises(ValueError, match=r"ledoit_wolf, or give the step tangent a shrinkage"):
        TangentSpace().fit(X)
    found = TangentSpace(shrinkage=0.2).fit_transform(X.astype(float)).to_numpy()
    theirs = ConnectivityMeasure(
        cov_estimator=ShrunkCovariance(shrinkage=0.2), kind="tangent", standardize=False
    ).fit_transform(series)
    # Both divide by the number of volumes or one less: the mean takes that away.
    np.testing.assert_allclose(matrices_of(found)[:, 0, 1], theirs[:, 0, 1], atol=1e-5)


def test_what_holds_no_whole_covariance_is_refused():
    X = table(covariances(6, 4))
    with pytest.raises(ValueError, match="lacks some pairs of its 4 regions; put tangent before"):
        TangentSpace().fit(X.drop(columns="edges:r0~r2"))
    with pytest.raises(ValueError, match="of pairs of regions, got none"):
        TangentSpace().fit(X.set_axis([f"alff:r{i}" for i in range(X.shape[1])], axis=1))
    with pytest.raises(ValueError, match=r"tangent: expected correlations in \[-1, 1\]"):
        TangentSpace().fit(2 * without_variances(X))
    with pytest.raises(ValueError, match="7 columns fill no upper triangle"):
        TangentSpace().fit(np.ones((3, 7)))
    empty = X.copy()
    empty.iloc[2] = np.nan
    with pytest.raises(ValueError, match="a row lacks every region"):
        TangentSpace(max_missing=0.5).fit(empty).transform(empty)


def scans(n=36, p=6, holes=False):
    """Return a dataset of covariances in which the classes differ in one pair of regions."""
    base = make_dataset(n, 3)
    series = signals(n, p)
    for i, label in enumerate(base.y):
        series[i][:, 1] += 0.8 * label * series[i][:, 0]
    X = table(np.array([np.cov(s.T) for s in series]).astype(np.float32)).set_index(base.X.index)
    if holes:
        X.iloc[3, [c for c, name in enumerate(X) if "r2" in name]] = np.nan
    covariates = base.X[[c for c in base.X if c.startswith("covariate:")]]
    return Dataset(pd.concat([X, covariates], axis=1), base.y, base.target, base.site)


@pytest.mark.parametrize("first", ["tangent", "partial"])
def test_neither_knows_anything_of_its_test_fold(first):
    data = scans(holes=first == "tangent")
    units = plan_units(
        data, {"m": Logistic()}, WithinCohort(n_splits=3), seed=3,
        preparation=[first, "impute", "scale"], baselines=False,
    )  # fmt: skip
    verdicts = audit(data, units)
    assert not (verdicts["verdict"] == FAILED).any(), verdicts[verdicts["verdict"] == FAILED]


def test_tangent_and_logistic_find_the_pair_that_differs():
    data = scans(80)
    steps = read_preparation(["tangent", "impute", "scale"])
    found = assemble(Logistic(C=0.1), steps, data.features, 0, "binary").fit(data.X, data.y)
    weights = linear_weights(found, data.X, data.features)
    assert weights.features[np.abs(weights.coefficient).argmax()] == "edges:r0~r1"


# Partial correlations


def test_partial_correlations_are_the_extractors_without_shrinkage():
    series = signals(5, 7)
    covariance = np.array([np.cov(s.T) for s in series])
    expected = np.array([vectorize(partial_correlation(s, None)) for s in series])
    np.testing.assert_allclose(vectorize(partial_correlations(covariance)), expected, atol=1e-10)
    step = PartialCorrelations(shrinkage=0.0)
    found = step.fit_transform(table(covariance))
    assert list(found.columns) == [f"edges:{e}" for e in edge_names([f"r{i}" for i in range(7)])]
    np.testing.assert_allclose(found.to_numpy(), expected, atol=1e-10)
    # The same from correlations, which have no variances.
    r = np.array([np.corrcoef(s.T) for s in series])
    edges = pd.DataFrame(vectorize(r), columns=found.columns)
    np.testing.assert_allclose(step.fit_transform(edges).to_numpy(), expected, atol=1e-10)


def test_shrunk_partial_correlations_are_those_of_the_shrunk_correlations():
    series = signals(4, 6, n_volumes=5)  # fewer volumes than regions
    covariance = np.array([np.cov(s.T) for s in series])
    with pytest.raises(ValueError, match="give the step partial a shrinkage"):
        PartialCorrelations(shrinkage=0.0).fit_transform(table(covariance))
    found = PartialCorrelations(shrinkage=0.3).fit_transform(table(covariance)).to_numpy()
    r = np.corrcoef(series[1].T)
    precision = np.linalg.inv(0.7 * r + 0.3 * np.eye(6))
    expected = -precision / np.sqrt(np.outer(np.diag(precision), np.diag(precision)))
    np.testing.assert_allclose(found[1], vectorize(expected), atol=1e-10)
    assert np.abs(found).max() < 1


def test_a_region_that_is_missing_stays_missing_and_the_others_do_without_it():
    series = signals(3, 5)
    covariance = np.array([np.cov(s.T) for s in series])
    expected = partial_correlation(series[0][:, [0, 1, 3, 4]], None)
    covariance[0, 2, :] = covariance[0, :, 2] = np.nan
    for diagonal in (True, False):
        scale = np.sqrt(np.einsum("ijj->ij", covariance))
        r = covariance if diagonal else covariance / scale[:, None] / scale[:, :, None]
        names = [f"e:{n}" for n in edge_names(list("abcde"), diagonal=diagonal)]
        rows = np.array([m[np.triu_indices(5, 0 if diagonal else 1)] for m in r])
        found = PartialCorrelations(0.0).fit_transform(pd.DataFrame(rows, columns=names))
        np.testing.assert_allclose(found.loc[0, "e:a~b"], expected[0, 1], atol=1e-10)
        assert found.columns[found.loc[0].isna()].tolist() == ["e:a~c", "e:b~c", "e:c~d", "e:c~e"]
        assert found.loc[1:].notna().all(axis=None)


def test_fishers_z_and_features_without_pairs_are_refused():
    z = pd.DataFrame(np.full((2, 3), 1.4), columns=["e:a~b", "e:a~c", "e:b~c"])
    with pytest.raises(ValueError, match="set fisher_z: false"):
        PartialCorrelations().fit(z).transform(z)
    with pytest.raises(ValueError, match="expected features of pairs of regions"):
        PartialCorrelations().fit(pd.DataFrame({"reho:a": [1.0, 2.0]}))


# scikit-learn's rules


class _OfAnyTable:
    """scikit-learn's checks hold no covariances: one is made of every row, I + 0.5 xx'."""

    def fit(self, X: Any, y: Any = None) -> Any:
        super().fit(self._made(X))
        self._open(X)
        return self

    def transform(self, X: Any) -> np.ndarray:
        self._reopen(X)
        inner = type(self).__mro__[2](**self.get_params())
        vars(inner).update(vars(self))
        values = self._made(X)
        inner.n_features_in_ = values.shape[1]
        return inner.transform(values)

    @staticmethod
    def _made(X: Any) -> np.ndarray:
        X = check_array(X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan")
        x = np.tanh(X.astype(np.float64) / 10)
        matrices = np.eye(x.shape[1]) + 0.5 * x[:, :, None] * x[:, None, :]
        rows, columns = np.triu_indices(x.shape[1])
        return matrices[:, rows, columns].astype(X.dtype)


class TangentOfAnyTable(_OfAnyTable, TangentSpace):
    pass


class PartialOfAnyTable(_OfAnyTable, PartialCorrelations):
    pass


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([TangentOfAnyTable(max_missing=0.5), PartialOfAnyTable()])
def test_scikit_learns_checks_pass(estimator: Any, check: Any) -> None:
    check(estimator)
