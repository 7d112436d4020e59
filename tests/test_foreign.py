"""Any scikit-learn class by its path: what is let in, what is refused, what it is given."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.preprocessing import StandardScaler

from learning_data import make_dataset
from lumbago.errors import InputError
from lumbago.experiment.checks import suits
from lumbago.models import STANDARD, Sklearn
from lumbago.models.foreign import estimator_class
from lumbago.models.pipeline import assemble, outputs

TREES = "sklearn.ensemble.ExtraTreesClassifier"


def test_a_class_by_its_path_is_that_class_with_the_seed():
    data = make_dataset(40, 20, signal=1.0)
    spec = Sklearn(estimator=TREES, settings={"n_estimators": 20})
    built = spec.build((), 7, "binary")
    assert type(built) is ExtraTreesClassifier
    assert (built.random_state, built.n_jobs, built.n_estimators) == (7, 1, 20)
    ours = assemble(spec, STANDARD, data.features, 7, "binary").fit(data.X, data.y)
    Z = StandardScaler().fit_transform(data.X[data.features].to_numpy(dtype=float))
    theirs = ExtraTreesClassifier(20, random_state=7).fit(Z.astype(np.float32), data.y)
    found = outputs(ours, data.X, "binary")
    np.testing.assert_allclose(found.score, theirs.predict_proba(Z.astype(np.float32))[:, 1])
    assert ((found.probability > 0) & (found.probability < 1)).all()


def test_it_reads_strict_json_and_counts_as_other_with_other_settings():
    text = json.dumps({"estimator": TREES, "settings": {"max_depth": 2}})
    spec = Sklearn.model_validate_json(text, strict=True)
    assert spec.digest() == Sklearn(estimator=TREES, settings={"max_depth": 2}).digest()
    assert spec.digest() != Sklearn(estimator=TREES).digest()


def test_its_settings_are_tuned_by_name():
    data = make_dataset(40, 20, signal=1.0)
    spec = Sklearn(
        estimator="sklearn.linear_model.RidgeClassifier", tune={"alpha": [0.1, 1.0, 10.0]}
    )
    found = assemble(spec, STANDARD, data.features, 0, "binary").fit(data.X, data.y)
    assert found.best_params_["alpha"] in (0.1, 1.0, 10.0)
    assert found.candidates_[0] == {"alpha": 10.0}
    with pytest.raises(ValidationError, match="has no setting 'alfa'; it has alpha, class_weight"):
        Sklearn(estimator="sklearn.linear_model.RidgeClassifier", tune={"alfa": [1.0]})
    with pytest.raises(ValidationError, match="does not take them"):
        Sklearn(estimator="sklearn.linear_model.RidgeClassifier", tune={"alpha": ["much"]})


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        ("os.system", "expected a class of scikit-learn, or of an installed package that needs it"),
        ("this.that", "expected a class of scikit-learn"),
        ("lumbago_not_there.Model", "expected a class of scikit-learn"),
        ("numpy.linalg.LinAlgError", "expected a class of scikit-learn"),
        ("sklearn.ensemble.ExtraTreesClasifier", "there is no sklearn.ensemble.ExtraTreesClasif"),
        ("sklearn.nowhere.Model", "there is no sklearn.nowhere.Model"),
        ("sklearn.metrics.roc_auc_score", "is not a scikit-learn estimator; name its class"),
        ("sklearn.preprocessing.StandardScaler", "expected a classifier or a regression, got"),
        ("sklearn.ensemble.VotingClassifier", "does not take them"),
        ("ExtraTreesClassifier", "String should match pattern"),
        ("sklearn.ensemble.__import__('os').x", "String should match pattern"),
    ],
)
def test_what_is_no_estimator_is_refused_in_a_sentence(estimator, says):
    with pytest.raises(ValidationError, match=says.replace("(", r"\(")):
        Sklearn(estimator=estimator)


def test_a_module_that_does_not_need_scikit_learn_is_never_imported(tmp_path, monkeypatch):
    (tmp_path / "surprise_in_the_mail.py").write_text("raise SystemExit('ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="an installed package that needs it"):
        estimator_class("surprise_in_the_mail.Model")
    assert "surprise_in_the_mail" not in sys.modules


def test_a_package_that_needs_scikit_learn_is_let_in():
    with pytest.raises(ValueError, match=r"there is no nilearn\.decoding\.NoSuch"):
        estimator_class("nilearn.decoding.NoSuch")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"n_estimator": 3}, "does not take them"), ({"n_estimators": -1}, "does not take them"),
        ({"random_state": 1}, "random_state follows from the experiment's seed; drop it"),
    ],
)  # fmt: skip
def test_settings_it_does_not_take_are_refused_before_a_run(given, says):
    with pytest.raises(ValidationError, match=says):
        Sklearn(estimator=TREES, settings=given)


def test_a_class_predicts_what_it_is_for():
    classes, numbers = Sklearn(estimator=TREES), Sklearn(estimator="sklearn.svm.NuSVR")
    assert classes.suits("binary")
    assert not classes.suits("continuous")
    assert numbers.suits("continuous")
    with pytest.raises(InputError, match="predicts continuous targets, this one is binary"):
        numbers.build((), 0, "binary")


def test_check_knows_what_a_class_is_for():
    assert suits(Sklearn(estimator=TREES), "binary")
    assert not suits(Sklearn(estimator=TREES), "continuous")
