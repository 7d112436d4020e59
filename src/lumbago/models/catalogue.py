"""The models an experiment can name."""

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
    """What all models share: where they run, what comes before them, what is tuned."""

    targets: ClassVar[tuple[str, ...]] = ()
    linear: ClassVar[bool] = False
    """Penalized by the length of its weights: fitted in rotated space, weights reported."""
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
        own = [f for f in type(self).model_fields if f not in COMMON_FIELDS]
        for name, values in self.tune.items():
            if name not in own:
                raise ValueError(
                    f"tune: {self.kind} has no setting {name!r}; it has {', '.join(own) or 'none'}"
                )
            if not values:
                raise ValueError(f"tune: {name} has no candidates; give at least one")
            for value in values:
                type(self)(**{**self._settings(), name: value})
        return self

    def _settings(self) -> dict[str, Any]:
        return {f: getattr(self, f) for f in type(self).model_fields if f not in COMMON_FIELDS}

    def build(self, columns: Sequence[str], seed: int, target_kind: TargetKind) -> Any:
        """Return the scikit-learn estimator, unfitted and without its preparation.

        Raises
        ------
        InputError
            If the kind has no twin for this kind of target.
        """
        if target_kind not in self.targets:
            raise InputError(
                f"model kind {self.kind!r} predicts {' or '.join(self.targets)} targets, "
                f"this one is {target_kind}; choose another kind"
            )
        return self._estimator(seed, target_kind)

    @abstractmethod
    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        """Return the estimator for a kind of target that the model is known to predict."""


class Dummy(Model):
    """Knows the training labels only: the most frequent class, or the mean."""

    targets: ClassVar = ("binary", "continuous")

    kind: Literal["dummy"] = "dummy"

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from sklearn.dummy import DummyClassifier, DummyRegressor

        if target_kind == "continuous":
            return DummyRegressor(strategy="mean")
        # "prior" predicts the most frequent class and gives the training shares as probabilities.
        return DummyClassifier(strategy="prior")


class Logistic(Model):
    """L2-penalized logistic regression; its own probabilities are the calibrated ones."""

    targets: ClassVar = ("binary",)
    linear: ClassVar = True

    kind: Literal["logistic"] = "logistic"
    C: float = Field(1.0, gt=0)
    """Inverse strength of the penalty; smaller is more regularized."""
    class_weight: Literal["balanced"] | None = None
    """``balanced`` weighs classes alike, at the price of calibrated probabilities."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.logistic import NewtonLogistic

        return NewtonLogistic(C=self.C, class_weight=self.class_weight)


class LinearSVM(Model):
    """Linear support vector machine (hinge loss, libsvm).

    Scores are decision values; probabilities come from Platt's sigmoid over the decision
    values of inner, participant-aware folds of the training fold.
    """

    references: ClassVar = ("cortes1995", "platt1999")
    targets: ClassVar = ("binary",)
    linear: ClassVar = True
    calibrated_outside: ClassVar = True

    kind: Literal["linear_svm"] = "linear_svm"
    C: float = Field(1.0, gt=0)
    """Inverse strength of the penalty; smaller is more regularized."""
    class_weight: Literal["balanced"] | None = None
    tol: float = Field(1e-6, gt=0)

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from sklearn.svm import SVC

        return SVC(kernel="linear", C=self.C, class_weight=self.class_weight, tol=self.tol)


class RandomForest(Model):
    """Random forest; probabilities come from a sigmoid over out-of-bag votes.

    A participant's rows are out of a tree's bag together or not at all, so that sessions
    of one person do not vouch for each other.
    """

    references: ClassVar = ("breiman2001",)
    targets: ClassVar = ("binary", "continuous")
    max_permutations: ClassVar = 100

    kind: Literal["random_forest"] = "random_forest"
    n_estimators: int = Field(500, ge=1)
    max_features: Literal["sqrt", "log2"] | float | None = "sqrt"
    """Features tried at a split; a number is a share. Regression forests often want 0.33."""
    max_depth: int | None = Field(None, ge=1)
    min_samples_leaf: int = Field(1, ge=1)
    class_weight: Literal["balanced", "balanced_subsample"] | None = None

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from sklearn.ensemble import RandomForestRegressor

        from lumbago.models.forest import CalibratedForest

        shared: dict[str, Any] = {
            "n_estimators": self.n_estimators, "max_features": self.max_features,
            "max_depth": self.max_depth, "min_samples_leaf": self.min_samples_leaf,
            "random_state": seed, "n_jobs": 1,
        }  # fmt: skip
        if target_kind == "continuous":
            return RandomForestRegressor(**shared)
        return CalibratedForest(**shared, class_weight=self.class_weight)


class Ridge(Model):
    """L2-penalized linear regression."""

    targets: ClassVar = ("continuous",)
    linear: ClassVar = True

    kind: Literal["ridge"] = "ridge"
    alpha: float = Field(1.0, gt=0)
    """Strength of the penalty; larger is more regularized."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from sklearn.linear_model import Ridge as SklearnRidge

        return SklearnRidge(alpha=self.alpha, solver="svd")


MODELS: tuple[type[Model], ...] = (Dummy, Logistic, LinearSVM, RandomForest, Ridge)
