"""From a run folder to one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lumbago.data.dataset import Target
from lumbago.experiment.folder import RunFolder
from lumbago.report import (
    calibration,
    checks,
    confounders,
    curve,
    decisions,
    effects,
    figures,
    pairs,
    performance,
    sites,
    sweeps,
    tables,
    transfer,
)  # fmt: skip
from lumbago.report.headline import facts, headline
from lumbago.report.methods import methods_text
from lumbago.report.page import POLICY, page
from lumbago.report.quality.cohort import has_quality, render_quality
from lumbago.report.references import BIBLIOGRAPHY, cited, pieces
from lumbago.report.story import Story
from lumbago.report.words import Scrubber, scheme_words
from lumbago.store import write_file

__all__ = ["POLICY", "build_report", "render", "target_of"]


def build_report(run_folder: str | Path) -> Path:
    """Write ``report.html`` from the tables of a run folder, and return where it is.

    ``quality.html`` is written beside it where the run knows how good its scans are. A page
    makes no request, holds no script, names no participant and no local path. Equal tables
    give equal bytes.

    Raises
    ------
    InputError
        If the folder holds no run, or one written by a newer Lumbago.
    """
    folder = RunFolder(run_folder)
    html = render(folder)
    if has_quality(folder):
        write_file(folder.quality_page, quality_page(folder).encode("utf-8"))
    write_file(folder.report, html.encode("utf-8"))
    return folder.report


def render(folder: RunFolder) -> str:
    """Return the page as text."""
    participants, exclusions = folder.participants, folder.exclusions
    scrubber = scrubber_of(folder)
    run = scrubber.tree(folder.run)
    target = target_of(run)
    story = Story(run, target, folder.scores, folder.predictions, folder.audit)
    models = set(folder.predictions["model"])
    text = methods_text(
        run, models=models, has_weights=not folder.weights.empty, has_nulls=not folder.nulls.empty
    )
    order = cited(text)
    return page(
        "report.html.j2",
        run=run,
        story=story,
        headline=headline(story, folder.nulls),
        facts=facts(story),
        people=tables.people(participants, target),
        sites=tables.sites(participants, target),
        excluded=tables.excluded(exclusions, scrubber),
        best=_best(story, folder),
        forest=figures.forest(story),
        scores=[
            (story.scheme_in_words(scheme), tables.score_rows(story, scheme, story.metrics))
            for scheme in story.schemes
        ],
        pairs=pairs.section(story),
        gap=figures.gap(story),
        gap_table=tables.gap_rows(story),
        transfer=transfer.section(story),
        learning=curve.section(story, folder.fits),
        null=figures.null(story, folder.nulls),
        graphs=sweeps.section(folder.sweeps, target),
        patterns=_patterns(story, folder.weights),
        checks=checks.checks(story, folder.audit, scrubber),
        methods=[pieces(paragraph, order) for paragraph in text],
        references=[(i + 1, BIBLIOGRAPHY[key]) for i, key in enumerate(order)],
        bib="\n\n".join(BIBLIOGRAPHY[key].bibtex(key) for key in order),
        features=_features(run),
        notes=_notes(run),
        settings=_settings(run.get("experiment", {})),
        quality=folder.quality_page.name if has_quality(folder) else "",
    )


def quality_page(folder: RunFolder) -> str:
    """Return the page on the quality of the scans as text."""
    scrubber = scrubber_of(folder)
    run = scrubber.tree(folder.run)
    return render_quality(folder, run, target_of(run), scrubber)


def scrubber_of(folder: RunFolder) -> Scrubber:
    """Return what takes everybody of a run out of words that others wrote."""
    tables = (folder.participants, folder.exclusions)
    ids = [table["participant_id"] for table in tables if "participant_id" in table]
    return Scrubber(pd.concat(ids).dropna().astype(str))


def target_of(run: Mapping[str, Any]) -> Target:
    """Return the target a run predicted; a binary target's positive class is put last."""
    about = run["target"]
    classes = [str(c) for c in about.get("classes") or ()]
    positive = about.get("positive")
    if positive in classes:
        classes = [*(c for c in classes if c != positive), positive]
    return Target(str(about["name"]), about["kind"], tuple(classes))


