"""Weight maps: weighted means by hand, least squares as nilearn's NiftiMapsMasker."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from lumbago.data import Atlas
from lumbago.errors import InputError
from lumbago.extractors import Connectome, Regional
from lumbago.reading.atlases import LocalAtlas, load_atlas
from lumbago.reading.sampling import atlas_on_grid, region_means

SHAPE = (9, 10, 8)
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
AFFINE[:3, 3] = [-16, -20, -12]


@pytest.fixture(scope="module")
def maps() -> np.ndarray:
    """Five overlapping bumps, cut off where they fade."""
    at = np.stack(np.indices(SHAPE), -1)
    centres = np.array([[2, 2, 2], [3, 3, 2], [6, 7, 5], [5, 3, 4], [2, 6, 4]])
    found = [np.exp(-((at - c) ** 2).sum(-1) / 4) for c in centres]
    return np.where(np.stack(found, -1) > 0.05, np.stack(found, -1), 0).astype(np.float32)


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    mask = np.ones(SHAPE, bool)
    mask[0] = mask[-1] = False
    values = np.random.default_rng(3).normal(100, 10, (7, mask.sum())).astype(np.float32)
    return mask, values


def atlas_of(maps, affine=AFFINE, sampling="weighted_mean"):
    labels = pd.DataFrame({"index": range(1, maps.shape[3] + 1)})
    labels["name"] = [f"m{i}" for i in labels["index"]]
    image = nib.Nifti1Image(maps, affine)
    return Atlas("bumps", "probabilistic", labels, "x", image, sampling=sampling)


def image_of(mask, values, affine=AFFINE):
    volumes = np.zeros((*mask.shape, len(values)), np.float32)
    volumes[mask] = values.T
    return nib.Nifti1Image(volumes, affine)


def nilearns(maps_image, mask, values, affine=AFFINE):
    from nilearn.maskers import NiftiMapsMasker

    masker = NiftiMapsMasker(
        maps_image, mask_img=nib.Nifti1Image(mask.astype(np.uint8), affine),
        resampling_target="data", standardize=None,
    )  # fmt: skip
    return masker.fit_transform(image_of(mask, values, affine))


def test_the_mean_is_weighted_by_each_map_inside_the_mask(maps, data):
    mask, values = data
    means, coverage = region_means(values, mask, AFFINE, atlas_of(maps))
    weights = maps[mask].T.astype(np.float64)
    expected = values.astype(np.float64) @ weights.T / weights.sum(axis=1)
    np.testing.assert_allclose(means, expected, rtol=1e-6)
    inside = maps[mask].sum(axis=0) / maps.sum(axis=(0, 1, 2))
    np.testing.assert_allclose(coverage, inside, rtol=1e-6)


def test_least_squares_are_nilearns_on_the_maps_own_grid(maps, data):
    mask, values = data
    found, _ = region_means(values, mask, AFFINE, atlas_of(maps, sampling="least_squares"))
    expected = nilearns(nib.Nifti1Image(maps, AFFINE), mask, values)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    lstsq = np.linalg.lstsq(maps[mask].astype(float), values.T.astype(float), rcond=None)[0].T
    np.testing.assert_allclose(found, lstsq, rtol=1e-5)


@pytest.mark.parametrize("size", [2.0, 3.0, 5.0])
def test_maps_are_brought_to_the_data_as_nilearn_brings_them(maps, size):
    affine = np.diag([size, size, size, 1.0])
    affine[:3, 3] = [-13.3, -18.1, -9.2]
    mask = np.ones((int(28 // size), int(34 // size), int(24 // size)), bool)
    values = np.random.default_rng(0).normal(size=(4, mask.sum())).astype(np.float32)
    found, _ = region_means(
        values, mask, affine, atlas_of(maps, sampling="least_squares"), min_coverage=0
    )
    expected = nilearns(nib.Nifti1Image(maps, AFFINE), mask, values, affine)
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())


def test_a_map_outside_the_mask_is_nan_and_the_others_take_no_notice(maps, data):
    mask, values = data
    mask = mask.copy()
    mask[5:8, 5:10, 3:8] = False
    values = np.random.default_rng(1).normal(size=(7, mask.sum()))
    for sampling in ("weighted_mean", "least_squares"):
        found, coverage = region_means(values, mask, AFFINE, atlas_of(maps, sampling=sampling))
        assert coverage[2] < 0.5
        assert np.isnan(found[:, 2]).all()
        rest = [0, 1, 3, 4]
        alone, _ = region_means(values, mask, AFFINE, atlas_of(maps[..., rest], sampling=sampling))
        np.testing.assert_allclose(found[:, rest], alone, rtol=1e-5)


def test_constant_data_give_their_value_as_weighted_mean(maps):
    mask = np.ones(SHAPE, bool)
    means, coverage = region_means(np.full((1, mask.sum()), 7.0), mask, AFFINE, atlas_of(maps))
    np.testing.assert_allclose(means, 7)
    np.testing.assert_allclose(coverage, 1)


def test_each_voxel_is_shown_as_the_map_that_weighs_most_there(maps):
    shown = atlas_on_grid(atlas_of(maps), SHAPE, AFFINE)
    assert np.array_equal(shown > 0, maps.any(axis=-1))
    own = np.take_along_axis(maps, np.maximum(shown - 1, 0)[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(own[shown > 0], maps.max(axis=-1)[shown > 0], rtol=1e-6)
    assert len(np.unique(shown)) == 6


@pytest.fixture
def local(maps, tmp_path):
    nib.save(nib.Nifti1Image(maps, AFFINE), tmp_path / "maps.nii.gz")
    rows = "".join(f"{i}\tbump {i}\n" for i in range(1, 6))
    (tmp_path / "maps.tsv").write_text(f"index\tname\n{rows}")

    def ref(**settings):
        image, labels = str(tmp_path / "maps.nii.gz"), str(tmp_path / "maps.tsv")
        return LocalAtlas(image=image, labels=labels, **settings)

    return ref


def test_a_local_file_of_maps_serves_every_extractor(local, maps, data):
    ref = local(sampling="weighted_mean")
    atlas = load_atlas(ref)
    assert (atlas.kind, atlas.names[0], len(atlas)) == ("probabilistic", "bump_1", 5)
    still = np.random.default_rng(2).normal(5, 1, SHAPE).astype(np.float32)
    found = Regional(atlas=ref).on_image(nib.Nifti1Image(still, AFFINE))
    np.testing.assert_allclose(
        found.values, [np.average(still, weights=maps[..., i]) for i in range(5)], rtol=1e-5
    )
    mask, _ = data
    series = np.random.default_rng(5).normal(100, 5, (150, mask.sum())).astype(np.float32)
    with pytest.warns(UserWarning, match="no confounds"):
        edges = Connectome(atlas=local(sampling="least_squares")).on_image(
            image_of(mask, series), mask_img=nib.Nifti1Image(mask.astype(np.uint8), AFFINE), t_r=2
        )
    series = nilearns(nib.Nifti1Image(maps, AFFINE), mask, series)
    time = np.column_stack([np.ones(150), np.arange(150)])
    series = series - time @ np.linalg.lstsq(time, series, rcond=None)[0]
    expected = np.corrcoef(series.T)[np.triu_indices(5, 1)]
    np.testing.assert_allclose(edges.values, expected, atol=1e-4)


def test_a_map_lies_at_its_centre_of_mass(local, maps):
    from scipy.ndimage import center_of_mass

    at = load_atlas(local(sampling="weighted_mean")).labels[["x", "y", "z"]].to_numpy()
    expected = np.array([center_of_mass(maps[..., i]) for i in range(5)])
    np.testing.assert_allclose(at, expected @ AFFINE[:3, :3].T + AFFINE[:3, 3], atol=1e-4)


def test_weight_maps_can_be_drawn(maps):
    from lumbago.report.plots.brain import on_regions

    atlas = atlas_of(maps)
    drawn = on_regions({"m2": 0.5, "m5": -1.0}, atlas).get_fdata()
    shown = atlas_on_grid(atlas, SHAPE, AFFINE)
    np.testing.assert_array_equal(drawn, np.select([shown == 2, shown == 5], [0.5, -1], np.nan))


def test_the_convention_decides_the_digest(local):
    one, other = (load_atlas(local(sampling=s)) for s in ("weighted_mean", "least_squares"))
    assert one.digest != other.digest


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m * np.float32(-1), "negative weights"),
        (lambda m: np.where(np.arange(5) == 1, 0, m), "map 2 is 0 everywhere"),
        (lambda m: np.where(np.arange(5) == 1, np.nan, m), "expected numbers in every voxel"),
        (lambda m: m[..., 0], "expected 4D, one map per region, got 3D"),
        (lambda m: m[..., :4], "bump_5 not in the image"),
    ],
)
def test_maps_that_cannot_serve_are_refused_in_a_sentence(local, maps, change, reason):
    ref = local(sampling="weighted_mean")
    nib.save(nib.Nifti1Image(change(maps).astype(np.float32), AFFINE), ref.image)
    with pytest.raises(InputError, match=reason):
        load_atlas(ref)


def test_every_region_needs_a_map_of_its_own_image(maps):
    labels = pd.DataFrame({"index": [6], "name": ["x"]})
    with pytest.raises(ValueError, match="needs a map of a 4D image"):
        Atlas("a", "probabilistic", labels, "x", nib.Nifti1Image(maps, AFFINE))
