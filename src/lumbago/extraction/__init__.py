"""Extractors run over the scans of a cohort, finished work asked of the store."""

from lumbago.extraction.cohort import Progress, extract
from lumbago.extraction.kept import Rejected, look_up
from lumbago.extraction.sessions import averaged, gather
from lumbago.extraction.wording import without_paths
from lumbago.extraction.workers import in_parallel

__all__ = [
    "Progress", "Rejected", "averaged", "extract", "gather", "in_parallel", "look_up",
    "without_paths",
]  # fmt: skip
