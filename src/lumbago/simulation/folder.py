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
from lumbago.simulation.people import RESTLESS, Person, Visit, is_missing, scanner
from lumbago.simulation.scans import Planted, simulate_scan
from lumbago.simulation.truth import ground_truth

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
            restless = visit.restlessness * (RESTLESS if damage == "restless" else 1)
            motion = simulate_motion(rng, spec.n_volumes, restless)
            displacement = np.nan_to_num(framewise_displacement(motion))
            volumes = simulate_scan(
                rng,
                brain,
                scanner(spec.seed, person.site, spec.site_effects),
                planted_in(person, visit, spec, places),
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
    for row, visit in enumerate(person.visits):
        if is_missing(spec.seed, spec.missing, person.participant_id, visit.session, "vas"):
            visits.loc[row, "vas"] = np.nan
    _write_table(home / f"{person.participant_id}_sessions.tsv", visits)


def planted_in(
    person: Person, visit: Visit, spec: SimulatedCohort, places: dict[str, list[int]]
) -> Planted:
    """What is planted in the brain at one visit."""
    return Planted(
        insula=tuple(places["insula"]),
        default_mode="Default",
        amplitude=visit.amplitude,
        coupling=visit.coupling,
        apart=visit.apart,
        painful=tuple(places["cingulate"]),
        follows=spec.effects.vas_amplitude if person.group == "CLBP" else 0.0,
        pain=visit.pain,
    )


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
    table = participants_table(spec, people)
    if spec.canary:
        table["name"] = [f"{spec.canary} {p.participant_id}" for p in people]
        table["comment"] = spec.canary
    _write_table(root / "participants.tsv", table)
    _write_json(root / "participants.json", _about_columns(list(table.columns)))
    _write_json(root / "ground_truth.json", ground_truth(spec, brain, places, people))


def participants_table(spec: SimulatedCohort, people: list[Person]) -> pd.DataFrame:
    """One row per person, with cells left empty where the settings ask for it."""
    table = pd.DataFrame(
        {
            "participant_id": [p.participant_id for p in people],
            "group": [p.group for p in people],
            "site": [p.site for p in people],
            "age": [p.age for p in people],
            "sex": [p.sex for p in people],
        }
    )
    if spec.treatment is not None:
        words = {None: None, True: "yes", False: "no"}
        table["responder"] = [words[p.responder] for p in people]
    for column in people[0].muscles:
        table[column] = [p.muscles[column] for p in people]
    if spec.missing:
        table["age"] = table["age"].astype("Int64")  # whole numbers, or nothing
        for row, person in enumerate(people):
            for column in ("age", *person.muscles):
                if is_missing(spec.seed, spec.missing, person.participant_id, column):
                    table.loc[row, column] = pd.NA if column == "age" else np.nan
    return table


def _about_columns(columns: list[str]) -> dict[str, Any]:
    about: dict[str, Any] = {
        "group": {"Levels": {"CLBP": "chronic low back pain", "HC": "healthy control"}},
        "age": {"Units": "years"},
        "vas": {"Description": "pain of the past week, 0 to 10, in the sessions tables"},
    }
    if "responder" in columns:
        about["responder"] = {"Description": "whether a treated patient got better"}
    for column in columns:
        if column == "bmi":
            about[column] = {"Description": "body mass index", "Units": "kg/m^2"}
        elif column.startswith("fat_fraction_"):
            about[column] = {"Description": "share of fat, 0 to 1, mean of both sides"}
        elif column.startswith("csa_"):
            about[column] = {
                "Description": "cross-sectional area of one side by body weight",
                "Units": "mm^2/kg",
            }
    return about


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
