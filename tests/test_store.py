"""The store keeps what it was given, or says that it did not."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lumbago.data.scan import fresh_image
from lumbago.errors import EnvironmentProblem, InputError
from lumbago.provenance import digest
from lumbago.store import SCHEMA, Store, write_file

KEY = digest("a key")
DTYPES = (np.float32, np.float64, np.int64, np.bool_, np.dtype("<U7"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(
    array=st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(
            dtype,
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
            # numpy cannot hold a text that ends with NUL
            elements={"alphabet": "abc/ü"} if np.dtype(dtype).kind == "U" else None,
        )
    ),
    document=st.dictionaries(st.text(), json_values, max_size=4),
)
def test_what_is_saved_comes_back_bit_for_bit(tmp_path_factory, array, document):
    store = Store(tmp_path_factory.mktemp("store"))
    store.save(KEY, {"x": array}, {"d": document})
    entry = store.load(KEY)
    assert entry is not None
    assert entry.arrays["x"].dtype == array.dtype
    assert entry.arrays["x"].shape == array.shape
    assert entry.arrays["x"].tobytes() == np.ascontiguousarray(array).tobytes()
    assert entry.json["d"] == document


def test_images_come_back_with_their_geometry(tmp_path):
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    values[0, 0, 0] = np.nan
    Store(tmp_path).save(KEY, images={"map": fresh_image(values, affine)})
    image = Store(tmp_path).load(KEY).image("map")
    np.testing.assert_array_equal(image.get_fdata(dtype=np.float32), values)
    np.testing.assert_array_equal(image.affine, affine)


def test_nothing_is_there_before_it_is_saved(tmp_path):
    store = Store(tmp_path / "new")
    assert store.load(KEY) is None
    assert not store.has(KEY)
    assert not (tmp_path / "new").exists()
    store.save(KEY, json={"d": {}})
    assert store.has(KEY)
    assert list(store.keys()) == [KEY]


def test_arrays_of_python_objects_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Object arrays"):
        Store(tmp_path).save(KEY, {"x": np.array([{}], dtype=object)})
    assert not Store(tmp_path).has(KEY)
    assert not list(tmp_path.glob(".tmp-*"))


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b"])
def test_names_that_leave_the_entry_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="file name"):
        Store(tmp_path).save(KEY, {name: np.zeros(1)})


def test_a_key_that_is_no_hash_is_refused(tmp_path):
    with pytest.raises(ValueError, match="64 hexadecimal"):
        Store(tmp_path).save("../../etc", json={"d": {}})


@pytest.mark.parametrize("damage", ["flip", "cut", "delete", "manifest", "empty"])
def test_a_damaged_entry_is_told_and_forgotten(tmp_path, damage):
    store = Store(tmp_path)
    store.save(KEY, {"x": np.arange(100)}, {"d": {"a": 1}})
    file = tmp_path / KEY[:2] / KEY / ("manifest.json" if damage == "manifest" else "x.npy")
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[-1] ^= 1
    if damage == "delete":
        file.unlink()
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        file.write_bytes(bytes(content[: len(content) // 2]) if damage != "flip" else content)
    assert store.load(KEY) is None
    assert store.corrupt == [KEY]
    assert not store.has(KEY)
    store.save(KEY, {"x": np.arange(100)}, {"d": {"a": 1}})
    assert store.load(KEY) is not None


def test_saving_over_a_damaged_entry_mends_it(tmp_path):
    store = Store(tmp_path)
    store.save(KEY, {"x": np.arange(9)})
    (tmp_path / KEY[:2] / KEY / "x.npy").write_bytes(b"rubbish")
    store.save(KEY, {"x": np.arange(9)})
    np.testing.assert_array_equal(Store(tmp_path).load(KEY).arrays["x"], np.arange(9))


def test_a_newer_store_is_refused(tmp_path):
    Store(tmp_path).save(KEY, json={"d": {}})
    (tmp_path / "store.json").write_text(json.dumps({"schema": SCHEMA + 1}))
    with pytest.raises(InputError, match="update Lumbago"):
        Store(tmp_path).load(KEY)


def test_a_newer_entry_is_refused_and_kept(tmp_path):
    Store(tmp_path).save(KEY, json={"d": {}})
    manifest = tmp_path / KEY[:2] / KEY / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"schema":{SCHEMA}', '"schema":99'))
    with pytest.raises(InputError, match="schema 99"):
        Store(tmp_path).load(KEY)
    assert manifest.exists()


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "store.json").write_text("[]")
    with pytest.raises(InputError, match=r"store\.json cannot be read"):
        Store(tmp_path).has(KEY)


def _write_many(root: str, barrier, first: int) -> None:
    store = Store(root)
    barrier.wait(60)
    for i in range(30):
        key = digest("shared", str((first + i) % 30))
        store.save(key, {"x": np.full(500, (first + i) % 30)}, {"d": {"i": (first + i) % 30}})


def test_writers_of_the_same_entries_do_not_tear_them(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    writers = [
        context.Process(target=_write_many, args=(str(tmp_path), barrier, n)) for n in (0, 10, 20)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [w.exitcode for w in writers] == [0, 0, 0]
    store = Store(tmp_path)
    for i in range(30):
        entry = store.load(digest("shared", str(i)))
        assert entry.json["d"] == {"i": i}
        assert (entry.arrays["x"] == i).all()
    assert store.corrupt == []
    assert not list(tmp_path.glob(".tmp-*"))


def _full_disk(root: str, limit: int) -> None:
    Store(root).save(digest("first"), {"x": np.zeros(10)})
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        Store(root).save(KEY, {"x": np.zeros(100_000)})
    except EnvironmentProblem as problem:
        sys.exit(problem.exit_code if "run again to resume" in str(problem) else 99)


def test_a_full_disk_is_a_problem_of_the_environment_and_leaves_nothing_torn(tmp_path):
    process = multiprocessing.get_context("spawn").Process(
        target=_full_disk, args=(str(tmp_path), 20_000)
    )
    process.start()
    process.join(60)
    assert process.exitcode == 3
    store = Store(tmp_path)
    assert list(store.keys()) == [digest("first")]
    assert store.load(digest("first")) is not None
    assert not list(tmp_path.glob(".tmp-*"))


ENDLESS = """
import sys, numpy as np
from lumbago.store import Store
from lumbago.provenance import digest
store, i = Store(sys.argv[1]), 0
while True:
    store.save(digest(str(i)), {"x": np.full(20_000, i)}, {"d": {"i": i}})
    print(i, flush=True)
    i += 1
