"""How much people moved and what denoising left of their scans, by group and site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from lumbago.data.dataset import Target
from lumbago.report.figures import short
from lumbago.report.style import FAINT, INK, SERIES, WIDTH, Figure, bare, canvas, embed, styled
from lumbago.report.tables import HIDDEN, SMALL, Table
from lumbago.report.words import MISSING, number, p_value, span
from lumbago.statistics.difference import Difference, two_groups


@dataclass(frozen=True)
class Measure:
    """One number of a scan, as a reader wants it: name, digits, factor, unit."""

    column: str
    label: str
    digits: int = 2
    factor: float = 1.0
    unit: str = ""

    def of(self, table: pd.DataFrame) -> np.ndarray:
        """Return the known values, in the unit of the label."""
        values = pd.to_numeric(table[self.column], errors="coerce").to_numpy(dtype=float)
        return self.factor * values[np.isfinite(values)]


MEASURES = (
    Measure("mean_fd", "Mean FD, mm"),
    Measure("fd_above_02", "FD > 0.2 mm, % of volumes", 0, 100),
    Measure("fd_above_05", "FD > 0.5 mm, % of volumes", 0, 100),
    Measure("mean_std_dvars", "Mean DVARS, standardized"),
    Measure("n_volumes_kept", "Volumes kept", 0),
    Measure("minutes_kept", "Minutes kept", 1),
    Measure("freedom", "Degrees of freedom left", 0),
    Measure("freedom_lost", "Degrees of freedom lost, %", 0, 100),
    Measure("median_tsnr", "Median tSNR", 0),
)
_BY_COLUMN = {m.column: m for m in MEASURES}


def one_each(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per person: the first session under the first denoising."""
    first = table[table["denoise"].fillna("") == table["denoise"].fillna("").iloc[0]]
    return first.drop_duplicates(["cohort", "participant_id"])


def known(table: pd.DataFrame, columns: tuple[str, ...] | None = None) -> list[Measure]:
    """Return the measures that somebody has, in the order of the page."""
    wanted = MEASURES if columns is None else [_BY_COLUMN[c] for c in columns]
    return [m for m in wanted if m.column in table and len(m.of(table))]


def middle(values: np.ndarray, measure: Measure) -> str:
    """Write median and middle half of a group; hidden where too few people have a value.

    >>> middle(np.arange(9.0), MEASURES[4])
    '4\\n2 to 6'
    """
    if len(values) < SMALL:
        return HIDDEN if len(values) else MISSING
    low, mid, high = np.percentile(values, [25, 50, 75])
    return f"{number(mid, measure.digits)}\n{span(low, high, measure.digits)}"


def by_group(people: pd.DataFrame, target: Target) -> Table:
    """Describe every group of every site: how many, how much they moved, what is left."""
    measures = known(people, ("mean_fd", "fd_above_02", "fd_above_05", "minutes_kept",
                              "freedom", "median_tsnr"))  # fmt: skip
    several = len(people["cohort"].unique()) > 1
    grouped = target.kind != "continuous"
    head = [*(["Cohort"] if several else []), "Site", *(["Group"] if grouped else [])]
    words = len(head)
    rows = []
    for (cohort, site), of_site in people.assign(site=people["site"].fillna("")).groupby(
        ["cohort", "site"], sort=True
    ):
        for group in target.classes if grouped else [None]:
            mine = of_site if group is None else of_site[of_site["target"].astype(str) == group]
            if not len(mine):
                continue
            # A hyphen is no place to break a short name.
            row = [*([str(cohort)] if several else []), str(site).replace("-", "\u2011")]
            row += [str(group)] if group is not None else []
            row.append(HIDDEN if len(mine) < SMALL else f"{len(mine):,}")
            rows.append([*row, *(middle(m.of(mine), m) for m in measures)])
    note = (
        "Medians, below them the middle half of the people; first session of each. FD: framewise "
        "displacement. tSNR: mean over standard deviation in time of the uncleaned voxels. "
        f"Cells of fewer than {SMALL} people are not shown."
    )
    return Table(
        [*head, "Participants", *(m.label for m in measures)], rows, note, frozenset(range(words))
    )


def by_denoising(table: pd.DataFrame) -> Table | None:
    """Tell what each denoising leaves, where a scan's own table says so."""
    columns = ("n_volumes_kept", "minutes_kept", "freedom", "freedom_lost")
    names = list(dict.fromkeys(table["denoise"].fillna("")))
    measures = known(table, columns)
    if not any(names) or not measures:
        return None
    rows = []
    for name in names:
        mine = table[table["denoise"].fillna("") == name]
        mine = mine.drop_duplicates(["cohort", "participant_id"])
        rows.append([name, *(middle(m.of(mine), m) for m in measures)])
    note = "Mean and linear trend count as lost; a filter takes more, by as much as it removes."
    return Table(["Denoising", *(m.label for m in measures)], rows, note)


