"""The store: one unit of work is one content-addressed folder, written aside and renamed.

An entry is complete as soon as its name exists: it is written under a
temporary name in the same file system, flushed to the disk, and renamed.
There is no lock, no database and no pickle, so any number of processes may
write side by side and a process may die at any moment.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lumbago.errors import EnvironmentProblem, InputError
from lumbago.provenance import canonical_json, digest, digest_file

SCHEMA = 1
MANIFEST = "manifest.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_KEY = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = re.compile(r"\.tmp-([0-9a-f]{8})-(\d+)-[0-9a-f]+")
_FORGOTTEN_AFTER = 3 * 24 * 3600.0
"""Age in seconds after which an unfinished entry of another machine counts as abandoned."""
_SETTLED_AFTER = 2.0
"""A file changed less than this many seconds ago may change again unseen by its times."""


@dataclass(frozen=True, eq=False)
class Entry:
    """What was saved under one key.

    Parameters
    ----------
    key : str
        SHA-256 that names the entry.
    arrays : mapping of str to array
        Named arrays, never of Python objects.
    json : mapping of str to dict
        Named JSON documents.
    images : mapping of str to path
        Named NIfTI files, whose content has been verified.
    """

    key: str
    arrays: Mapping[str, np.ndarray]
    json: Mapping[str, dict[str, Any]]
    images: Mapping[str, Path] = field(default_factory=dict)

    def image(self, name: str) -> Any:
        """Read one image into memory."""
        import nibabel as nib

        image: Any = nib.load(self.images[name])
        return nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine, image.header)


class Store:
    """A folder of finished units of work.

    Parameters
    ----------
    root : path
        Where the entries lie; made when the first one is saved.
    rehash : bool
        Read every input again instead of trusting the remembered content hashes.

    Attributes
    ----------
    corrupt : list of str
        Keys of entries that did not hold what their manifest says, since this
        store was opened; they are removed, so that they are computed again.
    """

    def __init__(self, root: str | Path, *, rehash: bool = False):
        self.root = Path(root)
        self.rehash = rehash
        self.corrupt: list[str] = []
        self._hashes: dict[tuple[int, ...], str] = {}
        self._opened = False

    def has(self, key: str) -> bool:
        """Tell whether a finished entry exists; its content is verified by `load`."""
        self._open()
        return (self._at(key) / MANIFEST).is_file()

    def load(self, key: str) -> Entry | None:
        """Return an entry whose every byte is as it was saved, or None.

        Raises
        ------
        InputError
            If the entry was written by a newer version of Lumbago.
        """
        self._open()
        folder = self._at(key)
        try:
            return _read_entry(key, folder)
        except FileNotFoundError:
            if not folder.exists():
                return None
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            pass
        self.corrupt.append(key)
        self._discard(folder)
        return None

    def save(
        self,
        key: str,
        arrays: Mapping[str, np.ndarray] | None = None,
        json: Mapping[str, Mapping[str, Any]] | None = None,
        images: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an entry; nothing is visible under its key before all of it is on the disk.

        Parameters
        ----------
        key : str
            64 hexadecimal digits.
        arrays, json, images : mapping of str to array, dict, Nifti1Image
            Names are letters, digits, ``_``, ``-`` and ``.``.

        Raises
        ------
        EnvironmentProblem
            If the disk is full or the folder cannot be written.
        """
        self._open()
        folder = self._at(key)
        with self._writing():
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = self.root / _temporary_name()
            temporary.mkdir()
            try:
                _write_entry(temporary, arrays or {}, json or {}, images or {})
                self._publish(temporary, folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)

    def keys(self) -> Iterator[str]:
        """Iterate over the keys of all finished entries, sorted."""
        for shelf in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(p.name for p in shelf.iterdir() if _KEY.fullmatch(p.name))

    def content_hash(self, path: str | Path) -> str:
        """Return the SHA-256 of a file's content, remembered for as long as the file is the same.

        A file is the same while its device, inode, size, modification and change
        times are; the change time cannot be set back, so a file replaced in
        place with its old size and time is read again.
        """
        path = Path(path)
        identity = _identity(path)
        known = self._hashes.get(identity)
        if known is not None:
            return known
        note = self.root / "contents" / (name := digest(canonical_json(list(identity))))[:2] / name
        if not self.rehash and (known := _read_note(note)) is not None:
            self._hashes[identity] = known
            return known
        found = digest_file(path)
        while (after := _identity(path)) != identity:
            identity, found = after, digest_file(path)
            note = note.parent.parent / (name := digest(canonical_json(list(after))))[:2] / name
        if time.time() - identity[-1] / 1e9 > _SETTLED_AFTER:
            self._hashes[identity] = found
            self._open()
            with self._writing():
                note.parent.mkdir(parents=True, exist_ok=True)
                write_file(note, found.encode())
        return found

    def sweep(self) -> int:
        """Remove what dead processes left unfinished; return how many were removed."""
        swept = 0
        for left in [*self.root.glob(".tmp-*"), *self.root.glob("contents/*/.tmp-*")]:
            match = _TEMPORARY.fullmatch(left.name)
            if match is None or not _abandoned(left, match[1], int(match[2])):
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
            swept += not left.exists()
        return swept

    def _at(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"store key: expected 64 hexadecimal digits, got {key!r}")
        return self.root / key[:2] / key

    def _open(self) -> None:
        """Check the schema of the folder, once, and sweep it; write its mark if it is new."""
        if self._opened:
            return
        mark = self.root / "store.json"
        try:
            _refuse_newer(json.loads(mark.read_text())["schema"], f"store {self.root.name}")
            self.sweep()
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"store {self.root.name}: store.json cannot be read; "
                "choose another folder with --store, or delete that file if this is a store"
            ) from None
        self._opened = True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            mark = self.root / "store.json"
            if not mark.exists():
                self.root.mkdir(parents=True, exist_ok=True)
                write_file(mark, canonical_json({"schema": SCHEMA}).encode())
            yield
        except OSError as error:
            why = error.strerror or "the disk took only a part of it"
            raise EnvironmentProblem(
                f"store {self.root}: cannot write ({why}); everything finished so far is safe, "
                "free some space or choose another folder with --store and run again to resume"
            ) from error

    def _publish(self, temporary: Path, folder: Path) -> None:
        for _ in range(3):
            try:
                os.rename(temporary, folder)
            except OSError:
                if not folder.exists():
                    raise
                try:  # another process was first: its entry holds the same, unless it is torn
                    _read_entry(folder.name, folder)
                    return
                except (OSError, ValueError, KeyError, TypeError, EOFError):
                    self._discard(folder)
            else:
                _flush_folder(folder.parent)
                return
        raise OSError(None, "another process keeps a broken entry in place")

    def _discard(self, folder: Path) -> None:
        aside = self.root / _temporary_name()
        try:
            os.rename(folder, aside)
        except FileNotFoundError:
            return
        except OSError as error:
            raise EnvironmentProblem(
                f"store {self.root}: entry {folder.name[:12]} is damaged and cannot be removed "
                f"({error.strerror}); remove it or choose another folder with --store"
            ) from error
        shutil.rmtree(aside, ignore_errors=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    temporary = path.parent / _temporary_name()
    try:
        with open(temporary, "xb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _write_entry(
    folder: Path,
    arrays: Mapping[str, np.ndarray],
    documents: Mapping[str, Mapping[str, Any]],
    images: Mapping[str, Any],
) -> None:
    contents: dict[str, bytes] = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(array), allow_pickle=False)
        contents[f"{name}.npy"] = buffer.getvalue()
    for name, document in documents.items():
        contents[f"{name}.json"] = canonical_json(document).encode()
    for name, image in images.items():
        contents[f"{name}.nii"] = image.to_bytes()
    bad = [name for name in contents if not _NAME.fullmatch(name) or name == MANIFEST]
    if bad:
        raise ValueError(f"store: {bad[0]!r} cannot be a file name of an entry")
    manifest = {
        "schema": SCHEMA,
        "arrays": sorted(arrays),
        "json": sorted(documents),
        "images": sorted(images),
        "sha256": {name: digest_bytes(content) for name, content in contents.items()},
    }
    contents[MANIFEST] = canonical_json(manifest).encode()
    for name, content in contents.items():
        with open(folder / name, "xb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
    _flush_folder(folder)


def _read_entry(key: str, folder: Path) -> Entry:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    _refuse_newer(manifest["schema"], f"store entry {key[:12]}")
    contents = {}
    for name, expected in manifest["sha256"].items():
        content = (folder / name).read_bytes()
        if digest_bytes(content) != expected:
            raise ValueError(f"{name} is not what was saved")
        if not name.endswith(".nii"):
            contents[name] = content
    return Entry(
        key=key,
        arrays={
            n: np.load(io.BytesIO(contents[f"{n}.npy"]), allow_pickle=False)
            for n in manifest["arrays"]
        },
        json={n: json.loads(contents[f"{n}.json"]) for n in manifest["json"]},
        images={n: folder / f"{n}.nii" for n in manifest["images"]},
    )


def digest_bytes(content: bytes) -> str:
    """SHA-256 of bytes, as ``sha256sum`` prints it."""
    import hashlib

    return hashlib.sha256(content).hexdigest()


def _refuse_newer(schema: Any, what: str) -> None:
    if not isinstance(schema, int) or schema < 1:
        raise ValueError(f"{what}: schema {schema!r} is no version")
    if schema > SCHEMA:
        raise InputError(
            f"{what}: written with schema {schema}, this Lumbago reads up to {SCHEMA}; "
            "update Lumbago or choose another folder with --store"
        )


def _identity(path: Path) -> tuple[int, ...]:
    try:
        s = path.stat()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror})") from error
    return s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns


def _read_note(note: Path) -> str | None:
    try:
        content = note.read_text()
    except (OSError, ValueError):
        return None
    return content if _KEY.fullmatch(content) else None


def _machine() -> str:
    """Return eight digits that tell this machine since its start from others, and name nobody."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        boot = ""
    return digest(platform.node(), boot)[:8]


def _temporary_name() -> str:
    return f".tmp-{_machine()}-{os.getpid()}-{secrets.token_hex(6)}"


def _abandoned(left: Path, machine: str, pid: int) -> bool:
    try:
        age = time.time() - left.stat().st_mtime
    except OSError:
        return False
    if age > _FORGOTTEN_AFTER:
        return True
    if machine != _machine():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _flush_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # systems that cannot open folders flush the rename themselves
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
