"""Simulated studies with known effects."""

from lumbago.simulation.cohorts import Effects, SimulatedCohort, Treatment
from lumbago.simulation.muscles import Muscles
from lumbago.simulation.studies import same_people, several

SIMULATED = (SimulatedCohort,)

__all__ = [
    "SIMULATED",
    "Effects",
    "Muscles",
    "SimulatedCohort",
    "Treatment",
    "same_people",
    "several",
]
