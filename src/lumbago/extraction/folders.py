"""Measures of every scan of a dataset, written as files that people open; no learning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lumbago.data import Scan
from lumbago.errors import InputError
from lumbago.extraction.cohort import Progress
from lumbago.extraction.derivatives import Source, write_description
from lumbago.extraction.images import Written, extract_scan
from lumbago.extraction.wording import of_anyone
from lumbago.extraction.workers import in_parallel
from lumbago.reading.bids import BidsCohort


def extract_folder(
    cohort: BidsCohort,
    extractors: Mapping[str, Any],
    output: Path | str,
    *,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> dict[str, Written]:
    """Measure every scan of a BIDS dataset, raw or fMRIPrep's, and write what people open.

    A scan that cannot be measured is told with its reason and stops nothing.

    Parameters
    ----------
    cohort : BidsCohort
        Which dataset, task and space; its table of participants plays no part.
    extractors : mapping of name to Extractor
        As `chosen` makes them: maps are kept.
    output : path
    n_jobs : int
        Processes; the files do not depend on it.
    progress : callable, optional

    Returns
    -------
    dict of a scan's name to Written

    Raises
    ------
    InputError
        If there is no scan, or none could be measured.
    """
    found = cohort.find("cohort")
    name = "preprocessed" if cohort.raw is None else "raw"
    folder = Path(output)
    tasks = [(s, extractors, folder, _source(s, cohort.folder, name)) for s in found.scans]
    write_description(folder, _links(cohort.folder, folder, name))
    outcomes: dict[str, Written] = {
        " ".join(w for w in (who, ses, run) if w): Written(
            (), (), dict.fromkeys(extractors, reason)
        )
        for who, ses, run, _, reason in found.excluded
    }
    measured = in_parallel(extract_scan, tasks, n_jobs, died=_died)
    for done, (position, outcome) in enumerate(measured, 1):
        scan: Scan = tasks[position][0]
        outcomes[str(scan)] = outcome
        if progress is not None:
            progress(done, len(tasks), str(scan))
    if not any(o.files for o in outcomes.values()):
        told = Counter(
            reason for o in outcomes.values() for reason in {*map(of_anyone, o.rejected.values())}
        )
        reasons = "; ".join(f"{reason} ({n} scans)" for reason, n in told.most_common())
        raise InputError(f"none of {len(outcomes)} scans gave anything: {reasons}")
    return {name: outcomes[name] for name in sorted(outcomes)}


def _source(scan: Scan, root: Path, name: str) -> Source:
    roles = [r for r in ("bold", "mask", "confounds") if r in scan.files]
    below = [Path(scan.files[r]).relative_to(root).as_posix() for r in roles]
    return Source(
        Path(scan.files["bold"]).name, tuple(f"bids:{name}:{b}" for b in below), scan.space
    )


def _links(root: Path, output: Path, name: str) -> dict[str, str]:
    """Say where the sources lie if that is above the output, and so names no folder."""
    above = output.resolve().parents
    there = root.resolve()
    return {name: "/".join([".."] * (above.index(there) + 1))} if there in above else {}


def _died(scan: Scan, extractors: Mapping[str, Any], output: Path, source: Source) -> Written:
    reason = "the process that measured it ended twice, for want of memory most likely"
    return Written((), (), dict.fromkeys(extractors, reason))
