"""What the store keeps of extractions: their keys, what was found, and why nothing was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lumbago.data import Extraction, Scan
from lumbago.errors import InputError
from lumbago.extraction.wording import without_paths
from lumbago.provenance import canonical_json, digest, versions
from lumbago.store import Entry, Store

_SCHEMA = 1


@dataclass(frozen=True)
class Rejected:
    """Why a scan has not this feature."""

    code: str
    reason: str
    lasting: bool = True
    """Whether the same files would be rejected again; decides if it is remembered."""


def look_up(
    wanted: Sequence[tuple[Scan, str]], extractors: Mapping[str, Any], store: Store | None
) -> tuple[dict[tuple[int, str], str], dict[tuple[int, str], Extraction | Rejected]]:
    """Ask the store for what is there already.

    Returns
    -------
    keys, found : dict of (id of the scan, feature) to store key, to extraction or rejection
        A scan whose file cannot be read is rejected here, since it has no content to ask by.
    """
    keys: dict[tuple[int, str], str] = {}
    found: dict[tuple[int, str], Extraction | Rejected] = {}
    if store is None:
        return keys, found
    names: dict[str, tuple[str, ...]] = {}
    for scan, key in wanted:
        at = id(scan), key
        try:
            keys[at] = extraction_key(scan, extractors[key], store)
        except InputError as error:
            found[at] = Rejected("E_MISSING", without_paths(str(error)), lasting=False)
            continue
        entry = store.load(keys[at])
        value = restored(entry, store, names) if entry is not None else None
        if value is not None:
            found[at] = value
    return keys, found


def extraction_key(scan: Scan, extractor: Any, store: Store) -> str:
    """Return the key of one extraction: it names the formula, its settings and what it reads.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    inputs = {
        role: store.content_hash(scan.files[role])
        for role in sorted(extractor.inputs(scan))
        if role in scan.files
    }
    about = {
        "unit": "extraction",
        "schema": _SCHEMA,
        "spec": public_spec(extractor),
        "atlas": extractor.atlas_digest(),
        "inputs": inputs,
        "t_r": scan.t_r,
        "space": scan.space,
        "entities": dict(scan.entities),
        "columns": list(scan.columns),
        "labels": list(scan.labels),
    }
    within = {role: scan.within[role] for role in inputs if role in scan.within}
    if within:
        about["within"] = within
    return digest(canonical_json(about))


def public_spec(extractor: Any) -> dict[str, Any]:
    """Return the canonical settings with atlases and masks by their names, without paths."""
    settings: dict[str, Any] = extractor.canonical()
    if isinstance(settings.get("atlas"), Mapping):
        from lumbago.reading.atlases import load_atlas

        settings["atlas"] = load_atlas(extractor.atlas).name
    if isinstance(settings.get("of"), Mapping):
        settings["of"] = public_spec(extractor.of)
    if "seeds" in settings:
        settings["seeds"] = extractor.public_seeds()
    return settings


def save(key: str, value: Extraction | Rejected, extractor: Any, store: Store) -> None:
    """Keep an extraction, or the reason why there is none."""
    about = {"spec": public_spec(extractor), "versions": versions()}
    if isinstance(value, Rejected):
        if value.lasting:
            rejected = {"rejected": {"code": value.code, "reason": value.reason}}
            store.save(key, json={"extraction": rejected, "about": about})
        return
    # Thousands of scans share their feature names: they are kept once, under their own hash.
    shared = digest("names", canonical_json(list(value.names)))
    if not store.has(shared):
        store.save(shared, json={"names": {"names": list(value.names)}})
    document = {
        "names": shared,
        "coverage": [[k, float(v)] for k, v in value.coverage.items()],
        "notes": list(value.notes),
    }
    store.save(
        key,
        arrays={"features": np.asarray(value.values, dtype=np.float32)},
        json={"extraction": document, "about": about},
        images=dict(value.maps),
    )


def restored(
    entry: Entry, store: Store, names: dict[str, tuple[str, ...]]
) -> Extraction | Rejected | None:
    """Return what an entry holds; None if the names it refers to are gone."""
    document = entry.json["extraction"]
    if "rejected" in document:
        return Rejected(**document["rejected"])
    shared = document["names"]
    if shared not in names:
        named = store.load(shared)
        if named is None:
            return None
        names[shared] = tuple(named.json["names"]["names"])
    return Extraction(
        names=names[shared],
        values=entry.arrays["features"],
        coverage=dict(document["coverage"]),
        notes=tuple(document["notes"]),
    )
