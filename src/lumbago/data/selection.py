"""The little language of `keep` and `where`: comparisons over columns, parsed, never evaluated."""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from lumbago.errors import InputError

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


def columns_in(rule: str) -> set[str]:
    """Return the names a rule compares: columns, and words written without quotes."""
    return {node.id for node in ast.walk(_parse(rule)) if isinstance(node, ast.Name)}


def matching(table: pd.DataFrame, rule: str) -> np.ndarray:
    """Return which rows of a table meet a rule.

    Parameters
    ----------
    table : DataFrame
        Columns may be named in the rule; so may the levels of its index.
    rule : str
        ``<``, ``<=``, ``>``, ``>=``, ``==``, ``!=``, ``in``, ``not in`` between columns, numbers
        and words, joined by ``and``, ``or``, ``not``. An unquoted name that is no
        column, on the right of ``==``, ``!=`` or ``in``, is a word.

    Returns
    -------
    boolean array of shape (n_rows,); a comparison with a missing value is false.
    """
    columns = table.reset_index() if any(table.index.names) else table
    return _Rule(columns, rule).truth(_parse(rule))


def _parse(rule: str) -> ast.expr:
    try:
        return ast.parse(rule.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise InputError(
            f"rule {rule!r}: expected comparisons joined by and, or, not, "
            "such as: mean_fd < 0.5 and n_volumes >= 150"
        ) from None


class _Rule:
    def __init__(self, table: pd.DataFrame, rule: str):
        self.table = table
        self.rule = rule

    def truth(self, node: ast.expr) -> np.ndarray:
        if isinstance(node, ast.BoolOp):
            parts = [self.truth(v) for v in node.values]
            combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return combine.reduce(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.truth(node.operand) & self._known(node.operand)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            steps = zip(sides, node.ops, sides[1:], strict=False)
            return np.logical_and.reduce([self._compare(a, op, b) for a, op, b in steps])
        raise InputError(
            f"rule {self.rule!r}: {ast.unparse(node)!r} is not a comparison; "
            "only <, <=, >, >=, ==, !=, in, and, or, not are understood"
        )

    def _known(self, node: ast.expr) -> np.ndarray:
        known = np.ones(len(self.table), dtype=bool)
        for name in ast.walk(node):
            if isinstance(name, ast.Name) and name.id in self.table:
                known &= self.table[name.id].notna().to_numpy()
        return known

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> np.ndarray:
        a = self._value(left, word=False)
        known = self._known(left) & self._known(right)
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple | ast.Set):
                raise InputError(f"rule {self.rule!r}: `in` needs a list, such as [essen, bochum]")
            words = [self._value(e, word=True) for e in right.elts]
            inside = pd.Series(a).isin(words).to_numpy()
            return (inside if isinstance(op, ast.In) else ~inside) & known
        if type(op) not in _COMPARE:
            raise InputError(
                f"rule {self.rule!r}: only <, <=, >, >=, ==, !=, in and not in are understood"
            )
        b = self._value(right, word=isinstance(op, ast.Eq | ast.NotEq))
        self._same_kind(left, a, b)
        result = np.broadcast_to(np.asarray(_COMPARE[type(op)](a, b), dtype=bool), known.shape)
        return result & known

    def _same_kind(self, left: ast.expr, a: Any, b: Any) -> None:
        numbers = [pd.api.types.is_numeric_dtype(np.asarray(side).dtype) for side in (a, b)]
        if numbers[0] != numbers[1]:
            kinds = ["numbers" if n else "words" for n in numbers]
            raise InputError(
                f"rule {self.rule!r}: {ast.unparse(left)!r} holds {kinds[0]} "
                f"but is compared with {kinds[1]}"
            )

    def _value(self, node: ast.expr, word: bool) -> Any:
        if isinstance(node, ast.Name):
            if node.id in self.table:
                column = self.table[node.id]
                return (
                    column.to_numpy()
                    if pd.api.types.is_numeric_dtype(column)
                    else (column.astype(object).where(column.notna(), "").to_numpy(dtype=str))
                )
            if word:
                return node.id
            near = difflib.get_close_matches(node.id, [str(c) for c in self.table.columns], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(f"rule {self.rule!r}: no column {node.id!r}{hint}")
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._value(node.operand, word=False)
        raise InputError(
            f"rule {self.rule!r}: {ast.unparse(node)!r} is not a column, number or word"
        )
