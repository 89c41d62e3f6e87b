"""The company: legal entities, departments and teams, places, positions and pay."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from tap_personio.columns import (
    ANY,
    DAY,
    LIST,
    NUMBER,
    OBJECT,
    TEXT,
    Column,
)
from tap_personio.paging import Page, read_cursor
from tap_personio.v2.base import (
    IDS,
    V2List,
    V2Stream,
    reference,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_personio.client import Caller
    from tap_personio.connection import Request
    from tap_personio.stream import Plan


class LegalEntities(V2List):
    """Companies that employ people."""

    name = "legal_entities"
    path = "/legal-entities"
    endpoint = "/v2/legal-entities"
    right = "Legal entities: read"
    calls = "1 per 100"
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        Column("country", TEXT),
        Column("address", ANY),
    )


class OrgUnits(V2Stream):
    """Departments and teams."""

    name = "org_units"
    path = "/org-units"
    endpoint = "/v2/org-units"
    right = "Org units: read"
    calls = "2, or 1 per 100 of each type"
    beta = True
    primary_keys = ("type", "id")
    columns = (
        Column("type", TEXT, description="department or team."),
        Column("id", TEXT),
        Column("name", TEXT),
        Column("description", TEXT),
        Column("abbreviation", TEXT),
        Column("parent_id", TEXT),
        Column("parent_chain", ANY),
    )

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:  # noqa: ARG002
        """Both types; the parameter is required."""
        for each in ("department", "team"):
            for page in read_cursor(self.client, self.request(("type", each)), self.limit, caller, IDS):
                page.parent = each
                yield page

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """Some answers name their type, others do not."""
        return {**super().fields(record, parent), "type": parent}


class CostCenters(V2List):
    """Cost centers."""

    name = "cost_centers"
    path = "/cost-centers"
    endpoint = "/v2/cost-centers"
    right = "Cost centers: read"
    calls = "1 per 100"
    beta = True
    columns = (Column("id", TEXT), Column("name", TEXT))


class Workplaces(V2List):
    """Offices and other places of work."""

    name = "workplaces"
    path = "/workplaces"
    endpoint = "/v2/workplaces"
    right = "Workplaces: read"
    calls = "1 per 100"
    beta = True
    columns = (Column("id", TEXT), Column("name", TEXT), Column("type", TEXT))


class Jobs(V2List):
    """The catalogue of positions (not vacancies)."""

    name = "jobs"
    path = "/jobs"
    endpoint = "/v2/jobs"
    right = "Jobs: read"
    calls = "1 per 100"
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        Column("job_family", ANY),
        Column("level", ANY),
        Column("job_track", ANY),
        Column("global_grade", ANY),
        Column("salary_band_ids", LIST),
    )


class SalaryBands(V2List):
    """Pay ranges of the positions."""

    name = "salary_bands"
    path = "/salary-bands"
    endpoint = "/v2/salary-bands"
    right = "Salary bands: read"
    calls = "1 per 100"
    columns = (Column("id", TEXT), Column("name", TEXT))


# Nothing in force for so long: then nothing was before it, or it does not count any more.
QUIET = dt.timedelta(days=2 * 365)


class Compensations(V2Stream):
    """Salaries, bonuses and other pay, each entry with the day from which it holds."""

    name = "compensations"
    path = "/compensations"
    endpoint = "/v2/compensations"
    right = "Compensations: read"
    calls = "1 per month and 100 entries"
    columns = (
        Column("id", TEXT),
        *reference("person"),
        *reference("legal_entity"),
        Column("type", OBJECT),
        Column("type_id", TEXT, ("type", "id")),
        Column("type_name", TEXT, ("type", "name")),
        Column("type_category", TEXT, ("type", "category")),
        Column("amount", OBJECT),
        Column("amount_value", NUMBER, ("amount", "value")),
        Column("amount_currency", TEXT, ("amount", "currency")),
        Column("interval", TEXT),
        Column("effective_from", DAY),
        Column("weekly_working_hours", NUMBER),
        Column("full_time_weekly_working_hours", NUMBER),
    )
    _reached = dt.date.max

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """Month by month, the latest first: the endpoint takes a window of a month at most.

        An entry shows up in each month in which it holds; it is given once.
        """
        seen: set[Any] = set()
        # One after the other: whether to go on is known only when a month has been read.
        for month, request in self._months(plan):
            for page in read_cursor(self.client, request, self.limit, caller):
                ids = IDS(page)
                if ids:
                    self._reached = min(self._reached, month)
                page.repeated = frozenset(place for place, each in enumerate(ids) if each in seen)
                seen.update(ids)
                yield page

    def _months(self, plan: Plan) -> Iterator[tuple[dt.date, Request]]:
        """Back to the start_date; without one, until a long time has held nothing."""
        earliest, today = self.settings.start_date, plan.started.date()
        last = self.settings.end_date or today + dt.timedelta(days=2 * 365)
        self._reached = min(last, today)
        while last >= (earliest or self._reached - QUIET):
            first = last.replace(day=1)
            start = max(first, earliest or first)
            yield first, self.request(("start_date", start.isoformat()), ("end_date", last.isoformat()))
            last = first - dt.timedelta(days=1)


class CompensationTypes(V2List):
    """Kinds of pay."""

    name = "compensation_types"
    path = "/compensations/types"
    endpoint = "/v2/compensations/types"
    right = "Compensations: read"
    calls = "1"
    columns = (Column("id", TEXT), Column("name", TEXT), Column("category", TEXT))
