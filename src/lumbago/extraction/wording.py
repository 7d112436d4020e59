"""Reasons without the folders that files lie in: these may name people and places."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

_A_PATH = re.compile(r"(?<![^\s'\"(=:<])(?:[A-Za-z]:)?(?:[\\/][^\s\\/'\":,;]+)+[\\/]?")


def without_paths(text: str, files: Iterable[Path] = ()) -> str:
    """Return a message with every path cut down to its last part.

    `files` are known ones, whose folders are found even if their names hold spaces.

    >>> without_paths("cannot read /home/jane/sub-01_bold.nii.gz: truncated")
    'cannot read sub-01_bold.nii.gz: truncated'
    """
    for file in files:
        text = text.replace(f"{Path(file).parent}{os.sep}", "")
    return _A_PATH.sub(lambda m: re.split(r"[\\/]", m[0].rstrip("\\/"))[-1], text)


def of_anyone(reason: str) -> str:
    """Return a reason without whose file it names, so that like reasons can be counted.

    >>> of_anyone("sub-01_ses-1_task-rest_desc-confounds_timeseries.tsv: cannot be opened")
    'sub-*_desc-confounds_timeseries.tsv: cannot be opened'
    """
    return re.sub(r"\bsub-[A-Za-z0-9]+(_(ses|task|run|acq|dir)-[A-Za-z0-9]+)*", "sub-*", reason)
