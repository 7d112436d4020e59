"""Cohorts of numbers: time series, connectomes, tables."""

from __future__ import annotations

import contextlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lumbago.errors import InputError, ScanRejected
from lumbago.reading import Denoise, Scrub, read_connectomes, read_table, read_timeseries
from lumbago.reading.matrices import read_matrix
from lumbago.reading.numeric import read_numbers
from lumbago.reading.recording import Recording
from lumbago.reading.series import read_series


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def series_text(n_volumes: int = 120, columns: str = "GlobSig\tA\tB.1\tC", seed: int = 0) -> str:
    values = np.random.default_rng(seed).standard_normal((n_volumes, columns.count("\t") + 1))
    rows = ["\t".join(f"{v:.4f}" for v in row) for row in values]
    return "\n".join([columns, *rows]) + "\n"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    for i, sub in enumerate(("01", "02")):
        func = tmp_path / f"sub-{sub}" / "func"
        write(func / f"sub-{sub}_task-rest_atlas-X_timeseries.tsv", series_text(seed=i))
        write(func / f"sub-{sub}_task-rest_motion.tsv", "framewise_displacement\n" + "0.1\n" * 120)
    write(tmp_path / "task-rest_timeseries.json", '{"RepetitionTime": 2.5, "PatientName": "JANE"}')
    write(tmp_path / "participants.tsv", "participant_id\tage\nsub-01\t30\nsub-02\t40\n")
    return tmp_path


def test_time_series_become_a_cohort(study: Path) -> None:
    cohort = read_timeseries(study, exclude=["GlobSig"], name="essen")
    scan = cohort.scans[0]
    assert (scan.t_r, scan.columns, scan.labels) == (2.5, ("A", "B.1", "C"), ("A", "B_1", "C"))
    assert sorted(scan.files) == ["motion", "timeseries"]
    assert scan.entities == {"task": "rest", "atlas": "X"}
    row = cohort.table.loc[("essen", "sub-01", "")]
    assert row[["n_volumes", "minutes_kept", "age"]].tolist() == [120, 5, 30]
    assert row["mean_fd"] == pytest.approx(0.1)
    signals = Recording(scan).regions(None, Denoise())
    expected = pd.read_csv(scan.files["timeseries"], sep="\t")[["A", "B.1", "C"]]
    np.testing.assert_array_equal(signals.values, expected.to_numpy(dtype=np.float32))
    assert signals.labels == ("A", "B_1", "C")
    assert "JANE" not in repr(cohort.scans)


def test_motion_tables_of_a_scrubbed_series_are_not_believed(study: Path) -> None:
    moved = next((study / "sub-02").rglob("*_motion.tsv"))
    write(moved, "framewise_displacement\n" + "0.9\n" * 150)
    write(
        study / "participants.tsv",
        "participant_id\tmean_fd\nsub-01\t0.3\nsub-02\t0.4\n",
    )
    cohort = read_timeseries(study, denoise=Denoise(scrub=Scrub(fd=0.5)))
    assert cohort.sessions["mean_fd"].tolist() == pytest.approx([0.1, 0.4]), "scan, then table"
    assert cohort.sessions["n_volumes_kept"].tolist() == [120, 120]


def test_censored_rows_and_regions_without_data_are_told_apart(tmp_path: Path) -> None:
    lines = series_text(130, "A\tB\tC\tD").splitlines()
    lines[4] = "n/a\tn/a\tn/a\tn/a"
    lines = [lines[0], *(line.rsplit("\t", 1)[0] + "\tn/a" for line in lines[1:])]
    lines[10] = "n/a\t" + lines[10].split("\t", 1)[1]
    path = write(tmp_path / "sub-01_timeseries.tsv", "\n".join(lines) + "\n")
    series = read_series(path)
    np.testing.assert_array_equal(series.coverage, [0, 1, 1, 0])
    assert series.notes == ("1 regions miss values at single volumes and count as without data",)
    cohort = read_timeseries(tmp_path, t_r=2.0)
    assert cohort.sessions["n_volumes"].tolist() == [129]
    signals = Recording(cohort.scans[0]).regions(None, None)
    assert signals.n_kept == 129
    assert signals.kept is not None
    assert 3 not in signals.kept
    assert np.isnan(signals.values[3]).all()
    assert np.isfinite(signals.kept_values[:, 1:3]).all()
    assert np.isnan(signals.values[:, [0, 3]]).all()


