"""Decision trees and forests of them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from lumbago.models.base import Model, TargetKind


class DecisionTree(Model):
    """One decision tree (CART): to be read, not to win.

    Scores are the shares of the positive class in the leaves; probabilities come from
    Platt's sigmoid over the scores of inner, participant-aware folds, since a leaf is
    far too sure of the people it was grown on.
    """

    targets: ClassVar = ("binary", "continuous")
    calibrated_outside: ClassVar = True
    max_permutations: ClassVar = 100

    kind: Literal["decision_tree"] = "decision_tree"
    max_depth: int | None = Field(3, ge=1)
    """Questions in a row; null grows until every leaf is pure."""
    min_samples_leaf: int = Field(5, ge=1)
    max_features: Literal["sqrt", "log2"] | float | None = None
    """Features tried at a split, all by default; a number is a share."""
    class_weight: Literal["balanced"] | None = None

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        shared: dict[str, Any] = {
            "max_depth": self.max_depth, "min_samples_leaf": self.min_samples_leaf,
            "max_features": self.max_features, "random_state": seed,
        }  # fmt: skip
        if target_kind == "continuous":
            return DecisionTreeRegressor(**shared)
        return DecisionTreeClassifier(**shared, class_weight=self.class_weight)


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


class GradientBoosting(Model):
    """Small trees, each grown on what those before it left over (scikit-learn's histograms).

    Scores are log odds; probabilities come from Platt's sigmoid over the scores of inner,
    participant-aware folds. It is never stopped early: the rows held out for that would be
    sessions of people it was grown on.
    """

    references: ClassVar = ("friedman2001",)
    targets: ClassVar = ("binary", "continuous")
    calibrated_outside: ClassVar = True
    max_permutations: ClassVar = 100

    kind: Literal["gradient_boosting"] = "gradient_boosting"
    learning_rate: float = Field(0.1, gt=0, le=1)
    """Share of every tree that is taken."""
    max_iter: int = Field(100, ge=1)
    """Trees."""
    max_depth: int | None = Field(3, ge=1)
    """Questions in a row; null leaves it to `min_samples_leaf`."""
    min_samples_leaf: int = Field(5, ge=1)
    l2_regularization: float = Field(0.0, ge=0)
    class_weight: Literal["balanced"] | None = None

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        shared: dict[str, Any] = {
            "learning_rate": self.learning_rate, "max_iter": self.max_iter,
            "max_depth": self.max_depth, "min_samples_leaf": self.min_samples_leaf,
            "l2_regularization": self.l2_regularization, "early_stopping": False,
            "random_state": seed,
        }  # fmt: skip
        if target_kind == "continuous":
            return HistGradientBoostingRegressor(**shared)
        return HistGradientBoostingClassifier(**shared, class_weight=self.class_weight)
