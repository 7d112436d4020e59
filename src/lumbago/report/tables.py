"""Tables of the report; small cells that could identify a person are not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target
from lumbago.evaluation.baselines import BASELINES
from lumbago.evaluation.metrics import Metric
from lumbago.report.story import Story, scopes_of
from lumbago.report.words import MISSING, Scrubber, number, p_value, scheme_words, span

SMALL = 5
HIDDEN = f"< {SMALL}"
KEYS = ("cohort", "participant_id", "session", "site", "target", "group")
_LABELS = {
    "age": "Age, years", "mean_fd": "Mean FD, mm", "minutes_kept": "Minutes kept",
    "n_volumes_kept": "Volumes kept", "n_volumes": "Volumes", "sex": "Sex", "gender": "Gender",
    "bmi": "BMI, kg/m²", "dof_left": "Degrees of freedom left",
}  # fmt: skip
_LENGTHS = ("minutes_kept", "n_volumes_kept", "n_volumes")
_FIRST = ("age", "sex", "gender", "mean_fd", *_LENGTHS, "dof_left")


@dataclass(frozen=True)
class Table:
    """A table of words: the first column heads each row, numbers are aligned right.

    What follows a line break in a cell is an interval, set smaller below its number.
    """

    head: list[str]
    rows: list[list[str]]
    note: str = ""
    words: frozenset[int] = field(default_factory=lambda: frozenset({0}))
    """Columns that hold words."""
    strong: frozenset[int] = frozenset()
    """Rows that stand out."""


def people(participants: pd.DataFrame, target: Target) -> Table:
    """Describe who was analysed, by cohort and class: n, age, sex, motion.

    Means and standard deviations are of one row per participant (the first session). Cells
    of fewer than five people are hidden, and so is what would let them be worked out.
    """
    columns = described(participants)
    first = participants.drop_duplicates(["cohort", "participant_id"])
    several = len(first) < len(participants)
    continuous = target.kind == "continuous"
    head = ["Cohort", *([] if continuous else ["Group"]), "Participants"]
    head += ["Sessions"] if several else []
    head += [f"{target.name}, mean (SD)"] if continuous else []
    head += [_LABELS.get(c, c) + (" (SD)" if _numeric(first[c]) else "") for c in columns]
    rows = []
    for cohort in sorted(first["cohort"].unique()):
        parts = [None] if continuous else list(target.classes)
        for part in parts:
            inside = first["cohort"] == cohort
            of_all = participants["cohort"] == cohort
            if part is not None:
                inside &= first["target"].astype(str) == part
                of_all &= participants["target"].astype(str) == part
            mine = first[inside]
            small = 0 < len(mine) < SMALL
            row = [str(cohort), *([] if part is None else [part])]
            row.append(HIDDEN if small else f"{len(mine):,}")
            row += [MISSING if small else f"{int(of_all.sum()):,}"] if several else []
            row += [_mean(mine["target"].astype(float))] if continuous else []
            row += [MISSING if small else describe(mine[c]) for c in columns]
            rows.append(row)
    note = (
        f"Cells of fewer than {SMALL} people are not shown. FD: framewise displacement."
        if "mean_fd" in columns
        else f"Cells of fewer than {SMALL} people are not shown."
    )
    if several:
        note += " Values are those of each person's first session."
    return Table(head, rows, note, frozenset({0} if continuous else {0, 1}))


def described(participants: pd.DataFrame) -> list[str]:
    """Return the columns worth describing, age, sex and motion first."""
    usable = [
        c for c in participants.columns
        if c not in KEYS and participants[c].notna().any()
        and (_numeric(participants[c]) or participants[c].nunique() <= 6)
    ]  # fmt: skip
    # Three ways to say how much of a scan was left are two too many.
    length = next((c for c in _LENGTHS if c in usable), None)
    usable = [c for c in usable if c == length or c not in _LENGTHS]
    first = [c for c in _FIRST if c in usable]
    return [*first, *(c for c in usable if c not in first)][:6]


def _numeric(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column))


def describe(column: pd.Series) -> str:
    """Describe one column of one group: mean (SD), or counts; hidden where too few have it.

    One hidden count among shown ones could be worked out from the total, so counts are
    hidden together.
    """
    there = column.dropna()
    if not len(there):
        return MISSING
    if _numeric(column):
        return _mean(there)
    counts = there.astype(str).value_counts().sort_index()
    if (counts < SMALL).any() and len(counts) > 1:
        return "not shown"
    return " / ".join(f"{name} {n}" for name, n in counts.items())


def _mean(values: pd.Series) -> str:
    values = values.dropna()
    if len(values) < SMALL:
        return HIDDEN if len(values) else MISSING
    size = abs(float(values.mean()))
    digits = 2 if size < 1 else 1
    return f"{number(values.mean(), digits)} ({number(values.std(), digits)})"


def sites(participants: pd.DataFrame, target: Target) -> Table | None:
    """Count participants by site and class, where there is more than one site."""
    first = participants.drop_duplicates(["cohort", "participant_id"])
    places = list(dict.fromkeys(zip(first["cohort"], first["site"].fillna(""), strict=True)))
    if len(places) < 2:
        return None
    several = len(set(first["cohort"])) > 1
    classes = [] if target.kind == "continuous" else list(target.classes)
    head = ["Cohort", "Site"] if several else ["Site"]
    head += classes or ["Participants", f"{target.name}, mean (SD)"]
    rows = []
    for cohort, site in sorted(places):
        mine = first[(first["cohort"] == cohort) & (first["site"].fillna("") == site)]
        row = [str(cohort), str(site)] if several else [str(site)]
        if classes:
            row += [shown(int((mine["target"].astype(str) == c).sum())) for c in classes]
        else:
            row += [shown(len(mine)), _mean(mine["target"].astype(float))]
        rows.append(row)
    words = 2 if several else 1
    for column in range(words, words + max(len(classes), 1)):
        _hide_second(rows, column)
    return Table(head, rows, "", frozenset(range(words)))


def _hide_second(rows: list[list[str]], column: int) -> None:
    """Hide the next smallest count too: one hidden alone follows from the column's total."""
    hidden = [row for row in rows if row[column] == HIDDEN]
    counts = [(int(row[column].replace(",", "")), i) for i, row in enumerate(rows)
              if row[column] not in (HIDDEN, "0")]  # fmt: skip
    if len(hidden) == 1 and counts:
        rows[min(counts)[1]][column] = "not shown"


