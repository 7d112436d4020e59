"""Which numbers lead the report, and the sentences around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target
from lumbago.evaluation.audit import FAILED
from lumbago.evaluation.compare import BASELINE, BASELINES, LEFT_OUT, gaps
from lumbago.evaluation.metrics import METRICS, Metric
from lumbago.evaluation.outcomes import CELL
from lumbago.report.words import (
    cell_words,
    count,
    listed,
    number,
    p_words,
    scheme_words,
    span,
)

# From the least to the most demanding: the headline comes from the last that ran.
DEMANDS = ("within_cohort", "leave_one_site_out", "leave_one_cohort_out")
PREFERRED = {
    "binary": ("roc_auc", "balanced_accuracy", "accuracy"),
    "multiclass": ("balanced_accuracy", "accuracy"),
    "continuous": ("r", "r2", "mae"),
}


MIXED = (
    "A correlation over all left-out parts mixes models whose training means are lower where the "
    "left-out values are higher, so a model that knows nothing lies below zero, not at it; read "
    "it beside its permutations and part by part."
)


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
        there = dict.fromkeys(self.scores["scheme"])
        return sorted(there, key=lambda s: (rank.get(s, len(rank)), s))

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
        where = self.scores[["features", "model", "scheme", "metric", "scope"]]
        found = self.scores[(where == [features, model, scheme, metric, scope]).all(axis=1)]
        return _row(found.iloc[0]) if len(found) else None

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

    def headline(self) -> list[str]:
        """Return the main finding in sentences that claim no more than the numbers do."""
        return [_unbroken(sentence) for sentence in [*self._alarm(), *self._finding()]]

    def _alarm(self) -> list[str]:
        failed = self.audit[self.audit["verdict"] == FAILED] if len(self.audit) else self.audit
        if failed.empty:
            return []
        cells = {
            self.name(*c) for c in failed[["features", "model"]].itertuples(index=False, name=None)
        }
        return [
            f"A check against leakage failed for {listed(sorted(cells))}: "
            "these scores must not be trusted."
        ]

    def _finding(self) -> list[str]:
        best, metric = self.best, self.metric
        if best is None:
            return [f"No cell of the experiment has a {metric.label}."]
        n = len(self.cells(reference=False))
        cell = self.name(best["features"], best["model"])
        of = (
            f"the best of {n} combinations of features and model"
            if n > 1
            else "the only combination"
        )
        scheme = scheme_words(best["scheme"])
        interval = span(best["ci_low"], best["ci_high"])
        with_interval = f" (95 % interval {interval})" if interval else ""
        lead = (
            f"{scheme}: {cell}, {of}, reaches {metric.label} "
            f"{number(best['score'])}{with_interval} in {count(int(best['n']), 'participant')}."
        )
        sentences = [lead]
        beside = [f"{name.lower()} {value}" for name, value in self.references_of(best["scheme"])]
        if metric.chance is not None and not self.mixed:
            beside.insert(0, f"a model that knows nothing {number(metric.chance)}")
        if beside:
            sentences.append("Beside it: " + "; ".join(beside) + ".")
        if verdict := self._against_chance(best):
            sentences.append(verdict)
        sentences += self._gap_sentences(best)
        if self.mixed:
            sentences.append(MIXED)
        if n > 1:
            sentences.append(
                f"A score picked as the best of {n} is higher than it would be in new people; "
                "all of them are shown below."
            )
        return sentences

    def _against_chance(self, best: Mapping[str, Any]) -> str:
        words = []
        if self.metric.chance is not None and np.isfinite(best["ci_low"]) and not self.mixed:
            above, below = best["ci_low"] > self.metric.chance, best["ci_high"] < self.metric.chance
            lies = "lies above" if above else "lies below" if below else "does not exclude"
            words.append(f"Its interval {lies} {number(self.metric.chance)} ({best['interval']})")
        if np.isfinite(best["p"]):
            words.append(
                f"against permuted labels {p_words(best['p'], int(best['n_permutations']))}, "
                "not corrected for the number of combinations"
            )
        return "; ".join(words) + "." if words else ""

    def _gap_sentences(self, best: Mapping[str, Any]) -> list[str]:
        mine = self.gaps[
            (self.gaps["features"] == best["features"]) & (self.gaps["model"] == best["model"])
        ]
        return list(mine["words"])

    def facts(self) -> list[tuple[str, str, str]]:
        """Return the few numbers for the head of the page: value, what, detail."""
        best = self.best
        if best is None:
            return []
        scheme = best["scheme"]
        interval = span(best["ci_low"], best["ci_high"])
        facts = [
            (number(best["score"]), self.metric.label,
             f"{self.name(best['features'], best['model'])}, "
             f"{scheme_words(scheme).lower()}" + (f"; 95 % {interval}" if interval else "")),
        ]  # fmt: skip
        rivals = [
            (row["score"], self.name(*cell))
            for cell in self.cells(reference=True)
            if (row := self.row(*cell, scheme, self.metric.name)) and np.isfinite(row["score"])
        ]
        if rivals:
            pick = max if self.metric.higher_is_better else min
            value, name = pick(rivals)
            facts.append((number(value), "Best reference", f"{name.lower()}, sees no image"))
        gap = self.gaps[
            (self.gaps["features"] == best["features"]) & (self.gaps["model"] == best["model"])
        ].dropna(subset="gap")
        for row in gap.to_dict("records"):
            between = span(row["ci_low"], row["ci_high"])
            facts.append(
                (number(row["gap"]), f"Lost on a new {row['left_out']}",
                 "cross-validation minus leaving out" + (f"; 95 % {between}" if between else ""))
            )  # fmt: skip
        if np.isfinite(best["p"]):
            facts.append(
                (
                    f"{best['p']:.4f}",
                    "Permutation p",
                    f"{int(best['n_permutations']):,} permutations",
                )
            )
        return facts

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
            return f"{scheme_words(scheme)} ({count(len(splits), 'part')})"
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


def _unbroken(text: str) -> str:
    """Keep a number and its sign together at the end of a line."""
    return text.replace(" %", "\u00a0%").replace("p = ", "p\u00a0=\u00a0")


def scopes_of(scores: pd.DataFrame, kinds: Sequence[str] = ("cohort", "site")) -> list[str]:
    """Return the parts of the sample that have scores of their own."""
    return [s for s in dict.fromkeys(scores["scope"]) if s.split(":", 1)[0] in kinds and ":" in s]
