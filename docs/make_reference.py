"""Write docs/reference.md from the settings classes themselves: run it after changing one.

python docs/make_reference.py
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

from lumbago.evaluation import SCHEMES
from lumbago.evaluation.matching import Matched
from lumbago.experiment.schema import Evaluation, TargetSpec
from lumbago.extractors import EXTRACTORS
from lumbago.models import MODELS, STEPS
from lumbago.models.catalogue import COMMON_FIELDS
from lumbago.reading import COHORT_READERS
from lumbago.reading.atlases import LocalAtlas, Spheres
from lumbago.reading.denoise import Denoise, Scrub
from lumbago.reading.fetched import FetchedAtlas
from lumbago.simulation import SIMULATED, Effects, Muscles, Treatment
from lumbago.spec import Spec, kinds_of

PAGE = Path(__file__).with_name("reference.md")
INTRO = """# What an experiment can name

Every `kind` of a YAML file, with its settings and defaults, written from the settings classes by
`docs/make_reference.py`. The same names are the arguments of the classes in a notebook.
"""
SECTIONS = (
    ("Cohorts", "`cohorts: {name: {kind: …}}`", (*COHORT_READERS, *SIMULATED, Effects,
     Treatment, Muscles)),
    ("Targets", "`targets: {name: {…}}`", (TargetSpec,)),
    ("Denoising", "`denoise: {name: {…}}`; `default` serves every feature that names none.",
     (Denoise, Scrub)),
    ("Features", "`features: {name: {kind: …}}`", EXTRACTORS),
    ("Atlases", "`atlas: {…}`, where the name of a packaged atlas or one of your own "
     "(`lumbago atlas list`) is not enough; see atlases.md.", (LocalAtlas, Spheres, FetchedAtlas)),
    ("Preparation", "`preparation: {name: [steps]}`; fitted inside every training fold, on feature "
     "columns only.", STEPS),
    ("Models", "`models: {name: {kind: …}}`", MODELS),
    ("Schemes", "`evaluation: {schemes: [{kind: …}]}`", (*SCHEMES, Matched)),
    ("Evaluation", "`evaluation: {…}`", (Evaluation,)),
)  # fmt: skip


def page() -> str:
    """Return the whole reference as Markdown."""
    parts = [INTRO]
    for title, how, classes in SECTIONS:
        parts.append(f"## {title}\n\n{how}\n")
        if classes is MODELS:
            parts.append(twins())
        parts += [entry(cls) for cls in classes]
    return "\n".join(parts)


def twins() -> str:
    """Return which model kinds predict which kinds of target."""
    rows = [
        f"| `{kind_of(m)}` | {'yes' if 'binary' in m.targets else 'no'} "
        f"| {'yes' if 'continuous' in m.targets else 'no'} "
        f"| {'all' if m.max_permutations is None else f'at most {m.max_permutations}, untuned'} |"
        for m in MODELS
    ]
    head = "| kind | classes | numbers | permutations |\n|---|---|---|---|"
    shared = settings(m for m in [MODELS[0]])
    return "\n".join([head, *rows, "", "Every model also takes:", "", shared])


def entry(cls: type[Spec]) -> str:
    """Return one kind: what it is, its settings, its source."""
    kind = kind_of(cls)
    title = f"### `{kind}`" if kind else f"### {cls.__name__}"
    text = re.sub(r"``", "`", inspect.cleandoc(cls.__doc__ or "").split("\nReferences\n")[0])
    known = [cls] if cls not in MODELS else []
    body = settings(known) if known else settings([cls], without=COMMON_FIELDS)
    sources = f"Cited in the methods text: {', '.join(cls.references)}." if cls.references else ""
    return "\n\n".join(p for p in (title, text.strip(), body, sources) if p) + "\n"


def settings(classes: Iterable[type[Spec]], without: Iterable[str] = ("kind",)) -> str:
    """Return a table of settings, their defaults and meanings."""
    rows = []
    for cls in classes:
        for name, field in cls.model_fields.items():
            if name in without and not (name == "kind" and not kinds_of(cls)):
                continue
            default = (
                "needed"
                if field.is_required()
                else shown(field.get_default(call_default_factory=True))
            )
            meaning = " ".join((field.description or "").replace("``", "`").split())
            rows.append(f"| `{name}` | {default} | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows]) if rows else ""


def shown(value: object) -> str:
    """Return a default as YAML would have it."""
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Spec):
        inside = {k: v for k, v in value.canonical().items() if k != "version"}
        return (
            "`{" + ", ".join(f"{k}: {'null' if v is None else v}" for k, v in inside.items()) + "}`"
        )
    return f"`{value}`"


def kind_of(cls: type[Spec]) -> str:
    """Return the kinds a class answers to."""
    return " | ".join(kinds_of(cls))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
