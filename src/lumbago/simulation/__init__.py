"""Simulated studies with known effects."""

from lumbago.simulation.cohorts import Effects, SimulatedCohort

SIMULATED = (SimulatedCohort,)

__all__ = ["SIMULATED", "Effects", "SimulatedCohort"]
