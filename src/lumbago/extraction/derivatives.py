"""What people open: maps, regional values and matrices under BIDS-derivative names.

The names are XCP-D's, which most tools read; BIDS itself has not settled them, so
a ``.bidsignore`` stands beside them.
"""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from lumbago.data import Extraction
from lumbago.data.scan import fresh_image
from lumbago.errors import EnvironmentProblem, InputError
from lumbago.extraction.meanings import STATISTICS, meaning
from lumbago.reading.walker import parse
from lumbago.store.entries import digest_bytes
from lumbago.store.writing import write_file

_IGNORED = ("*_boldmap.nii.gz", "*_boldmap.json", "*_relmat.tsv", "*_relmat.json",
            "*_bold.tsv", "*_bold.json", "*_bold.html", "quality.tsv", "quality.html")  # fmt: skip
_NAME = "Lumbago: measures of resting-state fMRI"


@dataclass(frozen=True)
class Source:
    """Where a derivative comes from, as names only.

    Parameters
    ----------
    name : str
        File name of the image.
    uris : tuple of str
        ``bids:preprocessed:sub-01/func/…``, or bare file names outside a dataset.
    space : str or None
        Where the name does not tell it.
    """

    name: str
    uris: tuple[str, ...]
    space: str | None = None

    @property
    def folder(self) -> str:
        """Folder of its derivatives below the output: a participant's, or the top."""
        entities, _, _ = parse(self.name)
        if "sub" not in entities:
            return ""
        parts = [f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities]
        return "/".join([*parts, "func"])

    @property
    def prefix(self) -> str:
        """The source's own entities, with the space and without ``desc``.

        >>> Source("sub-01_task-rest_space-MNI_desc-preproc_bold.nii.gz", ()).prefix
        'sub-01_task-rest_space-MNI'
        >>> Source("filtered_func_data.nii.gz", ()).prefix
        'filtered_func_data'
        """
        entities, _, _ = parse(self.name)
        if "sub" in entities:
            kept = {k: v for k, v in entities.items() if k != "desc"}
            stem = "_".join(f"{key}-{value}" for key, value in kept.items())
        else:
            stem = re.sub(r"[^A-Za-z0-9_-]+", "-", re.sub(r"\.nii(\.gz)?$", "", self.name))
        if self.space and "space" not in entities:
            stem += f"_space-{alphanumeric(self.space)}"
        return stem


@dataclass(frozen=True, eq=False)
class Product:
    """One file: its name, its content, and what its sidecar says of the values."""

    name: str
    content: bytes
    about: Mapping[str, Any]


def alphanumeric(words: str) -> str:
    """Return a label as BIDS takes it: letters and digits only."""
    return re.sub(r"[^A-Za-z0-9]+", "", words)


def products(
    extractor: Any, found: Extraction, source: Source, mask: np.ndarray | None
) -> list[Product]:
    """Return the files that an extraction becomes.

    Parameters
    ----------
    extractor : Extractor
    found : Extraction
    source : Source
    mask : boolean array (x, y, z) or None
        Voxels outside become 0 in maps; inside, NaN stays where a value is undefined.
    """
    made = _Names(extractor, found, source)
    files = []
    for variant, image in found.maps.items():
        about = made.meaning_of(variant) | made.smoothed
        files.append(Product(made.of(variant, "boldmap.nii.gz"), packed(image, mask), about))
    regional, edges = _by_variant(found)
    for variant, values in regional.items():
        name, about = made.of(variant, "bold.tsv", True), made.meaning_of(variant)
        files.append(Product(name, one_row(values), about))
    for variant, pairs in edges.items():
        name, about = made.of(variant, "relmat.tsv", True), made.meaning_of(variant)
        files.append(Product(name, square(pairs, made.diagonal), about))
    twice = sorted({f.name for f in files if [g.name for g in files].count(f.name) > 1})
    if twice:
        raise InputError(f"{twice[0]}: two variants would be written under this name; rename one")
    return files


def coverage_product(atlas: str, coverage: Mapping[str, float], source: Source) -> Product:
    """Return the table of how much of each region holds data; `atlas` as `atlas_entity` has it."""
    about = {"Measure": "coverage", "Units": "1",
             "Description": "Share of each region that holds data, in [0, 1]."}  # fmt: skip
    return Product(f"{source.prefix}{atlas}_stat-coverage_bold.tsv", one_row(coverage), about)


class _Names:
    """Names of one extractor's files, and the words of their sidecars."""

    def __init__(self, extractor: Any, found: Extraction, source: Source):
        kind = getattr(extractor, "measure", extractor.kind)
        kind = kind if isinstance(kind, str) else extractor.kind
        self.prefix = source.prefix
        self.statistic = STATISTICS.get(kind, alphanumeric(kind))
        self.atlas = atlas_entity(extractor)
        self.kind = extractor.kind  # what a map is called that has no variant
        variants = {*found.maps, *(_split(n)[0] for n in found.names)}
        self.unnamed = len({"" if v == self.kind else v for v in variants}) == 1
        scaled = getattr(extractor, "normalize", None)
        self.scaled = scaled or ("fisherz" if getattr(extractor, "fisher_z", False) else "")
        fwhm = getattr(extractor, "smooth", None)
        self.smoothed = {} if fwhm is None else {"SmoothingFWHM": fwhm, "SmoothingUnits": "mm"}
        self.diagonal = 1.0 if "correlation" in kind and not self.scaled else np.nan
        self.measure = kind
        self.extractor = extractor

    def meaning_of(self, variant: str) -> dict[str, Any]:
        """Return what the values of a variant are."""
        return meaning(self.measure, self.extractor, variant, scaled=bool(self.scaled))

    def of(self, variant: str, suffix: str, regional: bool = False) -> str:
        plain = self.unnamed or variant == self.kind
        words = ["" if plain else alphanumeric(variant), self.scaled]
        words += ["smooth"] if self.smoothed and not regional else []
        first, *others = [word for word in words if word] or [""]
        desc = first + "".join(word[0].upper() + word[1:] for word in others)
        name = f"{self.prefix}{self.atlas if regional else ''}_stat-{self.statistic}"
        return f"{name}{'_desc-' + desc if desc else ''}_{suffix}"


