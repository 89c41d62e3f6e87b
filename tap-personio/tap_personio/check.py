"""`tap-personio --check`: what this credential may read, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tap_personio.attributes import STANDARD
from tap_personio.errors import StreamFailedError, StreamUnavailableError
from tap_personio.progress import StreamStats
from tap_personio.rights import missing, rights_of, select_filter
from tap_personio.streams.report_tables import ReportTable
from tap_personio.sync_plan import SyncPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_personio.errors import TapPersonioError
    from tap_personio.run import RunContext
    from tap_personio.stream import PersonioStream


def check(streams: Sequence[PersonioStream], run: RunContext) -> bool:
    """Ask each endpoint for its first page and print what came of it.

    Returns:
        Whether anything can be read.
    """
    tables = [stream.name for stream in streams if isinstance(stream, ReportTable)]
    streams = [stream for stream in streams if not isinstance(stream, ReportTable)]
    width = max(len(stream.name) for stream in streams)
    granted: set[str] = set()
    unavailable = []
    readable = 0
    click.echo(f"{'stream':{width}}  read  by default  permission in Personio")
    for stream in streams:
        error = _why_not(stream)
        readable += error is None
        default = "yes" if stream.selected_by_default else "no"
        right, reason = stream.permission, "" if error is None else f" - {error.message}"
        if error is None:
            granted |= rights_of(stream)
        elif isinstance(error, StreamUnavailableError):
            unavailable.append(stream)
            if error.permission:
                right, reason = missing(error.permission, granted), ""
        click.echo(f"{stream.name:{width}}  {'no' if error else 'yes':4}  {default:10}  {right}{reason}")
    click.echo(f"\n{readable} of {len(streams)} streams can be read with this credential.")
    if tables:
        click.echo(f"{len(tables)} reports have a table of their own: {', '.join(tables)}.")
    _print_hidden_attributes(run)
    _print_how_to_leave_out([stream for stream in unavailable if stream.selected_by_default])
    return readable > 0


def _why_not(stream: PersonioStream) -> TapPersonioError | None:
    try:
        for _ in stream.pages(SyncPlan(None, None, stream.run.started), StreamStats(stream.name)):
            break
    except (StreamUnavailableError, StreamFailedError) as error:
        return error
    return None


def _print_how_to_leave_out(streams: Sequence[PersonioStream]) -> None:
    """How to leave streams out for good."""
    if streams:
        click.echo(
            "To leave out what is selected by default and cannot be read, so that no run warns of it:\n"
            f"  meltano config set tap-personio _select_filter '{select_filter(streams)}'\n"
            "To undo that: meltano config unset tap-personio _select_filter"
        )


def _print_hidden_attributes(run: RunContext) -> None:
    catalogue = run.attribute_catalogue
    if catalogue is None:
        click.echo("The catalogue of employee attributes cannot be read, so that hidden ones are not known.")
        return
    readable = {attribute.key for attribute in catalogue}
    hidden = [key for key in STANDARD if key not in readable and key != "vacation_day_balance"]
    click.echo(f"{len(readable)} employee attributes can be read.")
    if hidden:
        click.echo(f"Hidden from this credential: {', '.join(hidden)}.")
