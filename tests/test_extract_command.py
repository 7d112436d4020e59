"""`lumbago extract`: the numbers of the array functions, under names that other tools read."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbago import cli, read_connectomes
from lumbago.commands.words import settings_of
from lumbago.data.packaged import packaged_atlas
from lumbago.errors import InputError
from lumbago.extraction.choice import chosen
from lumbago.extraction.derivatives import Source
from lumbago.measures.amplitude import alff, falff
from lumbago.measures.cleaning import cleaning_operator
from lumbago.measures.homogeneity import reho
from lumbago.reading.freedom import effective_freedom
from lumbago.reading.plausible import BRAIN_MM, implausible, is_small, resized, small_note

BAND = (0.01, 0.1)


def call(*arguments: object) -> int:
    """Run the command line in this process and return its exit code."""
    return cli._exit_code([str(a) for a in arguments])


def head(folder: Path, *, name: str = "sub-01_task-rest_bold", codes: int = 1) -> Path:
    """An image as large as a head: a ball of noise on nothing, one voxel constant in it."""
    rng = np.random.default_rng(0)
    shape = (10, 12, 9)
    inside = np.linalg.norm(np.indices(shape).T - (4.0, 5.5, 4.5), axis=-1).T < 4
    data = np.zeros((*shape, 80), dtype=np.float32)
    data[inside] = 1000 + 10 * rng.standard_normal((int(inside.sum()), 80))
    data[5, 5, 5] = 1000
    affine = np.array([[-12.0, 0, 0, 50], [0, 12, 0, -60], [0, 0, 12, -40], [0, 0, 0, 1]])
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, codes)
    image.set_qform(affine, codes)
    image.header.set_zooms((12, 12, 12, 2.0))
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"JANE DOE"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.nii.gz"
    nib.save(image, path)
    mask = nib.Nifti1Image(inside.astype(np.uint8), affine)
    mask.set_sform(affine, codes)
    nib.save(mask, folder / "mask.nii.gz")
    return path


def band_passed(values: np.ndarray, t_r: float) -> np.ndarray:
    """Filter as nilearn does."""
    from nilearn.signal import clean

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(clean(values, t_r=t_r, detrend=True, standardize=None,
                                high_pass=BAND[0], low_pass=BAND[1]))  # fmt: skip


def in_grid(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    grid = np.zeros(mask.shape)
    grid[mask] = values
    return grid


def by_hand(values: np.ndarray, mask: np.ndarray, t_r: float) -> dict[str, np.ndarray]:
    """Maps of the array functions, 0 outside."""
    volumes = np.zeros((*mask.shape, len(values)))
    volumes[mask] = band_passed(values, t_r).T
    return {
        "alff": in_grid(alff(values, t_r=t_r, band=BAND), mask),
        "falff": in_grid(falff(values, t_r=t_r, band=BAND), mask),
        "reho": np.where(mask, reho(volumes, mask), 0),
    }


def test_maps_are_those_of_the_array_functions_nan_inside_and_0_outside(tmp_path):
    image = head(tmp_path / "in")
    output = tmp_path / "out"
    mask_file = image.parent / "mask.nii.gz"
    assert call("extract", image, "--kind", "alff", "falff", "reho", "--mask", mask_file,
                "-o", output) == 0  # fmt: skip
    mask = nib.load(mask_file).get_fdata() > 0
    values = nib.load(image).get_fdata()[mask].T
    for kind, expected in by_hand(values, mask, 2.0).items():
        file = output / f"sub-01/func/sub-01_task-rest_stat-{kind}_boldmap.nii.gz"
        found = nib.load(file)
        data = found.get_fdata()
        assert np.isnan(data[5, 5, 5]), kind  # a voxel that never changes holds no data
        assert np.isnan(data).sum() == 1
        assert (data[~mask] == 0).all()
        data[5, 5, 5] = expected[5, 5, 5] = 0
        if kind == "reho":  # both clean in their own precision, which may swap two near ranks
            np.testing.assert_allclose(data, expected, atol=5e-3)
        else:
            np.testing.assert_allclose(data, expected, rtol=2e-3, atol=1e-4)
        assert np.abs(data).sum() > 1
        assert found.header["descrip"].item() == b""
        assert b"JANE" not in gzip.decompress(file.read_bytes())
        told = json.loads(file.with_name(file.name.replace(".nii.gz", ".json")).read_text())
        assert told["SHA256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert told["Sources"] == [image.name]
        assert told["NumberOfVolumesKept"] == 80
        assert told["NumberOfConfounds"] == 0
        band = (0.01, 0.1) if "SoftwareFilters" in told else None
        operator = cleaning_operator(80, t_r=2.0, band=band)
        assert told["DegreesOfFreedomLeft"] == round(effective_freedom(operator), 1)
        assert band is not None or told["DegreesOfFreedomLeft"] == 78
        assert told["Settings"]["kind"] == kind
        assert "Overrides" not in told
        assert str(tmp_path) not in json.dumps(told)
    description = json.loads((output / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert "*_boldmap.nii.gz" in (output / ".bidsignore").read_text()


def test_the_same_call_writes_the_same_bytes(tmp_path):
    image = head(tmp_path / "in")
    for output in ("a", "b"):
        assert call("extract", image, "-k", "alff", "-o", tmp_path / output) == 0
    one, other = (sorted(p for p in (tmp_path / o).rglob("*") if p.is_file()) for o in "ab")
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]


def test_bands_and_scales_are_told_apart_by_desc_and_regions_get_tables(tmp_path):
    image = head(tmp_path / "in", name="sub-01_ses-2_task-rest_space-MNI152NLin2009aSym_bold")
    output = tmp_path / "out"
    assert call(
        "extract", image, "-k", "alff", "-k", "reho", "-k", "connectome", "-o", output,
        "--atlas", "lumbago200", "-s", "alff.bands=slow5,slow4",
        "-s", "alff.normalize=zscore", "-s", "reho.band=null", "-s", "denoise=null",
    ) == 0  # fmt: skip
    folder = output / "sub-01/ses-2/func"
    stem = "sub-01_ses-2_task-rest_space-MNI152NLin2009aSym"
    assert {p.name.removeprefix(stem) for p in folder.iterdir() if p.suffix != ".json"} == {
        "_stat-alff_desc-slow5Zscore_boldmap.nii.gz", "_stat-alff_desc-slow4Zscore_boldmap.nii.gz",
        "_atlas-lumbago200_stat-alff_desc-slow5Zscore_bold.tsv",
        "_atlas-lumbago200_stat-alff_desc-slow4Zscore_bold.tsv", "_stat-reho_boldmap.nii.gz",
        "_atlas-lumbago200_stat-reho_bold.tsv", "_atlas-lumbago200_stat-coverage_bold.tsv",
        "_atlas-lumbago200_stat-pearsoncorrelation_relmat.tsv",
    }  # fmt: skip
    regions = pd.read_csv(folder / f"{stem}_atlas-lumbago200_stat-reho_bold.tsv", sep="\t")
    assert list(regions) == list(packaged_atlas("lumbago200").names)
    assert regions.shape == (1, 200)
    told = json.loads((folder / f"{stem}_stat-reho_boldmap.json").read_text())
    assert told["Settings"]["band"] is None
    covered = json.loads((folder / f"{stem}_atlas-lumbago200_stat-coverage_bold.json").read_text())
    assert set(covered["Settings"]) == {"alff", "reho", "connectome"}
    cohort = read_connectomes(output, atlas="lumbago200")
    assert [s.participant for s in cohort.scans] == ["sub-01"]
    matrix = pd.read_csv(
        folder / f"{stem}_atlas-lumbago200_stat-pearsoncorrelation_relmat.tsv",
        sep="\t", index_col="Node",
    )  # fmt: skip
    known = matrix.notna().any(axis=1)
    assert known.sum() > 20
    np.testing.assert_array_equal(matrix.to_numpy(), matrix.to_numpy().T)
    assert (np.diag(matrix) == 1).all()


def test_files_of_one_s_own_are_named_without_their_places(tmp_path):
    image = head(tmp_path / "StElsewhere")
    own = tmp_path / "StElsewhere"
    labels = nib.load(own / "mask.nii.gz")
    nib.save(
        nib.Nifti1Image(labels.get_fdata().astype(np.int16), labels.affine), own / "all.nii.gz"
    )
    (own / "all.tsv").write_text("index\tname\n1\teverything\n")
    assert call(
        "extract", image, "-k", "seed", "alff", "-o", tmp_path / "out", "-s", "denoise=null",
        "-s", f"seed.seeds.mine.image={own / 'mask.nii.gz'}", "-s", "seed.seeds.ball=0,0,0",
        "-s", f"alff.atlas.image={own / 'all.nii.gz'}",
        "-s", f"alff.atlas.labels={own / 'all.tsv'}",
    ) == 0  # fmt: skip
    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    names = {p.name.removeprefix("sub-01_task-rest_") for p in files if p.suffix != ".json"}
    assert names == {
        "stat-seedfc_desc-mineFisherz_boldmap.nii.gz", "stat-alff_boldmap.nii.gz",
        "stat-seedfc_desc-ballFisherz_boldmap.nii.gz", "atlas-all_stat-alff_bold.tsv",
        "atlas-all_stat-coverage_bold.tsv", ".bidsignore",
    }  # fmt: skip
    assert not [p for p in files if b"StElsewhere" in p.read_bytes()]


def test_a_header_that_was_never_filled_in_is_refused_in_one_sentence(tmp_path, capsys):
    image = head(tmp_path / "in", name="run", codes=0)
    loaded = nib.load(image)
    bare = nib.Nifti1Image(np.asarray(loaded.dataobj), None)
    bare.header.set_zooms((1, 1, 1, 1))
    nib.save(bare, image)
    assert call("extract", image, "-o", tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "voxels of exactly 1 × 1 × 1 mm" in told
    assert "--voxel-size, --t-r" in told
    assert not (tmp_path / "out").exists()
    assert call("extract", image, "-o", tmp_path / "out", "--voxel-size", 12, 12, 12) == 2
    assert "repetition time is unknown" in capsys.readouterr().err
    given = ("--voxel-size", 12, 12, 12, "--t-r", 2)
    assert call("extract", image, "-o", tmp_path / "out", *given, "--atlas", "lumbago200") == 2
    assert "which side is left" in capsys.readouterr().err
    assert call("extract", image, "-o", tmp_path / "out", "-k", "alff", *given) == 0
    file = tmp_path / "out/run_stat-alff_boldmap.nii.gz"
    assert nib.load(file).header.get_zooms() == (12, 12, 12)
    told = json.loads((tmp_path / "out/run_stat-alff_boldmap.json").read_text())
    assert told["Overrides"] == {
        "RepetitionTime": {"Given": 2.0, "Header": None},
        "VoxelSize": {"Given": [12.0] * 3, "Header": [1.0] * 3},
    }
    assert not any("the header says" in note for note in told["Notes"])


def test_a_folder_of_another_tool_is_not_written_into(tmp_path, capsys):
    image = head(tmp_path / "in")
    (tmp_path / "out").mkdir()
    about = tmp_path / "out/dataset_description.json"
    about.write_text('{"Name": "fMRIPrep", "GeneratedBy": [{"Name": "fMRIPrep"}]}')
    assert call("extract", image, "-o", tmp_path / "out") == 2
    assert "Lumbago has not written" in capsys.readouterr().err
    assert "fMRIPrep" in about.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-k", "alf"), "did you mean 'alff'"),
        (("-s", "neighbors=19"), "did you mean 'neighbours'"),
        (("-s", "reho.neighbours=20"), "reho.neighbours"),
        (("-s", "band"), "NAME=VALUE"),
        (("--voxel-size", 1, 1, 1), "field of view"),
        (("--confounds", "nowhere.tsv"), "nowhere.tsv"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence_and_nothing_is_written(
    tmp_path, capsys, arguments, words
):
    image = head(tmp_path / "in")
    assert call("extract", image, "-o", tmp_path / "out", *arguments) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert not list((tmp_path / "out").rglob("*.nii.gz"))


def test_a_dataset_gives_a_derivative_with_uris_and_a_broken_scan_stops_nothing(
    tiny_cohort_folder, tmp_path, capsys
):
    study = tmp_path / "study"
    for name in ("dataset_description.json", "sub-01", "sub-02", "sub-03"):
        source = tiny_cohort_folder / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, _below(study, name))
    broken = sorted(study.rglob("sub-02*preproc_bold.nii.gz"))
    for file in broken:
        file.write_bytes(file.read_bytes()[:4000])
    output = study / "derivatives" / "lumbago"
    assert call("extract", study, "-k", "alff", "reho", "-o", output, "-j", 2) == 0
    told = capsys.readouterr().err
    told = [line for line in told.splitlines() if line.startswith("not measured: alff: ")]
    assert len(told) == 1  # of both sessions, where there are two, at once
    assert ": sub-02" in told[0].split("scans")[1]
    assert "sub-02" not in told[0].split("scans")[0]
    maps = sorted(output.rglob("*_boldmap.nii.gz"))
    assert {p.relative_to(output).parts[0] for p in maps} == {"sub-01", "sub-03"}
    sidecar = json.loads(maps[0].with_name(maps[0].name.replace(".nii.gz", ".json")).read_text())
    assert sidecar["Sources"][0].startswith("bids:preprocessed:sub-01/")
    assert any("confounds" in uri for uri in sidecar["Sources"])
    for uri in sidecar["Sources"]:
        assert (study / uri.split(":", 2)[2]).exists()
    scan = next(study.rglob("sub-01*preproc_bold.nii.gz"))
    own = [next(scan.parent.glob(f"{scan.name[:18]}*{role}")) for role in
           ("brain_mask.nii.gz", "confounds_timeseries.tsv")]  # fmt: skip
    assert own[0].name.split("_space")[0] == scan.name.split("_space")[0]
    assert call("extract", scan, "-k", "alff", "reho", "-o", tmp_path / "one", "--mask", own[0],
                "--confounds", own[1]) == 0  # fmt: skip
    for alone in (tmp_path / "one").rglob("*_boldmap.nii.gz"):  # the same bytes either way
        assert alone.read_bytes() == (output / alone.relative_to(tmp_path / "one")).read_bytes()
    description = json.loads((output / "dataset_description.json").read_text())
    assert description["DatasetLinks"] == {"preprocessed": "../.."}
    assert not [p for p in output.rglob("*") if p.is_file() and str(tmp_path).encode()
                in p.read_bytes()]  # fmt: skip
    assert call("extract", study, "--t-r", 2, "-o", output) == 2
    assert "for one image only" in capsys.readouterr().err


def test_a_reason_of_every_scan_is_told_once_and_in_words(tiny_cohort_folder, tmp_path, capsys):
    study = tmp_path / "study"
    for name in ("dataset_description.json", "sub-01", "sub-02"):
        source = tiny_cohort_folder / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, _below(study, name))
    wanted = ("-k", "alff", "reho", "-s", "denoise.strategy=aroma_wmcsf", "-o", tmp_path / "out")
    assert call("extract", study, *wanted) == 2
    told = capsys.readouterr().err
    assert told.count("needs columns this table does not have (ica_aroma);") == 1
    assert "sub-*_desc-confounds_timeseries.tsv" in told
    assert "[" not in told.split("gave anything")[1]


def _below(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    return folder / name


def test_a_raw_dataset_of_20_volumes_warns_and_works(shared_data, tmp_path, capsys):
    output = tmp_path / "out"
    assert call("extract", shared_data / "bold/rest_bids", "-o", output) == 0
    told = capsys.readouterr().err
    assert "20 volumes (0.8 minutes)" in told
    assert "unfiltered signals are measured" in told
    folder = output / "sub-001/func"
    stem = "sub-001_task-rest_space-scanner_stat"
    found = {k: nib.load(folder / f"{stem}-{k}_boldmap.nii.gz") for k in ("alff", "falff", "reho")}
    mask = found["alff"].get_fdata() != 0
    source = shared_data / "bold/rest_bids/sub-001/func/sub-001_task-rest_bold.nii.gz"
    values = nib.load(source).get_fdata()[mask].T
    expected = in_grid(alff(values, t_r=2.52, band=BAND), mask)
    np.testing.assert_allclose(found["alff"].get_fdata(), expected, rtol=2e-3, atol=1e-3)
    assert 0.05 < mask.mean() < 0.5
    told = json.loads((folder / f"{stem}-reho_boldmap.json").read_text())
    assert told["Settings"]["band"] is None
    assert told["Sources"] == ["bids:raw:sub-001/func/sub-001_task-rest_bold.nii.gz"]
    everything = b"".join(p.read_bytes() for p in output.rglob("*.json"))
    assert b"Skyra" not in everything  # the sidecar's free text stays in the input


def test_no_atlas_is_laid_on_raw_scans(shared_data, tmp_path, capsys):
    arguments = ("extract", shared_data / "bold/rest_bids", "-o", tmp_path, "--atlas", "lumbago200")
    assert call(*arguments) == 2
    assert "where no atlas fits" in capsys.readouterr().err


def test_the_whole_brain_whose_header_lies_is_measured_as_told(shared_data, tmp_path, capsys):
    image = shared_data / "bold/whole_brain/filtered_func_data.nii.gz"
    assert call("extract", image, "-o", tmp_path / "out") == 2
    assert "64 × 64 × 21 mm" in capsys.readouterr().err
    given = ("--t-r", 3, "--voxel-size", 4, 4, 6)
    assert call("extract", image, *given, "-o", tmp_path / "out") == 0
    maps = {
        k: nib.load(tmp_path / f"out/filtered_func_data_stat-{k}_boldmap.nii.gz")
        for k in ("alff", "falff", "reho")
    }
    assert maps["alff"].header.get_zooms() == (4, 4, 6)
    mask = maps["alff"].get_fdata() != 0
    values = nib.load(image).get_fdata()[mask].T
    for kind, expected in by_hand(values, mask, 3.0).items():
        found = maps[kind].get_fdata()
        assert np.corrcoef(found[mask], expected[mask])[0, 1] > 0.99999, kind
        np.testing.assert_allclose(found, expected, rtol=5e-3, atol=5e-3)


def test_the_smallest_brain_is_that_of_the_packaged_atlas():
    image = packaged_atlas("lumbago200").image
    at = np.argwhere(np.asarray(image.dataobj) > 0)
    assert ((np.ptp(at, axis=0) + 1) * np.abs(np.diag(image.affine)[:3])).min() == BRAIN_MM


@given(
    st.tuples(*[st.integers(1, 90)] * 3), st.tuples(*[st.floats(0.5, 12)] * 3), st.floats(-50, 50)
)
def test_a_resized_grid_keeps_its_centre_and_its_axes(shape, size, shift):
    old = np.array([[0, 1, 0, shift], [-1, 0, 0, 3], [0, 0, 1, -7], [0, 0, 0, 1.0]])
    new = resized(old, shape, size)
    middle = np.append((np.array(shape) - 1) / 2, 1)
    np.testing.assert_allclose(new @ middle, old @ middle, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(new[:3, :3], axis=0), size)
    np.testing.assert_allclose(new[:3, :3] / size, old[:3, :3], atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "size", "oriented", "fits"),
    [((64, 64, 21), 1, False, False), ((64, 64, 21), 4, True, True), ((40, 20, 1), 4, True, True),
     ((182, 218, 182), 1, False, False), ((182, 218, 182), 1, True, True),
     ((6, 10, 10), 25, True, True), ((64, 64, 30), 1, True, False),
     ((96, 96, 24), 0.3, True, True), ((96, 96, 24), 0.3, False, True),
     ((96, 96, 24), 3, True, True), ((64, 64, 21), 0.004, True, False)],
)  # fmt: skip
def test_a_grid_is_plausible_where_a_head_fits(shape, size, oriented, fits):
    affine = np.diag([size, size, size, 1.0])
    assert (not implausible(shape, affine, oriented=oriented)) is fits


@pytest.mark.parametrize(
    ("zooms", "small"),
    [((0.3, 0.3, 1), True), ((0.3, 1, 0.3), True), ((0.3, 1, 1), False), ((1, 1, 1), False),
     ((0.9995, 0.9995, 1), False), ((0.003, 0.003, 0.003), False), ((2, 2, 2), False)],
)  # fmt: skip
def test_small_animals_are_told_by_voxels_finer_than_1_mm_along_two_axes(zooms, small):
    affine = np.diag([*zooms, 1.0])
    assert is_small((64, 64, 21), affine) is small
    assert bool(small_note((64, 64, 21), affine)) is small


def test_words_are_settings_and_one_kind_can_be_meant():
    settings = settings_of(["band=0.01,0.08", "reho.neighbours=19", "denoise.scrub.fd=0.4"])
    made = chosen(["alff", "reho"], settings, atlas="lumbago200")
    assert made["alff"].bands == {"band": (0.01, 0.08)}
    assert made["reho"].band == (0.01, 0.08)
    assert made["reho"].neighbours == 19
    assert made["alff"].denoise.scrub.fd == 0.4
    assert made["reho"].keep_maps
    with pytest.raises(InputError, match="given twice"):
        settings_of(["a=1", "a=2"])
    with pytest.raises(InputError, match="has a value already"):
        settings_of(["a=1", "a.b=2"])


def test_what_is_said_of_one_kind_stands_over_what_is_said_of_all():
    words = ["tsnr.denoise=null", "denoise.scrub.fd=0.5", "reho.denoise.filter=ideal",
             "reho.band=slow4", "alff.band=slow5"]  # fmt: skip
    for order in (words, words[::-1]):
        made = chosen(["alff", "tsnr", "reho"], settings_of(order))
        assert made["tsnr"].denoise is None
        assert made["reho"].denoise.filter == "ideal"
        assert made["reho"].denoise.scrub.fd == made["alff"].denoise.scrub.fd == 0.5
        assert made["alff"].bands == {"band": (0.01, 0.027)}
        assert made["reho"].band == (0.027, 0.073)


@pytest.mark.parametrize(
    ("kind", "words", "told"),
    [
        ("alff", ["alff.band=slow9", "alff.smoth=6"],
         ["alff.band: a band is two frequencies in Hz or one of slow5, slow4, slow3, slow2, "
          "got 'slow9'", "alff.smoth: no such setting; did you mean 'smooth'?"]),
        ("alff", ["band=0.1"],
         ["alff.band: a band is two frequencies in Hz or one of slow5, slow4, slow3, slow2, "
          "got 0.1"]),
        ("alff", ["band=0.01,0.1,0.2"],
         ["alff.band: a band is two frequencies in Hz or one of slow5, slow4, slow3, slow2, "
          "got [0.01, 0.1, 0.2]"]),
        ("seed", [], ["seed.seeds: is missing; give it a value"]),
        ("seed", ["seeds.mine=0,0"],
         ["seed.seeds: seed mine: expected [x, y, z] in mm, {image: mask.nii.gz} or "
          "{atlas: lumbago200, region: LH_Default_1}, got [0, 0]"]),
        ("alff", ["denoise=motion6"],
         ["alff.denoise: expected settings of its own (strategy, scrub, filter), as "
          "denoise.NAME=VALUE; got 'motion6'"]),
        ("reho", ["neighbours=20", "ties=corected", "denoise.scrub.fdd=1"],
         ["reho.denoise.scrub.fdd: no such setting; did you mean 'fd'?",
          "reho.neighbours: expected 7, 19, 27 or 125; got 20",
          "reho.ties: expected 'average' or 'corrected'; got 'corected'; did you mean 'corrected'?"
          ]),
    ],
)  # fmt: skip
def test_every_setting_that_does_not_fit_is_told_in_a_sentence(kind, words, told):
    with pytest.raises(InputError) as refused:
        chosen([kind], settings_of(words))
    assert sorted(str(refused.value).splitlines()) == sorted(told)


def test_settings_without_a_value_are_told_all_at_once():
    with pytest.raises(InputError) as refused:
        settings_of(["bands=", "foo", "=3", "band=0.01,0.1", "a..b=1", "x=,"])
    assert [p.message.split(":")[0] for p in refused.value.problems] == [
        "setting 'bands='", "setting 'foo'", "setting '=3'", "setting 'a..b=1'", "setting 'x=,'"
    ]  # fmt: skip


def test_names_hold_only_what_a_name_may():
    assert Source("Jane Doe (2).nii", ("x",), "MNI 152").prefix == "Jane-Doe-2-_space-MNI152"
    assert Source("sub-1_run-2_bold.nii.gz", ()).folder == "sub-1/func"
    assert Source("mean.nii.gz", ()).folder == ""
