"""A table for each report of API v2 that can be read. Which there are, and their columns, is found at discovery."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_personio.columns import OTHER_FIELDS, TEXT, Column
from tap_personio.cursor_lists import follow
from tap_personio.errors import (
    RecordMissingError,
    RecordRefusedError,
    StreamFailedError,
    StreamUnavailableError,
)
from tap_personio.progress import StreamStats
from tap_personio.reports import (
    PERMISSION,
    PREFIX,
    RESERVED,
    ROW_NUMBER,
    TYPES,
    parse_columns,
    parse_report,
    report_columns,
    request_for,
    row_of,
)
from tap_personio.stream import OTHER_FIELDS_COLUMN
from tap_personio.streams.base import V2Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Tap

    from tap_personio.pages import Page
    from tap_personio.run import RunContext
    from tap_personio.sync_plan import SyncPlan

logger = logging.getLogger("tap-personio")

# After so many reports in a row whose columns cannot be read, the others are not asked for either.
MAX_FAILED = 3


class ReportTable(V2Stream):
    """One report of your account, with the report's own columns."""

    name = "report_…"
    path = "/reports/{id}"
    permission = PERMISSION
    request_cost = "1 at discovery, and 1 per 100 rows"
    shrinks_often = True  # when its filter is changed, or its month begins
    primary_keys = (ROW_NUMBER.name,)
    columns = (ROW_NUMBER,)

    def __init__(self, tap: Tap, run: RunContext, name: str, columns: Iterable[Column]) -> None:
        self.name = name
        self._own_columns = tuple(columns)
        super().__init__(tap, run)

    @property
    def table_columns(self) -> tuple[Column, ...]:
        """The row's number, and what discovery found."""
        return (ROW_NUMBER, *self._own_columns, OTHER_FIELDS_COLUMN)

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:  # noqa: ARG002
        """All pages of the report."""
        if not self._own_columns:
            msg = "the columns of this report could not be read at discovery; run again, or name it in skip_reports"
            raise StreamFailedError(msg)
        report = next((key for key, name in self.run.reports.tables().items() if name == self.name), None)
        if report is None:
            msg = "Personio lists no report of this name any more"
            raise StreamUnavailableError(msg)
        request = request_for(report)
        try:
            page = self.client.get(request.with_params(("limit", str(self.limit))), parse_report, stats)
        except (RecordMissingError, RecordRefusedError) as error:
            msg = f"Personio refuses this report, which may be archived, grouped or not open to the API ({error})"
            raise StreamUnavailableError(msg) from None
        start = 0
        alone = replace(request, params=())  # the endpoint refuses other parameters beside a cursor
        for each in follow(self.client, alone, page, self.limit, stats, parse=parse_report):
            each.start = start
            start += len(each.records)
            yield each

    def page_fields(self, page: Page) -> Iterable[Any]:
        """The rows of a page, by column. Columns that are new since discovery go to the other fields."""
        known, columns = None, []
        for number, (_, heads, cells) in enumerate(page.records, start=page.start):
            if heads is not known:
                known, columns = heads, report_columns(heads)
            yield {ROW_NUMBER.name: number, **row_of(columns, cells)}


def report_tables(tap: Tap, run: RunContext) -> Iterator[ReportTable]:
    """The streams of the reports: those of the catalog, or without one those that Personio lists."""
    if tap.input_catalog is None:
        found = _discover(run)
    else:
        found = {
            name: _columns_of(entry.schema.to_dict())
            for name, entry in tap.input_catalog.items()
            if is_report_table(name)
        }
    for name, columns in found.items():
        if not run.settings.skips_report(name):
            yield ReportTable(tap, run, name, columns)


def warn_of_missing_reports(tap: Tap, run: RunContext) -> None:
    """Name the reports that earlier runs could read, and that are no streams any more."""
    missing = [
        name
        for name in tap.state.get("bookmarks", {})
        if is_report_table(name) and name not in tap.streams and not run.settings.skips_report(name)
    ]
    if missing:
        logger.warning(
            "Not read, though earlier runs could: %s. The reports were renamed, deleted, archived or closed to the "
            "API, or could not be asked for; their tables stay as they were. If that is meant, name them in the "
            "setting skip_reports.",
            ", ".join(sorted(missing)),
        )


def is_report_table(name: str) -> bool:
    """Whether a stream has the name of a report's table."""
    return name.startswith(PREFIX) and name.removeprefix(PREFIX) not in RESERVED


def _columns_of(schema: dict[str, Any]) -> list[Column]:
    """The columns that a schema of the catalog was made of."""
    types = {_form(each.schema): each for each in (*TYPES.values(), TEXT)}
    return [
        Column(name, types.get(_form(each), TEXT), description=each.get("description", ""))
        for name, each in schema.get("properties", {}).items()
        if name not in (ROW_NUMBER.name, OTHER_FIELDS)
    ]


def _form(schema: Any) -> tuple[Any, ...]:
    return (*sorted(schema.get("type") or ()), schema.get("format"))


def _discover(run: RunContext) -> dict[str, list[Column]]:
    """The columns of each report that can be read, by its table. One request per report, several in flight.

    A report whose columns cannot be read for a passing fault gets none; reading it then fails.
    """
    if run.settings.skips_report(PREFIX):
        return {}
    try:
        tables = run.reports.tables()
    except StreamUnavailableError:
        return {}
    except StreamFailedError as error:
        logger.error("The reports cannot be listed, so that their tables are not read: %s.", error.message)
        return {}
    found: dict[str, list[Column]] = {}
    wanted = {
        key: (name, request_for(key).with_params(("limit", "1")))
        for key, name in tables.items()
        if not run.settings.skips_report(name)
    }
    refused, failed = [], 0
    while wanted:
        requests = ((key, request) for key, (_, request) in list(wanted.items()))
        try:
            for key, columns in run.client.get_each(requests, parse_columns, StreamStats("reports")):
                name, failed = wanted.pop(key)[0], 0
                if isinstance(columns, list):
                    found[name] = columns
                else:
                    refused.append(name)
        except StreamUnavailableError:
            break
        except StreamFailedError as error:  # of the first one that is left
            failed += 1
            broken = list(wanted) if failed == MAX_FAILED else [next(iter(wanted))]
            for key in broken:
                found[wanted.pop(key)[0]] = []
            logger.warning("The columns of %d reports cannot be read: %s.", len(broken), error.message)
    if refused:
        logger.info(
            "Personio refuses %d of %d reports, which get no table: %s.",
            len(refused),
            len(tables),
            ", ".join(sorted(refused)),
        )
    return found
