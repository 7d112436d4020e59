"""A YAML file as plain values, each with the line and column it stands at."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumbago.errors import ConfigError, Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_BARE_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_INTEGER = re.compile(r"[-+]?[0-9_]+")

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Tree:
    """What a YAML file says, and where.

    Parameters
    ----------
    file : str
        Name of the file as the user wrote it; problems begin with it.
    data : dict
        Plain values, variables of the environment put in.
    written : dict
        The same before variables were put in: what may be shown to others.
    keys, values : mapping of place to (line, column)
        Where each key and each value stands, counted from 1.
    problems : list of Problem
        What is wrong with the text itself.
    """

    file: str
    data: dict[str, Any]
    written: dict[str, Any]
    keys: Mapping[Place, tuple[int, int]]
    values: Mapping[Place, tuple[int, int]]
    problems: list[Problem] = field(default_factory=list)

    def where(self, place: Place, *, key: bool = False) -> str:
        """Return ``file:line:col`` of the value at a place, or of the nearest thing around it."""
        table = self.keys if key else self.values
        while place and place not in table:
            place, table = place[:-1], self.values
        line, column = table.get(place, (1, 1))
        return f"{self.file}:{line}:{column}"

    def problem(self, place: Place, message: str, *, key: bool = False) -> Problem:
        """Return a problem of the value at a place, as ``file:line:col: field: message``."""
        name = dotted(place)
        return Problem(self.where(place, key=key), f"{name}: {message}" if name else message)


def dotted(place: Place) -> str:
    """Write a place as a person reads it.

    >>> dotted(("evaluation", "schemes", 0, "n_splits"))
    'evaluation.schemes[0].n_splits'
    """
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_tree(path: str | Path, environment: Mapping[str, str] | None = None) -> Tree:
    """Read a YAML file strictly.

    Tags, anchors, aliases, duplicate keys and several documents are refused; so
    is a file above 1 MB or deeper than 20 levels, before anything is built from it.

    Raises
    ------
    ConfigError
        If the file cannot be read as one mapping of YAML 1.2. Problems that leave
        a tree to go on with (unset variables, duplicate keys) are in
        ``Tree.problems`` instead.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ConfigError(f"{path}: {size} bytes; an experiment has at most {MAX_BYTES}")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected UTF-8 text, byte {error.start} is not") from None
    return parse(text, str(path), os.environ if environment is None else environment)


