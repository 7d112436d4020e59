"""Steps of a preparation in the words of a methods section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lumbago.models.steps import expand_step
from lumbago.report.references import cite
from lumbago.report.words import listed

_STEPS = {"impute": "imputation of missing values", "scale": "scaling of every feature"}


def step_in_words(step: Any) -> str:
    """Say what a step did, with its sources; any way to write the step will do."""
    step = expand_step(step)
    if not isinstance(step, Mapping):
        return str(step).replace("_", " ")
    kind = str(step.get("kind", ""))
    words = {
        "residualize": _residualize,
        "combat": _combat,
        "coverage": _coverage,
        "variance": _variance,
        "pca": _pca,
        "select_anova": _anova,
        "select_elastic_net": _elastic_net,
        "select_stable": _stable,
        "select_rfe": _recursive,
        "tangent": _tangent,
        "partial": _partial,
        "hub_disruption": _hubs,
    }.get(kind)
    return words(step) if words else _STEPS.get(kind, kind.replace("_", " "))


def _residualize(step: Mapping[str, Any]) -> str:
    covariates = listed(map(str, step.get("covariates", ())))
    curves = step.get("spline") or {}
    curved = listed(f"{name} (a cubic spline of {n} knots)" for name, n in curves.items())
    bent = f", as a curve of {curved}" if curves else ""
    return f"regression of {covariates} out of every feature{bent}{cite('snoek2019')}"


def _combat(step: Mapping[str, Any]) -> str:
    how = "non-parametric" if step.get("method") == "nonparametric" else "parametric"
    what = "means" if step.get("mean_only") else "means and variances"
    parts = [
        f"ComBat harmonization of {what} over {step.get('batch', 'site')}, by {how} empirical Bayes"
    ]
    if step.get("preserve"):
        parts.append(f"preserving effects of {listed(map(str, step['preserve']))}")
    if step.get("reference"):
        parts.append(f"with {step['reference']} as the reference")
    unseen = step.get("unseen", "refuse")
    if unseen == "pooled":
        parts.append("batches not met in training corrected as the average training batch")
    elif unseen == "none":
        parts.append("batches not met in training left as they were")
    return ", ".join(parts) + cite("johnson2007", "fortin2018")


def _coverage(step: Mapping[str, Any]) -> str:
    return f"exclusion of features missing in more than {step.get('max_missing', 0.05):.0%} of rows"


def _variance(step: Mapping[str, Any]) -> str:
    if step.get("lowest"):
        return f"exclusion of the {step['lowest']:.0%} of features that varied least"
    threshold = step.get("threshold", 0.0)
    return (
        f"exclusion of features with a variance of {threshold:g} or less"
        if threshold
        else "exclusion of constant features"
    )


def _pca(step: Mapping[str, Any]) -> str:
    which = "all"
    if step.get("components"):
        which = f"the first {step['components']}"
    elif step.get("variance"):
        which = f"as many as explain {step['variance']:.0%} of the variance of"
    white = ", whitened" if step.get("whiten") else ""
    return f"projection onto {which} principal components{white}"


def _anova(step: Mapping[str, Any]) -> str:
    n = step.get("k")
    share = step.get("share") or 0.1
    return f"selection of the {f'{n} features' if n else f'{share:.0%} of features'} of largest F"


def _elastic_net(step: Mapping[str, Any]) -> str:
    return (
        "selection of the features to which an elastic net gave a weight (penalty "
        f"{step.get('penalty', 0.5):g} of the smallest that keeps none, L1 share "
        f"{step.get('l1_ratio', 0.5):g}){cite('zou2005')}"
    )


def _stable(step: Mapping[str, Any]) -> str:
    return (
        f"stability selection (features among the first {step.get('per_half', 20)} of the lasso "
        f"in at least {step.get('threshold', 0.6):.0%} of {step.get('n_halves', 100)} random "
        f"halves of participants){cite('meinshausen2010')}"
    )


def _recursive(step: Mapping[str, Any]) -> str:
    return f"recursive elimination down to {step.get('k', 100)} features{cite('guyon2002')}"


def _tangent(step: Mapping[str, Any]) -> str:
    share = step.get("shrinkage")
    first = f", each shrunk by {share:g} towards the identity," if share else ""
    return (
        f"projection of covariances{first} into the tangent space at their geometric mean"
        f"{cite('varoquaux2010')}"
    )


def _partial(step: Mapping[str, Any]) -> str:
    share = step.get("shrinkage", 0.1)
    return (
        f"partial correlation, correlations shrunk by {share:g} towards the identity"
        f"{cite('marrelec2006')}"
    )


def _hubs(step: Mapping[str, Any]) -> str:
    whose = "all training rows" if step.get("reference") == "all" else "the negative class"
    return (
        "the hub disruption index of measures of regions, the slope over regions of a person's "
        f"difference from the mean of {whose} in training on that mean (a person who belongs to "
        f"it is compared with the others){cite('achard2012')}"
    )
