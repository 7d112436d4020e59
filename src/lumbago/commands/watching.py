"""`lumbago live`: a folder watched, a table of values that grows with every volume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lumbago.commands.measuring import repeated
from lumbago.errors import InputError

if TYPE_CHECKING:
    from lumbago.live import LiveValues


class _Several(click.Command):
    """A command whose ``--kind`` takes several words: ``--kind alff reho``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, repeated(repeated(args, "--kind"), "-k"))


@click.command(cls=_Several)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--mask", required=True, type=click.Path(path_type=Path), help="Brain mask, 3D.")
@click.option("--t-r", required=True, type=float, help="Repetition time, in s.")
@click.option("--window", "-w", help="Width: 60 (volumes) or 120s (seconds).", required=True)
@click.option(
    "--kind", "-k", "kinds", multiple=True, default=("alff", "reho"), show_default=True,
    metavar="KIND...", help="What to measure; several words may follow.",
)  # fmt: skip
@click.option("--atlas", help="Regions whose values are written, such as lumbago200.")
@click.option(
    "--set", "-s", "settings", multiple=True, metavar="NAME=VALUE",
    help="A setting of the measures: band=0.01,0.1, seed.seeds.acc=0,24,30.",
)  # fmt: skip
@click.option(
    "--output", "-o", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Table to write (.tsv), its settings beside it (.json).",
)  # fmt: skip
@click.option("--feedback", "of", metavar="NAME", help="Value that becomes feedback.")
@click.option(
    "--baseline", type=int, nargs=2, metavar="FIRST LAST",
    help="Block that feedback is told against, in volumes from 0.",
)  # fmt: skip
@click.option("--down", is_flag=True, help="Feedback grows as the value falls.")
@click.option(
    "--confounds", type=click.IntRange(0), default=0, show_default=True,
    help="Numbers in a .txt of each volume's name, regressed out of the window.",
)  # fmt: skip
@click.option("--scrub-gaps", is_flag=True, help="Measure windows with missing volumes, scrubbed.")
@click.option("--first", type=int, help="Number of the first volume.  [default: the smallest]")
@click.option("--count", type=click.IntRange(1), help="Volumes after which to end.")
@click.option(
    "--timeout", type=float, default=60.0, show_default=True,
    help="End after this many seconds without anything new.",
)  # fmt: skip
@click.option("--stop", default="stop", show_default=True, help="File in FOLDER that ends it.")
def live(
    folder: Path,
    mask: Path,
    t_r: float,
    window: str,
    kinds: tuple[str, ...],
    atlas: str | None,
    settings: tuple[str, ...],
    output: Path,
    of: str | None,
    baseline: tuple[int, int] | None,
    down: bool,
    confounds: int,
    scrub_gaps: bool,
    **how: Any,
) -> None:
    """Measure a running scan: each volume that appears in FOLDER, with those before it.

    FOLDER receives single volumes (.nii, .nii.gz), numbered in the last digits of their names.
    Every volume gives one row: values of the window that ends with it, and feedback.
    """
    from pydantic import ValidationError

    from lumbago.commands.words import settings_of
    from lumbago.extraction.choice import chosen, refused
    from lumbago.live import Live, LiveStream, watch

    if (of is None) != (baseline is None):
        raise InputError("--feedback and --baseline come together: a value, and its first block")
    if down and of is None:
        raise InputError("--down: nothing is fed back; name a value with --feedback")
    measures = chosen(kinds, settings_of(settings), atlas=atlas)
    try:
        wanted = Live(
            t_r=t_r,
            **_width(window),
            measures={name: _without_maps(m) for name, m in measures.items()},
            feedback=None if of is None else {
                "of": of, "baseline": baseline, "direction": "down" if down else "up"
            },
            confounds=confounds,
            gaps="scrub" if scrub_gaps else "nan",
        )  # fmt: skip
    except ValidationError as error:
        raise InputError(refused(error, "live", Live)) from None
    stream = LiveStream(wanted, mask)
    for note in stream.notes:
        click.echo(f"warning: {note}", err=True)
    click.echo(f"ready: {len(stream.names)} values of {wanted.width} volumes", err=True)

    def told(number: int, found: LiveValues) -> None:
        said = [f"volume {number}: {found.latency * 1000:.0f} ms"]
        if found.feedback == found.feedback:
            said.append(f"feedback {found.feedback:.2f}")
        click.echo(", ".join([*said, *found.notes]), err=True)

    rows = watch(folder, stream, output, told=told, **how)
    click.echo(f"written: {rows} rows in {output}")


def _width(word: str) -> dict[str, Any]:
    """Return what ``60`` or ``120s`` stands for.

    >>> _width("60"), _width("90.5s")
    ({'window': 60}, {'seconds': 90.5})
    """
    number, seconds = word.removesuffix("s"), word.endswith("s")
    try:
        return {"seconds": float(number)} if seconds else {"window": int(number)}
    except ValueError:
        raise InputError(
            f"--window {word!r}: expected a number of volumes (60) or seconds (120s)"
        ) from None


def _without_maps(measure: Any) -> Any:
    maps = getattr(measure, "keep_maps", False)
    return measure.model_copy(update={"keep_maps": False}) if maps else measure