def test_tables_with_their_columns_in_another_order_agree_by_name(study: Path) -> None:
    path = next((study / "sub-02").rglob("*_timeseries.tsv"))
    table = pd.read_csv(path, sep="\t")
    table[["C", "A", "GlobSig"]].to_csv(path, sep="\t", index=False)
    cohort = read_timeseries(study, exclude=["GlobSig"])
    assert cohort.notes == (
        "1 of 2 tables have other columns than the first; a region that a table lacks has no "
        "data there",
    )
    recording = Recording(cohort.scans[1])
    signals = recording.regions(None, None)
    assert signals.labels == ("A", "B_1", "C")
    np.testing.assert_array_equal(signals.values[:, 0], table["A"].to_numpy(dtype=np.float32))
    assert np.isnan(signals.values[:, 1]).all()
    assert signals.coverage is not None
    assert signals.coverage.tolist() == [1, 0, 1]
    assert recording.notes == ["1 of 3 regions are not in the table"]


def test_plain_tables_without_header_are_numbered(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "sub-01.txt", np.random.default_rng(0).standard_normal((150, 3)))
    (tmp_path / "sub-02.csv").write_text(
        "\n".join(",".join(map(str, r)) for r in np.ones((150, 3))) + "\n"
    )
    cohort = read_timeseries(tmp_path, t_r=2)
    assert [s.labels for s in cohort.scans] == [("1", "2", "3")] * 2
    assert cohort.sessions["n_volumes"].tolist() == [150, 150]
    assert Recording(cohort.scans[0]).regions(None, None).values.shape == (150, 3)
    assert "tables without column names: regions are numbered" in cohort.notes


def test_an_atlas_names_the_columns_if_it_has_as_many(tmp_path: Path) -> None:
    header = "\t".join(f"r{i}" for i in range(160))
    write(tmp_path / "sub-01_timeseries.tsv", series_text(120, header))
    cohort = read_timeseries(tmp_path, atlas="dosenbach160", t_r=2.0)
    assert len(cohort.scans[0].labels) == 160
    assert cohort.scans[0].labels != cohort.scans[0].columns
    with pytest.raises(InputError, match="hold 159 columns, the atlas dosenbach160 160 regions"):
        read_timeseries(tmp_path, atlas="dosenbach160", exclude=["r3"])


def test_several_atlases_in_one_folder_are_told_apart(study: Path) -> None:
    write(study / "sub-01/func/sub-01_task-rest_atlas-Y_timeseries.tsv", series_text())
    with pytest.raises(InputError, match=r"told apart by atlas \(X, Y\); choose one with select"):
        read_timeseries(study)
    assert len(read_timeseries(study, select={"atlas": "X"})) == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"exclude": ["globsig"]}, "exclude: no table has a column 'globsig'"),
        ({"exclude": ["GlobSig", "A", "B.1", "C"]}, "exclude leaves no column"),
        ({"task": "nback"}, "none of 2 files fits {'task': 'nback'}"),
        ({"select": {"atlas": "Z"}}, "none of 2 files fits {'atlas': 'Z'}"),
        ({"sessions": ["1"]}, "none of 2 files fits"),
    ],
)
def test_settings_that_fit_nothing_are_refused(
    study: Path, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError) as refused:
        read_timeseries(study, **fields)
    assert words in str(refused.value)


def test_pain_data_of_three_sites_are_one_call(shared_data: Path) -> None:
    cohort = read_timeseries(shared_data / "rpn", exclude=["GlobSig"])
    assert len(cohort) == len(cohort.scans) == 119
    people = cohort.participants
    assert people["site"].value_counts().to_dict().keys() == {"bochum", "essen", "szeged"}
    assert people["pain_sensitivity"].dtype == np.float64
    assert len(cohort.scans[0].labels) == 122
    assert {s.t_r for s in cohort.scans} == {2.5}
    assert cohort.sessions["mean_fd"].notna().all()
    szeged = cohort.table[cohort.table["site"] == "szeged"]
    assert szeged["n_volumes"].min() == 155
    assert szeged["n_volumes"].max() == 239
    kept = read_timeseries(shared_data / "rpn", keep="excluded_by_authors == 0")
    assert len(kept) == 91
    signals = Recording(cohort.scans[0]).regions(None, Denoise(), (0.008, 0.09))
    assert signals.values.shape == (200, 122)


