"""The baseline of all covariates: what age, sex, motion and the rest tell together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from learning_data import make_dataset
from lumbago.data.features import COVARIATE
from lumbago.errors import InputError
from lumbago.evaluation import evaluate, plan_units
from lumbago.evaluation.baselines import baselines_of
from lumbago.evaluation.compare import with_baselines
from lumbago.report.words import cell_words


def confounded(kind="binary", seed=0):
    """Neither age nor motion tells much, both together do; the features tell nothing."""
    data = make_dataset(60, 5, seed=seed, kind=kind)
    y = (data.y - data.y.mean()) / data.y.std()
    shared = np.random.default_rng(seed).normal(0, 3, len(y))
    X = data.X.copy()
    X["covariate:age"] = 45 + 5 * (shared + y)
    X["covariate:mean_fd"] = 0.5 + 0.05 * (shared - y)
    return replace(data, X=X)


def names_of(data, clinical=()):
    return {b.name: [c.removeprefix(COVARIATE) for c in b.columns]
            for b in baselines_of(data, clinical)[0]}  # fmt: skip


def test_it_knows_what_the_covariates_tell_together():
    found = evaluate(confounded(), "logistic", ["within_cohort", "leave_one_site_out"],
                     preparation=["scale"], seed=1)  # fmt: skip
    scores = found.scores(["roc_auc"], n_resamples=20)
    pooled = scores[scores["scope"] == "pooled"].set_index(["scheme", "model"])["score"]
    for scheme in ("within_cohort", "leave_one_site_out"):
        assert pooled[scheme, "covariates"] > 0.95
        assert pooled[scheme, "motion_only"] < 0.8
        assert pooled[scheme, "logistic"] < 0.8
    weights = found.weights[found.weights["model"] == "covariates"].set_index("feature")
    assert {"covariate:age", "covariate:mean_fd"} < set(weights.index)
    assert any(name.startswith("covariate:sex") for name in weights.index)
    assert not any(name.startswith("f:") for name in weights.index)
    assert weights.loc["covariate:age", "coefficient"].gt(0).all()
    assert weights.loc["covariate:mean_fd", "coefficient"].lt(0).all()
    mine = found.audit[found.audit["model"] == "covariates"]
    assert len(mine)
    # A few features are too few to look for one scan under two names.
    assert (mine.loc[mine["check"] != "duplicates", "verdict"] == "passed").all()
    beside = with_baselines(scores)
    assert (beside.loc[beside["scope"] == "pooled", "covariates"] > 0.95).all()


def test_a_continuous_target_has_it_by_ridge():
    found = evaluate(confounded("continuous"), "ridge", "within_cohort", preparation=["scale"],
                     seed=1, audited=False)  # fmt: skip
    scores = found.scores(["r"], n_resamples=20).set_index(["model", "scope"])["score"]
    assert scores["covariates", "pooled"] > 0.9
    assert scores["motion_only", "pooled"] < 0.6


def test_clinical_columns_stay_in_their_own():
    data = confounded()
    X = data.X.assign(**{"covariate:vas": 30.0 + 25 * data.y})
    named = names_of(replace(data, X=X), ["vas"])
    assert named["covariates"] == ["age", "sex", "mean_fd"]
    assert named["clinical"] == ["vas"]
    assert names_of(replace(data, X=X))["covariates"] == ["age", "sex", "mean_fd", "vas"]


def test_it_is_left_out_with_its_reason_where_it_would_be_another_or_nothing():
    data = confounded()
    bare = data.X.drop(columns=[c for c in data.X if c.startswith(COVARIATE)])

    def reason(**covariates):
        X = bare.assign(**{COVARIATE + name: values for name, values in covariates.items()})
        return baselines_of(replace(data, X=X))[1].get("covariates")

    fd, age = data.X["covariate:mean_fd"], data.X["covariate:age"]
    assert reason() == "no covariates"
    assert reason(age=age * np.nan) == "no covariates"
    assert reason(mean_fd=fd) == "no covariate but mean_fd"
    assert reason(mean_fd=fd, age=age * np.nan) == "no covariate but mean_fd"
    assert reason(site=data.site) == "no covariate but site"
    assert reason(age=age) is None
    one = replace(data, X=bare.assign(**{"covariate:site": "a"}), site=np.full(len(data), "a"))
    assert baselines_of(one)[1]["covariates"] == "no covariates"


def test_its_name_is_taken_and_told():
    with pytest.raises(InputError, match=r"models\.covariates: the name of an automatic baseline"):
        plan_units(confounded(), {"covariates": "logistic"}, "within_cohort", seed=0)
    assert cell_words("baseline", "covariates") == "Covariates only"
