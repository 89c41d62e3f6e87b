"""`tap-personio --check`: what this credential may read, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tap_personio.client import Caller
from tap_personio.employees import STANDARD
from tap_personio.errors import StreamFailedError, StreamUnavailableError
from tap_personio.stream import PersonioStream, Plan

if TYPE_CHECKING:
    from tap_personio.tap import TapPersonio


def check(tap: TapPersonio) -> bool:
    """Ask each endpoint for its first page and print what came of it.

    Returns:
        Whether anything can be read.
    """
    streams = [tap.stream(name) for name in tap.streams]
    width = max(len(stream.name) for stream in streams)
    readable = 0
    click.echo(f"{'stream':{width}}  read  by default  right in Personio")
    for stream in streams:
        reason = _why_not(tap, stream)
        readable += not reason
        default = "yes" if stream.selected_by_default else "no"
        line = f"{stream.name:{width}}  {'no' if reason else 'yes':4}  {default:10}  {stream.right}"
        click.echo(f"{line} - {reason}" if reason else line)
    click.echo(f"\n{readable} of {len(streams)} streams can be read with this credential.")
    _hidden_attributes(tap)
    return readable > 0


def _why_not(tap: TapPersonio, stream: PersonioStream) -> str:
    try:
        for _ in stream.pages(Plan(None, None, tap.started), Caller(stream.name)):
            break
    except (StreamUnavailableError, StreamFailedError) as error:
        return error.message
    return ""


def _hidden_attributes(tap: TapPersonio) -> None:
    if tap.catalogue is None:
        click.echo("The catalogue of employee attributes cannot be read, so that hidden ones are not known.")
        return
    readable = {attribute.key for attribute in tap.catalogue}
    hidden = [key for key in STANDARD if key not in readable and key != "vacation_day_balance"]
    click.echo(f"{len(readable)} employee attributes can be read.")
    if hidden:
        click.echo(f"Hidden from this credential: {', '.join(hidden)}.")
