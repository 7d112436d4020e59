"""A folder watched: one row of values for every volume, written as soon as it is known."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from lumbago.errors import InputError, cannot_write
from lumbago.extraction.kept import public_spec
from lumbago.live.arriving import Arrival, Arrivals
from lumbago.live.stream import LiveStream, LiveValues
from lumbago.provenance import versions

Told = Callable[[int, LiveValues], None]

COLUMNS = {
    "volume": "Number of the volume, from its file's name.",
    "delay": "From the last writing of the file to its row, in seconds.",
    "latency": "From the volume in memory to its values, in seconds.",
    "feedback": "By the rule of Settings.feedback.",
}
_NOTE = "Why values are missing, and what happened in the folder."


def watch(
    folder: Path | str,
    stream: LiveStream,
    output: Path | str,
    *,
    first: int | None = None,
    count: int | None = None,
    timeout: float = 60.0,
    patience: float | None = None,
    stop: str = "stop",
    settle: float = 0.05,
    poll: float = 0.01,
    told: Told | None = None,
) -> int:
    """Measure the volumes of a folder as they appear, and write a row for each.

    Volumes are single 3D images (``.nii``, ``.nii.gz``), numbered by the last digits of their
    names; DICOM must be converted on its way here. Where the stream takes confounds, they
    stand in a text file beside each volume, of its name with ``.txt``, written before it.
    The table's rows are complete lines, handed to the system one by one: whatever ends this
    process, what stands there stays. Files that a scanner may still be writing are left
    alone until they stand still; writing them aside and renaming them saves `settle`.

    Parameters
    ----------
    folder : path
    stream : LiveStream
    output : path
        Table to write (``.tsv``), its settings beside it (``.json``); must not exist.
    first, count, timeout, stop, settle, poll
        As for `Arrivals`.
    patience : float, optional
        Seconds to wait for a skipped number or an unreadable file; twice the repetition
        time where not given.
    told : callable, optional
        Is given the volume's number and its values.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    InputError
        If the folder cannot be read, its files are not numbered one by one, the table
        exists, or the stream has no values to write.
    EnvironmentProblem
        If the table cannot be written.
    """
    folder, output = Path(folder), Path(output)
    if not folder.is_dir():
        raise InputError(f"{folder.name}: expected a folder that volumes are written to")
    if not stream.names:
        raise InputError("the measures have no regional values to write; give them an atlas")
    arrivals = Arrivals(
        folder, 2 * stream.settings.t_r if patience is None else patience, timeout=timeout,
        first=first, count=count, stop=stop, settle=settle, poll=poll,
    )  # fmt: skip
    rows = 0
    with _table(output) as table:
        try:
            _write_line(table, [*COLUMNS, *stream.names, "note"])
            sidecar = output.with_suffix(".json")
            sidecar.write_text(json.dumps(about(stream), indent=2) + "\n", encoding="utf-8")
            for arrival in arrivals:
                found = _pushed(stream, arrival)
                delay = time.time() - arrival.written if arrival.written else math.nan
                cells = [str(arrival.number), *map(_number, (delay, found.latency, found.feedback))]
                notes = "; ".join((*arrival.notes, *found.notes))
                values = [_number(found.values[name]) for name in stream.names]
                _write_line(table, [*cells, *values, " ".join(notes.split()) or "n/a"])
                rows += 1
                if told is not None:
                    told(arrival.number, found)
        except OSError as error:
            raise cannot_write(error, output.name, "--output") from None
    return rows


def about(stream: LiveStream) -> dict[str, Any]:
    """Return what stands beside the table: what its columns are, and every setting."""
    settings = stream.settings.canonical()
    settings["measures"] = {
        name: json.loads(json.dumps(public_spec(measure)))
        for name, measure in stream.settings.measures.items()
    }
    columns = {name: {"Description": text} for name, text in COLUMNS.items()}
    for name in stream.names:
        columns[name] = {
            "Description": f"Of the last {stream.settings.width} volumes; n/a where undefined."
        }
    return {
        **columns,
        "note": {"Description": _NOTE},
        "Settings": settings,
        "WindowVolumes": stream.settings.width,
        "VoxelsInMask": int(np.count_nonzero(stream.mask)),
        "Notes": list(stream.notes),
        "SoftwareVersions": versions(("lumbago", "numpy", "scipy", "nibabel", "nilearn")),
    }


def _pushed(stream: LiveStream, arrival: Arrival) -> LiveValues:
    confounds = None
    if arrival.image is not None and stream.settings.confounds and arrival.beside is not None:
        try:
            confounds = np.loadtxt(arrival.beside, ndmin=1)
        except (OSError, ValueError):
            confounds = None  # the stream says what it expected
    return stream.push(arrival.image, confounds)


def _table(output: Path) -> TextIO:
    try:
        return open(output, "x", encoding="utf-8", newline="\n")
    except FileExistsError:
        raise InputError(
            f"{output.name}: exists already; a session's values are never written over, give "
            "another name"
        ) from None
    except OSError as error:
        raise cannot_write(error, output.name, "--output") from None


def _write_line(table: TextIO, cells: list[str]) -> None:
    table.write("\t".join(cells) + "\n")
    table.flush()


def _number(value: float) -> str:
    """Nine digits: single precision comes back as it was."""
    return format(value, ".9g") if math.isfinite(value) else "n/a"
