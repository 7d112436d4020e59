"""The partial confounder test of the leading combination, in a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumbago.evaluation.confounding import confounder_tests, in_words
from lumbago.report.story import Story
from lumbago.report.tables import Table
from lumbago.report.words import MISSING, number, p_value, scheme_words

_NAMES = {"site": "Site", "mean_fd": "Head motion (mean FD)"}
WITHIN = "within_cohort"


def table(story: Story, predictions: pd.DataFrame, participants: pd.DataFrame) -> Table | None:
    """Return what the tests found, None where none could be run at all.

    Cross-validation is tested where it ran, whichever scheme leads: all sites were predicted
    by the same models there.
    """
    if story.best is None:
        return None
    crossed = story.row(story.best["features"], story.best["model"], WITHIN, story.metric.name)
    row = crossed or story.best
    found = confounder_tests(
        story.same(predictions, row), participants, story.target, seed=int(story.run["seed"])
    )
    if found["p"].isna().all():
        return None
    rows = []
    for test in found.to_dict("records"):
        known = np.isfinite(test["p"])
        rows.append(
            [_NAMES[test["confounder"]], *(number(test[c], 3) for c in ("statistic", "expected")),
             p_value(test["p"]) if known else MISSING, in_words(test, story.target.name)]
        )  # fmt: skip
    head = [
        f"{scheme_words(row['scheme'])}: prediction against", "R²", "Expected", "p", "Found",
    ]  # fmt: skip
    return Table(head, rows, words=frozenset({0, 4}))
