"""Write docs/leakage.md from the table of the tests.

python docs/make_leakage_page.py

Everything between the two marks of the page is written by this script; nothing else is changed.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

PAGE = Path(__file__).with_name("leakage.md")
TESTS = Path(__file__).parents[1] / "tests"

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def page() -> str:
    """Return the page with the table as it must be; its words stay."""
    sys.path.insert(0, str(TESTS))
    try:
        from leakage_forms import FORMS
        from test_audit import LEAKY
    finally:
        sys.path.remove(str(TESTS))
    counted = Counter(form.how for form in FORMS.values())
    counts = f"Of {len(FORMS)} forms: " + ", ".join(
        f"{counted[how]} {how}" for how in ("refused", "guarded", "proven", "absent", "partly")
    )
    rows = [
        f"| {number} | {form.name} | {form.how} | {form.does} | {_listed(form.tests)} |"
        for number, form in FORMS.items()
    ]
    table = "\n".join(["| | form | | what Lumbago does | tests |", "|---|---|---|---|---|", *rows])
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    inner = f"{counts}.\nPipelines that leak on purpose: {len(LEAKY)}.\n\n{table}"
    return f"{before}{BEGIN}\n{inner}\n{END}{after}"


def _listed(tests: tuple[str, ...]) -> str:
    files: dict[str, list[str]] = {}
    for test in tests:
        file, _, name = test.partition("::")
        files.setdefault(file, []).append(name)
    return "<br>".join(
        f"[{file}](../tests/{file}): " + ", ".join(f"`{name}`" for name in names)
        for file, names in files.items()
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
