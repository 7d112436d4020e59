"""Who takes part in a simulated study, in which scanner, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbago.provenance import task_seed
from lumbago.simulation.scans import Scanner

NATURAL_COUPLING = 0.12  # spread of insula-default coupling among all people


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


@dataclass(frozen=True)
class Person:
    """One participant with one or two visits."""

    participant_id: str
    group: str
    site: str
    age: int
    sex: str
    visits: tuple[Visit, ...]


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


def make_person(
    number: int,
    *,
    seed: int,
    n_sites: int,
    amplitude: float,
    coupling: float,
    followup: float,
    imbalance: float,
) -> Person:
    """Draw one person; nobody else's number, and no number of people, has a say.

    People come to the sites in turn. At each site patients and controls alternate, as
    pairs of like age, sex and restlessness; `imbalance` 0..1 shifts the share of patients
    from site to site, up to all at the last and none at the first.
    """
    at, place = (number - 1) % n_sites, (number - 1) // n_sites
    share = 0.5
    if n_sites > 1:
        share += imbalance * (at / (n_sites - 1) - 0.5)
    patient = int((place + 1) * share + 1e-9) > int(place * share + 1e-9)

    participant_id = f"sub-{number:02d}"
    site = site_names(n_sites)[at]
    pair = np.random.default_rng(task_seed(seed, "pair", site, str(place // 2)))
    rng = np.random.default_rng(task_seed(seed, "person", participant_id))
    age = round(float(np.clip(pair.normal(45, 11), 22, 70)) + float(rng.uniform(-2, 2)))
    sex = "F" if pair.random() < 0.5 else "M"
    restlessness = float(np.exp(0.35 * pair.standard_normal() + 0.15 * rng.standard_normal()))
    severity = float(np.clip(rng.normal(1, 0.3), 0.3, 1.7))
    natural = NATURAL_COUPLING * float(rng.standard_normal())
    comes_back = rng.random() < followup
    better = float(rng.uniform(0.4, 1.05))
    noise = rng.standard_normal((2, 3))

    visits = []
    for i in range(2 if comes_back else 1):
        felt = (severity * (better if i else 1.0)) if patient else 0.0
        vas = 4.8 * felt + 0.9 * noise[i, 0] if patient else 0.4 * abs(noise[i, 0])
        visits.append(
            Visit(
                session=f"ses-{i + 1}",
                day=0 if i == 0 else round(84 + 5 * float(noise[1, 2])),
                severity=felt,
                vas=round(
                    float(np.clip(vas, 0.5 if patient else 0.0, 10.0 if patient else 1.0)), 1
                ),
                amplitude=amplitude * felt,
                coupling=float(np.clip(natural + coupling * felt, -0.9, 0.9)),
                restlessness=restlessness * float(np.exp(0.1 * noise[i, 1])),
            )
        )
    group = "CLBP" if patient else "HC"
    return Person(participant_id, group, site, age, sex, tuple(visits))
