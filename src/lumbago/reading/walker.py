"""Walking a dataset: files with their BIDS entities, each folder entered once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lumbago.errors import InputError, Problem

MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """A file found on the walk.

    Parameters
    ----------
    folder : str
        Folder below the dataset's root, ``""`` for the root itself.
    name : str
        File name.
    entities : mapping
        ``{"sub": "01", "task": "rest"}``, in the order of the name.
    suffix : str
        ``bold``, ``timeseries``; the last part of the name.
    extension : str
        From the first dot on: ``.nii.gz``.
    """

    folder: str
    name: str
    entities: Mapping[str, str]
    suffix: str
    extension: str

    def path(self, root: Path) -> Path:
        """Where the file lies."""
        return root / self.folder / self.name

    def names(self, *leave_out: str) -> frozenset[tuple[str, str]]:
        """The entities as a set, but for some."""
        return frozenset((k, v) for k, v in self.entities.items() if k not in leave_out)


def parse(name: str) -> tuple[dict[str, str], str, str]:
    """Take a BIDS name apart; the suffix is empty where the name ends with an entity.

    >>> parse("sub-01_task-rest_desc-preproc_bold.nii.gz")
    ({'sub': '01', 'task': 'rest', 'desc': 'preproc'}, 'bold', '.nii.gz')
    """
    stem, dot, extension = name.partition(".")
    suffix = ""
    entities = {}
    for part in stem.split("_"):
        key, dash, value = part.partition("-")
        if dash:
            entities[key] = value
        suffix = "" if dash else part
    return entities, suffix, dot + extension


def walk(
    root: Path, enter: Callable[[str, int], bool] = lambda name, depth: True
) -> Iterator[Entry]:
    """Yield the files of a dataset, sorted; folders that links reach again are not entered again.

    Parameters
    ----------
    root : Path
    enter : callable
        Tells from a folder's name and depth (1 below the root) whether it is entered.
        Hidden folders never are.

    Raises
    ------
    InputError
        No such folder; or names that differ only in case, which other file systems confuse.
    """
    try:
        here = os.stat(root)
    except OSError:
        raise InputError(f"dataset folder {Path(root).name}: does not exist") from None
    if not os.path.isdir(root):
        raise InputError(f"dataset folder {Path(root).name}: is a file, expected a folder")
    yield from _walk(str(root), "", 1, enter, {(here.st_dev, here.st_ino)})


def _walk(
    root: str,
    folder: str,
    depth: int,
    enter: Callable[[str, int], bool],
    visited: set[tuple[int, int]],
) -> Iterator[Entry]:
    try:
        with os.scandir(os.path.join(root, folder)) as listing:
            entries = sorted(listing, key=lambda e: e.name)
    except OSError as e:
        raise InputError(f"folder {folder or '.'}: cannot be listed ({e.strerror})") from None
    _check_case(folder, [e.name for e in entries])
    for entry in entries:
        name = entry.name
        if name.startswith("."):
            continue
        if not entry.is_dir():
            yield Entry(folder, name, *parse(name))
        elif depth <= MAX_DEPTH and enter(name, depth):
            stat = entry.stat()
            identity = (stat.st_dev, stat.st_ino)
            if identity not in visited:
                visited.add(identity)
                below = f"{folder}/{name}" if folder else name
                yield from _walk(root, below, depth + 1, enter, visited)


def _check_case(folder: str, names: list[str]) -> None:
    seen: dict[str, str] = {}
    problems = []
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            problems.append(
                Problem(
                    folder or ".",
                    f"{other} and {name} differ only in case; rename one, or remove the copy",
                )
            )
    if problems:
        raise InputError(problems)
