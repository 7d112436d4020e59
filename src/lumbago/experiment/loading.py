"""From a YAML file to an `Experiment`: every problem at once, each with its line and column."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lumbago.data.features import check_key
from lumbago.errors import ConfigError, Problem
from lumbago.experiment.checks import located, meaning_problems
from lumbago.experiment.inner import OF, put_in, written_at
from lumbago.experiment.naming import reference_problems
from lumbago.experiment.schema import DEFAULT_DENOISE, Experiment
from lumbago.experiment.shape import expected_at, is_settings, places, takes_path
from lumbago.experiment.tree import Place, Tree, public, read_tree
from lumbago.experiment.words import near, shown
from lumbago.provenance import canonical_json, digest
from lumbago.spec import kinds_of

NAMED = ("cohorts", "targets", "denoise", "features", "feature_sets", "preparation", "models")
"""Settings whose keys are names that the user chooses."""
_MISFITS = ("_type", "_parsing", "model_attributes_type", "none_required")


@dataclass(frozen=True, eq=False)
class Loaded:
    """An experiment and the file it comes from.

    Parameters
    ----------
    experiment : Experiment
        Paths are absolute here, variables put in.
    public : dict
        The same settings, defaults included, without any local path: fit to be shown.
    folder : Path
        Where the file lies.
    """

    experiment: Experiment
    public: dict[str, Any] = field(repr=False)
    folder: Path

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the settings: the same wherever the data lie."""
        return digest(canonical_json(self.public))


def load(path: str | Path, environment: Mapping[str, str] | None = None) -> Loaded:
    """Read, complete and check an experiment file; no data are touched.

    Raises
    ------
    ConfigError
        With every problem found, each as ``file:line:col: field: what; got …; did you mean …``.
    """
    tree = read_tree(path, environment)
    folder = Path(path).resolve().parent
    data = complete(tree.data, folder)
    problems = [*tree.problems, *_names(tree), *reference_problems(tree)]
    experiment = None
    try:
        experiment = Experiment.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        problems += _translated(error, tree, data)
    if experiment is not None and not problems:
        problems += located(meaning_problems(experiment), tree)
    if problems:
        raise ConfigError(_ordered(problems))
    assert experiment is not None
    return Loaded(experiment, _public(experiment, tree, data), folder)


