"""What a JSON schema says of a value: the keywords that ours uses, and none beside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,),
    "integer": (int,), "number": (int, float), "null": (type(None),),
}  # fmt: skip
INSIDE = {"items", "prefixItems", "properties", "patternProperties", "additionalProperties"}
WORDS = {"$schema", "$defs", "title", "description", "default", "format"}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "") -> list[str]:
    """Return what is wrong with a value; an unknown keyword is an error of the schema."""
    found: list[str] = []
    for word, rule in schema.items():
        if word in WORDS:
            continue
        if word == "$ref":
            found += problems(value, root["$defs"][rule.removeprefix("#/$defs/")], root, at)
        elif word in ("anyOf", "oneOf"):
            fitting = sum(not problems(value, option, root, at) for option in rule)
            if not fitting or (word == "oneOf" and fitting > 1):
                found.append(f"{at}: {fitting} of {len(rule)} forms fit")
        elif word in INSIDE:
            for where, one, of in _inside(value, word, rule, schema):
                found += (
                    [f"{where}: not allowed"] if of is False else problems(one, of, root, where)
                )
        elif not CHECKS[word](value, rule):
            found.append(f"{at}: {word} {rule!r}, got {value!r}")
    return found


def _inside(
    value: Any, word: str, rule: Any, schema: dict[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Yield what lies in a value, with the schema for it; False allows nothing."""
    if isinstance(value, list) and word in ("items", "prefixItems"):
        of_each = rule if word == "prefixItems" else [rule] * len(value)
        for i, (one, of) in enumerate(zip(value, of_each, strict=False)):
            yield f"[{i}]", one, of
    if not isinstance(value, dict):
        return
    patterns = schema.get("patternProperties", {})
    for key, one in value.items():
        fitting = [of for pattern, of in patterns.items() if re.search(pattern, key)]
        known = key in schema.get("properties", {})
        if word == "properties" and key in rule:
            yield key, one, rule[key]
        elif word == "patternProperties":
            yield from ((key, one, of) for of in fitting)
        elif word == "additionalProperties" and not known and not fitting and rule is not True:
            yield key, one, rule


def _is(value: Any, kind: str) -> bool:
    plain = not isinstance(value, bool) or kind == "boolean"
    return plain and isinstance(value, TYPES[kind])


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CHECKS: dict[str, Any] = {
    "type": _is,
    "const": lambda v, rule: v == rule and type(v) is type(rule),
    "enum": lambda v, rule: v in rule,
    "required": lambda v, rule: not isinstance(v, dict) or set(rule) <= set(v),
    "propertyNames": lambda v, rule: all(re.search(rule["pattern"], key) for key in v),
    "pattern": lambda v, rule: not isinstance(v, str) or re.search(rule, v) is not None,
    "minItems": lambda v, rule: not isinstance(v, list) or len(v) >= rule,
    "maxItems": lambda v, rule: not isinstance(v, list) or len(v) <= rule,
    "minProperties": lambda v, rule: not isinstance(v, dict) or len(v) >= rule,
    "minLength": lambda v, rule: not isinstance(v, str) or len(v) >= rule,
    "maxLength": lambda v, rule: not isinstance(v, str) or len(v) <= rule,
    "minimum": lambda v, rule: not _number(v) or v >= rule,
    "maximum": lambda v, rule: not _number(v) or v <= rule,
    "exclusiveMinimum": lambda v, rule: not _number(v) or v > rule,
    "exclusiveMaximum": lambda v, rule: not _number(v) or v < rule,
    "uniqueItems": lambda v, rule: not isinstance(v, list) or len(set(map(str, v))) == len(v),
}
