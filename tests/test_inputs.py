"""Outputs of other tools: each reader gives back what was written in its tool's layout."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from scipy.io import savemat

import lumbago
from lumbago.data import Cohort
from lumbago.errors import InputError, ScanRejected
from lumbago.extraction import extract
from lumbago.extractors import EXTRACTORS, Connectome, Regional, RegionalValues, TableColumns
from lumbago.reading import (
    COHORT_READERS,
    DpabiCohort,
    FreeSurferCohort,
    HalfpipeCohort,
    JuniferCohort,
    MapsCohort,
    XcpdCohort,
    read_connectomes,
    read_table,
    read_timeseries,
)
from lumbago.reading.denoise import Denoise
from lumbago.reading.matrices import read_matrix
from lumbago.reading.recognize import looks_like, unlike, what_is
from lumbago.reading.recording import Recording
from lumbago.reading.series import read_series
from lumbago.reading.strategies import STRATEGIES
from lumbago.reading.strict import read_strict
from lumbago.reading.voxels import read_volume
from lumbago.simulation import SIMULATED
from lumbago.spec import kinds_of, read_kind
from lumbago.store import Store

PEOPLE = ("01", "02", "03")
REGIONS = ("A", "B", "C", "D")
MAP_ATLAS = "lumbago200"


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def people(folder: Path, ids: tuple[str, ...] = PEOPLE) -> None:
    rows = "".join(f"{who}\t{20 + i}\n" for i, who in enumerate(ids))
    write(folder / "participants.tsv", "participant_id\tage\n" + rows)


def numbers(*seed: int, shape: tuple[int, ...] = (150, 4)) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def tsv(values: np.ndarray, names: tuple[str, ...] | None = REGIONS, index: bool = False) -> str:
    table = pd.DataFrame(values, columns=names, index=names if index else None)
    table.index.name = "Node"
    text: str = table.to_csv(sep="\t", index=index, header=names is not None, na_rep="n/a")
    return text


def image(path: Path, *seed: int) -> Path:
    """A map with another value in every voxel, on the grid of an atlas at 8 mm."""
    affine = np.diag([8.0, 8, 8, 1])
    affine[:3, 3] = -90, -126, -72
    values = numbers(*seed, shape=(23, 28, 23)).astype(np.float32) + 3
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def assert_regional(cohort: Cohort, of: str, paths: dict[str, Path]) -> None:
    """`regional` gives the means of the file that the map's name stands for."""
    extractor = Regional(atlas=MAP_ATLAS, map=of)
    table = extract(cohort, extractor)
    assert sorted(table.values.index.get_level_values("participant_id")) == sorted(paths)
    for who, path in paths.items():
        expected = extractor.measure(read_volume(path)).values
        found = table.values.xs(who, level="participant_id").to_numpy()[0]
        np.testing.assert_array_equal(found, expected)


# ---------------------------------------------------------------- FreeSurfer


def aparc_stats(thickness: np.ndarray, names: tuple[str, ...] = REGIONS) -> str:
    rows = "".join(
        f"{n:<30} {1000 + i}  {700 + i}  {2000 + i}  {t:.3f} 0.500   0.100   0.020     15   0.9\n"
        for i, (n, t) in enumerate(zip(names, thickness, strict=True))
    )
    return (
        "# Table of FreeSurfer cortical parcellation anatomical statistics \n# \n"
        "# Measure Cortex, MeanThickness, Mean Thickness, 2.5, mm\n# NTableCols 10\n"
        "# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv "
        "FoldInd CurvInd\n" + rows
    )


def aseg_stats(etiv: float, volumes: dict[str, float]) -> str:
    rows = "".join(
        f"  {i}   {i}   5000   {v:.1f}  {n}   35.0  10.0  10  90  80\n"
        for i, (n, v) in enumerate(volumes.items(), start=1)
    )
    return (
        "# Title Segmentation Statistics \n# \n"
        "# Measure BrainSeg, BrainSegVol, Brain Segmentation Volume, 1200000.000000, mm^3\n"
        "# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume, "
        f"{etiv:.6f}, mm^3\n"
        "# ColHeaders  Index SegId NVoxels Volume_mm3 StructName normMean normStdDev normMin "
        "normMax normRange\n" + rows
    )


VOLUMES = {"Left-Hippocampus": 4200.0, "CSF": 900.0, "Left-VentralDC": 3500.0}


def thick(i: int, side: str) -> np.ndarray:
    return np.round(2 + numbers(i, len(side), ord(side[0]), shape=(4,)) * 0.1, 3)


@pytest.fixture
def subjects(tmp_path: Path) -> Path:
    root = tmp_path / "subjects"
    for i, sub in enumerate(PEOPLE):
        stats = root / f"sub-{sub}" / "stats"
        for side in ("lh", "rh"):
            write(stats / f"{side}.aparc.stats", aparc_stats(thick(i, side)))
        write(stats / "aseg.stats", aseg_stats(1.5e6 + i, {k: v + i for k, v in VOLUMES.items()}))
    write(root / "fsaverage/stats/lh.aparc.stats", aparc_stats(thick(9, "lh")))
    write(root / "sub-01.long.sub-01/stats/lh.aparc.stats", aparc_stats(thick(8, "lh")))
    people(tmp_path)
    return root


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    """What aparcstats2table and asegstats2table make of the same subjects."""
    folder = tmp_path / "tables"
    made = []
    for side in ("lh", "rh"):
        header = [f"{side}.aparc.thickness", *(f"{side}_{r}_thickness" for r in REGIONS),
                  f"{side}_MeanThickness_thickness", "BrainSegVolNotVent", "eTIV"]  # fmt: skip
        rows = [
            [f"sub-{s}", *map(str, thick(i, side)), "2.5", "1100000", str(1.5e6 + i)]
            for i, s in enumerate(PEOPLE)
        ]
        text = "".join("\t".join(r) + "\n" for r in [header, *rows])
        made.append(write(folder / f"{side}.thickness.txt", text))
    header = ["Measure:volume", *VOLUMES, "BrainSegVol", "lhCortexVol", "BrainSegVol-to-eTIV",
              "lhSurfaceHoles", "EstimatedTotalIntraCranialVol"]  # fmt: skip
    rows = [
        [f"sub-{s}", *(str(v + i) for v in VOLUMES.values()), "1", "2", "3", "4", str(1.5e6 + i)]
        for i, s in enumerate(PEOPLE)
    ]
    made.append(write(folder / "aseg.tsv", "".join("\t".join(r) + "\n" for r in [header, *rows])))
    people(tmp_path)
    return made


