"""The slow second look at a spool that DuckDB refused: mend it, widen a column, or say what is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb

from singer_target_duckdb.columns import LARGER, wider
from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.rawjson import object_from, raw_from
from singer_target_duckdb.sql import quoted
from singer_target_duckdb.table import OTHER_VERSION, first_row, spooled

if TYPE_CHECKING:
    from singer_target_duckdb.columns import Column
    from singer_target_duckdb.sink import DuckDBSink

_RAW = quoted("temp", "main", "raw")


class UnreadableSpool(Exception):  # noqa: N818 - the loader mends it, or raises the error that a user sees
    """DuckDB did not take a spool."""

    def __init__(self, sink: DuckDBSink, error: duckdb.Error) -> None:
        super().__init__(sink, error)
        self.sink = sink
        self.error = error


def mend(unreadable: UnreadableSpool) -> bool:
    """Make the next try to read the spool succeed, or raise the error that the user sees; not in a transaction.

    Returns:
        False if nothing is wrong but that the records are of several versions, and belong in several places.

    Raises:
        LoaderError: naming line, stream, column and key of the first value that does not fit; never the value.
        duckdb.Error: the error itself, if it has nothing to do with the records.
    """
    sink, error = unreadable.sink, unreadable.error
    if OTHER_VERSION in str(error):
        return False
    if sink.reads_quickly:
        sink.reads_quickly = False
        return True
    try:
        _read_as_text(sink)
    except duckdb.InvalidInputException as unreadable_text:
        if OTHER_VERSION in str(unreadable_text):
            return False
        if sink.spool.rewritten:
            raise error from None
        _rewrite(sink)
        return True
    misfits = _misfits(sink, sink.columns_to_read)
    if not misfits:
        raise error
    larger = {
        replace(column, type=LARGER[column.type]): column for column in misfits if column.type in LARGER
    }
    hopeless = {column: row for column, row in misfits.items() if column not in larger.values()}
    hopeless |= {larger[column]: row for column, row in _misfits(sink, list(larger)).items()}
    if hopeless:
        _refuse(sink, hopeless)
    wide = {
        column.name: replace(column, type=wider(LARGER[column.type], column.type))
        for column in larger.values()
    }
    sink.table.columns = [wide.get(column.name, column) for column in sink.table.columns]
    with sink.database.transaction():
        sink.table.prepare()
        sink.versions.reshape(sink.table)
    return True


def _read_as_text(sink: DuckDBSink) -> None:
    """Read the spool without casting anything, into the temporary table `raw`."""
    source = spooled(sink.spool, sink.columns_to_read)
    sink.database.execute(f"CREATE OR REPLACE TEMP TABLE raw AS FROM {source}")


def _rewrite(sink: DuckDBSink) -> None:
    """Bring the records into a form that DuckDB takes: each key once, no lone surrogates.

    Raises:
        LoaderError: if a record is not a JSON object.
    """

    def rewritten(line: int, record: bytes) -> bytes:
        try:
            message = object_from(record)
        except ValueError:
            message = {}
        if not isinstance(message.get("record"), dict):
            msg = f"Line {line}: the record of stream '{sink.stream_name}' is not a JSON object."
            raise LoaderError(msg)
        return raw_from({key: message[key] for key in ("type", "version", "record") if key in message})

    sink.spool.rewrite(rewritten)


def _misfits(sink: DuckDBSink, columns: list[Column]) -> dict[Column, int]:
    """The columns with a value that does not fit, and the first row that has one."""
    if not columns:
        return {}
    misfits = [
        f"{quoted(column.key)} IS NOT NULL AND {column.value('TRY_CAST')} IS NULL" for column in columns
    ]
    rows = sink.database.rows(first_row(_RAW, *misfits))[0]
    return {column: row for column, row in zip(columns, rows, strict=True) if row is not None}


def _refuse(sink: DuckDBSink, misfits: dict[Column, int]) -> None:
    column, row = min(misfits.items(), key=lambda found: found[1])
    keys = ", ".join(f"'{key}'" for key in sink.key_properties)
    msg = (
        f"Line {sink.spool.lines[row]}: the value of column '{column.name}' in a record of stream "
        f"'{sink.stream_name}'{f' (key {keys})' if keys else ''} does not fit the column's type, {column.type}."
    )
    raise LoaderError(msg)
