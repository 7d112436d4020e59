"""Cohort × extractors -> feature tables: what the store lacks is measured, scan by scan."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, overload

from lumbago.data import Cohort, FeatureTable
from lumbago.data.features import check_key
from lumbago.errors import InputError
from lumbago.extraction.kept import look_up
from lumbago.extraction.scans import measure_scan, worker_died
from lumbago.extraction.sessions import gather
from lumbago.extraction.workers import in_parallel
from lumbago.extractors import EXTRACTORS, VoxelExtractor
from lumbago.spec import read_kind
from lumbago.store import Store

Progress = Callable[[int, int, str], None]
"""Called with how many are done, how many there are, and what was done last."""


@overload
def extract(
    cohort: Cohort,
    extractors: Mapping[str, Any],
    *,
    store: Store | str | Path | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> dict[str, FeatureTable]: ...
@overload
def extract(
    cohort: Cohort,
    extractors: Any,
    *,
    store: Store | str | Path | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> FeatureTable: ...
def extract(
    cohort: Cohort,
    extractors: Any,
    *,
    store: Store | str | Path | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> FeatureTable | dict[str, FeatureTable]:
    """Measure every scan of a cohort with one or several extractors.

    Each scan is read once for all the features it still lacks, and each feature is saved
    as soon as it is there. A scan that cannot give a feature is recorded with its reason and
    stops nothing. Runs of one session are measured apart and averaged.

    Parameters
    ----------
    cohort : Cohort
    extractors : extractor, or mapping of key to extractor
        Settings, a kind (``"reho"``) or ``{"kind": ..., ...}``. The key begins the name of
        every feature; for one extractor it is its kind.
    store : Store or path, optional
        Where finished work is looked up and kept; without one everything is computed.
    n_jobs : int
        Processes; the results do not depend on it, bit for bit.
    progress : callable, optional

    Returns
    -------
    FeatureTable, or dict of key to FeatureTable

    Raises
    ------
    InputError
        If no scan of the cohort has the files that an extractor needs.

    Warns
    -----
    UserWarning
        Of a measure of voxels without an atlas where no store keeps its maps.
    """
    if isinstance(extractors, str) or not isinstance(extractors, Mapping):
        one = _settings(extractors, "feature")
        return extract(cohort, {one.kind: one}, store=store, n_jobs=n_jobs, progress=progress)[
            one.kind
        ]
    if store is not None and not isinstance(store, Store):
        store = Store(store)
    extractors = {check_key(k): _settings(e, f"feature {k}") for k, e in extractors.items()}
    tables = {k: e.extract_table(cohort, k) for k, e in extractors.items() if not _scans(e)}
    measured = {k: e for k, e in extractors.items() if _scans(e)}
    _require_scans(cohort, measured)
    wanted = [(s, k) for s in cohort.scans for k, e in measured.items() if e.applies_to(s)]
    for key, extractor in measured.items():
        if store is None and isinstance(extractor, VoxelExtractor) and extractor.atlas is None:
            warnings.warn(
                f"feature {key}: without an atlas a measure of voxels gives maps and no features, "
                "and without a store maps are lost; give an atlas, a store, or both",
                UserWarning,
                stacklevel=2,
            )
    keys, found = look_up(wanted, measured, store)
    lacking: dict[int, list[str]] = {}
    for scan, key in wanted:
        if (id(scan), key) not in found:
            lacking.setdefault(id(scan), []).append(key)
    tasks = [
        (
            s,
            {k: measured[k] for k in lacking[id(s)]},
            {k: keys.get((id(s), k)) for k in lacking[id(s)]},
            store,
        )
        for s in cohort.scans
        if id(s) in lacking
    ]
    done, total = len(cohort.scans) - len(tasks), len(cohort.scans)
    for position, outcome in in_parallel(measure_scan, tasks, n_jobs, died=worker_died):
        scan = tasks[position][0]
        found.update({(id(scan), key): value for key, value in outcome.items()})
        done += 1
        if progress is not None:
            progress(done, total, str(scan))
    for key, extractor in measured.items():
        of_key = [(s, found[id(s), key]) for s in cohort.scans if (id(s), key) in found]
        tables[key] = gather(key, extractor, of_key)
    return {key: tables[key] for key in extractors}


def _settings(extractor: Any, what: str) -> Any:
    if isinstance(extractor, str | Mapping):
        return read_kind(extractor, EXTRACTORS, what)
    return extractor


def _scans(extractor: Any) -> bool:
    return not hasattr(extractor, "extract_table")


def _require_scans(cohort: Cohort, extractors: Mapping[str, Any]) -> None:
    problems = []
    for key, extractor in extractors.items():
        if not any(extractor.applies_to(scan) for scan in cohort.scans):
            needs = " or ".join(" and ".join(sorted(roles)) for roles in extractor.needs)
            problems.append(
                f"feature {key}: none of the {len(cohort.scans)} scans of {cohort.name} "
                f"has {needs}; check the cohort's settings or leave the feature out"
            )
    if problems:
        raise InputError(problems)