def atlas_entity(extractor: Any) -> str:
    """Return ``_atlas-<name>``, or nothing for an extractor without regions."""
    if getattr(extractor, "atlas", None) is None:
        return ""
    from lumbago.reading.atlases import load_atlas

    return f"_atlas-{alphanumeric(load_atlas(extractor.atlas).name)}"


def _split(name: str) -> tuple[str, str]:
    """Return variant and region of a feature's name behind its key.

    >>> _split(".slow5:insula_L")
    ('slow5', 'insula_L')
    """
    variant, _, region = name.partition(":")
    return variant.removeprefix("."), region


def _by_variant(
    found: Extraction,
) -> tuple[dict[str, dict[str, float]], dict[str, dict[tuple[str, str], float]]]:
    regional: dict[str, dict[str, float]] = {}
    edges: dict[str, dict[tuple[str, str], float]] = {}
    for name, value in zip(found.names, found.values, strict=True):
        variant, region = _split(name)
        one, edge, other = region.partition("~")
        if edge:
            edges.setdefault(variant, {})[one, other] = float(value)
        elif region:
            regional.setdefault(variant, {})[region] = float(value)
        else:
            regional.setdefault("", {})[variant] = float(value)
    return regional, edges


def packed(image: nib.Nifti1Image, mask: np.ndarray | None) -> bytes:
    """Return a map as a compressed file: 0 outside the mask, a fresh header, no time in it."""
    values = np.asarray(image.dataobj, dtype=np.float32)
    if mask is not None:
        values = np.where(mask, values, np.float32(0))
    return gzip.compress(fresh_image(values, image.affine).to_bytes(), mtime=0)


def one_row(values: Mapping[str, float]) -> bytes:
    """Return values as a table of one row, a column per region."""
    return _tsv(pd.DataFrame([dict(values)], dtype=np.float32))


def square(edges: Mapping[tuple[str, str], float], diagonal: float) -> bytes:
    """Return a symmetric matrix with its nodes' names."""
    nodes = list(dict.fromkeys(node for edge in edges for node in edge))
    at = {node: i for i, node in enumerate(nodes)}
    matrix = np.full((len(nodes), len(nodes)), np.nan, dtype=np.float32)
    np.fill_diagonal(matrix, diagonal)
    for (one, other), value in edges.items():
        matrix[at[one], at[other]] = matrix[at[other], at[one]] = value
    return _tsv(pd.DataFrame(matrix, index=pd.Index(nodes, name="Node"), columns=nodes), index=True)


def _tsv(table: pd.DataFrame, *, index: bool = False) -> bytes:
    text = io.StringIO()
    table.to_csv(text, sep="\t", index=index, na_rep="n/a", lineterminator="\n")
    return text.getvalue().encode()


def write_products(
    output: Path, source: Source, files: Sequence[Product], about: Mapping[str, Any]
) -> list[Path]:
    """Write files and their sidecars; return where the files are."""
    folder = output / source.folder
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            sidecar = {
                **file.about, **about, "Sources": list(source.uris),
                "SHA256": digest_bytes(file.content),
            }  # fmt: skip
            stem = re.sub(r"\.(nii\.gz|tsv)$", "", file.name)
            write_file(folder / file.name, file.content)
            write_file(folder / f"{stem}.json", _document(sidecar))
            written.append(folder / file.name)
    except OSError as error:
        raise EnvironmentProblem(
            f"output folder: cannot be written ({error.strerror}); free some space or name another"
        ) from error
    return written


def write_description(output: Path, links: Mapping[str, str]) -> None:
    """Write ``dataset_description.json`` and ``.bidsignore``; refuse another tool's folder.

    Parameters
    ----------
    output : Path
    links : mapping
        Names of datasets that ``bids:`` URIs begin with, to their relative places.
    """
    from lumbago.provenance import versions

    there = output / "dataset_description.json"
    if there.exists() and not _ours(there):
        raise InputError(
            f"output {output.name}: holds a dataset that Lumbago has not written; "
            "expected an empty folder or one of Lumbago's"
        )
    description = {
        "Name": _NAME,
        "BIDSVersion": "1.11.2",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "Lumbago", "Version": versions(["lumbago"])["lumbago"]}],
        **({"DatasetLinks": dict(links)} if links else {}),
    }
    try:
        output.mkdir(parents=True, exist_ok=True)
        write_file(there, _document(description))
        write_file(output / ".bidsignore", "".join(f"{p}\n" for p in _IGNORED).encode())
    except OSError as error:
        raise EnvironmentProblem(
            f"output folder: cannot be written ({error.strerror}); name another"
        ) from error


def _ours(description: Path) -> bool:
    try:
        makers = json.loads(description.read_text(encoding="utf-8"))["GeneratedBy"]
        return any(maker["Name"] == "Lumbago" for maker in makers)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _document(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
