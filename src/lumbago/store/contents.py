"""Content hashes of files, remembered for as long as a file is the same."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from lumbago.errors import InputError
from lumbago.provenance import canonical_json, digest, digest_file
from lumbago.store.writing import write_file

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SETTLED_AFTER = 2.0
"""A file changed less than this many seconds ago may change again unseen by its times."""


class ContentHashes:
    """Content hashes of files, each read once for as long as the file is the same.

    A file is the same while its device, inode, size, modification and change
    times are; the change time cannot be set back, so a file replaced in
    place with its old size and time is read again.

    Parameters
    ----------
    folder : path
        Where the hashes are remembered between processes.
    rehash : bool
        Read every file again instead of trusting what the folder remembers.
    """

    def __init__(self, folder: Path, *, rehash: bool = False):
        self.folder = folder
        self.rehash = rehash
        self._known: dict[tuple[int, ...], str] = {}

    def of(self, path: Path, writing: Callable[[], AbstractContextManager[None]]) -> str:
        """Return the SHA-256 of a file's content.

        Parameters
        ----------
        path : path
        writing : callable
            Makes the context in which a hash is written down.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        identity = _identity(path)
        known = self._known.get(identity)
        if known is None and not self.rehash:
            known = _read_note(self._note(identity))
        if known is not None:
            self._known[identity] = known
            return known
        found = digest_file(path)
        while (after := _identity(path)) != identity:
            identity, found = after, digest_file(path)
        if time.time() - identity[-1] / 1e9 > _SETTLED_AFTER:
            self._known[identity] = found
            note = self._note(identity)
            with writing():
                note.parent.mkdir(parents=True, exist_ok=True)
                write_file(note, found.encode())
        return found

    def _note(self, identity: tuple[int, ...]) -> Path:
        name = digest(canonical_json(list(identity)))
        return self.folder / name[:2] / name


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
    return content if _SHA256.fullmatch(content) else None
