"""Seed connectivity: numpy's correlations, whatever a seed is made of."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import lumbago
from lumbago.data import Scan
from lumbago.errors import InputError, ScanRejected
from lumbago.experiment.shape import places
from lumbago.extraction.kept import public_spec
from lumbago.extractors import Connectome, Seed
from lumbago.measures.cleaning import clean, cleaning_operator
from lumbago.measures.connectivity import seed_correlation
from lumbago.reading.atlases import AtlasRef, LocalAtlas, Spheres, load_atlas
from lumbago.reading.denoise import Denoise, Scrub
from lumbago.reading.recording import Recording
from lumbago.reading.seeds import SeedMask, SeedRegion

SHAPE = (8, 9, 7)
N_VOLUMES, T_R = 120, 2.0
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
AFFINE[:3, 3] = [-16, -20, -12]


@pytest.fixture(scope="module")
def volumes() -> np.ndarray:
    rng = np.random.Generator(np.random.PCG64(21))
    wave = rng.normal(size=N_VOLUMES)
    weight = rng.uniform(0, 2, SHAPE)
    return (300 + weight[..., None] * wave + rng.normal(size=(*SHAPE, N_VOLUMES))).astype("f4")


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    inside = np.ones(SHAPE, bool)
    inside[:, :, 5:] = False
    return inside


@pytest.fixture(scope="module")
def atlas(tmp_path_factory) -> LocalAtlas:
    labels = np.zeros(SHAPE, np.int16)
    labels[1:4, 1:8, 1:5] = 1
    labels[5:8, 1:8, 1:5] = 2
    folder = tmp_path_factory.mktemp("private_place")
    nib.save(nib.Nifti1Image(labels, AFFINE), folder / "two_dseg.nii.gz")
    (folder / "two.tsv").write_text("index\tname\n1\tleft\n2\tright\n")
    return LocalAtlas(image=str(folder / "two_dseg.nii.gz"), labels=str(folder / "two.tsv"))


@pytest.fixture(scope="module")
def mask_seed(tmp_path_factory) -> tuple[SeedMask, np.ndarray]:
    inside = np.zeros(SHAPE, bool)
    inside[2:5, 3:6, 0:2] = True
    path = tmp_path_factory.mktemp("private_place") / "seed_mask.nii.gz"
    nib.save(nib.Nifti1Image(inside.astype(np.float32), AFFINE), path)
    return SeedMask(image=str(path)), inside


@pytest.fixture
def measure(volumes, mask):
    image = nib.Nifti1Image(volumes, AFFINE)

    def measured(extractor, image=image):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            mask_image = nib.Nifti1Image(mask.astype(np.uint8), AFFINE)
            return extractor.on_image(image, mask_img=mask_image, t_r=T_R)

    return measured


def ball(centre, radius):
    at = np.stack(np.indices(SHAPE), -1) @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    return np.linalg.norm(at - centre, axis=-1) <= radius


def expected_map(cleaned, mask, seed):
    """Correlations by numpy, voxel by voxel; NaN outside the mask."""
    series = cleaned[:, seed[mask]].astype(np.float64).mean(axis=1)
    r = np.full(SHAPE, np.nan)
    r[mask] = [np.corrcoef(series, v)[0, 1] for v in cleaned.T.astype(np.float64)]
    return r


def test_maps_are_numpys_correlations_with_the_mean_of_each_kind_of_seed(
    measure, volumes, mask, atlas, mask_seed
):
    seeds = {
        "ball": (0.0, 0.0, -4.0),
        "hand": mask_seed[0],
        "left": SeedRegion(atlas=atlas, region="left"),
        "power": SeedRegion(atlas=Spheres(coordinates="power264", radius=9), region="Power_1"),
    }
    with pytest.raises(InputError, match="no region 'lefty'; did you mean 'left'"):
        Seed(seeds={"x": SeedRegion(atlas=atlas, region="lefty")}).load_seeds()
    found = measure(Seed(seeds=seeds, radius=6, fisher_z=False, band=(0.01, 0.1)))
    operator = cleaning_operator(N_VOLUMES, t_r=T_R, band=(0.01, 0.1))
    cleaned = clean(volumes[mask].T, operator)
    labels = np.asarray(nib.load(atlas.image).dataobj)
    inside = {"ball": ball((0, 0, -4), 6), "hand": mask_seed[1], "left": labels == 1}
    assert list(found.maps) == list(seeds)
    assert found.names == ()
    for name, seed in inside.items():
        np.testing.assert_allclose(
            found.maps[name].get_fdata(), expected_map(cleaned, mask, seed & mask), atol=1e-6
        )
    assert np.isnan(found.maps["power"].get_fdata()).all()  # that coordinate lies elsewhere
    assert any("seed power lies in the brain mask" in note for note in found.notes)
    assert not any("seed hand" in note for note in found.notes)


def test_several_regions_of_one_atlas_are_each_alone_even_twice(measure, atlas):
    both = {
        "a": SeedRegion(atlas=atlas, region="right"),
        "b": SeedRegion(atlas=atlas, region="left"),
        "c": SeedRegion(atlas=atlas, region="right"),
    }
    found = measure(Seed(seeds=both)).maps
    for name, seed in both.items():
        alone = measure(Seed(seeds={name: seed})).maps[name]
        np.testing.assert_array_equal(found[name].get_fdata(), alone.get_fdata())
    assert [a.names for a in Seed(seeds=both).load_seeds()] == [("b", "a"), ("c",)]


def test_scrubbed_volumes_take_no_part(volumes, mask, tmp_path):
    fd = np.where(np.random.default_rng(4).random(N_VOLUMES) < 0.1, 0.9, 0.1)
    spoilt = volumes.copy()
    spoilt[..., fd > 0.5] += 1e4
    paths = {
        "bold": tmp_path / "sub-01_task-rest_space-MNI_desc-preproc_bold.nii.gz",
        "mask": tmp_path / "sub-01_task-rest_space-MNI_desc-brain_mask.nii.gz",
        "confounds": tmp_path / "sub-01_task-rest_desc-confounds_timeseries.tsv",
    }
    image = nib.Nifti1Image(spoilt, AFFINE)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((4, 4, 4, T_R))
    nib.save(image, paths["bold"])
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), AFFINE), paths["mask"])
    table = pd.DataFrame({"framewise_displacement": fd})
    for i, axis in enumerate(("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")):
        table[axis] = np.random.default_rng(i).normal(size=N_VOLUMES)
    table.to_csv(paths["confounds"], sep="\t", index=False)
    kept = np.flatnonzero(fd <= 0.5)
    motion = table.drop(columns="framewise_displacement").to_numpy()
    cleaned = clean(volumes[mask].T, cleaning_operator(N_VOLUMES, confounds=motion, kept=kept))
    denoise = Denoise(strategy="motion6", scrub=Scrub(fd=0.5))
    extractor = Seed(seeds={"ball": (0, 0, -4)}, denoise=denoise, fisher_z=False)
    recording = Recording(Scan("sub-01", files=paths, t_r=T_R))
    found = extractor.extract(recording).maps["ball"].get_fdata()
    expected = expected_map(cleaned, mask, ball((0, 0, -4), 5) & mask)
    np.testing.assert_allclose(found, expected, atol=1e-5)  # cleaned twice, in single precision


def test_regional_values_are_means_of_the_map(measure, atlas, mask):
    seeds = {"ball": (0, 0, -4), "low": (-8, -8, 0)}
    found = measure(Seed(seeds=seeds, atlas=atlas))
    assert found.names == (".ball:left", ".ball:right", ".low:left", ".low:right")
    labels = np.asarray(nib.load(atlas.image).dataobj)
    maps = [found.maps[name].get_fdata() for name in seeds]
    expected = [np.nanmean(m[(labels == i) & mask]) for m in maps for i in (1, 2)]
    np.testing.assert_allclose(found.values, expected, rtol=1e-5)
    assert list(found.coverage) == ["left", "right"]


def test_fishers_z_is_the_default_and_a_voxel_that_is_its_own_seed_has_none(measure):
    r = measure(Seed(seeds={"one": (0, 0, 0)}, radius=1, fisher_z=False)).maps["one"].get_fdata()
    z = measure(Seed(seeds={"one": (0, 0, 0)}, radius=1)).maps["one"].get_fdata()
    assert (np.abs(r) > 1 - 1e-6).sum() == 1
    itself = np.abs(r) > 1 - 1e-6
    assert np.isnan(z[itself]).all()
    np.testing.assert_allclose(z[~itself], np.arctanh(r[~itself]), atol=1e-5)
    assert np.nanmax(np.abs(z)) < 3
    assert Seed(seeds={"a": (0, 0, 0)}).average == "mean"
    assert Seed(seeds={"a": (0, 0, 0)}, fisher_z=False).average == "fisher_z"


def test_many_seeds_at_once_are_each_seed_alone_at_any_number_of_voxels():
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(40, 4096 + 4096 + 17)).astype(np.float32)
    seeds = rng.normal(size=(40, 3))
    found = seed_correlation(signals, seeds)
    for i in (0, 4095, 4096, 8191, 8192, 8208):
        for k in range(3):
            expected = np.corrcoef(signals[:, i].astype(float), seeds[:, k])[0, 1]
            assert found[k, i] == pytest.approx(expected, abs=1e-12)


def test_seeds_that_all_lie_elsewhere_reject_the_scan(measure):
    with pytest.raises(ScanRejected, match="E_SEED_ELSEWHERE"):
        measure(Seed(seeds={"far": (200, 200, 200)}))
    two = nib.Nifti1Image(np.random.default_rng(0).normal(size=(*SHAPE, 2)).astype("f4"), AFFINE)
    with pytest.raises(ScanRejected, match="E_SHORT"):
        measure(Seed(seeds={"a": (0, 0, 0)}, denoise=None), two)


def test_what_a_seed_is_made_of_decides_the_digest_and_no_folder_is_told(
    atlas, mask_seed, tmp_path
):
    def seed(**seeds):
        return Seed(seeds=seeds)

    one = seed(a=mask_seed[0])
    digests = {
        one.atlas_digest(),
        seed(a=(0, 0, 0)).atlas_digest(),
        seed(a=(0, 0, 1)).atlas_digest(),
        Seed(seeds={"a": (0, 0, 0)}, radius=6).atlas_digest(),
        seed(a=SeedRegion(atlas=atlas, region="left")).atlas_digest(),
        seed(a=SeedRegion(atlas=atlas, region="right")).atlas_digest(),
        Seed(seeds={"a": (0, 0, 0)}, atlas=atlas).atlas_digest(),
    }
    assert len(digests) == 7
    copy = tmp_path / "seed_mask.nii.gz"
    copy.write_bytes(Path(mask_seed[0].image).read_bytes())
    moved = seed(a=SeedMask(image=str(copy)))
    assert moved.atlas_digest() == one.atlas_digest()
    assert public_spec(moved) == public_spec(one)
    told = json.dumps(public_spec(seed(a=mask_seed[0], b=SeedRegion(atlas=atlas, region="left"))))
    assert "private_place" not in told
    assert "seed_mask.nii.gz" in told


def test_masks_that_cannot_serve_are_told_all_at_once(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros(SHAPE, np.uint8), AFFINE), tmp_path / "empty.nii.gz")
    seeds = {
        "a": SeedMask(image=str(tmp_path / "empty.nii.gz")),
        "b": SeedMask(image=str(tmp_path / "nowhere.nii.gz")),
    }
    with pytest.raises(InputError) as caught:
        Seed(seeds=seeds).load_seeds()
    assert [str(p).split(":")[0] for p in caught.value.problems] == ["seed a", "seed b"]
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [{"seeds": {}}, {"seeds": {"a.b": (0, 0, 0)}}, {"seeds": {"a": (0, 0)}},
     {"seeds": {"a": (0, 0, 0)}, "radius": 0}, {"seeds": {"a": (0, 0, 0)}, "normalize": "mean"},
     {"seeds": {"a": {"region": "x"}}}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValidationError):
        Seed(**settings)


def test_a_yaml_file_may_name_seeds_of_every_kind_and_their_paths_are_found():
    data = {
        "kind": "seed",
        "seeds": {
            "pcc": [0, -52, 18.5],
            "mask": {"image": "m.nii.gz"},
            "region": {"atlas": {"image": "a.nii.gz", "labels": "a.tsv"}, "region": "left"},
        },
    }
    seed = Seed.model_validate_json(json.dumps(data), strict=True)
    assert isinstance(seed.seeds["pcc"], tuple)
    found = {place for place, _, value in places(Seed, data) if isinstance(value, str)}
    assert {("seeds", "mask", "image"), ("seeds", "region", "atlas", "labels")} <= found
    found = {p for p, _, v in places(AtlasRef, {"coordinates": "x.tsv"}) if isinstance(v, str)}
    assert found == {("coordinates",)}


def test_a_cohorts_seeds_come_out_of_the_store_and_no_folder_into_it(
    tiny_cohort_folder, tmp_path, monkeypatch
):
    denoise = Denoise(strategy="motion6")
    cohort = lumbago.read_bids(tiny_cohort_folder, task="rest", space="MNI152NLin2009aSym")
    cohort = cohort.keep("participant_id in ['sub-01', 'sub-02']")
    mask = np.asarray(load_atlas("lumbago200").image.dataobj) == 3
    folder = tmp_path / "private_place"
    folder.mkdir()
    affine = load_atlas("lumbago200").image.affine
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), affine), folder / "third.nii.gz")
    features = {
        "seeds": Seed(
            seeds={
                "region": SeedRegion(atlas="lumbago200", region=load_atlas("lumbago200").names[2]),
                "mask": SeedMask(image=str(folder / "third.nii.gz")),
            },
            atlas="lumbago200", denoise=denoise,
        ),
        "partial": Connectome(measure="partial_correlation", atlas="dosenbach160", denoise=denoise),
    }  # fmt: skip
    store = lumbago.Store(tmp_path / "store")
    first = lumbago.extract(cohort, features, store=store)
    values = first["seeds"].values
    names = load_atlas("lumbago200").names
    assert list(values.columns) == [
        f"seeds.{seed}:{name}" for seed in ("region", "mask") for name in names
    ]
    # The mask holds the region's voxels, and is brought to the data in the same way.
    np.testing.assert_allclose(values.iloc[:, :200], values.iloc[:, 200:], rtol=1e-6)
    assert np.isfinite(values.to_numpy()).mean() > 0.9
    assert np.isfinite(first["partial"].values.to_numpy()).mean() > 0.9

    def never(*_):
        raise AssertionError("a scan was measured again")

    monkeypatch.setattr("lumbago.reading.recording.Recording.voxels", never)
    monkeypatch.setattr("lumbago.reading.recording.Recording.regions", never)
    second = lumbago.extract(cohort, features, store=store)
    for key in features:
        pd.testing.assert_frame_equal(second[key].values, first[key].values)
    for file in (tmp_path / "store").rglob("*.json"):
        assert "private_place" not in file.read_text()


def test_values_change_only_together_with_the_version_of_their_formula(measure, atlas):
    assert Seed.version == 1
    found = measure(Seed(seeds={"ball": (0, 0, -4)}, atlas=atlas))
    np.testing.assert_allclose(found.values, [0.7896985, 0.7172654], rtol=1e-4)