def test_freesurfer_subjects_give_thickness_volumes_and_etiv(subjects: Path) -> None:
    cohort = FreeSurferCohort(subjects=subjects).read("fs")
    assert [s.participant for s in cohort.scans] == ["sub-01", "sub-02", "sub-03"]
    assert cohort.table["eTIV"].tolist() == [1.5e6, 1.5e6 + 1, 1.5e6 + 2]
    assert cohort.table["age"].tolist() == [20, 21, 22]
    found = extract(
        cohort,
        {k: RegionalValues(of=k) for k in ("thickness", "area", "volume", "aseg")},
    )
    thickness = found["thickness"].values
    assert list(thickness) == [f"thickness:{h}_{r}" for h in ("lh", "rh") for r in REGIONS]
    for i in range(3):
        expected = np.concatenate([thick(i, "lh"), thick(i, "rh")])
        np.testing.assert_allclose(thickness.to_numpy()[i], expected, rtol=1e-6)
    assert found["area"].values.to_numpy()[0].tolist() == [700, 701, 702, 703] * 2
    assert found["volume"].values.to_numpy()[0].tolist() == [2000, 2001, 2002, 2003] * 2
    assert found["aseg"].values.loc[("fs", "sub-02", "")].to_dict() == {
        "aseg:Left-Hippocampus": 4201, "aseg:CSF": 901, "aseg:Left-VentralDC": 3501,
    }  # fmt: skip


def test_the_values_change_only_together_with_their_version(subjects: Path) -> None:
    assert RegionalValues.version == 1
    scan = FreeSurferCohort(subjects=subjects).read("fs").scans[0]
    found = RegionalValues(of="volume").extract(Recording(scan))
    assert found.names[:2] == (":lh_A", ":lh_B")
    assert found.values[:2].tolist() == [2000, 2001]


def test_group_tables_give_what_the_subjects_give(
    subjects: Path, tables: list[Path], tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    wanted = {k: RegionalValues(of=k) for k in ("thickness", "aseg")}
    one = FreeSurferCohort(subjects=subjects).read("fs")
    other = FreeSurferCohort(tables=tables).read("fs")
    assert other.table["eTIV"].tolist() == one.table["eTIV"].tolist()
    a, b = extract(one, wanted), extract(other, wanted, store=store)
    for key in wanted:
        pd.testing.assert_frame_equal(a[key].values, b[key].values)
    # One file holds everybody: the store must still tell them apart.
    again = extract(other, wanted, store=store)
    pd.testing.assert_frame_equal(b["thickness"].values, again["thickness"].values)
    assert a["thickness"].values.drop_duplicates().shape[0] == 3


def test_longitudinal_results_are_read_on_request_only(subjects: Path) -> None:
    cohort = FreeSurferCohort(subjects=subjects, longitudinal=True, allow_missing=True).read("fs")
    values = extract(cohort, RegionalValues(of="thickness")).values
    np.testing.assert_allclose(values.to_numpy(), thick(8, "lh")[None], rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<!DOCTYPE html>\n<html>", "looks like an HTML page"),
        (aparc_stats(thick(0, "lh")).replace("ThickAvg", "Thick"), "no column ThickAvg"),
        (aparc_stats(thick(0, "lh"))[:-20], "fields, expected 10; the file is cut"),
        (aparc_stats(thick(0, "lh"), ("A", "A", "B", "C")), "a structure stands twice"),
        (aparc_stats(thick(0, "lh")).replace(f"{thick(0, 'lh')[1]:.3f}", "x"), "expected a number"),
    ],
)
def test_bad_stats_reject_their_scan_and_no_other(subjects: Path, content: str, words: str) -> None:
    write(subjects / "sub-01/stats/lh.aparc.stats", content)
    table = extract(FreeSurferCohort(subjects=subjects).read("fs"), RegionalValues(of="thickness"))
    assert len(table) == 2
    assert words in table.rejected["reason"].item()


def test_a_table_of_another_kind_is_named(tables: list[Path], tmp_path: Path) -> None:
    wrong = write(tmp_path / "x.tsv", "participant_id\tage\nsub-01\t3\n")
    with pytest.raises(InputError, match=r"looks like a tab-separated table; expected a table of"):
        FreeSurferCohort(tables=[*tables, wrong]).read("fs")
    with pytest.raises(InputError, match=r"no <subject>/stats/lh\.aparc\.stats"):
        FreeSurferCohort(subjects=tmp_path).read("fs")
    with pytest.raises(ValueError, match="give one of `subjects`"):
        FreeSurferCohort()


# ---------------------------------------------------------------- maps


