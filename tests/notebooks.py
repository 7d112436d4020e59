"""Runs a py:percent notebook cell by cell, and shows what each cell ends in as Jupyter would."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)


@dataclass
class Shown:
    """What a notebook has shown."""

    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    pages: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


def cells(notebook: Path) -> list[str]:
    """Return the code of each cell, padded so that errors name the notebook's lines."""
    text = notebook.read_text(encoding="utf-8")
    found = list(CELL.finditer(text))
    ends = [m.start() for m in found[1:]] + [len(text)]
    return [
        "\n" * text.count("\n", 0, m.end()) + text[m.end() : end]
        for m, end in zip(found, ends, strict=True)
        if "[markdown]" not in m[1]
    ]


def run_notebook(notebook: Path) -> Shown:
    """Run a notebook in this process; its figures stay open."""
    shown = Shown()
    for cell in cells(notebook):
        tree = ast.parse(cell, str(notebook))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, str(notebook), "exec"), shown.names)
        if last is None:
            continue
        expression = ast.Expression(last.value)  # type: ignore[attr-defined]
        value = eval(compile(expression, str(notebook), "eval"), shown.names)
        if hasattr(value, "_repr_html_"):
            shown.pages.append(value._repr_html_())
    shown.figures = [plt.figure(number) for number in plt.get_fignums()]
    return shown
