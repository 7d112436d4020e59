"""Head motion, and the confounds table that fMRIPrep would have written for a scan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lumbago.simulation.brain import Brain

MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
HEAD_RADIUS = 50.0  # mm; Power et al. (2012), doi:10.1016/j.neuroimage.2011.10.018
HIGH_PASS = 128.0  # s, fMRIPrep's default
N_COMPONENTS = 6


def simulate_motion(rng: np.random.Generator, n_volumes: int, restlessness: float) -> np.ndarray:
    """Translations (mm) and rotations (radians), (n_volumes, 6): drift, breathing, jerks.

    Parameters
    ----------
    rng : Generator
    n_volumes : int
    restlessness : float
        1 for a calm person, with about 0.1 mm of framewise displacement; jerks grow in
        number and size with it.
    """
    steps = rng.standard_normal((n_volumes, 6)) * 0.012 * restlessness
    drift = np.cumsum(steps, axis=0) + np.linspace(0, 1, n_volumes)[:, None] * (
        0.15 * restlessness * rng.standard_normal(6)
    )
    breath = 0.02 * np.sin(np.arange(n_volumes) * 1.9 + rng.uniform(0, 6.28))[:, None]
    breath = breath * np.array([0.1, 1.0, 0.8, 0.6, 0.1, 0.1])
    jerks = np.zeros((n_volumes, 6))
    for at in np.flatnonzero(rng.random(n_volumes) < 0.012 * restlessness**2):
        lasts = int(rng.integers(1, 4))
        size = 0.2 * restlessness * rng.standard_normal(6)
        jerks[at : at + lasts] += size
        jerks[at + lasts :] += 0.2 * size  # the head does not quite come back
    motion = drift + breath + jerks
    motion -= motion[n_volumes // 2]
    motion[:, 3:] /= HEAD_RADIUS
    return np.asarray(motion)


def framewise_displacement(motion: np.ndarray) -> np.ndarray:
    """Power's displacement between volumes, in mm, (n_volumes,); NaN at the first."""
    lengths = motion * np.array([1, 1, 1, HEAD_RADIUS, HEAD_RADIUS, HEAD_RADIUS])
    return np.concatenate([[np.nan], np.abs(np.diff(lengths, axis=0)).sum(axis=1)])


def confounds_table(
    values: np.ndarray, brain: Brain, motion: np.ndarray, *, t_r: float
) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    """Confounds of a scan under fMRIPrep's names, and the sidecar that describes them.

    Parameters
    ----------
    values : array of shape (n_volumes, n_voxels)
        The scan itself; tissue signals and components are computed from it.
    brain : Brain
    motion : array of shape (n_volumes, 6)
        Translations (mm), rotations (radians).
    t_r : float
        In seconds.

    Returns
    -------
    table : DataFrame of shape (n_volumes, n_confounds); NaN, to be written ``n/a``, where a
        difference has no predecessor.
    sidecar : dict, entries as in fMRIPrep's ``*_timeseries.json``
    """
    values = values.astype(np.float64)
    fluid, white = _most(brain.fluid), _most(brain.white)
    columns: dict[str, np.ndarray] = {}
    sidecar: dict[str, dict[str, Any]] = {}
    tissues = {
        "global_signal": np.ones(len(fluid), dtype=bool),
        "csf": fluid,
        "white_matter": white,
        "csf_wm": fluid | white,
    }
    for name, voxels in tissues.items():
        columns.update(_expanded(name, values[:, voxels].mean(axis=1)))
        sidecar[name] = {"Method": "Mean"}
    if "csf_wm" in columns:  # fMRIPrep writes the sum of both without its expansions
        for end in ("_derivative1", "_power2", "_derivative1_power2"):
            del columns["csf_wm" + end]

    columns["std_dvars"], columns["dvars"] = dvars(values)
    columns["framewise_displacement"] = framewise_displacement(motion)

    cosines = cosine_drifts(len(values), t_r)
    for prefix, mask, voxels in (
        ("c_comp_cor", "CSF", fluid),
        ("w_comp_cor", "WM", white),
        ("a_comp_cor", "combined", fluid | white),
    ):
        parts, shares, sizes = components(values[:, voxels], cosines)
        for i, part in enumerate(parts.T):
            name = f"{prefix}_{i:02d}"
            columns[name] = part
            sidecar[name] = {
                "CumulativeVarianceExplained": round(float(shares[: i + 1].sum()), 10),
                "Mask": mask,
                "Method": "aCompCor",
                "Retained": True,
                "SingularValue": round(float(sizes[i]), 10),
                "VarianceExplained": round(float(shares[i]), 10),
            }
    for i, cosine in enumerate(cosines.T):
        columns[f"cosine{i:02d}"] = cosine
    for i, name in enumerate(MOTION):
        columns.update(_expanded(name, motion[:, i]))
    with np.errstate(invalid="ignore"):
        moved = (columns["framewise_displacement"] > 0.5) | (columns["std_dvars"] > 1.5)
    for i, at in enumerate(np.flatnonzero(moved)):
        columns[f"motion_outlier{i:02d}"] = (np.arange(len(values)) == at).astype(float)
    return pd.DataFrame(columns), sidecar


