"""A cohort that is kept for the end, and looked at as rarely as can be."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from lumbago.data.dataset import Dataset
from lumbago.errors import InputError
from lumbago.evaluation.splits import Scheme, Split, check_splits


class Locked(Scheme):
    """Train on every cohort that is not locked, test on one that is.

    Nothing else of the experiment sees a locked cohort: it is in no other scheme, in training or
    in test, and in no table of a run that was not told to open it (``lumbago run --unlock NAME``).
    Every look is written to a ledger before it is taken, with the models and the reason, and
    the report says how often the cohort has been looked at. What was looked at before is shown
    again without opening anything, and does not count twice.
    """

    must_run: ClassVar[bool] = True

    kind: Literal["locked"] = "locked"
    cohort: str
    """Name of the cohort in the experiment."""
    reason: str = Field(min_length=12)
    """Why it is opened, for the ledger and the report: a registration, a reviewer's request."""
    ledger: Path | None = None
    """The ledger; ``looks.jsonl`` beside the experiment file where none is named."""

    @property
    def label(self) -> str:
        """The kind with the scheme's name, or with the cohort's."""
        return f"{self.kind}:{self.name or self.cohort}"

    def splits(self, dataset: Dataset, seed: int) -> list[Split]:
        """Return the one split; whoever is kin to a locked person does not train.

        Raises
        ------
        InputError
            If the cohort has no sample, or there is nothing to train on.
        """
        there = dataset.cohort == self.cohort
        if not there.any():
            raise InputError(f"{self.label}: cohort {self.cohort} has no sample")
        if there.all():
            raise InputError(f"{self.label}: there is no other cohort to train on")
        apart = ~np.isin(dataset.families, dataset.families[there])
        found = [
            Split(
                self.label,
                0,
                0,
                self.cohort,
                np.flatnonzero(~there & apart),
                np.flatnonzero(there),
                partial=True,
            )
        ]
        check_splits(found, dataset)
        return found
