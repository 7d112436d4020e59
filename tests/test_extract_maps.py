"""Maps on disk: what smoothing, bands and small animals make of names, sidecars and notes."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from lumbago import cli
from lumbago.measures.smoothing import smooth

SHAPE, N_VOLUMES = (16, 18, 12), 130


def call(*arguments: object) -> int:
    """Run the command line in this process and return its exit code."""
    return cli._exit_code([str(a) for a in arguments])


@pytest.fixture
def scanned(tmp_path: Path):
    """Save a ball of noise at some voxel size; return the image and its mask."""

    def saved(size) -> tuple[Path, Path]:
        affine = np.diag([*size, 1.0])
        affine[:3, 3] = -np.array(size) * (np.array(SHAPE) - 1) / 2
        inside = np.linalg.norm(np.indices(SHAPE).T - (7.5, 8.5, 5.5), axis=-1).T < 6
        rng = np.random.default_rng(0)
        data = np.zeros((*SHAPE, N_VOLUMES), np.float32)
        data[inside] = 900 + 10 * rng.standard_normal((int(inside.sum()), N_VOLUMES))
        image = nib.Nifti1Image(data, affine)
        image.header.set_xyzt_units("mm", "sec")
        image.header.set_zooms((*size, 2.0))
        mask = nib.Nifti1Image(inside.astype(np.uint8), affine)
        for made in (image, mask):
            made.set_sform(affine, 1)
            made.set_qform(affine, 1)
        nib.save(image, tmp_path / "sub-1_task-rest_bold.nii.gz")
        nib.save(mask, tmp_path / "mask.nii.gz")
        return tmp_path / "sub-1_task-rest_bold.nii.gz", tmp_path / "mask.nii.gz"

    return saved


def test_smoothed_maps_say_so_and_regional_values_do_not(scanned, tmp_path):
    image, mask = scanned((10.0, 10.0, 12.0))
    output = tmp_path / "out"
    wanted = ("extract", image, "--mask", mask, "-k", "alff", "-k", "tsnr", "-s", "denoise=null")
    assert call(*wanted, "-o", output, "-s", "smooth=18", "-s", "alff.normalize=mean",
                "-s", "alff.bands=slow5,slow4", "--atlas", "lumbago200") == 0  # fmt: skip
    folder = output / "sub-1/func"
    names = {p.name.removeprefix("sub-1_task-rest") for p in folder.glob("*boldmap.nii.gz")}
    assert names == {
        "_stat-alff_desc-slow5MeanSmooth_boldmap.nii.gz",
        "_stat-alff_desc-slow4MeanSmooth_boldmap.nii.gz",
        "_stat-tsnr_desc-smooth_boldmap.nii.gz",
    }
    told = json.loads((folder / "sub-1_task-rest_stat-tsnr_desc-smooth_boldmap.json").read_text())
    assert (told["SmoothingFWHM"], told["SmoothingUnits"], told["Units"]) == (18, "mm", "1")
    [table] = folder.glob("*atlas-lumbago200_stat-tsnr_bold.json")
    assert "SmoothingFWHM" not in json.loads(table.read_text())

    plain = tmp_path / "plain"
    assert call(*wanted, "-o", plain) == 0
    stem = "sub-1/func/sub-1_task-rest_stat-tsnr"
    expected = nib.load(plain / f"{stem}_boldmap.nii.gz")
    brain = np.asarray(nib.load(mask).dataobj) > 0
    values = np.where(brain, expected.get_fdata(), np.nan)
    found = nib.load(output / f"{stem}_desc-smooth_boldmap.nii.gz").get_fdata()
    np.testing.assert_allclose(found[brain], smooth(values, 18, expected.affine)[brain], rtol=1e-5)
    assert (found[~brain] == 0).all()


def test_sidecars_name_the_filter_of_every_band(scanned, tmp_path):
    image, mask = scanned((10.0, 10.0, 12.0))
    output = tmp_path / "out"
    assert call(
        "extract", image, "--mask", mask, "-k", "connectome", "-k", "reho", "-o", output,
        "--atlas", "lumbago200", "-s", "connectome.bands=slow5,slow2", "-s", "reho.band=slow2",
    ) == 0  # fmt: skip
    folder = output / "sub-1/func"
    [reho] = folder.glob("*stat-reho_boldmap.json")
    assert edges(reho) == {"Bandpass filter": (0.198, 0.25)}
    tables = sorted(folder.glob("*relmat.json"))
    assert [p.name.split("desc-")[1] for p in tables] == ["slow2_relmat.json", "slow5_relmat.json"]
    assert edges(tables[0]) == {
        "Bandpass filter slow5": (0.01, 0.027),
        "Bandpass filter slow2": (0.198, 0.25),
    }


def test_a_sidecar_tells_its_own_band_seed_and_columns(scanned, tmp_path):
    image, mask = scanned((10.0, 10.0, 12.0))
    output = tmp_path / "out"
    assert call(
        "extract", image, "--mask", mask, "-k", "falff", "seed", "quality", "-o", output,
        "-s", "bands=slow5,slow4", "-s", "seed.seeds=PAG,accumbens_L",
    ) == 0  # fmt: skip
    folder = output / "sub-1/func"
    told = {p.name.split("stat-")[1].removesuffix(".json"): json.loads(p.read_text())
            for p in folder.glob("*stat-*.json")}  # fmt: skip
    slow4 = {"Name": "slow4", "Low": 0.027, "High": 0.073, "Units": "Hz"}
    assert told["falff_desc-slow4_boldmap"]["Band"] == slow4
    assert told["falff_desc-slow5_boldmap"]["Band"]["Name"] == "slow5"
    assert "share" in told["falff_desc-slow5_boldmap"]["Description"]
    seeds = {name: (about["Band"]["Name"], about["Seed"])
             for name, about in told.items() if name.startswith("seedfc")}  # fmt: skip
    assert seeds == {
        f"seedfc_desc-{band}{seed.replace('_', '')}Fisherz_boldmap": (band, seed)
        for band in ("slow5", "slow4") for seed in ("PAG", "accumbens_L")
    }  # fmt: skip
    quality = told["quality_bold"]
    columns = (folder / "sub-1_task-rest_stat-quality_bold.tsv").read_text().split("\n")[0]
    described = {n for n, a in quality.items() if isinstance(a, dict) and "Description" in a}
    assert described == set(columns.split("\t"))
    assert quality["mean_fd"]["Units"] == "mm"
    assert all(about["Measure"] and about["Description"] for about in told.values())


def edges(sidecar: Path) -> dict[str, tuple[float, float]]:
    filters = json.loads(sidecar.read_text())["SoftwareFilters"]
    return {name: (told["low"], told["high"]) for name, told in filters.items()}


def test_a_rats_image_is_taken_with_a_word_and_a_lying_header_is_not(scanned, tmp_path, capsys):
    image, mask = scanned((0.3, 0.3, 0.5))
    kinds = [w for k in ("reho", "alff", "peraf", "intensity_sd") for w in ("-k", k)]
    assert call("extract", image, "--mask", mask, *kinds, "-o", tmp_path / "out") == 0
    assert "small animal" in "".join(capsys.readouterr())
    for path in (tmp_path / "out").rglob("*boldmap.nii.gz"):
        made = nib.load(path)
        np.testing.assert_allclose(made.header.get_zooms(), (0.3, 0.3, 0.5), rtol=1e-6)
        assert np.isfinite(made.get_fdata()).all()
        told = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        assert any("small animal" in note for note in told["Notes"])

    image, mask = scanned((1.0, 1.0, 1.0))
    assert call("extract", image, "--mask", mask, "-k", "reho", "-o", tmp_path / "no") == 2
    told = capsys.readouterr().err
    assert "too large for a smaller animal's" in told
    assert "--voxel-size" in told
