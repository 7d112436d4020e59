"""How far the hubs of a person's network are not those of a reference group."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from lumbago.models.columns import Columns, Step
from lumbago.spec import Spec

FEWEST_REGIONS = 3
FEWEST_PEOPLE = 3


class HubDisruption(Spec):
    """Put one number in the place of a measure of every region: how its hubs are reorganized.

    The number is the slope of (person minus reference mean) on the reference mean, over regions:
    0 where the regions rank as they do in the reference group, -1 where their differences
    are gone, below where hubs became the opposite. The reference is the training fold's
    own. It reads measures in their own unit: put it before `scale`.
    """

    short: ClassVar[str] = "columns"
    references: ClassVar[tuple[str, ...]] = ("achard2012",)

    kind: Literal["hub_disruption"] = "hub_disruption"
    columns: str = "*.auc:*"
    """Columns that are replaced, ``*`` stands for anything; those that differ only in their
    region make one number, named ``<measure>.hub_disruption``. Others stay."""
    reference: Literal["negative", "all"] = "negative"
    """Who is the reference: the training rows of the class that is not the positive one, or
    every training row, which numbers as target need."""

    def build(self, columns: Any, seed: int) -> HubDisruptor:
        """Return the step, unfitted."""
        return HubDisruptor(columns=self.columns, reference=self.reference)


class HubDisruptor(Step):
    """Replace columns of regions by their hub disruption index.

    A row that is of the reference itself is compared with the mean of the others: compared with
    a mean that it is part of, it would come out nearer to zero than an equal row of
    the test fold, and the reference group nearer than the others though nothing differs.

    Missing values are skipped, region by region; a row that has fewer than three regions in
    common with the reference is NaN. Covariates pass through. All columns of an array are the
    regions of one measure.

    Parameters
    ----------
    columns : str
        Pattern of the columns that are replaced.
    reference : {"negative", "all"}

    Attributes
    ----------
    measures_ : list of (str, array of int)
        Name of each index, and the positions of its columns.
    sum_, count_ : array of shape (n_features,), float64
        Sum of the reference rows, and how many have a value.
    members_ : array of shape (n_reference, 2), uint64
        Digests of the reference rows, by which they are known again.

    References
    ----------
    .. [1] Achard et al. (2012). Hubs of brain functional networks are radically reorganized in
       comatose patients. PNAS 109, 20608-20613. doi:10.1073/pnas.1208933109
    """

    takes_missing = True

    def __init__(self, columns: str = "*.auc:*", reference: str = "negative") -> None:
        self.columns = columns
        self.reference = reference

    @property
    def reads_y(self) -> bool:  # type: ignore[override]
        """Whether the labels of the training rows say who is the reference."""
        return self.reference == "negative"

    def fit(self, X: Any, y: Any = None) -> HubDisruptor:
        """Learn the reference group's mean of every region.

        Raises
        ------
        ValueError
            If no column fits, or fewer than three training rows are of the reference.
        """
        parts = self._open(X)
        self.measures_ = _measures(parts, self.columns)
        taken = parts.values[self._of_reference(len(parts.values), y)]
        if len(taken) < FEWEST_PEOPLE:
            raise ValueError(
                f"hub_disruption: {len(taken)} training rows (n_samples = {len(parts.values)}) "
                f"are of the reference group, at least {FEWEST_PEOPLE} are needed"
            )
        present = np.isfinite(taken)
        self.count_ = present.sum(axis=0).astype(np.float64)
        self.sum_ = np.where(present, taken, 0).sum(axis=0, dtype=np.float64)
        self.members_ = _digests(taken)
        return self

    def transform(self, X: Any) -> Any:
        """Replace the columns of any rows by what training taught."""
        parts = self._reopen(X)
        values = parts.values.astype(np.float64)
        known = set(map(tuple, self.members_.tolist()))
        own = np.array([tuple(d) in known for d in _digests(parts.values).tolist()], dtype=bool)
        present = np.isfinite(values)
        # One row is taken out of the reference once, however often it is in it.
        count = self.count_ - (own[:, None] & present)
        total = self.sum_ - np.where(own[:, None] & present, values, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            reference = np.where(count > 0, total / count, np.nan)
        used = np.zeros(values.shape[1], dtype=bool)
        found = []
        for _, at in self.measures_:
            used[at] = True
            found.append(slopes(values[:, at], reference[:, at]))
        made = np.column_stack(found).astype(parts.values.dtype)
        whole = np.concatenate([parts.values[:, ~used], made], axis=1)
        if parts.names is None:
            return whole
        names = [*parts.names[~used], *(name for name, _ in self.measures_)]
        return parts.with_values(whole, pd.Index(names, dtype=object))

    def _of_reference(self, n: int, y: Any) -> np.ndarray:
        if self.reference == "all":
            return np.ones(n, dtype=bool)
        if y is None:
            raise ValueError("hub_disruption: reference 'negative' needs labels; take 'all'")
        labels = np.asarray(y)
        classes = np.unique(labels)
        if len(classes) != 2:
            raise ValueError(
                f"hub_disruption: reference 'negative' needs two classes, got {len(classes)}; "
                "take reference: all"
            )
        return np.asarray(labels == classes[0])


def slopes(rows: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Slopes of (row minus reference) on the reference, by least squares over regions.

    Parameters
    ----------
    rows, reference : arrays of shape (n_rows, n_regions)

    Returns
    -------
    array of shape (n_rows,), dimensionless
        NaN where fewer than three regions are finite in both, or the reference is constant.
    """
    both = np.isfinite(rows) & np.isfinite(reference)
    n = both.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.where(both, reference, 0).sum(axis=1) / n
        off = np.where(both, reference - centre[:, None], 0)
        spread = (off**2).sum(axis=1)
        slope = (off * np.where(both, rows - reference, 0)).sum(axis=1) / spread
    # A constant has the spread of its rounding errors, not exactly zero.
    flat = spread <= n * (np.abs(centre) * 1e-12) ** 2
    return np.where((n < FEWEST_REGIONS) | flat, np.nan, slope)


def _measures(parts: Columns, pattern: str) -> list[tuple[str, np.ndarray]]:
    if parts.names is None:
        return [("hub_disruption", np.arange(parts.values.shape[1]))]
    found: dict[str, list[int]] = {}
    for i, name in enumerate(map(str, parts.names)):
        measure, mark, _ = name.partition(":")
        if mark and fnmatchcase(name, pattern):
            found.setdefault(f"{measure}.hub_disruption", []).append(i)
    if not found:
        raise ValueError(
            f"hub_disruption: none of {len(parts.names)} features fits {pattern!r}; it reads one "
            "value per region, such as graph.degree.auc:<region> of kind network"
        )
    return [(name, np.array(at)) for name, at in found.items()]


def _digests(rows: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return 128 bits of each row, by which equal rows are known and nothing else."""
    found = [sha256(np.ascontiguousarray(row).tobytes()).digest()[:16] for row in rows]
    return np.frombuffer(b"".join(found), dtype="<u8").reshape(-1, 2).astype(np.uint64)
