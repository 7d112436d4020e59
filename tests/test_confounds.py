"""Confounds: nilearn's choice of columns, its holes closed, and the volumes kept."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import MOTION, compcor_sidecar, confounds_table, write_table
from lumbago.data import Scan
from lumbago.errors import ScanRejected
from lumbago.measures.motion import framewise_displacement
from lumbago.reading import confounds
from lumbago.reading.columns import chosen_columns
from lumbago.reading.denoise import Denoise, Scrub
from lumbago.reading.freedom import effective_freedom
from lumbago.reading.scrubbing import FD, motion_fd, surviving
from lumbago.reading.strategies import STRATEGIES

N = 120


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    path = write_table(tmp_path / "sub-01_desc-confounds_timeseries.tsv", confounds_table(N))
    path.with_suffix(".json").write_text(json.dumps(compcor_sidecar()))
    return path


def changed(path: Path, **columns: object) -> Path:
    table = confounds_table(N)
    for name, values in columns.items():
        table[name] = values
    return write_table(path, table)


@pytest.mark.parametrize(
    ("strategy", "count"),
    [
        ("none", 0), ("motion6", 6), ("motion12", 12), ("motion24", 24), ("motion24_wmcsf", 26),
        ("motion24_acompcor", 30), ("motion24_wmcsf_global", 27), ("motion36", 36),
    ],
)  # fmt: skip
def test_a_strategy_has_the_regressors_of_its_name(
    table_file: Path, strategy: str, count: int
) -> None:
    found = confounds.load(table_file, Denoise(strategy=strategy), N)  # type: ignore[arg-type]
    assert found.values.shape == (N, count)
    assert len(set(found.names)) == count
    assert np.isfinite(found.values).all()
    assert found.kept is None


def test_the_columns_are_those_of_load_confounds(table_file: Path, tmp_path: Path) -> None:
    from nilearn.interfaces.fmriprep import load_confounds

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, mask = load_confounds(
            str(tmp_path / "sub-01_desc-preproc_bold.nii.gz"),
            strategy=("motion", "high_pass", "compcor"), motion="full", compcor="anat_combined",
            n_compcor="all", demean=False,
        )  # fmt: skip
    ours = confounds.load(table_file, Denoise(), N)
    assert list(ours.names) == list(theirs.columns)
    np.testing.assert_allclose(ours.values, theirs.to_numpy(), rtol=1e-15)
    assert mask is None


def three_tissues(path: Path, n: int = 30) -> Path:
    """A table as fMRIPrep >= 20.2 writes it: components of both tissues together and of each."""
    rng = np.random.default_rng(5)
    columns, about = {"aroma_motion_01": np.arange(N) % 7, "aroma_motion_07": np.arange(N) % 5}, {}
    for letter, mask, explained in (("a", "combined", 0.10), ("w", "WM", 0.04), ("c", "CSF", 0.09)):
        for i in range(n):
            name, share = f"{letter}_comp_cor_{i:02d}", min(1.0, explained * (i + 1))
            columns[name] = rng.standard_normal(N)
            about[name] = {"Mask": mask, "CumulativeVarianceExplained": share}
    table = confounds_table(N).drop(columns=[f"a_comp_cor_{i:02d}" for i in range(3)])
    path.with_suffix(".json").write_text(json.dumps(about))
    return write_table(path, pd.concat([table, pd.DataFrame(columns)], axis=1))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_has_the_columns_that_its_words_say(tmp_path: Path, strategy: str) -> None:
    path = three_tissues(tmp_path / "t.tsv")
    six = list(MOTION)
    tissue = ["csf", "white_matter"]

    def expanded(names: list[str], *how: str) -> list[str]:
        return names + [f"{n}_{h}" for n in names for h in how]

    every = ("derivative1", "power2", "derivative1_power2")
    cosines = [f"cosine{i:02d}" for i in range(3)]
    columns_of = {
        "none": [], "motion6": six, "motion12": expanded(six, "derivative1"),
        "motion24": expanded(six, *every), "aroma": ["aroma_motion_01", "aroma_motion_07"],
        "motion36": expanded([*six, *tissue, "global_signal"], *every),
        "wmcsf": tissue, "global": ["global_signal"],
        # Five times 0.10 reach the half.
        "acompcor": [*cosines, *(f"a_comp_cor_{i:02d}" for i in range(5))],
        "acompcor5": [*cosines, *(f"{t}_comp_cor_{i:02d}" for t in "wc" for i in range(5))],
        "acompcor10": [*cosines, *(f"w_comp_cor_{i:02d}" for i in range(10)),
                       *(f"c_comp_cor_{i:02d}" for i in range(6))],
    }  # fmt: skip
    expected = [c for word in strategy.split("_") for c in columns_of[word]]
    found = confounds.load(path, Denoise(strategy=strategy), N)
    assert sorted(found.names) == sorted(expected)
    few = "acompcor10" in strategy
    assert bool(found.notes) == few
    assert not few or "10 components of white matter and 6 of CSF" in found.notes[0]


def test_half_of_the_variance_is_what_fmriprep_retained(shared_data: Path) -> None:
    folder = shared_data / "confounds_fmriprep"
    for name, counts in (
        ("test_desc-confounds_regressors.tsv", {"acompcor": 57, "acompcor5": 10}),
        ("test-v21_desc-confounds_timeseries.tsv", {"acompcor": 5, "acompcor5": 7}),
    ):
        for tissue, count in counts.items():
            found, notes = chosen_columns(folder / name, Denoise(strategy=tissue))
            assert sum("comp_cor" in c for c in found) == count
            assert bool(notes) == (count == 7)


def test_components_beyond_the_half_are_not_counted_though_the_table_has_them(
    tmp_path: Path,
) -> None:
    """Until the sidecar of --return-all-components was read, all thirty were regressed out."""
    path = three_tissues(tmp_path / "t.tsv")
    found = confounds.load(path, Denoise(strategy="acompcor"), N)
    assert sum("comp_cor" in c for c in found.names) == 5


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("motion24_global_wmcsf", "did you mean 'motion24_wmcsf_global'"),
        ("motion24_wmsf", "did you mean 'motion24_wmcsf'"),
        ("Motion6", "did you mean 'motion6'"),
        ("motion6_motion12", "joined by _"),
        ("motion24_wmcsf_acompcor", "one of wmcsf, acompcor"),
        ("", "expected none, motion36"),
    ],
)
def test_a_strategy_that_is_none_is_refused_with_what_there_is(word: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Denoise(strategy=word)


def test_a_synonym_is_stored_as_what_it_means() -> None:
    same = Denoise(strategy="motion12_acompcor50_global")
    assert same.strategy == "motion12_acompcor_global"
    assert same.digest() == Denoise(strategy="motion12_acompcor_global").digest()
    enum = Denoise.model_json_schema()["properties"]["strategy"]["enum"]
    assert {*STRATEGIES, "motion12_acompcor50_global"} <= set(enum)
    assert len(enum) == len(set(enum))


def test_aroma_without_its_columns_or_out_of_a_cleaned_image_is_refused(table_file: Path) -> None:
    with pytest.raises(ScanRejected, match=r"ica_aroma.*fMRIPost-AROMA") as refused:
        confounds.load(table_file, Denoise(strategy="aroma_wmcsf"), N)
    assert refused.value.code == "E_CONFOUND_COLUMN"
    bold = table_file.with_name("sub-01_desc-smoothAROMAnonaggr_bold.nii.gz")
    scan = Scan("sub-01", files={"confounds": table_file, "bold": bold})
    with pytest.raises(ScanRejected, match="are gone already"):
        confounds.load(scan, Denoise(strategy="aroma_wmcsf"), N)
    assert confounds.load(scan, Denoise(strategy="wmcsf"), N).values.shape == (N, 2)


def test_a_folder_named_tsv_does_not_lead_astray(tmp_path: Path, table_file: Path) -> None:
    folder = tmp_path / "my.tsv.files"
    folder.mkdir()
    for suffix in (".tsv", ".json"):
        (folder / f"odd name{suffix}").write_bytes(table_file.with_suffix(suffix).read_bytes())
    assert confounds.load(folder / "odd name.tsv", Denoise(), N).values.shape == (N, 30)


@pytest.mark.parametrize("version", ["test-v21_desc-confounds_timeseries.tsv",
                                     "test_desc-confounds_regressors.tsv"])  # fmt: skip
def test_real_tables_of_fmriprep_are_read(shared_data: Path, version: str) -> None:
    path = shared_data / "confounds_fmriprep" / version
    found = confounds.load(path, Denoise(strategy="motion6"), 30)
    assert found.values.shape == (30, 6)
    assert found.kept is not None, "the first volumes were not steady"
    assert 0 not in found.kept
    assert found.fd is not None
    with pytest.raises(ScanRejected, match="degrees of freedom") as refused:
        confounds.load(path, Denoise(strategy="motion24"), 30)
    assert refused.value.code == "E_DOF"


def test_non_steady_volumes_are_left_out_without_scrubbing(tmp_path: Path) -> None:
    first = np.zeros(N)
    first[0] = 1
    path = changed(tmp_path / "t.tsv", non_steady_state_outlier00=first)
    found = confounds.load(path, Denoise(strategy="motion6"), N)
    np.testing.assert_array_equal(found.kept, np.arange(1, N))
    assert found.values.shape == (N, 6)


def nilearns_kept(table: pd.DataFrame, segment: int, limit: float) -> np.ndarray:
    from nilearn.interfaces.fmriprep import load_confounds

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_table(Path(folder) / "sub-1_desc-confounds_timeseries.tsv", table)
        _, kept = load_confounds(
            f"{folder}/sub-1_desc-preproc_bold.nii.gz", strategy=("motion", "scrub"),
            motion="basic", scrub=segment, fd_threshold=limit, std_dvars_threshold=2.0,
        )  # fmt: skip
    return np.arange(len(table)) if kept is None else kept


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 2), min_size=12, max_size=60),
    st.integers(0, 6),
    st.sampled_from([0.2, 0.5, 1.0]),
    st.integers(0, 3),
)
def test_scrubbing_keeps_what_nilearn_keeps(
    fd: list[float], segment: int, limit: float, unsteady: int
) -> None:
    n = len(fd)
    table = confounds_table(n)
    table[FD] = [np.nan, *fd[1:]]
    table["std_dvars"] = 1.0
    for i in range(unsteady):
        table[f"non_steady_state_outlier{i:02d}"] = (np.arange(n) == i).astype(int)
    kept = nilearns_kept(table, segment, limit)
    ours = surviving(
        n, Scrub(fd=limit, min_segment=segment), fd=table[FD].to_numpy(),
        non_steady=np.arange(n) < unsteady,
    )  # fmt: skip
    np.testing.assert_array_equal(np.flatnonzero(ours), kept)


def test_scrubbing_by_dvars_and_displacement_is_a_union() -> None:
    fd, dvars = np.zeros(6), np.zeros(6)
    fd[0], fd[2], dvars[4] = np.nan, 0.6, 2.0
    kept = surviving(6, Scrub(fd=0.5, std_dvars=1.5), fd=fd, std_dvars=dvars)
    np.testing.assert_array_equal(kept, [True, True, False, True, False, True])


@given(st.lists(st.booleans(), min_size=5, max_size=40), st.integers(0, 3), st.integers(0, 3))
def test_neighbours_of_outliers_are_left_out_too(
    moved: list[bool], before: int, after: int
) -> None:
    n = len(moved)
    outlier = np.array(moved)
    unsteady = np.arange(n) < 1
    scrub = Scrub(fd=0.5, before=before, after=after)
    kept = surviving(n, scrub, fd=np.where(outlier, 1.0, 0.0), non_steady=unsteady)
    near = [any(outlier[max(0, t - after) : t + before + 1]) for t in range(n)]
    np.testing.assert_array_equal(kept, ~np.array(near) & ~unsteady)


def test_neighbours_count_before_short_stretches_do() -> None:
    fd = np.zeros(12)
    fd[[3, 8]] = 1
    kept = surviving(12, Scrub(before=1, after=2, min_segment=2), fd=fd)
    # 2-5 and 7-10 are marked; 6 and 11 stand alone, as volumes 0 and 1 do not.
    np.testing.assert_array_equal(np.flatnonzero(kept), [0, 1])


def test_jenkinsons_displacement_is_fmripreps_rmsd_or_computed(tmp_path: Path) -> None:
    table = confounds_table(N)
    jenkinson = framewise_displacement(table[[*MOTION]].to_numpy(), convention="jenkinson")
    limit = float(np.nanmedian(jenkinson))
    scrubbed = Denoise(strategy="motion6", scrub=Scrub(fd=limit, fd_kind="jenkinson"))
    found = confounds.load(write_table(tmp_path / "a.tsv", table), scrubbed, N)
    kept = np.flatnonzero(~(jenkinson > limit))
    np.testing.assert_array_equal(found.kept, kept)
    np.testing.assert_array_equal(found.fd, table[FD])
    table["rmsd"] = np.r_[np.nan, np.where(np.arange(1, N) == 50, 9, 0.0)]
    found = confounds.load(write_table(tmp_path / "b.tsv", table), scrubbed, N)
    np.testing.assert_array_equal(found.kept, np.delete(np.arange(N), 50))


def test_displacement_that_the_table_lacks_is_computed_from_its_parameters(tmp_path: Path) -> None:
    table = confounds_table(N)
    power = framewise_displacement(table[[*MOTION]].to_numpy())
    limit = float(np.nanmedian(power))
    path = write_table(tmp_path / "t.tsv", table.drop(columns=FD))
    denoise = Denoise(strategy="motion6", scrub=Scrub(fd=limit))
    found = confounds.load(path, denoise, N)
    np.testing.assert_allclose(found.fd, power)
    np.testing.assert_array_equal(found.kept, np.flatnonzero(~(power > limit)))
    summary = confounds.motion_summary(Scan("sub-01", files={"confounds": path}), denoise)
    assert summary["mean_fd"] == pytest.approx(np.nanmean(power))
    assert summary["n_volumes_kept"] == len(found.kept)
    assert summary["dof_left"] == len(found.kept) - 2 - 6
    motion = write_table(tmp_path / "m.tsv", table[[*MOTION]])
    np.testing.assert_allclose(motion_fd(motion, N), power)
    assert motion_fd(write_table(tmp_path / "n.tsv", table[["csf"]]), N) is None


def test_dvars_that_the_table_lacks_is_asked_of_the_image(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.tsv", confounds_table(N).drop(columns="std_dvars"))
    denoise = Denoise(strategy="motion6", scrub=Scrub(fd=None, std_dvars=1.5))
    jumps = np.where(np.arange(N) == 70, 2.0, 1.0)
    found = confounds.load(path, denoise, N, lambda: jumps)
    np.testing.assert_array_equal(found.kept, np.delete(np.arange(N), 70))
    assert "computed from the image" in found.notes[0]
    with pytest.raises(ScanRejected, match="needs the column std_dvars"):
        confounds.load(path, denoise, N)
    summary = confounds.motion_summary(Scan("sub-01", files={"confounds": path}), denoise)
    assert summary["n_volumes_kept"] == N


def test_a_summary_of_motion_counts_what_is_kept(table_file: Path) -> None:
    fd = confounds_table(N)[FD].to_numpy()
    scan = Scan("sub-01", files={"confounds": table_file}, t_r=2.0)
    limit = float(np.nanmedian(fd))
    found = confounds.motion_summary(scan, Denoise(scrub=Scrub(fd=limit)))
    assert found["mean_fd"] == pytest.approx(np.nanmean(fd), abs=1e-12)
    assert found["n_volumes"] == N
    assert found["n_volumes_kept"] == N - (fd > limit).sum()
    assert found["minutes_kept"] == pytest.approx(found["n_volumes_kept"] * 2 / 60)
    assert found["dof_left"] == found["n_volumes_kept"] - 2 - 30
    assert confounds.motion_summary(scan, None)["n_volumes_kept"] == N
    assert np.isnan(confounds.motion_summary(scan, None)["dof_left"])
    without = confounds.motion_summary(scan, Denoise(strategy="aroma"))
    assert np.isnan(without["dof_left"])
    assert without["n_volumes_kept"] == N


def test_a_summary_of_a_broken_table_is_unknown_not_an_error(table_file: Path) -> None:
    table_file.write_bytes(b"a\tb\n1\n")
    found = confounds.motion_summary(Scan("sub-01", files={"confounds": table_file}), Denoise())
    assert all(np.isnan(v) for v in found.values())


def test_a_motion_table_of_another_length_describes_other_volumes(tmp_path: Path) -> None:
    path = write_table(tmp_path / "m.tsv", pd.DataFrame({FD: [0.0, 0.1, 0.2]}))
    np.testing.assert_array_equal(motion_fd(path, 3), [0.0, 0.1, 0.2])
    assert motion_fd(path, 4) is None


def test_a_table_the_user_chose_is_taken_whole() -> None:
    given = confounds_table(N)[[*MOTION]]
    found = confounds.load(given, Denoise(strategy="motion36"), N)
    assert found.names == MOTION
    np.testing.assert_array_equal(found.values, given.to_numpy())


def broken(path: Path, how: str) -> tuple[Path, Denoise]:
    """Damage a good table in one way; return what to load it with."""
    motion = Denoise(strategy="motion6")
    text = path.read_text()
    lines = text.splitlines()
    header = lines[0].split("\t")
    if how == "fewer rows":
        path.write_text("\n".join(lines[:-5]) + "\n")
    elif how == "cut in half":
        path.write_text(text[: len(text) // 2])
    elif how == "latin-1":
        path.write_bytes(text.encode() + "\tMüller\n".encode("latin-1"))
    elif how == "no displacement":
        write_table(path, confounds_table(N).drop(columns=[FD, "rot_z"]))
        return path, Denoise(strategy="motion6", scrub=Scrub())
    elif how == "displacement missing in the middle":
        fd = confounds_table(N)[FD].to_numpy().copy()
        fd[50] = np.nan
        changed(path, **{FD: fd})
        return path, Denoise(strategy="motion6", scrub=Scrub())
    elif how == "regressor missing in the middle":
        trans = confounds_table(N)["trans_x"].to_numpy().copy()
        trans[50] = np.nan
        changed(path, trans_x=trans)
    elif how == "everything moves":
        changed(path, **{FD: np.full(N, 3.0)})
        return path, Denoise(strategy="motion6", scrub=Scrub())
    elif how == "no compcor sidecar":
        path.with_suffix(".json").unlink()
        return path, Denoise()
    elif how == "sidecar is no JSON":
        path.with_suffix(".json").write_text("{")
        return path, Denoise()
    elif how == "no tissue":
        write_table(path, confounds_table(N).drop(columns=["csf", "white_matter"]))
        return path, Denoise(strategy="motion24_wmcsf")
    elif how == "part of a tissue":
        write_table(path, confounds_table(N).drop(columns=["csf"]))
        return path, Denoise(strategy="motion24_wmcsf")
    elif how == "words":
        cells = lines[7].split("\t")
        cells[header.index("trans_y")] = "oops"
        path.write_text("\n".join([*lines[:7], "\t".join(cells), *lines[8:]]) + "\n")
    elif how == "a column twice":
        path.write_text("\n".join(f"{line}\t{line.split(chr(9))[0]}" for line in lines) + "\n")
    elif how == "scrubbed to a few":
        fd = np.full(N, 3.0)
        fd[:20] = 0.1
        changed(path, **{FD: fd})
        return path, Denoise(strategy="motion6", scrub=Scrub())
    elif how == "not there":
        path.unlink()
    elif how == "empty":
        path.write_text("")
    return path, motion


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("fewer rows", "E_CONFOUND_ROWS", "one row per volume (120), got 115"),
        ("cut in half", "E_CONFOUND_TABLE", "fields, expected 44; the file is cut"),
        ("latin-1", "E_CONFOUND_TABLE", "is not UTF-8; the file looks like latin-1"),
        ("no displacement", "E_CONFOUND_COLUMN", "needs the column framewise_displacement"),
        ("displacement missing in the middle", "E_CONFOUND_NAN", "missing value in line 52"),
        ("regressor missing in the middle", "E_CONFOUND_NAN", "column trans_x has no finite value"),
        ("everything moves", "E_SCRUBBED", "leaves none of 120 volumes"),
        ("no compcor sidecar", "E_CONFOUND_COLUMN", "confounds_timeseries.json beside the table"),
        ("sidecar is no JSON", "E_CONFOUND_TABLE", "expected JSON"),
        ("no tissue", "E_CONFOUND_COLUMN", "wm_csf"),
        ("part of a tissue", "E_CONFOUND_COLUMN", "csf"),
        ("words", "E_CONFOUND_TABLE", "column trans_y, line 8: expected a number or n/a"),
        ("a column twice", "E_CONFOUND_TABLE", "column 'csf' stands twice"),
        ("scrubbed to a few", "E_DOF", "leave 12 degrees of freedom of 20 kept volumes"),
        ("not there", "E_CONFOUND_TABLE", "cannot be opened"),
        ("empty", "E_CONFOUND_TABLE", "the file is empty"),
    ],
)
def test_a_bad_table_is_refused_by_name(table_file: Path, how: str, code: str, words: str) -> None:
    path, denoise = broken(table_file, how)
    with pytest.raises(ScanRejected) as refused:
        confounds.load(path, denoise, N)
    assert refused.value.code == code
    assert words in refused.value.reason
    assert str(path.parent) not in refused.value.reason
    assert "confounds-" not in refused.value.reason, "the folder of the copies shows"


def test_bom_and_windows_line_ends_are_fine(table_file: Path) -> None:
    plain = confounds.load(table_file, Denoise(), N)
    text = table_file.read_text().replace("\n", "\r\n")
    table_file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    np.testing.assert_array_equal(confounds.load(table_file, Denoise(), N).values, plain.values)


def test_as_many_confounds_as_volumes_are_refused_with_the_figures() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ScanRejected, match=r"78 confounds.*leave 0 degrees of freedom of 80"):
        confounds.load(rng.standard_normal((80, 78)), Denoise(), 80)
    with pytest.raises(ScanRejected, match=r"leave 38 degrees .* at least 40 are needed"):
        confounds.load(rng.standard_normal((200, 160)), Denoise(), 200)
    assert confounds.load(rng.standard_normal((200, 158)), Denoise(), 200).kept is None


@given(st.integers(5, 40), st.integers(0, 4))
def test_the_freedom_of_a_projection_is_its_rank(n: int, k: int) -> None:
    basis, _ = np.linalg.qr(np.random.default_rng(n).standard_normal((n, max(k, 1))))
    projection = np.eye(n) - (basis @ basis.T if k else 0)
    assert effective_freedom(projection) == pytest.approx(n - k)


@pytest.mark.parametrize("wrong", [{"fd": 0}, {"fd": -1}, {"min_segment": -1}, {"threshold": 1}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Scrub(**wrong)  # type: ignore[arg-type]


def test_a_table_taken_whole_may_miss_the_first_value_of_a_derivative():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 2)), columns=["rot_x", "rot_x_derivative1"])
    table.loc[0, "rot_x_derivative1"] = np.nan
    before = table.copy()
    found = confounds.load(table, Denoise(), 60)
    assert found.values[0, 1] == found.values[1, 1] == table["rot_x_derivative1"][1]
    np.testing.assert_array_equal(found.values[1:], table.to_numpy()[1:])
    pd.testing.assert_frame_equal(table, before)
    table.loc[30, "rot_x"] = np.nan
    with pytest.raises(ScanRejected, match="column rot_x has no finite value at volume 31"):
        confounds.load(table, Denoise(), 60)
