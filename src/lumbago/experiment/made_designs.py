"""What a simulated study's settings say of its design, before anybody is drawn."""

from __future__ import annotations

from collections.abc import Iterator

from lumbago.evaluation.designs import refusal, same_thing
from lumbago.experiment.schema import Experiment
from lumbago.experiment.tree import Place
from lumbago.simulation import SimulatedCohort


def design_problems(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Refuse simulated studies whose sites hold one class each; of others, their tables tell."""
    made = [c for c in experiment.cohorts.values() if isinstance(c, SimulatedCohort)]
    changed = any(c.keep or c.rename or c.recode or c.site != "site" for c in made)
    if changed or len(made) < len(experiment.cohorts):
        return
    people = [(f"{n}/{p.site}", p.group) for n, c in experiment.cohorts.items() for p in c.people()]
    for name in experiment.evaluation.targets:
        target = experiment.targets[name]
        if target.column != "group" or not target.classes or target.where:
            continue
        class_of = {str(level): k for k, inside in target.classes.items() for level in inside}
        counted = [(site, class_of[group]) for site, group in people if group in class_of]
        if told := same_thing([site for site, _ in counted], [k for _, k in counted]):
            yield ("targets", name), refusal(told, name)
