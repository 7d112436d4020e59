"""Tasks on several processes, some of which may die."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any


def in_parallel(
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    n_jobs: int,
    *,
    died: Callable[..., Any],
) -> Iterator[tuple[int, Any]]:
    """Run tasks, each with a single linear-algebra thread, and yield results as they come.

    A worker that dies takes its neighbours' pool with it: what is left is run again one
    by one, and the task that kills its worker again is answered by `died`.
    """
    if n_jobs == 1 or len(tasks) <= 1:
        for position, task in enumerate(tasks):
            yield position, function(*task)
        return
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    left = set(range(len(tasks)))
    try:
        for position, result in _pool(function, tasks, sorted(left), n_jobs):
            left.discard(position)
            yield position, result
        return
    except TerminatedWorkerError:
        pass
    for position in sorted(left):
        try:
            for _, result in _pool(function, tasks, [position], 2):
                yield position, result
        except TerminatedWorkerError:
            yield position, died(*tasks[position])


def _pool(
    function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], which: list[int], n_jobs: int
) -> Iterator[tuple[int, Any]]:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    pool = Parallel(
        n_jobs=n_jobs, backend="loky", batch_size=1, pre_dispatch="2*n_jobs",
        return_as="generator_unordered",
    )  # fmt: skip
    try:
        yield from pool(delayed(_placed)(i, function, tasks[i]) for i in which)
    except BaseException:
        # Workers that go on after an interrupt would be nobody's children.
        get_reusable_executor().shutdown(wait=False, kill_workers=True)
        raise


def _placed(position: int, function: Callable[..., Any], task: tuple[Any, ...]) -> tuple[int, Any]:
    return position, function(*task)
