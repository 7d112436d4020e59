"""A folder watched while volumes are written into it: order, gaps, halves of files, killing."""

from __future__ import annotations

import gzip
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from lumbago import cli
from lumbago.errors import InputError
from lumbago.live import Feedback, Live, LiveStream, watch
from lumbago.live.arriving import Arrivals, number_of

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
SHAPE = (6, 5, 4)
N = 24
WIDTH = 20
QUICK = {"settle": 0.02, "poll": 0.004, "patience": 0.3, "timeout": 5.0}


@pytest.fixture(scope="module")
def volumes():
    rng = np.random.default_rng(2)
    return [(500 + 5 * rng.standard_normal(SHAPE)).astype(np.float32) for _ in range(N)]


@pytest.fixture
def places(tmp_path):
    """A folder to watch, a mask, an atlas of two halves, and where to write."""
    labels = np.ones(SHAPE, np.int32)
    labels[3:] = 2
    nib.save(nib.Nifti1Image(labels, AFFINE), tmp_path / "halves.nii.gz")
    nib.save(nib.Nifti1Image((labels > 0).astype(np.uint8), AFFINE), tmp_path / "mask.nii.gz")
    (tmp_path / "halves.tsv").write_text("index\tname\n1\tone\n2\ttwo\n")
    (tmp_path / "scanner").mkdir()
    return tmp_path


def a_stream(places, **settings):
    atlas = {"image": str(places / "halves.nii.gz"), "labels": str(places / "halves.tsv")}
    measures = {
        "alff": {"kind": "alff", "atlas": atlas},
        "edges": {"kind": "connectome", "atlas": atlas},
    }
    settings = {"t_r": 2.0, "window": WIDTH, "measures": measures, **settings}
    return LiveStream(Live(**settings), places / "mask.nii.gz")


def content(volume, packed=True, affine=AFFINE):
    raw = nib.Nifti1Image(volume, affine).to_bytes()
    return gzip.compress(raw, compresslevel=1) if packed else raw


def write(folder, number, volume, name="vol_{}.nii.gz"):
    name = name.format(number)
    aside = folder / f".{name}.part"
    aside.write_bytes(content(volume, name.endswith(".gz")))
    aside.rename(folder / name)


def rows_of(path):
    return pd.read_csv(path, sep="\t", na_values="n/a")


def pushed(places, volumes, **settings):
    stream = a_stream(places, **settings)
    return [stream.push(volume) for volume in volumes]


def same(table, found):
    """Tell that the table's values are those of pushed volumes, to the last bit of float32."""
    for name in found[0].values:
        expected = np.array([f.values[name] for f in found], np.float32)
        np.testing.assert_array_equal(table[name].to_numpy(np.float32), expected)


