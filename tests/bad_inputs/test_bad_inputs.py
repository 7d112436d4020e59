"""The field's bad inputs, one row each: what is said of it, and that the others go on.

Numbers are rows of the project's catalogue of bad inputs. A damaged scan is rejected
with its code while its neighbour is measured as if nothing had happened; a damaged
table stops everything before any scan is opened, with its line.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from damages import damaged
from datasets import AFFINE, SHAPE, bold_image, confounds_table, write_derivatives, write_table
from lumbago.data import Cohort
from lumbago.errors import InputError, ScanRejected
from lumbago.reading import Denoise, Scrub, read_bids, read_table
from lumbago.reading.recording import Recording

FD = "framewise_displacement"
MOTION = Denoise(strategy="motion6")
SCRUBBED = Denoise(strategy="motion6", scrub=Scrub(fd=0.5))
BAND = (0.01, 0.1)

Damage = Callable[[Path, Path, Path], object]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_derivatives(tmp_path / "study")


def files_of_first(root: Path) -> tuple[Path, Path, Path]:
    (bold,) = (root / "sub-01").rglob("*preproc_bold.nii.gz")
    (mask,) = (root / "sub-01").rglob("*brain_mask.nii.gz")
    (table,) = (root / "sub-01").rglob("*confounds_timeseries.tsv")
    return bold, mask, table


def image(how: str) -> Damage:
    def damage(bold: Path, mask: Path, table: Path) -> None:
        result = damaged(bold, how)
        if result != bold:
            result.rename(bold)

    return damage


def voxels(change: Callable[[np.ndarray], object], n: int = 120) -> Damage:
    """Another image with changed values, and confounds that fit it."""

    def damage(bold: Path, mask: Path, table: Path) -> None:
        made = bold_image(n)
        change(np.asarray(made.dataobj))
        made.to_filename(bold)
        write_table(table, confounds_table(n))

    return damage


def columns(change: Callable[[Any], Any]) -> Damage:
    def damage(bold: Path, mask: Path, table: Path) -> None:
        write_table(table, change(confounds_table()))

    return damage


def header(change: Callable[[nib.Nifti1Image], object]) -> Damage:
    def damage(bold: Path, mask: Path, table: Path) -> None:
        made = bold_image()
        change(made)
        made.to_filename(bold)

    return damage


def put(where: tuple[Any, ...], value: float) -> Callable[[np.ndarray], object]:
    return lambda data: data.__setitem__(where, value)


def other_mask(shape: tuple[int, ...], shift: float = 0.0, value: int = 1) -> Damage:
    def damage(bold: Path, mask: Path, table: Path) -> None:
        affine = AFFINE.copy()
        affine[2, 3] += shift
        nib.Nifti1Image(np.full(shape, value, np.uint8), affine).to_filename(mask)

    return damage


def many(n_columns: int) -> Callable[[Any], Any]:
    noise = np.random.default_rng(99).standard_normal((120, n_columns))
    names = [f"cosine{100 + i}" for i in range(n_columns)]
    return lambda t: pd.concat([t, pd.DataFrame(noise, columns=names)], axis=1)


NOTHING_IN_PARTICULAR = (MOTION, None)
SCANS: list[tuple[str, Damage, tuple[Denoise, Any], str, str]] = [
    ("1 cut in half", image("cut in half"), NOTHING_IN_PARTICULAR, "E_TRUNCATED", "copy it again"),
    ("2 last 4 bytes missing", image("last bytes missing 4"), NOTHING_IN_PARTICULAR,
     "E_TRUNCATED", "the end of the file is missing"),
    ("2 last 8 bytes missing", image("last bytes missing 8"), NOTHING_IN_PARTICULAR,
     "E_TRUNCATED", "copy it again"),
    ("3 bit flip", image("bit flip"), NOTHING_IN_PARTICULAR, "E_CRC", "copy it again"),
    ("3 checksum", image("wrong checksum"), NOTHING_IN_PARTICULAR, "E_CRC", "copy it again"),
    ("5 plain named .nii.gz", image("plain named .nii.gz"), NOTHING_IN_PARTICULAR,
     "E_NOT_NIFTI", "the content is not compressed"),
    ("5 html", image("html"), NOTHING_IN_PARTICULAR, "E_NOT_NIFTI", "rename or fetch it again"),
    ("5 annex pointer", image("annex pointer"), NOTHING_IN_PARTICULAR, "E_MISSING",
     "run datalad get"),
    ("6 empty", image("empty"), NOTHING_IN_PARTICULAR, "E_EMPTY", "the file is empty"),
    ("6 header only", image("header only"), NOTHING_IN_PARTICULAR, "E_TRUNCATED", "copy"),
    ("7 131 TB", image("131 TB"), NOTHING_IN_PARTICULAR, "E_TRUNCATED",
     "more than a file of"),
    ("8 bomb", image("bomb"), NOTHING_IN_PARTICULAR, "E_TOO_LARGE", "at most 8 GB are read"),
    ("9 negative dimension", image("negative dimension"), NOTHING_IN_PARTICULAR, "E_HEADER",
     "dimensions are impossible"),
    ("9 offset NaN", image("offset NaN"), NOTHING_IN_PARTICULAR, "E_HEADER", "voxel offset"),
    ("9 offset 1e9", image("offset 1e9"), NOTHING_IN_PARTICULAR, "E_HEADER", "voxel offset"),
    ("9 data type 9999", image("data type 9999"), NOTHING_IN_PARTICULAR, "E_DTYPE",
     "expected voxels that are real numbers"),
    ("10 slope inf", image("slope infinite"), NOTHING_IN_PARTICULAR, "E_SCALING", "not finite"),
    ("10 slope NaN", image("slope NaN"), NOTHING_IN_PARTICULAR, "E_SCALING", "not finite"),
    ("11 three dimensions", image("three dimensions"), NOTHING_IN_PARTICULAR, "E_NOT_4D",
     "expected 4 dimensions, got 3 (6 × 5 × 4)"),
    ("12 five dimensions", image("five dimensions"), NOTHING_IN_PARTICULAR, "E_NOT_4D",
     "expected 4 dimensions, got 5"),
    ("13 complex", image("complex"), NOTHING_IN_PARTICULAR, "E_DTYPE", "real numbers"),
    ("13 rgb", image("rgb"), NOTHING_IN_PARTICULAR, "E_DTYPE", "real numbers"),
    ("14 one volume", image("one volume"), NOTHING_IN_PARTICULAR, "E_SHORT", "needs more"),
    ("15 fewer volumes than the filter needs", voxels(lambda d: None, n=25), (Denoise(
        strategy="none"), BAND), "E_CLEANING", "25 volumes are too few to be filtered"),
    ("17 NaN in 2 % of voxels", voxels(put((slice(1, 3), 0, 0, 5), np.nan)),
     NOTHING_IN_PARTICULAR, "E_NAN", "2 of 80 voxels in the brain (2.5%)"),
    ("19 infinity in one volume", voxels(put((Ellipsis, 7), np.inf)), NOTHING_IN_PARTICULAR,
     "E_NAN", "80 of 80 voxels in the brain (100.0%) hold NaN or infinity"),
    ("22 repetition time 0", header(lambda i: i.header.set_zooms((3, 3, 3, 0))),
     NOTHING_IN_PARTICULAR, "E_TR", "expected 0.1 to 10 s"),
    ("22 repetition time 2000", header(lambda i: i.header.set_zooms((3, 3, 3, 2000))),
     NOTHING_IN_PARTICULAR, "E_TR", "a value in ms must carry that unit"),
    ("23 header and sidecar disagree", header(lambda i: i.header.set_zooms((3, 3, 3, 2.001))),
     NOTHING_IN_PARTICULAR, "E_TR", "the sidecar says a repetition time of 2 s, the image header"),
    ("24 band above the highest frequency", voxels(lambda d: None), (MOTION, (0.01, 0.3)),
     "E_BAND", "reaches beyond 0.25 Hz"),
    ("26 sform far from qform", image("sform far from qform"), NOTHING_IN_PARTICULAR,
     "E_XFORM", "2.00 mm apart, more than half a voxel (1.50 mm)"),
    ("27 29 no orientation", image("no orientation"), NOTHING_IN_PARTICULAR, "E_NO_XFORM",
     "left and right are unknown"),
    ("28 singular affine", image("singular affine"), NOTHING_IN_PARTICULAR, "E_AFFINE",
     "cannot be inverted"),
    ("28 NaN affine", image("affine NaN"), NOTHING_IN_PARTICULAR, "E_AFFINE",
     "cannot be inverted"),
    ("30 mask of another grid", other_mask((7, 5, 4)), NOTHING_IN_PARTICULAR, "E_GRID",
     "nothing is resampled silently"),
    ("30 mask elsewhere", other_mask(SHAPE, shift=3), NOTHING_IN_PARTICULAR, "E_GRID",
     "lie 3 mm apart"),
    ("30 empty mask", other_mask(SHAPE, value=0), NOTHING_IN_PARTICULAR, "E_MASK", "is empty"),
    ("37 fewer rows than volumes", columns(lambda t: t[:115]), NOTHING_IN_PARTICULAR,
     "E_CONFOUND_ROWS", "expected one row per volume (120), got 115"),
    ("38 table cut", lambda b, m, t: t.write_text(t.read_text()[:20_000]),
     NOTHING_IN_PARTICULAR, "E_CONFOUND_TABLE", "the file is cut or damaged"),
    ("39 no displacement", columns(lambda t: t.drop(columns=[FD, "rot_x"])),
     (Denoise(strategy="none", scrub=Scrub(fd=0.5)), None),
     "E_CONFOUND_COLUMN", "leave the threshold out or set scrub to null"),
    ("40 NaN beyond the first row", columns(lambda t: t.assign(rot_x=t.rot_x.mask(t.index == 9))),
     NOTHING_IN_PARTICULAR, "E_CONFOUND_NAN", "column rot_x has no finite value at volume 10"),
    ("41 more confounds than volumes", columns(many(130)), (Denoise(), None), "E_DOF",
     "leave 0 degrees of freedom of 120"),
    ("42 nearly as many confounds", columns(many(73)), (Denoise(), None), "E_DOF",
     "leave 15 degrees of freedom of 120 kept volumes (120 scanned), at least 24"),
    ("43 everything scrubbed", columns(lambda t: t.assign(**{FD: 2.0})), (SCRUBBED, None),
     "E_SCRUBBED", "leaves none of 120 volumes"),
    ("44 few volumes left", columns(lambda t: t.assign(**{FD: [0.1] * 60 + [2.0] * 60})),
     (SCRUBBED, None), "E_SHORT", "60 volumes (2.0 minutes) are left after scrubbing"),
    ("53 latin-1 confounds", lambda b, m, t: t.write_bytes(t.read_bytes() + b"\xfc\n"),
     NOTHING_IN_PARTICULAR, "E_CONFOUND_TABLE", "looks like latin-1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "asked", "code", "words"), [row[1:] for row in SCANS], ids=[row[0] for row in SCANS]
)
def test_a_bad_scan_is_rejected_and_its_neighbour_measured(
    study: Path, damage: Damage, asked: tuple[Denoise, Any], code: str, words: str
) -> None:
    damage(*files_of_first(study))
    cohort = read_bids(study, name="osaka")
    minimum = 0.1 if code == "E_CLEANING" else 5.0
    with pytest.raises(ScanRejected) as rejected:
        Recording(cohort.scans[0], min_minutes=minimum).voxels(*asked)
    assert rejected.value.code == code, rejected.value.reason
    assert words in rejected.value.reason
    assert str(study) not in rejected.value.reason
    assert Recording(cohort.scans[1]).voxels(MOTION).n_kept == 120


def test_row_4_garbage_behind_an_image_is_a_note(study: Path) -> None:
    bold, _, _ = files_of_first(study)
    bold.write_bytes(bold.read_bytes() + b"\x00garbage")
    recording = Recording(read_bids(study).scans[0])
    assert recording.voxels(MOTION).n_kept == 120
    assert recording.notes == ["an image file holds bytes behind its end; they were not read"]


def test_row_73_a_broken_link_leaves_one_person_out(study: Path) -> None:
    bold, _, _ = files_of_first(study)
    bold.unlink()
    bold.symlink_to("../.git/annex/objects/x")
    cohort = read_bids(study)
    assert [s.participant for s in cohort.scans] == ["sub-02"]
    assert cohort.excluded["code"].tolist() == ["E_MISSING"]


def test_row_74_a_folder_that_cannot_be_written_is_enough(study: Path) -> None:
    places = [study, *study.rglob("*")]
    modes = {p: p.stat().st_mode for p in places}
    for place in places:
        place.chmod(stat.S_IRUSR | (stat.S_IXUSR if place.is_dir() else 0))
    try:
        before = sorted(os.listdir(study))
        scan = read_bids(study).scans[0]
        assert Recording(scan).voxels(Denoise(), BAND).n_kept == 120
        assert sorted(os.listdir(study)) == before
    finally:
        for place in places:
            place.chmod(modes[place])


HEAD = "participant_id\tage\tgroup\n"
TABLES: list[tuple[str, str | bytes, str]] = [
    ("46 a participant without scan", HEAD + "01\t1\tA\n02\t2\tB\n03\t3\tA\n",
     "cohort osaka: 1 in the participants table without a scan: sub-03"),
    ("46 a scan without participant", HEAD + "01\t1\tA\n",
     "cohort osaka: 1 with scans but without a row in the participants table: sub-02"),
    ("47 twice", HEAD + "01\t1\tA\n02\t2\tB\nsub-01\t1\tA\n",
     "participants.tsv:4: sub-01 stands in line 2 already"),
    ("50 an extra tab", HEAD + "01\t1\tA\t\n02\t2\tB\n",
     "participants.tsv:2: 4 fields, expected 3"),
    ("51 a column twice", "participant_id\tage\tage\n01\t1\t2\n02\t1\t2\n",
     "participants.tsv:1: column 'age' stands 2 times"),
    ("52 commas", HEAD.replace("\t", ",") + "01,1,A\n02,2,B\n", "looks like CSV, expected tabs"),
    ("53 latin-1", (HEAD + "01\t1\tM\xfcller\n").encode("latin-1"),
     "participants.tsv:2: byte 0xfc at offset 31 is not UTF-8; the file looks like latin-1"),
    ("53 utf-16", HEAD.encode("utf-16"), "is UTF-16 text, expected UTF-8"),
    ("56 decimal comma", HEAD + "01\t2,5\tA\n02\t3\tB\n",
     "participants.tsv:2: column 'age' has decimal commas in line 2, got '2,5'"),
    ("56 NUL", HEAD + "01\t2\tA\0\n", "participants.tsv:2: holds a NUL byte"),
    ("48 an empty cell", HEAD + "01\t\tA\n02\t3\tB\n",
     "participants.tsv:2: column 'age' is empty in line 2; write n/a"),
    ("70 an id that is a path", HEAD + "../../etc\t1\tA\n", "expected letters and digits, got"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), [r[1:] for r in TABLES], ids=[r[0] for r in TABLES])
def test_a_bad_table_stops_before_any_scan_is_opened(
    study: Path, content: str | bytes, words: str
) -> None:
    for path in study.rglob("*.nii.gz"):
        path.write_bytes(b"")
    data = content if isinstance(content, bytes) else content.encode()
    (study / "participants.tsv").write_bytes(data)
    with pytest.raises(InputError) as refused:
        read_bids(study, name="osaka")
    assert words in str(refused.value)
    assert refused.value.exit_code == 2
    assert str(study) not in str(refused.value)


def people(tmp_path: Path, content: str) -> Cohort:
    (tmp_path / "p.tsv").write_text(content)
    return read_table(tmp_path / "p.tsv")


def test_rows_48_49_words_that_look_missing_and_ids_that_look_like_numbers(tmp_path: Path) -> None:
    cohort = people(tmp_path, "participant_id\tsite\tgroup\n001\tNA\tNone\n1e5\tNULL\tnan\n")
    assert cohort.participants["participant_id"].tolist() == ["sub-001", "sub-1e5"]
    assert cohort.participants["site"].tolist() == ["NA", "NULL"]
    assert cohort.participants["group"].tolist() == ["None", "nan"]


def test_rows_54_55_marks_line_ends_and_spaces(tmp_path: Path) -> None:
    cohort = people(tmp_path, "\ufeffparticipant_id\tgroup\r\n01\tclbp \r\n02\tclbp\r\n")
    assert cohort.participants["group"].tolist() == ["clbp", "clbp"]
    assert cohort.notes == ("column group: spaces at the ends of 1 cells were taken away",)
