"""From files to cohorts and signals: everything that touches a disk of data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lumbago.data import Cohort
from lumbago.reading.bids import BidsCohort
from lumbago.reading.denoise import Denoise, Scrub
from lumbago.reading.dpabi import DpabiCohort
from lumbago.reading.freesurfer import FreeSurferCohort
from lumbago.reading.halfpipe import HalfpipeCohort
from lumbago.reading.junifer import JuniferCohort
from lumbago.reading.maps import MapsCohort
from lumbago.reading.reader import CohortReader
from lumbago.reading.tables import ConnectomeCohort, TableCohort, TimeseriesCohort
from lumbago.reading.xcpd import XcpdCohort
from lumbago.spec import read_kind

COHORT_READERS: tuple[type[CohortReader], ...] = (
    BidsCohort, TimeseriesCohort, ConnectomeCohort, TableCohort, MapsCohort, FreeSurferCohort,
    XcpdCohort, HalfpipeCohort, DpabiCohort, JuniferCohort,
)  # fmt: skip

__all__ = [
    "COHORT_READERS", "BidsCohort", "CohortReader", "ConnectomeCohort", "Denoise", "DpabiCohort",
    "FreeSurferCohort", "HalfpipeCohort", "JuniferCohort", "MapsCohort", "Scrub", "TableCohort",
    "TimeseriesCohort", "XcpdCohort", "read_bids", "read_cohort", "read_connectomes",
    "read_table", "read_timeseries",
]  # fmt: skip

_NAME = "cohort"


def read_cohort(
    kind: str, *, name: str = _NAME, denoise: Denoise | None = None, **settings: Any
) -> Cohort:
    """Read a cohort of any kind, as ``cohorts:`` of an experiment names it.

    Parameters
    ----------
    kind : str
        ``bids``, ``xcpd``, ``halfpipe``, ``dpabi``, ``junifer``, ``freesurfer``, ``maps``,
        ``connectomes``, ``timeseries`` or ``table``.
    name, denoise
        As for `read_bids`.
    **settings
        Fields of the kind: ``read_cohort("freesurfer", subjects="/data/freesurfer")``.
    """
    spec = read_kind({"kind": kind, **settings}, COHORT_READERS, "cohort")
    return spec.read(name, denoise=denoise or Denoise())


def read_bids(
    derivatives: Path | str | None = None,
    *,
    name: str = _NAME,
    denoise: Denoise | None = None,
    **settings: Any,
) -> Cohort:
    """Read fMRIPrep's derivatives, or a raw BIDS dataset (``raw=...``).

    Parameters
    ----------
    derivatives : path or None
        fMRIPrep's output folder.
    name : str
        Name of the cohort in every table. (Never the folder's, which may name a hospital.)
    denoise : Denoise or None
        Its scrubbing decides ``n_volumes_kept`` and ``minutes_kept``; the default denoising
        where None.
    **settings
        Further fields of `BidsCohort`.
    """
    return BidsCohort(derivatives=derivatives, **settings).read(name, denoise=denoise or Denoise())


def read_timeseries(
    folder: Path | str, *, name: str = _NAME, denoise: Denoise | None = None, **settings: Any
) -> Cohort:
    """Read region time series, ``*_timeseries.tsv`` or plain tables.

    Parameters
    ----------
    folder : path
    name, denoise
        As for `read_bids`.
    **settings
        Further fields of `TimeseriesCohort`, such as ``exclude=["GlobSig"]``.
    """
    return TimeseriesCohort(folder=folder, **settings).read(name, denoise=denoise or Denoise())


def read_connectomes(folder: Path | str, *, name: str = _NAME, **settings: Any) -> Cohort:
    """Read connectivity matrices, ``*_relmat.npy`` or ``*_relmat.tsv``.

    Parameters
    ----------
    folder : path
    name : str
        As for `read_bids`.
    **settings
        Further fields of `ConnectomeCohort`, such as ``atlas="power264"``.
    """
    return ConnectomeCohort(folder=folder, **settings).read(name)


def read_table(table: Path | str, *, name: str = _NAME, **settings: Any) -> Cohort:
    """Read a table whose columns are features.

    Parameters
    ----------
    table : path
        ``.tsv`` or ``.csv``.
    name : str
        As for `read_bids`.
    **settings
        Further fields of `TableCohort`, such as ``id="subject"``.
    """
    return TableCohort(table=table, **settings).read(name)
