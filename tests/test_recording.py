"""One scan: read once, cleaned as nilearn cleans, refused with a reason, silent about people."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.nifti1 import Nifti1Extension

from datasets import (
    AFFINE,
    MOTION,
    SHAPE,
    bold_image,
    confounds_table,
    mask_image,
    write_derivatives,
    write_scan,
    write_table,
)
from lumbago.data import Atlas, Scan
from lumbago.errors import InputError, ScanRejected
from lumbago.measures.cleaning import clean, cleaning_operator
from lumbago.reading import Denoise, Scrub, read_bids
from lumbago.reading import voxels as voxels_module
from lumbago.reading.recording import Recording

CANARY = "JANE-DOE-1970"
BAND = (0.01, 0.1)


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    write_scan(tmp_path)
    return read_bids(tmp_path).scans[0]


def two_regions() -> Atlas:
    data = np.zeros(SHAPE, dtype=np.int32)
    data[:3], data[3:] = 1, 2
    labels = pd.DataFrame({"index": [1, 2], "name": ["left", "right"]})
    return Atlas("two", "deterministic", labels, "MNI", nib.Nifti1Image(data, AFFINE))


def cleaned_by_nilearn(scan: Scan, kept: np.ndarray | None, **settings: object) -> np.ndarray:
    from nilearn.interfaces.fmriprep import load_confounds
    from nilearn.signal import clean

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        regressors, _ = load_confounds(
            str(scan.files["bold"]), strategy=("motion",), motion="full", demean=False
        )
        mask = nib.load(scan.files["mask"]).get_fdata() > 0
        raw = nib.load(scan.files["bold"]).get_fdata()[mask].T
        return np.asarray(
            clean(raw, confounds=regressors, t_r=2.0, detrend=True, standardize=None,
                  sample_mask=kept, **settings)
        )  # fmt: skip


def test_voxels_are_cleaned_as_nilearn_cleans_them(scan: Scan) -> None:
    recording = Recording(scan)
    plain = recording.voxels(Denoise(strategy="motion24"))
    expected = cleaned_by_nilearn(scan, None)
    assert plain.values.dtype == np.float32
    np.testing.assert_allclose(plain.values, expected, atol=2e-3 * expected.std())
    banded = recording.voxels(Denoise(strategy="motion24"), BAND)
    expected = cleaned_by_nilearn(scan, None, high_pass=BAND[0], low_pass=BAND[1])
    np.testing.assert_allclose(banded.values, expected, atol=5e-3 * expected.std())
    assert recording.notes == []


def test_volumes_that_are_not_kept_are_nan_and_the_others_as_nilearn(scan: Scan) -> None:
    table = confounds_table()
    fd = table["framewise_displacement"].to_numpy().copy()
    fd[[5, 6, 40, 99]] = 0.8
    table["framewise_displacement"] = fd
    write_table(Path(scan.files["confounds"]), table)
    denoise = Denoise(strategy="motion24", scrub=Scrub(fd=0.5))
    signals = Recording(scan).voxels(denoise)
    kept = np.setdiff1d(np.arange(120), [5, 6, 40, 99])
    np.testing.assert_array_equal(signals.kept, kept)
    assert signals.values.shape == (120, 4 * 5 * 4)
    assert np.isnan(signals.values[[5, 6, 40, 99]]).all()
    expected = cleaned_by_nilearn(scan, kept)
    np.testing.assert_allclose(signals.kept_values, expected, atol=2e-3 * expected.std())
    assert signals.volumes().shape == (*SHAPE, 116)


def test_without_denoising_or_band_the_signals_are_the_image(scan: Scan) -> None:
    signals = Recording(scan).voxels(None)
    mask = nib.load(scan.files["mask"]).get_fdata() > 0
    raw = nib.load(scan.files["bold"]).get_fdata(dtype=np.float32)[mask].T
    np.testing.assert_array_equal(signals.values, raw)
    np.testing.assert_array_equal(signals.mask, mask)
    np.testing.assert_allclose(signals.affine, AFFINE)
    assert signals.t_r == 2.0


def test_regions_are_the_means_of_cleaned_voxels(scan: Scan) -> None:
    recording = Recording(scan)
    denoise = Denoise(strategy="motion6")
    of_voxels = recording.voxels(denoise, BAND)
    regions = recording.regions(two_regions(), denoise, BAND)
    assert regions.labels == ("left", "right")
    at = np.argwhere(of_voxels.mask)[:, 0] < 3
    expected = np.column_stack(
        [of_voxels.values[:, at].mean(axis=1), of_voxels.values[:, ~at].mean(axis=1)]
    )
    np.testing.assert_allclose(regions.values, expected, atol=2e-3 * expected.std())
    assert regions.coverage is not None
    np.testing.assert_allclose(regions.coverage, 2 / 3)


def test_files_are_read_once_and_signals_cleaned_once(
    scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = voxels_module.open_image

    def counting(path: Path, **settings: object) -> object:
        read.append(Path(path).name)
        return real(path, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(voxels_module, "open_image", counting)
    recording = Recording(scan)
    first = recording.voxels(Denoise())
    recording.regions(two_regions(), Denoise(), BAND)
    recording.voxels(None)
    assert recording.voxels(Denoise()) is first
    assert read == [Path(scan.files["bold"]).name]


def test_order_of_asking_changes_no_bit(scan: Scan) -> None:
    one, other = Recording(scan), Recording(scan)
    a = one.voxels(Denoise(), BAND).values, one.voxels(None).values
    b = other.voxels(None).values, other.voxels(Denoise(), BAND).values
    np.testing.assert_array_equal(a[0], b[1])
    np.testing.assert_array_equal(a[1], b[0])


def test_a_short_scan_is_rejected_in_a_cohort_and_noted_alone(tmp_path: Path) -> None:
    write_scan(tmp_path, n_volumes=60)
    (scan,) = read_bids(tmp_path).scans
    denoise = Denoise(strategy="motion6")
    with pytest.raises(ScanRejected, match=r"E_SHORT: 60 volumes \(2.0 minutes\) are left after"):
        Recording(scan).voxels(denoise)
    assert Recording(scan, min_minutes=2, min_volumes=500).voxels(denoise).n_kept == 60
    assert Recording(scan, min_minutes=9, min_volumes=60).voxels(denoise).n_kept == 60
    alone = Recording.from_image(scan.files["bold"], mask_img=scan.files["mask"])
    assert alone.voxels(denoise).n_kept == 60
    assert "60 volumes (2.0 minutes): fewer than 100 volumes and 5 minutes" in alone.notes


def test_a_hundred_volumes_or_five_minutes_are_enough(tmp_path: Path) -> None:
    write_scan(tmp_path / "a", n_volumes=100, t_r=1.0)
    write_scan(tmp_path / "b", n_volumes=99, t_r=1.0)
    write_scan(tmp_path / "c", n_volumes=99, t_r=3.1)
    outcomes = []
    for folder in "abc":
        try:
            n = Recording(read_bids(tmp_path / folder).scans[0]).voxels(None).n_kept
            outcomes.append(str(n))
        except ScanRejected as rejected:
            outcomes.append(rejected.code)
    assert outcomes == ["100", "E_SHORT", "99"]


def test_too_many_confounds_for_the_band_are_refused_with_the_figures(tmp_path: Path) -> None:
    write_scan(tmp_path, n_volumes=120)
    (scan,) = read_bids(tmp_path).scans
    recording = Recording(scan)
    assert recording.voxels(Denoise(strategy="motion36")).n_kept == 120
    with pytest.raises(ScanRejected, match=r"36 confounds and the band 0.01 to 0.1 Hz leave \d"):
        recording.voxels(Denoise(strategy="motion36"), BAND)
    assert recording.voxels(Denoise(strategy="motion6"), BAND).n_kept == 120


@pytest.mark.parametrize("band", [(0.01, 0.25), (0.3, None), (None, 0.4)])
def test_a_band_beyond_the_repetition_time_is_refused(
    scan: Scan, band: tuple[float | None, float | None]
) -> None:
    with pytest.raises(ScanRejected, match=r"E_BAND: .* reaches beyond 0.25 Hz"):
        Recording(scan).voxels(None, band)


def test_a_band_without_repetition_time_is_refused() -> None:
    image = bold_image()
    image.header.set_xyzt_units("mm")
    recording = Recording.from_image(image, mask_img=mask_image())
    assert recording.t_r is None
    with pytest.raises(ScanRejected, match="E_TR: a band needs the repetition time"):
        recording.voxels(None, BAND)
    assert Recording.from_image(image, mask_img=mask_image(), t_r=2).voxels(None, BAND).t_r == 2


@pytest.mark.parametrize(("stored", "unit"), [(0.0, "sec"), (2000.0, "sec"), (2.0, "msec")])
def test_an_impossible_repetition_time_is_refused(scan: Scan, stored: float, unit: str) -> None:
    image = bold_image(t_r=stored)
    image.header.set_xyzt_units("mm", unit)
    image.to_filename(scan.files["bold"])
    with pytest.raises(ScanRejected, match="E_TR: the image header says a repetition time of"):
        Recording(scan).voxels(None)


def test_a_header_that_lies_is_overruled_by_the_user_with_a_note(shared_data: Path) -> None:
    path = shared_data / "bold" / "whole_brain" / "filtered_func_data.nii.gz"
    recording = Recording.from_image(path, t_r=3.0)
    signals = recording.voxels(Denoise(), BAND)
    assert signals.t_r == 3.0
    assert signals.values.shape[0] == 64
    assert 5_000 < signals.values.shape[1] < 30_000, "no brain of a plausible size"
    assert "the image has no orientation of its own; positions are a guess" in recording.notes
    loaded = Recording.from_image(nib.load(path), t_r=3.0).voxels(Denoise(), BAND)
    np.testing.assert_array_equal(loaded.values, signals.values)
    with pytest.raises(ScanRejected, match="E_NO_XFORM"):
        Recording(Scan("sub-01", files={"bold": path}, t_r=3.0)).voxels(None)
    image = bold_image(t_r=1.0)
    told = Recording.from_image(image, t_r=3.0)
    assert told.t_r == 3.0
    assert told.notes == ["repetition time 3 s as given; the header says 1 s"]


def test_a_raw_scan_finds_its_own_brain(shared_data: Path) -> None:
    (scan,) = read_bids(raw=shared_data / "bold" / "rest_bids").scans
    with pytest.raises(ScanRejected, match=r"E_SHORT: 20 volumes \(0.8 minutes\)"):
        Recording(scan).voxels(Denoise())
    recording = Recording(scan, min_minutes=0.5)
    signals = recording.voxels(Denoise())
    assert signals.mask is not None
    assert 2_000 < signals.mask.sum() < 30_000
    assert recording.notes == [
        "no brain mask: one is computed from the mean image by compute_epi_mask",
        "no confounds: only mean and linear trend are taken out, no volume is scrubbed",
    ]


def test_confounds_of_a_notebook_are_regressed_out_whole() -> None:
    table = confounds_table()[list(MOTION)]
    image = bold_image()
    given = Recording.from_image(image, mask_img=mask_image(), confounds=table)
    signals = given.voxels(Denoise())
    residual = table.to_numpy() - table.to_numpy().mean(axis=0)
    inside = np.abs(residual.T @ signals.values) / (
        np.linalg.norm(residual, axis=0)[:, None] * np.linalg.norm(signals.values, axis=0)
    )
    assert inside.max() < 1e-4
    with pytest.raises(ScanRejected, match=r"expected one row per volume \(120\), got 119"):
        Recording.from_image(image, confounds=table[1:], mask_img=mask_image()).voxels(Denoise())


def test_a_notebook_may_give_the_table_of_fmriprep(scan: Scan) -> None:
    ours = Recording.from_image(
        scan.files["bold"], mask_img=scan.files["mask"], confounds=str(scan.files["confounds"])
    ).voxels(Denoise())
    np.testing.assert_array_equal(ours.values, Recording(scan).voxels(Denoise()).values)


def test_a_role_the_scan_lacks_is_named() -> None:
    with pytest.raises(ScanRejected, match="E_ROLE: this scan has no connectome file"):
        Recording(Scan("sub-01")).connectome()
    with pytest.raises(ScanRejected, match="E_ROLE: this scan has no map file"):
        Recording(Scan("sub-01")).map()


def test_still_maps_are_found_by_name(tmp_path: Path) -> None:
    paths = {}
    for value, name in enumerate(("gm", "wm")):
        paths[f"map:{name}"] = tmp_path / f"{name}.nii.gz"
        image = nib.Nifti1Image(np.full(SHAPE, value, dtype=np.float32), AFFINE)
        image.to_filename(paths[f"map:{name}"])
    recording = Recording(Scan("sub-01", files={**paths, "map": paths["map:wm"]}))
    assert recording.map("gm").array.max() == 0
    assert recording.map("wm").array.min() == 1
    assert recording.map().array.min() == 1


def plant(root: Path) -> None:
    """Write the canary wherever an input may name a person."""
    for path in root.rglob("*.nii.gz"):
        image = nib.load(path)
        data = np.asarray(image.dataobj).copy()
        fresh = nib.Nifti1Image(data, image.affine, image.header)
        header = fresh.header
        header["descrip"], header["aux_file"] = CANARY, CANARY
        header["db_name"], header["intent_name"] = CANARY, CANARY
        header.extensions.append(Nifti1Extension("comment", CANARY.encode()))
        fresh.to_filename(path)
    for path in root.rglob("*.json"):
        about = json.loads(path.read_text())
        keys = ("PatientName", "InstitutionName", "AcquisitionDateTime", "Authors")
        path.write_text(json.dumps({**about, **dict.fromkeys(keys, CANARY)}))
    table = pd.read_csv(root / "participants.tsv", sep="\t")
    write_table(root / "participants.tsv", table.assign(name=CANARY, date_of_birth=CANARY))


def test_no_name_planted_in_any_input_comes_out(tmp_path: Path) -> None:
    root = write_derivatives(tmp_path / CANARY / "fmriprep")
    plant(root)
    cohort = read_bids(root, name="osaka")
    told = [cohort.table.to_string(), cohort.participants.to_string(), *cohort.notes]
    told.append(cohort.excluded.to_string())
    for scan in cohort.scans:
        recording = Recording(scan)
        for signals in (recording.voxels(Denoise(), BAND), recording.regions(two_regions(), None)):
            told.append(repr(signals))
        mapped = recording.voxels(None).to_volume(np.ones(80)).to_image()
        told.append(repr(mapped.to_bytes()))
        told += recording.notes
        told += [str(scan), *scan.entities.values()]
    for damage in ("bold", "mask", "confounds"):
        path = Path(cohort.scans[0].files[damage])
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(ScanRejected) as rejected:
            Recording(cohort.scans[0]).voxels(Denoise())
        told.append(str(rejected.value))
        path.write_bytes(content)
    assert len(told) > 12
    assert not [text for text in told if CANARY in text or str(tmp_path) in text]


def test_confounds_without_denoising_are_refused_not_forgotten() -> None:
    image = bold_image()
    confounds = np.ones((image.shape[3], 1))
    recording = Recording.from_image(image, mask_img=mask_image(), confounds=confounds, t_r=2.0)
    with pytest.raises(InputError, match="`denoise` is None"):
        recording.voxels(None)


def test_a_recording_tells_what_cleaning_costs(scan: Scan) -> None:
    recording = Recording(scan)
    plain = recording.freedom(None)
    assert (plain.n_volumes, plain.n_kept, plain.n_confounds, plain.left) == (120, 120, 0, 120)
    limit = float(confounds_table(120)["framewise_displacement"].quantile(0.9))
    denoise = Denoise(strategy="motion6", scrub=Scrub(fd=limit))
    whole = recording.freedom(denoise)
    n_kept = recording.voxels(denoise).n_kept
    assert n_kept < 120
    assert (whole.n_kept, whole.n_confounds) == (n_kept, 6)
    assert whole.regression == n_kept - 2 - 6
    assert whole.left == pytest.approx(whole.regression)
    band = recording.freedom(denoise, BAND)
    assert band.regression == whole.regression
    assert 15 < band.left < 0.6 * whole.left
    assert f"{n_kept} kept, 6 confounds" in str(band)


def test_a_table_of_series_tells_what_scrubbing_and_the_band_cost(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    series = write_table(
        tmp_path / "s.tsv", pd.DataFrame(rng.normal(size=(150, 3)), columns=[*"abc"])
    )
    fd = np.where(np.arange(150) % 10 == 5, 1.0, 0.1)
    motion = write_table(tmp_path / "m.tsv", pd.DataFrame({"framewise_displacement": fd}))
    scan = Scan("sub-01", files={"timeseries": series, "motion": motion}, t_r=2.0)
    recording = Recording(scan)
    found = recording.freedom(Denoise(scrub=Scrub()))
    assert (found.n_volumes, found.n_kept, found.n_confounds, found.left) == (150, 135, 0, 135)
    assert recording.freedom(Denoise(scrub=Scrub()), BAND).left < 80


def test_the_filter_of_a_denoising_is_put_to_images_and_to_series(
    scan: Scan, tmp_path: Path
) -> None:
    recording = Recording(scan)
    raw = recording.voxels(None).values
    found = recording.voxels(Denoise(strategy="none", filter="ideal"), BAND).values
    operator = cleaning_operator(len(raw), t_r=2.0, band=BAND, filter="ideal")
    np.testing.assert_array_equal(found, clean(raw, operator))
    usual = recording.voxels(Denoise(strategy="none"), BAND).values
    assert not np.allclose(found, usual, atol=0.1)
    table = pd.DataFrame(raw[:, :3].astype(np.float64), columns=[*"abc"])
    series = write_table(tmp_path / "s.tsv", table)
    recording = Recording(Scan("sub-01", files={"timeseries": series}, t_r=2.0))
    found_in_series = recording.regions(None, Denoise(filter="ideal"), BAND).values
    np.testing.assert_allclose(found_in_series, found[:, :3], atol=1e-3)


def test_dvars_is_computed_from_the_image_where_the_table_has_none(scan: Scan) -> None:
    table = pd.read_csv(scan.files["confounds"], sep="\t").drop(columns="std_dvars")
    write_table(Path(scan.files["confounds"]), table)
    image = nib.load(scan.files["bold"])
    values = np.asarray(image.dataobj, dtype=np.float32)
    values[..., 60] += 200
    nib.Nifti1Image(values, image.affine, image.header).to_filename(scan.files["bold"])
    recording = Recording(scan)
    denoise = Denoise(strategy="motion6", scrub=Scrub(fd=None, std_dvars=2.0))
    assert set(range(120)) - set(recording.voxels(denoise).kept) == {60, 61}
    assert any("DVARS was computed from the image" in note for note in recording.notes)


def test_images_of_ica_aroma_are_read_by_their_desc_and_not_cleaned_of_it_twice(
    tmp_path: Path,
) -> None:
    root = write_derivatives(tmp_path / "d", people=("01",))
    for file in root.rglob("*desc-preproc_bold*"):
        file.rename(file.with_name(file.name.replace("preproc", "smoothAROMAnonaggr")))
    (scan,) = read_bids(root, desc="smoothAROMAnonaggr").scans
    assert Recording(scan).freedom(Denoise(strategy="wmcsf")).n_confounds == 2
    with pytest.raises(ScanRejected, match="are gone already") as refused:
        Recording(scan).voxels(Denoise(strategy="aroma_wmcsf"))
    assert refused.value.code == "E_CONFOUND_COLUMN"