def test_maps_are_found_by_pattern_in_plain_folders(tmp_path: Path) -> None:
    gm = {f"sub-{s}": image(tmp_path / f"mri/mwp1{s}_T1w.nii", i) for i, s in enumerate(PEOPLE)}
    cbf = {
        f"sub-{s}": image(tmp_path / f"sub-{s}/perf/sub-{s}_space-X_cbf.nii.gz", 9, i)
        for i, s in enumerate(PEOPLE)
    }
    image(tmp_path / "mri/mwp201_T1w.nii", 7)
    people(tmp_path)
    cohort = MapsCohort(
        folder=tmp_path,
        maps={"gm": "mwp1{participant}_T1w.nii", "cbf": "sub-*_cbf.nii*"},
        space="X",
    ).read("m")
    assert [sorted(s.files) for s in cohort.scans] == [["map:cbf", "map:gm"]] * 3
    assert {s.space for s in cohort.scans} == {"X"}
    assert_regional(cohort, "gm", gm)
    assert_regional(cohort, "cbf", cbf)


def test_sessions_come_from_the_name_or_the_folder(tmp_path: Path) -> None:
    for ses in ("1", "2"):
        image(tmp_path / f"sub-01/ses-{ses}/anat/c1.nii", int(ses))
        image(tmp_path / f"plain/P7_{ses}.nii", int(ses))
    inside = MapsCohort(folder=tmp_path, maps={"gm": "**/anat/c1.nii"}).read("m")
    assert [(s.participant, s.session) for s in inside.scans] == [
        ("sub-01", "ses-1"), ("sub-01", "ses-2")]  # fmt: skip
    named = MapsCohort(folder=tmp_path, maps={"gm": "{participant}_{session}.nii"}).read("m")
    assert [(s.participant, s.session) for s in named.scans] == [
        ("sub-P7", "ses-1"), ("sub-P7", "ses-2")]  # fmt: skip
    assert all("map" in s.files for s in named.scans), "a single map needs no name"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("wp2{participant}.nii", "no file fits gm: .*images there are called like mwp101.nii"),
        ("mwp1*.nii", "whose it is stands nowhere in its name"),
        ("{participant}.*", r"looks like a JSON file; expected a NIfTI image"),
        ("**/mwp1{participant}*.nii", "both give map:gm; make the pattern narrower"),
    ],
)
def test_patterns_that_fit_the_wrong_files_are_refused(
    tmp_path: Path, pattern: str, words: str
) -> None:
    for where in ("a", "b"):
        image(tmp_path / where / "mwp101.nii", 1)
    write(tmp_path / "01.json", '{"a": 1}')
    with pytest.raises(InputError, match=words):
        MapsCohort(folder=tmp_path, maps={"gm": pattern}).read("m")
    with pytest.raises(ValueError, match=r"\{who\} is none of"):
        MapsCohort(folder=tmp_path, maps={"gm": "{who}.nii"})


# ---------------------------------------------------------------- DPABI


@pytest.fixture
def dpabi(tmp_path: Path) -> Path:
    root = tmp_path / "DPARSF"
    for i, sub in enumerate(("Sub_001", "Sub_002")):
        for s, results in enumerate(("Results", "S2_Results")):
            reho = root / results / "ReHo_FunImgARCWF"
            image(reho / f"ReHoMap_{sub}.nii", i, s, 1)
            image(reho / f"zReHoMap_{sub}.nii", i, s, 2)
            image(root / results / "ALFF_FunImgARCW" / f"ALFFMap_{sub}.nii.gz", i, s, 3)
            image(root / results / "VMHC_FunImgARCWFsymS" / f"zVMHCMap_{sub}.nii", i, s, 4)
            dc = root / results / "DegreeCentrality_FunImgARCWF"
            image(dc / f"DegreeCentrality_PositiveWeightedSumBrainMap_{sub}.nii", i, s, 5)
            signals = root / results / "ROISignals_FunImgARCWF"
            signals.mkdir(parents=True, exist_ok=True)
            values = numbers(i, s)
            savemat(signals / f"ROISignals_{sub}.mat", {"ROISignals": values})
            if i:
                np.savetxt(signals / f"ROISignals_{sub}.txt", values, fmt="%.16e", delimiter="\t")
    people(root, ("Sub_001", "Sub_002"))
    return root


def test_dpabi_maps_and_signals_of_two_sessions(dpabi: Path) -> None:
    cohort = DpabiCohort(folder=dpabi, t_r=2.0).read("d")
    who = [(s.participant, s.session) for s in cohort.scans]
    assert who == [(f"sub-Sub_00{i}", f"ses-{s}") for i in (1, 2) for s in (1, 2)]
    assert cohort.sessions["n_volumes"].tolist() == [150] * 4
    scan = cohort.scans[1]
    assert sorted(r for r in scan.files if r.startswith("map:")) == [
        "map:alff", "map:dc_weighted", "map:reho", "map:vmhc"]  # fmt: skip
    assert scan.files["map:reho"].name == "ReHoMap_Sub_001.nii"
    assert "S2_Results" in str(scan.files["map:reho"])
    table = extract(cohort, Connectome(denoise=None))
    upper = np.triu_indices(4, 1)
    for row, (i, s) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        expected = np.corrcoef(numbers(i, s).T)[upper]
        np.testing.assert_allclose(table.values.to_numpy()[row], expected, atol=1e-5)
    assert cohort.scans[0].files["timeseries"].suffix == ".mat"
    assert cohort.scans[2].files["timeseries"].suffix == ".txt", "text before MATLAB's"


