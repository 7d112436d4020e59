"""Models that sum features up before they fit: components, or networks of edges."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from lumbago.models.base import Model, TargetKind


class PLS(Model):
    """Partial least squares: regression on the directions that go most with the target.

    Classes are coded -1 and 1 (discriminant analysis), the border lies half way between
    their means; probabilities come from Platt's sigmoid over the decision values of inner,
    participant-aware folds. Put `scale` before it: directions depend on units.
    """

    references: ClassVar = ("wold2001",)
    targets: ClassVar = ("binary", "continuous")
    linear: ClassVar = True
    calibrated_outside: ClassVar = True

    kind: Literal["pls"] = "pls"
    n_components: int = Field(2, ge=1)
    """Directions; fewer where the training rows hold fewer."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.partial_least_squares import PLS1Classifier, PLS1Regressor

        twin = PLS1Regressor if target_kind == "continuous" else PLS1Classifier
        return twin(n_components=self.n_components)


class CPM(Model):
    """Connectome-based predictive modelling: edges picked by the labels, summed in two networks.

    Edges whose correlation with the target is significant over the training rows are summed,
    those that rise with it and those that fall, and the two sums are fitted by least squares,
    or by logistic regression where the target is two classes, whose probabilities come from
    Platt's sigmoid over inner, participant-aware folds: the sums know the labels they were
    picked by. Its preparation needs no `scale`: edges are summed in their own unit.
    """

    references: ClassVar = ("shen2017",)
    targets: ClassVar = ("binary", "continuous")
    calibrated_outside: ClassVar = True

    kind: Literal["cpm"] = "cpm"
    p: float = Field(0.01, gt=0, lt=1)
    """Edges are picked where the two-sided p-value of Pearson's r is smaller, uncorrected."""
    r: float | None = Field(None, gt=0, lt=1)
    """Edges are picked where r is larger in size, instead of by `p`."""
    networks: Literal["both", "positive", "negative"] = "both"
    """Which sums are fitted."""
    C: float = Field(1.0, gt=0)
    """Inverse strength of the penalty on the two weights; for classes only."""

    def _estimator(self, seed: int, target_kind: TargetKind) -> Any:
        from lumbago.models.network_sums import NetworkSumsClassifier, NetworkSumsRegressor

        if target_kind == "continuous":
            return NetworkSumsRegressor(p=self.p, r=self.r, networks=self.networks)
        return NetworkSumsClassifier(p=self.p, r=self.r, networks=self.networks, C=self.C)
