"""Degree centrality against the full matrix, closed forms, and the identities it obeys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard

from lumbago.extractors import Centrality
from lumbago.measures import above, centrality
from lumbago.measures.centrality import degree_centrality
from lumbago.measures.cleaning import clean, cleaning_operator
from lumbago.measures.span import PANEL, span_of
from lumbago.report.methods import _measure

# Single precision and the axes left out move a correlation by less than this.
NEAR = 1e-6


def full_matrix(signals: np.ndarray) -> np.ndarray:
    """All correlations in double precision, by numpy, without the diagonal."""
    r = np.atleast_2d(np.corrcoef(signals.T.astype(np.float64)))
    np.fill_diagonal(r, -2)
    return r


def assert_counts(found: np.ndarray, r: np.ndarray, threshold: float) -> None:
    """Counts agree with those of the full matrix, but for pairs that lie near the threshold."""
    assert (found >= (r > threshold + NEAR).sum(axis=1)).all()
    assert (found <= (r > threshold - NEAR).sum(axis=1)).all()


def assert_sums(found: np.ndarray, r: np.ndarray, threshold: float) -> None:
    """The same for sums, each of which carries the rounding of its terms."""
    low, high = (np.where(r > threshold + d, r, 0).sum(axis=1) for d in (NEAR, -NEAR))
    slack = NEAR * (1 + (r > threshold).sum(axis=1))
    assert (found >= low - slack).all()
    assert (found <= high + slack).all()


@pytest.fixture(scope="module")
def signals() -> np.ndarray:
    """More signals than two panels hold, with common waves of several strengths."""
    rng = np.random.default_rng(1)
    n = 2 * PANEL + 61
    waves = rng.normal(size=(90, 6)) @ rng.normal(size=(6, n))
    return (700 + waves + 2 * rng.normal(size=(90, n))).astype(np.float32)


@pytest.fixture(scope="module")
def r(signals) -> np.ndarray:
    return full_matrix(signals)


# The numbers themselves


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.6])
def test_degrees_are_row_sums_of_the_full_matrix(signals, r, threshold):
    binary, weighted = degree_centrality(signals, threshold=threshold, both=True)
    assert_counts(binary, r, threshold)
    assert_sums(weighted, r, threshold)
    # A single pair on the wrong side moves a hundredth of a percent of all pairs' degrees.
    assert (binary != (r > threshold).sum(axis=1)).mean() < 0.01
    np.testing.assert_array_equal(
        degree_centrality(signals, threshold=threshold, weighted=False), binary
    )
    np.testing.assert_array_equal(degree_centrality(signals, threshold=threshold), weighted)


@given(
    seed=st.integers(0, 10_000),
    n_volumes=st.integers(3, 40),
    n_signals=st.integers(2, 30),
    threshold=st.floats(0, 0.99),
)
@settings(max_examples=60, deadline=None)
def test_row_sums_of_any_small_matrix(seed, n_volumes, n_signals, threshold):
    rng = np.random.default_rng(seed)
    few = rng.normal(size=(n_volumes, n_signals)) + rng.normal(size=(n_volumes, 1))
    found, expected = degree_centrality(few, threshold=threshold, both=True), full_matrix(few)
    assert_counts(found[0], expected, threshold)
    assert_sums(found[1], expected, threshold)


@pytest.mark.parametrize("n", [2, 5, PANEL, PANEL + 1, 2 * PANEL + 3])
def test_identical_signals_are_all_linked_with_weight_1_and_never_with_themselves(n):
    wave = np.sin(np.arange(30.0))
    binary, weighted = degree_centrality(np.outer(wave, np.ones(n)), both=True)
    np.testing.assert_array_equal(binary, n - 1)
    np.testing.assert_allclose(weighted, n - 1, rtol=1e-6)
    assert (weighted <= n - 1).all()


def test_orthogonal_and_opposite_signals_are_not_linked():
    orthogonal = hadamard(64)[:, 1:].astype(float)
    np.testing.assert_array_equal(degree_centrality(orthogonal), 0)
    np.testing.assert_array_equal(degree_centrality(np.hstack([orthogonal, -orthogonal])), 0)


def test_a_correlation_of_one_half_counts_below_one_half_only():
    one, two = hadamard(16)[:, [1, 2]].T.astype(float)
    # r = 1/2 exactly, up to the rounding of single precision.
    pair = np.column_stack([one, 0.5 * one + np.sqrt(0.75) * two])
    np.testing.assert_array_equal(degree_centrality(pair, threshold=0.5 + NEAR, weighted=False), 0)
    np.testing.assert_array_equal(degree_centrality(pair, threshold=0.5 - NEAR, weighted=False), 1)


def test_what_equals_the_threshold_does_not_count():
    """DPABI's strict comparison, on a block whose entries are exact."""
    block = np.array([[0.25, 0.5], [np.nextafter(np.float32(0.25), np.float32(1)), -0.9]])
    for n in (1, 3):  # rows by four and rows left over
        tall = np.tile(block, (n, 1)).astype(np.float32)
        counts = [np.zeros(k, np.int64) for k in tall.shape]
        sums = [np.zeros(k) for k in tall.shape]
        above.add_above(tall, np.float32(0.25), counts[0], sums[0], counts[1], sums[1])
        assert counts[0].tolist() == [1, 1] * n
        assert counts[1].tolist() == [n, n]
        np.testing.assert_allclose(sums[0], [0.5, 0.25] * n, rtol=1e-6)
        np.testing.assert_allclose(sums[1], [0.25 * n, 0.5 * n], rtol=1e-6)