"""


def test_kills_leave_whole_entries_and_their_litter_is_swept(tmp_path):
    for patience in (0.01, 0.02, 0.03, 0.05):
        writer = subprocess.Popen(
            [sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE
        )
        writer.stdout.readline()
        time.sleep(patience)
        writer.kill()
        writer.wait()
        writer.stdout.close()
    litter = tmp_path / f".tmp-{_machine_of(tmp_path)}-{writer.pid}-abc"
    litter.mkdir(exist_ok=True)
    (litter / "x.npy").write_bytes(b"half")
    store = Store(tmp_path)
    keys = list(store.keys())
    assert keys
    assert all(store.load(key) is not None for key in keys)
    assert store.corrupt == []
    assert not list(tmp_path.glob(".tmp-*"))


def _machine_of(tmp_path: Path) -> str:
    from lumbago.store.writing import _machine

    return _machine()


def test_what_a_living_process_is_writing_is_not_swept(tmp_path):
    Store(tmp_path).save(KEY, json={"d": {}})
    mine = tmp_path / f".tmp-{_machine_of(tmp_path)}-{os.getpid()}-abc"
    mine.mkdir()
    foreign = tmp_path / ".tmp-00000000-1-abc"
    foreign.mkdir()
    old = tmp_path / ".tmp-00000000-2-abc"
    old.mkdir()
    os.utime(old, (0, 0))
    assert Store(tmp_path).sweep() == 1
    assert mine.exists()
    assert foreign.exists()
    assert not old.exists()


def test_content_is_remembered_only_while_the_file_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("lumbago.store.contents._SETTLED_AFTER", -1.0)
    file = tmp_path / "scan.nii"
    file.write_bytes(b"one")
    before = file.stat()
    root = tmp_path / "store"
    first = Store(root).content_hash(file)
    reads = []
    monkeypatch.setattr(
        "lumbago.store.contents.digest_file", lambda path: reads.append(path) or "0" * 64
    )
    assert Store(root).content_hash(file) == first
    assert reads == []
    assert Store(root, rehash=True).content_hash(file) == "0" * 64
    reads.clear()
    time.sleep(0.02)
    file.write_bytes(b"two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert file.stat().st_size == before.st_size
    assert Store(root).content_hash(file) == "0" * 64
    assert reads == [file]


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path):
    file = tmp_path / "scan.nii"
    file.write_bytes(b"one")
    Store(tmp_path / "store").content_hash(file)
    assert not list((tmp_path / "store").glob("contents/*/*"))


def test_a_file_that_is_not_there_is_named_without_its_folder(tmp_path):
    with pytest.raises(InputError) as caught:
        Store(tmp_path).content_hash(tmp_path / "secret-hospital" / "scan.nii")
    assert "secret-hospital" not in str(caught.value)


def test_write_file_shows_old_or_new_never_a_part(tmp_path, monkeypatch):
    file = tmp_path / "table.tsv"
    write_file(file, b"old")
    monkeypatch.setattr(os, "fsync", _fails)
    with pytest.raises(OSError, match="no space"):
        write_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.tsv"]


def _fails(*_: object) -> None:
    raise OSError(28, "no space")
