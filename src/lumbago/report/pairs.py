"""The leading combination against each other one, on the same people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lumbago.evaluation.versus import BOOTSTRAP, compare_models
from lumbago.report.story import Story
from lumbago.report.tables import SMALL, Table
from lumbago.report.words import MISSING, number, p_value, span

MOST = 8
"""Own combinations that the leader is compared with; references are all compared."""


def section(story: Story) -> dict[str, Any] | None:
    """Return the comparisons of the leading combination, None where it stands alone.

    Rivals are the best of the experiment's own combinations, then every reference.
    """
    best = story.best
    if best is None:
        return None
    scheme, leader = best["scheme"], (best["features"], best["model"])
    rivals = _ranked(story, scheme, leader)
    if not rivals:
        return None
    found = compare_models(
        story.predictions, story.target, [(leader, rival) for rival in rivals], scheme,
        seed=int(story.run["seed"]), metrics=_metrics(story),
    )  # fmt: skip
    pooled = found[(found["scope"] == "pooled") & (found["metric"] == story.metric.name)]
    rows = [
        [_name(story, row), number(row["score_other"]), *_told(row)]
        for row in pooled.to_dict("records")
    ]
    head = [
        f"{story.name(*leader)} against", f"Its {story.metric.label}",
        "Difference (95 % interval)", "p", "Test",
    ]  # fmt: skip
    return {
        "name": story.name(*leader),
        "table": Table(head, rows, words=frozenset({0, 4})),
        "parts": _parts(story, found, rivals[0]),
        "rival": story.name(*rivals[0]),
    }


def _metrics(story: Story) -> list[str]:
    tested = ["roc_auc", "accuracy"] if story.target.kind == "binary" else []
    return list(dict.fromkeys([story.metric.name, *tested]))


def _ranked(story: Story, scheme: str, leader: tuple[str, str]) -> list[tuple[str, str]]:
    sign = 1 if story.metric.higher_is_better else -1

    def scored(reference: bool) -> list[tuple[float, tuple[str, str]]]:
        found = []
        for cell in story.cells(reference=reference):
            row = story.row(*cell, scheme, story.metric.name)
            if cell != leader and row and np.isfinite(row["score"]):
                found.append((-sign * float(row["score"]), cell))
        return found

    own = [cell for _, cell in sorted(scored(False))[:MOST]]
    return [*own, *(cell for _, cell in scored(True))]


def _name(story: Story, row: Mapping[Any, Any]) -> str:
    return story.name(str(row["features_other"]), str(row["model_other"]))


def _told(row: Mapping[Any, Any]) -> list[str]:
    if not np.isfinite(row["difference"]):
        return [row["reason"] or MISSING, MISSING, MISSING]
    interval = span(row["ci_low"], row["ci_high"])
    difference = number(row["difference"]) + (f"\n{interval}" if interval else "")
    p = p_value(row["p"]) if np.isfinite(row["p"]) else MISSING
    return [difference, p, row["method"] or row["reason"]]


def _parts(story: Story, found: pd.DataFrame, rival: tuple[str, str]) -> Table | None:
    """Return the tests on single left-out parts against the strongest rival."""
    mine = found[
        (found["features_other"] == rival[0])
        & (found["model_other"] == rival[1])
        & (found["method"] != BOOTSTRAP)
        & found["scope"].str.startswith("part:")
        & (found["n"] >= 2 * SMALL)
    ]
    if mine.empty:
        return None
    labels = {m.name: m.label for m in story.metrics}
    rows = [
        [row["scope"].removeprefix("part:"), f"{row['n']:,}",
         labels.get(row["metric"], row["metric"]), number(row["score"]),
         number(row["score_other"]), *_told(row)]
        for row in mine.to_dict("records")
    ]  # fmt: skip
    head = ["Left out", "Participants", "Score", "Leading", "Other",
            "Difference (95 % interval)", "p", "Test"]  # fmt: skip
    return Table(head, rows, words=frozenset({0, 2, 7}))
