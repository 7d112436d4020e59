"""What a simulated study holds, for whoever wants to check what an analysis found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lumbago.simulation.brain import Brain
from lumbago.simulation.people import Person, is_missing, scanner
from lumbago.simulation.scans import EVERYWHERE

if TYPE_CHECKING:
    from lumbago.simulation.cohorts import SimulatedCohort


def ground_truth(
    spec: SimulatedCohort, brain: Brain, places: dict[str, list[int]], people: list[Person]
) -> dict[str, Any]:
    """What was planted, where, how strongly and in whom, as JSON values."""
    names = brain.labels["name"].tolist()
    cingulate = [names[i] for i in places["cingulate"]]
    insula = [names[i] for i in places["insula"]]
    default = [names[i] for i in places["default_mode"]]
    edges = sorted(tuple(sorted((i, d))) for i in places["insula"] for d in places["default_mode"])
    settings = spec.canonical()
    inside = [(a, b) for a in places["insula"] for b in places["insula"] if a < b]
    return {
        "schema": 1,
        "content": spec.content(),
        "settings": settings,
        "atlas": "lumbago200",
        "regions": {"insula": insula, "default_mode": default, "cingulate": cingulate},
        "method": "Insula: regions whose nearest Dosenbach coordinate "
        "(doi:10.1126/science.1194144) is called insula and is at most 10 mm away. "
        "Default mode: all regions of the network Default.",
        "effects": {
            "insula_alff": {
                "strength": spec.effects.insula_alff,
                "regions": insula,
                "meaning": "amplitude of the region's signal times 1 + strength * severity; "
                "raises ALFF, and with it fALFF and ReHo, of these regions in patients",
            },
            "default_mode_insula": {
                "strength": spec.effects.default_mode_insula,
                "edges": [f"{names[a]}~{names[b]}" for a, b in edges],
                "implied_edges": [f"{names[a]}~{names[b]}" for a, b in inside],
                "meaning": "correlation of each insula region with the common signal of the "
                "default mode plus strength * severity; variances unchanged. Regions that share "
                "a signal correlate among themselves as well: the implied edges",
            },
            "path_length": {
                "strength": spec.effects.path_length,
                "between_networks": {
                    "controls": EVERYWHERE,
                    "patients": EVERYWHERE * (1 - spec.effects.path_length),
                },
                "meaning": "correlation between regions of different networks times "
                "1 - strength * severity, but not below 0; within networks unchanged",
            },
            "vas_amplitude": {
                "strength": spec.effects.vas_amplitude,
                "regions": cingulate,
                "meaning": "correlation, among patients, of the pain score with the logarithm of "
                "the amplitude of the region's signal, before a scan's chance and noise",
            },
        },
        "treatment": None
        if spec.treatment is None
        else {
            **settings["treatment"],
            "meaning": "in responders severity, and with it pain and every effect above "
            "that follows severity, times 1 - relief at the second visit",
        },
        "muscles": None
        if spec.muscles is None
        else {
            **settings["muscles"],
            "meaning": "standard deviations by which fat fractions rise and areas fall per unit "
            "of severity at the first visit; correlations with age and bmi",
        },
        "missing": _missing(spec, people),
        "sites": {
            s.name: {"gain": s.gain, "noise": s.noise, "fwhm": s.fwhm}
            for s in (
                scanner(spec.seed, site, spec.site_effects)
                for site in sorted({p.site for p in people})
            )
        },
        "people": {
            p.participant_id: {
                "group": p.group,
                "site": p.site,
                "responder": p.responder,
                "sessions": {
                    v.session: {
                        "severity": v.severity,
                        "vas": v.vas,
                        "insula_amplitude": 1 + v.amplitude,
                        "default_mode_insula_coupling": v.coupling,
                        "restlessness": v.restlessness,
                        "heavy_motion": v.heavy_motion,
                        "between_networks_lost": v.apart,
                    }
                    for v in p.visits
                },
            }
            for p in people
        },
    }


def _missing(spec: SimulatedCohort, people: list[Person]) -> dict[str, list[str]]:
    """Columns left empty, by participant or participant/session."""
    cells = {
        p.participant_id: [
            c
            for c in ("age", *p.muscles)
            if is_missing(spec.seed, spec.missing, p.participant_id, c)
        ]
        for p in people
    }
    for p in people:
        for v in p.visits:
            if is_missing(spec.seed, spec.missing, p.participant_id, v.session, "vas"):
                cells[f"{p.participant_id}/{v.session}"] = ["vas"]
    return {where: columns for where, columns in cells.items() if columns}
