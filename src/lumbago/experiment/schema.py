"""An experiment: cohorts, features, models and schemes, as one frozen object.

The families of kinds meet here and nowhere else: each is one tuple of settings
classes, fed into a union told apart by ``kind``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from lumbago.evaluation import SCHEMES
from lumbago.extractors import EXTRACTORS
from lumbago.models import MODELS, Preparation
from lumbago.models import STANDARD as STANDARD_STEPS
from lumbago.models.threshold import Threshold
from lumbago.reading import COHORT_READERS
from lumbago.reading.denoise import Denoise
from lumbago.simulation import SIMULATED
from lumbago.spec import Spec, one_of

ALL = "all"
"""Name of the feature set that holds every feature, where none is named."""
STANDARD = "standard"
"""Name of the preparation that models take unless they say otherwise."""
DEFAULT_DENOISE = "default"

if TYPE_CHECKING:  # unions made from tuples are beyond static types
    AnyCohort: TypeAlias = Any
    AnyFeature: TypeAlias = Any
    AnyModel: TypeAlias = Any
    AnyScheme: TypeAlias = Any
else:
    AnyCohort = one_of((*COHORT_READERS, *SIMULATED))
    AnyFeature = one_of(EXTRACTORS)
    AnyModel = one_of(MODELS)
    AnyScheme = one_of(SCHEMES)

Level = str | int | float


class TargetSpec(Spec):
    """What to predict: classes made of a column's levels, or a number."""

    column: str
    """Column of participants or sessions."""
    kind: Literal["binary", "multiclass", "continuous"] | None = None
    """Follows from `classes` unless it is continuous."""
    classes: dict[str, list[Level]] | None = None
    """Class names and the levels of the column that belong to each."""
    positive: str | None = None
    """The class whose probability and ROC curve are shown; needed with two classes."""
    where: str | None = None
    """Rule for the samples that count, over columns and over targets with classes."""

    @model_validator(mode="after")
    def _consistent(self) -> TargetSpec:
        if self.kind == "continuous":
            if self.classes or self.positive:
                raise ValueError("a continuous target has no classes; drop `classes`/`positive`")
            return self
        if not self.classes:
            raise ValueError(
                "expected `classes: {patient: [CLBP], control: [HC]}` or `kind: continuous`"
            )
        if len(self.classes) < 2:
            raise ValueError(f"one class ({next(iter(self.classes))}) leaves nothing to tell apart")
        levels = [str(level) for inside in self.classes.values() for level in inside]
        twice = {level for level in levels if levels.count(level) > 1}
        if twice:
            raise ValueError(f"level {sorted(twice)[0]!r} belongs to two classes")
        n = {"binary": 2}.get(self.kind or "", len(self.classes))
        if n != len(self.classes):
            raise ValueError(f"a binary target has 2 classes, got {len(self.classes)}")
        if len(self.classes) == 2 and self.positive is None:
            names = " or ".join(self.classes)
            raise ValueError(f"`positive` is missing: say which class is positive, {names}")
        if self.positive is not None and self.positive not in self.classes:
            names = ", ".join(self.classes)
            raise ValueError(f"positive: {self.positive!r} is none of the classes {names}")
        return self

    @property
    def resolved_kind(self) -> str:
        """The kind, told from the number of classes where it is not given."""
        if self.kind is not None:
            return self.kind
        return "binary" if len(self.classes or {}) == 2 else "multiclass"


class Baselines(Spec):
    """What beside the automatic baselines the models are held against."""

    clinical: list[str] = Field(default_factory=list)
    """Columns of one further baseline, which sees no image: pain, duration, a questionnaire."""


class Evaluation(Spec):
    """Which answer is asked for, and how honestly it is tested."""

    target: str | list[str]
    """Name of a target, or several; each gets tables and a report of its own."""
    schemes: list[AnyScheme] = Field(min_length=1)
    """How people are split into training and test."""
    metrics: list[str] | None = None
    """Scores of the report; those that fit the target where none are named."""
    permutations: int = Field(default=0, ge=0, le=1_000_000)
    """Label permutations behind each p-value; 0 for none."""
    threshold: Threshold = "default"
    """Where the classes of a binary target part: at each model's own cut, or (``youden``) where
    sensitivity + specificity of inner predictions is highest in the training fold."""
    baselines: bool | Baselines = True
    """Majority, motion-only, site-only and all-covariates models beside yours; with `clinical`,
    one more."""
    groups: list[str] | None = None
    """Columns that join people whom no split and no permutation may part, directly or through
    others; by default ``family_id``, ``pair_id`` and ``same_as`` (``cohort/participant_id`` of one
    person in two cohorts) where a cohort has them, ``[]`` for none."""
    audit: bool = True
    """Check every pipeline for leakage by poisoning one test fold."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets."""
        return (self.target,) if isinstance(self.target, str) else tuple(self.target)

    @property
    def with_baselines(self) -> bool:
        """Whether there are baselines at all."""
        return self.baselines is not False

    @property
    def clinical(self) -> tuple[str, ...]:
        """Columns of the clinical baseline."""
        return tuple(self.baselines.clinical) if isinstance(self.baselines, Baselines) else ()


class Experiment(Spec):
    """Everything a run needs to know."""

    name: str = Field(max_length=100, json_schema_extra={"pattern": r"^[A-Za-z0-9][A-Za-z0-9_-]*$"})
    """Names the run folder."""
    question: str = ""
    """What the run is meant to answer, in one sentence; heads the report."""
    seed: int = Field(default=0, ge=0)
    """Every random number follows from it."""
    cohorts: dict[str, AnyCohort] = Field(min_length=1)
    targets: dict[str, TargetSpec] = Field(min_length=1)
    denoise: dict[str, Denoise | None] = Field(default_factory=dict)
    """Named denoising; `default` serves every feature that names none."""
    features: dict[str, AnyFeature] = Field(min_length=1)
    feature_sets: dict[str, list[str]] = Field(default_factory=dict)
    """What every model runs on; by default each feature alone, and all together."""
    preparation: dict[str, Preparation] = Field(default_factory=dict)
    """Named lists of steps fitted inside every training fold; models take `standard`."""
    models: dict[str, AnyModel] = Field(min_length=1)
    evaluation: Evaluation

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise ValueError(f"expected letters, digits, '_' and '-' only; got {name!r}")
        return name

    @property
    def grid(self) -> dict[str, list[str]]:
        """Feature sets that every model runs on, with the features in each."""
        if self.feature_sets:
            return {name: list(inside) for name, inside in self.feature_sets.items()}
        return default_sets(list(self.features))

    @property
    def steps(self) -> dict[str, tuple[Spec, ...]]:
        """Every named preparation; `standard` is there even where the experiment has none."""
        if STANDARD in self.preparation:
            return dict(self.preparation)
        return {STANDARD: STANDARD_STEPS, **self.preparation}

    def main_denoise(self) -> Denoise | None:
        """Return the denoising whose motion columns describe the participants."""
        return self.denoise.get(DEFAULT_DENOISE, Denoise())


def default_sets(features: list[str]) -> dict[str, list[str]]:
    """Return each feature alone and, where there are several, all together.

    >>> default_sets(["alff", "reho"])
    {'alff': ['alff'], 'reho': ['reho'], 'all': ['alff', 'reho']}
    """
    sets = {name: [name] for name in features}
    if len(features) > 1 and ALL not in sets:
        sets[ALL] = list(features)
    return sets