def test_fibromyalgia_connectomes_are_one_call(shared_data: Path) -> None:
    cohort = read_connectomes(shared_data / "fibromyalgia", atlas="power264")
    assert len(cohort) == len(cohort.scans) == 66
    assert cohort.participants["group"].value_counts().to_dict() == {"FM": 33, "HC": 33}
    scan = cohort.scans[0]
    matrix, labels = Recording(scan).connectome()
    assert matrix.shape == (264, 264)
    assert labels[:2] == ("Power_1", "Power_2")
    vector = np.load(scan.files["connectome"])
    np.testing.assert_array_equal(matrix[np.triu_indices(264, 1)], vector)
    np.testing.assert_array_equal(np.diag(matrix), 1)
    assert "mean_fd" not in cohort.sessions


def symmetric(n: int, seed: int = 0) -> np.ndarray:
    return np.corrcoef(np.random.default_rng(seed).standard_normal((n, 40)))


def test_matrices_come_back_from_every_form(tmp_path: Path) -> None:
    matrix = symmetric(5)
    names = list("abcde")
    np.save(tmp_path / "sub-01_relmat.npy", matrix)
    np.save(tmp_path / "sub-02_relmat.npy", matrix[np.triu_indices(5, 1)].astype(np.float32))
    table = pd.DataFrame(matrix, index=pd.Index(names, name="Node"), columns=names)
    table.to_csv(tmp_path / "sub-03_relmat.tsv", sep="\t")
    np.savetxt(tmp_path / "sub-04_relmat.csv", matrix, delimiter=",")
    cohort = read_connectomes(tmp_path)
    read = [Recording(s).connectome() for s in cohort.scans]
    for found, _ in read:
        np.testing.assert_allclose(found, matrix, atol=1e-7)
        np.testing.assert_array_equal(found, found.T)
    assert read[0][1][:2] == ("node001", "node002")
    assert read[2][1] == tuple(names)
    with_diagonal = matrix[np.triu_indices(5)]
    np.save(tmp_path / "d.npy", with_diagonal)
    np.testing.assert_allclose(read_matrix(tmp_path / "d.npy", n_nodes=5)[0], matrix)
    assert len(read_matrix(tmp_path / "d.npy")[0]) == 6, "alone it is a matrix of one node more"


def test_a_region_without_data_stays_missing(tmp_path: Path) -> None:
    matrix = symmetric(4)
    matrix[2] = matrix[:, 2] = np.nan
    np.save(tmp_path / "m.npy", matrix)
    found, _ = read_matrix(tmp_path / "m.npy")
    np.testing.assert_array_equal(np.isnan(found), np.isnan(matrix))


def test_values_beyond_one_are_noted(tmp_path: Path) -> None:
    np.save(tmp_path / "sub-01_relmat.npy", np.arctanh(symmetric(4)[np.triu_indices(4, 1)]) * 9)
    recording = Recording(read_connectomes(tmp_path).scans[0])
    recording.connectome()
    assert recording.notes == [
        "a connectome holds values beyond 1, so they are no plain correlations"
    ]


