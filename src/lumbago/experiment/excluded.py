"""Who is left out of a dataset, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from lumbago.data import Cohort, FeatureTable
from lumbago.data.features import REJECTED_COLUMNS


class Excluded:
    """Collects who is left out of a dataset."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, ...]] = []
        self.counts: dict[str, int] = {}

    def add(self, index: Iterable[Any], feature: str, code: str, reason: str) -> None:
        """Leave sessions out for one reason."""
        rows = [(*i, "", feature, code, reason) for i in index]
        self.rows += rows
        if rows:
            self.counts[reason] = self.counts.get(reason, 0) + len(rows)

    def table(self) -> pd.DataFrame:
        """Return one row per exclusion."""
        return pd.DataFrame(self.rows, columns=list(REJECTED_COLUMNS))

    def notes(self) -> list[str]:
        """Say of every reason how many sessions it cost."""
        return [
            f"{n} {'session is' if n == 1 else 'sessions are'} left out: {reason}"
            for reason, n in self.counts.items()
        ]

    def summary(self, features: Iterable[FeatureTable]) -> str:
        """Say what kept all samples out, scans that gave no feature included."""
        counts = [f"{n} × {reason}" for reason, n in self.counts.items()]
        for feature in features:
            for (code, reason), rows in feature.rejected.groupby(["code", "reason"]):
                counts.append(f"{len(rows)} × {feature.key} {code}: {reason}")
        return "; ".join(counts[:8]) if counts else "its table has no sessions"


def counted_reasons(cohorts: Mapping[str, Cohort]) -> pd.DataFrame:
    """Count who the cohorts themselves leave out: cohort, code, reason, n."""
    tables = [c.excluded for c in cohorts.values() if len(c.excluded)]
    if not tables:
        return pd.DataFrame(columns=["cohort", "code", "reason", "n"])
    rows = pd.concat(tables, ignore_index=True)[list(REJECTED_COLUMNS)]
    counted = rows.groupby(["cohort", "code", "reason"], sort=True).size()
    return counted.rename("n").reset_index()