def parse(text: str, file: str, environment: Mapping[str, str]) -> Tree:
    """Parse the text of a YAML file; see `read_tree`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        problems = _forbidden(YAML(pure=True), text, file)
        if problems:
            raise ConfigError(problems)
        node = YAML(pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        what = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise ConfigError(Problem(where, f"not YAML: {what}")) from None
    except (YAMLError, ValueError) as error:
        raise ConfigError(Problem(file, f"not YAML: {str(error).splitlines()[0]}")) from None
    reading = _Reading(file, environment)
    data = reading.value(node, (), expand=True) if node is not None else None
    if not isinstance(data, dict):
        raise ConfigError(Problem(f"{file}:1:1", "expected settings such as `name: …`"))
    written = reading.value(node, (), expand=False)
    return Tree(file, data, written, reading.keys, reading.values, reading.problems)


def _forbidden(yaml: Any, text: str, file: str) -> list[Problem]:
    """Walk the events of the parser, which build nothing, and list what may not be there."""
    from ruamel.yaml.events import (
        AliasEvent,
        CollectionEndEvent,
        CollectionStartEvent,
        DocumentStartEvent,
    )

    found, depth, documents = [], 0, 0
    for event in yaml.parse(text):
        what = None
        if isinstance(event, AliasEvent):
            what = f"alias *{event.anchor}: write the settings out instead"
        elif getattr(event, "anchor", None):
            what = f"anchor &{event.anchor}: write the settings out instead"
        elif isinstance(getattr(event, "tag", None), str) and event.tag:
            what = f"tag {event.tag}: values have no types here, write the plain value"
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents == 2:
                what = "a second document: expected one experiment in a file"
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        mark = event.start_mark
        if what:
            found.append(Problem(f"{file}:{mark.line + 1}:{mark.column + 1}", what))
        if depth > MAX_DEPTH:
            deep = f"more than {MAX_DEPTH} levels deep"
            return [*found, Problem(f"{file}:{mark.line + 1}:{mark.column + 1}", deep)]
    return found


class _Reading:
    """Builds plain values from nodes and remembers where they stood."""

    def __init__(self, file: str, environment: Mapping[str, str]):
        self.file = file
        self.environment = environment
        self.keys: dict[Place, tuple[int, int]] = {}
        self.values: dict[Place, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def value(self, node: Any, place: Place, *, expand: bool) -> Any:
        from ruamel.yaml.nodes import MappingNode, SequenceNode

        self.values[place] = _position(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, place, expand)
        if isinstance(node, SequenceNode):
            return [
                self.value(item, (*place, i), expand=expand) for i, item in enumerate(node.value)
            ]
        plain = _scalar(node)
        return self._expanded(plain, place) if expand and isinstance(plain, str) else plain

    def _mapping(self, node: Any, place: Place, expand: bool) -> dict[str, Any]:
        from ruamel.yaml.nodes import ScalarNode

        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line, column = _position(key_node)
            where = f"{self.file}:{line}:{column}"
            if not isinstance(key_node, ScalarNode):
                if expand:
                    self.problems.append(Problem(where, "expected a word as key"))
                continue
            key = key_node.value
            here = (*place, key)
            if key in found:
                if expand:
                    first = self.keys[here][0]
                    what = f"{dotted(here)}: given twice, first in line {first}"
                    self.problems.append(Problem(where, what))
                continue
            self.keys[here] = line, column
            found[key] = self.value(value_node, here, expand=expand)
        return found

    def _expanded(self, text: str, place: Place) -> str:
        def put_in(match: re.Match[str]) -> str:
            name, default = match[1], match[2]
            if name in self.environment:
                return self.environment[name]
            if default is not None:
                return default
            self._complain(place, f"the environment variable {name} is not set; set it, or write "
                           f"${{{name}:-a default}}")  # fmt: skip
            return ""

        expanded = _VARIABLE.sub(put_in, text)
        if "${" in _VARIABLE.sub("", text):
            self._complain(place, "expected ${NAME} or ${NAME:-default}")
        elif bare := _BARE_VARIABLE.match(text):
            self._complain(place, f"write ${{{bare[1]}}} with braces to put in a variable")
        return expanded

    def _complain(self, place: Place, what: str) -> None:
        line, column = self.values[place]
        self.problems.append(Problem(f"{self.file}:{line}:{column}", f"{dotted(place)}: {what}"))


def _position(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(node: Any) -> str | int | float | bool | None:
    """Return the value of a scalar as YAML 1.2 reads it; dates stay words."""
    kind = str(node.tag).rpartition(":")[2]
    text = node.value
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        if _INTEGER.fullmatch(text):  # 010 is ten in YAML 1.2
            return int(text.replace("_", ""))
        return int(text.replace("_", ""), 0)
    if kind == "float":
        return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    return str(text)


def public(written: Any, *, path: bool = False) -> Any:
    """Return settings as others may see them: no default of a variable, no local path.

    Parameters
    ----------
    written : str
        A word as it stands in the file, before variables are put in.
    path : bool
        Whether the word is a path: it begins with a variable or shrinks to its last part.

    >>> public("${DATA:-/home/jane}/raw/boston", path=True)
    '${DATA}/raw/boston'
    >>> public("/home/jane/boston", path=True)
    'boston'
    """
    text = _VARIABLE.sub(lambda m: f"${{{m[1]}}}", str(written))
    if path and not text.startswith("${"):
        return Path(text).name
    return text
