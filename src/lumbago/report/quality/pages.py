"""Quality pages of a folder of scans: one for each scan, and one for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Scan
from lumbago.data.dataset import Target
from lumbago.data.html import without_people
from lumbago.errors import InputError, ScanRejected, cannot_write
from lumbago.extraction import in_parallel, without_paths
from lumbago.extraction.derivatives import Source
from lumbago.extractors import Quality
from lumbago.provenance import versions
from lumbago.reading.recording import Recording
from lumbago.report.page import page
from lumbago.report.quality import edges, motion
from lumbago.report.quality.cohort import facts, findings, methods, unbroken
from lumbago.report.quality.scan import scan_page
from lumbago.report.references import BIBLIOGRAPHY, cited, pieces
from lumbago.report.tables import Table
from lumbago.report.words import sentence
from lumbago.store import write_file

Outcome = tuple[dict[str, float], dict[str, float], str]
"""Numbers of a scan, coverage of its regions, and why there is no page."""
_NOBODY = Target("quality", "continuous", ())


def write_pages(
    scans: Sequence[Scan],
    output: Path,
    quality: Quality,
    *,
    left_out: Sequence[str] = (),
    n_jobs: int = 1,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Path]:
    """Write the quality page of every scan, ``quality.tsv`` and the page of all, ``quality.html``.

    Pages of scans and the table name participants and lie among the derivatives; the page of
    all shows groups only.

    Parameters
    ----------
    scans : sequence of Scan
    output : path
        Folder of the derivatives.
    quality : Quality
    left_out : sequence of str
        Why other scans of the folder were not even tried.
    n_jobs : int
        Processes; no byte depends on it.
    progress : callable, optional

    Returns
    -------
    list of path
    """
    tasks = [(scan, output, quality) for scan in scans]
    outcomes: dict[int, Outcome] = {}
    for position, outcome in in_parallel(write_one, tasks, n_jobs, died=_died):
        outcomes[position] = outcome
        if progress is not None:
            progress(len(outcomes), len(tasks), str(scans[position]))
    rows = [
        {"participant_id": s.participant, "session": s.session or np.nan, "run": s.run or np.nan,
         **outcomes[i][0], "not_available": outcomes[i][2] or np.nan}
        for i, s in enumerate(scans)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    text = table.to_csv(
        sep="\t", index=False, na_rep="n/a", lineterminator="\n", float_format="%.7g"
    )
    reasons = [*table["not_available"].dropna(), *left_out]
    html = folder_page(table, [outcomes[i][1] for i in range(len(scans))], reasons)
    written = [page_path(s, output) for i, s in enumerate(scans) if not outcomes[i][2]]
    written.append(_write(output / "quality.tsv", text, output))
    written.append(_write(output / "quality.html", html, output))
    return written


def write_image_page(recording: Recording, image: Path, output: Path, quality: Quality) -> Path:
    """Write the quality page of a single image; return where it lies.

    Raises
    ------
    InputError
        If the image gives none.
    """
    source = Source(image.name, (), recording.scan.space)
    try:
        html, _, _ = scan_page(recording, quality, image.name)
    except (ScanRejected, ValueError) as error:
        raise InputError(f"{image.name}: {_reason(error)}") from None
    return _write(_place(source, output), html, output)


def page_path(scan: Scan, output: Path) -> Path:
    """Return where a scan's page lies: beside its derivatives, under their name."""
    return _place(Source(Path(scan.files["bold"]).name, (), scan.space), output)


def _place(source: Source, output: Path) -> Path:
    return output / source.folder / f"{source.prefix}_desc-quality_bold.html"


def _write(path: Path, html: str, output: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, html.encode())
    except OSError as error:
        raise cannot_write(error, output.name, "--output") from error
    return path


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, ScanRejected) else str(error)


def write_one(scan: Scan, output: Path, quality: Quality) -> Outcome:
    """Write the page of one scan; one that cannot be read is told with its reason."""
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(1):
            recording = Recording(scan, min_minutes=0, min_volumes=2)
            html, numbers, coverage = scan_page(recording, quality, heading(scan))
    except (ScanRejected, ValueError) as error:
        return {}, {}, without_paths(_reason(error), tuple(scan.files.values()))
    _write(page_path(scan, output), html, output)
    return numbers, coverage, ""


def heading(scan: Scan) -> str:
    """Return what a scan's page is headed by."""
    task = scan.entities.get("task", "")
    words = (scan.participant, scan.session, f"task-{task}" if task else "", scan.run)
    return " ".join(word for word in words if word)


def folder_page(
    table: pd.DataFrame, coverage: Sequence[Mapping[str, float]], reasons: Sequence[str]
) -> str:
    """Return the page of all scans of a folder as text: groups, nobody in particular."""
    # The name of a folder may name a place.
    people = table.assign(cohort="dataset", site="all scans", target=np.nan, denoise="")
    there = people[people["not_available"].isna()].drop_duplicates("participant_id")
    about: dict[str, Any] = {}
    text = methods(about, [])
    order = cited(text)
    shares = pd.DataFrame([c for c in coverage if c])
    covered = {
        str(region): [float(values.median()), int((values < 0.5).sum())]
        for region, values in shares.items()
    }
    told = findings(there, _NOBODY, about, [])
    return page(
        "quality.html.j2",
        name="dataset",
        version=versions(["lumbago"])["lumbago"],
        of_whom="Every scan of the folder that could be read; the first of each person counts.",
        report="",
        made_from="quality.tsv",
        grouped=False,
        sentences=[unbroken(sentence(s)) for s in told],
        facts=facts(there, about),
        groups=motion.by_group(there, _NOBODY),
        spread=motion.spread(there, _NOBODY),
        denoisings=None,
        differences=None,
        no_motion=""
        if "mean_fd" in there and there["mean_fd"].notna().any()
        else "not available: no mean_fd",
        qc_fc=None,
        figures=[],
        missing={},
        no_edges="not available: it needs the connectomes of at least 20 people, which an "
        "experiment measures (lumbago run)",
        coverage=edges.lowest({"": covered}) if covered else None,
        covered=bool(covered),
        excluded=_left_out(reasons) if reasons else None,
        methods=[pieces(paragraph, order) for paragraph in text],
        references=[(i + 1, BIBLIOGRAPHY[key]) for i, key in enumerate(order)],
    )


def _left_out(reasons: Sequence[str]) -> Table:
    counts = Counter(without_people(reason) for reason in reasons)
    return Table(["Reason", "Scans"], [[reason, f"{n:,}"] for reason, n in counts.most_common()])


def _died(scan: Scan, output: Path, quality: Quality) -> Outcome:
    return {}, {}, "the process that looked at it ended twice, for want of memory most likely"
