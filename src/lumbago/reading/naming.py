"""Whose a file is, from a name that need not be BIDS."""

from __future__ import annotations

import re

from lumbago.errors import InputError, Problem
from lumbago.reading.walker import parse

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9+_.-]*")
_FIELD = re.compile(r"\{(\w+)\}|(\*\*/)|(\*)")
_FIELDS = ("participant", "session", "run")


def whose(text: str) -> tuple[str, str, str]:
    """Return participant, session and run, with their prefixes, from an id.

    BIDS names are taken apart; any other id is a participant as it stands.

    >>> whose("sub-01_ses-2")
    ('sub-01', 'ses-2', '')
    >>> whose("Sub_001")
    ('sub-Sub_001', '', '')
    """
    entities, _, _ = parse(text)
    if "sub" in entities:
        sub, ses, run = (
            f"{key}-{entities[key]}" if entities.get(key) else "" for key in ("sub", "ses", "run")
        )
        text = sub
    else:
        ses = run = ""
    label = text.removeprefix("sub-")
    if not _LABEL.fullmatch(label):
        raise InputError(
            Problem(text, "cannot be a participant's id; expected letters, digits, '_', '-', '.'")
        )
    return f"sub-{label}", ses, run


def compiled(pattern: str) -> re.Pattern[str]:
    """Turn ``anat/mwp1{participant}_T1w.nii*`` into a regular expression over paths.

    ``*`` stands for anything within a name, ``**/`` for any folders, ``{participant}``,
    ``{session}`` and ``{run}`` for what is taken from the name. A pattern without ``/`` is
    one of the name alone.

    Raises
    ------
    ValueError
        For another word in braces.
    """
    parts = []
    at = 0
    seen: set[str] = set()
    for found in _FIELD.finditer(pattern):
        parts.append(re.escape(pattern[at : found.start()]))
        at = found.end()
        field, folders, _ = found.groups()
        if folders:
            parts.append("(?:.*/)?")
        elif not field:
            parts.append("[^/]*")
        elif field not in _FIELDS:
            raise ValueError(
                f"pattern {pattern!r}: {{{field}}} is none of "
                + ", ".join("{" + f + "}" for f in _FIELDS)
            )
        elif field in seen:
            parts.append(f"(?P={field})")
        else:
            seen.add(field)
            parts.append(rf"(?P<{field}>[A-Za-z0-9][A-Za-z0-9+_.-]*?)")
    parts.append(re.escape(pattern[at:]))
    anywhere = "" if "/" in pattern else "(?:.*/)?"
    return re.compile(anywhere + "".join(parts))
