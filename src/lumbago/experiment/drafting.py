"""A first experiment about a folder: looked at, written with comments, ready to be changed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lumbago.data import Cohort
from lumbago.errors import EnvironmentProblem, InputError
from lumbago.experiment.guessing import (
    ABOUT,
    PEOPLE,
    Aim,
    aim_of,
    covariates_of,
    differs,
    is_number,
)
from lumbago.experiment.loading import load
from lumbago.experiment.quoting import as_key, as_word
from lumbago.reading import BidsCohort, ConnectomeCohort, TableCohort, TimeseriesCohort
from lumbago.reading.looking import Sight, look
from lumbago.reading.reader import CohortReader

_ATLAS = "lumbago200"


def draft(
    data: Path | str,
    output: Path | str,
    *,
    participants: Path | None = None,
    target: str | None = None,
) -> tuple[str, list[str]]:
    """Return the text of an experiment about some data, and what to know of it.

    Parameters
    ----------
    data : path
        Folder of fMRIPrep's derivatives, of time series or connectomes; or a table.
    output : path
        Where the file will lie; paths inside are relative to it where that is short.
    participants : path, optional
        Table of the participants, where it does not lie in the folder.
    target : str, optional
        Column to predict.

    Raises
    ------
    InputError
        If the data are none that an experiment can begin from, or no column can be predicted.
    """
    sight = look(data)
    if sight.kind == "raw":
        raise InputError(
            f"folder {sight.path.name}: raw scans lie in the scanner's space, where no atlas fits; "
            "preprocess them with fMRIPrep and name its output, or see `lumbago extract`"
        )
    reader = _reader(sight, participants)
    cohort = reader.read("study")
    table = cohort.table
    aim = aim_of(table, target)
    here = Path(output).resolve().parent
    covariates = covariates_of(table, aim.column)
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(output).name.split(".")[0]).strip("_-") or "first"
    parts = [
        f"# A first experiment, drafted from what the folder holds: {_held(cohort)}.",
        "# Change what you like; `lumbago check FILE` tells every mistake with its line.",
        f"name: {name}",
        f"question: {aim.question}",
        "seed: 20261120  # every random number follows from it",
        "",
        *_cohorts(sight, reader, here),
        "",
        "targets:",
        aim.yaml,
        "",
        *_features(sight, table, aim.column, covariates, cohort),
        "",
        "# Fitted inside every training fold, never on the people who are tested.",
        "preparation:",
        f"  standard: [{{impute: median}}, {_residualize(covariates)}scale]",
        "",
        *_models(aim),
        "",
        *_evaluation(table, aim),
    ]
    return "\n".join(parts) + "\n", list(cohort.notes)


def write_draft(output: Path, text: str) -> None:
    """Write a draft where nothing lies yet, and make sure that it is a valid experiment."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with open(output, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{output}: exists; name another with --output") from None
    except OSError as error:
        raise EnvironmentProblem(f"{output.name}: cannot be written ({error.strerror})") from error
    load(output)


def _reader(sight: Sight, participants: Path | None) -> CohortReader:
    common = {"participants": participants, "allow_missing": True}
    if sight.kind == "table":
        return TableCohort(table=sight.path, participants=participants)
    if sight.kind == "derivatives":
        return BidsCohort(
            derivatives=sight.path, task=sight.most("task") or "rest", space=_space(sight), **common
        )
    crowded = {
        key: sight.most(key)
        for key, counted in sight.entities.items()
        if len(counted) > 1 and key not in ("task",)
    }
    settings = {"select": crowded, "task": sight.most("task"), **common}
    if sight.kind == "timeseries":
        return TimeseriesCohort(folder=sight.path, **settings)
    return ConnectomeCohort(folder=sight.path, **settings)


def _space(sight: Sight) -> str | None:
    """Return the space of the scans that an atlas fits best: standard ones before native."""
    spaces = sorted(sight.entities.get("space", ()))
    standard = [s for s in spaces if s.startswith("MNI")]
    if spaces and not standard:
        raise InputError(
            f"folder {sight.path.name}: scans lie in {', '.join(spaces)}, where no atlas fits; "
            "run fMRIPrep with --output-spaces MNI152NLin2009cAsym"
        )
    return standard[0] if standard else None


def _held(cohort: Cohort) -> str:
    n, scans = len(cohort), len(cohort.scans)
    of_scans = f", {scans} scans" if scans else ""
    return f"{n} participants, {len(cohort.sessions)} sessions{of_scans}"


