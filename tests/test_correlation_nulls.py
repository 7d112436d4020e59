"""Random correlations have the moments asked for; random phases keep spectra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import periodogram

from lumbago.measures import graph, nulls
from lumbago.measures.graph.small_worldness import child
from lumbago.measures.nulls.correlations import RandomCovariance


def correlations(n_nodes: int, seed: int = 0) -> np.ndarray:
    """Correlations of signals that share factors."""
    rng = np.random.default_rng(seed)
    loadings = rng.gamma(1, 1, (12, n_nodes)) * (rng.random((12, n_nodes)) < 0.3)
    signals = rng.standard_normal((200, 12)) @ loadings
    return np.corrcoef((signals + rng.standard_normal(signals.shape)).T)


@pytest.mark.parametrize("scale", [1, 3])
def test_random_covariances_have_the_moments_of_the_matrix(scale):
    matrix = scale * correlations(40)
    before = matrix.copy()
    upper = np.triu_indices(40, 1)
    moments = RandomCovariance(matrix, "test")
    m, mean, d = moments.n_columns, matrix[upper].mean(), matrix.diagonal().mean()
    assert m == int((d**2 - mean**2) / matrix[upper].var())
    drawn = np.array([nulls.hirschberger_qi_steuer(matrix, seed=s) for s in range(3000)])
    np.testing.assert_array_equal(matrix, before)
    off, diagonal = drawn[:, *upper], np.diagonal(drawn, axis1=1, axis2=2)
    # Entries of one matrix are not independent: the error is that of means over matrices.
    for found, expected in (
        (off.mean(axis=1), mean),
        (diagonal.mean(axis=1), d),
        (((off - mean) ** 2).mean(axis=1), (d**2 - mean**2) / m),
    ):
        error = found.std(ddof=1) / np.sqrt(len(found))
        assert abs(found.mean() - expected) < 4 * error
        assert error < 0.02 * expected
    assert matrix[upper].var() <= (d**2 - mean**2) / m <= matrix[upper].var() * (1 + 1 / m)


@given(st.integers(3, 30), st.integers(0, 2**32 - 1), st.booleans())
@settings(deadline=None)
def test_a_random_covariance_is_one(n_nodes, seed, correlation):
    matrix = np.abs(correlations(n_nodes, seed))
    found = nulls.hirschberger_qi_steuer(matrix, seed=seed, correlation=correlation)
    np.testing.assert_array_equal(found, found.T)
    eigenvalues = np.linalg.eigvalsh(found)
    assert eigenvalues[0] > -1e-12 * eigenvalues[-1]
    if correlation:
        assert (found.diagonal() == 1).all()
        assert np.abs(found).max() <= 1 + 1e-12
        covariance = nulls.hirschberger_qi_steuer(matrix, seed=seed)
        size = np.sqrt(covariance.diagonal())
        np.testing.assert_allclose(found, covariance / np.outer(size, size), atol=1e-12)


def test_matrices_without_such_nulls_are_refused():
    matrix = correlations(10)
    for changed, words in (
        (-np.abs(matrix), "expected a mean off the diagonal from 0 to below"),
        (matrix - np.diag(matrix.diagonal()), "got 0.085.* and 0; keep the diagonal"),
        (np.full((4, 4), 0.2) + 0.8 * np.eye(4), "all values off the diagonal are 0.2"),
        (matrix[:2, :2], "at least 3 nodes, got 2"),
        (np.where(np.eye(10, k=1), np.nan, matrix), "not finite"),
        (np.triu(matrix), "symmetric"),
    ):
        with pytest.raises(ValueError, match=words):
            nulls.hirschberger_qi_steuer(changed, seed=0)


def test_signals_that_are_not_real_are_refused():
    with pytest.raises(ValueError, match="phase_randomized: expected real numbers, got complex128"):
        nulls.phase_randomized(np.ones((5, 2)) * 1j, seed=0)


def test_a_sweep_against_random_correlations_is_what_its_words_say():
    matrix = correlations(40)
    settings_of = {"n_nulls": 6, "seed": 4, "null": "hirschberger_qi_steuer"}
    names = ["gamma", "lambda", "sigma", "omega", "mean_clustering"]
    found = graph.sweep(matrix, [0.1, 0.25], measures=names, **settings_of)
    for row, density in enumerate((0.1, 0.25)):
        adjacency = graph.threshold(matrix, density)
        drawn = [
            graph.threshold(
                nulls.hirschberger_qi_steuer(
                    matrix, seed=child(child(4, 1 << 61), i), correlation=True
                ),
                density,
            )
            for i in range(6)
        ]
        clustering = np.mean([graph.clustering(each).mean() for each in drawn])
        length = np.mean([graph.characteristic_path_length(each) for each in drawn])
        gamma = graph.clustering(adjacency).mean() / clustering
        lambda_ = graph.characteristic_path_length(adjacency) / length
        assert found.values["gamma"][row] == pytest.approx(gamma)
        assert found.values["lambda"][row] == pytest.approx(lambda_)
        assert found.values["sigma"][row] == pytest.approx(gamma / lambda_)
        assert np.isfinite(found.values["omega"][row])
    # Zalesky et al.: against rewired graphs, correlations seem more clustered than they are.
    rewired = graph.sweep(matrix, [0.1, 0.25], measures=names, n_nulls=6, seed=4)
    assert (rewired.values["gamma"] > found.values["gamma"]).all()
    np.testing.assert_array_equal(
        rewired.values["mean_clustering"], found.values["mean_clustering"]
    )
    # Other densities, other threads, a diagonal of 0: the same nulls.
    bare = matrix - np.diag(matrix.diagonal())
    more = graph.sweep(bare, [0.1, 0.2, 0.25], measures=names, n_threads=3, **settings_of)
    for name in names:
        np.testing.assert_array_equal(more.values[name][[0, 2]], found.values[name])


def test_what_random_correlations_cannot_serve_is_told():
    matrix = correlations(20)
    with pytest.raises(ValueError, match="null is one of rewired, random, hirschberger_qi_steuer"):
        graph.sweep(matrix, [0.1], measures=["sigma"], seed=0, null="hqs")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sweep: random correlations are nulls of correlations"):
        graph.sweep(3 * matrix, [0.1], measures=["sigma"], seed=0, null="hirschberger_qi_steuer")
    # All of the matrix is positive, of its nulls not.
    rng = np.random.default_rng(0)
    sparse = np.where(rng.random((20, 20)) < 0.2, 0.9, 0.01)
    sparse = np.maximum(np.triu(sparse, 1), np.triu(sparse, 1).T)
    found = graph.sweep(
        sparse, [0.1, 1], measures=["sigma"], n_nulls=3,
        seed=0, null="hirschberger_qi_steuer",
    )  # fmt: skip
    assert np.isfinite(found.values["sigma"][0])
    assert np.isnan(found.values["sigma"][1])
    assert found.reasons == {1.0: "density 1: a random matrix has too few edges for it"}


@given(st.integers(3, 60), st.integers(1, 4), st.booleans(), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_random_phases_keep_spectra_and_means(n_volumes, n_signals, together, seed):
    signals = np.random.default_rng(seed).normal(3, 2, (n_volumes, n_signals))
    before = signals.copy()
    found = nulls.phase_randomized(signals, seed=seed, together=together)
    np.testing.assert_array_equal(signals, before)
    np.testing.assert_array_equal(
        nulls.phase_randomized(signals, seed=seed, together=together), found
    )
    np.testing.assert_allclose(found.mean(axis=0), signals.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(
        periodogram(found, axis=0)[1], periodogram(signals, axis=0)[1], atol=1e-10
    )
    np.testing.assert_allclose(found.std(axis=0), signals.std(axis=0), atol=1e-12)
    alone = nulls.phase_randomized(signals[:, 0], seed=seed, together=True)
    assert alone.shape == (n_volumes,)
    if together:
        np.testing.assert_allclose(alone, found[:, 0], atol=1e-12)
        np.testing.assert_allclose(np.cov(found.T), np.cov(signals.T), atol=1e-10)
        for lag in (1, 2):
            np.testing.assert_allclose(
                found.T @ np.roll(found, lag, axis=0),
                signals.T @ np.roll(signals, lag, axis=0),
                atol=1e-9,
            )


@pytest.mark.parametrize("n_volumes", [200, 201])
def test_phases_drawn_apart_leave_no_correlation(n_volumes):
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((n_volumes, 1))
    signals = shared + 0.5 * rng.standard_normal((n_volumes, 2))
    assert np.corrcoef(signals.T)[0, 1] > 0.7
    apart = [np.corrcoef(nulls.phase_randomized(signals, seed=seed).T)[0, 1] for seed in range(400)]
    # Their product is a sum over frequencies of amplitudes times the cosine of a random angle.
    x, y = np.abs(np.fft.rfft(signals - signals.mean(axis=0), axis=0)[1:]).T
    turned = x.shape[0] - (n_volumes % 2 == 0)
    total = n_volumes**2 * signals[:, 0].std() * signals[:, 1].std()
    spread = np.sqrt(2 * ((x * y)[:turned] ** 2).sum()) / total
    kept = (x * y)[turned:].sum() / total
    assert abs(abs(np.mean(apart)) - kept) < 4 * spread / 20
    assert np.std(apart) == pytest.approx(spread, rel=0.15)
    # The signals themselves change.
    assert not np.allclose(nulls.phase_randomized(signals, seed=0, together=True), signals)


def test_signals_without_phases_are_refused():
    for signals, words in (
        (np.zeros((2, 3)), r"at least 3 volumes, got \(2, 3\)"),
        (np.zeros((4, 3, 2)), "shape"),
        (np.array([1, np.inf, 2, 3]), "not finite"),
    ):
        with pytest.raises(ValueError, match=words):
            nulls.phase_randomized(signals, seed=0)
