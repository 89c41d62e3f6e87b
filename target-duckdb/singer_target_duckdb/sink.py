"""One stream on its way into its table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
from singer_sdk.exceptions import InvalidJSONSchema
from singer_sdk.sinks import Sink
from singer_sdk.sinks.core import JSONSchemaValidator

from singer_target_duckdb.columns import DELETED_AT, columns_of
from singer_target_duckdb.errors import LoaderError, MissingKeyError
from singer_target_duckdb.faults import UnreadableSpool
from singer_target_duckdb.rawjson import raw_from
from singer_target_duckdb.reader import NO_RECORD
from singer_target_duckdb.table import BATCH, Table, first_without, keep_last_of_each_key, read_batch, spooled
from singer_target_duckdb.versions import OVERWRITING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_target_duckdb.batches import BatchFile
    from singer_target_duckdb.columns import Column
    from singer_target_duckdb.reader import Message
    from singer_target_duckdb.target import TargetDuckDB

_NOT_SEEN = object()
# From here on records are many and wide.
_WIDE_COLUMNS = 32
_WIDE_BYTES = 64 << 20


class RecordValidator(JSONSchemaValidator):
    """Validates records, and says what is wrong without repeating a value."""

    def __init__(self, schema: dict[str, Any], stream: str) -> None:
        try:
            super().__init__(schema)
        except InvalidJSONSchema:
            msg = f"The schema of stream '{stream}' is not valid JSON schema."
            raise LoaderError(msg) from None
        self._stream = stream

    def validate(self, record: dict[str, Any]) -> None:
        """Check one record.

        Raises:
            LoaderError: naming the property and the rule that it breaks.
        """
        for error in self.validator.iter_errors(record):
            where = f"property '{error.absolute_path[0]}'" if error.absolute_path else "a record"
            msg = f"{where} of stream '{self._stream}' breaks the rule `{error.validator}` of its schema."
            raise LoaderError(msg)


class DuckDBSink(Sink):
    """Spools the records of a stream, and loads them when the target flushes.

    The target decides when: the SDK's own draining, which goes stream by stream, never finds anything to do
    here, because a flush is one transaction over all streams.
    """

    is_full = False
    current_size = 0

    def __init__(
        self,
        target: TargetDuckDB,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self.target = target
        self._reader = target.message_reader
        self.database = target.database
        self.spool = target.spools.spool()
        self.reads_quickly = True
        self._load_method = self.config["load_method"]
        self._seen_version: object = _NOT_SEEN
        self._destination: int | None = None

        if DELETED_AT in self.original_schema.get("properties", {}):
            self.schema["properties"][DELETED_AT] = {"type": ["null", "string"], "format": "date-time"}
        columns = columns_of(self.schema)
        names = {column.key: column.name for column in columns}
        if missing := [key for key in self.key_properties if key not in names]:
            msg = f"Stream '{stream_name}' names '{missing[0]}' as its key, which is not a property of its schema."
            raise LoaderError(msg)
        if not self.key_properties and self.config["primary_key_required"]:
            msg = f"Stream '{stream_name}' has no key; to append its records, set `primary_key_required` to false."
            raise LoaderError(msg)
        if not columns:
            msg = f"Stream '{stream_name}' has a schema without properties, and so no columns to load."
            raise LoaderError(msg)
        self.renames = names if any(column.key != column.name for column in columns) else {}
        if self.renames:
            columns = [replace(column, key=column.name) for column in columns]
        appends = self._load_method == "append-only" or not self.key_properties
        erases = self.config["hard_delete"] and not appends and DELETED_AT in names
        stored = self.include_sdc_metadata_properties or not erases
        catalog, table_schema, table_name = target.table_name(stream_name)
        self.table = Table(
            database=self.database,
            catalog=catalog,
            schema=table_schema,
            name=table_name,
            columns=[column for column in columns if stored or column.name != DELETED_AT],
            keys=[] if appends else [names[key] for key in self.key_properties],
            soft_delete=not self.config["hard_delete"],
            erases=erases,
        )
        self._only_read = [column for column in columns if not stored and column.name == DELETED_AT]
        self.versions = target.versions_of(self.table, stream_name)

    @property
    def columns_to_read(self) -> list[Column]:
        """The table's columns, and what a record says beyond them about its row."""
        return [*self.table.columns, *self._only_read]

    @property
    def gathers(self) -> bool:
        """Whether the records that wait go beside the table, as a version that is not current yet."""
        return self._destination is not None

    def setup(self) -> None:
        """Bring the table, and what is gathered beside it, into the shape of the schema."""
        with self.database.transaction():
            if self.table.prepare():
                self.versions.remember(None)
            else:
                self.versions.recall()
            self.versions.reshape(self.table)
            if self._load_method == "overwrite":
                self.versions.gather(OVERWRITING)
        self.versions.last_line = self._reader.line

    def append(self, message: Message) -> int:
        """Spool the record of a RECORD message as it came; returns how many wait now."""
        if message.version != self._seen_version:
            self.turn_to(message.version)
        if message.record is NO_RECORD:
            msg = f"Line {self._reader.line}: a RECORD of stream '{self.stream_name}' has no `record`."
            raise LoaderError(msg)
        return self.spool.append(message.record, self._reader.line, self._reader.size)

    def extend(self, version: int | None, messages: memoryview, count: int) -> int:
        """Spool RECORD messages of one version as they came, one a line; returns how many wait now."""
        if version != self._seen_version:
            self.turn_to(version)
        return self.spool.extend(messages, self._reader.line + 1, count)

    def turn_to(self, version: int | None) -> None:
        """From here on records carry this version: load what waits first if it belongs elsewhere."""
        if version is not None and self.target.reads_versions:
            self.versions.begin(version)
        destination = self._belongs_to(version)
        if self.spool.lines and (destination != self._destination or self.target.reads_versions):
            self.target.flush()
        self._seen_version, self._destination = version, destination
        self.spool.version = version if self.target.reads_versions else False
        self.versions.carried.add(version if destination is None else destination)
        if destination is None:
            self.versions.loaded_directly = True
        else:
            self.versions.gather(destination).has_records = True

    def _belongs_to(self, version: int | None) -> int | None:
        if self.target.reads_versions:
            return self.versions.belongs_to(version)
        return OVERWRITING if self._load_method == "overwrite" else None

    def get_validator(self) -> RecordValidator | None:
        """What checks records against the schema, if `validate_records` asks for it."""
        return RecordValidator(self.schema, self.stream_name) if self.validate_schema else None

    def _parse_timestamps_in_record(self, *args: Any, **kwargs: Any) -> None:
        """Leave dates and times as they are written: DuckDB reads them, whichever way a record takes."""

    def _remove_sdc_metadata_from_record(self, record: dict[str, Any]) -> None:
        """Leave `_sdc_deleted_at` in the record: it may mean a deletion (and what no column reads does no harm)."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002
        """Spool a record that the SDK has mapped, flattened or validated."""
        version = self.target.version_of_message
        if version != self._seen_version:
            self.turn_to(version)
        if self.renames:
            record = {self.renames[key]: value for key, value in record.items() if key in self.renames}
        raw = raw_from(record)
        self.spool.append(raw, self._reader.line, len(raw))

    def process_batch(self, context: dict[str, Any]) -> None:
        """Nothing to do: the target's flush loads all streams at once."""

    def load(self) -> None:
        """Load what is spooled into the table, or beside it; part of the target's transaction."""
        if not self.spool.lines:
            return
        self.versions.last_line = self.spool.lines.last
        self.spool.write_out()
        if len(self.table.columns) > _WIDE_COLUMNS and self.spool.size > _WIDE_BYTES:
            self.database.prepare_for_wide_records()
        try:
            quickly, columns = self.reads_quickly, self.columns_to_read
            source = spooled(self.spool, columns, quickly=quickly)
            read_batch(self.database, source, columns, quickly=quickly)
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            raise UnreadableSpool(self, error) from None
        if (found := self.database.rows(f"SELECT count(*) FROM {BATCH}")[0][0]) != len(self.spool):  # noqa: S608
            msg = (
                f"Stream '{self.stream_name}': DuckDB found {found} records where {len(self.spool)} had come."
            )
            raise LoaderError(msg)
        self._write_batch()

    def load_files(self, files: list[BatchFile]) -> None:
        """Load the files of a BATCH message; part of the target's transaction."""
        self.versions.last_line = self._reader.line
        for file in files:
            file.read(self.database, self.columns_to_read)
            self._write_batch()

    def _write_batch(self) -> None:
        destination = (
            self.table if self._destination is None else self.versions.gather(self._destination).table
        )
        if destination.keys:
            self._refuse_null_keys()
            keep_last_of_each_key(self.database, destination.keys)
        destination.write(BATCH)

    def loaded(self) -> None:
        """What was spooled is committed."""
        if self.spool.lines:
            self.tally_record_written(len(self.spool))
            self.record_counter_metric.increment(len(self.spool))
            self.spool.clear()

    def _refuse_null_keys(self) -> None:
        for key in self.table.keys:
            found = first_without(self.database, key)
            if found is not None:
                line = self.spool.lines[found] if self.spool.lines else self.versions.last_line
                msg = (
                    f"Line {line}: a record of stream '{self.stream_name}' has no value for its key '{key}'."
                )
                raise MissingKeyError(msg)

    def activate_version(self, new_version: int) -> None:
        """Replace the table if the version's records came before; else they are still to come."""
        self.versions.last_line = self._reader.line
        if self.target.reads_versions:
            self.versions.begin(new_version)
            if self.versions.is_merged(new_version):
                self.target.flush(lambda: self.versions.remember(new_version))
        if self._belongs_to(new_version) != new_version:
            return
        if new_version not in self.versions.gathered and self.spool.lines:
            self.target.flush()  # the version may have come among others
        found = self.versions.gathered.get(new_version)
        if found and found.has_records and not found.announced:
            self.target.flush(lambda: self.versions.activate(new_version))
        elif not found and self.versions.loaded_directly:
            self.target.ignore(self.versions, new_version)
        else:
            self.versions.gather(new_version).announced = True
        self._seen_version = _NOT_SEEN
