"""Measures of the brain as a graph, over a range of densities."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from lumbago.data import Extraction, Scan
from lumbago.errors import ScanRejected
from lumbago.extractors.base import Extractor, feature_names
from lumbago.extractors.connectome import Connectome
from lumbago.reading.atlases import AtlasRef
from lumbago.spec import Spec

if TYPE_CHECKING:
    from lumbago.measures.graph import Sweep
    from lumbago.reading.recording import Recording

Metric = Literal[
    "mean_clustering", "transitivity", "characteristic_path_length", "global_efficiency",
    "mean_local_efficiency", "assortativity", "modularity", "n_modules", "n_components",
    "largest_component", "synchronizability", "gamma", "lambda", "sigma", "omega",
    "degree", "strength", "clustering", "nodal_efficiency", "local_efficiency", "betweenness",
    "eigenvector_centrality", "pagerank", "coreness", "participation", "within_module_z",
    "hub_score",
]  # fmt: skip
"""What `lumbago.measures.graph.sweep` knows; a test holds the two lists equal."""
NODAL = frozenset({
    "degree", "strength", "clustering", "nodal_efficiency", "local_efficiency", "betweenness",
    "eigenvector_centrality", "pagerank", "coreness", "participation", "within_module_z",
    "hub_score",
})  # fmt: skip
"""Those that give one value per region."""
AGAINST_NULLS = frozenset({"gamma", "lambda", "sigma", "omega"})
"""Those that compare with null graphs."""

LOST_REGIONS = (
    "regions without data are left out of the graph: their own measures are NaN, "
    "densities and all other measures are of the regions that are there"
)

Density = Annotated[float, Field(gt=0, le=1)]


def _ascending(values: list[float]) -> list[float]:
    if any(later - earlier < 1e-6 for earlier, later in pairwise(values)):
        raise ValueError(f"expected ascending densities, got {values}")
    return values


def _each_once(names: list[Metric]) -> list[Metric]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"expected every measure once, got {', '.join(twice)} more than once")
    return names


class Densities(Spec):
    """Densities at equal distances, both ends included."""

    start: Density
    """The lowest density."""
    stop: Density
    """The highest density; it belongs to them if the steps meet it."""
    step: Annotated[float, Field(ge=0.001, le=1)]
    """Distance of neighbours."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.stop < self.start:
            raise ValueError(f"starts above its stop: {self.start:g} to {self.stop:g}")
        return self

    def values(self) -> list[float]:
        """Return every density, to nine decimals."""
        n = int(np.floor((self.stop - self.start) / self.step + 1e-6)) + 1
        return [round(self.start + i * self.step, 9) for i in range(n)]


