"""Who takes part in a simulated study, in which scanner, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lumbago.provenance import task_seed
from lumbago.simulation.muscles import muscles_of
from lumbago.simulation.scans import Scanner

if TYPE_CHECKING:
    from lumbago.simulation.cohorts import SimulatedCohort

NATURAL_COUPLING = 0.12  # spread of insula-default coupling among all people
SEVERITY_SPREAD = 0.3  # around a mean of 1
PAIN = 4.8  # of a patient of severity 1, 0 to 10
PAIN_NOISE = 0.9  # of the pain score around what severity makes it
PAIN_SPREAD = float(np.hypot(PAIN * SEVERITY_SPREAD, PAIN_NOISE))
AGE, AGE_SPREAD = 45, 11
RESTLESS = 4  # times as restless, in scans of heavy motion


@dataclass(frozen=True)
class Visit:
    """One session: what the person feels, and what is planted in the brain."""

    session: str
    day: int
    severity: float
    """0 in controls; about 1 on average in patients."""
    vas: float
    """Pain intensity of the past week, 0 to 10."""
    amplitude: float
    coupling: float
    restlessness: float
    apart: float = 0.0
    """Share of the variance common to all networks that each network keeps to itself."""
    pain: float = 0.0
    """Pain in standard deviations of the patients'; 0 in controls."""
    heavy_motion: bool = False


@dataclass(frozen=True)
class Person:
    """One participant with one or two visits."""

    participant_id: str
    group: str
    site: str
    age: int
    sex: str
    visits: tuple[Visit, ...]
    responder: bool | None = None
    """Whether a treated patient got better; None in everybody else."""
    muscles: dict[str, float] = field(default_factory=dict)
    """Body mass index and measures of the muscles at the first visit, by column."""


def site_names(n_sites: int) -> list[str]:
    """Names of the sites: site-a, site-b, …"""
    return [f"site-{chr(ord('a') + i)}" for i in range(n_sites)]


def scanner(seed: int, site: str, strength: float) -> Scanner:
    """The scanner of a site; `strength` 0 makes all alike, 1 is the ordinary difference."""
    rng = np.random.default_rng(task_seed(seed, "site", site))
    gain, noise, blur = rng.uniform(-1, 1, 3) * strength
    return Scanner(
        name=site,
        gain=float(np.exp(0.08 * gain)),
        noise=float(np.exp(0.15 * noise)),
        fwhm=float(5.5 + 0.8 * blur),
    )


def share_of_patients(prevalence: float, imbalance: float, at: int, n_sites: int) -> float:
    """Share of a site's people who are patients.

    `imbalance` 1 spreads the sites' shares as widely and evenly as the prevalence of all
    allows: from none to all where it is one half.
    """
    if n_sites == 1:
        return prevalence
    room = 2 * min(prevalence, 1 - prevalence)
    return prevalence + imbalance * room * (at / (n_sites - 1) - 0.5)


def make_person(number: int, spec: SimulatedCohort) -> Person:
    """Draw one person; nobody else's number, and no number of people, has a say.

    People come to the sites in turn. At each site patients and controls alternate as
    evenly as their share allows, in pairs of like age, sex and restlessness. What a setting
    adds is drawn from seeds of its own, so that it changes nothing that was there without it.
    """
    seed, effects, n_sites = spec.seed, spec.effects, spec.n_sites
    at, place = (number - 1) % n_sites, (number - 1) // n_sites
    share = share_of_patients(spec.prevalence, spec.site_imbalance, at, n_sites)
    patient = int((place + 1) * share + 1e-9) > int(place * share + 1e-9)

    participant_id = f"sub-{number:02d}"
    site = site_names(n_sites)[at]
    pair = np.random.default_rng(task_seed(seed, "pair", site, str(place // 2)))
    rng = np.random.default_rng(task_seed(seed, "person", participant_id))
    age = round(float(np.clip(pair.normal(AGE, AGE_SPREAD), 22, 70)) + float(rng.uniform(-2, 2)))
    sex = "F" if pair.random() < 0.5 else "M"
    restlessness = float(np.exp(0.35 * pair.standard_normal() + 0.15 * rng.standard_normal()))
    severity = float(np.clip(rng.normal(1, SEVERITY_SPREAD), 0.3, 1.7))
    natural = NATURAL_COUPLING * float(rng.standard_normal())
    comes_back = rng.random() < spec.followup
    better = float(rng.uniform(0.4, 1.05))
    noise = rng.standard_normal((2, 3))

    responder = None
    if spec.treatment is not None and patient and comes_back:
        responds = np.random.default_rng(task_seed(seed, "treatment", participant_id)).random()
        responder = bool(responds < spec.treatment.responders)
        better = 1 - spec.treatment.relief if responder else 1.0

    visits = []
    for i in range(2 if comes_back else 1):
        felt = (severity * (better if i else 1.0)) if patient else 0.0
        vas = PAIN * felt + PAIN_NOISE * noise[i, 0] if patient else 0.4 * abs(noise[i, 0])
        vas = float(np.clip(vas, 0.5 if patient else 0.0, 10.0 if patient else 1.0))
        still = np.random.default_rng(task_seed(seed, "stillness", participant_id, f"{i + 1}"))
        heavy = bool(still.random() < spec.heavy_motion)
        moves = restlessness * float(np.exp(0.1 * noise[i, 1]))
        visits.append(
            Visit(
                session=f"ses-{i + 1}",
                day=0 if i == 0 else round(84 + 5 * float(noise[1, 2])),
                severity=felt,
                vas=round(vas, 1),
                amplitude=effects.insula_alff * felt,
                coupling=float(np.clip(natural + effects.default_mode_insula * felt, -0.9, 0.9)),
                restlessness=moves * RESTLESS if heavy else moves,
                apart=min(effects.path_length * felt, 1.0),
                pain=(vas - PAIN) / PAIN_SPREAD if patient else 0.0,
                heavy_motion=heavy,
            )
        )
    muscles = {}
    if spec.muscles is not None:
        muscles = muscles_of(
            participant_id,
            seed=seed,
            plan=spec.muscles,
            age=(age - AGE) / AGE_SPREAD,
            sex=sex,
            severity=visits[0].severity,
        )
    group = "CLBP" if patient else "HC"
    return Person(participant_id, group, site, age, sex, tuple(visits), responder, muscles)


def is_missing(seed: int, share: float, *cell: str) -> bool:
    """Tell whether a cell of a table is to be left empty; every cell has a lot of its own."""
    if share == 0:
        return False
    return bool(np.random.default_rng(task_seed(seed, "missing", *cell)).random() < share)
