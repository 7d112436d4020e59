"""The command line: check, plan, run, report, and the commands without an experiment."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lumbago.commands import COMMANDS
from lumbago.errors import ConfigError, InputError, LumbagoError

if TYPE_CHECKING:
    from lumbago.experiment.plan import Plan
    from lumbago.experiment.run import Run

INTERRUPTED = 130
WITH_EXCLUSIONS = 4


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lumbago", prog_name="lumbago")
def commands() -> None:
    """Resting-state fMRI connectomics and machine learning for chronic low back pain.

    An experiment is one YAML file. `check` reads it, `plan` says what a run would do,
    `run` does what is missing and writes the report.

    Exit codes: 0 done, 2 bad input or configuration, 3 full disk or missing permission,
    4 done with exclusions under --strict, 130 interrupted.
    """


experiment_file = click.argument("experiment", type=click.Path(path_type=Path))
output_option = click.option(
    "--output", "-o", type=click.Path(path_type=Path, file_okay=False),
    help="The run folder.  [default: runs/NAME]",
)  # fmt: skip
store_option = click.option(
    "--store", type=click.Path(path_type=Path, file_okay=False),
    help="Where finished work is kept.  [default: $LUMBAGO_STORE, or store beside the run folder]",
)  # fmt: skip


@commands.command()
@experiment_file
def check(experiment: Path) -> None:
    """Read an experiment file and tell every problem at once; needs no data."""
    from lumbago.experiment.loading import load

    loaded = load(experiment)
    spec = loaded.experiment
    click.echo(
        f"{experiment}: ok: {_count(len(spec.cohorts), 'cohort')}, "
        f"{_count(len(spec.features), 'feature')}, {_count(len(spec.models), 'model')}, "
        f"target {', '.join(spec.evaluation.targets)}; hash {loaded.digest[:12]}"
    )


@commands.command()
@experiment_file
@output_option
@store_option
def plan(experiment: Path, output: Path | None, store: Path | None) -> None:
    """Say what a run would compute, what it would cost and who is left out; compute nothing."""
    from lumbago.experiment.plan import plan_experiment

    _show_plan(plan_experiment(experiment, output=output, store=store))


@commands.command()
@experiment_file
@output_option
@store_option
@click.option(
    "--jobs", "-j", type=click.IntRange(1, 1024),
    help="Processes; no result depends on it.  [default: the cores, at most 4]",
)  # fmt: skip
@click.option(
    "--strict", is_flag=True, help="Exit with 4 if a scan or a sample had to be left out."
)
@click.option(
    "--unlock", multiple=True, metavar="COHORT",
    help="Look at a locked cohort; the look is counted in the ledger.",
)  # fmt: skip
@click.option("--rehash", is_flag=True, help="Read every input again, even where nothing changed.")
def run(
    experiment: Path,
    output: Path | None,
    store: Path | None,
    jobs: int | None,
    strict: bool,
    unlock: tuple[str, ...],
    rehash: bool,
) -> None:
    """Run what the store lacks and write the report; run again to resume."""
    import lumbago

    with _Progress() as progress:
        done = lumbago.run(
            experiment,
            output=output,
            store=store,
            n_jobs=jobs or _cores(),
            rehash=rehash,
            unlock=unlock,
            progress=progress.tell,
        )
    failures = done.failures
    for code, rows in failures.groupby("code"):
        scans = _count(len(rows), "exclusion")
        click.echo(f"{scans} {code}: {rows['reason'].iloc[0]}", err=True)
    _show_scores(done)
    for folder in done.folders:
        click.echo(f"report: {folder.report}")
    if strict and len(failures):
        click.echo(f"--strict: {_count(len(failures), 'exclusion')}, see exclusions.tsv", err=True)
        raise SystemExit(WITH_EXCLUSIONS)


@commands.command()
@click.argument("run_folder", type=click.Path(path_type=Path, file_okay=False))
def report(run_folder: Path) -> None:
    """Build report.html of a finished run again, from its tables."""
    from lumbago.report.build import build_report

    folders = [run_folder]
    if not (run_folder / "run.json").exists():
        folders = sorted(p.parent for p in run_folder.glob("*/run.json")) or [run_folder]
    for folder in folders:
        click.echo(f"report: {build_report(folder)}")


for command in COMMANDS:
    commands.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every expected error is a sentence and an exit code."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: list[str] | None) -> int:
    try:
        commands.main(args=arguments, prog_name="lumbago", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what is finished is kept, run again to resume", err=True)
        return INTERRUPTED
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 1
    except LumbagoError as error:
        click.echo(_sentence(error), err=True)
        return error.exit_code
    return 0


def _sentence(error: LumbagoError) -> str:
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        return f"{error}\n{_count(len(error.problems), 'problem')}"
    if isinstance(error, InputError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _as_interrupt(signum: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _cores() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(usable or 1, 4)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


class _Progress:
    """A bar per stage on a terminal, a line every tenth of a stage elsewhere."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}
        self.told: dict[str, int] = {}

    def __enter__(self) -> _Progress:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        if console.is_terminal:
            self.bar = Progress(
                TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(),
                TimeRemainingColumn(), TextColumn("{task.fields[what]}"), console=console,
            )  # fmt: skip
            self.bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def tell(self, stage: str, done: int, total: int, what: str) -> None:
        """Show how far a stage is."""
        if self.bar is not None:
            if stage not in self.tasks:
                self.tasks[stage] = self.bar.add_task(stage, total=total, what="")
            self.bar.update(self.tasks[stage], completed=done, total=total, what=what[:40])
            return
        tenth = 10 * done // max(total, 1)
        if tenth > self.told.get(stage, -1) or done == total:
            self.told[stage] = tenth
            click.echo(f"{stage}: {done}/{total} {what}", err=True)


