"""Words of a table as YAML reads them back."""

from __future__ import annotations

import json
import re

_MEANING = ("true", "false", "null", "yes", "no", "on", "off")


def as_key(word: str) -> str:
    """Return a name that a setting may have."""
    clean = re.sub(r"[^A-Za-z0-9_-]+", "_", word).strip("_-")
    plain = clean[:1].isascii() and clean[:1].isalpha() and clean.lower() not in _MEANING
    return clean if plain else f"level_{clean}".strip("_")


def as_word(text: str) -> str:
    """Return a word as YAML reads it back: quoted wherever it could be taken for anything else."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*", text)
    if plain and text.lower() not in _MEANING:
        return text
    return json.dumps(text, ensure_ascii=False)
