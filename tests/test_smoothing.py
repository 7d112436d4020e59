"""Smoothing of maps: closed forms, nilearn, and what a mask's edge must not do."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbago.measures.smoothing import smooth

OBLIQUE = np.array(
    [[2.0, 0.6, 0.0, -20], [-0.4, 3.0, 0.2, 5], [0.1, -0.3, 4.0, 7], [0, 0, 0, 1]]
)  # fmt: skip


def noise(shape=(17, 14, 12), seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_an_impulse_becomes_a_gaussian_of_the_width_asked_for_along_every_axis():
    volume = np.zeros((61, 61, 61))
    volume[30, 30, 30] = 1.0
    size = np.array([1.0, 1.5, 2.0])
    found = smooth(volume, 8.0, np.diag([*size, 1]))
    for axis, length in enumerate(size):
        at = np.arange(61) - 30
        profile = np.moveaxis(found, axis, 0)[:, 30, 30]
        expected = np.exp(-4 * np.log(2) * (at * length / 8.0) ** 2)
        inside = np.abs(at * length) < 8
        np.testing.assert_allclose(profile[inside] / profile[30], expected[inside], rtol=1e-9)
        # Half of the height at half of the width.
        half = np.interp(4.0, at[30:] * length, profile[30:] / profile[30])
        assert half == pytest.approx(0.5, abs=0.02)
    assert found.sum() == pytest.approx(1, abs=1e-6)


def test_widths_of_two_passes_add_as_squares():
    volume = np.zeros((41, 41, 41))
    volume[20, 20, 20] = 1.0
    affine = np.diag([1.0, 1, 1, 1])
    twice = smooth(smooth(volume, 3.0, affine), 4.0, affine)
    np.testing.assert_allclose(twice, smooth(volume, 5.0, affine), atol=2e-5)


@pytest.mark.parametrize("fwhm", [3.0, 6.5])
def test_inside_a_full_mask_it_is_nilearns(fwhm):
    from nilearn.image import smooth_img

    volume = noise((24, 22, 20))
    expected = smooth_img(nib.Nifti1Image(volume, OBLIQUE), fwhm).get_fdata()
    # Nearer to the volume's border nilearn mirrors what is inside; here nothing is made up.
    inside = (slice(6, -6),) * 3
    np.testing.assert_allclose(smooth(volume, fwhm, OBLIQUE)[inside], expected[inside], atol=1e-9)


def test_inside_a_mask_it_is_the_ratio_of_two_of_nilearns():
    from nilearn.image import smooth_img

    volume, mask = np.pad(noise(), 8), np.pad(noise(seed=1) > -0.3, 8)
    total, weight = (
        smooth_img(nib.Nifti1Image(v.astype(float), OBLIQUE), 5.0).get_fdata()
        for v in (volume * mask, mask)
    )
    found = smooth(np.where(mask, volume, np.nan), 5.0, OBLIQUE)
    np.testing.assert_allclose(found[mask], total[mask] / weight[mask], atol=1e-9)
    assert np.isnan(found[~mask]).all()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000), st.floats(0.1, 20), st.tuples(*[st.floats(0.2, 6)] * 3),
    st.floats(-1e4, 1e4),
)  # fmt: skip
def test_constants_stay_and_means_stay_within_what_they_are_means_of(seed, fwhm, size, constant):
    rng = np.random.default_rng(seed)
    mask = rng.random((7, 6, 5)) > 0.4
    mask[3, 3, 3] = True
    affine = np.diag([*size, 1.0])
    flat = np.where(mask, constant, np.nan)
    np.testing.assert_allclose(smooth(flat, fwhm, affine)[mask], constant, rtol=1e-9, atol=1e-9)
    values = np.where(mask, rng.normal(size=mask.shape), np.nan)
    found = smooth(values, fwhm, affine)
    assert np.isnan(found[~mask]).all()
    assert np.nanmin(found) >= np.nanmin(values) - 1e-9
    assert np.nanmax(found) <= np.nanmax(values) + 1e-9


def test_what_holds_no_value_carries_no_weight_whatever_it_is():
    volume = noise()
    holes = noise(seed=2) > 1
    found = [smooth(np.where(holes, bad, volume), 6.0, OBLIQUE) for bad in (np.nan, np.inf)]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.isfinite(found[0][~holes]).all()


def test_a_voxel_alone_and_a_width_of_nothing_change_nothing():
    alone = np.full((5, 5, 5), np.nan)
    alone[2, 1, 3] = 7.5
    np.testing.assert_array_equal(smooth(alone, 9.0, np.eye(4)), alone)
    np.testing.assert_allclose(smooth(noise(), 0.0, OBLIQUE), noise(), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_type_and_order_is_smoothed_alike_and_none_is_changed(dtype, order):
    volume = np.asarray(np.round(100 * noise()), dtype=dtype, order=order)
    before = volume.copy()
    found = smooth(volume, 4.0, OBLIQUE)
    np.testing.assert_array_equal(found, smooth(np.round(100 * noise()), 4.0, OBLIQUE))
    np.testing.assert_array_equal(volume, before)
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    ("volume", "fwhm", "affine", "message"),
    [
        (np.zeros((3, 3)), 4, np.eye(4), r"expected a volume of shape \(x, y, z\), got \(3, 3\)"),
        (np.zeros((3, 3, 3)), -1, np.eye(4), "fwhm is at least 0 mm, got -1"),
        (np.zeros((3, 3, 3)), np.nan, np.eye(4), "fwhm is at least 0 mm"),
        (np.zeros((3, 3, 3)), 4, np.eye(3), r"affine of shape \(4, 4\)"),
        (np.zeros((3, 3, 3)), 4, np.diag([1.0, 0, 1, 1]), "sizes above 0 mm"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_sentence(volume, fwhm, affine, message):
    with pytest.raises(ValueError, match=message):
        smooth(volume, fwhm, affine)
