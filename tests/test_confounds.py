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
from lumbago.reading import confounds
from lumbago.reading.denoise import Denoise, Scrub
from lumbago.reading.freedom import effective_freedom
from lumbago.reading.scrubbing import FD, motion_fd, surviving

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
    np.testing.assert_array_equal(ours.values, theirs.to_numpy())
    assert mask is None


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


def test_a_summary_of_motion_counts_what_is_kept(table_file: Path) -> None:
    fd = confounds_table(N)[FD].to_numpy()
    scan = Scan("sub-01", files={"confounds": table_file}, t_r=2.0)
    limit = float(np.nanmedian(fd))
    found = confounds.motion_summary(scan, Denoise(scrub=Scrub(fd=limit)))
    assert found["mean_fd"] == pytest.approx(np.nanmean(fd), abs=1e-12)
    assert found["n_volumes"] == N
    assert found["n_volumes_kept"] == N - (fd > limit).sum()
    assert found["minutes_kept"] == pytest.approx(found["n_volumes_kept"] * 2 / 60)
    assert confounds.motion_summary(scan, None)["n_volumes_kept"] == N


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
        write_table(path, confounds_table(N).drop(columns=FD))
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
