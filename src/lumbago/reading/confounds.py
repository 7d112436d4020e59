"""fMRIPrep's confounds tables: which regressors to take out, which volumes to keep."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Scan
from lumbago.errors import ScanRejected
from lumbago.reading.denoise import Denoise
from lumbago.reading.freedom import check_freedom
from lumbago.reading.scrubbing import (
    DVARS,
    FD,
    NON_STEADY,
    kept_indices,
    motion_fd,
    read_table,
    surviving,
)


@dataclass(frozen=True, eq=False)
class Confounds:
    """What to regress out of one scan and which of its volumes to keep.

    Parameters
    ----------
    values : array of shape (n_volumes, n_confounds), float64
        As fMRIPrep wrote them, the missing first value of a derivative taken from the second.
    names : tuple of str
        Column names.
    kept : array of int or None
        Indices of the kept volumes; None keeps all.
    fd : array of shape (n_volumes,) or None
        Framewise displacement, in mm; NaN for the first volume.
    """

    values: np.ndarray
    names: tuple[str, ...]
    kept: np.ndarray | None = None
    fd: np.ndarray | None = None


def load(
    source: Scan | Path | str | pd.DataFrame | np.ndarray, denoise: Denoise, n_volumes: int
) -> Confounds:
    """Return the regressors and kept volumes that a denoising asks for.

    Parameters
    ----------
    source : Scan, path, DataFrame or array
        A scan with a confounds file, or that file (an fMRIPrep table, its JSON beside it).
        A DataFrame or array of shape (n_volumes, k) is taken whole, as the user chose it.
        A scan without confounds gives no regressor; its motion table, if any, is scrubbed by.
    denoise : Denoise
    n_volumes : int
        Volumes of the image; the table must have as many rows.

    Raises
    ------
    ScanRejected
        ``E_CONFOUND_TABLE`` unreadable, ``E_CONFOUND_ROWS`` rows differ from volumes,
        ``E_CONFOUND_COLUMN`` a needed column is missing, ``E_CONFOUND_NAN`` missing values
        beyond the first row, ``E_SCRUBBED`` no volume left, ``E_DOF`` too few degrees of
        freedom left.
    """
    if isinstance(source, pd.DataFrame | np.ndarray):
        confounds = _as_given(source, n_volumes)
    else:
        confounds = _from_files(source, denoise, n_volumes)
    _check_finite(confounds)
    check_freedom(confounds.values, confounds.kept)
    return confounds


def _as_given(table: pd.DataFrame | np.ndarray, n_volumes: int) -> Confounds:
    frame = pd.DataFrame(table)
    _check_rows(len(frame), n_volumes, "the confounds given")
    try:
        values = frame.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise ScanRejected(
            "E_CONFOUND_TABLE", "the confounds given hold cells that are not numbers"
        ) from None
    return Confounds(values, tuple(str(c) for c in frame.columns))


def _from_files(source: Scan | Path | str, denoise: Denoise, n_volumes: int) -> Confounds:
    files = source.files if isinstance(source, Scan) else {"confounds": Path(source)}
    if "confounds" not in files:
        fd = motion_fd(files["motion"], n_volumes) if "motion" in files else None
        scrub = denoise.scrub if fd is not None else None
        kept = kept_indices(surviving(n_volumes, scrub, fd=fd))
        return Confounds(np.empty((n_volumes, 0)), (), kept, fd)
    path = Path(files["confounds"])
    table = read_table(path)
    _check_rows(len(table), n_volumes, path.name)
    fd = _column(table, FD)
    kept = surviving(
        n_volumes,
        denoise.scrub,
        fd=_checked(table, FD) if denoise.scrub and denoise.scrub.fd is not None else fd,
        std_dvars=_checked(table, DVARS) if denoise.scrub and denoise.scrub.std_dvars else None,
        non_steady=_non_steady(table),
    )
    chosen = _select(path, table, denoise)
    return Confounds(
        chosen.to_numpy(dtype=np.float64), tuple(str(c) for c in chosen), kept_indices(kept), fd
    )


def _select(path: Path, table: pd.DataFrame, denoise: Denoise) -> pd.DataFrame:
    """Let nilearn choose the columns, from copies whose names and paths it understands."""
    arguments = denoise.load_confounds_arguments()
    if not arguments["strategy"]:
        return table.iloc[:, :0]
    from nilearn.interfaces.fmriprep import load_confounds

    sidecar = path.with_suffix(".json")
    if "compcor" in arguments["strategy"] and not sidecar.is_file():
        raise ScanRejected(
            "E_CONFOUND_COLUMN",
            f"{path.name}: anatomical CompCor needs {sidecar.name} beside the table; "
            "copy it from fMRIPrep's output or choose another strategy",
        )
    # load_confounds finds the table from the name of an image, replaces "tsv" anywhere in the
    # path by "json", and refuses a Path: names of our own keep it from all three.
    with tempfile.TemporaryDirectory(prefix="confounds-") as folder:
        stem = Path(folder) / "sub-0_desc-confounds_timeseries"
        shutil.copyfile(path, stem.with_suffix(".tsv"))
        if sidecar.is_file():
            shutil.copyfile(sidecar, stem.with_suffix(".json"))
        image = str(Path(folder) / "sub-0_desc-preproc_bold.nii.gz")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                chosen, _ = load_confounds(image, **arguments, demean=False)
        except json.JSONDecodeError:
            raise ScanRejected(
                "E_CONFOUND_TABLE", f"{sidecar.name}: expected JSON, got something else"
            ) from None
        except Exception as e:  # nilearn's failures here have no common class
            what = f" ({e.args[0]})" if isinstance(e, KeyError) and e.args else ""
            raise ScanRejected(
                "E_CONFOUND_COLUMN",
                f"{path.name}: strategy {denoise.strategy} needs columns this table does not "
                f"have{what or _missing(e)}; choose a strategy the table allows",
            ) from None
    return chosen


def _missing(error: Exception) -> str:
    text = str(error)
    if not text.startswith("The following keywords"):
        return ""
    return " (" + " ".join(text.split(":", 1)[1].split(". You may")[0].split()) + ")"


def _column(table: pd.DataFrame, name: str) -> np.ndarray | None:
    return table[name].to_numpy(dtype=np.float64) if name in table else None


def _checked(table: pd.DataFrame, name: str) -> np.ndarray | None:
    values = _column(table, name)
    if values is not None and not np.isfinite(values[1:]).all():
        line = int(np.flatnonzero(~np.isfinite(values[1:]))[0]) + 3
        raise ScanRejected(
            "E_CONFOUND_NAN",
            f"the confounds column {name} has a missing value in line {line}; only the first "
            "volume may miss it",
        )
    return values


def _non_steady(table: pd.DataFrame) -> np.ndarray:
    columns = [c for c in table if NON_STEADY in str(c)]
    return (table[columns].to_numpy() != 0).any(axis=1)


def _check_rows(rows: int, n_volumes: int, name: str) -> None:
    if rows != n_volumes:
        raise ScanRejected(
            "E_CONFOUND_ROWS",
            f"{name}: expected one row per volume ({n_volumes}), got {rows}; "
            "the table is cut or belongs to another run",
        )


def _check_finite(confounds: Confounds) -> None:
    bad = ~np.isfinite(confounds.values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ScanRejected(
            "E_CONFOUND_NAN",
            f"the confounds column {confounds.names[column]} has no finite value at volume "
            f"{row + 1}; only the first value of a derivative may be missing",
        )


def motion_summary(
    scan: Scan, denoise: Denoise | None, n_volumes: int | None = None
) -> dict[str, Any]:
    """Summarize the motion of one scan under a denoising.

    Parameters
    ----------
    scan : Scan
    denoise : Denoise or None
    n_volumes : int or None
        Length of the series where a table beside the confounds tells it.

    Returns
    -------
    dict
        ``mean_fd`` (mm, over all volumes that have one), ``n_volumes``, ``n_volumes_kept``,
        ``minutes_kept``; NaN where unknown. A broken table gives NaN here and its reason when
        the scan is measured.
    """
    summary = dict.fromkeys(("mean_fd", "n_volumes", "n_volumes_kept", "minutes_kept"), np.nan)
    fd = kept = None
    try:
        if "confounds" in scan.files:
            table = read_table(Path(scan.files["confounds"]), (FD, DVARS))
            fd, n_volumes = _column(table, FD), len(table)
            dvars, unsteady = _column(table, DVARS), _non_steady(table)
            if denoise is not None:
                kept = surviving(
                    n_volumes, denoise.scrub, fd=fd, std_dvars=dvars, non_steady=unsteady
                )
        elif "motion" in scan.files:
            fd = motion_fd(Path(scan.files["motion"]), n_volumes)
            n_volumes = len(fd) if fd is not None else n_volumes
            if denoise is not None and fd is not None:
                kept = surviving(len(fd), denoise.scrub, fd=fd)
    except ScanRejected:
        pass
    if fd is not None and np.isfinite(fd).any():
        summary["mean_fd"] = float(np.nanmean(fd))
    if n_volumes is not None:
        summary["n_volumes"] = float(n_volumes)
        summary["n_volumes_kept"] = float(n_volumes if kept is None else kept.sum())
        if scan.t_r is not None:
            summary["minutes_kept"] = summary["n_volumes_kept"] * scan.t_r / 60
    return summary
