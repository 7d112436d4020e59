"""Preparation and model put together into one estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.features import COVARIATE
from lumbago.models.base import Model, TargetKind
from lumbago.models.columns import FeaturesOnly, split_columns
from lumbago.models.components import Components
from lumbago.models.search import GroupedSearch, decision_values
from lumbago.models.threshold import Threshold
from lumbago.spec import Spec

INNER_SPLITS = 5


def assemble(
    model: Model,
    preparation: Sequence[Spec],
    columns: Sequence[str],
    seed: int,
    target_kind: TargetKind,
    *,
    tuned: bool = True,
    threshold: Threshold = "default",
) -> Any:
    """Return one estimator: preparation, rotation where it helps, model, search where asked.

    Parameters
    ----------
    model : Model
    preparation : sequence of step settings
    columns : sequence of str
        Predictors; ``covariate:<name>`` among them are made features by an in-fold step.
    seed : int
        For everything random inside, the inner folds included.
    target_kind : {"binary", "continuous"}
    tuned : bool
        Whether to search; without, the model's own settings are used.
    threshold : {"default", "youden"}
        Where the classes of a binary target part: at the model's own cut, or where Youden's J
        of inner out-of-fold predictions of the training rows is highest.

    Returns
    -------
    Pipeline or GroupedSearch
        Takes a DataFrame with feature columns first and ``covariate:`` columns last.
    """
    from sklearn.pipeline import Pipeline

    from lumbago.models.design import CovariatesAsFeatures
    from lumbago.models.rotate import DistanceRotator, Rotator

    steps: list[tuple[str, Any]] = []
    as_features = [c.removeprefix(COVARIATE) for c in columns if c.startswith(COVARIATE)]
    if as_features:
        steps.append(("covariates", CovariatesAsFeatures(tuple(as_features))))
    for i, step in enumerate(preparation):
        steps.append((f"{i}_{step.kind}", step.build(columns, seed)))  # type: ignore[attr-defined]
    if model.linear or model.by_distance:
        steps.append(("rotate", DistanceRotator() if model.by_distance else Rotator()))
    else:
        steps.append(("features", FeaturesOnly()))
    pipeline = Pipeline([*steps, ("model", model.build(columns, seed, target_kind))])
    grid = model.tune if tuned else {}
    continuous = target_kind == "continuous"
    calibrate = model.calibrated_outside and not continuous
    cut = threshold == "youden" and target_kind == "binary"
    if not grid and not calibrate and not cut:
        return pipeline
    return GroupedSearch(pipeline, dict(grid), INNER_SPLITS, seed, continuous, calibrate, cut)


def fitted_pipeline(estimator: Any) -> Any:
    """Return the fitted pipeline within a fitted estimator of `assemble`."""
    return estimator.best_estimator_ if isinstance(estimator, GroupedSearch) else estimator


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a fitted estimator says of some rows.

    Parameters
    ----------
    predicted : array of shape (n_samples,)
        Class codes, or values.
    score : array of shape (n_samples,)
        Decision values, higher for the positive class; predicted values where continuous.
    probability : array of shape (n_samples,)
        Of the positive class, calibrated inside the training fold; NaN where there is none.
    """

    predicted: np.ndarray
    score: np.ndarray
    probability: np.ndarray


