"""Several simulated cohorts that share effects and differ in all the rest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lumbago.errors import InputError
from lumbago.provenance import integer_seed, task_seed
from lumbago.simulation.cohorts import SimulatedCohort


def several(
    folder: str | Path, cohorts: Mapping[str, Mapping[str, Any]], *, seed: int, **shared: Any
) -> dict[str, SimulatedCohort]:
    """Return the settings of several cohorts, each of other people.

    Parameters
    ----------
    folder : path
        Each cohort lies in a folder of its name in it.
    cohorts : mapping of str to mapping
        What differs: ``{"boston": {"prevalence": 0.3}, "nagoya": {"t_r": 0.8}}``.
    seed : int
        A cohort without a seed of its own gets one from this and from its name.
    **shared
        What all have in common, effects for instance.

    Raises
    ------
    InputError
        If two cohorts are of one seed.
    """
    made = {}
    for name, own in cohorts.items():
        settings = {"seed": integer_seed(task_seed(seed, "cohort", name)), **shared, **own}
        made[name] = SimulatedCohort(folder=str(Path(folder) / name), **settings)
    twins = same_people(made)
    if twins is not None:
        raise InputError(
            f"cohorts {twins[0]} and {twins[1]} are simulated from one seed and hold the same "
            "people; give them different seeds"
        )
    return made


def same_people(cohorts: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the names of two simulated cohorts of one seed, or None."""
    seen: dict[int, str] = {}
    for name, spec in sorted(cohorts.items()):
        if isinstance(spec, SimulatedCohort):
            if spec.seed in seen:
                return seen[spec.seed], name
            seen[spec.seed] = name
    return None
