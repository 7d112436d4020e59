"""What work costs: seconds, memory and disk, estimated before it is done."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lumbago.data import Scan
from lumbago.extractors.network import AGAINST_NULLS, NODAL

SECONDS_TO_READ = 30e-9
"""Per voxel and volume of a scan: reading, unpacking and cleaning, on one core of 2024."""
SECONDS_TO_MEASURE: Mapping[str, float] = {
    "alff": 25e-9, "falff": 25e-9, "reho": 40e-9, "connectome": 5e-9, "seed": 8e-9, "vmhc": 10e-9,
    "regional": 5e-9, "degree_centrality": 10e-9, "tsnr": 10e-9, "peraf": 10e-9,
    "intensity_sd": 10e-9,
}  # fmt: skip
"""Per voxel and volume, beside the reading; pairs of voxels come on top."""
SECONDS_TO_CORRELATE = 1.3e-11
"""Per pair of voxels and volume of a cleaned scan: degree centrality grows with their square."""
BRAIN = 0.26
"""Share of a template's box that the brain takes up: 69,798 of 61 × 73 × 61 voxels of 3 mm."""
SECONDS_TO_SIMULATE = 120e-9
"""Per voxel and volume: drawing, smoothing, compressing."""
SECONDS_TO_SWITCH = 40e-9
"""Per switch of ends in a rewired graph, with what is measured of that graph."""
COPIES = 4
"""Arrays of a scan's size that are in memory while it is measured."""
BYTES_PER_VALUE = 4


def n_features(extractor: Any, scan: Scan | None = None) -> int:
    """Estimate how many features an extractor gives, of regions that a scan may name."""
    regions = n_regions(extractor, scan)
    if extractor.kind == "connectome":
        own = 1 if extractor.measure == "covariance" else -1
        return regions * (regions + own) // 2 * len(extractor.bands or [()])
    if extractor.kind == "network":
        global_, nodal = measured_of(extractor)
        variants = len(extractor.of.bands or [()])
        return variants * (len(global_) + len(nodal) * regions) * (len(extractor.levels) + 1)
    bands, seeds = getattr(extractor, "bands", None), getattr(extractor, "seeds", None)
    return regions * len(bands or [()]) * len(seeds or [()])


def measured_of(extractor: Any) -> tuple[list[str], list[str]]:
    """Return the measures of graphs that give one number, and those that give one per region."""
    nodal = [measure for measure in extractor.measures if measure in NODAL]
    return [measure for measure in extractor.measures if measure not in NODAL], nodal


def seconds_of_graphs(extractor: Any, n_regions: int) -> float:
    """Estimate the core seconds of the graphs of one scan; 0 where none are measured."""
    if extractor.kind != "network":
        return 0.0
    edges = sum(extractor.levels) * n_regions * (n_regions - 1) / 2
    rewired = extractor.nulls if set(extractor.measures) & AGAINST_NULLS else 0
    own = len(extractor.measures) * len(extractor.levels) * (n_regions / 264) ** 3 * 0.01
    switches = max(extractor.swaps_per_edge, 1) if extractor.null == "rewired" else 1
    return own + edges * switches * rewired * SECONDS_TO_SWITCH


def n_regions(extractor: Any, scan: Scan | None = None) -> int:
    """Return how many regions a feature is of: those of its atlas, else those a scan names."""
    from lumbago.reading.atlases import load_atlas

    atlas = getattr(extractor, "atlas", None)
    if atlas is not None:
        return len(load_atlas(atlas))
    return len(scan.labels) if scan is not None and scan.labels else 200


def seconds_of_voxels(kind: str, n_voxels: float, n_volumes: float) -> float:
    """Estimate the core seconds that measuring one scan's voxels takes, beside the reading."""
    seconds = n_voxels * n_volumes * SECONDS_TO_MEASURE.get(kind, 30e-9)
    if kind == "degree_centrality":
        seconds += (BRAIN * n_voxels) ** 2 / 2 * n_volumes * SECONDS_TO_CORRELATE
    return seconds


def scan_size(scan: Scan) -> float:
    """Return the voxels × volumes of a scan, read off the header; 0 where there is no image."""
    return math.prod(scan_shape(scan))


def scan_shape(scan: Scan) -> tuple[float, float]:
    """Return the voxels and volumes of a scan, read off the header; 0 where there is no image."""
    path = scan.files.get("bold")
    if path is None:
        return 0.0, 0.0
    import nibabel as nib

    try:
        image: Any = nib.load(path)
        return float(math.prod(image.shape[:3])), float(math.prod(image.shape[3:]))
    except Exception:  # a broken header is the extraction's to report
        return 0.0, 0.0


def simulated_size(spec: Any) -> float:
    """Return the voxels × volumes of a simulated scan."""
    return math.prod(simulated_shape(spec))


def simulated_shape(spec: Any) -> tuple[float, float]:
    """Return the voxels and volumes of a simulated scan: the template's box at this resolution."""
    return 197 * 233 * 189 / float(spec.voxel_size) ** 3, float(spec.n_volumes)
