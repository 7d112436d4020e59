"""The measures that can be swept over densities, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from lumbago.measures.graph import (
    communities,
    flow,
    hubness,
    mixing,
    paths,
    roles,
    size,
    spectra,
    triangles,
)


@dataclass(frozen=True)
class Measure:
    """A function of a graph that gives one number, or one per node.

    Parameters
    ----------
    of : callable
        Takes an adjacency. If it also takes `seed` or `n_threads`, it is given them.
    nodal : bool
        Gives one value per node.
    seeded_as : str
        The measure whose seed it is given; its own where empty. So all that is said of modules
        is said of the same modules.
    """

    of: Callable[..., Any]
    nodal: bool = False
    seeded_as: str = ""

    def __call__(
        self, adjacency: np.ndarray, *, seed: np.random.SeedSequence, n_threads: int
    ) -> np.ndarray:
        takes = signature(self.of).parameters
        given = {"seed": seed, "n_threads": n_threads}
        found = self.of(adjacency, **{name: given[name] for name in given if name in takes})
        return np.asarray(found, np.float64)


def _mean_clustering(adjacency: np.ndarray) -> float:
    return float(triangles.clustering(adjacency).mean())


def _mean_local_efficiency(adjacency: np.ndarray, *, n_threads: int | None = None) -> float:
    return float(paths.local_efficiency(adjacency, n_threads=n_threads).mean())


def _n_components(adjacency: np.ndarray) -> int:
    return len(size.component_sizes(adjacency))


def _largest_component(adjacency: np.ndarray) -> float:
    return float(size.component_sizes(adjacency)[0] / len(adjacency))


def _modules(
    adjacency: np.ndarray, seed: np.random.SeedSequence, n_threads: int
) -> communities.Modularity:
    return communities.modularity(adjacency, seed=seed, n_threads=n_threads)


def _modularity(adjacency: np.ndarray, *, seed: np.random.SeedSequence, n_threads: int) -> float:
    return _modules(adjacency, seed, n_threads).quality


def _n_modules(adjacency: np.ndarray, *, seed: np.random.SeedSequence, n_threads: int) -> int:
    return _modules(adjacency, seed, n_threads).n_modules


def _participation(
    adjacency: np.ndarray, *, seed: np.random.SeedSequence, n_threads: int
) -> np.ndarray:
    return roles.participation(adjacency, _modules(adjacency, seed, n_threads).labels)


def _within_module_z(
    adjacency: np.ndarray, *, seed: np.random.SeedSequence, n_threads: int
) -> np.ndarray:
    return roles.within_module_z(adjacency, _modules(adjacency, seed, n_threads).labels)


def _hub_score(adjacency: np.ndarray, *, n_threads: int | None = None) -> np.ndarray:
    return hubness.hubs(adjacency, n_threads=n_threads).score


MEASURES: dict[str, Measure] = {
    "mean_clustering": Measure(_mean_clustering),
    "transitivity": Measure(triangles.transitivity),
    "characteristic_path_length": Measure(paths.characteristic_path_length),
    "global_efficiency": Measure(paths.global_efficiency),
    "mean_local_efficiency": Measure(_mean_local_efficiency),
    "n_components": Measure(_n_components),
    "largest_component": Measure(_largest_component),
    "modularity": Measure(_modularity),
    "n_modules": Measure(_n_modules, seeded_as="modularity"),
    "assortativity": Measure(mixing.assortativity),
    "synchronizability": Measure(spectra.synchronizability),
    "degree": Measure(size.degree, nodal=True),
    "strength": Measure(size.strength, nodal=True),
    "clustering": Measure(triangles.clustering, nodal=True),
    "nodal_efficiency": Measure(paths.nodal_efficiency, nodal=True),
    "local_efficiency": Measure(paths.local_efficiency, nodal=True),
    "betweenness": Measure(flow.betweenness, nodal=True),
    "eigenvector_centrality": Measure(spectra.eigenvector_centrality, nodal=True),
    "pagerank": Measure(spectra.pagerank, nodal=True),
    "coreness": Measure(mixing.coreness, nodal=True),
    "participation": Measure(_participation, nodal=True, seeded_as="modularity"),
    "within_module_z": Measure(_within_module_z, nodal=True, seeded_as="modularity"),
    "hub_score": Measure(_hub_score, nodal=True),
}

# What `small_world` gives, from one set of nulls: name -> field of SmallWorld.
AGAINST_NULLS: dict[str, str] = {"gamma": "gamma", "lambda": "lambda_", "sigma": "sigma"}
# What it gives if asked to: lattices take longer than other nulls.
ON_REQUEST: dict[str, str] = {"omega": "omega"}
