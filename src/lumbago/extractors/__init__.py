"""What is taken from one scan: settings that measure it, never fitted, so never leaking."""

from lumbago.extractors.amplitude import Amplitude
from lumbago.extractors.base import Extractor, VoxelExtractor
from lumbago.extractors.centrality import Centrality
from lumbago.extractors.columns import TableColumns
from lumbago.extractors.connectome import Connectome
from lumbago.extractors.homogeneity import Homogeneity
from lumbago.extractors.intensity import Intensity
from lumbago.extractors.network import Network
from lumbago.extractors.quality import Quality
from lumbago.extractors.regional import Regional
from lumbago.extractors.seed import Seed
from lumbago.extractors.symmetry import Symmetry
from lumbago.extractors.values import RegionalValues

EXTRACTORS = (
    Amplitude, Homogeneity, Centrality, Intensity, Connectome, Network, Seed, Symmetry, Regional,
    RegionalValues, Quality, TableColumns,
)  # fmt: skip
"""Every class that ``features:`` of an experiment can name by its ``kind``."""

__all__ = [
    "EXTRACTORS", "Amplitude", "Centrality", "Connectome", "Extractor", "Homogeneity", "Intensity",
    "Network", "Quality", "Regional", "RegionalValues", "Seed", "Symmetry", "TableColumns",
    "VoxelExtractor",
]  # fmt: skip