def complete(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the settings with short forms written out, names put in and paths made absolute."""
    data = json.loads(json.dumps(data))
    evaluation = data.get("evaluation")
    if isinstance(evaluation, dict) and isinstance(evaluation.get("schemes"), list):
        evaluation["schemes"] = [
            {"kind": s} if isinstance(s, str) else s for s in evaluation["schemes"]
        ]
    _put_in_denoise(data)
    for place, annotation, value in list(places(Experiment, data)):
        if isinstance(value, str) and takes_path(annotation, place, value):
            _at(data, place[:-1])[place[-1]] = str(folder / Path(value).expanduser())
    put_in(data)
    return data


def _put_in_denoise(data: dict[str, Any]) -> None:
    named = data.get("denoise")
    named = named if isinstance(named, dict) else {}
    for place, model, feature in list(places(Experiment, data)):
        own = len(place) == 2 or (len(place) == 3 and place[2] == OF)
        if not (own and place[0] == "features" and is_settings(model)):
            continue
        if not isinstance(feature, dict) or "denoise" not in model.model_fields:
            continue
        if model.model_fields["denoise"].annotation is type(None):
            continue  # its signals are those of the feature inside it
        wanted = feature.get("denoise", DEFAULT_DENOISE)
        if isinstance(wanted, str) and wanted in named:
            feature["denoise"] = named[wanted]
        elif isinstance(wanted, str) and "denoise" in feature:
            del feature["denoise"]  # an unknown name has its own problem already


def _names(tree: Tree) -> Iterable[Problem]:
    for section in NAMED:
        names = tree.data.get(section)
        for name in names if isinstance(names, dict) else ():
            try:
                check_key(name)
            except ValueError:
                what = f"name {name!r}: expected letters, digits, '_' or '-', a letter first"
                yield tree.problem((section, name), what, key=True)


def _translated(error: ValidationError, tree: Tree, data: dict[str, Any]) -> list[Problem]:
    """Turn pydantic's errors into ours."""
    found: list[tuple[Place, dict[str, Any], Place]] = []
    for raised in error.errors(include_url=False):
        place, rest = _placed(raised["loc"], data)
        found.append((place, dict(raised), rest))
    problems = {}
    for place, detail, rest in found:
        by_name = place[:1] == ("features",) and place[2:3] in (("denoise",), (OF,))
        if by_name and isinstance(_get(tree.data, place[:3]), str | None):
            continue  # put in from where the same problem is told
        if _is_misfit(detail) and any(
            other is not detail and p[: len(place)] == place and not _is_misfit(other)
            for p, other, _ in found
        ):
            continue  # another reading of the same value came further
        problem = _told(place, detail, rest, tree)
        problems[str(problem)] = problem
    return list(problems.values())


def _told(
    place: Place,
    detail: Mapping[str, Any],
    rest: Place,
    tree: Tree,
) -> Problem:
    kind, got = detail["type"], detail.get("input")
    context = detail.get("ctx", {})
    if kind == "missing":
        return tree.problem(place, f"`{rest[-1] if rest else detail['loc'][-1]}` is missing")
    if kind == "extra_forbidden":
        tags = {str(part) for part in detail["loc"] if part not in place}
        above = [m for m in expected_at(Experiment, place[:-1]) if is_settings(m)]
        fitting = [m for m in above if {*kinds_of(m), m.__name__} & tags] or above
        known = sorted({name for model in fitting for name in model.model_fields})
        what = f"no such setting{near(str(place[-1]), known)}"
        return tree.problem(place, what, key=True)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        words = [k for m in expected_at(Experiment, place) if is_settings(m) for k in kinds_of(m)]
        expected = f"expected one of {', '.join(words)}"
        if kind == "union_tag_not_found":
            return tree.problem(place, f"`kind` is missing; {expected}")
        tag = str(context.get("tag"))
        return tree.problem((*place, "kind"), f"{expected}; got {tag!r}{near(tag, words)}")
    if kind == "literal_error":
        words = re.findall(r"'([^']+)'", str(context.get("expected", "")))
        what = f"expected {context.get('expected')}; got {shown(got)}{near(str(got), words)}"
        return tree.problem(place, what)
    if kind == "value_error":
        return tree.problem(place, str(detail["msg"]).removeprefix("Value error, "))
    message = detail["msg"].replace("Input should be", "expected")
    return tree.problem(place, f"{message}; got {shown(got)}")


def _placed(loc: tuple[Any, ...], data: Any) -> tuple[Place, Place]:
    """Split an error's location into a place of the tree and the parts that name no place."""
    place: list[str | int] = []
    rest: list[str | int] = []
    node = data
    for part in loc:
        if (isinstance(node, dict) and part in node) or (
            isinstance(node, list) and isinstance(part, int) and part < len(node)
        ):
            node = node[part]
            place.append(part)
            rest.clear()
        else:
            rest.append(part)
    return tuple(place), tuple(rest)


def _is_misfit(detail: Mapping[str, Any]) -> bool:
    return any(detail["type"].endswith(end) for end in _MISFITS)


def _ordered(problems: Iterable[Problem]) -> list[Problem]:
    def line(problem: Problem) -> tuple[int, int]:
        parts = problem.where.rsplit(":", 2)
        return (int(parts[1]), int(parts[2])) if len(parts) == 3 else (0, 0)

    return sorted(dict.fromkeys(problems), key=line)


def _public(experiment: Experiment, tree: Tree, data: dict[str, Any]) -> dict[str, Any]:
    """Return every setting, defaults too, with words that came from outside masked."""
    settings: dict[str, Any] = json.loads(experiment.model_dump_json())
    for place, annotation, value in places(Experiment, data):
        if not isinstance(value, str):
            continue
        written = _get(tree.written, written_at(place, tree.written))
        path = takes_path(annotation, place, value)
        if path or (isinstance(written, str) and "${" in written):
            holder = _get(settings, place[:-1])
            if holder is not None:
                holder[place[-1]] = public(written if written is not None else value, path=path)
    return settings


def _at(data: Any, place: Place) -> Any:
    for part in place:
        data = data[part]
    return data


def _get(data: Any, place: Place) -> Any:
    try:
        return _at(data, place)
    except (KeyError, IndexError, TypeError):
        return None
