"""Which numbers lead the report: cells, references, schemes, gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target
from lumbago.evaluation.compare import BASELINE, BASELINES, LEFT_OUT, gaps
from lumbago.evaluation.metrics import METRICS, Metric
from lumbago.evaluation.outcomes import CELL
from lumbago.evaluation.splits import kind_of, on_curve, worth_auditing
from lumbago.report.words import (
    cell_words,
    count,
    number,
    scheme_words,
)

# From the least to the most demanding: the headline comes from the last that ran. A transfer
# asks most, but its pooled score mixes models of single cohorts; it leads where it is alone.
DEMANDS = ("within_cohort", "leave_one_site_out", "transfer", "leave_one_cohort_out", "locked")
PREFERRED = {
    "binary": ("roc_auc", "balanced_accuracy", "accuracy"),
    "multiclass": ("balanced_accuracy", "accuracy"),
    "continuous": ("r", "r2", "mae"),
}


@dataclass(frozen=True, eq=False)
class Story:
    """The run's scores, and what stands out in them.

    Parameters
    ----------
    run : mapping
        ``run.json``, scrubbed.
    target : Target
        What was predicted.
    scores, predictions, audit : DataFrame
        Tables of the run folder.
    """

    run: Mapping[str, Any]
    target: Target
    scores: pd.DataFrame
    predictions: pd.DataFrame
    audit: pd.DataFrame

    @cached_property
    def metrics(self) -> list[Metric]:
        """Metrics of the scores table, the leading one first."""
        there = list(dict.fromkeys(self.scores["metric"]))
        wanted = self.run.get("experiment", {}).get("evaluation", {}).get("metrics") or ()
        order = [*wanted, *PREFERRED[self.target.kind], *there]
        return [METRICS[m] for m in dict.fromkeys(order) if m in there]

    @property
    def metric(self) -> Metric:
        """The leading metric."""
        return self.metrics[0]

    @cached_property
    def schemes(self) -> list[str]:
        """Schemes that ran, from the least to the most demanding."""
        rank = {scheme: i for i, scheme in enumerate(DEMANDS)}
        there = list(dict.fromkeys(self.scores["scheme"]))
        # A curve has a section of its own; its end stands in where nothing else ran.
        there = [s for s in there if not on_curve(s)] or [s for s in there if worth_auditing(s)]
        return sorted(there, key=lambda s: (rank.get(kind_of(s), -1), s))

    def name(self, features: str, model: str) -> str:
        """Return a cell's name for people."""
        return cell_words(features, model, continuous=self.target.kind == "continuous")

    def is_reference(self, features: str, model: str) -> bool:
        """Tell whether a cell is there to compare with: it sees no image."""
        if features == BASELINE:
            return True
        spec = self.run.get("experiment", {}).get("models", {}).get(model, {})
        own = spec.get("features") or ()
        own = [own] if isinstance(own, str) else own
        covariates = bool(own) and all(str(f).startswith("covariate:") for f in own)
        return spec.get("kind") == "dummy" or covariates

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """Pooled scores, with a column `reference`."""
        table = self.scores[self.scores["scope"] == "pooled"].copy()
        table["reference"] = [
            self.is_reference(f, m)
            for f, m in table[["features", "model"]].itertuples(index=False, name=None)
        ]
        return table

    def cells(self, *, reference: bool) -> list[tuple[str, str]]:
        """Return (features, model) of the experiment's own cells, or of the references."""
        rows = self.pooled[self.pooled["reference"] == reference]
        cells = list(dict.fromkeys(rows[["features", "model"]].itertuples(index=False, name=None)))
        rank = {name: i for i, name in enumerate(BASELINES)}
        return sorted(cells, key=lambda c: (rank.get(c[1], len(rank)), c)) if reference else cells

    def row(
        self, features: str, model: str, scheme: str, metric: str, scope: str = "pooled"
    ) -> dict[str, Any] | None:
        """Return one row of the scores table."""
        return self._rows.get((features, model, scheme, metric, scope))

    @cached_property
    def _rows(self) -> dict[tuple[Any, ...], dict[str, Any]]:
        keys = ["features", "model", "scheme", "metric", "scope"]
        records = self.scores.to_dict("records")
        return {tuple(row[k] for k in keys): {str(k): v for k, v in row.items()} for row in records}

    def best_of(self, scheme: str) -> dict[str, Any] | None:
        """Return the best row of the leading metric under one scheme."""
        rows = self.pooled[
            (self.pooled["scheme"] == scheme)
            & (self.pooled["metric"] == self.metric.name)
            & ~self.pooled["reference"]
        ].dropna(subset="score")
        if rows.empty:
            return None
        score = rows["score"].to_numpy(dtype=float)
        return _row(
            rows.iloc[int(score.argmax() if self.metric.higher_is_better else score.argmin())]
        )

    @property
    def mixed(self) -> bool:
        """Whether the leading score correlates predictions of models that differ in their mean."""
        return (
            self.metric.name == "r" and self.best is not None and (self.best["scheme"] in LEFT_OUT)
        )

    @cached_property
    def flat(self) -> bool:
        """Whether some interval has no width."""
        return bool((self.scores["ci_low"] == self.scores["ci_high"]).any())

    @cached_property
    def best(self) -> dict[str, Any] | None:
        """The best cell under the most demanding scheme that has a score."""
        for scheme in reversed(self.schemes):
            if row := self.best_of(scheme):
                return row
        return None

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """Pooled-versus-left-out gaps of the leading metric."""
        missing = {
            scheme: reason
            for scheme, reason in self.not_available.items()
            if scheme in ("within_cohort", *DEMANDS)
        }
        table = gaps(
            self.predictions,
            self.target,
            seed=int(self.run["seed"]),
            metrics=[self.metric.name],
            not_available=missing,
        )
        own = [
            not self.is_reference(f, m)
            for f, m in table[["features", "model"]].itertuples(index=False, name=None)
        ]
        return table[np.array(own, dtype=bool)].reset_index(drop=True)

    @property
    def not_available(self) -> Mapping[str, str]:
        """Baselines and schemes that could not run, and why."""
        return self.run.get("baselines_missing", {}) | self.run.get("not_available", {})

    def references_of(self, scheme: str) -> list[tuple[str, str]]:
        """Return each reference's name and score (or why it has none) under a scheme."""
        found = []
        for features, model in self.cells(reference=True):
            row = self.row(features, model, scheme, self.metric.name)
            if row is None:
                continue
            value = (
                number(row["score"])
                if np.isfinite(row["score"])
                else f"(no score: {row['reason']})"
            )
            found.append((self.name(features, model), value))
        for name in BASELINES:
            if name in self.not_available:
                reason = self.not_available[name]
                found.append((self.name(BASELINE, name), f"(not available: {reason})"))
        return found

    def same(self, table: pd.DataFrame, row: Mapping[str, Any]) -> pd.DataFrame:
        """Return the rows of a table that belong to the cell of a score."""
        if table.empty:
            return table
        return table[(table[list(CELL)] == [row[c] for c in CELL]).all(axis=1)]

    def scheme_in_words(self, scheme: str) -> str:
        """Return a scheme's name with its folds, repeats or left-out parts."""
        mine = self.predictions[self.predictions["scheme"] == scheme]
        splits = sorted(set(mine["split"].fillna("").astype(str)) - {""})
        if splits:
            what = "pair" if scheme == "transfer" else "part"
            return f"{scheme_words(scheme)} ({count(len(splits), what)})"
        folds, repeats = len(set(mine["fold"])), len(set(mine["repeat"]))
        return f"{scheme_words(scheme)} ({count(repeats, 'repeat')} of {count(folds, 'fold')})"

    def classes_in_words(self) -> str:
        """Say what is told apart or predicted."""
        if self.target.kind == "continuous":
            return f"{self.target.name}, a continuous measure"
        positive = f" (positive: {self.target.positive})" if self.target.positive else ""
        return f"{self.target.name}, {' or '.join(self.target.classes)}{positive}"


def _row(row: pd.Series) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def scopes_of(scores: pd.DataFrame, kinds: Sequence[str] = ("cohort", "site")) -> list[str]:
    """Return the parts of the sample that have scores of their own."""
    return [s for s in dict.fromkeys(scores["scope"]) if s.split(":", 1)[0] in kinds and ":" in s]
