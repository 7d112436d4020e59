"""Files that two people share: one scan that came into the study under two names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lumbago.data import Cohort
from lumbago.data.features import REJECTED_COLUMNS
from lumbago.errors import InputError
from lumbago.store import Store

CODE = "E_DUPLICATE"
_SHARED = ("mask", "confounds", "motion", "labels")
"""Roles whose files may be the same in several people."""
Index = tuple[str, str, str]


def without_twins(
    cohorts: Sequence[Cohort], extractors: Mapping[str, Any], store: Store
) -> list[Cohort]:
    """Leave out every session whose scan has the content of another person's.

    A split would train on someone and test them under another name; and nobody can tell from
    the files whose age, sex and pain belong to the scan, so neither of the two stays.

    Returns
    -------
    list of Cohort
        In their order; who is left out is listed as excluded, without the other's name.
    """
    owners: dict[str, set[Index]] = {}
    for cohort in cohorts:
        for scan in cohort.scans:
            for role in _roles(scan, extractors):
                try:
                    content = store.content_hash(scan.files[role])
                except (OSError, InputError):
                    continue  # a file that cannot be read is told by the extraction
                owners.setdefault(content, set()).add(scan.index)
    twins: dict[Index, str] = {}
    for sessions in owners.values():
        if len({index[:2] for index in sessions}) < 2:
            continue
        for index in sessions:
            others = {other[0] for other in sessions if other[:2] != index[:2]}
            where = "" if others == {index[0]} else f" in {', '.join(sorted(others - {index[0]}))}"
            twins[index] = (
                f"this scan is, byte by byte, that of another participant{where} as well; nobody "
                "can tell whose it is"
            )
    return [_left(cohort, twins) for cohort in cohorts] if twins else list(cohorts)


def _roles(scan: Any, extractors: Mapping[str, Any]) -> list[str]:
    """Return the roles of a scan's own files that some feature is measured from."""
    found = {
        role
        for extractor in extractors.values()
        if not hasattr(extractor, "extract_table") and extractor.applies_to(scan)
        for role in extractor.inputs(scan)
        if role.split(":")[0] not in _SHARED and role in scan.files
    }
    return sorted(found)


def _left(cohort: Cohort, twins: Mapping[Index, str]) -> Cohort:
    mine = [index for index in cohort.table.index if index in twins]
    if not mine:
        return cohort
    rows = [(*index, "", "", CODE, twins[index]) for index in mine]
    return cohort.exclude(pd.DataFrame(rows, columns=list(REJECTED_COLUMNS)))
