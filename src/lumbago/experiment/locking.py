"""What of an experiment may be seen: everything but locked cohorts, until one is opened."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lumbago.data import Dataset
from lumbago.errors import InputError
from lumbago.evaluation import Locked, Result
from lumbago.evaluation.ledger import LOOK, SCORES, Ledger, people_digest
from lumbago.experiment.grid import Grid, grid_of, unit_key
from lumbago.experiment.loading import Loaded
from lumbago.experiment.schema import Experiment
from lumbago.provenance import canonical_json, digest

DEFAULT = "looks.jsonl"


@dataclass(frozen=True, eq=False)
class Look:
    """One locked cohort that a run shows.

    Parameters
    ----------
    scheme : Locked
    dataset : Dataset
        Everybody who is not locked, and this cohort.
    grid : Grid
    ledger : Ledger
    people : str
        Hash of who is in the cohort.
    new : tuple of str
        Keys of units that nobody has looked at yet; none where the look is in the ledger.
    """

    scheme: Locked
    dataset: Dataset
    grid: Grid
    ledger: Ledger
    people: str
    new: tuple[str, ...]

    @property
    def tested(self) -> Dataset:
        """The locked cohort alone."""
        return self.dataset.take(np.flatnonzero(self.dataset.cohort == self.scheme.cohort))

    def write(self, loaded: Loaded) -> None:
        """Put the look into the ledger, before anything is fitted."""
        if not self.new:
            return
        units = [u for u in self.grid.units if u.permutations is None]
        self.ledger.append(
            LOOK,
            {
                "cohort": self.scheme.cohort,
                "people": self.people,
                "participants": len(np.unique(self.tested.groups)),
                "experiment": loaded.experiment.name,
                "settings": loaded.digest,
                "target": self.dataset.target.name,
                "data": self.tested.digest,
                "models": sorted({f"{u.features} · {u.model}" for u in units}),
                "units": list(self.new),
                "reason": self.scheme.reason,
            },
        )

    def write_scores(self, result: Result) -> str:
        """Put the hash of what was seen into the ledger; return a note if it differs from before.

        A look that is in the ledger must show what it showed then.
        """
        mine = result.predictions[result.predictions["scheme"] == self.scheme.label]
        seen = digest(mine.to_csv(sep="\t", index=False))
        units = digest(canonical_json(sorted(_keys(self.grid))))
        before = [
            e for e in self.ledger.lines() if e["event"] == SCORES and e["units"] == units
        ]  # fmt: skip
        if not before:
            about = {"cohort": self.scheme.cohort, "units": units, "predictions": seen}
            self.ledger.append(SCORES, about)
        elif before[-1]["predictions"] != seen:
            return (
                f"{self.scheme.cohort}: the same models predict otherwise than when they were "
                "looked at first; another version of a library may be why"
            )
        return ""

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of the looks, this one among them."""
        looks = self.ledger.looks(self.scheme.cohort, self.people)
        models = {(e["target"], model) for e in looks for model in e["models"]}
        return {
            "scheme": self.scheme.label,
            "cohort": self.scheme.cohort,
            "looks": len(looks),
            "models": len(models),
            "reason": self.scheme.reason,
            "head": self.ledger.head,
        }


@dataclass(frozen=True, eq=False)
class Locks:
    """What a run, or its plan, may see.

    Parameters
    ----------
    dataset : Dataset
        Without any locked cohort: what every other scheme runs on.
    looks : tuple of Look
        Those that the run shows.
    closed : dict of str to str
        Label of a locked scheme → why it is not shown.
    """

    dataset: Dataset
    looks: tuple[Look, ...]
    closed: dict[str, str]

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the locked cohorts that are shown."""
        return tuple(look.scheme.cohort for look in self.looks)


def locked_schemes(experiment: Experiment) -> list[Locked]:
    """Return the schemes of an experiment that lock a cohort."""
    return [s for s in experiment.evaluation.schemes if isinstance(s, Locked)]


def check_unlock(experiment: Experiment, unlock: Collection[str]) -> None:
    """Refuse to open what is not locked.

    Raises
    ------
    InputError
        If a name is not that of a locked cohort.
    """
    known = sorted({s.cohort for s in locked_schemes(experiment)})
    for name in unlock:
        if name not in known:
            raise InputError(
                f"--unlock {name}: no locked cohort of the experiment is called so; "
                f"it locks {', '.join(known) or 'none'}"
            )


def locks_of(
    experiment: Experiment, dataset: Dataset, folder: Path, unlock: Collection[str] = ()
) -> Locks:
    """Part a dataset into what is open, and the locked cohorts that may be shown.

    Parameters
    ----------
    folder : Path
        Where the experiment file lies, and its ledger unless a scheme names another.
    unlock : names of cohorts
        Those that may be looked at anew.
    """
    schemes = locked_schemes(experiment)
    if not schemes:
        return Locks(dataset, (), {})
    names = {s.cohort for s in schemes}
    looks, closed = [], {}
    for scheme in schemes:
        seen = _without(dataset, names - {scheme.cohort})
        grid = grid_of(experiment, seen, schemes=[scheme])
        ledger = Ledger(scheme.ledger or folder / DEFAULT)
        people = people_digest(seen.participant[seen.cohort == scheme.cohort].tolist())
        before = ledger.looks(scheme.cohort, people)
        old = {key for e in before for key in e["units"]}
        new = tuple(k for k in _keys(grid) if k not in old)
        if new and scheme.cohort not in unlock:
            closed[scheme.label] = (
                f"{scheme.cohort} is locked and was {times(len(before))}; "
                f"open it with --unlock {scheme.cohort}"
            )
            continue
        looks.append(Look(scheme, seen, grid, ledger, people, new))
    return Locks(_without(dataset, names), tuple(looks), closed)


def times(n: int) -> str:
    """Say how often.

    >>> times(0), times(1), times(3)
    ('never looked at', 'looked at once', 'looked at 3 times')
    """
    return ("never looked at", "looked at once")[n] if n < 2 else f"looked at {n} times"


def _without(dataset: Dataset, cohorts: Collection[str]) -> Dataset:
    rows = np.flatnonzero(~np.isin(dataset.cohort, sorted(cohorts)))
    if not len(rows):
        raise InputError("every cohort is locked; leave one to train on")
    return dataset.take(rows)


def _keys(grid: Grid) -> Sequence[str]:
    """Keys of what is predicted; permutations show nothing of the true labels' predictions."""
    return [unit_key(unit) for unit in grid.units if unit.permutations is None]