class Network(Extractor):
    """Graph measures of a connectome at several densities, and the area under their curves.

    The strongest edges become a graph, as many as a density asks for. Names are
    ``.sigma.d10`` at a density of 0.10, ``.sigma.auc`` for the area under the curve (trapezoid
    rule over the densities, so in units of density), ``.degree.d10:<region>`` for what each
    region has. A density for which a matrix has too few edges is NaN, with a note, and so
    is then the area; a scan without any such density is rejected.

    A region without data is left out of its own scan's graph: its measures are NaN, and a
    density is the share of the pairs that are there. Runs of one session are measured apart
    and averaged.
    """

    references: ClassVar[tuple[str, ...]] = ("watts1998", "latora2001")
    version: ClassVar[int] = 1

    kind: Literal["network"] = "network"
    of: Connectome = Connectome()
    """The connectivity that is made a graph: the name of a connectome in the same experiment, or
    its settings (``{kind: connectome, atlas: lumbago200}``)."""
    densities: (
        Densities | Annotated[list[Density], Field(min_length=1), AfterValidator(_ascending)]
    ) = Densities(start=0.05, stop=0.5, step=0.05)
    """Shares of the possible edges that are kept: ``{start: .05, stop: .5, step: .05}`` or a
    list."""
    measures: Annotated[list[Metric], Field(min_length=1), AfterValidator(_each_once)] = [  # noqa: RUF012
        "mean_clustering", "transitivity", "characteristic_path_length", "global_efficiency",
        "mean_local_efficiency", "assortativity", "modularity", "gamma", "lambda", "sigma",
        "degree", "clustering", "nodal_efficiency", "betweenness", "participation",
    ]  # fmt: skip
    """What is measured of every graph: one number, or one per region (from ``degree`` on)."""
    nulls: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Null graphs that ``gamma``, ``lambda``, ``sigma`` and ``omega`` compare with."""
    null: Literal["rewired", "random", "hirschberger_qi_steuer"] = "rewired"
    """What a null graph is: the graph itself, rewired with the same degrees; any graph with as many
    nodes and edges (``random``); or the strongest edges of a random correlation matrix, which has
    the triangles that any correlations have (for correlations only)."""
    swaps_per_edge: Annotated[float, Field(ge=0, le=1000)] = 10
    """Switches of ends per edge that make a rewired graph."""
    sign: Literal["positive", "absolute"] = "positive"
    """Whether only positive values can be edges, or the strongest of either sign."""
    edges: Literal["binary", "weighted"] = "binary"
    """Whether an edge is there or not, or has the weight it has in the connectome, to which paths
    are inverse; null graphs then keep the weights."""
    keep_tree: bool = False
    """Whether the strongest spanning tree is kept first, so that every graph is connected."""
    seed: Annotated[int, Field(ge=0)] = 0
    """What null graphs are drawn from: their seeds hang on it, the density and the graph's
    number alone, so that adding densities changes no other value."""
    denoise: None = None
    """Plays no part: `of` has its own."""

    @model_validator(mode="after")
    def _correlations_where_they_are_needed(self) -> Self:
        plain = self.of.measure != "covariance" and not self.of.fisher_z
        if self.null == "hirschberger_qi_steuer" and not plain:
            raise ValueError(
                "null: hirschberger_qi_steuer draws correlations; its connectome must hold "
                "correlations too, with fisher_z: false"
            )
        if self.null == "hirschberger_qi_steuer" and self.edges == "weighted":
            raise ValueError("null: hirschberger_qi_steuer makes binary graphs; take rewired")
        return self

    @property
    def atlas(self) -> AtlasRef | None:
        """Regions that the connectome is made of, where it is made from voxels."""
        return self.of.atlas

    @property
    def levels(self) -> list[float]:
        """Every density."""
        return self.densities.values() if isinstance(self.densities, Densities) else self.densities

    def canonical(self) -> dict[str, Any]:
        """Return every setting, the connectome's and its formula's version included."""
        return {**super().canonical(), "of": self.of.canonical()}

    def applies_to(self, scan: Scan) -> bool:
        """Tell whether the scan can give the connectome."""
        return self.of.applies_to(scan)

    def inputs(self, scan: Scan) -> tuple[str, ...]:
        """Roles of the files that the connectome is made of."""
        return self.of.inputs(scan)

    def extract(self, recording: Recording) -> Extraction:
        """Measure the graphs of one recording."""
        found = self.of.squares(recording)
        names: list[str] = []
        values: list[np.ndarray] = []
        notes = list(found.notes)
        for variant, matrix in found.matrices.items():
            there = _with_data(matrix)
            if not there.all():
                notes.append(LOST_REGIONS)
            if there.sum() < 3:
                what = f"{self.kind}: {there.sum()} regions with data make no graph"
                raise ScanRejected("E_NO_REGIONS", what)
            self._refuse_lost_pairs(matrix, there, found.labels)
            swept = self._swept(matrix[np.ix_(there, there)])
            notes += [_note(d, swept.reasons[d]) for d in sorted(swept.reasons)]
            notes += _undefined(swept)
            self._name(swept, there, found.labels, variant, names, values)
        measured = np.concatenate(values).astype(np.float32)
        measured[np.isinf(measured)] = np.nan  # no model takes infinite paths
        return Extraction(
            names=tuple(names),
            values=measured,
            coverage=found.coverage,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _refuse_lost_pairs(
        self, matrix: np.ndarray, there: np.ndarray, labels: tuple[str, ...]
    ) -> None:
        """Regions are called by name here, where some may be left out."""
        lost = np.triu(~np.isfinite(matrix) & np.logical_and.outer(there, there), 1)
        if lost.any():
            one, other = (labels[at] for at in np.argwhere(lost)[0])
            raise ScanRejected(
                "E_MEASURE",
                f"{self.kind}: {lost.sum()} of {there.sum() * (there.sum() - 1) // 2} pairs of "
                f"regions with data have no value (first: {one} and {other})",
            )

    def _swept(self, matrix: np.ndarray) -> Sweep:
        from lumbago.measures.graph import sweep

        np.fill_diagonal(matrix, 0)
        try:
            found = sweep(
                matrix,
                self.levels,
                measures=self.measures,
                n_nulls=self.nulls,
                swaps_per_edge=self.swaps_per_edge,
                seed=self.seed,
                sign=self.sign,
                keep_tree=self.keep_tree,
                binary=self.edges == "binary",
                null=self.null,
            )
        except ValueError as error:
            raise ScanRejected("E_MEASURE", f"{self.kind}: {error}") from error
        if all(np.isnan(values).all() for values in found.values.values()) and found.reasons:
            lowest = min(found.reasons)
            raise ScanRejected("E_DENSITY", f"{self.kind}: {found.reasons[lowest]}")
        return found

    def _name(
        self,
        found: Sweep,
        there: np.ndarray,
        labels: tuple[str, ...],
        variant: str,
        names: list[str],
        values: list[np.ndarray],
    ) -> None:
        """Add the names and values of one sweep; regions that are not there are NaN."""
        from lumbago.measures.graph import area_under_curve

        areas = area_under_curve(found) if len(found.densities) > 1 else {}
        for measure, at_densities in found.values.items():
            rows = {density_name(d): v for d, v in zip(self.levels, at_densities, strict=True)}
            if areas:
                rows["auc"] = areas[measure]
            for at, value in rows.items():
                parts = [part for part in (variant, measure, at) if part]
                if np.ndim(value) == 0:
                    names.append("." + ".".join(parts))
                    values.append(np.atleast_1d(value))
                else:
                    names += feature_names(labels, ".".join(parts))
                    everywhere = np.full(len(labels), np.nan)
                    everywhere[there] = value
                    values.append(everywhere)


def _note(density: float, reason: str) -> str:
    """Return why a density is NaN, the same for every scan so that scans can be counted."""
    if "random matrix" in reason:
        return f"density {density:g}: random correlations have too few edges to compare with"
    return f"density {density:g} has too few edges and is NaN"


def _undefined(found: Sweep) -> list[str]:
    """Return which measures a graph has not, as paths without edges, or gamma without triangles."""
    notes = []
    for row, density in enumerate(found.densities):
        lost = [m for m, values in found.values.items() if not np.isfinite(values[row]).all()]
        if lost and density not in found.reasons:
            notes.append(f"density {density:g}: {', '.join(lost)} not defined, NaN")
    return notes


def _with_data(matrix: np.ndarray) -> np.ndarray:
    """Tell which regions have a value with some other region."""
    others = matrix.copy()
    np.fill_diagonal(others, np.nan)
    return ~np.isnan(others).all(axis=1)


def density_name(density: float) -> str:
    """Return the part of a feature's name that says at which density, in per cent.

    >>> density_name(0.05), density_name(0.125), density_name(1.0)
    ('d05', 'd12_5', 'd100')
    """
    whole, _, rest = f"{round(100 * density, 7):g}".partition(".")
    return f"d{whole:0>2}" + (f"_{rest}" if rest else "")


def density_of(name: str) -> float | None:
    """Return the density that `density_name` names, None where it names none.

    >>> density_of("d05"), density_of("d12_5"), density_of("auc")
    (0.05, 0.125, None)
    """
    number = name[1:].replace("_", ".", 1)
    if name[:1] != "d" or not number.replace(".", "", 1).isdecimal():
        return None
    return round(float(number) / 100, 9)