class Payload:
    """Something that would act when unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


def bad_matrix(path: Path, how: str) -> Path:
    matrix = symmetric(4)
    if how == "objects":
        np.save(path, np.array([1, "a", None], dtype=object), allow_pickle=True)
    elif how == "pickle":
        path.write_bytes(pickle.dumps(Payload()))
    elif how == "pickle in an array":
        np.save(path, np.array([Payload()], dtype=object), allow_pickle=True)
    elif how == "archive":
        with open(path, "wb") as f:
            np.savez(f, a=matrix)
    elif how == "cut":
        np.save(path, matrix)
        path.write_bytes(path.read_bytes()[:-8])
    elif how == "claims terabytes":
        np.save(path, np.zeros(3))
        content = path.read_bytes().replace(b"(3,), }            ", b"(3000000000000,), }")
        path.write_bytes(content)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "complex":
        np.save(path, matrix.astype(complex))
    elif how == "words":
        np.save(path, np.array(["a", "b", "c"]))
    elif how == "cube":
        np.save(path, np.zeros((3, 3, 3)))
    elif how == "not square":
        np.save(path, np.zeros((3, 4)))
    elif how == "not triangular":
        np.save(path, np.zeros(5))
    elif how == "not symmetric":
        matrix[0, 1] += 0.1
        np.save(path, matrix)
    elif how == "infinite":
        matrix[0, 1] = matrix[1, 0] = np.inf
        np.save(path, matrix)
    elif how == "nothing":
        np.save(path, np.full((4, 4), np.nan))
    elif how == "nodes in another order":
        table = pd.DataFrame(
            matrix, index=pd.Index(list("abdc"), name="Node"), columns=list("abcd")
        )
        path = path.with_suffix(".tsv")
        table.to_csv(path, sep="\t")
    return path


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("objects", "E_OBJECTS"), ("pickle", "E_OBJECTS"), ("pickle in an array", "E_OBJECTS"),
        ("archive", "E_MATRIX"), ("cut", "E_MATRIX"), ("claims terabytes", "E_MATRIX"),
        ("empty", "E_MATRIX"), ("complex", "E_MATRIX"), ("words", "E_MATRIX"),
        ("cube", "E_MATRIX"), ("not square", "E_MATRIX"), ("not triangular", "E_MATRIX"),
        ("not symmetric", "E_MATRIX"), ("infinite", "E_INF"), ("nothing", "E_MATRIX"),
        ("nodes in another order", "E_MATRIX"), ("not there", "E_MATRIX"),
    ],
)  # fmt: skip
def test_a_bad_matrix_is_refused_and_nothing_in_it_runs(
    tmp_path: Path, how: str, code: str
) -> None:
    path = bad_matrix(tmp_path / "sub-01_relmat.npy", how)
    with pytest.raises(ScanRejected) as refused:
        read_matrix(path)
    assert refused.value.code == code, refused.value.reason
    assert str(tmp_path) not in refused.value.reason


def test_an_atlas_of_another_size_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "sub-01_relmat.npy", symmetric(5))
    with pytest.raises(InputError, match="hold 5 nodes, the atlas dosenbach160 160 regions"):
        read_connectomes(tmp_path, atlas="dosenbach160")


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("A\tB\n1\t2\n3\n", "E_TABLE", "line 3 has 1 fields, expected 2; the file is cut"),
        ("A\tB\n1\t2\n3\tx\n", "E_TABLE", "column B, line 3: expected a number or n/a"),
        ("A\tA\n1\t2\n3\t4\n", "E_TABLE", "column 'A' stands twice"),
        ("A,B\n1,2\n3,4\n", "E_TABLE", "looks like CSV"),
        ("A\tB\n1\tinf\n3\t4\n", "E_INF", "holds infinite values"),
        ("A\tB\n1\t2\n", "E_SHORT", "one volume"),
        ("A\tB\nn/a\tn/a\nn/a\tn/a\n", "E_EMPTY", "no region has a value at every volume"),
        ("A\tB\n", "E_TABLE", "got no row"),
        ("", "E_TABLE", "the file is empty"),
    ],
)
def test_a_bad_series_is_refused_by_name(
    tmp_path: Path, content: str, code: str, words: str
) -> None:
    path = write(tmp_path / "sub-01_timeseries.tsv", content)
    with pytest.raises(ScanRejected) as refused:
        read_series(path)
    assert refused.value.code == code
    assert words in refused.value.reason
    assert str(tmp_path) not in refused.value.reason


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.binary(max_size=120), st.text("ab1.\t\n ,-en/\x0b\x1c\u2028", max_size=80)),
    st.sampled_from([".tsv", ".csv", ".txt"]),
)
@example("1_0\t2\n3\t4", ".tsv")
@example("a\x0bb\n1 2", ".txt")
def test_any_bytes_give_numbers_or_a_reason(
    tmp_path: Path, content: str | bytes, suffix: str
) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    # Anything but a table or this one exception fails here.
    with contextlib.suppress(ScanRejected):
        assert (read_numbers(path, code="E_TABLE").dtypes == np.float64).all()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 127), st.binary(min_size=1, max_size=20))
def test_any_npy_header_gives_a_matrix_or_a_reason(
    tmp_path: Path, offset: int, noise: bytes
) -> None:
    path = tmp_path / "x.npy"
    np.save(path, symmetric(3))
    data = bytearray(path.read_bytes())
    data[offset : offset + len(noise)] = noise
    path.write_bytes(bytes(data))
    with contextlib.suppress(ScanRejected):
        assert read_matrix(path)[0].ndim == 2


def test_a_table_of_features_is_a_cohort_without_scans(tmp_path: Path) -> None:
    path = write(tmp_path / "f.tsv", "participant_id\tx\tgroup\n01\t1.5\tHC\n02\tn/a\tFM\n")
    cohort = read_table(path, name="t")
    assert cohort.scans == ()
    assert list(cohort.table["x"].isna()) == [False, True]
    assert list(cohort.table["group"]) == ["HC", "FM"]
