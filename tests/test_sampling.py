"""Region means: equal to nilearn's where nilearn is right, and honest where regions lack data."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbago.data import Atlas
from lumbago.errors import ScanRejected
from lumbago.reading.atlases import load_atlas
from lumbago.reading.sampling import atlas_on_grid, map_means, region_means, space_note

RNG = np.random.default_rng(1)


def make_atlas(voxels, affine, names=None):
    index = [i for i in np.unique(voxels) if i > 0]
    names = names or [f"r{i}" for i in index]
    labels = pd.DataFrame({"index": index, "name": names})
    return Atlas("test", "deterministic", labels, "x", nib.Nifti1Image(voxels, affine))


@pytest.fixture
def line():
    """Five regions of two voxels each along x, on a grid of 10 × 3 × 3 at 2 mm."""
    voxels = np.zeros((10, 3, 3), dtype=np.int16)
    voxels[:] = (np.arange(10) // 2 + 1)[:, None, None]
    return make_atlas(voxels, np.diag([2.0, 2, 2, 1]))


@pytest.fixture(scope="module")
def brain():
    from nilearn.datasets import load_mni152_brain_mask

    image = load_mni152_brain_mask(resolution=4)
    mask = np.asarray(image.dataobj) > 0
    values = (RNG.standard_normal((7, mask.sum())) * 100 + 10_000).astype(np.float32)
    return mask, image.affine, values


def to_image(values, mask, affine):
    volumes = np.zeros((*mask.shape, len(values)), dtype=np.float32)
    volumes[mask] = values.T
    return nib.Nifti1Image(volumes, affine)


def test_means_equal_nilearns_on_a_coarser_grid(brain):
    from nilearn.maskers import NiftiLabelsMasker

    mask, affine, values = brain
    atlas = load_atlas("lumbago200")
    masker = NiftiLabelsMasker(
        atlas.image,
        mask_img=nib.Nifti1Image(mask.astype(np.uint8), affine),
        resampling_target="data",
        standardize=None,
    )
    expected = masker.fit_transform(to_image(values, mask, affine))
    means, coverage = region_means(values, mask, affine, atlas)
    np.testing.assert_allclose(means, expected, rtol=2e-6)
    assert coverage.min() > 0.9


def test_means_of_spheres_equal_nilearns(brain):
    from nilearn.maskers import NiftiSpheresMasker

    mask, affine, values = brain
    atlas = load_atlas("power264")
    seeds = [tuple(row) for row in atlas.labels[["x", "y", "z"]].to_numpy()]
    masker = NiftiSpheresMasker(
        seeds,
        radius=5.0,
        mask_img=nib.Nifti1Image(mask.astype(np.uint8), affine),
        allow_overlap=True,
        standardize=None,
    )
    expected = masker.fit_transform(to_image(values, mask, affine))
    means, coverage = region_means(values, mask, affine, atlas, min_coverage=0)
    whole = coverage == 1
    assert whole.sum() > 240
    np.testing.assert_allclose(means[:, whole], expected[:, whole], rtol=2e-6)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_atlas_lands_where_nilearn_puts_it(size):
    from nilearn.image import resample_img

    atlas = load_atlas("lumbago200")
    affine = np.diag([size, size, size, 1.0])
    affine[:3, 3] = [-80.3, -110.7, -70.4]
    shape = (160 // size, 190 // size, 150 // size)
    expected = resample_img(
        atlas.image, affine, shape, interpolation="nearest", copy_header=True, force_resample=True
    )
    found = atlas_on_grid(atlas, shape, affine)
    assert np.array_equal(found, np.asarray(expected.dataobj).astype(int))


def test_a_region_half_outside_the_field_of_view_is_half_covered(line):
    affine = np.diag([2.0, 2, 2, 1])
    affine[0, 3] = 2.0  # the grid begins one voxel into the first region
    mask = np.ones((9, 3, 3), dtype=bool)
    values = RNG.standard_normal((4, mask.sum()))
    means, coverage = region_means(values, mask, affine, line)
    np.testing.assert_allclose(coverage, [0.5, 1, 1, 1, 1])
    assert np.isfinite(means).all()
    means, _ = region_means(values, mask, affine, line, min_coverage=0.6)
    assert np.isnan(means[:, 0]).all()
    assert np.isfinite(means[:, 1:]).all()


def test_a_region_outside_the_mask_stays_as_a_column_without_data(line):
    mask = np.ones((10, 3, 3), dtype=bool)
    mask[4:6] = False
    means, coverage = region_means(
        RNG.standard_normal((4, mask.sum())), mask, np.diag([2.0, 2, 2, 1]), line
    )
    assert means.shape == (4, 5)
    assert list(coverage) == [1, 1, 0, 1, 1]
    assert list(np.isnan(means).all(axis=0)) == [False, False, True, False, False]


def test_a_region_lost_by_resampling_stays_as_a_column_without_data():
    voxels = np.ones((8, 8, 8), dtype=np.int16)
    voxels[3, 3, 3] = 2
    atlas = make_atlas(voxels, np.eye(4))
    affine = np.diag([4.0, 4, 4, 1])
    mask = np.ones((2, 2, 2), dtype=bool)
    means, coverage = region_means(RNG.standard_normal((3, 8)), mask, affine, atlas)
    assert list(coverage) == [1, 0]
    assert np.isnan(means[:, 1]).all()


def test_voxels_without_data_take_no_part(line):
    mask = np.ones((10, 3, 3), dtype=bool)
    volumes = np.ones((6, 10, 3, 3)) * np.arange(6)[:, None, None, None]
    volumes[2, 0, 0, 0] = np.nan  # region 1
    volumes[3, 3, 1, 1] = np.inf  # region 2
    volumes[:, 4] = 7.0  # half of region 3 never changes
    means, coverage = region_means(volumes.reshape(6, -1), mask, np.diag([2.0, 2, 2, 1]), line)
    np.testing.assert_allclose(coverage, [17 / 18, 17 / 18, 0.5, 1, 1])
    np.testing.assert_allclose(means, np.repeat(np.arange(6.0)[:, None], 5, axis=1))


def test_a_still_map_may_be_the_same_everywhere(line):
    mask = np.ones((10, 3, 3), dtype=bool)
    means, coverage = region_means(np.zeros((1, 90)), mask, np.diag([2.0, 2, 2, 1]), line)
    assert (means == 0).all()
    assert (coverage == 1).all()


def test_volumes_without_any_value_stay_so(line):
    mask = np.ones((10, 3, 3), dtype=bool)
    values = RNG.standard_normal((5, 90))
    values[[0, 3]] = np.nan
    means, coverage = region_means(values, mask, np.diag([2.0, 2, 2, 1]), line)
    assert list(np.isnan(means).all(axis=1)) == [True, False, False, True, False]
    assert (coverage == 1).all()
    assert np.isnan(region_means(values * np.nan, mask, np.diag([2.0, 2, 2, 1]), line)[0]).all()


def test_an_atlas_elsewhere_rejects_the_scan(line):
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = 500
    with pytest.raises(ScanRejected, match="do not overlap") as caught:
        region_means(np.ones((2, 8)), np.ones((2, 2, 2), dtype=bool), affine, line)
    assert caught.value.code == "E_ATLAS_ELSEWHERE"


def test_values_must_be_those_of_the_mask(line):
    with pytest.raises(ValueError, match=r"expected \(n_volumes, 8 voxels"):
        region_means(np.ones((2, 7)), np.ones((2, 2, 2), dtype=bool), np.eye(4), line)


def test_neither_the_sign_of_an_axis_nor_the_order_of_the_axes_matters(brain):
    mask, affine, values = brain
    atlas = load_atlas("lumbago200")
    expected, _ = region_means(values, mask, affine, atlas)
    volumes = np.zeros((*mask.shape, len(values)), dtype=np.float32)
    volumes[mask] = values.T
    flip = np.eye(4)
    flip[0, 0], flip[0, 3] = -1, mask.shape[0] - 1
    turned = mask[::-1].transpose(2, 0, 1)
    there = volumes[::-1].transpose(2, 0, 1, 3)[turned].T
    swap = np.zeros((4, 4))
    swap[0, 1] = swap[1, 2] = swap[2, 0] = swap[3, 3] = 1
    found, _ = region_means(there, turned, affine @ flip @ swap, atlas)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_order_of_the_table_is_the_order_of_the_columns(brain):
    mask, affine, values = brain
    atlas = load_atlas("lumbago200")
    order = RNG.permutation(200)
    labels = atlas.labels.iloc[order].reset_index(drop=True)
    shuffled = Atlas("shuffled", "deterministic", labels, atlas.space, atlas.image)
    expected, _ = region_means(values, mask, affine, atlas)
    found, _ = region_means(values, mask, affine, shuffled)
    np.testing.assert_array_equal(found, expected[:, order])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), share=st.sampled_from([0.0, 0.1, 0.6]))
def test_many_maps_are_averaged_as_each_alone(seed, share):
    voxels = np.arange(1, 5, dtype=np.int16).reshape(2, 2, 1).repeat(5, axis=2)
    atlas = make_atlas(voxels, np.eye(4))
    rng = np.random.default_rng(seed)
    mask = rng.random(voxels.shape) < 0.9
    mask[0, 0, 0] = True
    maps = rng.standard_normal((40, mask.sum()))
    maps[::3][rng.random(maps[::3].shape) < share] = np.nan
    maps[7] = np.inf
    means, coverage = map_means(maps, mask, np.eye(4), atlas)
    assert means.shape == coverage.shape == (40, len(atlas))
    for one, found, covered in zip(maps, means, coverage, strict=True):
        expected, share_of = region_means(one[None], mask, np.eye(4), atlas)
        np.testing.assert_allclose(found, expected[0], rtol=1e-6)
        np.testing.assert_array_equal(covered, share_of)


@settings(max_examples=25, deadline=None)
@given(a=st.floats(-100, 100), b=st.floats(-100, 100), seed=st.integers(0, 99))
def test_means_are_linear_in_the_signals(a, b, seed):
    voxels = np.arange(1, 5, dtype=np.int16).reshape(2, 2, 1).repeat(3, axis=2)
    atlas = make_atlas(voxels, np.eye(4))
    mask = np.ones(voxels.shape, dtype=bool)
    x, y = np.random.default_rng(seed).standard_normal((2, 5, mask.sum()))

    def means(v):
        return region_means(v, mask, np.eye(4), atlas)[0]

    if a == b == 0:
        return
    expected = a * means(x).astype(float) + b * means(y).astype(float)
    found = means(a * x + b * y)
    real = np.isfinite(found)
    np.testing.assert_allclose(found[real], expected[real], atol=1e-4)


def test_spaces_that_differ_are_told_and_unknown_ones_are_not():
    atlas = load_atlas("lumbago200")
    assert space_note(atlas, atlas.space) == ""
    assert space_note(atlas, None) == ""
    assert "some millimetres" in space_note(atlas, "MNI152NLin6Asym")
    assert "whatever tissue" in space_note(atlas, "scanner")
    assert "without saying which" in space_note(load_atlas("power264"), "MNI152NLin6Asym")


def test_schaefer_with_tian_has_data_in_every_region(shared_data, brain):
    mask, affine, values = brain
    stem = "Schaefer2018_400Parcels_7Networks_order_Tian_Subcortex_S1"
    image = shared_data / f"atlases/{stem}_3T_MNI152NLin2009cAsym_2mm.nii.gz"
    voxels = np.asarray(nib.load(image).dataobj).astype(np.int16)
    atlas = make_atlas(voxels, nib.load(image).affine)
    assert len(atlas) == 416
    means, coverage = region_means(values, mask, affine, atlas, min_coverage=0)
    assert coverage.mean() > 0.95
    on_grid = atlas_on_grid(atlas, mask.shape, affine)
    for row in (0, 100, 415):
        inside = (on_grid == row + 1)[mask]
        np.testing.assert_allclose(means[:, row], values[:, inside].mean(axis=1), rtol=1e-5)
