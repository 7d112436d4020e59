"""Small datasets on disk, written by hand so that a test can see every byte of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

AFFINE = np.array([[-3.0, 0, 0, 10], [0, 3, 0, -12], [0, 0, 3, -9], [0, 0, 0, 1]])
SHAPE = (6, 5, 4)
MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
SPACE = "MNI152NLin2009cAsym"


def bold_image(
    n_volumes: int = 120, *, seed: int = 0, t_r: float = 2.0, shape: tuple[int, ...] = SHAPE
) -> nib.Nifti1Image:
    """A 4D image of noise around a mean of 1000, codes and units set."""
    rng = np.random.default_rng(seed)
    data = (1000 + 10 * rng.standard_normal((*shape, n_volumes))).astype(np.float32)
    image = nib.Nifti1Image(data, AFFINE)
    image.set_sform(AFFINE, 4)
    image.set_qform(AFFINE, 4)
    image.header.set_zooms((3, 3, 3, t_r))
    image.header.set_xyzt_units("mm", "sec")
    return image


def mask_image(shape: tuple[int, ...] = SHAPE) -> nib.Nifti1Image:
    """A mask without the outermost layer along x."""
    data = np.zeros(shape, dtype=np.uint8)
    data[1:-1] = 1
    image = nib.Nifti1Image(data, AFFINE)
    image.set_qform(AFFINE, 4)
    return image


def confounds_table(n_volumes: int = 120, *, seed: int = 0) -> pd.DataFrame:
    """Motion, its expansions, tissue means, displacement: fMRIPrep's names, first values n/a."""
    rng = np.random.default_rng(seed)
    columns: dict[str, np.ndarray] = {}
    tissue = ("csf", "white_matter", "global_signal")
    for name in (*tissue, *MOTION):
        values = rng.standard_normal(n_volumes).cumsum() * (0.01 if name in MOTION else 1.0)
        derivative = np.r_[np.nan, np.diff(values)]
        columns |= {
            name: values,
            f"{name}_derivative1": derivative,
            f"{name}_power2": values**2,
            f"{name}_derivative1_power2": derivative**2,
        }
    for i in range(3):
        columns[f"a_comp_cor_{i:02d}"] = rng.standard_normal(n_volumes)
        columns[f"cosine{i:02d}"] = np.cos(
            np.pi * (i + 1) * (np.arange(n_volumes) + 0.5) / n_volumes
        )
    columns["framewise_displacement"] = np.r_[np.nan, np.abs(rng.normal(0.15, 0.05, n_volumes - 1))]
    columns["std_dvars"] = np.r_[np.nan, rng.normal(1.0, 0.05, n_volumes - 1)]
    return pd.DataFrame(columns)


def compcor_sidecar() -> dict[str, Any]:
    """What fMRIPrep writes beside the table about its components."""
    return {
        f"a_comp_cor_{i:02d}": {"Mask": "combined", "Method": "aCompCor", "Retained": True}
        for i in range(3)
    }


def write_table(path: Path, table: pd.DataFrame) -> Path:
    """Write a TSV as fMRIPrep does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")
    return path


def write_scan(
    root: Path,
    stem: str = "sub-01_task-rest",
    *,
    n_volumes: int = 120,
    t_r: float = 2.0,
    seed: int = 0,
    sidecar: dict[str, Any] | None = None,
    res: str = "",
) -> Path:
    """Write one fMRIPrep scan with mask, confounds and sidecars; return the image's path."""
    parts = stem.split("_")
    folder = root / parts[0] / (parts[1] if parts[1].startswith("ses-") else "") / "func"
    folder.mkdir(parents=True, exist_ok=True)
    grid = f"{stem}_space-{SPACE}{res}"
    bold = folder / f"{grid}_desc-preproc_bold.nii.gz"
    bold_image(n_volumes, seed=seed, t_r=t_r).to_filename(bold)
    mask_image().to_filename(folder / f"{grid}_desc-brain_mask.nii.gz")
    about = {"RepetitionTime": t_r} if sidecar is None else sidecar
    (folder / f"{grid}_desc-preproc_bold.json").write_text(json.dumps(about))
    table = folder / f"{stem}_desc-confounds_timeseries.tsv"
    write_table(table, confounds_table(n_volumes, seed=seed))
    table.with_suffix(".json").write_text(json.dumps(compcor_sidecar()))
    return bold


def write_derivatives(root: Path, people: Sequence[str] = ("01", "02"), **settings: Any) -> Path:
    """Write a study with one scan per person and a participants table."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text('{"Name": "x", "DatasetType": "derivative"}')
    for seed, who in enumerate(people):
        write_scan(root, f"sub-{who}_task-rest", seed=seed, **settings)
    rows = [f"sub-{who}\t{30 + i}\tHC" for i, who in enumerate(people)]
    (root / "participants.tsv").write_text("\n".join(["participant_id\tage\tgroup", *rows]) + "\n")
    return root