def shown(n: int) -> str:
    """Return a count of people, hidden where it is small."""
    return HIDDEN if 0 < n < SMALL else f"{n:,}"


def excluded(exclusions: pd.DataFrame, scrubber: Scrubber) -> Table | None:
    """Count what was left out by cohort, stage and reason; nobody is named."""
    if exclusions.empty:
        return None
    table = exclusions.assign(
        stage=[
            _stage(str(code), feature if isinstance(feature, str) else "")
            for code, feature in exclusions[["code", "feature"]].itertuples(index=False, name=None)
        ],
        reason=[scrubber.text(str(r)) for r in exclusions["reason"]],
    )
    rows = []
    for (cohort, stage, code), part in table.groupby(["cohort", "stage", "code"], sort=True):
        reasons = part["reason"].value_counts()
        example = sorted(reasons.index[reasons == reasons.iloc[0]])[0]
        more = f" (and {len(reasons) - 1} like it)" if len(reasons) > 1 else ""
        n = part["participant_id"].nunique()
        rows.append([str(cohort), stage, str(code), example + more, f"{n}", f"{len(part)}"])
    head = ["Cohort", "Stage", "Code", "Reason", "Participants", "Scans or rows"]
    return Table(head, rows, "", frozenset({0, 1, 2, 3}))


def _stage(code: str, feature: str) -> str:
    if feature:
        return f"measuring {feature}"
    return "target" if code == "E_WHERE" or code.startswith("E_TARGET") else "before measuring"


def score_rows(story: Story, scheme: str, metrics: Sequence[Metric]) -> Table:
    """Return every cell's pooled scores under one scheme, references below."""
    cells = [*story.cells(reference=False), *story.cells(reference=True)]
    rows: list[list[str]] = []
    strong: set[int] = set()
    permuted = bool((story.pooled["n_permutations"] > 0).any())
    for features, model in cells:
        found = [story.row(features, model, scheme, m.name) for m in metrics]
        if not any(found):
            continue
        best = story.best_of(scheme)
        if best and (best["features"], best["model"]) == (features, model):
            strong.add(len(rows))
        rows.append([story.name(features, model), *map(_score, found)])
        if permuted:
            first = found[0] or {}
            p, corrected = (first.get(c, float("nan")) for c in ("p", "p_corrected"))
            below = f"\n{p_value(corrected)} on the grid" if np.isfinite(corrected) else ""
            rows[-1].append(p_value(p) + below if np.isfinite(p) else MISSING)
    head = ["Features · model", *(m.label for m in metrics)]
    if permuted:
        head.append(f"p ({metrics[0].label})")
    for name, reason in story.not_available.items():
        if name in BASELINES:
            label = story.name("baseline", name)
            rows.append([label, f"not available: {reason}"] + [""] * (len(head) - 2))
    return Table(head, rows, strong=frozenset(strong))


def _score(row: dict[str, Any] | None) -> str:
    if row is None:
        return MISSING
    if not np.isfinite(row["score"]):
        return row["reason"] or MISSING
    interval = span(row["ci_low"], row["ci_high"])
    return number(row["score"]) + (f"\n{interval}" if interval else "")


def parts(story: Story, features: str, model: str) -> Table | None:
    """Return the leading score of one cell by cohort and site, under every scheme."""
    names = scopes_of(story.scores)
    if not names:
        return None
    rows = []
    for scope in ["pooled", *names]:
        found = [
            story.row(features, model, scheme, story.metric.name, scope) for scheme in story.schemes
        ]
        there = next((row for row in found if row), None)
        if there is None:
            continue
        kind, _, name = scope.partition(":")
        row = ["All" if scope == "pooled" else f"{kind} {name}", shown(int(there["n"]))]
        if story.target.kind == "binary":
            n, positive = int(there["n"]), int(there["n_positive"])
            small = 0 < positive < SMALL or 0 < n - positive < SMALL
            row.append(HIDDEN if 0 < positive < SMALL else MISSING if small else f"{positive:,}")
        rows.append(row + [_score(r) for r in found])
    head = ["Part of the sample", "Participants"]
    if story.target.kind == "binary":
        head.append(str(story.target.positive))
    head += [f"{story.metric.label}: {scheme_words(s).lower()}" for s in story.schemes]
    return Table(head, rows)


def gap_rows(story: Story) -> Table | None:
    """Return the gap of every cell."""
    table = story.gaps
    if table.empty:
        return None
    rows = []
    for row in table.to_dict("records"):
        if row["reason"]:
            gap = f"not available: {row['reason']}"
        else:
            interval = span(row["ci_low"], row["ci_high"])
            gap = number(row["gap"]) + (f"\n{interval}" if interval else "")
        rows.append(
            [story.name(row["features"], row["model"]), row["left_out"], number(row["within"]),
             number(row["elsewhere"]), gap]
        )  # fmt: skip
    head = [
        "Features · model",
        "Left out",
        "Cross-validation",
        "Leaving out",
        "Gap (95 % interval)",
    ]
    return Table(head, rows, words=frozenset({0, 1}))
