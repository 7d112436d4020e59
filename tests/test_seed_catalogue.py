"""The catalogue of pain seeds: every place from its source, and where its name says."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import NiftiSpheresMasker
from pydantic import ValidationError
from scipy import ndimage

from lumbago.data import Atlas
from lumbago.data.packaged import atlases_folder
from lumbago.extractors import Seed
from lumbago.reading.atlases import Spheres, load_atlas
from lumbago.reading.sampling import atlas_on_grid, region_means
from lumbago.reading.seeds import SeedRegion

FOLDER = atlases_folder() / "pain_seeds"
ABOUT = json.loads((FOLDER / "atlas.json").read_text())
# What the 200 Schaefer parcels around a cortical seed are called.
CORTEX = {
    "S1_back": ("SomMot",),
    "insula_anterior": ("FrOperIns",),
    "insula_mid": ("FrOperIns", "SomMot"),
    "insula_posterior": ("SomMot",),
    "ACC": ("PFCmp", "Default_PFC"),
    "dACC": ("SalVentAttn_Med", "PFCmp"),
    "mPFC": ("Default_PFC",),
    "vmPFC": ("Default_PFC",),
    "DLPFC": ("Cont_PFCl",),
}


@pytest.fixture(scope="module")
def seeds() -> Atlas:
    return load_atlas("pain_seeds")


def at(table) -> np.ndarray:
    return table[["x", "y", "z"]].to_numpy(dtype=float)


def labelled(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Places in mm, and labels, of the labelled voxels of an image."""
    image = nib.load(path)
    labels = np.asarray(image.dataobj).astype(int)
    voxels = np.argwhere(labels > 0)
    world = voxels @ image.affine[:3, :3].T + image.affine[:3, 3]
    return world, labels[tuple(voxels.T)]


def test_every_seed_tells_its_source_side_and_size(seeds):
    table = seeds.labels
    assert set(table["verified"]) == {"computed", "quoted", "transcribed"}
    for column in ("doi", "licence", "source", "structure", "place"):
        assert (table[column].str.len() > 0).all()
    assert all(f"doi:{doi}" in ABOUT["citation"] for doi in set(table["doi"]))
    side = np.select([table["x"] < 0, table["x"] > 0], ["L", "R"], "M")
    midline = table["hemisphere"] == "M"
    assert (table["hemisphere"] == side)[~midline].all()
    assert (table["x"].abs()[midline] <= 1).all()
    assert [n for n in seeds.names if n.endswith(("_L", "_R"))] == [
        n for n, h in zip(seeds.names, table["hemisphere"], strict=True)
        if h != "M" and n.endswith(f"_{h}")
    ]  # fmt: skip
    assert ((seeds.radii >= 1) & (seeds.radii <= 5)).all()
    wanted = ("VTA", "habenula", "thalamus", "PAG", "insula", "ACC", "mPFC", "accumbens", "S1_back",
              "DLPFC")  # fmt: skip
    assert all(any(n.startswith(w) for n in seeds.names) for w in wanted)
    assert "mid-cingulate cortex" in ABOUT["missing"]


def test_computed_places_are_centres_of_mass_and_lie_in_their_structures(seeds, shared_data):
    rows = seeds.labels[seeds.labels["verified"] == "computed"]
    assert len(rows) == 22
    for row in rows.itertuples():
        file, rest = row.source.split(", label ")
        index, size = int(rest.split(",")[0]), int(rest.split(", ")[1].split()[0])
        image = nib.load(shared_data / "atlases" / file)
        inside = np.asarray(image.dataobj) == index
        expected = nib.affines.apply_affine(image.affine, ndimage.center_of_mass(inside))
        np.testing.assert_allclose([row.x, row.y, row.z], expected, atol=0.051)
        voxel = nib.affines.apply_affine(np.linalg.inv(image.affine), [row.x, row.y, row.z])
        assert inside[tuple(np.rint(voxel).astype(int))]
        assert inside.sum() == size
        ball = 4 / 3 * np.pi * row.radius**3
        assert ball == pytest.approx(size, rel=0.11) if row.radius < 5 else size > ball


