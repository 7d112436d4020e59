"""`lumbago atlas`: which regions there are, what they are, and files that get a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lumbago.commands.words import settings_of
from lumbago.errors import InputError

if TYPE_CHECKING:
    from lumbago.data import Atlas

_SHOWN = 10


@click.group()
def atlas() -> None:
    """List atlases, show one, or give files of your own a name.

    Your own lie in $LUMBAGO_ATLASES, or in ~/.local/share/lumbago/atlases.
    """


@atlas.command("list")
def list_atlases() -> None:
    """List every name that `atlas:` may take, and what nilearn can fetch."""
    from lumbago.data.packaged import packaged_names
    from lumbago.reading.atlases import atlas_names, load_atlas
    from lumbago.reading.fetched import fetch_names, fetch_options

    packaged = packaged_names()
    for name in atlas_names():
        whose = "packaged" if name in packaged else "yours"
        try:
            what = _in_short(load_atlas(name))
        except InputError as error:
            what = f"cannot be used: {error}"
        click.echo(f"{name}\t{whose}\t{what}")
    for name in fetch_names():
        options = ", ".join(f"{k}: {_plain(v)}" for k, v in fetch_options(name).items())
        click.echo(f"{{fetch: {name}}}\tnilearn\toptions {{{options}}}")


@atlas.command()
@click.argument("name")
@click.option("--all", "everything", is_flag=True, help="Every region, not only the first ten.")
def show(name: str, everything: bool) -> None:
    """Say what an atlas is, where it comes from, and which regions it has."""
    from lumbago.reading.atlases import load_atlas

    found = load_atlas(name)
    click.echo(f"{found.name}: {_in_short(found)}")
    for key, value in found.about.items():
        if key not in ("name", "kind", "space", "radius", "coordinates"):
            text = value if isinstance(value, str) else _told(value)
            click.echo(f"{key}: {' '.join(text.split())}")
    columns = ["index", "name", *(c for c in found.labels if c not in ("index", "name"))]
    rows = found.labels[columns].astype(object).to_numpy().tolist()
    click.echo("\t".join(map(str, columns)))
    for row in rows if everything else rows[:_SHOWN]:
        click.echo("\t".join(str(cell) for cell in row))
    if not everything and len(rows) > _SHOWN:
        click.echo(f"… and {len(rows) - _SHOWN} more; --all shows them")


@atlas.command()
@click.argument("name")
@click.option("--image", type=click.Path(path_type=Path), help="NIfTI image of the regions.")
@click.option("--labels", type=click.Path(path_type=Path), help="Table of their index and name.")
@click.option("--space", help="Space of the image, such as MNI152NLin2009cAsym.")
@click.option(
    "--sampling", type=click.Choice(["weighted_mean", "least_squares"]),
    help="How weight maps (a 4D image) give one value per region.",
)  # fmt: skip
@click.option("--sha256", help="What the image file must be; refused where it differs.")
@click.option("--fetch", help="Instead of files: download what nilearn knows by this name.")
@click.option(
    "--set", "-s", "options", multiple=True, metavar="NAME=VALUE",
    help="An option of --fetch: n_rois=200.",
)  # fmt: skip
def add(
    name: str,
    image: Path | None,
    labels: Path | None,
    space: str | None,
    sampling: Any,
    sha256: str | None,
    fetch: str | None,
    options: tuple[str, ...],
) -> None:
    """Check an atlas and keep a copy of it under NAME, for `atlas: NAME` in experiments."""
    from lumbago.reading.atlases import LocalAtlas, load_atlas
    from lumbago.reading.fetched import FetchedAtlas, fetch_names
    from lumbago.reading.own_atlases import add_atlas, check_new_name

    check_new_name(name)
    ref: LocalAtlas | FetchedAtlas
    if fetch is not None:
        if image or labels or space:
            raise InputError("--fetch brings image, labels and space itself; leave these out")
        if fetch not in fetch_names():
            raise InputError(f"--fetch {fetch!r}: expected one of {', '.join(fetch_names())}")
        chosen = settings_of(options)
        wrong = [k for k, v in chosen.items() if not isinstance(v, bool | int | str)]
        if wrong:
            raise InputError(f"--set {wrong[0]}: expected a word or a whole number")
        ref = FetchedAtlas(
            fetch=fetch, options=chosen, download=True, sampling=sampling, sha256=sha256
        )
    elif options:
        raise InputError("--set: gives options of --fetch, which is not there")
    elif image is None or labels is None or space is None:
        raise InputError("expected --image, --labels and --space, or --fetch")
    else:
        ref = LocalAtlas(
            image=str(image), labels=str(labels), space=space, sha256=sha256, sampling=sampling
        )
    found = load_atlas(ref)
    folder = add_atlas(name, found, read_back=load_atlas)
    click.echo(f"{name}: {_in_short(found)}")
    click.echo(f"kept in {folder}; experiments may say `atlas: {name}`")


def _in_short(found: Atlas) -> str:
    of = {
        "deterministic": "labelled voxels",
        "probabilistic": f"weight maps ({found.sampling})",
        "spheres": f"spheres of {_millimetres(found)} mm",
    }[found.kind]
    return f"{len(found)} regions, {of}, space {found.space}"


def _millimetres(found: Atlas) -> str:
    least, most = (found.radii.min(), found.radii.max()) if found.kind == "spheres" else (0, 0)
    return f"{least}" if least == most else f"{least} to {most}"


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}={_plain(v)}" for k, v in value.items())
    return str(value)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
