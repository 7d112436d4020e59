"""Splitting, fitting, predicting, and telling how good it was."""

from lumbago.evaluation.audit import audit
from lumbago.evaluation.baselines import baselines_of
from lumbago.evaluation.evaluate import evaluate, notes_of, plan_units, run_units
from lumbago.evaluation.matching import Matched
from lumbago.evaluation.result import Result
from lumbago.evaluation.schemes import (
    SCHEMES,
    Fixed,
    LearningCurve,
    LeaveOneCohortOut,
    LeaveOneSiteOut,
    Locked,
    Scheme,
    Split,
    Transfer,
    WithinCohort,
    splits_digest,
)
from lumbago.evaluation.units import Unit, UnitResult

__all__ = [
    "SCHEMES", "Fixed", "LearningCurve", "LeaveOneCohortOut", "LeaveOneSiteOut", "Locked",
    "Matched", "Result", "Scheme", "Split", "Transfer", "Unit", "UnitResult", "WithinCohort",
    "audit", "baselines_of", "evaluate", "notes_of", "plan_units", "run_units", "splits_digest",
]  # fmt: skip
