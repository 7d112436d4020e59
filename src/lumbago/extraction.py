"""Cohort × extractors -> feature tables: one task is one scan with all its missing features."""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import pandas as pd

from lumbago.data import Cohort, Extraction, FeatureTable, Scan
from lumbago.data.features import INDEX, REJECTED_COLUMNS, check_key
from lumbago.errors import EnvironmentProblem, InputError, LumbagoError, ScanRejected
from lumbago.provenance import canonical_json, digest, versions
from lumbago.store import Entry, Store

Progress = Callable[[int, int, str], None]
"""Called with how many are done, how many there are, and what was done last."""

_SCHEMA = 1
_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS)
_A_PATH = re.compile(r"(?<![^\s'\"(=:<])(?:[A-Za-z]:)?(?:[\\/][^\s\\/'\":,;]+)+[\\/]?")


@dataclass(frozen=True)
class Rejected:
    """Why a scan has not this feature."""

    code: str
    reason: str
    lasting: bool = True
    """Whether the same files would be rejected again; decides if it is remembered."""


@overload
def extract(
    cohort: Cohort,
    extractors: Mapping[str, Any],
    *,
    store: Store | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> dict[str, FeatureTable]: ...
@overload
def extract(
    cohort: Cohort,
    extractors: Any,
    *,
    store: Store | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> FeatureTable: ...
def extract(
    cohort: Cohort,
    extractors: Any,
    *,
    store: Store | None = None,
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
    extractors : Extractor, or mapping of key to Extractor
        The key begins the name of every feature; for one extractor it is its kind.
    store : Store, optional
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
    """
    if not isinstance(extractors, Mapping):
        return extract(
            cohort, {extractors.kind: extractors}, store=store, n_jobs=n_jobs, progress=progress
        )[extractors.kind]
    for key in extractors:
        check_key(key)
    tables = {k: table_of_columns(k, e, cohort) for k, e in extractors.items() if not _scans(e)}
    measured = {k: e for k, e in extractors.items() if _scans(e)}
    _require_scans(cohort, measured)
    wanted = [(s, k) for s in cohort.scans for k, e in measured.items() if e.applies_to(s)]
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
    for position, outcome in in_parallel(measure_scan, tasks, n_jobs, died=_died):
        scan = tasks[position][0]
        found.update({(id(scan), key): value for key, value in outcome.items()})
        done += 1
        if progress is not None:
            progress(done, total, str(scan))
    for key, extractor in measured.items():
        of_key = [(s, found[id(s), key]) for s in cohort.scans if (id(s), key) in found]
        tables[key] = gather(key, extractor, of_key)
    return {key: tables[key] for key in extractors}


def look_up(
    wanted: Sequence[tuple[Scan, str]], extractors: Mapping[str, Any], store: Store | None
) -> tuple[dict[tuple[int, str], str], dict[tuple[int, str], Extraction | Rejected]]:
    """Ask the store for what is there already.

    Returns
    -------
    keys, found : dict of (id of the scan, feature) to store key, to extraction or rejection
        A scan whose file cannot be read is rejected here, since it has no content to ask by.
    """
    keys: dict[tuple[int, str], str] = {}
    found: dict[tuple[int, str], Extraction | Rejected] = {}
    if store is None:
        return keys, found
    names: dict[str, tuple[str, ...]] = {}
    for scan, key in wanted:
        at = id(scan), key
        try:
            keys[at] = extraction_key(scan, extractors[key], store)
        except InputError as error:
            found[at] = Rejected("E_MISSING", without_paths(str(error)), lasting=False)
            continue
        entry = store.load(keys[at])
        value = restored(entry, store, names) if entry is not None else None
        if value is not None:
            found[at] = value
    return keys, found


def extraction_key(scan: Scan, extractor: Any, store: Store) -> str:
    """Return the key of one extraction: it names the formula, its settings and what it reads.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    inputs = {
        role: store.content_hash(scan.files[role])
        for role in sorted(extractor.inputs(scan))
        if role in scan.files
    }
    about = {
        "unit": "extraction",
        "schema": _SCHEMA,
        "spec": public_spec(extractor),
        "atlas": extractor.atlas_digest(),
        "inputs": inputs,
        "t_r": scan.t_r,
        "space": scan.space,
        "entities": dict(scan.entities),
        "columns": list(scan.columns),
        "labels": list(scan.labels),
    }
    return digest(canonical_json(about))


def public_spec(extractor: Any) -> dict[str, Any]:
    """Return the canonical settings with an atlas of one's own by its name, without its path."""
    settings: dict[str, Any] = extractor.canonical()
    if isinstance(settings.get("atlas"), Mapping):
        from lumbago.reading.atlases import load_atlas

        settings["atlas"] = load_atlas(extractor.atlas).name
    return settings


def measure_scan(
    scan: Scan,
    extractors: Mapping[str, Any],
    keys: Mapping[str, str | None],
    store: Store | None,
) -> dict[str, Extraction | Rejected]:
    """Measure one scan; save each feature as soon as it is there.

    Raises
    ------
    EnvironmentProblem
        If a disk is full: that is no fault of the scan.
    """
    from threadpoolctl import threadpool_limits

    from lumbago.reading.recording import Recording

    outcome: dict[str, Extraction | Rejected] = {}
    files = tuple(scan.files.values())
    with threadpool_limits(1):
        recording: Any = None
        for name, extractor in extractors.items():
            try:
                if recording is None:
                    recording = Recording(scan)
                value: Extraction | Rejected = extractor.extract(recording)
            except ScanRejected as error:
                value = Rejected(error.code, without_paths(error.reason, files))
            except LumbagoError:
                raise
            except ValueError as error:
                value = Rejected("E_REFUSED", without_paths(str(error), files))
            except Exception as error:
                if isinstance(error, OSError) and error.errno in _NO_SPACE:
                    raise EnvironmentProblem(
                        f"cannot write temporary files ({error.strerror}); everything finished so "
                        "far is safe, free some space or set TMPDIR and run again to resume"
                    ) from error
                what = f"{type(error).__name__}: {error}".rstrip(": ")
                value = Rejected("E_FAILED", without_paths(what, files), lasting=False)
            outcome[name] = value
            key = keys.get(name)
            if store is not None and key is not None:
                save(key, value, extractor, store)
    return outcome


def save(key: str, value: Extraction | Rejected, extractor: Any, store: Store) -> None:
    """Keep an extraction, or the reason why there is none."""
    about = {"spec": public_spec(extractor), "versions": versions()}
    if isinstance(value, Rejected):
        if value.lasting:
            rejected = {"rejected": {"code": value.code, "reason": value.reason}}
            store.save(key, json={"extraction": rejected, "about": about})
        return
    # Thousands of scans share their feature names: they are kept once, under their own hash.
    shared = digest("names", canonical_json(list(value.names)))
    if not store.has(shared):
        store.save(shared, json={"names": {"names": list(value.names)}})
    document = {
        "names": shared,
        "coverage": [[k, float(v)] for k, v in value.coverage.items()],
        "notes": list(value.notes),
    }
    store.save(
        key,
        arrays={"features": np.asarray(value.values, dtype=np.float32)},
        json={"extraction": document, "about": about},
        images=dict(value.maps),
    )


def restored(
    entry: Entry, store: Store, names: dict[str, tuple[str, ...]]
) -> Extraction | Rejected | None:
    """Return what an entry holds; None if the names it refers to are gone."""
    document = entry.json["extraction"]
    if "rejected" in document:
        return Rejected(**document["rejected"])
    shared = document["names"]
    if shared not in names:
        named = store.load(shared)
        if named is None:
            return None
        names[shared] = tuple(named.json["names"]["names"])
    return Extraction(
        names=names[shared],
        values=entry.arrays["features"],
        coverage=dict(document["coverage"]),
        notes=tuple(document["notes"]),
    )


def gather(
    key: str, extractor: Any, found: Sequence[tuple[Scan, Extraction | Rejected]]
) -> FeatureTable:
    """Put the scans of one feature together, runs of a session averaged."""
    rejected = [
        (*s.index, s.run, key, v.code, v.reason) for s, v in found if isinstance(v, Rejected)
    ]
    sessions: dict[tuple[str, str, str], list[Extraction]] = {}
    notes: Counter[str] = Counter()
    for scan, value in found:
        if isinstance(value, Extraction):
            sessions.setdefault(scan.index, []).append(value)
            notes.update(set(value.notes))
    columns: dict[str, None] = {}
    for names in {v.names: None for vs in sessions.values() for v in vs}:
        columns.update(dict.fromkeys(names))
    order = sorted(sessions)
    values = np.full((len(order), len(columns)), np.nan, dtype=np.float32)
    at = {name: i for i, name in enumerate(columns)}
    same = tuple(columns)
    for row, index in enumerate(order):
        runs = sessions[index]
        table = np.full((len(runs), len(columns)), np.nan, dtype=np.float64)
        for i, run in enumerate(runs):
            if run.names == same:
                table[i] = run.values
            else:
                table[i, [at[name] for name in run.names]] = run.values
        values[row] = table[0] if len(runs) == 1 else averaged(table, extractor.average)
    everywhere = set(columns)
    for runs in sessions.values():
        for run in runs:
            if run.names != same:
                everywhere &= set(run.names)
    told = [f"{note} ({n} of {len(found)} scans)" for note, n in sorted(notes.items())]
    if len(everywhere) < len(columns):
        told.append(
            f"{len(columns) - len(everywhere)} of {len(columns)} features are not in every scan"
        )
    rows = pd.MultiIndex.from_tuples(order, names=list(INDEX))
    full = pd.Index([key + name for name in columns], dtype=object)
    return FeatureTable(
        key=key,
        values=pd.DataFrame(values, index=rows, columns=full),
        spec=public_spec(extractor),
        rejected=pd.DataFrame(rejected, columns=list(REJECTED_COLUMNS)),
        coverage=_coverage(order, sessions, rows),
        notes=tuple(told),
    )


def averaged(runs: np.ndarray, how: str) -> np.ndarray:
    """Average the runs of one session, feature by feature, over the runs that have a value.

    Parameters
    ----------
    runs : array of shape (n_runs, n_features)
    how : {"mean", "fisher_z"}
        Correlations are averaged as Fisher z, which is not pulled towards zero.
    """
    present = ~np.isnan(runs)
    n = present.sum(axis=0)
    with np.errstate(all="ignore"):
        z = np.arctanh(runs) if how == "fisher_z" else runs
        mean = np.where(present, z, 0.0).sum(axis=0) / n
        back = np.tanh(mean) if how == "fisher_z" else mean
    return np.where(n > 0, back, np.nan)


def table_of_columns(key: str, extractor: Any, cohort: Cohort) -> FeatureTable:
    """Return columns of the cohort's own tables as features."""
    return extractor.extract_table(cohort, key)


def in_parallel(
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    n_jobs: int,
    *,
    died: Callable[..., Any],
) -> Iterator[tuple[int, Any]]:
    """Run tasks, each with a single linear-algebra thread, and yield results as they come.

    A worker that dies takes its neighbours' pool with it: what is left is run again one
    by one, and the task that kills its worker again is answered by `died`.
    """
    if n_jobs == 1 or len(tasks) <= 1:
        for position, task in enumerate(tasks):
            yield position, function(*task)
        return
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    left = set(range(len(tasks)))
    try:
        for position, result in _pool(function, tasks, sorted(left), n_jobs):
            left.discard(position)
            yield position, result
        return
    except TerminatedWorkerError:
        pass
    for position in sorted(left):
        try:
            for _, result in _pool(function, tasks, [position], 2):
                yield position, result
        except TerminatedWorkerError:
            yield position, died(*tasks[position])


def _pool(
    function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], which: list[int], n_jobs: int
) -> Iterator[tuple[int, Any]]:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    pool = Parallel(
        n_jobs=n_jobs, backend="loky", batch_size=1, pre_dispatch="2*n_jobs",
        return_as="generator_unordered",
    )  # fmt: skip
    try:
        yield from pool(delayed(_placed)(i, function, tasks[i]) for i in which)
    except BaseException:
        # Workers that go on after an interrupt would be nobody's children.
        get_reusable_executor().shutdown(wait=False, kill_workers=True)
        raise


def _placed(position: int, function: Callable[..., Any], task: tuple[Any, ...]) -> tuple[int, Any]:
    return position, function(*task)


def _died(
    scan: Scan, extractors: Mapping[str, Any], keys: Any, store: Any
) -> dict[str, Extraction | Rejected]:
    reason = "the process that measured it ended twice, for want of memory most likely"
    return {key: Rejected("E_WORKER_DIED", reason, lasting=False) for key in extractors}


def without_paths(text: str, files: Iterable[Path] = ()) -> str:
    """Return a message with every path cut down to its last part.

    `files` are known ones, whose folders are found even if their names hold spaces.

    >>> without_paths("cannot read /home/jane/sub-01_bold.nii.gz: truncated")
    'cannot read sub-01_bold.nii.gz: truncated'
    """
    for file in files:
        text = text.replace(f"{Path(file).parent}{os.sep}", "")
    return _A_PATH.sub(lambda m: re.split(r"[\\/]", m[0].rstrip("\\/"))[-1], text)


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


def _coverage(
    order: Iterable[tuple[str, str, str]],
    sessions: Mapping[tuple[str, str, str], Sequence[Extraction]],
    rows: pd.MultiIndex,
) -> pd.DataFrame | None:
    tables = [pd.DataFrame([run.coverage for run in sessions[i]]).mean() for i in order]
    if not any(len(t) for t in tables):
        return None
    coverage = pd.DataFrame(tables)
    coverage.index = rows
    return coverage.astype(np.float32)


__all__ = ["EnvironmentProblem", "Progress", "Rejected", "extract", "in_parallel", "without_paths"]
