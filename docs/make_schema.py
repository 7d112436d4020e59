"""Write experiments/schema.json from the settings classes, for editors: run it after changing one.

python docs/make_schema.py

An editor that knows JSON schemas completes and checks an experiment whose first line is
``# yaml-language-server: $schema=schema.json``. What only `lumbago check` can tell, such as a
name that nothing carries, is left to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lumbago.evaluation import SCHEMES
from lumbago.experiment.inner import INNER, OF
from lumbago.experiment.loading import NAMED
from lumbago.experiment.schema import Experiment
from lumbago.models import STEPS
from lumbago.spec import Spec, kinds_of

PAGE = Path(__file__).parent.parent / "experiments" / "schema.json"
NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"


def schema() -> dict[str, Any]:
    """Return the JSON schema of an experiment, short forms included."""
    whole = Experiment.model_json_schema()
    for node in _nodes(whole):
        _tidy(node)
    for section in NAMED:
        whole["properties"][section]["propertyNames"] = {"pattern": NAME}
    definitions = whole["$defs"]
    steps = [_step_forms(step, definitions) for step in STEPS]
    for node in _nodes(whole):
        kinds = {ref["$ref"] for ref in node.get("oneOf", []) if "$ref" in ref}
        if kinds and kinds == {_reference(step) for step in STEPS}:
            node.pop("oneOf")
            node["$ref"] = "#/$defs/Step"
    definitions["Step"] = {"oneOf": [form for forms in steps for form in forms]}
    schemes = definitions["Evaluation"]["properties"]["schemes"]
    schemes["items"] = {"anyOf": [_word(SCHEMES), schemes["items"]]}
    for definition in definitions.values():
        own = definition.get("properties", {})
        if "kind" in own and "anyOf" in own.get("denoise", {}):
            own["denoise"]["anyOf"].append({"type": "string", "description": "A named denoising."})
        inner = own.get(OF, {}) if set(INNER) & set(_kinds(own)) else {}
        if "$ref" in inner:
            named = {"type": "string", "description": "The name of such a feature."}
            inner["anyOf"] = [{"$ref": inner.pop("$ref")}, named]
        if "features" in own and "tune" in own:
            own["features"]["anyOf"].append({"type": "string"})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lumbago experiment",
        **{key: value for key, value in whole.items() if key != "title"},
    }


def text() -> str:
    """Return the schema as it is written."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _kinds(properties: dict[str, Any]) -> list[str]:
    kind = properties.get("kind", {})
    return [kind["const"]] if "const" in kind else kind.get("enum", [])


def _tidy(node: dict[str, Any]) -> None:
    """Drop what editors do not read, and ask for `kind` wherever it tells members apart."""
    node.pop("discriminator", None)
    if isinstance(node.get("title"), str):
        node.pop("title")
    if isinstance(node.get("description"), str):
        node["description"] = " ".join(node["description"].replace("``", "`").split())
    kind = node["properties"].get("kind") if "properties" in node else None
    if isinstance(kind, dict) and ("const" in kind or "enum" in kind):
        node["required"] = sorted({"kind", *node.get("required", [])})


def _step_forms(step: type[Spec], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the ways to write a step, from `scale` and `{impute: median}` to the long one."""
    (kind,) = kinds_of(step)
    whole = definitions[step.__name__]
    inner = {
        "type": "object",
        "additionalProperties": False,
        "properties": {k: v for k, v in whole["properties"].items() if k != "kind"},
        "required": [name for name in whole.get("required", []) if name != "kind"],
    }
    values: list[dict[str, Any]] = [inner]
    short = getattr(step, "short", None)
    if short:
        values.append(whole["properties"][short])
    if not inner["required"]:
        values.append({"type": "null"})
    brief = {
        "type": "object",
        "additionalProperties": False,
        "properties": {kind: {"anyOf": values}},
        "required": [kind],
        "description": whole.get("description", ""),
    }
    word = [] if inner["required"] else [{"const": kind}]
    forms = [*word, brief, {"$ref": _reference(step)}]
    if group := getattr(step, "group", None):
        named = {"anyOf": [*values, {"const": kind}, {"$ref": _reference(step)}]}
        forms.append({**brief, "properties": {group: named}, "required": [group]})
    return forms


def _word(family: tuple[type[Spec], ...]) -> dict[str, Any]:
    """Return the kinds that need no setting."""
    plain = []
    for cls in family:
        needed = [n for n, f in cls.model_fields.items() if f.is_required() and n != "kind"]
        plain += [] if needed else list(kinds_of(cls))
    return {"enum": plain}


def _reference(cls: type[Spec]) -> str:
    return f"#/$defs/{cls.__name__}"


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inside in list(node.values()):
            yield from _nodes(inside)
    elif isinstance(node, list):
        for inside in node:
            yield from _nodes(inside)


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
