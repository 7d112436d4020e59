"""The files of a simulated study: fMRIPrep's names, tables and sidecars, and the ground truth."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pandas as pd

from lumbago.provenance import task_seed, versions
from lumbago.simulation.brain import SPACE, Brain
from lumbago.simulation.confounds import (
    confounds_table,
    framewise_displacement,
    simulate_motion,
)
from lumbago.simulation.damage import damage_files
from lumbago.simulation.people import Person, scanner
from lumbago.simulation.scans import Planted, simulate_scan

if TYPE_CHECKING:
    from lumbago.simulation.cohorts import SimulatedCohort


def write_person(
    root: Path, spec: SimulatedCohort, brain: Brain, places: dict[str, list[int]], person: Person
) -> None:
    """Write one person's sessions: images, masks, confounds, sidecars, session table."""
    from threadpoolctl import threadpool_limits

    home = root / person.participant_id
    with threadpool_limits(1):  # sums over threads would change the last bits
        for visit in person.visits:
            func = home / visit.session / "func"
            func.mkdir(parents=True)
            stem = f"{person.participant_id}_{visit.session}_task-rest"
            seed = task_seed(spec.seed, "scan", person.participant_id, visit.session)
            rng = np.random.default_rng(seed)
            damage = spec.damage.get(person.participant_id)
            restless = visit.restlessness * (4 if damage == "restless" else 1)
            motion = simulate_motion(rng, spec.n_volumes, restless)
            displacement = np.nan_to_num(framewise_displacement(motion))
            volumes = simulate_scan(
                rng,
                brain,
                scanner(spec.seed, person.site, spec.site_effects),
                Planted(tuple(places["insula"]), "Default", visit.amplitude, visit.coupling),
                motion,
                displacement,
                t_r=spec.t_r,
            )
            table, described = confounds_table(volumes[brain.mask].T, brain, motion, t_r=spec.t_r)
            bold = func / f"{stem}_space-{SPACE}_desc-preproc_bold.nii.gz"
            mask = func / f"{stem}_space-{SPACE}_desc-brain_mask.nii.gz"
            confounds = func / f"{stem}_desc-confounds_timeseries.tsv"
            _write_image(bold, volumes, brain.affine, t_r=spec.t_r, canary=spec.canary)
            _write_image(mask, brain.mask.astype(np.uint8), brain.affine, canary=spec.canary)
            _write_json(_sidecar(bold), _about_bold(spec))
            _write_json(_sidecar(mask), {"Type": "Brain"})
            _write_table(confounds, table, digits=9)
            _write_json(confounds.with_suffix(".json"), described)
            if damage is not None:
                damage_files(damage, bold, confounds)
    visits = pd.DataFrame(
        {
            "session_id": [v.session for v in person.visits],
            "day": [v.day for v in person.visits],
            "vas": [v.vas for v in person.visits],
        }
    )
    _write_table(home / f"{person.participant_id}_sessions.tsv", visits)


def write_study(
    root: Path,
    spec: SimulatedCohort,
    brain: Brain,
    places: dict[str, list[int]],
    people: list[Person],
) -> None:
    """Write what belongs to the study as a whole; the ground truth comes last."""
    generated = {
        "Name": "Lumbago",
        "Version": versions(["lumbago"])["lumbago"],
        "Description": "Simulated; names, tables and sidecars in the form of fMRIPrep 24.",
    }
    description: dict[str, Any] = {
        "Name": "Simulated chronic low back pain",
        "BIDSVersion": "1.9.0",
        "DatasetType": "derivative",
        "GeneratedBy": [generated],
    }
    if spec.canary:
        description["Authors"] = [spec.canary]
    _write_json(root / "dataset_description.json", description)
    table = pd.DataFrame(
        {
            "participant_id": [p.participant_id for p in people],
            "group": [p.group for p in people],
            "site": [p.site for p in people],
            "age": [p.age for p in people],
            "sex": [p.sex for p in people],
        }
    )
    if spec.canary:
        table["name"] = [f"{spec.canary} {p.participant_id}" for p in people]
        table["comment"] = spec.canary
    _write_table(root / "participants.tsv", table)
    _write_json(
        root / "participants.json",
        {
            "group": {"Levels": {"CLBP": "chronic low back pain", "HC": "healthy control"}},
            "age": {"Units": "years"},
            "vas": {"Description": "pain of the past week, 0 to 10, in the sessions tables"},
        },
    )
    _write_json(root / "ground_truth.json", ground_truth(spec, brain, places, people))


def ground_truth(
    spec: SimulatedCohort, brain: Brain, places: dict[str, list[int]], people: list[Person]
) -> dict[str, Any]:
    """What was planted, where, how strongly and in whom, as JSON values."""
    names = brain.labels["name"].tolist()
    insula = [names[i] for i in places["insula"]]
    default = [names[i] for i in places["default_mode"]]
    edges = sorted(tuple(sorted((i, d))) for i in places["insula"] for d in places["default_mode"])
    inside = [(a, b) for a in places["insula"] for b in places["insula"] if a < b]
    return {
        "schema": 1,
        "content": spec.content(),
        "settings": spec.canonical(),
        "atlas": "lumbago200",
        "regions": {"insula": insula, "default_mode": default},
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
        },
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
                "sessions": {
                    v.session: {
                        "severity": v.severity,
                        "vas": v.vas,
                        "insula_amplitude": 1 + v.amplitude,
                        "default_mode_insula_coupling": v.coupling,
                        "restlessness": v.restlessness,
                    }
                    for v in p.visits
                },
            }
            for p in people
        },
    }


def compressed_size(voxel_size: float, n_volumes: int) -> int:
    """About how many bytes a scan and its tables take, from what simulated ones took."""
    n_voxels = 29_436 * (4 / voxel_size) ** 3
    return int(n_volumes * (1.7 * n_voxels + 900))


def _about_bold(spec: SimulatedCohort) -> dict[str, Any]:
    about: dict[str, Any] = {
        "RepetitionTime": spec.t_r,
        "TaskName": "rest",
        "SkullStripped": True,
        "StartTime": 0.0,
    }
    if spec.canary:
        about |= dict.fromkeys(
            ("PatientName", "PatientID", "InstitutionName", "DeviceSerialNumber"), spec.canary
        )
    return about


def _write_image(
    path: Path, array: np.ndarray, affine: np.ndarray, *, t_r: float | None = None, canary: str
) -> None:
    image = nib.Nifti1Image(array, affine)
    header = image.header
    header.set_xyzt_units("mm", "sec" if t_r else None)
    if t_r:
        header.set_zooms((*header.get_zooms()[:3], t_r))
    header.set_sform(affine, code="mni")
    header.set_qform(affine, code="mni")
    if canary:
        for text in ("descrip", "aux_file", "db_name", "intent_name"):
            header[text] = canary
        comment = nib.nifti1.Nifti1Extension("comment", f"patient {canary}".encode())
        header.extensions.append(comment)
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=1, mtime=0))


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".nii.gz") + ".json")


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_table(path: Path, table: pd.DataFrame, digits: int | None = None) -> None:
    form = None if digits is None else f"%.{digits}g"
    table.to_csv(path, sep="\t", index=False, na_rep="n/a", float_format=form, lineterminator="\n")
