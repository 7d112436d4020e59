"""A study: its people, their sessions, their scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from lumbago.data import html
from lumbago.data.features import REJECTED_COLUMNS
from lumbago.data.scan import Scan
from lumbago.data.selection import matching
from lumbago.errors import InputError


@dataclass(frozen=True, eq=False)
class Cohort:
    """People, sessions and scans of one study, or of several pooled.

    Parameters
    ----------
    name : str
        Name of the study; ``a+b`` for a pool.
    participants : DataFrame
        One row per participant, what does not change; columns ``cohort`` and
        ``participant_id`` (with its ``sub-``), then the study's own. Words are str,
        numbers float64, missing values NaN.
    sessions : DataFrame
        One row per participant and session (``session`` is empty where a study has none):
        scores, time, and the motion columns ``mean_fd``, ``n_volumes``,
        ``n_volumes_kept``, ``minutes_kept``, ``dof_left`` (degrees of freedom that the
        default denoising leaves) where known.
    scans : tuple of Scan
        Sorted by cohort, participant, session, run.
    excluded : DataFrame
        Who was left out before any measure: cohort, participant_id, session, run, feature,
        code, reason.
    notes : tuple of str
        What the report must say of the inputs.
    """

    name: str
    participants: pd.DataFrame
    sessions: pd.DataFrame
    scans: tuple[Scan, ...] = ()
    excluded: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(REJECTED_COLUMNS))
    )
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.participants)

    def __repr__(self) -> str:
        left_out = f", {len(self.excluded)} left out" if len(self.excluded) else ""
        return (
            f"Cohort({self.name}: {len(self.participants)} participants, {len(self.sessions)} "
            f"sessions, {len(self.scans)} scans{left_out})"
        )

    def _repr_html_(self) -> str:
        """Counts, motion by site, and who is missing and why, for notebooks."""
        rows = self.table.reset_index()
        several = len(rows["cohort"].unique()) > 1
        if "site" not in rows:
            rows["site"] = rows["cohort"]
        by = ["cohort", "site"] if several else ["site"]
        motion = {"mean_fd": "median mean FD, mm", "minutes_kept": "median minutes kept"}
        motion = {c: words for c, words in motion.items() if c in rows and rows[c].notna().any()}
        sites = []
        for where, of_site in rows.groupby(by, sort=True, dropna=False):
            person = of_site.drop_duplicates(["cohort", "participant_id"]).index
            one_each = of_site.loc[person]
            sites.append(
                [*where, len(person), len(of_site), *(html.middle(one_each[c]) for c in motion)]
            )
        facts = (
            html.count(len(self), "participant"), html.count(len(self.sessions), "session"),
            html.count(len(self.scans), "scan"), html.count(len(sites), "site"),
        )  # fmt: skip
        head = (*by, "participants", "sessions", *motion.values())
        excluded = html.left_out(self.excluded, "left out")
        return html.card(
            "Cohort", self.name, facts, html.table(head, sites, "sites"), excluded,
            html.noted(self.notes),
        )  # fmt: skip

    @property
    def table(self) -> pd.DataFrame:
        """Sessions with their participants' columns beside them; one row per session.

        A session's own column wins over the participant's of the same name.
        """
        keys = ["cohort", "participant_id"]
        fixed = [c for c in self.participants if c in keys or c not in self.sessions]
        joined = self.sessions.merge(self.participants[fixed], on=keys, how="left", sort=False)
        index = [*keys, "session"]
        return joined.set_index(index).sort_index()

    def keep(self, rule: str) -> Cohort:
        """Return the cohort without the sessions that break a rule; each is listed as excluded.

        Parameters
        ----------
        rule : str
            Comparisons joined by and, or, not over columns of participants and sessions:
            ``mean_fd < 0.5 and site != "essen"``. It is parsed here, never evaluated.
            A missing value keeps no rule.
        """
        table = self.table
        kept = matching(table, rule)
        dropped = table.index[~kept]
        rows = pd.DataFrame(
            [(*i, "", "", "E_KEEP", f"does not meet: {rule}") for i in dropped],
            columns=list(REJECTED_COLUMNS),
        )
        return self._only(set(table.index[kept]), rows)

    def exclude(self, rows: pd.DataFrame) -> Cohort:
        """Return the cohort without the sessions that the rows name, each listed as excluded.

        Parameters
        ----------
        rows : DataFrame
            cohort, participant_id, session, run, feature, code, reason.
        """
        named = set(map(tuple, rows[["cohort", "participant_id", "session"]].to_numpy()))
        return self._only({i for i in self.table.index if i not in named}, rows)

    def _only(self, index: set[tuple[str, str, str]], excluded: pd.DataFrame) -> Cohort:
        at = pd.MultiIndex.from_frame(self.sessions[["cohort", "participant_id", "session"]])
        sessions = self.sessions[at.isin(list(index))].reset_index(drop=True)
        people = {i[:2] for i in index}
        who = pd.MultiIndex.from_frame(self.participants[["cohort", "participant_id"]])
        return replace(
            self,
            participants=self.participants[who.isin(list(people))].reset_index(drop=True),
            sessions=sessions,
            scans=tuple(s for s in self.scans if s.index in index),
            excluded=pd.concat([self.excluded, excluded], ignore_index=True),
        )

    def rename(self, columns: Mapping[str, str]) -> Cohort:
        """Return the cohort with columns renamed, ``{old: new}``."""
        known = {*self.participants, *self.sessions}
        missing = [old for old in columns if old not in known]
        if missing:
            raise InputError(f"cohort {self.name}: no column {missing[0]!r} to rename")
        return replace(
            self,
            participants=self.participants.rename(columns=dict(columns)),
            sessions=self.sessions.rename(columns=dict(columns)),
        )

    def recode(self, levels: Mapping[str, Mapping[str, str]]) -> Cohort:
        """Return the cohort with words replaced, ``{column: {old: new}}``."""
        participants, sessions = self.participants.copy(), self.sessions.copy()
        for column, words in levels.items():
            found = [t for t in (participants, sessions) if column in t]
            if not found:
                raise InputError(f"cohort {self.name}: no column {column!r} to recode")
            for table in found:
                table[column] = table[column].replace(dict(words))
        return replace(self, participants=participants, sessions=sessions)

    @staticmethod
    def pool(cohorts: Sequence[Cohort]) -> Cohort:
        """Put several studies side by side; ``sub-01`` of two studies stays two people."""
        names = [c.name for c in cohorts]
        if len(set(names)) < len(names):
            raise InputError(f"cohorts to pool need different names, got {', '.join(names)}")
        if len(cohorts) == 1:
            return cohorts[0]
        order = ["cohort", "participant_id"]
        return Cohort(
            name="+".join(names),
            participants=_stack([c.participants for c in cohorts], order),
            sessions=_stack([c.sessions for c in cohorts], [*order, "session"]),
            scans=tuple(
                sorted((s for c in cohorts for s in c.scans), key=lambda s: (s.index, s.run))
            ),
            excluded=pd.concat([c.excluded for c in cohorts], ignore_index=True),
            notes=tuple(f"{c.name}: {note}" for c in cohorts for note in c.notes),
        )


def _stack(tables: Sequence[pd.DataFrame], order: list[str]) -> pd.DataFrame:
    filled = [t for t in tables if len(t)]
    return pd.concat(filled, ignore_index=True).sort_values(order, ignore_index=True)
