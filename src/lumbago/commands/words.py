"""Settings as a shell has them: words with an equals sign."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lumbago.errors import InputError

_PLAIN = {"true": True, "false": False, "null": None}
_SAID = re.compile(r"[^=.]+(\.[^=.]+)*=.*[^,\s].*", re.DOTALL)
_WHOLE = re.compile(r"[-+]?\d+")


def settings_of(words: Iterable[str]) -> dict[str, Any]:
    """Return the settings that words such as ``band=0.01,0.1`` and ``scrub.fd=0.5`` stand for.

    Raises
    ------
    InputError
        If a word has no equals sign or no value, or two words contradict each other.

    >>> settings_of(["band=0.01,0.1", "denoise.scrub.fd=0.5", "normalize=null"])
    {'band': [0.01, 0.1], 'denoise': {'scrub': {'fd': 0.5}}, 'normalize': None}
    """
    found: dict[str, Any] = {}
    words = list(words)
    strange = [word for word in words if not _SAID.fullmatch(word)]
    if strange:
        raise InputError(
            [f"setting {word!r}: expected NAME=VALUE, such as band=0.01,0.1" for word in strange]
        )
    for word in words:
        name, _, value = word.partition("=")
        *above, last = name.split(".")
        node: Any = found
        for part in above:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise InputError(f"setting {word!r}: {part} has a value already")
        if last in node:
            raise InputError(f"setting {word!r}: given twice")
        node[last] = _value(value)
    return found


def _value(text: str) -> Any:
    if "," in text:
        return [_value(part) for part in text.split(",") if part]
    if text in _PLAIN:
        return _PLAIN[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
