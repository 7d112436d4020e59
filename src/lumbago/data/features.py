"""Features of one scan, and of many: names, values, and what was rejected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from lumbago.data import html

INDEX = ("cohort", "participant_id", "session")
REJECTED_COLUMNS = (*INDEX, "run", "feature", "code", "reason")
COVARIATE = "covariate:"
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def check_key(key: str) -> str:
    """Return a feature's key, or refuse one that would make feature names ambiguous."""
    if not _KEY.fullmatch(key):
        raise ValueError(
            f"feature name {key!r}: expected letters, digits, '_' or '-', a letter first"
        )
    return key


def region_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Return region names free of the marks that feature names use, and unique.

    >>> region_names(["L_IPlob", "L_IPlob.1", "a:b"])
    ('L_IPlob', 'L_IPlob_1', 'a_b')
    """
    clean = [re.sub(r"[:~.\s]+", "_", str(label)).strip("_") or "region" for label in labels]
    taken: dict[str, int] = {}
    names = []
    for name in clean:
        taken[name] = taken.get(name, 0) + 1
        names.append(name if taken[name] == 1 else f"{name}_{taken[name]}")
    if len(set(names)) < len(names):
        raise ValueError("region names stay ambiguous after ':', '~', '.' and spaces become '_'")
    return tuple(names)


def edge_names(labels: Sequence[str], diagonal: bool = False) -> list[str]:
    """Return ``a~b`` for the upper triangle, row by row, the order of ``vectorize``.

    >>> edge_names(["a", "b", "c"])
    ['a~b', 'a~c', 'b~c']
    """
    first = 0 if diagonal else 1
    return [f"{a}~{b}" for i, a in enumerate(labels) for b in labels[i + first :]]


@dataclass(frozen=True)
class Extraction:
    """What one extractor gives for one scan.

    Parameters
    ----------
    names : tuple of str
        Feature names without their key: ``.slow5:LH_Vis_1``, ``:a~b``.
    values : array of shape (n_features,), float32
        NaN where undefined.
    maps : mapping of str to Nifti1Image
        Voxel maps by name, NaN outside the mask.
    coverage : mapping of str to float
        Share of each region that holds data, in [0, 1]; empty where regions play no part.
    notes : tuple of str
        Warnings worth a line in the report, without participant or path.
    """

    names: tuple[str, ...]
    values: np.ndarray
    maps: Mapping[str, nib.Nifti1Image] = field(default_factory=dict)
    coverage: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def series(self, key: str) -> pd.Series:
        """Return the values under their full names, beginning with `key`."""
        return pd.Series(self.values, index=[key + name for name in self.names], dtype="float32")


@dataclass(frozen=True)
class FeatureTable:
    """Samples × named features of one extractor.

    Parameters
    ----------
    key : str
        The feature's name in the experiment; first part of every column.
    values : DataFrame, float32
        Index (cohort, participant_id, session), sorted; columns are full feature names.
    spec : mapping
        Canonical settings of the extractor.
    rejected : DataFrame
        Scans without this feature: cohort, participant_id, session, run, feature, code, reason.
    coverage : DataFrame or None
        Samples × regions, share of each region that holds data.
    notes : tuple of str
        Warnings gathered from the scans.
    """

    key: str
    values: pd.DataFrame
    spec: Mapping[str, Any]
    rejected: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(REJECTED_COLUMNS))
    )
    coverage: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        rejected = f", {len(self.rejected)} rejected" if len(self.rejected) else ""
        n, p = self.values.shape
        return f"FeatureTable({self.key}: {n} samples, {p} features{rejected})"

    def _repr_html_(self) -> str:
        """Counts and group summaries of each kind of column, for notebooks."""
        kinds = self.values.columns.map(lambda name: str(name).partition(":")[0])
        people = len({row[:2] for row in self.values.index})
        rows = []
        for kind in dict.fromkeys(kinds):
            of_kind = self.values.loc[:, kinds == kind].to_numpy(dtype=float)
            there = of_kind[np.isfinite(of_kind)]
            told = len(there) and people >= html.FEWEST
            mean, spread = (there.mean(), there.std()) if told else (np.nan, np.nan)
            missing = f"{100 * (1 - len(there) / max(1, of_kind.size)):.1f} %"
            rows.append([kind, of_kind.shape[1], float(mean), float(spread), missing])
        facts = (
            str(self.spec.get("kind", "")), html.count(people, "participant"),
            html.count(len(self), "sample"), html.count(self.values.shape[1], "feature"),
        )  # fmt: skip
        thin = 0 if self.coverage is None else int((self.coverage.median() < 0.5).sum())
        covered = f"{html.count(thin, 'region')} with data in less than half" if thin else ""
        head = ("columns", "n", "mean", "SD", "missing")
        return html.card(
            "FeatureTable", self.key, facts, html.table(head, rows, "kinds of columns"),
            html.line(covered), html.left_out(self.rejected, "rejected"), html.noted(self.notes),
        )  # fmt: skip
