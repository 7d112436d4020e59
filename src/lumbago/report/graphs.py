"""Graphs in the sentences of a methods section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lumbago.report.references import cite
from lumbago.report.words import listed

_NAMES = {
    "mean_clustering": "clustering coefficient", "transitivity": "transitivity",
    "characteristic_path_length": "characteristic path length (harmonic mean of distances)",
    "global_efficiency": "global efficiency", "mean_local_efficiency": "local efficiency",
    "n_components": "number of components", "largest_component": "size of the largest component",
    "gamma": "normalized clustering (gamma)", "lambda": "normalized path length (lambda)",
    "sigma": "small-worldness (sigma)", "degree": "degree of each region",
    "clustering": "clustering of each region", "nodal_efficiency": "efficiency of each region",
    "local_efficiency": "local efficiency of each region",
    "betweenness": "betweenness of each region",
}  # fmt: skip
_AGAINST_NULLS = {"gamma", "lambda", "sigma"}


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
        f"measures of binary graphs made of the strongest {which}values{ranked} of the {of}{tree}, "
        f"at {at}, and the areas under their curves: {listed(named(m) for m in measures)}"
    )
    if "betweenness" in measures:
        text += cite("freeman1977")
    if _AGAINST_NULLS & set(measures):
        text += (
            f"; normalized to the mean of {spec.get('nulls')} graphs rewired with the same "
            f"degrees, {spec.get('swaps_per_edge'):g} switches per edge"
            f"{cite('maslov2002', 'humphries2008')}"
        )
    return text
