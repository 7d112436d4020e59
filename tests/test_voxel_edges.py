"""The edge table: every voxelwise measure at borders, holes, dead voxels, and in any number type.

What a value must not depend on: what lies outside the mask, on which kind of file or
array the numbers came in, and on voxels that hold no data.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from lumbago.errors import ScanRejected
from lumbago.extractors import EXTRACTORS, VoxelExtractor
from lumbago.reading.atlases import LocalAtlas
from lumbago.spec import kinds_of

SHAPE, N_VOLUMES, T_R = (9, 8, 7), 60, 2.0
SIZE = 4.0
HOLE = (4, 3, 3)
"""In the plane that is its own mirror image; the other holes of the mask come in pairs."""


def affine(size: float = SIZE) -> np.ndarray:
    """A grid that is its own mirror image about x = 0."""
    made = np.diag([size, size, size, 1.0])
    made[:3, 3] = [-size * 4, -size * 3, -size * 3]
    return made


SETTINGS = {
    "reho": {"band": None},
    "alff": {"bands": ["slow5", "slow4"]},
    "falff": {},
    "tsnr": {},
    "peraf": {},
    "intensity_sd": {},
    "seed": {"seeds": {"ball": [8.0, 4.0, 4.0]}, "radius": 5},
    "vmhc": {"band": None},
    "degree_centrality": {"band": None, "threshold": 0.1},
}
BY_KIND = {
    kind: cls for cls in EXTRACTORS if issubclass(cls, VoxelExtractor) for kind in kinds_of(cls)
}
KINDS = sorted(BY_KIND)


def test_the_table_holds_every_voxelwise_measure():
    assert set(BY_KIND) <= set(SETTINGS)


@pytest.fixture(scope="module")
def volumes() -> np.ndarray:
    """Whole numbers, which every type holds: waves shared by neighbours, noise, levels."""
    rng = np.random.default_rng(5)
    time = T_R * np.arange(N_VOLUMES)
    waves = np.stack([np.sin(2 * np.pi * f * time + p) for f, p in ((0.02, 0), (0.05, 1))])
    weights = rng.normal(size=(*SHAPE, 2))
    weights[1:] += weights[:-1]
    level = rng.integers(500, 900, (*SHAPE, 1))
    return np.round(level + 20 * weights @ waves + rng.normal(0, 12, (*SHAPE, N_VOLUMES)))


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    """Reaching the volume's border on every side, with a hole and ragged edges, both halves."""
    inside = np.ones(SHAPE, bool)
    inside[:3, :2, :2] = inside[-3:, :2, :2] = False
    inside[HOLE] = inside[2, 5, 5] = inside[6, 5, 5] = False
    return inside


def measured(
    kind: str, image, mask: np.ndarray, grid: np.ndarray | None = None, **changed
) -> dict[str, np.ndarray]:
    grid = affine() if grid is None else grid
    if isinstance(image, np.ndarray):
        image = nib.Nifti1Image(image, grid)
    extractor = BY_KIND[kind](kind=kind, **{**SETTINGS[kind], **changed})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = extractor.on_image(
            image, mask_img=nib.Nifti1Image(mask.astype(np.uint8), grid), t_r=T_R
        )
    return {name: np.asarray(of.dataobj) for name, of in found.maps.items()}


def same(found, expected, where=..., rtol=1e-4):
    """Alike but for the rounding of sums in single precision, NaN in the same voxels."""
    assert list(found) == list(expected)
    for name, values in expected.items():
        scale = np.nanmax(np.abs(values[where]), initial=0)
        np.testing.assert_allclose(found[name][where], values[where], rtol=rtol, atol=rtol * scale)


@pytest.fixture(scope="module")
def plain(volumes, mask):
    """What each measure gives of the volumes as they are."""
    cache = {}

    def of(kind):
        if kind not in cache:
            cache[kind] = measured(kind, volumes.astype(np.float32), mask)
        return cache[kind]

    return of


