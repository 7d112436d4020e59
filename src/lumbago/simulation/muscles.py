"""Paraspinal muscles of simulated people: how much fat, how large, level by level."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from lumbago.provenance import task_seed
from lumbago.spec import Spec

LEVELS = ("L1", "L2", "L3", "L4", "L5")

# Fat fraction in per cent, mean and spread, of women and of men without pain. Multifidus and
# erector spinae: mean of L1 to L5 in 336 adults; Si et al. (2023), doi:10.21037/qims-22-1131.
# Psoas: 52 women and 24 men; Sollmann et al. (2020), PMC7063279.
FAT = {
    "multifidus": {"F": (21.14, 6.77), "M": (16.21, 6.26)},
    "erector_spinae": {"F": (15.97, 5.56), "M": (12.37, 4.80)},
    "psoas": {"F": (6.0, 2.2), "M": (5.1, 3.4)},
}
# Cross-sectional area of the left side at the disc L3/4 in mm² per kg of body weight, mean and
# spread, of 82 athletes without disc degeneration; doi:10.1186/s40064-016-3155-8, table 5.
AREA = {"extensors": (41.0, 5.7), "psoas": (19.4, 4.4)}
BMI = (25.4, 5.6)  # kg/m², of the people in whom the psoas was measured: PMC7063279

# Ours, no source gives them: fat grows by this many standard deviations from one level to the
# next in the muscles of the back (the source says only that it grows), and muscles and levels
# of one person share this much of what age and body mass do not explain.
PER_LEVEL = 0.25
ALIKE = 0.7


class Muscles(Spec):
    """What fat and size of the paraspinal muscles go with, and how strongly; 0 plants nothing.

    Fat fractions (multifidus, erector spinae, psoas; 0 to 1, log-normal) and
    cross-sectional areas (multifidus with erector spinae as extensors, psoas; mm² per kg)
    of the levels L1 to L5 have the means and spreads of published people without pain. Areas
    fall with what fat rises with.
    """

    group: Annotated[float, Field(ge=0, le=3)] = 0.5
    """Standard deviations by which patients of severity 1 have more fat and smaller muscles."""
    age: Annotated[float, Field(ge=0, le=0.9)] = 0.4
    """Correlation with age, among people of one sex and one group."""
    bmi: Annotated[float, Field(ge=0, le=0.9)] = 0.2
    """Correlation with body mass index, likewise."""

    @model_validator(mode="after")
    def _leaves_room(self) -> Muscles:
        if self.age**2 + self.bmi**2 > 1:
            raise ValueError(
                f"age and bmi together explain more than everything: {self.age}² + {self.bmi}² "
                "is above 1; lower one of them"
            )
        return self


def muscles_of(
    participant_id: str, *, seed: int, plan: Muscles, age: float, sex: str, severity: float
) -> dict[str, float]:
    """Draw one person's body mass index, fat fractions and areas, by name of the column.

    Parameters
    ----------
    participant_id : str
    seed : int
    plan : Muscles
    age : float
        In standard deviations of the simulated people's, from their mean.
    sex : str
        F or M.
    severity : float
        0 in controls, 1 on average in patients.
    """
    rng = np.random.default_rng(task_seed(seed, "muscles", participant_id))
    weight = rng.standard_normal()
    found = {"bmi": round(_log_normal(*BMI, weight), 1)}
    explained = plan.age * age + plan.bmi * weight
    left = np.sqrt(1 - plan.age**2 - plan.bmi**2)
    for measure, muscles in (("fat_fraction", tuple(FAT)), ("csa", tuple(AREA))):
        own = rng.standard_normal()
        for muscle in muscles:
            for i, level in enumerate(LEVELS):
                rest = np.sqrt(ALIKE) * own + np.sqrt(1 - ALIKE) * rng.standard_normal()
                worse = explained + left * rest + plan.group * severity
                name = f"{measure}_{muscle}_{level}"
                if measure == "fat_fraction":
                    if muscle != "psoas":
                        worse += PER_LEVEL * (i - LEVELS.index("L3"))
                    mean, spread = FAT[muscle][sex]
                    found[name] = round(min(_log_normal(mean, spread, worse), 99.0) / 100, 4)
                else:
                    mean, spread = AREA[muscle]
                    found[name] = round(max(mean - spread * worse, 1.0), 1)
    return found


def _log_normal(mean: float, spread: float, at: float) -> float:
    """Value at so many standard deviations of a log-normal of this mean and spread."""
    sigma = np.sqrt(np.log1p((spread / mean) ** 2))
    return float(np.exp(np.log(mean) - sigma**2 / 2 + sigma * at))
