"""The store: one unit of work is one content-addressed folder, written aside and renamed.

An entry is complete as soon as its name exists: it is written under a
temporary name in the same file system, flushed to the disk, and renamed.
There is no lock, no database and no pickle, so any number of processes may
write side by side and a process may die at any moment.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lumbago.errors import EnvironmentProblem, InputError, cannot_write
from lumbago.provenance import canonical_json
from lumbago.store.contents import ContentHashes
from lumbago.store.entries import MANIFEST, SCHEMA, Entry, read_entry, refuse_newer, write_entry
from lumbago.store.writing import abandoned, flush_folder, temporary_name, write_file

_KEY = re.compile(r"[0-9a-f]{64}")


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
        self.corrupt: list[str] = []
        self._contents = ContentHashes(self.root / "contents", rehash=rehash)
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
            return read_entry(key, folder)
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
        folder = self._at(key)
        with self._writing():
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = self.root / temporary_name()
            temporary.mkdir()
            try:
                write_entry(temporary, arrays or {}, json or {}, images or {})
                self._publish(temporary, folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)

    def keys(self) -> Iterator[str]:
        """Iterate over the keys of all finished entries, sorted."""
        for shelf in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(p.name for p in shelf.iterdir() if _KEY.fullmatch(p.name))

    def content_hash(self, path: str | Path) -> str:
        """Return the SHA-256 of a file's content, remembered for as long as the file is the same.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        return self._contents.of(Path(path), self._writing)

    def sweep(self) -> int:
        """Remove what dead processes left unfinished; return how many were removed."""
        swept = 0
        for left in [*self.root.glob(".tmp-*"), *self.root.glob("contents/*/.tmp-*")]:
            if not abandoned(left):
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
            refuse_newer(json.loads(mark.read_text())["schema"], f"store {self.root.name}")
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
        """Open the store, make its folder and mark, and word what the disk refuses."""
        self._open()
        try:
            mark = self.root / "store.json"
            if not mark.exists():
                self.root.mkdir(parents=True, exist_ok=True)
                write_file(mark, canonical_json({"schema": SCHEMA}).encode())
            yield
        except OSError as error:
            raise cannot_write(error, f"store {self.root}", "--store") from error

    def _publish(self, temporary: Path, folder: Path) -> None:
        for _ in range(3):
            try:
                os.rename(temporary, folder)
            except OSError:
                if not folder.exists():
                    raise
                try:  # another process was first: its entry holds the same, unless it is torn
                    read_entry(folder.name, folder)
                    return
                except (OSError, ValueError, KeyError, TypeError, EOFError):
                    self._discard(folder)
            else:
                flush_folder(folder.parent)
                return
        raise OSError(None, "another process keeps a broken entry in place")

    def _discard(self, folder: Path) -> None:
        aside = self.root / temporary_name()
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