def test_dpabi_variants_and_a_results_folder_of_its_own(dpabi: Path) -> None:
    folder = dpabi / "Results"
    cohort = DpabiCohort(folder=folder, variant="z").read("d")
    assert [s.session for s in cohort.scans] == ["", ""]
    reho = {f"sub-{s}": folder / f"ReHo_FunImgARCWF/zReHoMap_{s}.nii" for s in
            ("Sub_001", "Sub_002")}  # fmt: skip
    assert_regional(cohort, "reho", reho)
    assert sorted(r for r in cohort.scans[0].files if "map:" in r) == ["map:reho", "map:vmhc"]


def test_dpabi_measures_of_several_images_need_a_choice(dpabi: Path) -> None:
    image(dpabi / "Results/ReHo_FunImgARglobalCWF/ReHoMap_Sub_001.nii", 1)
    with pytest.raises(InputError, match=r"both give map:reho; name the images with source"):
        DpabiCohort(folder=dpabi).read("d")
    cohort = DpabiCohort(folder=dpabi, source="FunImgARglobalCWF", allow_missing=True).read("d")
    assert [sorted(s.files) for s in cohort.scans] == [["map", "map:reho"]]
    with pytest.raises(InputError, match=r"no map has the prefix 'sm'; there is '', 'z'"):
        DpabiCohort(folder=dpabi, variant="sm", source="FunImgARCWF").read("d")


def test_dpabi_names_an_empty_folder(tmp_path: Path) -> None:
    write(tmp_path / "FunImg/x.txt", "1")
    with pytest.raises(InputError, match=r"there is FunImg; give DPABI's working directory"):
        DpabiCohort(folder=tmp_path).read("d")


# ---------------------------------------------------------------- XCP-D


