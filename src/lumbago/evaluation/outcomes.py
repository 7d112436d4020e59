"""Predictions of one model as arrays: what every metric reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target

CELL = ("features", "model", "scheme")
MODEL = ("repeat", "fold", "split")


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Predictions of one model on one feature set under one scheme, as arrays.

    Parameters
    ----------
    target : Target
        What was predicted.
    truth, predicted : array of shape (n_rows,)
        Class codes (positions in ``target.classes``) or values in the target's unit.
    score : array of shape (n_rows,)
        Decision values, higher for the positive class; comparable within one fitted model.
    prob : array of shape (n_rows,)
        Probability of the positive class in [0, 1], NaN where the model gives none.
    fitted : array of shape (n_rows,) of int
        Which fitted model (repeat, fold and left-out name) made the prediction.
    repeat : array of shape (n_rows,) of int
        Repeat of the scheme, coded from 0.
    person : array of shape (n_rows,) of int
        Participant behind the row, coded from 0.
    """

    target: Target
    truth: np.ndarray
    predicted: np.ndarray
    score: np.ndarray
    prob: np.ndarray
    fitted: np.ndarray
    repeat: np.ndarray
    person: np.ndarray

    @classmethod
    def of(cls, predictions: pd.DataFrame, target: Target) -> Outcomes:
        """Read the rows of one cell of the predictions table.

        Raises
        ------
        ValueError
            If a class is not one of the target's, or a true value is missing.
        """
        person = predictions["cohort"].astype(str) + "/" + predictions["participant_id"].astype(str)
        made_by = predictions[list(MODEL)].astype({"split": str})
        return cls(
            target,
            _codes(predictions["y_true"], target),
            _codes(predictions["y_pred"], target),
            predictions["y_score"].to_numpy(dtype=float),
            predictions["y_prob"].to_numpy(dtype=float),
            made_by.groupby(list(MODEL), sort=True).ngroup().to_numpy(),
            np.unique(predictions["repeat"].to_numpy(), return_inverse=True)[1],
            np.unique(person.to_numpy(dtype=str), return_inverse=True)[1],
        )

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: np.ndarray) -> Outcomes:
        """Return the outcomes of some rows (mask or positions); people are coded anew."""
        fields = ("truth", "predicted", "score", "prob", "fitted", "repeat")
        person = np.unique(self.person[rows], return_inverse=True)[1]
        return replace(self, **{f: getattr(self, f)[rows] for f in fields}, person=person)

    @cached_property
    def n_people(self) -> int:
        """Number of participants with at least one row."""
        return int(self.person.max()) + 1 if len(self) else 0

    @cached_property
    def positive(self) -> np.ndarray:
        """Whether each row is truly of the positive class, which is the last."""
        return self.truth == len(self.target.classes) - 1


def place_of(cohort: str, site: str) -> str:
    """Name a site with its cohort, once.

    >>> place_of("boston", "a"), place_of("boston", "boston/a")
    ('boston/a', 'boston/a')
    """
    return site if site.startswith(f"{cohort}/") else f"{cohort}/{site}"


def _codes(values: pd.Series, target: Target) -> np.ndarray:
    if target.kind == "continuous":
        return values.to_numpy(dtype=float)
    codes = pd.Index(target.classes).get_indexer(pd.Index(values.astype(str)))
    if (codes < 0).any():
        stranger = values.iloc[int(np.flatnonzero(codes < 0)[0])]
        raise ValueError(
            f"target {target.name!r} has the classes {list(target.classes)}, "
            f"the predictions name {stranger!r}"
        )
    return codes
