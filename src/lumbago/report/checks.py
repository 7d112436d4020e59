"""The table of leakage checks: failures one by one, what passed in few rows."""

from __future__ import annotations

import pandas as pd

from lumbago.evaluation.audit import FAILED, PASSED
from lumbago.report.story import Story
from lumbago.report.tables import Table
from lumbago.report.words import Scrubber, count, scheme_words

_CHECKS = {
    "groups_apart": "Nobody, and nobody of their family, on both sides of a split",
    "tested_once": "Every sample tested as often as meant",
    "duplicates": "No scan trains under one name and is tested under another",
    "single_row": "A row alone is predicted as in company",
    "poison_values": "Test values spoiled: nothing learned changes",
    "poison_missing": "Test values removed: nothing learned changes",
    "poison_labels": "Test labels changed: nothing learned changes",
    "poison_site": "Sites of the test fold changed: nothing learned changes",
    "poison_covariates": "Covariates of the test fold spoiled: nothing learned changes",
    "poison_covariates_missing": "Covariates of the test fold removed: nothing learned changes",
    "poison_ids": "Participants of the test fold renamed: nothing learned changes",
    "poison_all": "All of this at once: nothing learned changes",
}


def checks(story: Story, audit: pd.DataFrame, scrubber: Scrubber) -> Table | None:
    """Return what the leakage checks found: every failure, then each other check in one row.

    What a check found in each cell that passed stays in the run folder's audit table.
    """
    if audit.empty:
        return None
    table = audit.fillna("").astype(str)
    table["cell"] = [
        f"{story.name(f, m)} ({scheme_words(s).lower()})"
        for f, m, s in table[["features", "model", "scheme"]].itertuples(index=False, name=None)
    ]
    n_cells = table["cell"].nunique()
    failed = table[table["verdict"] == FAILED]
    rows = [
        [_words(check), FAILED, cell, scrubber.text(detail)]
        for check, cell, detail in failed[["check", "cell", "detail"]].itertuples(
            index=False, name=None
        )
    ]
    n_failed = len(rows)
    order = {name: i for i, name in enumerate(_CHECKS)}
    others = table[table["verdict"] != FAILED]
    found = sorted(
        others.groupby(["verdict", "check"], sort=True),
        key=lambda item: (item[0][0] != PASSED, order.get(str(item[0][1]), len(order)), item[0]),
    )
    for (verdict, check), part in found:
        n = part["cell"].nunique()
        cells = f"all {n:,}" if n == n_cells else f"{n:,} of {n_cells:,}"
        details = list(dict.fromkeys(part["detail"]))
        detail = scrubber.text(details[0])
        if len(details) > 1:
            detail = f"for example: {detail}"
        rows.append([_words(str(check)), str(verdict), cells, detail])
    head = ["Check", "Verdict", "Combinations", "Found"]
    note = (
        f"Checked: {count(n_cells, 'combination')} of features, model and scheme, references "
        "included. What each check found everywhere is in audit.tsv."
    )
    return Table(head, rows, note, frozenset(range(4)), frozenset(range(n_failed)))


def _words(check: str) -> str:
    return _CHECKS.get(check, check.replace("_", " "))
