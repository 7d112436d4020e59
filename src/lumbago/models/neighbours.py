"""Models that keep the training rows, or their means and variances, and compare."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from lumbago.models.base import Model, TargetKind


class Neighbours(Model):
    """The k nearest training rows by Euclidean distance: their votes, or their mean.

    Scores are the shares of the positive class among them; probabilities come from Platt's
    sigmoid over the scores of inner, participant-aware folds.
    """

    references: ClassVar = ("cover1967",)
    targets: ClassVar = ("binary", "continuous")
    by_distance: ClassVar = True
    calibrated_outside: ClassVar = True

    kind: Literal["neighbours"] = "neighbours"
    n_neighbors: int = Field(5, ge=1)
    """How many are asked; all where there are fewer."""
    weights: Literal["uniform", "distance"] = "uniform"
    """Whether nearer rows count more, by the inverse of the distance."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.nearest import NearestClassifier, NearestRegressor

        twin = NearestRegressor if target_kind == "continuous" else NearestClassifier
        return twin(n_neighbors=self.n_neighbors, weights=self.weights)


class NaiveBayes(Model):
    """Gaussian naive Bayes: every feature is judged alone, as if no other were known.

    Scores are log odds. Its own probabilities count every correlated feature as new
    evidence and are near 0 or 1; the reported ones come from Platt's sigmoid over the scores
    of inner, participant-aware folds.
    """

    targets: ClassVar = ("binary",)
    calibrated_outside: ClassVar = True

    kind: Literal["naive_bayes"] = "naive_bayes"
    var_smoothing: float = Field(1e-9, gt=0)
    """Added to every variance, as a share of the largest."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.nearest import LogOddsBayes

        return LogOddsBayes(var_smoothing=self.var_smoothing)