def _residualize(covariates: Sequence[str]) -> str:
    return f"{{residualize: [{', '.join(covariates)}]}}, " if covariates else ""


def _cohorts(sight: Sight, reader: CohortReader, here: Path) -> list[str]:
    kind = {"derivatives": "bids"}.get(sight.kind, sight.kind)
    where = {"derivatives": "derivatives", "table": "table"}.get(sight.kind, "folder")
    lines = ["cohorts:", "  study:", f"    kind: {kind}", f"    {where}: {_path(sight.path, here)}"]
    if reader.participants is not None:
        lines.append(f"    participants: {_path(reader.participants, here)}")
    for name in ("task", "space"):
        value = getattr(reader, name, None)
        if value:
            lines.append(f"    {name}: {as_word(value)}")
    select = getattr(reader, "select", None)
    if select:
        others = {k: ", ".join(sorted(sight.entities[k])) for k in select}
        lines.append(f"    select: {json.dumps(select)}  # there is {others}")
    if reader.has_scans:
        lines.append("    allow_missing: true  # leave out people without scan, and say so")
        lines.append("    # keep: mean_fd < 0.5 and minutes_kept >= 5")
    return lines


def _features(
    sight: Sight, table: pd.DataFrame, target: str, covariates: Sequence[str], cohort: Cohort
) -> list[str]:
    if sight.kind == "table":
        left = {target, *covariates, *ABOUT, *PEOPLE}
        columns = [str(c) for c in table.columns if c not in left and is_number(table, str(c))]
        if not columns:
            raise InputError(f"table {sight.path.name}: no column of numbers is left as a feature")
        words = ", ".join(as_word(c) for c in columns)
        return ["features:", f"  measures: {{kind: columns, columns: [{words}]}}"]
    if sight.kind != "derivatives":
        return ["features:", "  edges: {kind: connectome, fisher_z: true}"]
    strategy = _strategy(cohort)
    return [
        "denoise:",
        "  # Also: motion6, motion24, motion24_wmcsf, motion36, none.",
        f"  default: {{strategy: {strategy}, scrub: {{fd: 0.5}}}}",
        "",
        "features:",
        "  # Also: degree_centrality, vmhc, seed (seeds: pain_seeds), tsnr, peraf, intensity_sd,",
        "  # quality (motion and length alone).",
        f"  alff: {{kind: alff, atlas: {_ATLAS}, normalize: mean}}",
        f"  falff: {{kind: falff, atlas: {_ATLAS}}}",
        f"  reho: {{kind: reho, atlas: {_ATLAS}}}",
        f"  edges: {{kind: connectome, atlas: {_ATLAS}, band: [0.01, 0.1], fisher_z: true}}",
    ]


def _strategy(cohort: Cohort) -> str:
    """Return the strategy that the confounds of the first scan allow."""
    tables = [Path(s.files["confounds"]) for s in cohort.scans if "confounds" in s.files]
    if not tables:
        return "none"
    with open(tables[0], encoding="utf-8", errors="replace") as file:
        columns = file.readline().split("\t")
    has_compcor = any(c.startswith("a_comp_cor") for c in columns)
    return "motion24_acompcor" if has_compcor else "motion24"


def _models(aim: Aim) -> list[str]:
    if aim.continuous:
        return [
            "models:",
            "  ridge: {kind: ridge, tune: {alpha: [1, 10, 100, 1000]}}",
            "  forest: {kind: random_forest}",
        ]
    return [
        "models:",
        "  logistic: {kind: logistic, tune: {C: [0.0001, 0.001, 0.01, 0.1]}}",
        "  svm: {kind: linear_svm, C: 0.01}",
    ]


def _evaluation(table: pd.DataFrame, aim: Aim) -> list[str]:
    folds = max(2, min(5, aim.people if not aim.continuous else aim.people // 4))
    lines = [
        "evaluation:",
        f"  target: {as_key(aim.column)}",
        "  schemes:",
        f"    - {{kind: within_cohort, n_splits: {folds}, n_repeats: 5}}",
    ]
    if "site" in table and differs(table, "site"):
        lines.append("    - leave_one_site_out  # a scanner never seen")
    return [*lines, "  permutations: 20  # 1000 for a p-value worth the name"]


def _path(path: Path, here: Path) -> str:
    absolute = path.resolve()
    relative = os.path.relpath(absolute, here)
    short = relative.split(os.sep).count("..") <= 2
    return as_word(Path(relative).as_posix() if short else absolute.as_posix())
