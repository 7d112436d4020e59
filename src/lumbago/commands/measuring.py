"""`lumbago extract`: maps, regional values and matrices of images, without any learning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lumbago.errors import InputError

if TYPE_CHECKING:
    from lumbago.extraction.images import Written
    from lumbago.reading import BidsCohort

_IMAGE = re.compile(r"\.nii(\.gz)?$")
_WORD = re.compile(r"[a-z][a-z0-9_]*")


class _Several(click.Command):
    """A command whose ``--kind`` takes several words: ``--kind alff falff reho``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, repeated(repeated(args, "--kind"), "-k"))


def repeated(words: list[str], option: str) -> list[str]:
    """Write an option before each of its words; a path ends them.

    >>> repeated(["--kind", "alff", "reho", "a.nii", "-o", "x"], "--kind")
    ['--kind', 'alff', '--kind', 'reho', 'a.nii', '-o', 'x']
    """
    found: list[str] = []
    inside = False
    for word in words:
        if word == option or word.startswith("-"):
            inside = word == option
            if not inside:
                found.append(word)
        else:
            inside = inside and _WORD.fullmatch(word) is not None
            found += [option, word] if inside else [word]
    return found


@click.command(cls=_Several)
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--kind", "-k", "kinds", multiple=True, default=("alff", "falff", "reho"), show_default=True,
    metavar="KIND...", help="What to measure; several words may follow.",
)  # fmt: skip
@click.option(
    "--output", "-o", required=True, type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write, a BIDS derivative.",
)  # fmt: skip
@click.option("--atlas", help="Regions whose values are written too, such as lumbago200.")
@click.option(
    "--set", "-s", "settings", multiple=True, metavar="NAME=VALUE",
    help="A setting of the measures: band=0.01,0.1, reho.neighbours=19, denoise.strategy=motion6.",
)  # fmt: skip
@click.option("--mask", type=click.Path(path_type=Path), help="Brain mask of one image.")
@click.option("--confounds", type=click.Path(path_type=Path), help="Confounds of one image.")
@click.option("--t-r", type=float, help="Repetition time of one image, in s, over its header's.")
@click.option(
    "--voxel-size", type=float, nargs=3, metavar="X Y Z",
    help="Voxel size of one image, in mm, over its header's.",
)  # fmt: skip
@click.option("--space", help="Space of the image, or of the scans to take from a dataset.")
@click.option("--task", default="rest", show_default=True, help="Task of a dataset's scans.")
@click.option(
    "--quality",
    is_flag=True,
    help="Write pages on the quality of every scan (motion, carpet, tSNR) and of all.",
)
@click.option("--jobs", "-j", type=click.IntRange(1, 1024), default=1, show_default=True,
              help="Processes; no value depends on it.")  # fmt: skip
def extract(
    source: Path,
    kinds: tuple[str, ...],
    output: Path,
    atlas: str | None,
    settings: tuple[str, ...],
    task: str,
    space: str | None,
    quality: bool,
    jobs: int,
    **of_one: Any,
) -> None:
    """Measure one image, or every scan of a BIDS dataset, and write the maps.

    SOURCE is a 4D image (.nii, .nii.gz) or the folder of a dataset, raw or fMRIPrep's. Short
    scans are measured, with a warning.
    """
    from lumbago.commands.words import settings_of
    from lumbago.extraction.choice import chosen

    extractors = chosen(kinds, settings_of(settings), atlas=atlas)
    cohort: Any = None
    if _IMAGE.search(source.name) and not source.is_dir():
        from lumbago.extraction.images import extract_image

        outcomes = {source.name: extract_image(source, extractors, output, space=space, **of_one)}
    else:
        cohort = _cohort_of(source, extractors, task, space, of_one)
        outcomes = _of_folder(cohort, extractors, output, jobs)
    _tell(outcomes)
    click.echo(f"written: {sum(len(o.files) for o in outcomes.values())} files in {output}")
    if quality and cohort is None:
        click.echo(f"quality: {_of_image(source, extractors, output, atlas, space, of_one)}")
    elif quality:
        pages = _quality(cohort, extractors, output, atlas, jobs)
        click.echo(f"quality: {len(pages) - 2} pages of scans, and of all {pages[-1]}")


