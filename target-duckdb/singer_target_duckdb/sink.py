"""One stream on its way into its table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from singer_sdk.sinks import Sink

from singer_target_duckdb.column_types import DELETED_AT, METADATA, columns_of
from singer_target_duckdb.errors import LoaderError, MissingKeyError, about
from singer_target_duckdb.json_text import raw_from
from singer_target_duckdb.loading import BatchReader
from singer_target_duckdb.sql import folded
from singer_target_duckdb.table import Rows, table_of
from singer_target_duckdb.validation import RecordValidator
from singer_target_duckdb.versions import RUN_VERSION, Versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_target_duckdb.bookkeeping import Bookkeeping
    from singer_target_duckdb.column_types import Column
    from singer_target_duckdb.database import Database
    from singer_target_duckdb.loading import Batch
    from singer_target_duckdb.messages import MessageReader
    from singer_target_duckdb.staging import StagingDirectory

# From here on records are many and wide.
_WIDE_COLUMNS = 32
_WIDE_BYTES = 64 << 20
# So many records of a version are parsed while the tap is slower than DuckDB: they go beside the table, where it costs
# nothing to write them in small pieces.
_IDLE_RECORDS = 50_000


@dataclass
class Run:
    """What the sinks of a run share.

    Attributes:
        books: what the target keeps about its tables in the database.
        staging: directory of the staging files.
        reader: tells the input line of the message being processed.
        undeclared: streams and properties of which has been said that the schema lacks them.
        versions: the versions of each table, by its folded schema and name.
    """

    database: Database
    books: Bookkeeping
    staging: StagingDirectory
    reader: MessageReader
    versions: dict[tuple[str, str], Versions] = field(default_factory=dict)
    undeclared: set[tuple[str, str]] = field(default_factory=set)


class DuckDBSink(Sink):
    """Stages the records of a stream, and loads them when the target flushes.

    The target decides when, because a flush is one transaction over all streams; nothing of the SDK's own draining,
    which goes stream by stream, is used.
    """

    run: Run

    def __init__(
        self, target: Any, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self.run = target.run
        self.staging = self.run.staging.new_file(self.config["batch_size_rows"])
        self.staging.on_sample = self._warn_of_undeclared
        appends = self.config["load_method"] == "append-only" or not self.key_properties
        columns = self._columns(appends=appends)
        honours_deleted_at = self.config["hard_delete"] and not appends
        is_stored = self.include_sdc_metadata_properties or not honours_deleted_at
        stored = [column for column in columns if is_stored or column.name != DELETED_AT]
        self._only_read = [column for column in columns if column not in stored]
        self.table = table_of(
            stream_name,
            self.config,
            self.run.database,
            columns=stored,
            keys=[] if appends else [self.renames.get(key, key) for key in self.key_properties],
            soft_delete=not self.config["hard_delete"],
            honours_deleted_at=honours_deleted_at,
        )
        present, names = self.table.existing_columns(), {column.name for column in columns}
        self.table.columns += [column for column in METADATA if column.name in present.keys() - names]
        self._batch_reader = BatchReader(
            self.run.database, stream_name, self.key_properties, list(self.table.keys)
        )
        self.versions = self._versions()

    def _columns(self, *, appends: bool) -> list[Column]:
        """The columns of the records, keys with their names in the table: `renames` holds them where one differs.

        Args:
            appends: whether rows are added without a look at their key.

        Raises:
            LoaderError: if the schema is none that can be loaded.
        """
        # A record may say that its row is gone, also where the schema does not declare that.
        if not appends or DELETED_AT in self.original_schema.get("properties", {}):
            self.schema["properties"][DELETED_AT] = {"type": ["null", "string"], "format": "date-time"}
        self._declared = {*self.schema["properties"], *self.original_schema["properties"]}
        columns = [c.as_key() if c.key in self.key_properties else c for c in columns_of(self.schema)]
        names = {column.key: column.name for column in columns}
        self._check(names)
        self._descriptions = {
            names[key]: definition.get("description")
            for key, definition in self.original_schema["properties"].items()
            if isinstance(definition, dict) and key in names
        }
        self.renames = names if any(column.key != column.name for column in columns) else {}
        return [replace(column, key=column.name) for column in columns] if self.renames else columns

    @property
    def stages_as_it_comes(self) -> bool:
        """Whether records need not pass through Python."""
        settings = ("validate_records", "add_record_metadata", "flattening_enabled")
        return not self.renames and not any(self.config.get(setting) for setting in settings)

    @property
    def is_worth_parsing(self) -> bool:
        """Whether enough waits that goes beside the table, so that it can be parsed while the tap is slow."""
        beside = self.versions.destination_of(self.staging.version)
        return len(self.staging) >= _IDLE_RECORDS and beside is not None

    def _check(self, names: dict[str, str]) -> None:
        if missing := [key for key in self.key_properties if key not in names]:
            msg = f"Stream '{self.stream_name}' names '{missing[0]}' as its key, which is not a property of its schema."
            raise LoaderError(msg)
        if not self.key_properties and self.config["primary_key_required"]:
            msg = f"Stream '{self.stream_name}' has no key; to append its records, set `primary_key_required` to false."
            raise LoaderError(msg)
        if not names:
            msg = f"Stream '{self.stream_name}' has a schema without properties, and so no columns to load."
            raise LoaderError(msg)

    def _versions(self) -> Versions:
        """The versions of the table, begun with the stream's first schema."""
        method = self.config["load_method"]
        activates = self.config.get("process_activate_version_messages", True)
        versions = self.run.versions.setdefault(
            (folded(self.table.schema), folded(self.table.name)),
            Versions(
                self.run.books,
                self.logger,
                self.stream_name,
                self.table,
                overwrites=method == "overwrite",
                reads_versions=method == "upsert" and activates,
            ),
        )
        if versions.stream != self.stream_name:
            msg = (
                f"Streams '{versions.stream}' and '{self.stream_name}' would both go into table {self.table}; give one "
                "another schema with `schema_mapping`, or another name with `stream_maps`."
            )
            raise LoaderError(msg)
        return versions

    def setup(self) -> None:
        """Bring the table, and what is staged beside it, into the shape of the schema."""
        self.versions.last_line = line = self.run.reader.line
        with self.run.database.transaction():
            if self.table.prepare():
                self.versions.save_current(None)
            else:
                self.versions.load_current()
            self.table.describe(self.original_schema.get("description"), self._descriptions)
            self.versions.reshape(self.table)
            if self.versions.overwrites:
                self.versions.staged_version(RUN_VERSION, line)

    def get_validator(self) -> RecordValidator | None:
        """What checks records against the schema, if `validate_records` asks for it."""
        self.validator = RecordValidator(self.schema, self.stream_name) if self.validate_schema else None
        return self.validator

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Stage a record that has been mapped or flattened.

        Args:
            record: its properties.
            context: `version` and `time_extracted` of its message.

        Raises:
            LoaderError: if it breaks a rule of the schema.
            MissingKeyError: if it lacks a property of the key.
        """
        if self.validator:
            self.validator.validate(record)
        if any(key not in record for key in self.key_properties):
            msg = f"a record of stream '{self.stream_name}' lacks a key property."
            raise MissingKeyError(msg)
        self._warn_of_undeclared(record)
        if self.renames:
            record = {self.renames[key]: value for key, value in record.items() if key in self.renames}
        self.stage(raw_from({"record": record, **context}))

    def _warn_of_undeclared(self, record: dict[str, Any]) -> None:
        """Log, once per stream and property, that a property of the record is not loaded."""
        for key in record.keys() - self._declared:
            self._declared.add(key)
            if (self.stream_name, key) in self.run.undeclared:
                continue
            self.run.undeclared.add((self.stream_name, key))
            self.logger.warning(
                "Property '%s' in the records of stream '%s' is not loaded, because the stream's schema lacks it.",
                key,
                self.stream_name,
            )

    def stage(self, message: bytes) -> None:
        """Stage the JSON of a RECORD message."""
        self.staging.add(message + b"\n", self.run.reader.line, 1)

    def process_batch(self, context: dict[str, Any]) -> None:
        """Nothing to do: the target's flush loads all streams at once."""

    # Loading

    def read(self) -> Batch | None:
        """Read what is staged into a temporary table; None if nothing is.

        Raises:
            LoaderError: if it cannot be loaded.
        """
        if not len(self.staging):
            return None
        self.versions.last_line = max(self.versions.last_line, self.staging.lines[len(self.staging) - 1])
        if len(self.table.columns) > _WIDE_COLUMNS and self.staging.size > _WIDE_BYTES:
            self.run.database.expect_wide_records()
        if wider := self._batch_reader.read(self.staging, self.columns_to_read):
            self._widen(wider)
            self._batch_reader.read(self.staging, self.columns_to_read)
        return self._batch_reader.batch(self.staging)

    def write(self, batch: Batch, places: dict[int | None, str]) -> None:
        """Write a batch into the table and beside it; part of the target's transaction.

        Args:
            batch: what has been read.
            places: what `Versions.place` says about it.
        """
        for place, condition in places.items():
            table = self.table if place is None else self.versions.staged[place].table
            rows = Rows(batch.table, condition, is_batch=True)
            records = batch.count(condition) if place is None else 0
            if table.keys:
                table.deduplicate_by_key(rows)
            with about(self.stream_name, self.table):
                removed = table.write(rows)
            if place is None:
                self.versions.add_load(records, removed)

    def committed(self, batch: Batch) -> None:
        """Count a batch that has been committed, and forget it."""
        self.tally_record_written(len(batch))
        self.record_counter_metric.increment(len(batch))
        self.staging.clear()
        self._batch_reader.drop()

    @property
    def columns_to_read(self) -> list[Column]:
        """The table's columns, and what a record says beyond them about its row."""
        return [*self.table.columns, *self._only_read]

    def _widen(self, wider: list[Column]) -> None:
        by_name = {column.name: column for column in wider}
        self.table.columns = [by_name.get(column.name, column) for column in self.table.columns]
        with self.run.database.transaction():
            self.table.prepare()
            self.versions.reshape(self.table)
