"""The company: legal entities, departments and teams, workplaces, positions and pay."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from tap_personio.bounds import EARLIEST
from tap_personio.columns import ANY, DATE, LIST, NUMBER, OBJECT, TEXT, Column
from tap_personio.cursor_lists import read_cursor
from tap_personio.parallel import read_lists
from tap_personio.streams.base import IDS, V2List, V2Stream, reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_personio.pages import Page
    from tap_personio.progress import StreamStats
    from tap_personio.sync_plan import SyncPlan
    from tap_personio.transport import Request


class LegalEntities(V2List):
    """Companies that employ people."""

    name = "legal_entities"
    path = "/legal-entities"
    permission = "Legal entities: read"
    request_cost = "1 per 100"
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
    permission = "Org units: read"
    request_cost = "2, or 1 per 100 of each type"
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

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:  # noqa: ARG002
        """Both types; the parameter is required."""
        for each in ("department", "team"):
            for page in read_cursor(self.client, self.request(("type", each)), self.limit, stats, IDS):
                page.parent = each
                yield page

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """Some answers name their type, others do not."""
        return {**super().fields(record, parent), "type": parent}


class CostCenters(V2List):
    """Cost centers."""

    name = "cost_centers"
    path = "/cost-centers"
    permission = "Cost centers: read"
    request_cost = "1 per 100"
    beta = True
    columns = (Column("id", TEXT), Column("name", TEXT))


class Workplaces(V2List):
    """Offices and other places of work."""

    name = "workplaces"
    path = "/workplaces"
    permission = "Workplaces: read"
    request_cost = "1 per 100"
    beta = True
    columns = (Column("id", TEXT), Column("name", TEXT), Column("type", TEXT))


class Jobs(V2List):
    """The catalogue of positions (not vacancies)."""

    name = "jobs"
    path = "/jobs"
    permission = "Jobs: read"
    request_cost = "1 per 100"
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
    permission = "Salary bands: read"
    request_cost = "1 per 100"
    columns = (Column("id", TEXT), Column("name", TEXT))


# Where no entry was in force for so long, the endpoint has nothing older.
MAX_GAP = dt.timedelta(days=2 * 365)


class Compensations(V2Stream):
    """Salaries, bonuses and other pay, each entry with the day from which it holds."""

    name = "compensations"
    path = "/compensations"
    permission = "Compensations: read"
    request_cost = "1 per month and 100 entries"
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
        Column("effective_from", DATE),
        Column("weekly_working_hours", NUMBER),
        Column("full_time_weekly_working_hours", NUMBER),
    )

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """Month by month, the latest first, several at once: the endpoint takes a window of a month at most.

        Without a start_date, until a long time has held nothing. An entry shows up in each month in which it holds;
        it is given once.
        """
        seen: set[Any] = set()
        today, earliest = plan.started.date(), self.settings.start_date
        last = self.run.last_day
        oldest_seen = min(last, today)
        may_read = False

        def next_month() -> tuple[dt.date, Iterator[Page]] | None:
            """The month before, if it has to be read whatever the months hold that are being read.

            The first one is read alone: where the right is missing, one refusal tells.
            """
            nonlocal last
            is_first = last == self.run.last_day
            if last < (earliest or max(oldest_seen - MAX_GAP, EARLIEST.date())) or not (may_read or is_first):
                return None
            first, end = last.replace(day=1), last
            last = first - dt.timedelta(days=1)
            return first, read_cursor(self.client, self._month(first, end), self.limit, stats, IDS)

        for first, page in read_lists(next_month, self.settings.concurrency):
            may_read = True
            ids = IDS(page) if page else []
            if page and ids:
                oldest_seen = min(oldest_seen, first)
                records = zip(page.records, ids, strict=True)
                page.records = [record for record, each in records if each not in seen]
                seen.update(ids)
                yield page

    def _month(self, first: dt.date, last: dt.date) -> Request:
        start = max(first, self.settings.start_date or first)
        return self.request(("start_date", start.isoformat()), ("end_date", last.isoformat()))


class CompensationTypes(V2List):
    """Kinds of pay."""

    name = "compensation_types"
    path = "/compensations/types"
    permission = "Compensations: read"
    request_cost = "1"
    columns = (Column("id", TEXT), Column("name", TEXT), Column("category", TEXT))
