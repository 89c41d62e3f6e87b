"""The target: settings, and the course of a load."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

import duckdb
import msgspec
from singer_sdk import Target
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import MissingKeyPropertiesError, StreamMapConfigError
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform

from singer_target_duckdb.batches import BatchFile, files_of
from singer_target_duckdb.database import Database, first_line
from singer_target_duckdb.errors import LoaderError, MissingKeyError, MissingSchemaError
from singer_target_duckdb.faults import UnreadableSpool, mend
from singer_target_duckdb.rawjson import object_from, one_line
from singer_target_duckdb.reader import Message, MessageReader, Stop, whole_number
from singer_target_duckdb.settings import SETTINGS, typed
from singer_target_duckdb.sink import DuckDBSink
from singer_target_duckdb.spool import SpoolDirectory
from singer_target_duckdb.table import Table
from singer_target_duckdb.versions import OVERWRITING, Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SPOOL_BYTES = 512 << 20
_FLUSH_SECONDS = 300
# So many records of a version are parsed while the tap is slower than DuckDB: they go beside the table, where it costs
# nothing to write them in small pieces.
_IDLE_RECORDS = 50_000


@dataclass(frozen=True)
class State:
    """A state of the tap.

    Attributes:
        value: what it says.
        text: its JSON, written as it came.
    """

    value: Any
    text: str


class TargetDuckDB(Target):
    """Singer target for DuckDB and MotherDuck."""

    name = "target-duckdb"
    package_name = "singer-target-duckdb"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS.to_dict()
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.BATCH,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.HARD_DELETE,
        TargetCapabilities.TARGET_SCHEMA,
        TargetCapabilities.VALIDATE_RECORDS,
    ]
    default_sink_class = DuckDBSink
    message_reader_class = MessageReader
    message_reader: MessageReader

    def __init__(self, *, config: Any = None, parse_env_config: bool = False, **kwargs: Any) -> None:
        if isinstance(config, dict | None):
            # Before the SDK's check, whose messages quote the values of settings.
            config = typed(
                {**(config or {}), **(self._environment() if parse_env_config else {})}, self._properties()
            )
            parse_env_config = False
        super().__init__(config=config, parse_env_config=parse_env_config, **kwargs, setup_mapper=False)
        self._apply_aliases()
        with _maps_applied():
            self.setup_mapper()
        self.version_of_message: int | None = None
        self._batch_size_rows: int = self.config["batch_size_rows"]
        self._versions: dict[tuple[str, str], Versions] = {}
        self._begun: set[str] = set()
        self._raw: dict[str, DuckDBSink] = {}
        self._ready_state: State | None = None
        self._held_state: State | None = None
        self._seen_state: Any = None
        self._bookmarks_before: dict[str, Any] = {}
        self._state_line = 0
        self._tap_activates = False
        self._flushed_at = time.monotonic()
        self._signal = 0
        self.message_reader.go_on = self._go_on
        self.message_reader.give_up = self._close
        self.message_reader.most_like = self._most_like
        self.message_reader.on_run = self._process_run

    @classmethod
    def _properties(cls) -> dict[str, Any]:
        """The JSON schema of each setting, also of those that the SDK adds."""
        cls.append_builtin_config(cls.config_jsonschema)
        return cast("dict[str, Any]", cls.config_jsonschema["properties"])

    @classmethod
    def _environment(cls) -> dict[str, str]:
        """The settings in the environment as text: the SDK would end with a traceback where it is no number."""
        texts = {"properties": {name: {"type": "string"} for name in cls._properties()}}
        found = parse_environment_config(texts, "TARGET_DUCKDB_")
        return {name: value for name, value in found.items() if value}

    @cached_property
    def spools(self) -> SpoolDirectory:
        """Where records wait."""
        return SpoolDirectory(self.config.get("temp_dir"))

    @cached_property
    def database(self) -> Database:
        """The database, opened before the first line of input is read."""
        return Database(self.config, self.spools.path)

    def _apply_aliases(self) -> None:
        """Carry the settings that go by upstream's names over to the SDK's."""
        config = self._config
        if config.get("add_metadata_columns"):
            config["add_record_metadata"] = True
        if level := config.get("data_flattening_max_level"):
            config["flattening_enabled"] = True
            config.setdefault("flattening_max_depth", level)

    @cached_property
    def reads_versions(self) -> bool:
        """Whether versions mean something."""
        activates: bool = self.config.get("process_activate_version_messages", True)
        return activates and self.config["load_method"] == "upsert"

    def table_name(self, stream: str) -> tuple[str, str, str]:
        """Catalog, schema and table for a stream.

        As upstream has it, `a-b` is table b of the source's schema a, and `x-a-b-c` table b_c of schema a; where
        its underscore for a dot is the name of a table that is there, that table goes on.
        """
        first, *rest = stream.split("-")
        source_schema, parts = (
            (rest[0], rest[1:]) if len(rest) > 1 else (first if rest else "", rest or [first])
        )
        mapping = (self.config.get("schema_mapping") or {}).get(source_schema) or {}
        schema = (mapping.get("target_schema") or self.config.get("default_target_schema") or "main").strip()
        catalog, table = self.database.catalog, "_".join(parts) if all(parts) else stream
        legacy = table.replace(".", "_")
        if legacy != table and not Table(self.database, catalog, schema, table).existing_columns():
            table = legacy if Table(self.database, catalog, schema, legacy).existing_columns() else table
        return catalog, schema, table

    def versions_of(self, table: Table, stream: str) -> Versions:
        """The versions of a table, which outlive the sink when a stream's schema changes.

        Raises:
            LoaderError: if another stream of this run goes into the same table.
        """
        key = (table.schema.lower(), table.name.lower())
        versions = self._versions.setdefault(key, Versions(self.database, stream, table))
        if versions.stream != stream:
            msg = (
                f"Streams '{versions.stream}' and '{stream}' would both go into table {table}; give one another schema "
                "with `schema_mapping`, or another name with `stream_maps`."
            )
            raise LoaderError(msg)
        return versions

    # Messages. The SDK has no public hook between its reader and its sinks, so the five handlers are overridden
    # here, all in one place; tests/target/test_sdk.py fails when the SDK changes under them.

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        stream, schema = message_dict.get("stream"), message_dict.get("schema")
        if not isinstance(stream, str) or not stream:
            self._refuse("a SCHEMA message has no `stream`.")
        if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
            self._refuse(f"the SCHEMA of stream '{stream}' has no `properties`.")
        keys = message_dict.get("key_properties") or []
        known = self.mapper.stream_maps.get(stream)
        if known and (known[0].raw_schema, known[0].raw_key_properties) != (schema, keys):
            self.flush()
        with _maps_applied():
            self.mapper.register_raw_stream_schema(stream, schema, keys)
        maps = [m for m in self.mapper.stream_maps[stream] if not isinstance(m, RemoveRecordTransform)]
        start = None if stream in self._begun else version_of(self._seen_state, stream)
        self._begun.add(stream)
        for stream_map in maps:
            self.get_sink(
                stream_map.stream_alias,
                schema=stream_map.transformed_schema,
                key_properties=stream_map.transformed_key_properties,
            )
            sink = self._sink(stream_map.stream_alias)
            sink.versions.source = stream
            if start is not None and self.reads_versions:
                sink.versions.expect(start)
        self._raw.pop(stream, None)
        if len(maps) == 1 and type(maps[0]) is SameRecordTransform and self._records_stay_raw():
            sink = self._sink(maps[0].stream_alias)
            if not sink.renames:
                self._raw[stream] = sink

    def _records_stay_raw(self) -> bool:
        return not (
            self.config["validate_records"]
            or self.config.get("add_record_metadata")
            or self.config.get("flattening_enabled")
        )

    def _process_record_message(self, message: Message) -> None:  # type: ignore[override]
        sink = self._raw.get(str(message.stream))
        waiting = sink.append(message) if sink is not None else self._record_through_sdk(message)
        if waiting >= self._batch_size_rows:
            self.flush()

    def _most_like(self, message: Message) -> int:
        """How many records like the one just processed may be spooled together; 0 if they have to come one by one."""
        sink = self._raw.get(str(message.stream))
        return 0 if sink is None else self._batch_size_rows - len(sink.spool)

    def _process_run(self, message: Message, messages: memoryview, count: int) -> None:
        """Spool records like the one just processed."""
        if self._raw[str(message.stream)].extend(message.version, messages, count) >= self._batch_size_rows:
            self.flush()

    def _record_through_sdk(self, message: Message) -> int:
        if message.stream not in self.mapper.stream_maps:
            msg = f"Line {self.message_reader.line}: a record of stream '{message.stream}' came before its SCHEMA."
            raise MissingSchemaError(msg)
        self.version_of_message = message.version
        try:
            super()._process_record_message(
                {
                    "type": message.type,
                    "stream": message.stream,
                    "record": object_from(bytes(message.record)),
                    "version": message.version,
                    "time_extracted": message.time_extracted,
                }
            )
        except MissingKeyPropertiesError:
            msg = f"Line {self.message_reader.line}: a record of stream '{message.stream}' lacks a key property."
            raise MissingKeyError(msg) from None
        except LoaderError as error:
            msg = (
                f"Line {self.message_reader.line}: {error}"
                if not str(error).startswith("Line")
                else str(error)
            )
            raise LoaderError(msg) from None
        except ValueError:
            msg = f"Line {self.message_reader.line}: the record of stream '{message.stream}' is not a JSON object."
            raise LoaderError(msg) from None
        maps = self.mapper.stream_maps[message.stream]
        return max(
            (len(self._sink(m.stream_alias).spool) for m in maps if self.sink_exists(m.stream_alias)),
            default=0,
        )

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        if "value" not in message_dict:
            self._refuse("a STATE message has no `value`.")
        self._state_line = self.message_reader.line
        value, before = message_dict["value"], self._seen_state
        self._seen_state = value
        gathering = {versions.stream for versions in self._versions.values() if versions.gathered}
        self._bookmarks_before = {
            stream: self._bookmarks_before.get(stream, bookmark_of(before, stream)) for stream in gathering
        }
        state = None if value is None else State(value, one_line(value, self.message_reader.value))
        missing = any(versions.missing is not None for versions in self._versions.values())
        if not missing and all(self._goes_back(value, stream) for stream in gathering):
            self._ready_state = state
        else:
            self._held_state = state

    def _goes_back(self, state: Any, stream: str) -> bool:
        """Whether a tap that starts from this state reads again what is being gathered of a stream.

        It does if the stream's bookmark is empty, or what it was in the last state before the gathering. A state
        without a bookmark of that name says nothing: the tap may keep it under another name.
        """
        bookmark = bookmark_of(state, stream)
        return bookmark == {} or (bookmark is not None and bookmark == self._bookmarks_before[stream])

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        stream, version = message_dict.get("stream"), whole_number(message_dict.get("version"))
        if stream not in self.mapper.stream_maps:
            self._refuse(f"ACTIVATE_VERSION for stream '{stream}' came before its SCHEMA.")
        if version is None:
            self._refuse(f"ACTIVATE_VERSION for stream '{stream}' has no whole number as its `version`.")
        self._tap_activates = True
        for stream_map in self.mapper.stream_maps[stream]:
            if isinstance(stream_map, RemoveRecordTransform):
                continue
            self.get_sink(stream_map.stream_alias).activate_version(version)

    def ignore(self, versions: Versions, version: int) -> None:
        """Let an ACTIVATE_VERSION mean nothing that no record of the run carries, and say so."""
        self.logger.warning(
            "Stream '%s': ACTIVATE_VERSION %s is ignored, because this run's records do not carry that version.",
            versions.stream,
            version,
        )
        versions.ignore(version)

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        stream = message_dict.get("stream")
        if stream not in self.mapper.stream_maps:
            self._refuse(f"a BATCH of stream '{stream}' came before its SCHEMA.")
        try:
            self._load_files(str(stream), files_of(message_dict, self.message_reader.line))
        except duckdb.IOException as error:
            self._refuse(f"a BATCH file of stream '{stream}' cannot be read: {first_line(error)}")

    def _load_files(self, stream: str, files: list[BatchFile]) -> None:
        sink = self._raw.get(stream)
        if sink is not None:
            self.flush()
            sink.turn_to(None)
            with suppress(duckdb.InvalidInputException, duckdb.ConversionException):
                self.flush(lambda: sink.load_files(files))
                return  # else read again, record by record, to say what is wrong
        for file in files:
            for record in file.records(self.database):
                self.message_reader.size = len(record)
                self._process_record_message(
                    Message(type="RECORD", stream=stream, record=msgspec.Raw(record))
                )

    def _sink(self, stream: str) -> DuckDBSink:
        return cast("DuckDBSink", self.get_sink(stream))

    def _refuse(self, sentence: str) -> NoReturn:
        msg = f"Line {self.message_reader.line}: {sentence}"
        raise LoaderError(msg)

    def _handle_max_record_age(self) -> None:
        """Nothing to do: the age of what waits is looked at between two chunks of input."""

    # Flushing

    def flush(self, finish: Callable[[], object] = lambda: None) -> None:
        """Load all that waits in one transaction, then write the last state that it covers.

        Args:
            finish: what else belongs to the transaction, after the loading.
        """
        sinks = cast("list[DuckDBSink]", [*self._sinks_to_clear, *self._sinks_active.values()])
        while True:
            try:
                with self.database.transaction():
                    for sink in sinks:
                        sink.load()
                    finish()
            except UnreadableSpool as unreadable:
                if not mend(unreadable):
                    self._take_apart(unreadable.sink)
            except duckdb.OutOfMemoryException:
                if not self.database.take_more_memory():
                    raise
            else:
                break
        for sink in sinks:
            sink.loaded()
        if not self._unresolved() and self._held_state is not None:
            self._ready_state, self._held_state = self._held_state, None
        if self._ready_state is not None:
            sys.stdout.write(self._ready_state.text + "\n")
            sys.stdout.flush()
            self._ready_state = None
        self._sinks_to_clear.clear()
        self._flushed_at = time.monotonic()

    def _take_apart(self, sink: DuckDBSink) -> None:
        """Load a spool's records in order, each version where it belongs; only the last of them wait again."""
        reader, states = self.message_reader, (self._ready_state, self._held_state)
        self._ready_state = self._held_state = None  # they cover all of the spool
        last = reader.line
        for reader.line, line in sink.spool.take():
            reader.size = len(line)
            sink.append(reader.message(line))
        reader.line = last
        self._ready_state, self._held_state = states
        if self._ready_state is not None and self._unresolved():
            self._ready_state, self._held_state = None, self._ready_state

    def _unresolved(self) -> bool:
        return any(versions.gathered or versions.missing is not None for versions in self._versions.values())

    def _go_on(self) -> bool:
        """Between two chunks of input: flush if much or old data waits, or time is left; stop if a signal asked to."""
        _ = self.database
        sinks = [self._sink(stream) for stream in self._sinks_active]
        much = sum(sink.spool.size for sink in sinks) > _SPOOL_BYTES
        old = time.monotonic() - self._flushed_at > _FLUSH_SECONDS
        if much or old or (self.message_reader.idle and any(map(_is_worth_parsing, sinks))):
            self.flush()
        return not self._signal

    # The end

    def process_endofpipe(self) -> None:
        """Load the rest, and decide about the versions that are still being gathered.

        Raises:
            LoaderError: if a version's records came and nothing says that they are all, or if the tap went on from a
                state that the database does not have.
        """
        try:
            if not self._signal:
                for versions in self._versions.values():
                    versions.resolve_missing(version_of(self._seen_state, versions.source))
            self.flush(self._resolve if not self._signal else lambda: None)
            for sink in self._sinks_active.values():
                sink.clean_up()
        finally:
            self._close()
        if self._signal:
            self.logger.warning("Stopped by signal %s; what had arrived is loaded.", self._signal)
            sys.exit(128 + self._signal)
        for versions in self._versions.values():
            for version in versions.gathered:
                what = "the stream" if version == OVERWRITING else f"version {version}"
                msg = (
                    f"Stream '{versions.stream}': the input ended before {what} was complete, so table "
                    f"{versions.table} is as it was; do what the tap's own message says, or without one run it again, "
                    "with `--full-refresh` if that does not help "
                    "(if it never sends ACTIVATE_VERSION, set `process_activate_version_messages` to false)."
                )
                raise LoaderError(msg)

    def _close(self) -> None:
        if "database" in self.__dict__:  # it may be what failed
            self.database.close()
        self.spools.remove()

    def _resolve(self) -> None:
        """Decide about the versions that no ACTIVATE_VERSION has completed so far (README, "Versions")."""
        for versions in self._versions.values():
            others = (other.last_line for other in self._versions.values() if other is not versions)
            ended = max([self._state_line, *others]) > versions.last_line
            named = version_of(self._seen_state, versions.source)
            if versions.is_merged(named) or (self.reads_versions and versions.is_empty_without(named)):
                versions.remember(named)
            for version in list(versions.gathered):
                if version != OVERWRITING and versions.is_carried_by_others(version):
                    self.ignore(versions, version)
            for version, found in sorted(versions.gathered.items()):
                if version == OVERWRITING:
                    if ended or not self._state_line:
                        versions.activate(version)
                elif found.announced:
                    if ended:
                        versions.activate(version)
                elif versions.current is None:
                    held = self._held_state.value if self._held_state else None
                    if versions.contradicted or version_of(held, versions.source) == version:
                        versions.adopt(version, as_current=True)
                    elif not (self._tap_activates or versions.refills):
                        versions.adopt(version, as_current=False)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End the input here: at once while waiting for more of it, else after the chunk at hand."""
        self._signal = signum
        if self.message_reader.waiting:
            raise Stop

    @classmethod
    def cb_config(cls, ctx: Any, param: Any, value: tuple[str, ...]) -> Any:
        """Read the file of settings; one that cannot be read ends the run with one sentence and exit code 1."""
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, ValueError, TypeError) as error:
            reason = (
                error.strerror or "it is not there"
                if isinstance(error, OSError)
                else "it is not a JSON object"
            )
        cls.logger.error("The file given with --config cannot be read: %s.", reason)
        sys.exit(1)

    @classmethod
    def invoke(cls, **kwargs: Any) -> None:
        """Run the target; a user's mistake ends it with one sentence and exit code 1."""
        try:
            super().invoke(**kwargs)
        except LoaderError as error:
            sentence = str(error)
        except duckdb.Error as error:
            may_hold_values = not isinstance(error, (duckdb.OperationalError, duckdb.InternalError))
            sentence = (
                f"DuckDB stopped the load: {type(error).__name__ if may_hold_values else first_line(error)}"
            )
        except OSError as error:
            sentence = f"The load stopped: {error.strerror} ({error.filename})."
        else:
            return
        cls.logger.error("%s", sentence)
        sys.exit(1)


@contextmanager
def _maps_applied() -> Iterator[None]:
    """Say in one sentence that stream maps cannot be applied; what the SDK says may quote an expression."""
    try:
        yield
    except Exception as error:
        reason = str(error) if isinstance(error, StreamMapConfigError) else "an expression is not valid."
        msg = f"Setting `stream_maps` cannot be applied: {reason}"
        raise LoaderError(msg) from None


def _is_worth_parsing(sink: DuckDBSink) -> bool:
    return sink.gathers and len(sink.spool) >= _IDLE_RECORDS


def bookmark_of(state: Any, stream: str) -> Any:
    """A stream's bookmark in a state as the SDK writes it, or None."""
    bookmarks = state.get("bookmarks") if isinstance(state, dict) else None
    return bookmarks.get(stream) if isinstance(bookmarks, dict) else None


def version_of(state: Any, stream: str) -> int | None:
    """The version that a state names for a stream, or None."""
    bookmark = bookmark_of(state, stream)
    version = bookmark.get("version") if isinstance(bookmark, dict) else None
    return version if type(version) is int else None
