"""Rules that choose scans by their quality must not know whom they judge."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lumbago.data.selection import columns_in
from lumbago.errors import InputError
from lumbago.experiment.schema import Experiment
from lumbago.experiment.tree import Place
from lumbago.reading.confounds import SUMMARY


def rule_problems(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Refuse a `keep` or `where` that asks patients and controls for different quality.

    ``group == CLBP and mean_fd < 0.5`` judges everybody alike. ``group == HC or mean_fd < 0.2``
    drops patients who moved and keeps controls who did: it makes a difference that is then found.
    """
    wanted = {name: experiment.targets[name] for name in experiment.evaluation.targets}
    labels = {t.column for t in wanted.values()}
    rules: list[tuple[Place, str | None, set[str]]] = [
        (("cohorts", name, "keep"), getattr(cohort, "keep", None), labels)
        for name, cohort in experiment.cohorts.items()
    ]
    rules += [
        (("targets", name, "where"), target.where, labels | set(experiment.targets))
        for name, target in wanted.items()
    ]
    for place, rule, known in rules:
        if rule is None:
            continue
        for part in _parts(rule):
            named = columns_in(part)
            if (label := sorted(named & known)) and (measure := sorted(named & set(SUMMARY))):
                yield (
                    place,
                    (
                        f"{part!r} asks for another {measure[0]} according to {label[0]}, which "
                        "makes the groups differ; ask everybody for the same, joined by and"
                    ),
                )


def _parts(rule: str) -> list[str]:
    """Return what a rule joins by ``and``; nothing where it cannot be read, which is told apart."""
    try:
        columns_in(rule)
    except InputError:
        return []
    todo, parts = [ast.parse(rule.strip(), mode="eval").body], []
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            todo = [*node.values, *todo]
        else:
            parts.append(ast.unparse(node))
    return parts