def differences(people: pd.DataFrame, target: Target) -> list[tuple[Measure, str, Difference]]:
    """Compare the groups in every measure: the positive class with the others, or each with all.

    Groups of fewer than five people are not compared.
    """
    if target.kind == "continuous":
        return []
    found = []
    labels = people["target"].astype(str)
    classes = target.classes[-1:] if len(target.classes) == 2 else target.classes
    measures = known(people, ("mean_fd", "fd_above_05", "mean_std_dvars", "minutes_kept",
                              "freedom", "median_tsnr"))  # fmt: skip
    for name in classes:
        for measure in measures:
            one, other = (measure.of(people[m]) for m in (labels == name, labels != name))
            if min(len(one), len(other)) < SMALL or not max(np.ptp(one), np.ptp(other)):
                continue
            found.append((measure, str(name), two_groups(one, other)))
    return found


def difference_table(found: list[tuple[Measure, str, Difference]], target: Target) -> Table | None:
    """Write the comparisons of groups."""
    if not found:
        return None
    several = len({name for _, name, _ in found}) > 1
    rest = "the others" if several else str(target.classes[0])
    rows = [
        [
            *([name] if several else []),
            measure.label,
            number(d.mean[0], measure.digits + 1),
            number(d.mean[1], measure.digits + 1),
            f"{number(d.difference, measure.digits + 1)}\n"
            f"{span(d.ci_low, d.ci_high, measure.digits + 1)}",
            f"{number(d.g)}\n{span(d.g_low, d.g_high)}",
            p_value(d.p),
            p_value(d.p_rank),
        ]
        for measure, name, d in found
    ]
    one = "Group" if several else str(target.classes[-1])
    head = ["", one, rest, "Difference", "Hedges’ g", "p (Welch)", "p (Mann–Whitney)"]
    if several:
        head = ["Group", "", "Group’s mean", "The others’", *head[3:]]
    note = (
        "Means of people, 95 % intervals below the differences; one session each, sites pooled, "
        "p-values not corrected for the number of rows."
    )
    return Table(head, rows, note, frozenset({0, 1} if several else {0}))


def with_target(people: pd.DataFrame) -> tuple[float, float, float, float, int] | None:
    """Return Pearson's r of a continuous target with mean FD, its interval, Spearman's p, n."""
    if "mean_fd" not in people:
        return None
    table = people[["mean_fd", "target"]].apply(pd.to_numeric, errors="coerce").dropna()
    x, y = table.to_numpy(dtype=float).T
    if len(table) < 2 * SMALL or not np.ptp(x) or not np.ptp(y):
        return None
    r = float(np.corrcoef(x, y)[0, 1])
    reach = stats.norm.ppf(0.975) / np.sqrt(len(x) - 3)
    low, high = np.tanh(np.arctanh(np.clip(r, -0.9999999, 0.9999999)) + np.array([-reach, reach]))
    return r, float(low), float(high), float(stats.spearmanr(x, y).pvalue), len(x)


def spread(people: pd.DataFrame, target: Target) -> Figure | None:
    """Draw motion and length of every group and site as ranges of people, never as people."""
    measures = known(people, ("mean_fd", "minutes_kept", "median_tsnr"))
    several = len(people["cohort"].unique()) > 1
    where = people["site"].fillna("").astype(str)
    if several:
        where = people["cohort"].astype(str) + " · " + where
    groups = [None] if target.kind == "continuous" else list(target.classes)
    rows = []
    for place in sorted(set(where)):
        for group in groups:
            inside = where == place
            if group is not None:
                inside &= people["target"].astype(str) == group
            if inside.sum() >= SMALL:
                rows.append((place, group, people[inside]))
    if not measures or not rows or "mean_fd" not in people:
        return None
    colours = {g: SERIES[i % len(SERIES)] for i, g in enumerate(groups)}
    with styled():
        drawn = canvas(WIDTH, 1.0 + 0.27 * len(rows))
        panels = np.atleast_1d(drawn.subplots(1, len(measures), sharey=True))
        for axes, measure in zip(panels, measures, strict=True):
            for y, (_, group, mine) in enumerate(rows):
                values = measure.of(mine)
                if len(values) < SMALL:
                    continue
                marks = np.percentile(values, [10, 25, 50, 75, 90])
                axes.plot(marks[[0, 4]], [y, y], color=colours[group], linewidth=1.3, zorder=2)
                axes.plot(marks[[1, 3]], [y, y], color=colours[group], linewidth=6.5, alpha=0.55,
                          solid_capstyle="butt", zorder=3)  # fmt: skip
                axes.plot(marks[2], y, "|", color=INK, markersize=10, markeredgewidth=1.8, zorder=4)
            axes.set_xlabel(measure.label)
            axes.grid(axis="x", color=FAINT)
            bare(axes)
        names = [p if g is None else f"{short(p, 18)} · {short(str(g), 14)}" for p, g, _ in rows]
        panels[0].set_yticks(range(len(rows)), names)
        panels[0].set_ylim(len(rows) - 0.4, -0.6)
        image = embed(drawn)
    return Figure(
        image,
        "Motion, length and signal over noise by group and site, as ranges",
        "By group and site. Mark: the median; bar: the middle half; line: the 10th to the 90th "
        f"percentile of people. Groups of fewer than {SMALL} are not drawn.",
    )
