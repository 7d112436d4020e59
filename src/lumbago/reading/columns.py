"""Which columns of a confounds table a strategy means: nilearn's choice, from the table's head."""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lumbago.errors import ScanRejected
from lumbago.reading.denoise import Denoise
from lumbago.reading.strategies import parts_of

_HALF = 0.5
_HEAD = 3
_COMPONENT = "_comp_cor_"


def chosen_columns(path: Path, denoise: Denoise) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of a strategy's columns, and what is to be noted of them.

    Parameters
    ----------
    path : Path
        An fMRIPrep table; only its first lines and the JSON beside it are read.
    denoise : Denoise

    Raises
    ------
    ScanRejected
        ``E_CONFOUND_COLUMN`` if the table lacks what the strategy needs, ``E_CONFOUND_TABLE``
        if the sidecar is no JSON.
    """
    arguments = denoise.load_confounds_arguments()
    if not arguments["strategy"]:
        return (), ()
    components = "compcor" in arguments["strategy"]
    about = _sidecar(path) if components else {}
    names = _by_nilearn(path, about, denoise.strategy, arguments)
    notes = []
    if components:
        names = _half_explained(names, about)
        notes = _too_few(names, about, parts_of(denoise.strategy).tissue)
    return tuple(names), tuple(notes)


def _sidecar(path: Path) -> Mapping[str, Mapping[str, Any]]:
    sidecar = path.with_suffix(".json")
    if not sidecar.is_file():
        raise ScanRejected(
            "E_CONFOUND_COLUMN",
            f"{path.name}: anatomical CompCor needs {sidecar.name} beside the table; "
            "copy it from fMRIPrep's output or choose another strategy",
        )
    try:
        about = json.loads(sidecar.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        about = None
    if not isinstance(about, dict):
        raise ScanRejected("E_CONFOUND_TABLE", f"{sidecar.name}: expected JSON, got something else")
    return {k: v for k, v in about.items() if isinstance(v, dict)}


def _by_nilearn(
    path: Path, about: Mapping[str, Any], strategy: str, arguments: Mapping[str, Any]
) -> list[str]:
    """Let nilearn choose from a copy of the first lines, whose name and path it understands.

    It finds the table from the name of an image, replaces "tsv" anywhere in the path by
    "json", and refuses a Path: names of our own keep it from all three.
    """
    from nilearn.interfaces.fmriprep import load_confounds

    try:
        with path.open(encoding="utf-8-sig", errors="replace") as table:
            head = "".join(line for _, line in zip(range(_HEAD), table, strict=False))
    except OSError:
        raise ScanRejected("E_CONFOUND_TABLE", f"{path.name}: cannot be opened") from None
    with tempfile.TemporaryDirectory(prefix="confounds-") as folder:
        stem = Path(folder) / "sub-0_desc-confounds_timeseries"
        stem.with_suffix(".tsv").write_text(head, encoding="utf-8")
        stem.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
        image = str(Path(folder) / "sub-0_desc-preproc_bold.nii.gz")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                chosen, _ = load_confounds(image, **arguments, demean=False)
        except Exception as e:  # nilearn's failures here have no common class
            what = f" ({e.args[0]})" if isinstance(e, KeyError) and e.args else ""
            raise ScanRejected(
                "E_CONFOUND_COLUMN",
                f"{path.name}: strategy {strategy} needs columns this table does not "
                f"have{what or _missing(e)}; choose a strategy the table allows{_aroma(e)}",
            ) from None
    return [str(c) for c in chosen]


def _missing(error: Exception) -> str:
    text = str(error)
    if not text.startswith("The following keywords"):
        return ""
    names = re.findall(r"'([^']+)'", text.split(". You may")[0])
    return f" ({', '.join(names)})" if names else ""


def _aroma(error: Exception) -> str:
    if "ica_aroma" not in str(error):
        return ""
    return ", or run ICA-AROMA: fMRIPrep does up to 23.0 (--use-aroma), fMRIPost-AROMA since"


def _half_explained(names: Sequence[str], about: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Leave out components beyond half of the variance, which --return-all-components writes.

    The sidecar tells of every component which share of its mask's variance it explains
    together with those before it; the one that reaches the half still counts.
    """
    reached: dict[tuple[str, str], bool] = {}
    kept = []
    for name in names:
        if _COMPONENT in name:
            told = about.get(name, {})
            mask = name[0], str(told.get("Mask"))
            if reached.get(mask):
                continue
            reached[mask] = float(told.get("CumulativeVarianceExplained") or 0) >= _HALF
        kept.append(name)
    return kept


def _too_few(
    names: Sequence[str], about: Mapping[str, Mapping[str, Any]], tissue: str
) -> list[str]:
    asked = tissue.removeprefix("acompcor")
    if not asked:
        return []
    masks = [str(about.get(n, {}).get("Mask")) for n in names if _COMPONENT in n]
    found = {mask: masks.count(mask) for mask in ("WM", "CSF")}
    if min(found.values()) >= int(asked):
        return []
    return [
        f"{tissue}: fMRIPrep retained {found['WM']} components of white matter and "
        f"{found['CSF']} of CSF, to half of the variance; no more are regressed out"
    ]