def outputs(estimator: Any, X: Any, target_kind: TargetKind) -> Outputs:
    """Predict, score and give probabilities for any rows."""
    from sklearn.pipeline import Pipeline

    predicted = np.asarray(estimator.predict(X))
    nothing = np.full(len(predicted), np.nan)
    if target_kind == "continuous":
        predicted = predicted.astype(float)
        return Outputs(predicted, predicted, nothing)
    score = decision_values(estimator, X)
    if isinstance(estimator, GroupedSearch) and estimator.calibrate:
        return Outputs(predicted, score, estimator.probability(X))
    fitted = fitted_pipeline(estimator)
    if isinstance(fitted, Pipeline) and hasattr(fitted[-1], "probability"):
        return Outputs(predicted, score, fitted[-1].probability(fitted[:-1].transform(X)))
    if hasattr(fitted, "predict_proba"):
        return Outputs(predicted, score, fitted.predict_proba(X)[:, -1])
    return Outputs(predicted, score, nothing)


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of a fitted linear model, per prepared feature.

    Parameters
    ----------
    features : list of str
        Predictors as they went in; coded covariates as ``covariate:site=A``.
    coefficient : array of shape (n_features,)
        Change of the decision value per unit of the prepared feature.
    pattern : array of shape (n_features,)
        Haufe pattern, in units of the prepared feature per standard deviation of the decision.
    """

    features: list[str]
    coefficient: np.ndarray
    pattern: np.ndarray


def linear_weights(estimator: Any, X: Any, columns: Sequence[str]) -> Weights | None:
    """Return coefficients and patterns of a fitted linear model; None for other models.

    The pattern of feature j is a_j = cov(x_j, s) / sd(s), where x_j is the prepared feature
    and s = Xw + b the decision value, both over the training rows `X`: the single-output case
    of A = Σ_X W Σ_s⁻¹ [1]_ with s brought to variance 1. Without that, folds with a stronger
    penalty, whose decisions spread less, would outweigh all others in the mean over folds. A
    coefficient says how a feature is used, which may be to cancel noise; the pattern says
    how the feature itself goes with the prediction.

    Predictors that the preparation dropped are NaN in both; those that it made come last.
    Components are told in terms of the features they are made of, as these came to the step
    that made them.

    References
    ----------
    .. [1] Haufe et al. (2014). NeuroImage 87, 96-110. doi:10.1016/j.neuroimage.2013.10.067
    """
    pipeline = fitted_pipeline(estimator)
    if not hasattr(pipeline[-1], "coef_"):
        return None
    coefficient = np.ravel(pipeline[-1].coef_)
    if "rotate" in pipeline.named_steps:
        coefficient = pipeline.named_steps["rotate"].back(coefficient)
    steps = [step for _, step in pipeline.steps[:-2]]
    mixed = [i for i, step in enumerate(steps) if isinstance(step, Components)]
    first = mixed[0] if mixed else len(steps)
    for step in reversed(steps[first:]):
        if not hasattr(step, "back"):
            return None
        coefficient = step.back(coefficient)
    prepared = split_columns(pipeline[:first].transform(X) if first else X)
    values = prepared.values.astype(np.float64)
    centred = values - values.mean(axis=0)
    decision = centred @ coefficient
    spread_out = np.sqrt(len(values) * (decision @ decision))
    pattern = decision @ centred / spread_out if spread_out > 0 else np.zeros_like(coefficient)
    if prepared.names is None:
        return Weights([str(i) for i in range(len(coefficient))], coefficient, pattern)
    features = [c for c in columns if not c.startswith(COVARIATE)]
    coded = pipeline.named_steps.get("covariates")
    names = list(prepared.names)
    if coded is None and names == features:
        return Weights(features, coefficient, pattern)
    as_features = [] if coded is None else list(coded.coder_.names)
    known = {*features, *as_features}
    new = [str(name) for name in names if name not in known]
    wanted = features + as_features + new
    position = pd.Index(names).get_indexer(pd.Index(wanted))
    there = position >= 0

    def spread(values: np.ndarray) -> np.ndarray:
        return np.where(there, values[position], np.nan)

    shown = features + [COVARIATE + n for n in as_features] + new
    return Weights(shown, spread(coefficient), spread(pattern))


def dropped_columns(estimator: Any) -> list[str]:
    """Return the names of columns that imputation or a filter dropped in this fit."""
    found: list[str] = []
    for _, step in fitted_pipeline(estimator).steps[:-1]:
        found += [str(name) for name in getattr(step, "dropped_", [])]
    return found


def fit_notes(estimator: Any) -> list[str]:
    """Return what the steps of this fit have to tell: how many features they kept, say."""
    found: list[str] = []
    for _, step in fitted_pipeline(estimator).steps[:-1]:
        found += getattr(step, "notes_", [])
    return found