def _cohort_of(
    source: Path,
    extractors: dict[str, Any],
    task: str,
    space: str | None,
    of_one: dict[str, Any],
) -> BidsCohort:
    from lumbago.reading import BidsCohort
    from lumbago.reading.looking import is_derivative

    given = [f"--{name.replace('_', '-')}" for name, value in of_one.items() if value is not None]
    if given:
        raise InputError(
            f"{', '.join(given)}: for one image only; a dataset says it in its sidecars and files"
        )
    if not source.is_dir():
        raise InputError(f"{source.name}: expected a .nii or .nii.gz image, or a dataset's folder")
    if is_derivative(source):
        return BidsCohort(derivatives=source, task=task, space=space)
    if any(getattr(e, "atlas", None) for e in extractors.values()):
        raise InputError(
            f"{source.name}: raw scans lie in the scanner's space, where no atlas fits; "
            "leave --atlas out, or give fMRIPrep's output"
        )
    if space is not None:
        raise InputError(f"{source.name}: a raw dataset has no --space; its scans lie in their own")
    return BidsCohort(raw=source, task=task)


def _of_folder(
    cohort: BidsCohort, extractors: dict[str, Any], output: Path, jobs: int
) -> dict[str, Written]:
    from lumbago.extraction.folders import extract_folder

    def told(done: int, total: int, what: str) -> None:
        click.echo(f"measuring: {done}/{total} {what}", err=True)

    return extract_folder(cohort, extractors, output, n_jobs=jobs, progress=told)


def _quality(
    cohort: BidsCohort, extractors: dict[str, Any], output: Path, atlas: str | None, jobs: int
) -> list[Path]:
    """Write quality pages under the denoising of the first measure."""
    from lumbago.extractors import Quality
    from lumbago.report.quality.pages import write_pages

    def told(done: int, total: int, what: str) -> None:
        click.echo(f"quality: {done}/{total} {what}", err=True)

    looked = Quality(denoise=next(iter(extractors.values())).denoise, atlas=atlas)
    found = cohort.find("cohort")
    reasons = [reason for *_, reason in found.excluded]
    return write_pages(found.scans, output, looked, left_out=reasons, n_jobs=jobs, progress=told)


def _of_image(
    source: Path,
    extractors: dict[str, Any],
    output: Path,
    atlas: str | None,
    space: str | None,
    of_one: dict[str, Any],
) -> Path:
    from lumbago.extraction.images import open_image
    from lumbago.extractors import Quality
    from lumbago.report.quality.pages import write_image_page

    looked = Quality(denoise=next(iter(extractors.values())).denoise, atlas=atlas)
    recording, _ = open_image(source, space=space, regions=atlas is not None, **of_one)
    return write_image_page(recording, source, output, looked)


_NAMED = 5


def _tell(outcomes: dict[str, Written]) -> None:
    """Say each warning once, and each refusal with the scans behind it."""
    from lumbago.extraction.wording import of_anyone

    notes: dict[str, list[str]] = {}
    reasons: dict[str, list[str]] = {}
    for scan, outcome in outcomes.items():
        for note in outcome.notes:
            notes.setdefault(note, []).append(scan)
        for kind, reason in outcome.rejected.items():
            reasons.setdefault(f"{kind}: {of_anyone(reason)}", []).append(scan)
    for text, scans in notes.items():
        told = f" ({len(scans)} of {len(outcomes)} scans)" if len(outcomes) > 1 else ""
        click.echo(f"warning: {text}{told}", err=True)
    for text, scans in reasons.items():
        named = ", ".join(scans[:_NAMED]) + (", …" if len(scans) > _NAMED else "")
        told = f" ({len(scans)} of {len(outcomes)} scans: {named})" if len(outcomes) > 1 else ""
        click.echo(f"not measured: {text}{told}", err=True)
