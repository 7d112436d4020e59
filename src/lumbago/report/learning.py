"""Preparation and models in the sentences of a methods section."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lumbago.report.preparing import step_in_words
from lumbago.report.references import cite
from lumbago.report.words import listed

_MODELS = {
    "dummy": ("a model that ignores the features", ()),
    "logistic": ("L2-penalized logistic regression", ()),
    "linear_svm": (
        "a linear support vector machine, its probabilities calibrated in the training fold",
        ("cortes1995", "platt1999"),
    ),
    "rbf_svm": (
        "a support vector machine with a Gaussian kernel, its probabilities calibrated in the "
        "training fold",
        ("cortes1995", "platt1999"),
    ),
    "elastic_net_logistic": ("logistic regression with an elastic-net penalty", ("zou2005",)),
    "elastic_net_svm": (
        "a linear support vector machine on the features that an elastic net kept, its "
        "probabilities calibrated in the training fold",
        ("lamichhane2021", "zou2005", "cortes1995", "platt1999"),
    ),
    "decision_tree": ("a decision tree", ()),
    "gradient_boosting": ("gradient-boosted trees", ("friedman2001",)),
    "naive_bayes": ("Gaussian naive Bayes", ()),
    "neighbours": ("the nearest neighbours", ("cover1967",)),
    "pls": ("partial least squares", ("wold2001",)),
    "cpm": ("connectome-based predictive modelling", ("shen2017",)),
    "lasso": ("linear regression with an L1 penalty", ("tibshirani1996",)),
    "elastic_net": ("linear regression with an elastic-net penalty", ("zou2005",)),
    "random_forest": ("a random forest", ("breiman2001",)),
    "ridge": ("ridge regression", ()),
    "linear": ("ordinary least squares, the shortest weights where several fit alike", ()),
    "svr": (
        "support vector regression of the target in its training standard deviations",
        ("smola2004",),
    ),
}


def learning(
    experiment: Mapping[str, Any], models: Collection[str], has_weights: bool
) -> list[str]:
    """Say how features were prepared and which models learned from them."""
    sentences = []
    preparations = experiment.get("preparation") or {}
    used = {}
    for name, spec in experiment.get("models", {}).items():
        if name not in models:
            continue
        kind = str(spec.get("kind", name))
        what, sources = _MODELS.get(kind, (str(spec.get("estimator", kind)), ()))
        tuned = listed(spec["tune"]) if spec.get("tune") else ""
        tuned = f" ({tuned} chosen by an inner search over participants)" if tuned else ""
        own = f" on {listed(spec['features'])}" if spec.get("features") else ""
        sentences.append(f"Model {name} was {what}{cite(*sources)}{own}{tuned}.")
        preparation = spec.get("preparation") or "standard"
        if isinstance(preparation, str):
            used[preparation] = preparations.get(preparation)
        else:
            used[name] = preparation
    for name, steps in used.items():
        if steps is None:
            steps = [{"kind": "impute"}, {"kind": "scale"}] if name == "standard" else []
        done = listed(step_in_words(step) for step in steps) or "no preparation"
        whose = f" ({name})" if len(used) > 1 else ""
        sentences.append(f"Within each training fold, and nowhere else{whose}: {done}.")
    kinds = {spec.get("kind") for n, spec in experiment.get("models", {}).items() if n in models}
    if "logistic" in kinds:
        sentences.append("Logistic regression was solved to rounding error by Newton's method.")
    if "elastic_net_logistic" in kinds:
        sentences.append(
            "The elastic net was solved on working sets of features by Newton steps and "
            "coordinate descent, until the conditions of its minimum held."
        )
    ours = {"logistic", "elastic_net_logistic", "linear", "pls", "cpm"}
    if kinds - ours:
        what = "The other models" if kinds & ours else "Models"
        sentences.append(f"{what} were fitted with scikit-learn{cite('pedregosa2011')}.")
    if has_weights:
        sentences.append(
            "Coefficients of linear models were turned into activation patterns, per standard "
            f"deviation of the decision value, which can be read as effects{cite('haufe2014')}."
        )
    return sentences