def _best(story: Story, folder: RunFolder) -> dict[str, Any] | None:
    """Return figures and tables of the cell that leads the report."""
    if story.best is None:
        return None
    row = story.best
    predictions = story.same(folder.predictions, row)
    name = story.name(row["features"], row["model"])
    drawn = []
    if story.target.kind == "binary":
        drawn.append(performance.roc(story, predictions))
    if story.target.kind == "continuous":
        drawn.append(performance.scatter(story, predictions))
    else:
        drawn.append(performance.confusion(story, predictions))
    if story.target.kind == "binary":
        drawn.append(calibration.reliability(story, predictions))
    curve, decided = decisions.decision_curve(story, predictions)
    drawn.append(curve)
    return {
        "name": name,
        "scheme": scheme_words(row["scheme"]),
        "figures": [f for f in drawn if f],
        "parts": tables.parts(story, row["features"], row["model"]),
        "calibration": decisions.calibration_table(story, predictions),
        "decisions": decided,
        "confounders": confounders.table(story, folder.predictions, folder.participants),
        "by_site": sites.by_site(story, predictions),
        "by_part": figures.by_part(story, row["features"], row["model"]),
    }


def _patterns(story: Story, weights: pd.DataFrame) -> dict[str, Any] | None:
    """Return the patterns of the best cell that has any, under the most demanding scheme."""
    if weights.empty:
        return None
    ranked = story.pooled[
        (story.pooled["metric"] == story.metric.name) & ~story.pooled["reference"]
    ].dropna(subset="score")
    ranked = ranked.sort_values("score", ascending=not story.metric.higher_is_better, kind="stable")
    for scheme in reversed(story.schemes):
        for row in ranked[ranked["scheme"] == scheme].to_dict("records"):
            named = {str(k): v for k, v in row.items()}
            mine = story.same(weights, named).dropna(subset="pattern")
            if len(mine):
                return _pattern_figures(story, mine, named)
    return None


def _pattern_figures(story: Story, mine: pd.DataFrame, row: Mapping[str, Any]) -> dict[str, Any]:
    drawn = [effects.lollipops(mine, story.target), effects.matrix(mine, story.target)]
    best = story.best or {}
    return {
        "name": story.name(row["features"], row["model"]),
        "scheme": scheme_words(row["scheme"]).lower(),
        "is_best": all(best.get(c) == row[c] for c in ("features", "model", "scheme")),
        "figures": [f for f in drawn if f],
        "rows": [
            [str(r["feature"]), f"{r['pattern']:.4g}", f"{r['pattern_sd']:.2g}",
             f"{100 * r['sign_consistency']:.0f} %"]
            for r in effects.strongest(mine).to_dict("records")
        ],
    }  # fmt: skip


def _notes(run: Mapping[str, Any]) -> list[str]:
    """Return the run's notes, without those that a cohort tells already."""
    told = {f"{c['name']}: {note}" for c in run.get("cohorts", ()) for note in c.get("notes", ())}
    return [note for note in dict.fromkeys(run.get("notes", ())) if note not in told]


def _features(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "kind": about.get("spec", {}).get("kind", ""),
            "n": about.get("n_features"),
            "rejected": about.get("n_rejected") or 0,
            "notes": list(dict.fromkeys(about.get("notes") or ())),
        }
        for key, about in run.get("features", {}).items()
    ]


def _settings(value: Any, depth: int = 0) -> str:
    """Write settings as indented lines, the way an experiment file reads."""
    pad = "  " * depth
    if isinstance(value, Mapping):
        lines = []
        for key, inside in value.items():
            if isinstance(inside, Mapping) and inside:
                lines.append(f"{pad}{key}:\n{_settings(inside, depth + 1)}")
            elif isinstance(inside, list) and any(isinstance(i, Mapping) for i in inside):
                lines.append(f"{pad}{key}:")
                lines += [f"{pad}  - {_inline(item)}" for item in inside]
            else:
                lines.append(f"{pad}{key}: {_inline(inside)}")
        return "\n".join(lines)
    return pad + _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)