def _show_plan(plan: Plan) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    cohorts = Table("cohort", "kind", "participants", "sessions", "scans", "left out")
    for row in plan.cohorts.itertuples(index=False):
        cohorts.add_row(*map(str, row))
    console.print(cohorts)
    for name, size in plan.simulated.items():
        console.print(
            f"{name} is not written yet: {size['n_participants']} participants, "
            f"{size['n_scans']} scans, about {_bytes(size['bytes'])}", highlight=False,
        )  # fmt: skip
    if len(plan.excluded):
        excluded = Table("left out before measuring", "code", "n", "reason")
        for row in plan.excluded.itertuples(index=False):
            excluded.add_row(str(row.cohort), str(row.code), str(row.n), str(row.reason))
        console.print(excluded)
    features = Table("feature", "kind", "scans", "in store", "rejected", "to compute")
    for f in plan.features:
        counts = (f.scans, f.stored, f.rejected, f.missing)
        features.add_row(f.key, f.kind, *map(str, counts))
    console.print(features)
    if plan.targets:
        targets = Table("target", "samples", "participants", "units", "in store", "to fit")
        for t in plan.targets:
            mark = "" if t.sure else " at most"
            numbers = (t.participants, t.units, t.stored, t.units - t.stored)
            targets.add_row(t.name, f"{t.samples}{mark}", *map(str, numbers))
        console.print(targets)
    for t in plan.targets:
        for what, reason in t.not_available.items():
            console.print(f"{t.name}: {what} is not available: {reason}", highlight=False)
        for note in t.notes:
            console.print(f"{t.name}: {note}", highlight=False)
    for note in plan.notes:
        console.print(note, highlight=False)
    console.print(
        f"estimate: {_duration(plan.seconds)} of one core, {_bytes(plan.memory)} of memory "
        f"per process, {_bytes(plan.disk)} of disk",
        highlight=False,
    )


def _show_scores(done: Run) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    for folder in done.folders:
        scores = folder.scores
        pooled = scores[scores["scope"] == "pooled"]
        if not len(pooled):
            continue
        first = pooled["metric"].iloc[0]
        table = Table(
            "model",
            "features",
            "scheme",
            first,
            "95 % interval",
            title=folder.run["target"]["name"],
        )
        for row in pooled[pooled["metric"] == first].itertuples(index=False):
            interval = f"{row.ci_low:.2f} to {row.ci_high:.2f}" if row.ci_low == row.ci_low else ""
            score = f"{row.score:.3f}" if row.score == row.score else "n/a"
            table.add_row(row.model, row.features, row.scheme, score, interval)
        console.print(table)


def _bytes(n: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    main()