@pytest.fixture(params=["atlas", "seg"])
def xcpd(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    key = request.param
    for i, sub in enumerate(PEOPLE):
        func = tmp_path / f"sub-{sub}" / "func"
        stem = f"sub-{sub}_task-rest_space-MNI152NLin6Asym"
        for a, atlas in enumerate(("X", "Y")):
            own = f"{func}/{stem}_{key}-{atlas}_stat"
            series = numbers(i, a)
            write(Path(f"{own}-mean_timeseries.tsv"), tsv(series))
            matrix = np.corrcoef(series.T)
            write(Path(f"{own}-pearsoncorrelation_relmat.tsv"), tsv(matrix, index=True))
            few = Path(f"{own}-pearsoncorrelation_desc-100volumes_relmat.tsv")
            write(few, tsv(np.corrcoef(series[:100].T), index=True))
            values = numbers(i, a, 1, shape=(1, 4))
            values[0, 2] = np.nan
            write(Path(f"{own}-reho_bold.tsv"), tsv(values))
            write(Path(f"{own}-coverage_bold.tsv"), tsv(np.array([[1, 0.9, 0.1, 1]])))
        image(func / f"{stem}_stat-reho_boldmap.nii.gz", i, 5)
        image(func / f"{stem}_stat-alff_desc-smooth_boldmap.nii.gz", i, 6)
        write(func / f"sub-{sub}_task-rest_motion.tsv", "framewise_displacement\n" + "0.1\n" * 150)
        about = func / f"sub-{sub}_task-rest_space-MNI152NLin6Asym_desc-denoised_bold.json"
        write(about, '{"RepetitionTime": 2.5}')
    write(tmp_path / "sourcedata/atlases/sub-99_stat-reho_bold.tsv", "not mine")
    people(tmp_path)
    return tmp_path


def test_xcpd_gives_series_matrices_values_maps_and_motion(xcpd: Path) -> None:
    key = "seg" if list(xcpd.rglob("*_seg-X*")) else "atlas"
    cohort = XcpdCohort(folder=xcpd, select={key: "X"}, t_r=2.5).read("x")
    assert len(cohort) == len(cohort.scans) == 3
    scan = cohort.scans[0]
    assert sorted(scan.files) == ["connectome", "coverage", "map:alff_smooth", "map:reho",
                                  "motion", "timeseries", "values:reho"]  # fmt: skip
    assert (scan.space, scan.columns) == ("MNI152NLin6Asym", REGIONS)
    assert cohort.sessions["mean_fd"].tolist() == pytest.approx([0.1] * 3)
    assert cohort.sessions["minutes_kept"].tolist() == [150 * 2.5 / 60] * 3
    tables = extract(cohort, {"reho": RegionalValues(of="reho"), "edges": Connectome()})
    expected = np.array([numbers(i, 0, 1, shape=(4,)) for i in range(3)])
    expected[:, 2] = np.nan
    np.testing.assert_allclose(tables["reho"].values.to_numpy(), expected, rtol=1e-6)
    assert list(tables["reho"].values) == [f"reho:{r}" for r in REGIONS]
    assert tables["reho"].coverage is not None
    assert tables["reho"].coverage.to_numpy()[0].tolist() == pytest.approx([1, 0.9, 0.1, 1])
    upper = np.triu_indices(4, 1)
    edges = [np.corrcoef(numbers(i, 0).T)[upper] for i in range(3)]
    np.testing.assert_allclose(tables["edges"].values.to_numpy(), edges, atol=1e-6)
    stem = "task-rest_space-MNI152NLin6Asym_stat-reho_boldmap.nii.gz"
    maps = {f"sub-{s}": xcpd / f"sub-{s}/func/sub-{s}_{stem}" for s in PEOPLE}
    assert_regional(cohort, "reho", maps)


def test_xcpd_with_two_atlases_asks_which(xcpd: Path) -> None:
    with pytest.raises(InputError, match=r"told apart by (seg|atlas) \(X, Y\); choose one with"):
        XcpdCohort(folder=xcpd).read("x")
    with pytest.raises(InputError, match=r"none of \d+ files is one of its products"):
        XcpdCohort(folder=xcpd, task="nback").read("x")


def test_values_with_several_rows_are_no_values(xcpd: Path) -> None:
    for path in (xcpd / "sub-01").rglob("*reho_bold.tsv"):
        write(path, tsv(numbers(1, shape=(2, 4))))
    key = "seg" if list(xcpd.rglob("*_seg-X*")) else "atlas"
    table = extract(XcpdCohort(folder=xcpd, select={key: "X"}).read("x"), RegionalValues(of="reho"))
    assert table.rejected["reason"].item().endswith("2 rows; expected one row of regional values")


def test_one_file_that_is_no_table_costs_its_own_scan_only(xcpd: Path) -> None:
    key = "seg" if list(xcpd.rglob("*_seg-X*")) else "atlas"
    for path in xcpd.rglob(f"*_{key}-X_stat-pearson*"):
        path.unlink()
    write(
        next(xcpd.rglob(f"sub-01*_{key}-X*timeseries.tsv")), "<html><body>not found</body></html>"
    )
    gone = next(xcpd.rglob(f"sub-02*_{key}-X*timeseries.tsv"))
    gone.unlink()
    gone.symlink_to(xcpd / "annex")
    for cohort in (
        XcpdCohort(folder=xcpd, select={key: "X"}, t_r=2.5).read("x"),
        read_timeseries(xcpd, select={key: "X"}, t_r=2.5),
    ):
        assert {s.columns for s in cohort.scans} == {REGIONS}
        table = extract(cohort, Connectome())
        assert table.values.index.get_level_values("participant_id").tolist() == ["sub-03"]
        reasons = " ".join(table.rejected["reason"])
        assert "looks like an HTML page" in reasons
        assert "if it is a datalad link, run datalad get" in reasons


# ---------------------------------------------------------------- HALFpipe


def test_halfpipe_matrices_series_and_maps(tmp_path: Path) -> None:
    maps: dict[str, Path] = {}
    for i, sub in enumerate(PEOPLE):
        func = tmp_path / f"sub-{sub}" / "func" / "task-rest"
        stem = f"sub-{sub}_task-rest_feature-"
        for f, feature in enumerate(("corrMatrix1", "corrMatrix2")):
            series = numbers(i, f)
            own = f"{stem}{feature}_atlas-schaefer2018"
            write(func / f"{own}_timeseries.tsv", tsv(series, None))
            matrix = np.corrcoef(series.T)
            matrix[3] = matrix[:, 3] = np.nan
            text = tsv(matrix, None).replace("n/a", "NaN")
            write(func / f"{own}_desc-correlation_matrix.tsv", text)
            write(func / f"{own}_timeseries.json", '{"RepetitionTime": 2.0}')
        maps[f"sub-{sub}"] = image(func / f"{stem}reHo_reho.nii.gz", i)
        image(func / f"{stem}fALFF_falff.nii.gz", i, 1)
        image(func / f"{stem}fALFF2_stat-alff_statmap.nii.gz", i, 2)
        image(func / f"{stem}seedCorr_seed-pcc_stat-z_statmap.nii.gz", i, 3)
        image(func / f"{stem}seedCorr_seed-pcc_stat-effect_statmap.nii.gz", i, 4)
    write(tmp_path / "grouplevel/sub-01_feature-a_atlas-b_timeseries.tsv", "1\n")
    people(tmp_path)
    with pytest.raises(InputError, match=r"told apart by feature \(corrMatrix1, corrMatrix2\)"):
        HalfpipeCohort(folder=tmp_path).read("h")
    # An entity chosen for matrices would shut out maps of other features: atlas features only.
    cohort = HalfpipeCohort(folder=tmp_path, feature="corrMatrix2").read("h")
    scan = cohort.scans[0]
    assert sorted(scan.files) == ["connectome", "map:alff", "map:falff", "map:pcc", "map:reho",
                                  "timeseries"]  # fmt: skip
    assert scan.t_r == 2.0
    edges = extract(cohort, Connectome()).values.to_numpy()
    for i in range(3):
        matrix = np.corrcoef(numbers(i, 1).T)
        matrix[3] = matrix[:, 3] = np.nan
        np.testing.assert_allclose(edges[i], matrix[np.triu_indices(4, 1)], atol=1e-6)
    assert_regional(cohort, "reho", maps)


# ---------------------------------------------------------------- junifer


def store_like_h5io(parent: Any, key: str, value: Any) -> None:
    """Write as h5io lays values out: titled groups and datasets (an independent writer)."""
    if isinstance(value, dict | list):
        group = parent.create_group(key)
        group.attrs["TITLE"] = "dict" if isinstance(value, dict) else "list"
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for k, v in items:
            store_like_h5io(group, f"key_{k}" if isinstance(value, dict) else f"idx_{k}", v)
        return
    if isinstance(value, str):
        data, title = np.frombuffer(value.encode(), np.uint8), "unicode"
    elif isinstance(value, bool | int):
        data, title = np.atleast_1d(value), "int"
    elif value is None:
        data, title = np.array([False]), "None"
    else:
        data, title = value, "ndarray"
    parent.create_dataset(key, data=data).attrs["TITLE"] = title


def junifer_file(path: Path, who: tuple[str, ...] = PEOPLE, start: int = 0) -> Path:
    h5py = pytest.importorskip("h5py")
    elements = [{"subject": f"sub-{s}", "session": "ses-01"} for s in who]
    names = {"v1": "BOLD_alff", "m1": "BOLD_fc", "t1": "BOLD_parcels"}
    at = range(start, start + len(who))
    features = {
        "v1": {"kind": "vector", "column_headers": list(REGIONS),
               "data": np.stack([numbers(i, shape=(4,)) for i in at], axis=-1)},
        "m1": {"kind": "matrix", "column_headers": list(REGIONS), "row_headers": list(REGIONS),
               "matrix_kind": "tril", "diagonal": False, "row_header_column_name": "ROI",
               "data": np.stack([np.corrcoef(numbers(i).T) for i in at], axis=-1)},
        "t1": {"kind": "timeseries", "column_headers": list(REGIONS),
               "row_header_column_name": "timepoint", "data": [numbers(i) for i in at]},
    }  # fmt: skip
    with h5py.File(path, "w") as file:
        meta = {m: {"name": n, "marker": {"name": n}} for m, n in names.items()}
        data = np.frombuffer(json.dumps(meta).encode(), np.uint8)
        file.create_dataset("meta", data=data).attrs["TITLE"] = "json"
        for md5, content in features.items():
            store_like_h5io(file, md5, {"element": elements, **content})
    return path


def assert_junifer(cohort: Cohort) -> None:
    found = extract(
        cohort, {"alff": RegionalValues(of="BOLD_alff"), "edges": Connectome(denoise=None)}
    )
    assert list(found["alff"].values) == [f"alff:{r}" for r in REGIONS]
    values = [numbers(i, shape=(4,)) for i in range(3)]
    np.testing.assert_allclose(found["alff"].values.to_numpy(), values, rtol=1e-6)
    edges = [np.corrcoef(numbers(i).T)[np.triu_indices(4, 1)] for i in range(3)]
    np.testing.assert_allclose(found["edges"].values.to_numpy(), edges, atol=1e-6)
    for i, scan in enumerate(cohort.scans):
        signals = Recording(scan).regions(None, None)
        np.testing.assert_array_equal(signals.values, numbers(i).astype(np.float32))
        assert signals.labels == REGIONS


def test_junifer_collected_and_by_element(tmp_path: Path) -> None:
    people(tmp_path)
    cohort = JuniferCohort(path=junifer_file(tmp_path / "all.hdf5"), t_r=2.0).read("j")
    assert [(s.participant, s.session) for s in cohort.scans] == [
        (f"sub-{s}", "ses-01") for s in PEOPLE
    ]
    assert_junifer(cohort)
    apart = tmp_path / "apart"
    apart.mkdir()
    for i, sub in enumerate(PEOPLE):
        junifer_file(apart / f"element_sub-{sub}_out.hdf5", (sub,), i)
    assert_junifer(JuniferCohort(path=apart, t_r=2.0).read("j"))


def test_damaged_junifer_files_give_a_reason(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = junifer_file(tmp_path / "all.hdf5")
    cohort = JuniferCohort(path=path, t_r=2.0).read("j")
    with h5py.File(path, "a") as file:
        del file["v1/key_data"]
        file["m1/key_matrix_kind"][:] = 0
        file["m1/key_row_headers/idx_0"][:] = ord("Z")
    found = extract(
        cohort, {"alff": RegionalValues(of="BOLD_alff"), "edges": Connectome(denoise=None)}
    )
    assert set(found["alff"].rejected["code"]) == {"E_HDF5"}
    assert set(found["edges"].rejected["code"]) == {"E_MATRIX"}
    with h5py.File(path, "a") as file:
        del file["meta"]
        file["meta"] = np.zeros(3)
    with pytest.raises(InputError, match="not as junifer stores it"):
        JuniferCohort(path=path).read("j")
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError, match=r"all\.hdf5: cut or damaged; copy it again"):
        JuniferCohort(path=path).read("j")


def test_junifer_refusals_say_what_is_there(tmp_path: Path) -> None:
    path = junifer_file(tmp_path / "all.hdf5")
    with pytest.raises(InputError, match=r"no matrix is called 'x'; there is BOLD_fc; set matrix"):
        JuniferCohort(path=path, matrix="x").read("j")
    with pytest.raises(InputError, match=r"no stored element fits \{'session': 'ses-9'\}"):
        JuniferCohort(path=path, element={"session": "ses-9"}).read("j")
    wrong = write(tmp_path / "wrong.hdf5", "a,b\n1,2\n")
    with pytest.raises(InputError, match=r"looks like a CSV table; expected an HDF5 file of"):
        JuniferCohort(path=wrong).read("j")


# ---------------------------------------------------------------- structural connectomes


def counts(seed: int, n: int = 5) -> np.ndarray:
    upper = np.triu(np.random.default_rng(seed).integers(1, 500, (n, n)), 1)
    return (upper + upper.T).astype(float)


def test_mrtrix_connectomes_symmetric_or_half(tmp_path: Path) -> None:
    note = "# command_history: tck2connectome tracks.tck nodes.mif out.csv\n"
    for i, (sub, mark) in enumerate(zip(PEOPLE, (",", " ", ","), strict=True)):
        matrix = np.triu(counts(i)) if i == 2 else counts(i)
        rows = "\n".join(mark.join(f"{v:g}" for v in row) for row in matrix) + "\n"
        write(tmp_path / f"sub-{sub}_desc-siftcount_connectome.csv", note + rows)
    cohort = read_connectomes(tmp_path)
    for i, scan in enumerate(cohort.scans):
        recording = Recording(scan)
        matrix, _ = recording.connectome()
        np.testing.assert_array_equal(matrix, counts(i))
        assert not np.diag(matrix).any()
        assert ("a connectome holds its upper triangle only; it was mirrored" in recording.notes
                ) == (i == 2)  # fmt: skip
    table = extract(cohort, Connectome())
    np.testing.assert_array_equal(table.values.to_numpy()[1], counts(1)[np.triu_indices(5, 1)])


def test_counts_are_no_correlations_to_be_transformed(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "sub-01_connectome.csv", counts(1), delimiter=",")
    table = extract(read_connectomes(tmp_path), Connectome(fisher_z=True))
    assert table.rejected["code"].tolist() == ["E_MEASURE"]


def test_counts_of_two_runs_are_averaged_as_they_are(tmp_path: Path) -> None:
    for run in (1, 2):
        np.savetxt(tmp_path / f"sub-01_run-{run}_connectome.csv", counts(run), delimiter=",")
    table = extract(read_connectomes(tmp_path), Connectome())
    expected = (counts(1) + counts(2))[np.triu_indices(5, 1)] / 2
    np.testing.assert_allclose(table.values.to_numpy()[0], expected)


def test_directed_or_foreign_matrices_are_refused(tmp_path: Path) -> None:
    matrix = counts(0)
    matrix[3, 1] += 1
    np.savetxt(tmp_path / "m.csv", matrix, delimiter=",")
    with pytest.raises(ScanRejected, match="not symmetric"):
        read_matrix(tmp_path / "m.csv")
    path = write(tmp_path / "n.npy", "<html></html>")
    with pytest.raises(ScanRejected, match=r"looks like an HTML page.*expected a numpy array"):
        read_matrix(path)


def test_matrices_of_matlab_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "sub-01_connectivity.mat"
    (tmp_path / "sub-01_other.mat").write_bytes(b"of another tool")
    savemat(path, {"aal_count": counts(1), "aal_length": counts(2), "words": "x"})
    cohort = read_connectomes(tmp_path, variable="aal_length")
    np.testing.assert_array_equal(Recording(cohort.scans[0]).connectome()[0], counts(2))
    with pytest.raises(ScanRejected, match="expected one matrix; there is aal_count, aal_length"):
        read_matrix(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ScanRejected, match="looks like a MATLAB file"):
        read_matrix(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(600))
    with pytest.raises(ScanRejected, match="save it with save"):
        read_matrix(path)


# ---------------------------------------------------------------- what a file looks like


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"\n \n", "an empty file"),
        (b"../../.git/annex/objects/Xq/MD5E-s1--a.nii.gz", "a git-annex pointer"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a git LFS pointer"),
        (b"<!DOCTYPE html><html><body>404", "an HTML page"),
        (b'<?xml version="1.0"?><GIFTI>', "an XML file"),
        (b'{"RepetitionTime": 2}', "a JSON file"),
        (b'{"a": [' + b"1, " * 5000, "a JSON file"),
        (b"# Title Segmentation Statistics\n# ColHeaders  Index SegId", "a FreeSurfer stats file"),
        (b"lh.aparc.area\tlh_bankssts_area\nsub-01\t3", "a FreeSurfer group table"),
        (b"Measure:volume\tCSF\nsub-01\t3", "a FreeSurfer group table"),
        (b"MATLAB 5.0 MAT-file, Platform: PCWIN64" + bytes(90), "a MATLAB file"),
        (b"MATLAB 7.3 MAT-file" + bytes(90), "a MATLAB 7.3 file"),
        (b"\x89HDF\r\n\x1a\n\0\0", "an HDF5 file"),
        (b"\x93NUMPY\x01\0v\0{'descr'", "a numpy array"),
        (b"PK\x03\x04\x14\0", "a zip archive"),
        (b"\x1f\x8b\x08\0", "a gzip-compressed file"),
        (b"%PDF-1.7\n", "a PDF document"),
        (bytes(344) + b"n+1\0", "a NIfTI image"),
        (b"\x1c\x02\0\0n+2\0\r\n" + bytes(600), "a NIfTI image"),
        (b"a\tb\n1\t2\n", "a tab-separated table"),
        (b"a,b\n1,2\n", "a CSV table"),
        (b"a;b\n1,5;2\n", "a semicolon-separated table"),
        (b"# mrtrix\n1 2\n2 1\n", "rows of numbers"),
        (b"Dear colleague\nplease find\n", "plain text"),
        (b"\xff\xfea\0,\0b\0", "UTF-16 text"),
        (b"\x01\x02\0\x03", "binary data"),
        ("participant_id,größe\n".encode("latin-1") + b"1,2\n", "not UTF-8"),
    ],
)
def test_a_file_is_recognized_by_its_content(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    assert kind in what_is(path)
    assert unlike(path, "a table") == f"x.csv: looks like {what_is(path)}; expected a table"


def test_what_is_not_there_has_a_name_too(tmp_path: Path) -> None:
    assert what_is(tmp_path) == "a folder"
    assert what_is(tmp_path / "x") == "a file that is missing or cannot be opened"
    (tmp_path / "y").symlink_to(tmp_path / "gone")
    assert what_is(tmp_path / "y") == "a broken link (run datalad get)"


@given(st.binary(max_size=600))
def test_any_bytes_are_something(content: bytes) -> None:
    assert looks_like(content)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"<html>", "an HTML page"), (b'{"a": 1}', "a JSON file"), (b"\x89HDF\r\n\x1a\n", "an HDF5")],
)
def test_every_reader_of_tables_and_images_says_what_it_got(
    tmp_path: Path, content: bytes, kind: str
) -> None:
    for name in ("x.tsv", "x.nii", "x.nii.gz", "x.npy", "x.mat"):
        (tmp_path / name).write_bytes(content * 100)
    readers = {
        "x.tsv": [lambda p: read_series(p), lambda p: read_strict(p), lambda p: read_matrix(p)],
        "x.nii": [read_volume], "x.nii.gz": [read_volume], "x.npy": [read_matrix],
        "x.mat": [read_matrix],
    }  # fmt: skip
    for name, reads in readers.items():
        for read in reads:
            with pytest.raises((ScanRejected, InputError), match=f"looks like {kind}|but {kind}"):
                read(tmp_path / name)


