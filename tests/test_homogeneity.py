"""ReHo and Kendall's W against scipy, brute force, and the identities they obey."""

from __future__ import annotations

from itertools import combinations, product

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import friedmanchisquare, rankdata, spearmanr

from lumbago.measures.homogeneity import kendall_w, neighbour_concordance, reho
from lumbago.measures.threads import cores_of_process

WITH_TIES = np.array([[1, 2, 2, 4, 5, 6], [2, 1, 3, 3, 6, 5], [1, 1, 2, 5, 4, 6]]).T
WITHOUT_TIES = np.array([[1, 2, 3, 4, 5, 6], [2, 1, 3, 4, 6, 5], [1, 3, 2, 5, 4, 6]]).T

tied_signals = arrays(
    np.int16, st.tuples(st.integers(3, 12), st.integers(2, 6)), elements=st.integers(-4, 4)
)


def belongs(neighbours: int, offset: tuple[int, int, int]) -> bool:
    """Tell whether an offset belongs to a neighbourhood."""
    x, y, z = (abs(i) for i in offset)
    return {
        7: x + y + z <= 1,
        19: max(x, y, z) <= 1 and x + y + z <= 2,
        27: max(x, y, z) <= 1,
        125: max(x, y, z) <= 2,
    }[neighbours]


def by_hand(volumes, mask, neighbours, ties, min_voxels=2):
    """ReHo voxel by voxel with scipy's ranks."""
    volumes = volumes.astype(np.float64)
    usable = mask & np.isfinite(volumes).all(axis=-1)
    usable &= np.where(usable, np.ptp(np.nan_to_num(volumes), axis=-1), 0) > 0
    result = np.full(mask.shape, np.nan)
    n = volumes.shape[3]
    offsets = [o for o in product(range(-2, 3), repeat=3) if belongs(neighbours, o)]
    for at in np.argwhere(usable):
        around = [tuple(at + o) for o in offsets]
        around = [a for a in around if all(0 <= i < s for i, s in zip(a, mask.shape, strict=True))]
        series = np.array([volumes[a] for a in around if usable[a]])
        k = len(series)
        if k < min_voxels:
            continue
        ranks = rankdata(series, axis=1)
        total = ((ranks.sum(axis=0) - k * (n + 1) / 2) ** 2).sum()
        tied = 0
        if ties == "corrected":
            sizes = [np.unique(s, return_counts=True)[1].astype(float) for s in series]
            tied = k * sum((c**3 - c).sum() for c in sizes)
        result[tuple(at)] = 12 * total / (k**2 * (n**3 - n) - tied)
    return result


@pytest.fixture
def volumes() -> np.ndarray:
    """A small smooth volume with a constant voxel, and one voxel that holds a NaN."""
    rng = np.random.default_rng(5)
    made = rng.normal(size=(6, 7, 5, 20)) + rng.normal(size=20)
    made = np.round(made, 1).astype(np.float32)
    made[2, 3, 2] = 4.2
    made[3, 3, 3, 7] = np.nan
    return made


@pytest.fixture
def mask() -> np.ndarray:
    """Most of the volume, up to its border, with holes and one voxel alone."""
    rng = np.random.default_rng(6)
    made = rng.random((6, 7, 5)) < 0.8
    made[:2, :2, :2] = False
    made[0, 0, 0] = True
    made[2, 3, 2] = made[3, 3, 3] = True
    return made


# Kendall's W


@pytest.mark.parametrize(
    ("signals", "ties", "expected"),
    [
        (WITH_TIES, "average", 0.857143),
        (WITH_TIES, "corrected", 0.882353),
        (WITHOUT_TIES, "average", 0.873016),
        (WITHOUT_TIES, "corrected", 0.873016),
    ],
)
def test_published_values_of_kendalls_w(signals, ties, expected):
    assert kendall_w(signals, ties) == pytest.approx(expected, abs=1e-6)
    assert kendall_w(signals.astype(np.float32), ties) == kendall_w(signals, ties)


@given(tied_signals)
@settings(max_examples=60, deadline=None)
def test_corrected_w_is_friedmans_chi_square(signals):
    n, k = signals.shape
    if (signals == signals[0]).all():
        assert np.isnan(kendall_w(signals, "corrected"))
        return
    chi_square = friedmanchisquare(*signals)[0]
    assert kendall_w(signals, "corrected") == pytest.approx(chi_square / (k * (n - 1)), abs=1e-9)


@given(st.integers(0, 10_000), st.integers(3, 40), st.integers(2, 8))
@settings(max_examples=40, deadline=None)
def test_without_ties_w_is_one_plus_the_mean_spearman_correlation(seed, n, k):
    signals = np.random.default_rng(seed).normal(size=(n, k))
    mean = np.mean(
        [spearmanr(signals[:, i], signals[:, j])[0] for i, j in combinations(range(k), 2)]
    )
    for ties in ("average", "corrected"):
        assert kendall_w(signals, ties) == pytest.approx((1 + (k - 1) * mean) / k, abs=1e-12)


