"""What all models share: where they run, what comes before them, what is tuned."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from lumbago.errors import InputError
from lumbago.models.residualize import Names
from lumbago.models.steps import Preparation
from lumbago.spec import Spec

TargetKind = Literal["binary", "multiclass", "continuous"]
NameOrSteps = Annotated[
    Annotated[str, Tag("name")] | Annotated[Preparation, Tag("steps")],
    Discriminator(lambda value: "name" if isinstance(value, str) else "steps"),
]
COMMON_FIELDS = frozenset({"kind", "features", "preparation", "tune"})


class Model(Spec):
    """Settings of one model, which build a scikit-learn estimator for a kind of target."""

    targets: ClassVar[tuple[str, ...]] = ()
    linear: ClassVar[bool] = False
    """Weights lie in the span of the training rows: fitted in rotated space, weights reported."""
    by_distance: ClassVar[bool] = False
    """Knows rows by their distances alone: fitted in a space of n + 1 axes that keeps them."""
    calibrated_outside: ClassVar[bool] = False
    """Probabilities come from a sigmoid over inner out-of-fold decision values."""
    max_permutations: ClassVar[int | None] = None
    """Cap where a permutation costs a whole fit; such models are permuted untuned."""

    kind: str
    features: Names | None = None
    """Feature sets to run on, one by one; ``covariate:<name>`` joins each. Default: all sets."""
    preparation: NameOrSteps | None = None
    """A named preparation or a list of steps. Default: the experiment's."""
    tune: dict[str, list[float | int | str | bool | None]] = Field(default_factory=dict)
    """Candidates per setting, compared by an inner, participant-aware search."""

    @field_validator("features", mode="before")
    @classmethod
    def _one_name_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _candidates_are_settings(self) -> Model:
        own = self._tunable() if self.tune else []
        for name, values in self.tune.items():
            if name not in own:
                raise ValueError(
                    f"tune: {self.kind} has no setting {name!r}; it has {', '.join(own) or 'none'}"
                )
            if not values:
                raise ValueError(f"tune: {name} has no candidates; give at least one")
            for value in values:
                self._changed(name, value)
        return self

    def _tunable(self) -> list[str]:
        """Return the names that `tune` may give candidates for."""
        return [f for f in type(self).model_fields if f not in COMMON_FIELDS]

    def _changed(self, name: str, value: Any) -> Model:
        """Return the model with another setting, refused if it does not fit."""
        settings = {f: getattr(self, f) for f in type(self).model_fields if f not in COMMON_FIELDS}
        return type(self)(**{**settings, name: value})

    def suits(self, target_kind: str) -> bool:
        """Tell whether the model predicts this kind of target."""
        return target_kind in self.targets

    def build(self, columns: Sequence[str], seed: int, target_kind: TargetKind) -> Any:
        """Return the scikit-learn estimator, unfitted and without its preparation.

        Raises
        ------
        InputError
            If the kind has no twin for this kind of target.
        """
        if not self.suits(target_kind):
            raise InputError(
                f"model kind {self.kind!r} predicts "
                f"{' or '.join(k for k in self.targets if self.suits(k))} targets, "
                f"this one is {target_kind}; choose another kind"
            )
        return self._estimator(seed, target_kind)

    @abstractmethod
    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        """Return the estimator for a kind of target that the model is known to predict."""
