"""The nouns that flow from a scan to a result."""

from lumbago.data.atlas import Atlas
from lumbago.data.cohort import Cohort
from lumbago.data.dataset import Dataset, Target
from lumbago.data.features import Extraction, FeatureTable
from lumbago.data.scan import Scan, Signals, Volume

__all__ = [
    "Atlas", "Cohort", "Dataset", "Extraction", "FeatureTable",
    "Scan", "Signals", "Target", "Volume",
]  # fmt: skip