@pytest.mark.parametrize("threshold", [0.0, 0.25])
def test_fisher_z_is_summed_in_place_of_r(signals, r, threshold):
    binary, weighted = degree_centrality(signals, threshold=threshold, fisher_z=True, both=True)
    np.testing.assert_array_equal(
        binary, degree_centrality(signals, threshold=threshold, weighted=False)
    )
    expected = np.where(r > threshold, np.arctanh(np.clip(r, -0.999999, 0.999999)), 0).sum(axis=1)
    np.testing.assert_allclose(weighted, expected, atol=1e-4, rtol=2e-6)


def test_fisher_z_of_identical_signals_is_finite():
    identical = np.outer(np.sin(np.arange(30.0)), np.ones(1000))
    z = degree_centrality(identical, fisher_z=True)
    largest = np.arctanh(np.float64(np.nextafter(np.float32(1), np.float32(0))))
    assert (z <= 999 * largest * (1 + 1e-9)).all()
    assert (z > 999 * np.arctanh(1 - NEAR)).all()


# Sparsity


@pytest.mark.parametrize("sparsity", [1e-4, 0.01, 0.1, 0.4])
def test_sparsity_keeps_that_share_of_the_pairs_the_strongest_ones(signals, r, sparsity):
    pairs = np.sort(r[np.triu_indices_from(r, 1)])[::-1]
    wanted = int(np.floor(sparsity * len(pairs) + 0.5))
    binary, weighted = degree_centrality(signals, sparsity=sparsity, both=True)
    # Pairs that tie with the last one in single precision come along.
    ties = int((np.abs(pairs - pairs[wanted - 1]) < 1e-7).sum())
    assert wanted <= binary.sum() / 2 <= wanted + ties
    assert_counts(binary, r, (pairs[wanted - 1] + pairs[wanted]) / 2)
    assert weighted.sum() / 2 == pytest.approx(pairs[:wanted].sum(), rel=1e-5, abs=ties)


def test_sparsity_keeps_all_that_tie_with_the_weakest_pair_kept():
    # Twenty identical signals and twenty others: 190 pairs of correlation 1 lead.
    rng = np.random.default_rng(3)
    some = np.hstack([np.outer(rng.normal(size=50), np.ones(20)), rng.normal(size=(50, 20))])
    binary = degree_centrality(some, sparsity=190 / 780, weighted=False)
    assert binary[:20].tolist() == [19] * 20
    assert binary[20:].tolist() == [0] * 20


def test_a_sparsity_that_keeps_no_pair_keeps_none(signals):
    np.testing.assert_array_equal(degree_centrality(signals[:, :20], sparsity=0.001), 0)


