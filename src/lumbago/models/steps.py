"""The steps a preparation is made of, and the short ways to write one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BeforeValidator, TypeAdapter

from lumbago.models.components import PCA
from lumbago.models.filters import Coverage, Variance
from lumbago.models.harmonize import Combat
from lumbago.models.hub_disruption import HubDisruption
from lumbago.models.impute import Impute
from lumbago.models.partial import Partial
from lumbago.models.residualize import Residualize, as_tuple
from lumbago.models.scale import Scale
from lumbago.models.selection import SelectAnova, SelectElasticNet, SelectRecursive, SelectStable
from lumbago.models.tangent import Tangent
from lumbago.spec import Spec, one_of

STEPS: tuple[type[Spec], ...] = (
    Impute, Scale, Residualize, Combat, Coverage, Variance, PCA, SelectAnova, SelectElasticNet,
    SelectStable, SelectRecursive, Tangent, Partial, HubDisruption,
)  # fmt: skip


def expand_step(value: Any) -> Any:
    """Write a step the long way: ``scale``, ``{impute: median}`` → ``{kind: …, field: …}``.

    Anything that is no short form is returned as it is, for the validator to judge.

    >>> expand_step("scale")
    {'kind': 'scale'}
    >>> expand_step({"residualize": ["age", "sex"]})
    {'kind': 'residualize', 'covariates': ['age', 'sex']}
    >>> expand_step({"impute": {"strategy": "mean"}})
    {'kind': 'impute', 'strategy': 'mean'}
    >>> expand_step({"harmonize": {"kind": "combat", "batch": "site"}})
    {'kind': 'combat', 'batch': 'site'}
    """
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, dict) and len(value) == 1 and "kind" not in value:
        ((kind, inner),) = value.items()
        if kind == Combat.group:  # {harmonize: combat}, {harmonize: {batch: scanner}}
            kind = "combat"
            inner = {"kind": inner} if isinstance(inner, str) else inner
        if isinstance(inner, dict):
            return inner if "kind" in inner else {"kind": kind, **inner}
        if inner is None:
            return {"kind": kind}
        short = {step.model_fields["kind"].default: getattr(step, "short", None) for step in STEPS}
        if short.get(kind):
            return {"kind": kind, short[kind]: inner}
    return value


if TYPE_CHECKING:  # a union made from a tuple is beyond static types
    Step: TypeAlias = Any
else:
    Step = Annotated[one_of(STEPS), BeforeValidator(expand_step)]
Preparation = Annotated[tuple[Step, ...], BeforeValidator(as_tuple)]
_PREPARATION: TypeAdapter[tuple[Any, ...]] = TypeAdapter(Preparation)

STANDARD: tuple[Spec, ...] = (Impute(), Scale())
"""What a model gets that needs complete, comparable features and was told nothing else."""


def read_preparation(steps: Iterable[Any]) -> tuple[Spec, ...]:
    """Return steps from specs and short or long forms, in order.

    Raises
    ------
    pydantic.ValidationError
        If a step is unknown or a field does not fit.
    """
    return _PREPARATION.validate_python(list(steps))
