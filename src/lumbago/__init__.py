"""Resting-state fMRI connectomics and machine learning for chronic low back pain.

In a notebook::

    import lumbago

    cohort = lumbago.read_bids("derivatives/fmriprep", task="rest", space="MNI152NLin2009cAsym")
    table = lumbago.extract(cohort, Homogeneity(kind="reho", atlas="lumbago200"))
    data = lumbago.dataset(cohort, table, target="vas")
    result = lumbago.evaluate(data, {"ridge": Ridge()}, [WithinCohort()], seed=1)

or a whole experiment: ``lumbago.run("experiment.yaml")``. Everything is imported when it
is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lumbago.data import Cohort
    from lumbago.evaluation import evaluate
    from lumbago.experiment.folder import RunFolder
    from lumbago.experiment.run import Progress, Run
    from lumbago.experiment.samples import dataset
    from lumbago.extraction import extract
    from lumbago.reading import read_bids, read_connectomes, read_table, read_timeseries
    from lumbago.report.plots import (
        plot_calibration,
        plot_carpet,
        plot_connectome,
        plot_map,
        plot_matrix,
        plot_roc,
        plot_sweep,
    )
    from lumbago.store import Store

_DOOR = {
    "read_bids": "lumbago.reading",
    "read_cohort": "lumbago.reading",
    "read_timeseries": "lumbago.reading",
    "read_connectomes": "lumbago.reading",
    "read_table": "lumbago.reading",
    "extract": "lumbago.extraction",
    "dataset": "lumbago.experiment.samples",
    "evaluate": "lumbago.evaluation",
    "Store": "lumbago.store",
    "RunFolder": "lumbago.experiment.folder",
    **dict.fromkeys(
        ("plot_map", "plot_matrix", "plot_connectome", "plot_roc", "plot_calibration",
         "plot_carpet", "plot_sweep"),
        "lumbago.report.plots",
    ),
}  # fmt: skip

_ROOMS = ("extractors", "live", "measures", "models", "statistics")
"""Packages that ``import lumbago`` alone gives, read when they are first named."""

__all__ = [
    "RunFolder", "Store", "__version__", "dataset", "evaluate", "extract", "plot_calibration",
    "plot_carpet", "plot_connectome", "plot_map", "plot_matrix", "plot_roc", "plot_sweep",
    "read_bids", "read_cohort", "read_connectomes", "read_table", "read_timeseries", "run",
    "simulate_cohort", "simulate_cohorts",
]  # fmt: skip


def run(
    experiment: str | Path,
    *,
    output: str | Path | None = None,
    store: str | Path | None = None,
    n_jobs: int = 1,
    rehash: bool = False,
    unlock: Sequence[str] = (),
    progress: Progress | None = None,
) -> Run:
    """Run an experiment file, or what of it is not in the store yet, and write its report.

    Parameters
    ----------
    experiment : path
        A YAML file.
    output : path, optional
        The run folder; ``runs/<name>`` where it is not given.
    store : path, optional
        Where finished work is kept; ``$LUMBAGO_STORE`` or ``store`` beside the run folder.
    n_jobs : int
        Processes; no result depends on it.
    rehash : bool
        Read every input file again instead of trusting what is known of files whose size,
        times and place on the disk did not change.
    unlock : sequence of str
        Locked cohorts to look at; every look is counted in the ledger.
    progress : callable, optional
        Called with stage, number done, number of all, and what was done last.

    Returns
    -------
    Run
        ``.folders``, ``.results``; shows its scores in a notebook.

    Raises
    ------
    ConfigError
        With every problem of the file at once.
    """
    from lumbago.experiment.run import run_experiment
    from lumbago.report.build import build_report

    done = run_experiment(
        experiment, output=output, store=store, n_jobs=n_jobs, rehash=rehash,
        unlock=unlock, progress=progress,
    )  # fmt: skip
    for folder in done.folders:
        build_report(folder.path)
    return done


def simulate_cohort(folder: str | Path, *, n_jobs: int = 1, **settings: Any) -> Cohort:
    """Write a simulated study with known effects into a folder, and read it.

    Parameters
    ----------
    folder : path
        New, or holding this very study already.
    n_jobs : int
        Processes; the files do not depend on it.
    **settings
        Of `lumbago.simulation.SimulatedCohort`: ``n_participants``, ``n_sites``, ``effects``, …

    Returns
    -------
    Cohort
    """
    from lumbago.experiment.cohorts import read_cohort
    from lumbago.simulation import SimulatedCohort

    spec = SimulatedCohort(folder=str(folder), **settings)
    return read_cohort("simulated", spec, n_jobs=n_jobs)


def simulate_cohorts(
    folder: str | Path,
    cohorts: Mapping[str, Mapping[str, Any]],
    *,
    seed: int = 20261120,
    n_jobs: int = 1,
    **shared: Any,
) -> Cohort:
    """Write several simulated studies into a folder, read them, and pool them.

    Parameters
    ----------
    folder : path
        Each study lies in a folder of its name in it.
    cohorts : mapping of str to mapping
        What differs: ``{"boston": {"prevalence": 0.3}, "nagoya": {"t_r": 0.8}}``.
    seed : int
        A study without a seed of its own gets one from this and from its name, so that no
        two studies hold the same people.
    n_jobs : int
        Processes; the files do not depend on it.
    **shared
        What all have in common, effects for instance.

    Returns
    -------
    Cohort
    """
    from lumbago.data import Cohort
    from lumbago.experiment.cohorts import read_cohort
    from lumbago.simulation import several

    specs = several(folder, cohorts, seed=seed, **shared)
    return Cohort.pool([read_cohort(n, spec, n_jobs=n_jobs) for n, spec in specs.items()])


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("lumbago")
    if name in _ROOMS:
        return import_module(f"lumbago.{name}")
    if name not in _DOOR:
        raise AttributeError(f"module 'lumbago' has no attribute {name!r}")
    return getattr(import_module(_DOOR[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