def test_sparsity_never_takes_negative_correlations():
    opposite = np.outer(np.sin(np.arange(20.0)), [1.0, -1, 1, -1])
    np.testing.assert_array_equal(
        degree_centrality(opposite, sparsity=2 / 6, weighted=False), [1, 1, 1, 1]
    )
    with pytest.raises(ValueError, match="asks for 3 of 6 pairs, but only 2 correlate positively"):
        degree_centrality(opposite, sparsity=0.5)


@pytest.mark.parametrize("margin", [0, 1, 10**9])
def test_a_sample_that_misleads_costs_time_and_not_the_result(signals, monkeypatch, margin):
    expected = degree_centrality(signals, sparsity=0.03, both=True)
    monkeypatch.setattr(centrality, "_MARGIN", margin)
    np.testing.assert_array_equal(degree_centrality(signals, sparsity=0.03, both=True), expected)


# In fewer dimensions


@pytest.mark.parametrize("n_volumes", [8, 90, 700])
@pytest.mark.parametrize("band", [None, (0.01, 0.1)])
def test_blocks_hold_each_correlation_once_to_single_precision(n_volumes, band):
    rng = np.random.default_rng(n_volumes)
    n = 2 * PANEL + 30
    waves = rng.normal(size=(n_volumes, 6)) @ rng.normal(size=(6, n))
    some = (900 + waves + rng.normal(size=(n_volumes, n))).astype(np.float32)
    if band and n_volumes > 50:
        some = clean(some, cleaning_operator(n_volumes, t_r=1.5, band=band))
    with ThreadPoolExecutor(2) as pool:
        span = span_of(some, pool)
    found = np.full((n, n), -2.0)
    for panel in range(span.n_panels):
        for first, block in span.blocks(panel):
            place = found[panel * PANEL : (panel + 1) * PANEL, first : first + block.shape[1]]
            assert (place == -2).all()
            place[:] = block
    assert (found[np.tril_indices(n)] == -2).all()
    expected = full_matrix(some)[np.ix_(span.where, span.where)]
    above_diagonal = np.triu_indices(n, 1)
    difference = found[above_diagonal] - expected[above_diagonal]
    assert np.abs(difference).max() < NEAR


@pytest.mark.parametrize("level", [0, 1000])
def test_cleaned_signals_give_the_counts_of_the_full_form(level):
    rng = np.random.default_rng(7)
    n = PANEL + 200
    raw = rng.normal(size=(150, 4)) @ rng.normal(size=(4, n)) + 3 * rng.normal(size=(150, n))
    operator = cleaning_operator(
        150, confounds=rng.normal(size=(150, 12)), t_r=2.0, band=(0.01, 0.1)
    )
    cleaned = clean((level + raw).astype(np.float32), operator)
    expected = full_matrix(cleaned)
    binary, weighted = degree_centrality(cleaned, both=True)
    assert_counts(binary, expected, 0.25)
    assert_sums(weighted, expected, 0.25)


def test_correlations_are_taken_in_the_dimensions_that_signals_span_and_no_fewer():
    rng = np.random.default_rng(8)
    narrow = rng.normal(size=(100, 10)) @ rng.normal(size=(10, 2 * PANEL))
    with ThreadPoolExecutor(1) as pool:
        span = span_of(narrow.astype(np.float32), pool)
        assert {span.left_out(i, j) for i in range(2) for j in range(2)} == {90}
        broad = narrow.copy()
        broad[:, 5] = rng.normal(size=100)
        mixed = span_of(broad.astype(np.float32), pool)
        assert mixed.left_out(0, 0) >= mixed.left_out(1, 1) == 89
        noisy = broad + 0.1 * rng.normal(size=broad.shape)
        assert span_of(noisy, pool).left_out(0, 0) == 1
    for some in (narrow, broad, noisy):
        expected = full_matrix(some)
        binary, weighted = degree_centrality(some, both=True)
        assert_counts(binary, expected, 0.25)
        assert_sums(weighted, expected, 0.25)


# Invariance


def test_level_and_scale_of_a_signal_play_no_part(signals):
    rng = np.random.default_rng(2)
    scaled = signals * 10 ** rng.uniform(-3, 3, signals.shape[1]) + rng.normal(
        size=signals.shape[1]
    )
    found, expected = (
        degree_centrality(s.astype(np.float64), both=True) for s in (scaled, signals)
    )
    assert np.abs(found[0] - expected[0]).max() <= 1
    assert (found[0] == expected[0]).mean() > 0.99
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-5, atol=0.26)


