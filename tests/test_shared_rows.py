"""Models whose fits share what is known of their rows: scikit-learn's solutions, and no traces."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from lumbago.models import CPM, Linear, LinearSVM, Logistic, Ridge, margin
from lumbago.models.margin import Margin
from lumbago.models.rows import Rows
from lumbago.models.shrunken import RidgeRegression


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("p", [1, 5, 300])
@pytest.mark.parametrize("weights", [None, "balanced"])
@pytest.mark.parametrize("C", [1e-4, 0.1, 100.0])
def test_the_margin_is_libsvms(rng, p, weights, C):
    X, y = rng.standard_normal((60, p)) + 1, (np.arange(60) % 3 == 0).astype(int)
    X[:, 0] += y
    new = rng.standard_normal((20, p))
    theirs = SVC(kernel="linear", C=C, class_weight=weights, tol=1e-9).fit(X, y)
    ours = Margin(C=C, class_weight=weights, tol=1e-9).fit(X, y)
    limit = C * (len(y) / (2 * np.bincount(y)))[y] if weights else np.full(60, C)

    def cost(fitted):
        short = np.maximum(0, 1 - np.where(y == 1, 1, -1) * fitted.decision_function(X))
        return 0.5 * float(fitted.coef_[0] @ fitted.coef_[0]) + float(limit @ short)

    # libsvm keeps its products in single precision: ours is the lower of two equal minima.
    assert cost(ours) <= cost(theirs) * (1 + 1e-9)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=5e-4, atol=5e-5)
    np.testing.assert_allclose(
        ours.decision_function(new), theirs.decision_function(new), rtol=5e-4, atol=1e-3
    )


def test_the_margin_is_the_minimum_that_a_general_solver_finds(rng):
    X, y, C = rng.standard_normal((14, 3)), np.arange(14) % 2, 0.7
    side = np.where(y == 1, 1.0, -1.0)
    ours = Margin(C=C, tol=1e-10).fit(X, y)

    # Weights, intercept, and how far every row may fall short of the margin.
    def cost(v):
        return 0.5 * v[:3] @ v[:3] + C * v[4:].sum()

    rows = np.column_stack([side[:, None] * X, side, np.eye(14)])
    found = minimize(
        cost, np.r_[np.zeros(4), np.ones(14)], method="SLSQP",
        bounds=[(None, None)] * 4 + [(0, None)] * 14,
        constraints=[LinearConstraint(rows, lb=1.0)], options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    short = np.maximum(0, 1 - side * (X @ ours.coef_[0] + ours.intercept_[0])).sum()
    assert 0.5 * ours.coef_[0] @ ours.coef_[0] + C * short == pytest.approx(found.fun, abs=1e-7)
    np.testing.assert_allclose(ours.coef_[0], found.x[:3], atol=1e-4)


def test_rows_that_are_all_alike_have_no_border_and_no_error():
    fitted = Margin().fit(np.ones((6, 2)), np.arange(6) % 2)
    np.testing.assert_allclose(fitted.coef_, 0)
    assert np.isfinite(fitted.intercept_).all()


def test_a_search_that_does_not_end_is_refused(rng, monkeypatch):
    monkeypatch.setattr(margin, "MAX_STEPS", 2)
    with pytest.raises(ValueError, match="no border within tol=1e-06 in 2 steps; put scale"):
        Margin().fit(rng.standard_normal((20, 3)), np.arange(20) % 2)


@pytest.mark.parametrize("p", [1, 8, 90])
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 1e4])
def test_ridge_is_scikit_learns(rng, p, alpha):
    X, y = rng.standard_normal((40, p)) + 5, 10 + rng.standard_normal(40)
    new = rng.standard_normal((7, p))
    theirs = SklearnRidge(alpha=alpha, solver="cholesky").fit(X, y)
    ours = RidgeRegression(alpha=alpha).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)
    np.testing.assert_allclose(ours.predict(new), theirs.predict(new), atol=1e-8)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (LinearSVM(), "binary"), (Logistic(), "binary"), (CPM(p=0.2), "binary"),
        (Ridge(), "continuous"), (Linear(), "continuous"), (CPM(p=0.2), "continuous"),
    ],
)  # fmt: skip
def test_shared_rows_change_no_bit_whatever_was_fitted_before(rng, model, kind):
    X, new = rng.standard_normal((30, 50)), rng.standard_normal((5, 50))
    y = np.arange(30) % 2 if kind == "binary" else rng.standard_normal(30)
    shared = Rows(X)
    model.build((), 0, kind).fit(shared, y[::-1])
    one, two = (model.build((), 0, kind).fit(rows, y) for rows in (shared, X))
    assert one.coef_.tobytes() == two.coef_.tobytes()
    assert one.predict(Rows(new)).tobytes() == two.predict(new).tobytes()
    assert one.n_features_in_ == 50


def test_rows_with_holes_are_refused():
    with pytest.raises(ValueError, match="features hold missing values"):
        Rows(np.array([[1.0, np.nan]]))