# ---------------------------------------------------------------- physiology and questionnaires


def test_questionnaires_and_physiology_become_features_by_column(tmp_path: Path) -> None:
    write(tmp_path / "people.tsv", "participant_id\tgroup\nsub-01\tCLBP\nsub-02\tHC\n")
    write(
        tmp_path / "scores.csv",
        "participant_id,session,pcs_1,pcs_2,hrv_rmssd,notes\n"
        "01,1,3,4,38.5,ok\n01,2,2,n/a,41,ok\n02,1,0,1,n/a,late\n",
    )
    cohort = read_table(tmp_path / "scores.csv", participants=tmp_path / "people.tsv", name="q")
    table = extract(cohort, TableColumns(columns=["pcs_*", "hrv_rmssd"]))
    assert list(table.values) == ["columns.pcs_1", "columns.pcs_2", "columns.hrv_rmssd"]
    found = table.values.loc[("q", "sub-01", "ses-2")]
    assert found.iloc[[0, 2]].tolist() == [2, 41]
    assert np.isnan(found.iloc[1])
    assert cohort.table.loc[("q", "sub-02", "ses-1"), "group"] == "HC"
    with pytest.raises(InputError, match="column 'notes' holds words; recode it"):
        extract(cohort, TableColumns(columns=["notes"]))
    with pytest.raises(InputError, match=r"no column fits 'bdi_\*'"):
        extract(cohort, TableColumns(columns=["bdi_*"]))