@pytest.mark.parametrize("kind", KINDS)
def test_values_lie_inside_the_mask_up_to_the_volumes_border(kind, plain, mask):
    for values in plain(kind).values():
        assert values.dtype == np.float32
        assert np.isnan(values[~mask]).all()
        there = np.isfinite(values)
        # VMHC has none in the plane that is its own mirror image.
        expected = mask.copy()
        if kind == "vmhc":
            expected[SHAPE[0] // 2] = False
        np.testing.assert_array_equal(there, expected)
        known = values[there]
        assert known.std() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_type_order_and_file_gives_the_same_bits(
    kind, plain, volumes, mask, tmp_path: Path
):
    expected = plain(kind)
    for dtype in (np.int16, np.float32, np.float64):
        for order in "CF":
            array = np.asarray(volumes, dtype=dtype, order=order).copy(order=order)
            before = array.copy()
            array.flags.writeable = False
            found = measured(kind, array, mask)
            same(found, expected, rtol=0)
            np.testing.assert_array_equal(array, before)
        for name in ("bold.nii", "bold.nii.gz"):
            path = tmp_path / f"{np.dtype(dtype)}_{name}"
            nib.save(nib.Nifti1Image(volumes.astype(dtype), affine()), path)
            same(measured(kind, path, mask), expected, rtol=0)
            same(measured(kind, nib.load(path), mask), expected, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outside", [0.0, 1e6, np.nan])
def test_what_lies_outside_the_mask_and_beyond_the_border_plays_no_part(
    kind, plain, volumes, mask, outside
):
    rng = np.random.default_rng(8)
    spoilt = volumes.copy()
    spoilt[~mask] = outside + rng.normal(size=spoilt[~mask].shape)
    same(measured(kind, spoilt, mask), plain(kind))
    around = ((2, 2), (3, 1), (0, 2))
    larger = np.pad(spoilt, (*around, (0, 0)), constant_values=outside)
    grid = affine()
    grid[:3, 3] -= SIZE * np.array([before for before, _ in around])
    found = measured(kind, larger, np.pad(mask, around), grid)
    inside = tuple(slice(b, b + n) for (b, _), n in zip(around, SHAPE, strict=True))
    same({name: values[inside] for name, values in found.items()}, plain(kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("without", ["constant", "zero", "nan", "infinite"])
def test_a_voxel_without_data_is_a_voxel_outside_the_mask(kind, volumes, mask, without):
    at = [(0, 4, 3), (5, 7, 6)] if without in ("constant", "zero") else [(5, 7, 6)]
    spoilt, smaller = volumes.copy(), mask.copy()
    for voxel in at:
        smaller[voxel] = False
        if without in ("constant", "zero"):
            spoilt[voxel] = 700.0 if without == "constant" else 0.0
        else:
            spoilt[(*voxel, 17)] = np.nan if without == "nan" else np.inf
    found = measured(kind, spoilt, mask)
    assert all(np.isnan(values[tuple(np.array(at).T)]).all() for values in found.values())
    same(found, measured(kind, volumes, smaller))


ALONE = {"reho": None, "seed": None, "vmhc": "mirror image", "degree_centrality": None}
"""What one voxel alone has of each: no value, or the words of a refusal; else its own value."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_of_one_voxel_is_measured_or_refused_in_a_sentence(kind, plain, volumes, mask):
    at = (6, 4, 4)
    alone = np.zeros(SHAPE, bool)
    alone[at] = True
    settings = {"seeds": {"ball": [8.0, 4.0, 4.0]}, "radius": 1} if kind == "seed" else {}
    if isinstance(ALONE.get(kind), str):
        with pytest.raises(ScanRejected, match=ALONE[kind]):
            measured(kind, volumes, alone, **settings)
        return
    found = measured(kind, volumes, alone, **settings)
    for name, values in found.items():
        assert np.isnan(values[~alone]).all()
        if kind in ALONE:
            assert not np.isfinite(values[at]) or values[at] == 0
        else:
            assert values[at] == pytest.approx(plain(kind)[name][at], rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_smoothing_stays_inside_the_mask_and_leaves_regional_means_alone(
    kind, plain, volumes, mask, tmp_path
):
    from lumbago.measures.smoothing import smooth

    found = measured(kind, volumes, mask, smooth=6.0, normalize="zscore")
    standard = measured(kind, volumes, mask, normalize="zscore")
    # DPABI's order: standardized first, then smoothed.
    same(found, {n: smooth(v, 6.0, affine()).astype(np.float32) for n, v in standard.items()})
    for name, values in found.items():
        np.testing.assert_array_equal(np.isfinite(values), np.isfinite(plain(kind)[name]))
    atlas = halves(tmp_path, SIZE)
    image = nib.Nifti1Image(volumes, affine())
    where = nib.Nifti1Image(mask.astype(np.uint8), affine())
    means = []
    for fwhm in (None, 6.0):
        extractor = BY_KIND[kind](kind=kind, atlas=atlas, smooth=fwhm, **SETTINGS[kind])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            means.append(extractor.on_image(image, mask_img=where, t_r=T_R).values)
    np.testing.assert_array_equal(*means)
    assert np.isfinite(means[0]).all()


def halves(folder: Path, size: float) -> LocalAtlas:
    """An atlas of one's own on the grid of the data: left and right, the middle in neither."""
    labels = np.zeros(SHAPE, np.int16)
    labels[:4], labels[5:] = 1, 2
    nib.save(nib.Nifti1Image(labels, affine(size)), folder / "halves.nii.gz")
    (folder / "halves.tsv").write_text("index\tname\n1\tleft\n2\tright\n")
    return LocalAtlas(
        image=str(folder / "halves.nii.gz"), labels=str(folder / "halves.tsv"), space="unknown"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_rat_is_measured_as_a_human_is(kind, volumes, mask, tmp_path):
    size = 0.3
    ratio = size / SIZE
    settings = dict(SETTINGS[kind])
    if kind == "seed":
        settings |= {"seeds": {"ball": [ratio * 8, ratio * 4, ratio * 4]}, "radius": ratio * 5}
    values = {}
    for voxel in (size, SIZE):
        extractor = BY_KIND[kind](
            kind=kind, atlas=halves(tmp_path, voxel),
            **(settings if voxel == size else SETTINGS[kind]),
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = extractor.on_image(
                nib.Nifti1Image(volumes, affine(voxel)),
                mask_img=nib.Nifti1Image(mask.astype(np.uint8), affine(voxel)), t_r=T_R,
            )  # fmt: skip
        values[voxel] = found.values
    assert np.isfinite(values[size]).all()
    np.testing.assert_allclose(values[size], values[SIZE], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_that_never_changes_is_refused_in_a_sentence(kind, mask):
    still = np.full((*SHAPE, N_VOLUMES), 100, np.float32)
    with pytest.raises(ScanRejected, match="no voxel of the brain changes over the kept volumes"):
        measured(kind, still, mask)
