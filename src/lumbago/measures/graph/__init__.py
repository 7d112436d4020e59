"""Graphs of brain networks: thresholding, metrics, small-worldness, sweeps over densities.

``measures.graph.clustering`` and its like are found on first use, so that importing this
package loads no compiler. A room's file never bears the name of a function it offers.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# What the package offers -> the file it lives in. A new metric is one line here, and one in
# `catalogue` where it should be swept over densities.
_ROOMS = {
    "threshold": "thresholding",
    "threshold_absolute": "thresholding",
    "threshold_range": "thresholding",
    "degree": "size",
    "strength": "size",
    "density": "size",
    "component_labels": "size",
    "component_sizes": "size",
    "modularity": "communities",
    "Modularity": "communities",
    "quality": "communities",
    "clustering": "triangles",
    "transitivity": "triangles",
    "signed_clustering": "triangles",
    "characteristic_path_length": "paths",
    "global_efficiency": "paths",
    "nodal_efficiency": "paths",
    "local_efficiency": "paths",
    "betweenness": "flow",
    "participation": "roles",
    "within_module_z": "roles",
    "assortativity": "mixing",
    "coreness": "mixing",
    "rich_club": "mixing",
    "RichClub": "mixing",
    "eigenvector_centrality": "spectra",
    "pagerank": "spectra",
    "synchronizability": "spectra",
    "hubs": "hubness",
    "Hubs": "hubness",
    "to_networkx": "interchange",
    "from_networkx": "interchange",
    "small_world": "small_worldness",
    "SmallWorld": "small_worldness",
    "sweep": "sweeps",
    "Sweep": "sweeps",
    "area_under_curve": "sweeps",
}

__all__ = sorted(_ROOMS)


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'lumbago.measures.graph' has no attribute {name!r}")
    return getattr(import_module(f"lumbago.measures.graph.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_ROOMS)
