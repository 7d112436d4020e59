"""What names a patient, a machine or a place stays in the input."""

from __future__ import annotations

import getpass
import gzip
import os
import platform
import re
import zlib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import write_experiment
from lumbago import run
from lumbago.simulation import SimulatedCohort

CANARY = "JANEDOE19700101"
HOSPITAL = "StElsewhereHospital"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Path:
    """Store, run folder and report of a cohort whose inputs hold canaries everywhere."""
    top = tmp_path_factory.mktemp("private")
    study = SimulatedCohort(
        n_participants=12, voxel_size=8.0, followup=0.3, canary=CANARY,
        damage={"sub-03": "truncated"},
    ).write(top / HOSPITAL / "study")  # fmt: skip
    file = write_experiment(
        top / "experiment", study,
        ("permutations: 10", "permutations: 0"),
        ("features:\n", "features:\n  reho: {kind: reho, atlas: lumbago200, keep_maps: true}\n"),
        ("audit: false", "audit: true"),
        ("n_repeats: 2", "n_repeats: 1"),
    )  # fmt: skip
    run(file, output=top / "out" / "run", store=top / "out" / "store")
    planted = [p for p in study.rglob("*") if p.is_file() and holds(p, CANARY)]
    assert len(planted) > 12
    return top / "out"


def contents(file: Path) -> Iterator[bytes]:
    """Return a file's bytes, and those inside it: unpacked, and of pictures in a page."""
    data = file.read_bytes()
    yield data
    if data[:2] == b"\x1f\x8b":
        try:
            yield gzip.decompress(data)
        except (EOFError, OSError):
            yield zlib.decompressobj(31).decompress(data)
    for picture in re.findall(rb"base64,([A-Za-z0-9+/=]+)", data):
        yield b64decode(picture)


def holds(file: Path, word: str) -> bool:
    """Tell whether a file holds a word, in any of the ways text is encoded."""
    encodings = [word.encode(e) for e in ("utf-8", "utf-16-le", "utf-16-be")]
    return any(e.lower() in data.lower() for data in contents(file) for e in encodings)


def test_canaries_of_the_input_are_in_no_output(outputs):
    files = [p for p in outputs.rglob("*") if p.is_file()]
    assert any(p.name == "report.html" for p in files)
    assert any(p.suffix == ".nii" for p in files)
    assert [str(p) for p in files if holds(p, CANARY)] == []
    assert [str(p) for p in files if CANARY in str(p)] == []


def test_no_output_knows_a_local_path_or_who_ran_it(outputs):
    words = [HOSPITAL, str(outputs), str(Path.cwd()), str(Path.home()) + os.sep]
    words += [w for w in (platform.node(),) if len(w) > 3]
    files = [p for p in outputs.rglob("*") if p.is_file()]
    for word in words:
        assert [str(p) for p in files if holds(p, word)] == [], word


def test_no_output_names_the_user(outputs):
    user = getpass.getuser()
    if user == "root":
        pytest.skip("root is a word of brains and of trees as well")
    files = [p for p in outputs.rglob("*") if p.is_file()]
    assert [str(p) for p in files if holds(p, user)] == []


def test_the_report_names_no_participant_and_asks_for_nothing(outputs):
    text = (outputs / "run" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"sub-\d\d", text)
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", text)


def test_only_analysed_columns_leave_the_participants_table(outputs):
    header = (outputs / "run" / "participants.tsv").read_text().split("\n")[0].split("\t")
    assert set(header) <= {
        "cohort", "participant_id", "session", "site", "target", "age", "sex", "mean_fd",
        "n_volumes", "n_volumes_kept", "minutes_kept", "dof_left",
    }  # fmt: skip


def test_the_truncated_scan_is_told_without_its_place(outputs):
    text = (outputs / "run" / "exclusions.tsv").read_text()
    assert "sub-03" in text
    assert "/" not in text.replace("n/a", "")
