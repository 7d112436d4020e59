"""Scans of one feature put together as a table: one row per session, its runs averaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Extraction, FeatureTable, Scan
from lumbago.data.features import INDEX, REJECTED_COLUMNS
from lumbago.extraction.kept import Rejected, public_spec


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
        Correlations are averaged as Fisher z, which is not pulled towards zero; runs that hold
        values beyond 1, such as counts of streamlines, are no correlations and averaged as they
        are.
    """
    present = ~np.isnan(runs)
    if how == "fisher_z" and (np.abs(runs[present]) > 1 + 1e-6).any():
        how = "mean"
    n = present.sum(axis=0)
    with np.errstate(all="ignore"):
        z = np.arctanh(runs) if how == "fisher_z" else runs
        mean = np.where(present, z, 0.0).sum(axis=0) / n
        back = np.tanh(mean) if how == "fisher_z" else mean
    return np.where(n > 0, back, np.nan)


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
