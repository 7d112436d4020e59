"""Any scikit-learn estimator, named by its path."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module, metadata
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue, model_validator

from lumbago.models.base import Model, TargetKind

ONE_THREAD = {"n_jobs": 1, "thread_count": 1}


class Sklearn(Model):
    """Any classifier or regression with scikit-learn's interface, from a package that needs it.

    It is built with `settings` and the experiment's seed. Rows come prepared and as numbers;
    probabilities of classifiers come from Platt's sigmoid over the scores of inner,
    participant-aware folds, whatever the estimator says of its own. `tune` names its settings.
    """

    targets: ClassVar = ("binary", "continuous")
    calibrated_outside: ClassVar = True
    max_permutations: ClassVar = 100

    kind: Literal["sklearn"] = "sklearn"
    estimator: str = Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
    """Where the class stands: ``sklearn.ensemble.ExtraTreesClassifier``."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Arguments of the class; all others are its defaults. The seed is set for it."""

    @model_validator(mode="after")
    def _is_one(self) -> Sklearn:
        made = self._made()
        for name in ("random_state", "seed", "random_seed"):
            if name in self.settings:
                raise ValueError(f"settings: {name} follows from the experiment's seed; drop it")
        if not (_does(made, "classifier") or _does(made, "regressor")):
            raise ValueError(
                f"estimator: expected a classifier or a regression, got {self.estimator}"
            )
        return self

    def _tunable(self) -> list[str]:
        return sorted(set(self._made().get_params(deep=False)) - {"random_state"})

    def _changed(self, name: str, value: Any) -> Sklearn:
        return type(self)(estimator=self.estimator, settings={**self.settings, name: value})

    def suits(self, target_kind: str) -> bool:
        """Tell whether the class predicts this kind of target."""
        return _does(self._made(), "regressor" if target_kind == "continuous" else "classifier")

    def _made(self) -> Any:
        found = estimator_class(self.estimator)
        try:
            made = found(**self.settings)
            if hasattr(made, "_validate_params"):
                made._validate_params()
        except (TypeError, ValueError) as error:
            raise ValueError(f"settings: {self.estimator} does not take them: {error}") from None
        return made

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        made = self._made()
        known = made.get_params(deep=False)
        fixed = {**ONE_THREAD, "random_state": seed}
        given = {k: v for k, v in fixed.items() if k in known and k not in self.settings}
        return made.set_params(**given)


def _does(estimator: Any, what: str) -> bool:
    from sklearn.base import is_classifier, is_regressor

    return bool((is_classifier if what == "classifier" else is_regressor)(estimator))


@lru_cache(maxsize=32)
def estimator_class(path: str) -> type:
    """Return a class that follows scikit-learn's rules by its path.

    Only scikit-learn and installed packages that declare a need of it are imported: a path in
    a file that came by mail must not run whatever module it names.

    Raises
    ------
    ValueError
        If the package is another, the class is not there, or it is no estimator.
    """
    from sklearn.base import BaseEstimator

    package, _, _ = path.partition(".")
    if package != "sklearn" and not _needs_sklearn(package):
        raise ValueError(
            f"estimator: expected a class of scikit-learn, or of an installed package that "
            f"needs it, got {path}"
        )
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        raise ValueError(
            f"estimator: there is no {path}; see the package's list of classes"
        ) from None
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        raise ValueError(f"estimator: {path} is not a scikit-learn estimator; name its class")
    return found


def _needs_sklearn(package: str) -> bool:
    """Tell whether a package that can be imported is of a distribution needing scikit-learn."""
    for name in metadata.packages_distributions().get(package, []):
        needed = metadata.requires(name) or []
        if any(n.lower().replace("_", "-").startswith("scikit-learn") for n in needed):
            return True
    return False