@pytest.mark.parametrize("kwargs", [{}, {"sparsity": 0.05}])
def test_the_order_of_signals_plays_no_part(signals, kwargs):
    order = np.random.default_rng(4).permutation(signals.shape[1])
    found = degree_centrality(signals[:, order], both=True, **kwargs)
    expected = degree_centrality(signals, both=True, **kwargs)
    assert (found[0] == expected[0][order]).mean() > 0.99
    np.testing.assert_allclose(found[1], expected[1][order], rtol=1e-5, atol=0.26)


@pytest.mark.parametrize("kwargs", [{}, {"fisher_z": True}, {"sparsity": 0.02}])
def test_the_bits_do_not_depend_on_threads(signals, kwargs):
    expected = degree_centrality(signals, both=True, n_threads=1, **kwargs)
    for n_threads in (2, 7, None):
        found = degree_centrality(signals, both=True, n_threads=n_threads, **kwargs)
        np.testing.assert_array_equal(found, expected)


def test_degrees_come_in_pairs(signals):
    binary = degree_centrality(signals, weighted=False)
    assert binary.sum() % 2 == 0


# Inputs


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_number_type_and_memory_order_play_no_part(dtype):
    whole = np.random.default_rng(6).integers(-900, 900, (40, 300)).astype(dtype)
    expected = degree_centrality(whole.astype(np.float64), both=True)
    for given_as in (whole, np.asfortranarray(whole), np.repeat(whole, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(degree_centrality(given_as, both=True), expected)


def test_tiny_and_huge_units_are_units_like_any_other():
    rng = np.random.default_rng(6)
    some = rng.normal(size=(40, 50))
    expected = degree_centrality(some, weighted=False)
    for unit in (1e-200, 1e200):
        np.testing.assert_array_equal(degree_centrality(some * unit, weighted=False), expected)


def test_constant_and_broken_signals_take_no_part_and_are_missing(signals):
    few = signals[:, :50].copy()
    expected = degree_centrality(few, both=True)
    bad = np.insert(few, [0, 10, 30], 0, axis=1)
    bad[:, 0] = 812.3
    bad[:, 11] = 0
    bad[7, 32] = np.nan
    infinite = few[:, :1].copy()
    infinite[3] = np.inf
    bad = np.hstack([bad, infinite])
    missing = np.zeros(54, bool)
    missing[[0, 11, 32, 53]] = True
    for found, right in zip(degree_centrality(bad, both=True), expected, strict=True):
        np.testing.assert_array_equal(np.isnan(found), missing)
        np.testing.assert_allclose(found[~missing], right, rtol=1e-5)


@pytest.mark.parametrize("kwargs", [{}, {"sparsity": 0.5}, {"fisher_z": True}])
def test_a_signal_alone_has_degree_0_and_none_have_none(kwargs):
    alone = np.sin(np.arange(12.0))[:, None]
    assert degree_centrality(alone, **kwargs).tolist() == [0]
    assert np.isnan(degree_centrality(np.ones((12, 3)), **kwargs)).all()
    assert degree_centrality(np.empty((12, 0)), **kwargs).shape == (0,)


def test_the_callers_array_is_never_changed(signals):
    frozen = signals[:, :100].copy()
    frozen.setflags(write=False)
    before = frozen.copy()
    degree_centrality(frozen, sparsity=0.1, both=True)
    np.testing.assert_array_equal(frozen, before)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"signals": np.zeros(5)}, r"shape \(n_volumes, n_signals\).*got \(5,\)"),
        ({"signals": np.zeros((1, 5))}, "at least 2 volumes"),
        ({"threshold": 1}, "threshold lies from 0 to below 1, got 1"),
        ({"threshold": -0.1}, "negative correlations play no part"),
        ({"threshold": np.nan}, "got nan"),
        ({"sparsity": 0}, "above 0 and at most 1, got 0"),
        ({"sparsity": 1.5}, "got 1.5"),
        ({"n_threads": 0}, "at least 1, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_sentence(changed, message):
    with pytest.raises(ValueError, match=message) as caught:
        degree_centrality(**{"signals": np.random.default_rng(0).normal(size=(9, 4)), **changed})
    assert "\n" not in str(caught.value)


def test_kernels_compile_where_nothing_can_be_kept(monkeypatch):
    """Containers may have neither a home nor a writable installation."""
    asked = []

    def njit(cache=False, **options):
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(above.numba, "njit", njit)
    assert above._compiled(len) is len
    assert asked == [True, False]


# Real volumes


def voxels(path, every: int = 1) -> np.ndarray:
    """Signals of the brain's voxels, every so many of them."""
    volumes = np.asarray(nib.load(path).dataobj)
    mean = volumes.mean(axis=3)
    return volumes[(mean > 0.2 * mean.max()) & (np.ptp(volumes, axis=3) > 0)][::every].T


@pytest.mark.parametrize("band", [None, (0.01, 0.1)])
@pytest.mark.parametrize(
    ("place", "t_r", "every"),
    [
        ("long_runs/run-001_res-25mm_bold.nii.gz", 2.5, 1),
        ("long_runs/run-002_slice_bold.nii.gz", 2.5, 1),
        ("whole_brain/filtered_func_data.nii.gz", 3.0, 7),
    ],
)
def test_real_runs_agree_with_the_full_matrix(shared_data, place, t_r, every, band):
    raw = voxels(shared_data / "bold" / place, every)
    operator = cleaning_operator(len(raw), t_r=t_r, band=band)
    cleaned = clean(raw.astype(np.float32), operator)
    expected = full_matrix(cleaned)
    assert expected.shape[0] > 100
    for threshold in (0.25, 0.5):
        binary, weighted = degree_centrality(cleaned, threshold=threshold, both=True)
        assert_counts(binary, expected, threshold)
        assert_sums(weighted, expected, threshold)


def test_the_extractor_maps_the_band_passed_brain(shared_data):
    image = nib.load(shared_data / "bold" / "whole_brain" / "filtered_func_data.nii.gz")
    volumes = np.asarray(image.dataobj)
    mask = np.zeros(volumes.shape[:3], bool)
    mask[::2, ::2, 10] = (volumes.mean(axis=3) > 0.2 * volumes.mean(axis=3).max())[::2, ::2, 10]
    place = nib.Nifti1Image(mask.astype(np.uint8), image.affine)
    settings_of = Centrality(of="both", threshold=0.3, fisher_z=True)
    with pytest.warns(UserWarning, match="degree_centrality"):
        found = settings_of.on_image(image, mask_img=place, t_r=3.0).maps
    assert list(found) == ["binary", "weighted"]
    cleaned = clean(
        volumes[mask].T.astype(np.float32), cleaning_operator(64, t_r=3.0, band=(0.01, 0.1))
    )
    binary, weighted = degree_centrality(cleaned, threshold=0.3, fisher_z=True, both=True)
    for name, right in {"binary": binary, "weighted": weighted}.items():
        values = found[name].get_fdata()
        assert np.isnan(values[~mask]).all()
        np.testing.assert_allclose(values[mask], right, atol=1)
    with pytest.warns(UserWarning, match="degree_centrality"):
        one = Centrality(of="binary", sparsity=0.05).on_image(image, mask_img=place, t_r=3.0).maps
    assert list(one) == ["degree_centrality"]
    n = mask.sum()
    kept = one["degree_centrality"].get_fdata()[mask].sum() / 2
    assert kept == pytest.approx(0.05 * n * (n - 1) / 2, abs=3)


@pytest.mark.parametrize(
    ("settings_of", "words"),
    [
        (Centrality(), "(sum of correlations with other voxels, r > 0.25, signals filtered"),
        (Centrality(of="binary", fisher_z=True, band=None), "(number of correlations with"),
        (
            Centrality(of="both", fisher_z=True, sparsity=0.05, band=None),
            "(number and sum of Fisher z-transformed correlations with other voxels, "
            "the strongest 5 % of all pairs)",
        ),
    ],
)
def test_the_methods_text_tells_what_was_counted(settings_of, words):
    assert words in _measure(settings_of.model_dump())
