"""What nodes do for modules: links shared out among them, and standing within one's own."""

from __future__ import annotations

import numpy as np

from lumbago.measures.graph.adjacency import checked
from lumbago.measures.graph.communities import checked_labels
from lumbago.measures.graph.size import Part, part_of


def participation(adjacency: np.ndarray, labels: np.ndarray, *, part: Part = "all") -> np.ndarray:
    """How evenly the edges of every node are spread over the modules.

    1 less the sum, over modules, of the squared share of the node's strength that goes there: 0
    where all of it stays in one module, at most 1 - 1 / n_modules. Nodes without an edge have 0,
    as in bctpy's ``participation_coef``; networkx has no such measure.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0; binary or weights of any sign.
    labels : array of shape (n_nodes,), of integers
        Module of every node, as from `modularity`.
    part : {"all", "positive", "negative", "absolute"}
        Which weights are read, as in `strength`: shares of strengths of both signs mean nothing,
        so "all" refuses negative weights; Rubinov & Sporns measure "positive" and "negative"
        apart (bctpy's ``participation_coef_sign`` gives both).

    Returns
    -------
    array of shape (n_nodes,), float64, in [0, 1).

    Raises
    ------
    ValueError
        If the adjacency is not such a graph, there is not one label per node, or `part` does
        not fit the weights.

    References
    ----------
    .. [1] Guimera & Amaral (2005). Functional cartography of complex metabolic networks. Nature
       433, 895-900. doi:10.1038/nature03288
    .. [2] Rubinov & Sporns (2011). Weight-conserving characterization of complex functional
       brain networks. NeuroImage 56, 2068-2079. doi:10.1016/j.neuroimage.2011.03.069
    """
    towards, _ = _towards_modules(adjacency, labels, part, "participation")
    strengths = towards.sum(axis=1, keepdims=True)
    shares = towards / np.where(strengths > 0, strengths, 1)
    # Not below 0 where one module takes all, but for rounding.
    return np.where(strengths[:, 0] > 0, np.maximum(1 - (shares**2).sum(axis=1), 0), 0.0)


def within_module_z(adjacency: np.ndarray, labels: np.ndarray, *, part: Part = "all") -> np.ndarray:
    """Strength of every node within its module, as a z-score over the nodes of that module.

    The standard deviation is that of the module (over n, not n - 1). Nodes of modules whose
    nodes are all alike have 0, as in bctpy's ``module_degree_zscore``, except that there rounding
    can make them unlike.

    Parameters
    ----------
    adjacency, labels, part
        As in `participation`.

    Returns
    -------
    array of shape (n_nodes,), float64.

    Raises
    ------
    ValueError
        As in `participation`.

    References
    ----------
    .. [1] Guimera & Amaral (2005). Functional cartography of complex metabolic networks. Nature
       433, 895-900. doi:10.1038/nature03288
    """
    towards, modules = _towards_modules(adjacency, labels, part, "within_module_z")
    own = towards[np.arange(len(modules)), modules]
    sizes = np.bincount(modules)
    centred = own - (np.bincount(modules, own) / sizes)[modules]
    spread = np.sqrt(np.bincount(modules, centred**2) / sizes)[modules]
    alike = spread <= 1e-12 * np.abs(own).max()
    return np.where(alike, 0.0, centred / np.where(alike, 1.0, spread))


def _towards_modules(
    adjacency: np.ndarray, labels: np.ndarray, part: Part, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Strength of every node towards every module, and the module of every node."""
    weights = part_of(checked(adjacency, where), part, where)
    if weights.min() < 0:
        raise ValueError(
            f"{where}: the graph has negative weights; choose part='positive', 'negative' or "
            "'absolute'"
        )
    modules = checked_labels(labels, len(weights), where)
    members = modules[:, None] == np.arange(modules.max() + 1)
    return weights @ members, modules
