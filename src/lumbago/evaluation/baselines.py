"""What every score is held against: guessing, motion alone, the scanner alone, the clinic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbago.data.dataset import Dataset
from lumbago.data.features import COVARIATE
from lumbago.models.catalogue import Dummy, Logistic, Model, Ridge

LABEL = "baseline"
MOTION = "mean_fd"
BASELINES = ("majority", "motion_only", "site_only", "covariates", "clinical")


@dataclass(frozen=True)
class Baseline:
    """A model every grid holds by itself, and what it predicts from."""

    name: str
    spec: Model
    columns: tuple[str, ...]


def baselines_of(
    dataset: Dataset, clinical: Sequence[str] = ()
) -> tuple[list[Baseline], dict[str, str]]:
    """Return the baselines this dataset allows, and why the others are missing.

    ``majority`` knows the training labels only (their mean, for a continuous target);
    ``motion_only`` has the mean framewise displacement; ``site_only`` the scanner;
    ``covariates`` every covariate of the dataset together, without those of `clinical`, which
    may be what the target is made of; ``clinical`` those named there, all of them or none.

    Returns
    -------
    baselines : list of Baseline
    missing : dict of str to str
        Name → reason: ``no mean_fd``.
    """
    linear: Model = Ridge() if dataset.target.kind == "continuous" else Logistic()
    found = [Baseline("majority", Dummy(), ())]
    missing: dict[str, str] = {}
    if MOTION not in dataset.covariates:
        missing["motion_only"] = f"no {MOTION}"
    elif not np.isfinite(dataset.X[COVARIATE + MOTION].to_numpy(dtype=float)).any():
        missing["motion_only"] = f"{MOTION} is empty"
    else:
        found.append(Baseline("motion_only", linear, (COVARIATE + MOTION,)))
    if len(np.unique(dataset.site)) < 2:
        missing["site_only"] = "one site"
    else:
        found.append(Baseline("site_only", linear, (COVARIATE + "site",)))
    others = _covariates(dataset, clinical)
    if not others:
        missing["covariates"] = "no covariates"
    elif others in ([MOTION], ["site"]):
        missing["covariates"] = f"no covariate but {others[0]}"
    else:
        columns = tuple(COVARIATE + name for name in others)
        found.append(Baseline("covariates", linear, columns))
    if clinical:
        columns = tuple(COVARIATE + name for name in dict.fromkeys(clinical))
        absent = [c.removeprefix(COVARIATE) for c in columns if c not in dataset.X.columns]
        empty = [
            c.removeprefix(COVARIATE)
            for c in columns
            if c in dataset.X.columns and not dataset.X[c].notna().any()
        ]
        if absent or empty:
            missing["clinical"] = f"no {', '.join(absent)}" if absent else f"{empty[0]} is empty"
        else:
            found.append(Baseline("clinical", linear, columns))
    return found, missing


def _covariates(dataset: Dataset, clinical: Sequence[str]) -> list[str]:
    """Return the covariates that say something of somebody; one site says nothing."""
    return [
        name
        for name in dataset.covariates
        if name not in clinical
        and dataset.X[COVARIATE + name].notna().any()
        and not (name == "site" and len(np.unique(dataset.site)) < 2)
    ]
