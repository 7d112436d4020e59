"""Graph measures over a range of densities, and the area under their curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from lumbago.measures.graph.blocks import checked_threads
from lumbago.measures.graph.catalogue import AGAINST_NULLS, MEASURES, ON_REQUEST
from lumbago.measures.graph.correlation_nulls import correlation_nulls
from lumbago.measures.graph.small_worldness import (
    SmallWorld,
    checked_number,
    child,
    compared,
    lattice_clustering,
    small_world,
)
from lumbago.measures.graph.thresholding import EdgeOrder, Sign
from lumbago.measures.nulls.rewiring import checked_swaps

Null = Literal["rewired", "random", "hirschberger_qi_steuer"]

# Densities that agree to this many per unit are one, however they were computed.
_BILLION = 1_000_000_000
# Name -> field of SmallWorld.
_FIELDS = {**AGAINST_NULLS, **ON_REQUEST}


@dataclass(frozen=True)
class Sweep:
    """What `sweep` finds.

    Parameters
    ----------
    densities : float64 (n_densities,)
    values : dict of str to array
        By measure: (n_densities,), or (n_densities, n_nodes) for one value per node; NaN at
        densities the matrix has not enough edges for.
    reasons : dict of float to str
        Why a density is NaN.
    """

    densities: np.ndarray
    values: dict[str, np.ndarray]
    reasons: dict[float, str] = field(default_factory=dict)


def sweep(
    matrix: np.ndarray,
    densities: Sequence[float] | np.ndarray,
    *,
    measures: Sequence[str] | None = None,
    n_nulls: int = 100,
    swaps_per_edge: float = 10,
    seed: int | np.random.SeedSequence,
    sign: Sign = "positive",
    keep_tree: bool = False,
    binary: bool = True,
    null: Null = "rewired",
    n_threads: int | None = None,
) -> Sweep:
    """Graph measures at several densities.

    Seeds hang on the value of a density and the number of a null, so that adding densities or
    nulls changes no other: the values at density d are those of ``small_world(threshold(
    matrix, d), seed=density_seed(seed, d))``.

    Parameters
    ----------
    matrix : array of shape (n_nodes, n_nodes)
        Symmetric, as for `threshold`. Never changed.
    densities : sequence of float in [0, 1]
        Ascending; to nine decimals no two are equal.
    measures : sequence of str or None
        Names from ``catalogue.MEASURES`` and ``catalogue.AGAINST_NULLS``; None is all of them.
        ``omega`` (``catalogue.ON_REQUEST``) comes only if it is named.
    n_nulls, swaps_per_edge
        As in `small_world`; nulls are drawn only if gamma, lambda or sigma is asked for.
    seed : int or numpy.random.SeedSequence
    sign, keep_tree, binary
        As in `threshold`; with weights every measure is its weighted self, and nulls keep them.
    null : {"rewired", "random", "hirschberger_qi_steuer"}
        What gamma, lambda, sigma and omega compare with: ``rewired`` or ``random`` graphs as in
        `small_world`, or random correlations thresholded at the same density, which have the
        triangles that any correlations have. Those are one matrix per null for all densities; the
        matrix is then one of correlations and its diagonal counts as 1.
    n_threads : int or None
        Threads to work with; None takes the cores of this process. No value depends on it.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        If a name is unknown, the densities do not ascend or leave [0, 1], or the matrix is
        refused by `threshold` or by `hirschberger_qi_steuer` where that is asked for. A density
        the matrix has too few edges for is no error: its values are NaN and `reasons` tells why.
    """
    if isinstance(measures, str):
        raise ValueError(f"sweep: measures is a list of names, got {measures!r}")
    names = tuple(MEASURES) + tuple(AGAINST_NULLS) if measures is None else tuple(measures)
    for name in names:
        if name not in {**MEASURES, **_FIELDS}:
            raise ValueError(
                f"sweep: no measure is called {name!r}; there are "
                f"{', '.join(sorted([*MEASURES, *_FIELDS]))}"
            )
    if null not in get_args(Null):
        raise ValueError(f"sweep: null is one of {', '.join(get_args(Null))}, got {null!r}")
    if null == "hirschberger_qi_steuer" and not binary:
        raise ValueError("sweep: graphs of random correlations are binary; take null='rewired'")
    wanted = np.asarray(densities, np.float64)
    if wanted.ndim != 1 or not wanted.size or not ((wanted >= 0) & (wanted <= 1)).all():
        raise ValueError(f"sweep: expected a list of densities in [0, 1], got {densities}")
    keys = [_key(density) for density in wanted]
    if any(later <= earlier for earlier, later in pairwise(keys)):
        raise ValueError(f"sweep: expected ascending densities, got {densities}")
    checked_number(n_nulls, "sweep")
    checked_swaps(swaps_per_edge, "sweep")
    threads = checked_threads(n_threads, "sweep")

    edges = EdgeOrder(matrix, sign=sign, keep_tree=keep_tree, where="sweep")
    values = {name: np.full(_shape(name, len(wanted), edges.n_nodes), np.nan) for name in names}
    reasons: dict[float, str] = {}
    feasible: dict[int, int] = {}
    for row, density in enumerate(wanted):
        try:
            feasible[row] = edges.wanted(float(density))
        except ValueError as why:
            reasons[float(density)] = str(why).removeprefix("sweep: ")
    fields = [name for name in names if name in _FIELDS]
    drawn = {}
    if fields and feasible and null == "hirschberger_qi_steuer":
        found = correlation_nulls(
            matrix, [float(wanted[row]) for row in feasible], n_nulls=n_nulls, seed=seed,
            sign=sign, keep_tree=keep_tree, n_threads=threads, where="sweep",
        )  # fmt: skip
        drawn = dict(zip(feasible, found, strict=True))

    def against(graph: np.ndarray, row: int, own: np.random.SeedSequence) -> SmallWorld:
        omega = "omega" in names
        if null != "hirschberger_qi_steuer":
            return small_world(
                graph, n_nulls=n_nulls, swaps_per_edge=swaps_per_edge, seed=own, omega=omega,
                null=null, n_threads=threads,
            )  # fmt: skip
        lattices = lattice_clustering(graph, own, threads) if omega else np.nan
        return compared(graph, drawn[row], swaps_per_edge=np.nan, lattices=lattices)

    for row, n_edges in feasible.items():
        graph, density = edges.graph(n_edges, binary=binary), float(wanted[row])
        own = density_seed(seed, density)
        for name in names:
            if name in MEASURES:
                measure = MEASURES[name]
                named = _named(own, measure.seeded_as or name)
                values[name][row] = measure(graph, seed=named, n_threads=threads)
        if row in drawn and not np.isfinite(drawn[row]).all():
            reasons[density] = f"density {density:g}: a random matrix has too few edges for it"
        elif fields:
            small = against(graph, row, own)
            for name in fields:
                values[name][row] = getattr(small, _FIELDS[name])
    return Sweep(wanted, values, reasons)


def area_under_curve(sweep: Sweep) -> dict[str, np.ndarray]:
    """Area under every measure's curve over the densities, by the trapezoid rule.

    As in DPABI and GRETNA it is an area, not a mean: its unit is the measure's times density.

    Returns
    -------
    dict of str to float64 array, () or (n_nodes,); NaN where any density is.

    Raises
    ------
    ValueError
        If there are fewer than two densities.
    """
    if len(sweep.densities) < 2:
        raise ValueError(
            f"area_under_curve: expected at least 2 densities, got {len(sweep.densities)}"
        )
    return {
        name: np.asarray(np.trapezoid(values, sweep.densities, axis=0))
        for name, values in sweep.values.items()
    }


def density_seed(seed: int | np.random.SeedSequence, density: float) -> np.random.SeedSequence:
    """The seed of everything drawn at one density, whatever the other densities are."""
    return child(seed, _key(density))


def _key(density: float) -> int:
    return round(density * _BILLION)


def _named(seed: np.random.SeedSequence, name: str) -> np.random.SeedSequence:
    """The seed of one measure; its index lies far above those of nulls."""
    digest = int.from_bytes(sha256(name.encode()).digest()[:8], "little")
    return child(seed, digest | 1 << 63)


def _shape(name: str, n_densities: int, n_nodes: int) -> tuple[int, ...]:
    nodal = name in MEASURES and MEASURES[name].nodal
    return (n_densities, n_nodes) if nodal else (n_densities,)
