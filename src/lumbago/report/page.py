"""From a template to a self-contained page."""

from __future__ import annotations

from importlib import resources
from typing import Any

import jinja2

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a page may load: nothing but what it carries."""


def page(template: str, **values: Any) -> str:
    """Return a page: every value is escaped, and one that the template lacks is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lumbago.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The style sheet is our own file; nothing a user wrote goes in.
    style = resources.files("lumbago.report").joinpath("templates/style.css").read_text("utf-8")
    return environment.get_template(template).render(policy=POLICY, style=style, **values)