def dvars(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standardized DVARS and DVARS, both (n_volumes,), NaN at the first volume.

    Standardized by the change that each voxel's spread and lag-one autocorrelation lead one
    to expect (Nichols 2013, as in nipype's ``compute_dvars``).
    """
    change = np.diff(values, axis=0)
    plain = np.concatenate([[np.nan], np.sqrt((change**2).mean(axis=1))])
    low, high = np.percentile(values, [25, 75], axis=0, method="lower")
    spread = (high - low) / 1.349
    centred = values - values.mean(axis=0)
    power = (centred**2).sum(axis=0)
    lagged = (centred[1:] * centred[:-1]).sum(axis=0)
    autocorrelation = np.divide(lagged, power, out=np.zeros_like(power), where=power > 0)
    expected = (np.sqrt(2 * (1 - autocorrelation)) * spread).mean()
    return plain / expected, plain


def cosine_drifts(n_volumes: int, t_r: float) -> np.ndarray:
    """Slow cosines below 1/128 Hz, (n_volumes, n_cosines), as fMRIPrep regresses them."""
    order = int(np.floor(2 * n_volumes * t_r / HIGH_PASS))
    at = (np.pi / n_volumes) * (np.arange(n_volumes) + 0.5)
    waves = [np.sqrt(2 / n_volumes) * np.cos(k * at) for k in range(1, order)]
    return np.column_stack(waves) if waves else np.empty((n_volumes, 0))


def components(values: np.ndarray, drifts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First principal components in time, their shares of variance and singular values.

    Slow drifts are taken out of the voxels first (aCompCor, Behzadi et al. 2007,
    doi:10.1016/j.neuroimage.2007.04.042).
    """
    slow = np.column_stack([np.ones(len(values)), drifts])
    basis = np.linalg.qr(slow)[0]
    left = values - basis @ (basis.T @ values)
    spread = left.std(axis=0)
    left = left[:, spread > 0] / spread[spread > 0]
    power, waves = np.linalg.eigh(left @ left.T)
    order = np.argsort(power)[::-1][:N_COMPONENTS]
    parts = waves[:, order]
    # An eigenvector's sign is free: let its largest entry be positive.
    parts = parts * np.sign(parts[np.abs(parts).argmax(axis=0), np.arange(parts.shape[1])])
    sizes = np.sqrt(np.maximum(power[order], 0))
    return parts, power[order] / power.sum(), sizes


def _expanded(name: str, series: np.ndarray) -> dict[str, np.ndarray]:
    """A confound with its backward difference and the squares of both."""
    change = np.concatenate([[np.nan], np.diff(series)])
    return {
        name: series,
        f"{name}_derivative1": change,
        f"{name}_power2": series**2,
        f"{name}_derivative1_power2": change**2,
    }


def _most(probability: np.ndarray, at_least: int = 20) -> np.ndarray:
    """Voxels that are surely of a tissue, or its likeliest ones on a coarse grid."""
    sure = probability > 0.8
    if np.count_nonzero(sure) < at_least:
        sure = np.zeros(len(probability), dtype=bool)
        sure[np.argsort(-probability, kind="stable")[:at_least]] = True
    return np.asarray(sure)
