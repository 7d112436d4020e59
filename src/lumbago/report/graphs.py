"""Graphs in the sentences of a methods section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lumbago.extractors.network import AGAINST_NULLS
from lumbago.report.references import cite
from lumbago.report.words import listed

_NAMES = {
    "mean_clustering": "clustering coefficient", "transitivity": "transitivity",
    "characteristic_path_length": "characteristic path length (harmonic mean of distances)",
    "global_efficiency": "global efficiency", "mean_local_efficiency": "local efficiency",
    "assortativity": "assortativity", "modularity": "modularity",
    "n_modules": "number of modules", "synchronizability": "synchronizability",
    "n_components": "number of components", "largest_component": "size of the largest component",
    "gamma": "normalized clustering (gamma)", "lambda": "normalized path length (lambda)",
    "sigma": "small-worldness (sigma)", "omega": "small-worldness (omega)",
    "degree": "degree of each region",
    "clustering": "clustering of each region", "nodal_efficiency": "efficiency of each region",
    "local_efficiency": "local efficiency of each region",
    "strength": "strength of each region", "betweenness": "betweenness of each region",
    "eigenvector_centrality": "eigenvector centrality of each region",
    "pagerank": "PageRank of each region", "coreness": "k-core of each region",
    "participation": "participation coefficient of each region",
    "within_module_z": "within-module degree z of each region",
    "hub_score": "hub score of each region",
}  # fmt: skip
_SOURCES = {
    "modularity": ("traag2019",), "assortativity": ("newman2002",),
    "participation": ("guimera2005",), "within_module_z": ("guimera2005",),
    "betweenness": ("freeman1977",), "sigma": ("humphries2008",),
}  # fmt: skip


def named(measure: str) -> str:
    """Return a measure of graphs in words."""
    return _NAMES.get(measure, measure.replace("_", " "))


def graphs(spec: Mapping[str, Any], of: str) -> str:
    """Say which graphs were made of a connectivity and what was measured of them.

    Parameters
    ----------
    spec : mapping
        Settings of kind ``network``.
    of : str
        The connectivity in words.
    """
    densities = spec.get("densities") or ()
    if isinstance(densities, Mapping):
        at = (
            f"densities from {densities['start']:g} to {densities['stop']:g} "
            f"in steps of {densities['step']:g}"
        )
    else:
        at = f"the densities {listed(f'{d:g}' for d in densities)}"
    which = "" if spec.get("sign") == "absolute" else "positive "
    ranked = " by size" if spec.get("sign") == "absolute" else ""
    tree = ", the spanning tree of the strongest kept" if spec.get("keep_tree") else ""
    measures = list(spec.get("measures") or ())
    text = (
        f"measures of {spec.get('edges', 'binary')} graphs made of the strongest {which}values"
        f"{ranked} of the {of}{tree}, "
        f"at {at}, and the areas under their curves: "
        f"{listed(named(m) + cite(*_SOURCES.get(m, ())) for m in measures)}"
    )
    if AGAINST_NULLS & set(measures):
        text += f"; normalized to the mean of {spec.get('nulls')} {_nulls(spec)}"
    return text


def _nulls(spec: Mapping[str, Any]) -> str:
    """Say which graphs others are compared with."""
    if spec.get("null") == "hirschberger_qi_steuer":
        return f"graphs made of random correlations{cite('zalesky2012')}"
    if spec.get("null") == "random":
        return f"random graphs with as many nodes and edges{cite('humphries2008')}"
    return (
        f"graphs rewired{cite('maslov2002')} with the same degrees, "
        f"{spec.get('swaps_per_edge'):g} switches per edge"
    )