# ---------------------------------------------------------------- together


def test_the_page_of_inputs_names_every_kind_of_cohort_and_no_other() -> None:
    page = (Path(__file__).parents[1] / "docs" / "inputs.md").read_text()
    cells = [line.split("|")[2] for line in page.splitlines() if line.startswith("| ")]
    told = {re.findall(r"`(\w+)`", cell)[0] for cell in cells[1:] if "`" in cell}
    assert told == {kind for c in (*COHORT_READERS, *SIMULATED) for kind in kinds_of(c)}
    for example in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        content = YAML(typ="safe").load(example)
        for spec in content["cohorts"].values():
            assert read_kind(spec, COHORT_READERS, "cohort").kind == spec["kind"]
        for spec in content.get("features", {}).values():
            assert read_kind(spec, EXTRACTORS, "feature").kind == spec["kind"]
        for spec in content.get("denoise", {}).values():
            Denoise(**spec)
    told = page.split("## Nuisance signals")[1].split("\n## ")[0]
    words = {word for name in STRATEGIES for word in name.split("_")}
    assert words <= set(re.findall(r"`(\w+)`", told))  # every word of the grammar is explained


def test_any_kind_is_one_call_in_a_notebook(subjects: Path) -> None:
    cohort = lumbago.read_cohort("freesurfer", subjects=subjects, name="fs")
    assert (cohort.name, len(cohort)) == ("fs", 3)
    with pytest.raises(InputError, match=r"cohort: expected one of bids, .*did you mean 'xcpd'"):
        lumbago.read_cohort("xcp_d", folder=subjects)


