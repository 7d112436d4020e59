"""What a step could not do in some fits, told once per model and scheme."""

from __future__ import annotations

import pandas as pd

TOLD = ("combat:",)
"""Notes of steps that a reader of the scores must know; the table of fits holds the others."""


def skipped_notes(fits: pd.DataFrame) -> list[str]:
    """Return a sentence per model, scheme and thing that was left undone.

    Parameters
    ----------
    fits : DataFrame
        One row per fit, with ``model``, ``scheme`` and ``notes`` ("; " between notes).
    """
    if "notes" not in fits:
        return []
    found = []
    for (model, scheme), group in fits.groupby(["model", "scheme"], sort=True):
        counts: dict[str, int] = {}
        for notes in group["notes"]:
            for note in str(notes).split("; "):
                if note.startswith(TOLD):
                    counts[note] = counts.get(note, 0) + 1
        found += [
            f"{model}, {scheme}: {note} (in {n} of {len(group)} fits)"
            for note, n in sorted(counts.items())
        ]
    return found
