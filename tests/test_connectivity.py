"""Connectivity against numpy, scikit-learn and nilearn, and the vectors it travels in."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from lumbago.data.features import edge_names
from lumbago.measures.connectivity import (
    correlation,
    covariance,
    fisher_z,
    partial_correlation,
    seed_correlation,
    unvectorize,
    vectorize,
)


def signals_of(n_volumes: int = 80, n_signals: int = 7, seed: int = 0) -> np.ndarray:
    """Correlated signals of very different size and level."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n_volumes, n_signals)) @ rng.normal(size=(n_signals, n_signals))
    return mixed * np.logspace(-3, 4, n_signals) + np.linspace(-1e4, 1e4, n_signals)


@given(st.integers(0, 10_000), st.integers(2, 100), st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_correlation_equals_numpys(seed, n_volumes, n_signals):
    signals = np.random.default_rng(seed).normal(size=(n_volumes, n_signals))
    found = correlation(signals)
    np.testing.assert_allclose(found, np.atleast_2d(np.corrcoef(signals.T)), atol=1e-12)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diag(found), 1)
    assert (np.abs(found) <= 1).all()


@given(st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
@settings(max_examples=30, deadline=None)
def test_correlation_ignores_scale_and_level(scale, level):
    signals = signals_of(n_signals=3)
    changed = signals.copy()
    changed[:, 1] = scale * signals[:, 1] + level * scale
    np.testing.assert_allclose(correlation(changed), correlation(signals), atol=1e-8)
    np.testing.assert_allclose(
        correlation(signals * [1, -1, 1])[0], [1, -1, 1] * correlation(signals)[0]
    )


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3, -7.7])
def test_a_constant_signal_correlates_with_nothing_and_nobody_is_warned(value):
    signals = signals_of()
    signals[:, 2] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = correlation(signals)
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, 2]).all()
    others = np.delete(np.arange(7), 2)
    expected = np.corrcoef(signals[:, others].T)
    np.testing.assert_allclose(found[np.ix_(others, others)], expected, atol=1e-12)


def test_rounding_noise_on_a_constant_is_no_signal():
    signals = signals_of()
    signals[:, 0] = 1 / 3 + np.spacing(1 / 3) * (np.arange(80) % 2)
    assert np.isnan(correlation(signals)[0]).all()


def test_a_signal_with_a_missing_value_is_nan_and_the_others_are_not():
    signals = signals_of()
    signals[5, 3] = np.nan
    signals[6, 4] = np.inf
    found = correlation(signals)
    assert np.isnan(found[[3, 4]]).all()
    assert np.isfinite(np.delete(np.delete(found, [3, 4], 0), [3, 4], 1)).all()


def test_the_tiniest_and_largest_signals_still_correlate():
    signals = signals_of(n_signals=2)
    for scale in (1e-200, 1e150):
        np.testing.assert_allclose(correlation(signals * scale), correlation(signals), atol=1e-12)


def test_seed_correlation_is_a_block_of_the_whole_matrix():
    signals = signals_of()
    whole = np.corrcoef(signals.T)
    found = seed_correlation(signals[:, 2:], signals[:, :2])
    assert found.shape == (2, 5)
    np.testing.assert_allclose(found, whole[:2, 2:], atol=1e-12)
    signals[:, 4] = 3
    assert np.isnan(seed_correlation(signals, signals[:, [0]])[0, 4])
    z = seed_correlation(signals, signals[:, :2], fisher_z=True)
    assert np.isnan(z[0, 0])  # the seed itself
    assert np.isnan(z[1, 1])
    np.testing.assert_allclose(z[0, 5:], np.arctanh(whole[0, 5:]), rtol=1e-12)
    with pytest.raises(ValueError, match="80 volumes, seeds 79"):
        seed_correlation(signals, signals[:79])


def test_seed_correlation_is_the_same_with_any_number_of_threads():
    signals = np.random.default_rng(3).standard_normal((40, 1700)).astype(np.float32)
    one = seed_correlation(signals, signals[:, :7], fisher_z=True, n_threads=1)
    several = seed_correlation(signals, signals[:, :7], fisher_z=True, n_threads=3)
    np.testing.assert_array_equal(one, several)


def test_covariance_equals_numpys_and_scikit_learns():
    signals = signals_of(n_signals=5) / np.logspace(-3, 4, 5)
    np.testing.assert_allclose(covariance(signals), np.cov(signals.T), rtol=1e-10)
    found = covariance(signals, shrinkage="ledoit_wolf")
    np.testing.assert_allclose(found, LedoitWolf().fit(signals).covariance_, rtol=1e-9)


@pytest.mark.parametrize(("n_volumes", "n_signals"), [(10, 40), (40, 10), (500, 3), (12, 1)])
def test_ledoit_wolf_equals_scikit_learns_at_every_shape(n_volumes, n_signals):
    signals = np.random.default_rng(1).normal(size=(n_volumes, n_signals))
    expected = LedoitWolf().fit(signals).covariance_
    np.testing.assert_allclose(covariance(signals, "ledoit_wolf"), expected, atol=1e-12)