@given(tied_signals)
@settings(max_examples=60, deadline=None)
def test_w_lies_between_0_and_1_and_ignores_order_and_monotone_changes(signals):
    w = kendall_w(signals)
    assert 0 <= w <= 1
    assert kendall_w(signals[:, ::-1]) == w
    assert kendall_w(signals[::-1]) == w
    assert kendall_w(np.exp(signals.astype(np.float64)) * 3 + 1) == w
    assert kendall_w(-signals) == w


def test_signals_that_rise_together_agree_fully():
    ramp = np.outer(np.arange(10), [1.0, 2.0, 5.0])
    assert kendall_w(ramp) == 1
    assert kendall_w(np.repeat([[1], [1], [2], [3]], 4, axis=1), "corrected") == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, np.int64])
def test_every_number_type_ranks_alike(dtype):
    signals = np.random.default_rng(0).integers(-300, 300, (50, 7))
    assert kendall_w(signals.astype(dtype)) == kendall_w(signals)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_signed_zeros_and_the_smallest_numbers_are_ranked_as_the_numbers_they_are(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    signals = np.array([[-0.0, 1], [0.0, 2], [tiny, 3], [-tiny, 4], [1, 5], [-1, 6]], dtype)
    as_ranks = np.array([[3, 1], [3, 2], [4, 3], [2, 4], [5, 5], [1, 6]])
    assert kendall_w(signals) == kendall_w(as_ranks)
    assert kendall_w(signals, "corrected") == kendall_w(as_ranks, "corrected")


def test_a_signal_with_a_missing_value_has_no_w():
    assert np.isnan(kendall_w(np.array([[1.0, 2], [np.nan, 3], [2, 4]])))


# ReHo


@pytest.mark.parametrize("ties", ["average", "corrected"])
@pytest.mark.parametrize("neighbours", [7, 19, 27, 125])
@pytest.mark.parametrize("min_voxels", [1, 2, 9])
def test_reho_is_w_over_the_neighbours_that_take_part(volumes, mask, neighbours, ties, min_voxels):
    found = reho(volumes, mask, neighbours, ties, min_voxels=min_voxels)
    expected = by_hand(volumes, mask, neighbours, ties, min_voxels)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_voxels_outside_the_mask_constant_and_broken_ones_take_no_part(volumes, mask):
    found = reho(volumes, mask)
    assert np.isnan(found[~mask]).all()
    assert np.isnan(found[2, 3, 2])
    assert np.isnan(found[3, 3, 3])
    changed = volumes.copy()
    changed[~mask] = 1e6 * np.random.default_rng(1).normal(size=changed[~mask].shape)
    changed[2, 3, 2] = -17
    np.testing.assert_array_equal(reho(changed, mask), found)


def test_a_voxel_alone_has_no_neighbours_to_agree_with(volumes, mask):
    assert np.isnan(reho(volumes, mask)[0, 0, 0])
    assert reho(volumes, mask, ties="corrected", min_voxels=1)[0, 0, 0] == 1


def test_voxels_at_the_border_of_the_volume_count():
    signals = np.random.default_rng(2).normal(size=30)
    alike = np.broadcast_to(signals, (3, 3, 3, 30))
    np.testing.assert_array_equal(reho(alike, np.ones((3, 3, 3), bool)), 1)


@pytest.mark.parametrize("neighbours", [7, 19, 27, 125])
def test_the_bits_do_not_depend_on_threads_memory_order_or_position(volumes, mask, neighbours):
    big = np.concatenate([volumes] * 4)
    big_mask = np.concatenate([mask] * 4)
    found = reho(big, big_mask, neighbours, n_threads=1)
    for n_threads in (2, 5, None):
        np.testing.assert_array_equal(reho(big, big_mask, neighbours, n_threads=n_threads), found)
    np.testing.assert_array_equal(reho(np.asfortranarray(big), big_mask, neighbours), found)
    flipped = reho(big[::-1, :, ::-1], big_mask[::-1, :, ::-1], neighbours)
    np.testing.assert_array_equal(flipped[::-1, :, ::-1], found)
    turned = reho(big.transpose(2, 0, 1, 3), big_mask.transpose(2, 0, 1), neighbours)
    np.testing.assert_array_equal(turned.transpose(1, 2, 0), found)


@pytest.mark.parametrize(("share", "expected"), [("1", 1), ("0", 1), ("9999", None), ("x", None)])
def test_processes_that_share_the_cores_take_their_share(monkeypatch, share, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = cores_of_process()
    monkeypatch.setenv("OMP_NUM_THREADS", share)
    assert cores_of_process() == (cores if expected is None else expected)


def test_the_bits_do_not_depend_on_the_number_type(mask):
    volumes = np.random.default_rng(3).integers(-999, 999, (6, 7, 5, 20)).astype(np.int16)
    found = reho(volumes, mask)
    for dtype in (np.float32, np.float64, np.int32, np.int64):
        np.testing.assert_array_equal(reho(volumes.astype(dtype), mask), found)


@pytest.mark.parametrize("neighbours", [27, 125])
def test_long_series_do_not_overflow_their_rank_sums(neighbours):
    rng = np.random.default_rng(4)
    # Voxels that nearly agree make the sums as large as they get.
    volumes = rng.normal(size=700) + 0.01 * rng.normal(size=(3, 3, 3, 700))
    mask = np.ones((3, 3, 3), bool)
    found = reho(volumes.astype(np.float32), mask, neighbours)
    np.testing.assert_allclose(
        found, by_hand(volumes.astype(np.float32), mask, neighbours, "average")
    )


def test_many_voxels_are_cut_into_tasks_without_a_seam():
    rng = np.random.default_rng(7)
    volumes = rng.normal(size=(19, 12, 11, 8)).astype(np.float32)
    mask = rng.random((19, 12, 11)) < 0.9
    np.testing.assert_allclose(
        reho(volumes, mask), by_hand(volumes, mask, 27, "average"), rtol=1e-12
    )


def test_an_empty_mask_gives_nothing_and_volumes_are_never_changed(volumes, mask):
    assert np.isnan(reho(volumes, np.zeros_like(mask))).all()
    volumes.setflags(write=False)
    before = volumes.copy()
    reho(volumes, mask)
    np.testing.assert_array_equal(volumes, before)


@pytest.mark.parametrize("neighbours", [7, 125])
def test_signals_of_the_mask_give_what_volumes_give(volumes, mask, neighbours):
    signals = np.ascontiguousarray(volumes[mask].T)
    signals.setflags(write=False)
    for n_threads in (1, 3):
        found = neighbour_concordance(
            signals, mask, neighbours, "corrected", min_voxels=3, n_threads=n_threads
        )
        expected = reho(volumes, mask, neighbours, "corrected", min_voxels=3)
        np.testing.assert_array_equal(found, expected[mask])
    assert neighbour_concordance(signals[:, :0], np.zeros_like(mask)).shape == (0,)
    with pytest.raises(ValueError, match="one per voxel of the mask"):
        neighbour_concordance(signals[:, 1:], mask)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"neighbours": 26}, "neighbours is 7, 19, 27 or 125, got 26"),
        ({"ties": "ceil"}, "ties is 'average' or 'corrected', got 'ceil'"),
        ({"mask": np.ones((6, 7, 5))}, r"boolean mask of shape \(6, 7, 5\), got float64"),
        ({"mask": np.ones((7, 6, 5), bool)}, r"boolean mask of shape \(6, 7, 5\)"),
        ({"volumes": np.zeros((6, 7, 5))}, r"shape \(x, y, z, n_volumes\)"),
        ({"volumes": np.zeros((6, 7, 5, 1))}, "at least 2 volumes"),
        ({"min_voxels": 0}, "at least 1"),
        ({"n_threads": 0}, "at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_sentence(volumes, mask, changed, message):
    with pytest.raises(ValueError, match=message) as caught:
        reho(**{"volumes": volumes, "mask": mask, **changed})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(5,), (1, 3), (5, 0)])
def test_w_needs_two_volumes_and_a_signal(shape):
    with pytest.raises(ValueError, match="at least 2 volumes and 1 signal"):
        kendall_w(np.zeros(shape))


def test_reho_of_a_real_run_agrees_with_scipy(shared_data):
    path = shared_data / "bold" / "long_runs" / "run-001_res-25mm_bold.nii.gz"
    volumes = np.asarray(nib.load(path).dataobj)
    mask = volumes.mean(axis=3) > 0.2 * volumes.mean(axis=3).max()
    mask &= np.ptp(volumes, axis=3) > 0
    found = reho(volumes, mask, 27, "corrected")
    rng = np.random.default_rng(0)
    inside = np.argwhere(mask)
    for x, y, z in rng.choice(inside, 12, replace=False):
        block = tuple(slice(max(i - 1, 0), i + 2) for i in (x, y, z))
        series = volumes[block][mask[block]]
        if len(series) < 2:
            continue
        chi_square = friedmanchisquare(*series.T)[0]
        expected = chi_square / (len(series) * (volumes.shape[3] - 1))
        assert found[x, y, z] == pytest.approx(expected, rel=1e-9)