def test_files_written_slowly_are_read_once_whole_and_in_order(places, volumes):
    scanner = places / "scanner"

    def write_slowly():
        for t, volume in enumerate(volumes):
            packed = t % 2 == 0
            raw = content(volume, packed)
            with open(scanner / f"run1_{t + 1}.nii{'.gz' if packed else ''}", "wb") as file:
                for part in (raw[:100], raw[100 : len(raw) // 2], raw[len(raw) // 2 :]):
                    file.write(part)
                    file.flush()
                    time.sleep(0.008)
        (scanner / "stop").touch()

    stream = a_stream(places, feedback=Feedback(of="edges:one~two", mean=0.0, sd=0.5))
    told = []
    writer = threading.Thread(target=write_slowly)
    writer.start()
    n = watch(scanner, stream, places / "values.tsv", told=lambda k, v: told.append(k), **QUICK)
    writer.join()
    assert n == N
    assert told == list(range(1, N + 1))
    table = rows_of(places / "values.tsv")
    assert table["volume"].tolist() == told
    found = pushed(places, volumes)
    same(table, found)
    z = np.clip([f.values["edges:one~two"] / 0.5 for f in found], -3, 3)
    np.testing.assert_allclose(table["feedback"], 0.5 + z / 6, rtol=1e-6)
    assert table["note"][: WIDTH - 1].str.contains("the window fills").all()
    assert table["note"][WIDTH - 1 :].isna().all()
    assert (table["latency"] > 0).all()
    assert (table["delay"] >= table["latency"]).all()


def test_the_sidecar_says_what_columns_and_settings_are(places, volumes):
    write(places / "scanner", 1, volumes[0])
    stream = a_stream(places)
    assert watch(places / "scanner", stream, places / "values.tsv", count=1, **QUICK) == 1
    table = rows_of(places / "values.tsv")
    about = json.loads((places / "values.json").read_text())
    assert set(table.columns) <= set(about)
    assert about["Settings"]["measures"]["alff"]["bands"] == {"low": [0.01, 0.1]}
    assert about["Settings"]["t_r"] == 2.0
    assert about["WindowVolumes"] == WIDTH
    assert about["SoftwareVersions"]["lumbago"]
    assert str(places) not in (places / "values.json").read_text()


def test_order_is_that_of_numbers_and_each_counts_once(places, volumes):
    scanner = places / "scanner"
    for number in (10, 2, 9, 1, 3, 8, 7, 6, 5, 4):
        write(scanner, number, volumes[number - 1])
    write(scanner, "004", volumes[20])  # sorted before vol_4
    (scanner / "notes.txt").write_text("no volume")
    (scanner / "mask.nii").write_bytes(content(volumes[0], packed=False))
    table = places / "values.tsv"
    assert watch(scanner, a_stream(places), table, count=10, **QUICK) == 10
    found = rows_of(table)
    assert found["volume"].tolist() == list(range(1, 11))
    assert found["note"].str.contains("volume 4 is there twice").sum() == 1


def test_a_number_that_stays_away_is_passed_over_and_too_late_is_too_late(places, volumes):
    scanner = places / "scanner"

    def write_with_a_gap():
        for t, volume in enumerate(volumes, 1):
            if t != 3:
                write(scanner, t, volume)
        time.sleep(1.0)
        write(scanner, 3, volumes[2])
        time.sleep(0.2)
        write(scanner, N + 1, volumes[0])
        (scanner / "stop").touch()

    writer = threading.Thread(target=write_with_a_gap)
    writer.start()
    watch(scanner, a_stream(places, gaps="scrub"), places / "values.tsv", **QUICK)
    writer.join()
    table = rows_of(places / "values.tsv")
    assert table["volume"].tolist() == list(range(1, N + 2))
    assert "volume 3 did not arrive" in table["note"][2]
    assert math.isnan(table["delay"][2])
    assert "volume 3 came after its turn; vol_3.nii.gz is not read" in table["note"][N]
    same(table, pushed(places, [*volumes[:2], None, *volumes[3:], volumes[0]], gaps="scrub"))
    assert table["alff.low:one"][WIDTH - 1 :].notna().all()


def test_a_volume_a_little_late_is_waited_for(places, volumes):
    scanner = places / "scanner"
    for t in (1, 3, 4):
        write(scanner, t, volumes[t - 1])
    late = threading.Timer(0.2, write, (scanner, 2, volumes[1]))
    late.start()
    arrivals = list(Arrivals(scanner, 5.0, count=4, settle=0.02, poll=0.004))
    late.join()
    assert [a.number for a in arrivals] == [1, 2, 3, 4]
    assert all(a.image is not None and not a.notes for a in arrivals)
    np.testing.assert_array_equal(arrivals[1].image.get_fdata(dtype=np.float32), volumes[1])


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_that_stays_a_half_is_told_and_the_stream_goes_on(packed, places, volumes):
    scanner = places / "scanner"
    ending = ".gz" if packed else ""
    raw = content(volumes[0], packed)
    (scanner / f"vol_1.nii{ending}").write_bytes(raw[: len(raw) // 2])
    write(scanner, 2, volumes[1])
    first, second = Arrivals(scanner, 0.2, count=2, settle=0.02, poll=0.004)
    assert first.image is None
    assert first.notes[0].startswith("volume 1 cannot be read: vol_1.nii")
    assert second.image is not None


def test_a_half_that_pauses_is_read_once_it_is_whole(places, volumes):
    scanner = places / "scanner"
    raw = content(volumes[0])
    (scanner / "vol_1.nii.gz").write_bytes(raw[: len(raw) // 2])

    def finish():
        with open(scanner / "vol_1.nii.gz", "ab") as file:
            file.write(raw[len(raw) // 2 :])

    rest = threading.Timer(0.25, finish)
    rest.start()
    [only] = Arrivals(scanner, 5.0, count=1, settle=0.02, poll=0.004)
    rest.join()
    np.testing.assert_array_equal(only.image.get_fdata(dtype=np.float32), volumes[0])


def test_a_converter_may_pack_a_volume_and_take_the_plain_one_away(places, volumes):
    scanner = places / "scanner"
    raw = content(volumes[0], packed=False)
    (scanner / "vol_1.nii").write_bytes(raw[: len(raw) // 2])

    def pack():
        (scanner / "vol_1.nii.gz").write_bytes(content(volumes[0]))
        (scanner / "vol_1.nii").unlink()

    packed = threading.Timer(0.15, pack)
    packed.start()
    [only] = Arrivals(scanner, 5.0, count=1, settle=0.02, poll=0.004)
    packed.join()
    np.testing.assert_array_equal(only.image.get_fdata(dtype=np.float32), volumes[0])


def test_volumes_of_another_grid_are_told(places, volumes):
    scanner = places / "scanner"
    write(scanner, 1, volumes[0][:4])
    (scanner / "vol_2.nii.gz").write_bytes(content(volumes[1], affine=np.diag([2, 3, 3, 1])))
    write(scanner, 3, volumes[2])
    watch(scanner, a_stream(places), places / "values.tsv", count=3, **QUICK)
    notes = rows_of(places / "values.tsv")["note"]
    assert "the volume has 4 × 5 × 4 voxels, the data 6 × 5 × 4" in notes[0]
    assert "mm apart" in notes[1]
    assert notes[2] == f"the window fills: 3 of {WIDTH}"


def test_confounds_stand_beside_each_volume(places, volumes):
    motion = np.random.default_rng(0).standard_normal((N, 1))
    stream = a_stream(places, confounds=1)
    for t, volume in enumerate(volumes):
        np.savetxt(places / "scanner" / f"vol_{t}.txt", motion[t])
        write(places / "scanner", t, volume)
    watch(places / "scanner", stream, places / "values.tsv", count=N, **QUICK)
    again = a_stream(places, confounds=1)
    same(rows_of(places / "values.tsv"),
         [again.push(v, m) for v, m in zip(volumes, motion, strict=True)])  # fmt: skip


def test_it_ends_when_nothing_comes(places, volumes):
    start = time.monotonic()
    assert not list(Arrivals(places / "scanner", 1.0, timeout=0.2))
    write(places / "scanner", 5, volumes[0])
    write(places / "scanner", 6, volumes[1])
    found = list(Arrivals(places / "scanner", 0.1, first=4, timeout=0.4, settle=0.02))
    assert [a.number for a in found] == [4, 5, 6]
    assert found[0].image is None
    assert time.monotonic() - start < 5


def test_what_makes_no_sense_is_refused(places, volumes):
    stream = a_stream(places)
    with pytest.raises(InputError, match="expected a folder"):
        watch(places / "nowhere", stream, places / "values.tsv")
    (places / "there.tsv").write_text("mine")
    with pytest.raises(InputError, match="never written over"):
        watch(places / "scanner", stream, places / "there.tsv")
    assert (places / "there.tsv").read_text() == "mine"
    maps = LiveStream(
        Live(t_r=2, window=20, measures={"alff": {"kind": "alff"}}), places / "mask.nii.gz"
    )
    with pytest.raises(InputError, match="no regional values to write"):
        watch(places / "scanner", maps, places / "values.tsv")
    for number in (1, 20240101):
        write(places / "scanner", number, volumes[0])
    with pytest.raises(InputError, match="numbered one by one"):
        watch(places / "scanner", stream, places / "values.tsv", **QUICK)


@pytest.mark.parametrize(
    ("name", "number"),
    [("a7b08.nii", 8), ("8.nii.gz", 8), ("run-1_vol-3_bold.nii", 3), ("x.nii", None)],
)
def test_numbers_are_the_last_digits(name, number):
    assert number_of(name) == number


def arguments(places, *more):
    return [
        "live", str(places / "scanner"), "--mask", str(places / "mask.nii.gz"), "--t-r", "2",
        "--kind", "alff", "connectome", "--output", str(places / "values.tsv"),
        "--set", f"atlas.image={places / 'halves.nii.gz'}",
        "--set", f"atlas.labels={places / 'halves.tsv'}", *more,
    ]  # fmt: skip


def test_the_command_writes_the_table(places, volumes, capsys):
    for t, volume in enumerate(volumes):
        write(places / "scanner", t, volume)
    more = ("--feedback", "connectome:one~two", "--baseline", "19", "21", "--down", "--count", N,
            "--window", "40s")  # fmt: skip
    assert cli._exit_code(arguments(places, *map(str, more))) == 0
    said = capsys.readouterr()
    assert f"written: {N} rows" in said.out
    assert "ready: 3 values of 20 volumes" in said.err
    assert f"volume {N - 1}: " in said.err
    assert said.err.count("feedback ") == N - 22
    table = rows_of(places / "values.tsv")
    values = table["connectome:one~two"].to_numpy()
    block = values[19:22]
    z = np.clip((values - block.mean()) / block.std(ddof=1), -3, 3)
    np.testing.assert_allclose(table["feedback"][22:], 0.5 - z[22:] / 6, rtol=1e-5)
    assert cli._exit_code(arguments(places, "--window", "20")) == 2
    assert "never written over" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--window", "x"), "expected a number of volumes (60) or seconds (120s)"),
        (("--window", "2"), "greater than or equal to 3"),
        (("--window", "20", "--feedback", "a"), "--feedback and --baseline come together"),
        (("--window", "20", "--down"), "--down: nothing is fed back"),
        (("--window", "20", "--mask", "nowhere.nii"), "mask: "),
    ],
)
def test_bad_calls_of_the_command_are_told(more, sentence, places, capsys):
    assert cli._exit_code(arguments(places, *more)) == 2
    assert sentence in capsys.readouterr().err
    assert not (places / "values.tsv").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_what_was_written_stands_when_the_process_is_killed(places, volumes):
    for t, volume in enumerate(volumes):
        write(places / "scanner", t, volume)
    process = subprocess.Popen(
        [sys.executable, "-m", "lumbago.cli", *arguments(places, "--window", "20")],
        stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(f"volume {N - 1}: "):
            break
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    text = (places / "values.tsv").read_text()
    assert text.endswith("\n")
    table = rows_of(places / "values.tsv")
    assert table["volume"].tolist() == list(range(N))
    expected = [f.values["alff.low:one"] for f in pushed(places, volumes)]
    np.testing.assert_array_equal(
        table["alff.low:one"].to_numpy(np.float32), np.array(expected, np.float32)
    )
