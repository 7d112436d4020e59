"""The people of an experiment: every cohort read, its rules applied, all pooled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lumbago.data import Cohort
from lumbago.errors import EnvironmentProblem, InputError, LumbagoError, Problem
from lumbago.experiment.schema import Experiment
from lumbago.reading.denoise import Denoise
from lumbago.simulation import SimulatedCohort


def read_cohorts(
    experiment: Experiment,
    workspace: Path,
    *,
    n_jobs: int = 1,
    progress: Callable[[str, int, int, str], None] | None = None,
) -> list[Cohort]:
    """Read every cohort of an experiment, in the order of their names.

    Parameters
    ----------
    experiment : Experiment
    workspace : Path
        Where simulated cohorts are written.

    Raises
    ------
    InputError
        With the problems of all cohorts.
    """
    cohorts, problems = [], []
    for name, spec in sorted(experiment.cohorts.items()):
        try:
            cohorts.append(
                read_cohort(
                    name,
                    spec,
                    workspace=workspace,
                    denoise=experiment.main_denoise(),
                    n_jobs=n_jobs,
                    progress=progress,
                )
            )
        except InputError as error:
            problems += [of_cohort(name, problem) for problem in error.problems]
    if problems:
        raise InputError(problems)
    return cohorts


def read_cohort(
    name: str,
    spec: Any,
    *,
    workspace: Path | None = None,
    denoise: Denoise | None = None,
    n_jobs: int = 1,
    progress: Callable[[str, int, int, str], None] | None = None,
) -> Cohort:
    """Read one cohort; a simulated one is written first, unless it is there."""
    if isinstance(spec, SimulatedCohort):
        folder = simulated_folder(spec, workspace)
        write_simulated(spec, folder, n_jobs=n_jobs, progress=progress)
        spec = reader_of(spec, folder)
    cohort: Cohort = spec.read(name, workspace=workspace, denoise=denoise)
    return cohort


def simulated_folder(spec: SimulatedCohort, workspace: Path | None) -> Path:
    """Return where a simulated cohort lies, or will."""
    if spec.folder is not None:
        return Path(spec.folder)
    if workspace is None:
        raise InputError("a simulated cohort needs `folder:`, where its images are written")
    return workspace / "simulated" / spec.content()[:16]


def reader_of(spec: SimulatedCohort, folder: Path) -> Any:
    """Return the reader of a simulated cohort: it is a folder like any other."""
    from lumbago.reading import BidsCohort

    return BidsCohort(
        derivatives=str(folder),
        task=spec.task,
        space=spec.space,
        keep=spec.keep,
        rename=spec.rename,
        recode=spec.recode,
        site=spec.site,
    )


def write_simulated(
    spec: SimulatedCohort,
    folder: Path,
    *,
    n_jobs: int = 1,
    progress: Callable[[str, int, int, str], None] | None = None,
) -> None:
    """Write a simulated cohort, unless it is there; a full disk is a sentence.

    Raises
    ------
    EnvironmentProblem
        If the folder cannot be written.
    """

    def told(done: int, total: int) -> None:
        if progress is not None:
            progress("simulating", done, total, f"person {done}")

    try:
        spec.write(folder, n_jobs=n_jobs, progress=told)
    except LumbagoError:
        raise
    except OSError as error:
        why = error.strerror or "the disk took only a part of it"
        raise EnvironmentProblem(
            f"simulated cohort: cannot write to {folder.parent} ({why}); "
            "free some space or choose another folder with --store"
        ) from error
    except BaseException:
        # Workers that go on after an interrupt would be nobody's children.
        if n_jobs != 1:
            from joblib.externals.loky import get_reusable_executor

            get_reusable_executor().shutdown(wait=False, kill_workers=True)
        raise


def of_cohort(name: str, problem: Problem) -> Problem:
    if name in problem.where or name in problem.message:
        return problem
    where = f"cohort {name}" + (f": {problem.where}" if problem.where else "")
    return Problem(where, problem.message)
