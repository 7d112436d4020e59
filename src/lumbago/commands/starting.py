"""Commands to begin with: a simulated study, a drafted experiment, a look at the machine."""

from __future__ import annotations

from pathlib import Path

import click

from lumbago.errors import InputError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--participants", "-n", type=int, help="How many people.")
@click.option(
    "--effects", "-e", multiple=True, metavar="NAME=VALUE",
    help="What is planted in patients: insula_alff=0.35, default_mode_insula=0.6.",
)  # fmt: skip
@click.option(
    "--set", "-s", "settings", multiple=True, metavar="NAME=VALUE",
    help="Any other setting of a simulated cohort: n_sites=2, voxel_size=8, seed=7.",
)  # fmt: skip
@click.option("--jobs", "-j", type=click.IntRange(1, 1024), default=1, show_default=True,
              help="Processes; no file depends on it.")  # fmt: skip
def simulate(
    folder: Path,
    participants: int | None,
    effects: tuple[str, ...],
    settings: tuple[str, ...],
    jobs: int,
) -> None:
    """Write a simulated study with known effects into FOLDER, as fMRIPrep would leave it."""
    from pydantic import ValidationError

    from lumbago.commands.words import settings_of
    from lumbago.experiment.cohorts import write_simulated
    from lumbago.extraction.choice import refused
    from lumbago.simulation import SimulatedCohort

    given = settings_of(settings)
    if participants is not None:
        given["n_participants"] = participants
    if effects:
        given["effects"] = {**given.get("effects", {}), **settings_of(effects)}
    try:
        spec = SimulatedCohort(**given)
    except ValidationError as error:
        raise InputError(refused(error, "simulated", SimulatedCohort)) from None

    def told(stage: str, done: int, total: int, what: str) -> None:
        click.echo(f"{stage}: {done}/{total}", err=True)

    write_simulated(spec, folder, n_jobs=jobs, progress=told)
    size = spec.size()
    click.echo(
        f"{folder}: {size['n_participants']} participants, {size['n_scans']} scans; "
        "ground_truth.json says what is planted"
    )


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False),
    default=Path("experiment.yaml"), show_default=True, help="The file to write.",
)  # fmt: skip
@click.option("--participants", type=click.Path(path_type=Path),
              help="Table of the participants, where it does not lie in the folder.")  # fmt: skip
@click.option("--target", help="Column to predict; chosen from the table where not given.")
def new(data: Path, output: Path, participants: Path | None, target: str | None) -> None:
    """Look at DATA and write a commented experiment about it.

    DATA is the folder of fMRIPrep's derivatives, of region time series or of connectomes, or a
    table of features.
    """
    from lumbago.experiment.drafting import draft, write_draft

    text, notes = draft(data, output, participants=participants, target=target)
    write_draft(output, text)
    for note in notes:
        click.echo(note, err=True)
    click.echo(f"written: {output}; next: lumbago check {output}, lumbago plan {output}")


@click.command()
def doctor() -> None:
    """Say what this machine offers: versions, cores, memory, disk, extras, atlases, data.

    The text names no path, no user and no host: paste it into an issue as it is.
    """
    from lumbago.experiment.machine import describe

    lines, fit = describe()
    for line in lines:
        click.echo(line)
    if not fit:
        raise SystemExit(3)