def test_covariance_leaves_out_signals_with_missing_values():
    signals = signals_of(n_signals=4)
    signals[0, 1] = np.nan
    found = covariance(signals, "ledoit_wolf")
    assert np.isnan(found[1]).all()
    rest = np.delete(np.delete(found, 1, 0), 1, 1)
    np.testing.assert_allclose(rest, covariance(np.delete(signals, 1, 1), "ledoit_wolf"))
    with pytest.raises(ValueError, match="shrinkage is None or 'ledoit_wolf', got 'oas'"):
        covariance(signals, "oas")


def test_partial_correlation_equals_nilearns():
    from nilearn.connectome import ConnectivityMeasure

    signals = signals_of()
    standardized = (signals - signals.mean(axis=0)) / signals.std(axis=0)
    expected = ConnectivityMeasure(kind="partial correlation").fit_transform([standardized])[0]
    np.testing.assert_allclose(partial_correlation(signals), expected, atol=1e-10)


def test_partial_correlation_of_three_is_the_textbooks():
    r = np.corrcoef(signals_of(n_signals=3).T)
    found = partial_correlation(signals_of(n_signals=3), shrinkage=None)
    expected = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert found[0, 1] == pytest.approx(expected, abs=1e-10)
    np.testing.assert_array_equal(found, found.T)


def test_a_common_cause_is_seen_through():
    rng = np.random.default_rng(0)
    cause = rng.normal(size=2000)
    signals = np.column_stack([cause, cause + rng.normal(size=2000), cause + rng.normal(size=2000)])
    assert correlation(signals)[1, 2] > 0.4
    assert abs(partial_correlation(signals)[1, 2]) < 0.06


def test_partial_correlation_conditions_on_the_signals_that_are_left():
    signals = signals_of()
    with_constant = np.insert(signals, 3, 5.0, axis=1)
    found = partial_correlation(with_constant)
    assert np.isnan(found[3]).all()
    np.testing.assert_allclose(
        np.delete(np.delete(found, 3, 0), 3, 1), partial_correlation(signals), atol=1e-12
    )
    with pytest.raises(ValueError, match="7 signals need more than 8 volumes, got 8"):
        partial_correlation(signals[:8], shrinkage=None)


# Fisher's z


@given(st.floats(-0.999, 0.999))
@settings(max_examples=50, deadline=None)
def test_fisher_z_is_odd_and_undone_by_tanh(r):
    assert np.tanh(fisher_z(r)) == pytest.approx(r, abs=1e-12)
    assert fisher_z(-r) == -fisher_z(r)


def test_fisher_z_of_a_perfect_correlation_is_large_and_finite():
    z = fisher_z(np.array([[1.0, -1.0], [np.float32(1.0000001), np.nan]]))
    np.testing.assert_allclose(z[0], [18.7149738751, -18.7149738751])
    assert z[1, 0] == z[0, 0]
    assert np.isnan(z[1, 1])
    with pytest.raises(ValueError, match=r"lie in \[-1, 1\], got 1\.5"):
        fisher_z(np.array([0.2, 1.5]))


# Vectors


@given(st.integers(1, 9), st.booleans(), st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_a_matrix_survives_its_vector(n, diagonal, seed):
    matrix = np.random.default_rng(seed).normal(size=(2, n, n))
    matrix = matrix + matrix.transpose(0, 2, 1)
    vector = vectorize(matrix, diagonal=diagonal)
    assert vector.shape == (2, n * (n + 1) // 2 if diagonal else n * (n - 1) // 2)
    back = unvectorize(vector, diagonal=None if diagonal else 7.0)
    if not diagonal:
        matrix[:, np.arange(n), np.arange(n)] = 7.0
    np.testing.assert_array_equal(back, matrix)


@pytest.mark.parametrize("diagonal", [False, True])
def test_the_vector_stands_in_the_order_of_the_edge_names(diagonal):
    labels = list("abcde")
    matrix = np.array([[ord(min(x, y)) * 1000 + ord(max(x, y)) for y in labels] for x in labels])
    named = [
        ord(a) * 1000 + ord(b) for a, b in (e.split("~") for e in edge_names(labels, diagonal))
    ]
    assert vectorize(matrix, diagonal).tolist() == named


def test_missing_values_travel_with_the_vector():
    matrix = correlation(signals_of(n_signals=4))
    matrix[1] = matrix[:, 1] = np.nan
    np.testing.assert_array_equal(
        np.isnan(vectorize(matrix)), [True, False, False, True, True, False]
    )


def test_shapes_that_are_no_matrix_and_no_triangle_are_refused():
    with pytest.raises(ValueError, match="expected square matrices"):
        vectorize(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="the halves differ"):
        vectorize(np.arange(9.0).reshape(3, 3))
    with pytest.raises(ValueError, match="5 values fill no upper triangle without"):
        unvectorize(np.zeros(5))
    with pytest.raises(ValueError, match="4 values fill no upper triangle with its"):
        unvectorize(np.zeros(4), diagonal=None)
    for measure in (correlation, covariance, partial_correlation):
        with pytest.raises(ValueError, match="at least 2 volumes"):
            measure(np.zeros((1, 3)))


def test_every_measure_is_found_from_the_room_itself() -> None:
    import lumbago.measures as room

    assert room.connectivity.correlation is correlation
    assert {"amplitude", "homogeneity", "connectivity", "cleaning"} <= set(dir(room))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = room.nonsense
