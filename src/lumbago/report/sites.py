"""What one model says of the people of each site: probabilities, or errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumbago.evaluation.outcomes import place_of
from lumbago.report.figures import MOST_ROWS, short
from lumbago.report.story import Story
from lumbago.report.style import (
    BLUE,
    INK,
    ORANGE,
    QUIET,
    WIDTH,
    Figure,
    bare,
    canvas,
    embed,
    styled,
)
from lumbago.report.tables import SMALL

KEYS = ["cohort", "participant_id", "session"]


def by_site(story: Story, predictions: pd.DataFrame) -> Figure | None:
    """Draw every person's mean prediction, one row per site.

    A site whose probabilities all lie on one side, or whose errors all have one sign, is
    told by its scanner and not by its people, whatever its AUC.

    Returns
    -------
    Figure or None
        None with one site, several classes, or no probabilities.
    """
    continuous = story.target.kind == "continuous"
    if not continuous and story.target.kind != "binary":
        return None
    people = drawn_values(story, predictions)
    sizes = people.drop_duplicates(["place", "cohort", "participant_id"])["place"].value_counts()
    places = sorted(str(p) for p in sizes[sizes >= SMALL].index)
    if len(places) < 2 or len(places) > MOST_ROWS:
        return None
    classes = [""] if continuous else list(story.target.classes)
    with styled():
        drawn = canvas(WIDTH, 1.0 + 0.42 * len(places))
        axes = drawn.subplots()
        colours = dict(zip(classes, (BLUE, ORANGE), strict=False))
        for name, colour in colours.items() if not continuous else ():
            axes.plot([], [], "o", markersize=3.4, color=colour, markeredgewidth=0, label=name)
        for y, place in enumerate(places):
            for k, name in enumerate(classes):
                mine = people[(people["place"] == place) & (people["class"] == name)]["value"]
                if mine.empty:
                    continue
                at = y + (0 if continuous else 0.36 * (k - 0.5))
                # Spread by rank, not by chance, so that equal tables give equal pictures.
                lift = 0.22 * (np.arange(len(mine)) * 0.618 % 1 - 0.5)
                axes.plot(mine.sort_values(), at + lift, "o", markersize=3.4, alpha=0.65,
                          color=colours[name], markeredgewidth=0)  # fmt: skip
                middle = float(mine.median())
                axes.plot([middle, middle], [at - 0.16, at + 0.16], color=INK, linewidth=1.8)
        axes.axvline(0 if continuous else 0.5, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)),
                     zorder=1)  # fmt: skip
        axes.set_yticks(range(len(places)), [short(p, 24) for p in places])
        axes.set_ylim(len(places) - 0.45, -0.55)
        if not continuous:
            axes.set_xlim(-0.02, 1.02)
        unit = story.target.name if continuous else story.target.positive
        what = f"Predicted minus observed {unit}" if continuous else f"Probability given to {unit}"
        axes.set_xlabel(what)
        axes.grid(axis="x")
        bare(axes)
        if not continuous:
            drawn.legend(loc="outside upper left", ncols=2, handletextpad=0.2, markerscale=1.8)
        image = embed(drawn)
    left = int((sizes < SMALL).sum())
    cut = f" {left} of fewer than {SMALL} people not drawn." if left else ""
    return Figure(
        image,
        f"{what}, by site",
        f"{what}, by site: a point is a sample (mean over its predictions), a bar the median.{cut}",
    )


def drawn_values(story: Story, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return one row per sample that has a value to draw: place, class and the value.

    The place is the site, named with its cohort where there are several.
    """
    table = predictions.assign(session=predictions["session"].fillna("").astype(str))
    several = len(table["cohort"].unique()) > 1
    site = table["site"].fillna("").astype(str)
    table["place"] = (
        [place_of(c, s) for c, s in zip(table["cohort"].astype(str), site, strict=True)]
        if several
        else site
    )
    if story.target.kind == "continuous":
        table["value"] = table["y_pred"].astype(float) - table["y_true"].astype(float)
        table["class"] = ""
    else:
        table["value"] = table["y_prob"].astype(float)
        table["class"] = table["y_true"].astype(str)
    grouped = table.dropna(subset="value").groupby([*KEYS, "place", "class"], sort=True)
    return grouped["value"].mean().reset_index()