def test_the_script_makes_the_catalogue_again_byte_by_byte(shared_data, tmp_path):
    subprocess.run(
        [sys.executable, FOLDER / "make.py", shared_data / "atlases", tmp_path],
        check=True, capture_output=True,
    )  # fmt: skip
    for name in ("labels.tsv", "atlas.json"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_a_bent_structure_is_met_inside(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import make

    straight = np.argwhere(np.ones((3, 1, 1)))
    assert make.centre(straight, np.eye(4))[1] == "centre of mass"
    bent = np.array([[x, y, 0] for x in range(9) for y in range(9) if max(x, y) == 8 or x == 0])
    place, how = make.centre(bent, np.diag([2.0, 2, 2, 1]))
    assert how == "voxel of the structure nearest to its centre of mass"
    assert (place / 2).tolist() in bent.tolist()
    middle = bent.mean(axis=0)
    assert np.linalg.norm(place / 2 - middle) == np.linalg.norm(bent - middle, axis=1).min()


def test_quoted_places_are_those_of_the_published_table(seeds):
    published = load_atlas("dosenbach160").labels.set_index("index")
    rows = seeds.labels[seeds.labels["verified"] == "quoted"]
    assert len(rows) == 17
    for row in rows.itertuples():
        number = int(row.source.split("'")[1].split()[-1])
        there = published.loc[number]
        assert [row.x, row.y, row.z] == [there["x"], there["y"], there["z"]]
        assert there["name"] == f"{row.structure.replace(' ', '_')}_{number}"
        assert there["network"] == row.network


def test_cortical_seeds_lie_in_the_parcels_of_their_names(seeds, shared_data):
    stem = shared_data / "atlases/Schaefer2018_200Parcels_7Networks_order_Tian_Subcortex_S1"
    world, labels = labelled(Path(f"{stem}_3T_MNI152NLin2009cAsym_2mm.nii.gz"))
    names = np.array(Path(f"{stem}_label.txt").read_text().splitlines()[::2])[labels - 1]
    checked = 0
    for row, radius in zip(seeds.labels.itertuples(), seeds.radii, strict=True):
        structure = next((c for c in CORTEX if row.name.startswith(c)), None)
        if structure is None:
            continue
        near = names[np.linalg.norm(world - [row.x, row.y, row.z], axis=1) <= radius]
        assert len(near) >= 15, row.name
        # At least half of the grey matter in the ball is called so, and none is on the other side.
        assert np.mean([any(w in n for w in CORTEX[structure]) for n in near]) >= 0.5, row.name
        if abs(row.x) > radius:
            other = "RL"["LR".index(row.hemisphere)]
            assert not any(f"_{other}H_" in n or f"-{other.lower()}h" in n for n in near), row.name
        checked += 1
    assert checked == 19


def test_nuclei_lie_where_other_atlases_have_them(seeds, shared_data):
    stem = shared_data / "atlases/Schaefer2018_200Parcels_7Networks_order_Tian_Subcortex_S1"
    world, labels = labelled(Path(f"{stem}_3T_MNI152NLin2009cAsym_2mm.nii.gz"))
    names = np.array(Path(f"{stem}_label.txt").read_text().splitlines()[::2])[labels - 1]
    for row in seeds.labels.itertuples():
        kind = {"thalamus": "THA", "accumbens": "NAc"}.get(row.name.split("_")[0])
        if kind is not None:
            side = row.hemisphere.lower()
            there = world[[n.endswith(f"{kind}-{side}h") for n in names]]
            assert np.linalg.norm(there - [row.x, row.y, row.z], axis=1).min() < 2.5, row.name
    by_name = dict(zip(seeds.names, at(seeds.labels), strict=True))
    # The grey matter around the aqueduct: behind and above the tegmentum, below the habenula.
    for side in "LR":
        assert by_name["PAG"][1] < by_name[f"VTA_{side}"][1]
        assert by_name[f"VTA_{side}"][2] < by_name["PAG"][2] < by_name[f"habenula_{side}"][2]


def test_every_ball_has_its_own_radius(seeds):
    shape, affine = (90, 100, 70), nib.affines.from_matvec(np.eye(3) * 1.5, [-65.0, -70, -25])
    values = np.random.default_rng(0).normal(size=(2, *shape))
    world = nib.affines.apply_affine(affine, np.stack(np.indices(shape), axis=-1))
    means, coverage = region_means(values.reshape(2, -1), np.ones(shape, bool), affine, seeds)
    for i, (centre, radius) in enumerate(zip(at(seeds.labels), seeds.radii, strict=True)):
        distance = np.linalg.norm(world - centre, axis=-1)
        inside = (distance <= radius) | (distance == distance.min())
        np.testing.assert_allclose(means[:, i], values[:, inside].mean(axis=1), atol=1e-6)
    assert coverage.min() == 1
    # What lies outside the balls says only which volumes hold anything.
    inside = np.isin(atlas_on_grid(seeds, shape, affine), range(1, 43)).ravel()
    holed = np.where(inside, values.reshape(2, -1), np.nan)
    holed[1, inside] = np.nan
    few, _ = region_means(holed, np.ones(shape, bool), affine, seeds)
    np.testing.assert_array_equal(few[0], means[0])
    assert np.isnan(few[1]).all()
    holed[1, ~inside] = 7.0
    none, _ = region_means(holed, np.ones(shape, bool), affine, seeds)
    assert np.isnan(none).all()
    same = load_atlas(Spheres(coordinates="pain_seeds", radius=5))
    assert (same.radii == 5).all()
    wider = replace(seeds, labels=seeds.labels.assign(radius=seeds.radii + 1))
    assert len({a.digest for a in (seeds, same, wider)}) == 3
    with pytest.raises(ValueError, match="radii are more than 0"):
        replace(seeds, labels=seeds.labels.assign(radius=0.0))


def test_seeds_are_named_all_at_once_or_one_by_one(seeds):
    everything = Seed(seeds="pain_seeds")
    assert tuple(everything.seeds) == seeds.names
    (taken,) = everything.load_seeds()
    np.testing.assert_array_equal(taken.radii, seeds.radii)
    few = Seed.model_validate_json('{"seeds": ["PAG", "VTA_L"]}', strict=True)
    spelt = Seed(seeds={n: SeedRegion(atlas="pain_seeds", region=n) for n in ("PAG", "VTA_L")})
    assert few == spelt
    assert few.digest() == spelt.digest()
    assert few.atlas_digest() != everything.atlas_digest()
    assert len(Seed(seeds="lumbago200").seeds) == 200
    assert Seed(seeds="PAG") == Seed(seeds=["PAG"])
    for wrong, words in (
        ("pain_seed", "did you mean 'pain_seeds'"), (["VTA"], "has no region 'VTA'; did you mean"),
        (["PAG", "PAG"], "stands twice"), ([], "at least 1 item"),
    ):  # fmt: skip
        with pytest.raises(ValidationError, match=words):
            Seed(seeds=wrong)


def test_the_methods_text_names_the_publications_of_the_catalogue(seeds):
    from lumbago.report.methods import _measure
    from lumbago.report.references import BIBLIOGRAPHY

    told = _measure(Seed(seeds=["VTA_L", "PAG"]).canonical())
    assert "seeds VTA_L and PAG (regions of pain_seeds" in told
    cited = {key for key in BIBLIOGRAPHY if key in told}
    assert {BIBLIOGRAPHY[key].doi for key in cited} == set(seeds.labels["doi"])
    assert "regions of" not in _measure(Seed(seeds={"a": (0, 0, 0)}).canonical())


def test_230_coordinates_in_one_pass_are_nilearns_one_by_one():
    shape, n_volumes = (20, 22, 18), 60
    affine = nib.affines.from_matvec(np.eye(3) * 4, [-38.0, -44, -30])
    rng = np.random.default_rng(3)
    wave = rng.normal(size=n_volumes)
    volumes = rng.normal(size=(*shape, n_volumes)) + rng.random((*shape, 1)) * wave
    image = nib.Nifti1Image(volumes.astype("f4"), affine)
    low, high = nib.affines.apply_affine(affine, [[2, 2, 2], [17, 19, 15]])
    centres = rng.uniform(low, high, (230, 3)).round(1)
    everywhere = nib.Nifti1Image(np.ones(shape, np.uint8), affine)
    extractor = Seed(
        seeds={f"s{i}": tuple(c) for i, c in enumerate(centres)}, radius=6, denoise=None,
        fisher_z=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = extractor.on_image(image, mask_img=everywhere, t_r=2.0).maps
        series = NiftiSpheresMasker([tuple(c) for c in centres], radius=6, allow_overlap=True,
                                    standardize=None).fit_transform(image)  # fmt: skip
    assert len(found) == 230
    flat = volumes.reshape(-1, n_volumes).astype("f4").astype(float)
    some = rng.choice(len(flat), 300, replace=False)
    for i in range(230):
        r = np.corrcoef(series[:, i], flat[some])[0, 1:]
        np.testing.assert_allclose(found[f"s{i}"].get_fdata().ravel()[some], r, atol=2e-6)
