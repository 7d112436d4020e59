"""Files that two people share: one scan that came into the study under two names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lumbago.data import Cohort
from lumbago.errors import InputError, Problem
from lumbago.store import Store

_SHARED = ("mask", "confounds", "motion", "labels")
"""Roles whose files may be the same in several people."""


def check_files(cohort: Cohort, extractors: Mapping[str, Any], store: Store) -> None:
    """Refuse a study in which two people have a scan with the same content.

    Whatever splits them would train on someone and test them under another name.

    Raises
    ------
    InputError
        With every such pair.
    """
    owner: dict[str, tuple[str, str, str]] = {}
    problems = []
    for scan in cohort.scans:
        roles = {
            role
            for extractor in extractors.values()
            if not hasattr(extractor, "extract_table") and extractor.applies_to(scan)
            for role in extractor.inputs(scan)
            if role.split(":")[0] not in _SHARED and role in scan.files
        }
        for role in sorted(roles):
            try:
                content = store.content_hash(scan.files[role])
            except (OSError, InputError):
                continue  # a file that cannot be read is told by the extraction
            name = Path(scan.files[role]).name
            mine = (scan.index[0], scan.index[1], name)
            first = owner.setdefault(content, mine)
            if first[:2] != mine[:2]:
                what = (
                    f"{mine[1]} ({name}) is the same file as {first[1]} of cohort {first[0]} "
                    f"({first[2]}); keep one of them"
                )
                problems.append(Problem(f"cohort {mine[0]}", what))
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