def test_a_freesurfer_table_of_participants_is_sent_to_its_reader(tables: list[Path]) -> None:
    with pytest.raises(InputError, match="a FreeSurfer group table: read it with kind freesurfer"):
        read_table(tables[2])


EXPERIMENT = """
name: thick
seed: 3
cohorts:
  fs: {kind: freesurfer, subjects: subjects, participants: people.tsv}
targets:
  diagnosis: {column: group, classes: {patient: [CLBP], control: [HC]}, positive: patient}
features:
  thickness: {kind: values, of: thickness}
  mood: {kind: columns, columns: ["bdi_*"]}
preparation:
  standard: [{impute: median}, {residualize: [eTIV]}, scale]
models:
  logistic: {kind: logistic, C: 1.0}
evaluation:
  target: diagnosis
  schemes: [{kind: within_cohort, n_splits: 3, n_repeats: 2}]
"""


def test_an_experiment_runs_on_thickness_and_questionnaires(tmp_path: Path) -> None:
    rows = ["participant_id\tgroup\tbdi_1\tbdi_2"]
    for i in range(24):
        patient = i % 2
        stats = tmp_path / "subjects" / f"sub-{i:02d}" / "stats"
        for side in ("lh", "rh"):
            values = thick(i, side) - np.array([0.4, 0, 0, 0]) * patient
            write(stats / f"{side}.aparc.stats", aparc_stats(values))
        write(stats / "aseg.stats", aseg_stats(1.5e6 + 1000 * i, VOLUMES))
        rows.append(f"sub-{i:02d}\t{'CLBP' if patient else 'HC'}\t{i % 5}\t{i % 3}")
    write(tmp_path / "people.tsv", "\n".join(rows) + "\n")
    file = write(tmp_path / "thick.yaml", EXPERIMENT)
    run = lumbago.run(file, output=tmp_path / "runs", store=tmp_path / "store")
    folder = run.folders[0].path
    scores = pd.read_csv(folder / "scores.tsv", sep="\t")
    auc = scores[(scores["metric"] == "roc_auc") & (scores["model"] == "logistic")]
    by_set = auc.set_index("features")["score"]
    assert by_set["thickness"] > 0.9, "lh_A is thinner by four standard deviations"
    assert by_set["mood"] < 0.9, "the scores follow nobody's group"
    weights = pd.read_csv(folder / "weights.tsv", sep="\t")
    assert set(weights["feature"]) >= {"thickness:lh_A", "mood.bdi_1"}
    report = (folder / "report.html").read_text()
    assert "statistics of FreeSurfer" in report
    assert "thickness of regions" in report
