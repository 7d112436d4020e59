"""The baseline of named clinical columns: there, honest, and missing with its reason."""

from __future__ import annotations

import numpy as np
import pytest

from learning_data import make_dataset
from lumbago.errors import InputError
from lumbago.evaluation.baselines import baselines_of
from lumbago.evaluation.compare import with_baselines
from lumbago.evaluation.evaluate import evaluate, plan_units
from lumbago.experiment.schema import Evaluation


def with_pain(seed=0):
    """Age tells nothing, pain tells the class."""
    data = make_dataset(40, 5, seed=seed)
    rng = np.random.default_rng(seed)
    data.X["covariate:vas"] = 30.0 + 25 * data.y + rng.normal(0, 8, len(data.y))
    return data


def test_it_predicts_from_its_columns_alone_under_every_scheme():
    data = with_pain()
    found = evaluate(
        data, "logistic", ["within_cohort", "leave_one_site_out"], preparation=["scale"], seed=1,
        clinical=["vas"], audited=True,
    )  # fmt: skip
    mine = found.predictions[found.predictions["model"] == "clinical"]
    assert set(mine["scheme"]) == {"within_cohort", "leave_one_site_out"}
    scores = found.scores(["roc_auc"], n_resamples=20)
    pooled = scores[scores["scope"] == "pooled"].set_index(["scheme", "model"])["score"]
    assert pooled["within_cohort", "clinical"] > 0.9
    assert pooled["within_cohort", "logistic"] < 0.8
    weights = found.weights[found.weights["model"] == "clinical"]
    assert set(weights["feature"]) == {"covariate:vas"}
    assert (found.audit["verdict"] != "failed").all()
    beside = with_baselines(scores)
    assert (beside.loc[beside["scope"] == "pooled", "clinical"] > 0.9).all()


def test_a_missing_or_empty_column_is_told_and_stops_nothing():
    data = with_pain()
    assert baselines_of(data, ["vas", "duration"])[1] == {"clinical": "no duration"}
    found = evaluate(
        data, "logistic", "within_cohort", preparation=["scale"], seed=1, clinical=["duration"],
        audited=False,
    )  # fmt: skip
    assert found.not_available["clinical"] == "no duration"
    data.X["covariate:vas"] = np.nan
    assert baselines_of(data, ["vas"])[1]["clinical"] == "vas is empty"


def test_without_named_columns_there_is_none():
    names = [b.name for b in baselines_of(with_pain())[0]]
    assert "clinical" not in names
    assert "clinical" not in baselines_of(with_pain())[1]


def test_its_name_is_taken():
    with pytest.raises(InputError, match="the name of an automatic baseline is taken"):
        plan_units(with_pain(), {"clinical": "logistic"}, "within_cohort", seed=0)


def test_an_experiment_names_the_columns_or_says_yes_or_no():
    plain = {"target": "diagnosis", "schemes": [{"kind": "within_cohort"}]}
    assert Evaluation.model_validate(plain).with_baselines
    assert not Evaluation.model_validate({**plain, "baselines": False}).with_baselines
    asked = Evaluation.model_validate({**plain, "baselines": {"clinical": ["vas", "duration"]}})
    assert asked.with_baselines
    assert asked.clinical == ("vas", "duration")
