"""The target: settings, the handlers of the messages, and the flush."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import time
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

import duckdb
import msgspec
from singer_sdk import Target
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform

from singer_target_duckdb import stream_maps
from singer_target_duckdb.batch_files import BatchFileError, records
from singer_target_duckdb.bookkeeping import Bookkeeping
from singer_target_duckdb.database import Database
from singer_target_duckdb.errors import LoaderError, MissingSchemaError, sentence
from singer_target_duckdb.json_text import object_from, one_line, whole_number
from singer_target_duckdb.messages import Message, MessageReader, Stop, give_up
from singer_target_duckdb.settings import SETTINGS, apply_aliases, from_environment, typed
from singer_target_duckdb.sink import DuckDBSink, Run
from singer_target_duckdb.staging import StagingDirectory
from singer_target_duckdb.states import State, States, version_of
from singer_target_duckdb.versions import RUN_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from singer_sdk.mapper import StreamMap

_STAGING_BYTES = 512 << 20
_FLUSH_SECONDS = 300


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

    def __init__(self, *, config: Any = None, parse_env_config: bool = False, **kwargs: Any) -> None:
        if isinstance(config, dict | None):
            # Before the SDK's check, whose messages quote the values of settings.
            properties = self._properties()
            environment = from_environment(properties) if parse_env_config else {}
            config = typed({**(config or {}), **environment}, properties)
            parse_env_config = False
        self._reader = MessageReader(self._before_read, self.flush, self._close)
        kwargs |= {"message_reader": self._reader, "setup_mapper": False}
        super().__init__(config=config, parse_env_config=parse_env_config, **kwargs)
        apply_aliases(self._config)
        with stream_maps.applied():
            self.setup_mapper()
        self._sinks: dict[str, DuckDBSink] = {}
        self._begun: set[str] = set()  # streams whose SCHEMA has come
        self._states = States()
        self._tap_activates = False
        self._flushed_at = time.monotonic()
        self._signal = 0
        with suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGINT, self._stop)
            signal.signal(signal.SIGTERM, self._stop)

    @classmethod
    def _properties(cls) -> dict[str, Any]:
        """The JSON schema of each setting, also of those that the SDK adds."""
        cls.append_builtin_config(cls.config_jsonschema)
        return cast("dict[str, Any]", cls.config_jsonschema["properties"])

    @cached_property
    def _staging(self) -> StagingDirectory:
        return StagingDirectory(self.config.get("temp_dir"))

    @cached_property
    def run(self) -> Run:
        """What the sinks share."""
        database = Database(self.config, self._staging.path)
        return Run(database, Bookkeeping(database, self.config["ledger_days"]), self._staging, self._reader)

    # Messages. The SDK has no public hook between its reader and its sinks, so its five handlers are overridden, all
    # of them here; they are abstract in the SDK's base class. Two more private parts of it are used: `_config`,
    # because `config` is read-only, and `Sink._add_sdc_metadata_to_record`. tests/target/test_sdk.py fails when the
    # SDK changes any of this.

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        stream, schema = str(message_dict["stream"]), message_dict.get("schema")
        if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
            self._refuse(f"the SCHEMA of stream '{stream}' has no `properties`.")
        schema = {**schema, "properties": stream_maps.as_objects(schema["properties"])}
        keys = message_dict.get("key_properties") or []
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            self._refuse(f"the `key_properties` of stream '{stream}' are not a list of names.")
        if stream in self._begun:
            known = self.mapper.stream_maps[stream][0]
            if (known.raw_schema, known.raw_key_properties) == (schema, keys):
                for sink in self._sinks_of(stream):
                    sink.versions.last_line = self._reader.line
                return
        with stream_maps.applied(None if self.config.get("stream_maps") else stream):
            self.mapper.register_raw_stream_schema(stream, schema, keys)
        maps = self._kept_maps(stream)
        state_version = None if stream in self._begun else version_of(self._states.last, stream)
        self._begun.add(stream)
        for stream_map in maps:
            sink = self._new_sink(stream_map)
            sink.versions.source = stream
            if state_version is not None and sink.versions.reads_versions:
                sink.versions.expect(state_version, self._reader.line)
        self._reader.staging_files.pop(stream, None)
        if len(maps) == 1 and type(maps[0]) is SameRecordTransform:
            sink = self._sinks[maps[0].stream_alias]
            if sink.stages_as_it_comes:
                self._reader.staging_files[stream] = sink.staging

    def _new_sink(self, stream_map: StreamMap) -> DuckDBSink:
        """A sink for what a map makes of a stream. What waits in the sink that it replaces is loaded before."""
        name = stream_map.stream_alias
        if name in self._sinks:
            self.flush()
            self._sinks.pop(name).staging.path.unlink()
        shape = stream_map.transformed_schema, stream_map.transformed_key_properties
        self._sinks[name] = DuckDBSink(self, name, *shape)
        self._sinks[name].setup()
        return self._sinks[name]

    def _process_record_message(self, message: Message) -> None:  # type: ignore[override]
        """Map, flatten or validate a record, and stage it; the reader stages all others by itself."""
        stream = message.stream
        if stream not in self.mapper.stream_maps:
            msg = f"Line {self._reader.line}: a record of stream '{stream}' came before its SCHEMA."
            raise MissingSchemaError(msg)
        try:
            record = object_from(bytes(message.record))
        except ValueError:
            self._refuse(f"the record of stream '{stream}' is not a JSON object.")
        sinks = []
        try:
            for stream_map in self.mapper.stream_maps[stream]:
                mapped = stream_maps.mapped(stream_map, record)
                if mapped is None:
                    continue  # filtered out
                sink = self._sinks[stream_map.stream_alias]
                about = {"time_extracted": message.time_extracted, "version": message.version}
                if sink.include_sdc_metadata_properties:
                    sink._add_sdc_metadata_to_record(mapped, about, {})
                sink.process_record(mapped, about)
                sinks.append(sink)
        except LoaderError as error:
            raise type(error)(f"Line {self._reader.line}: {error}") from None
        self._flush_if_full(sinks)

    def _flush_if_full(self, sinks: list[DuckDBSink]) -> None:
        if any(sink.staging.room <= 0 or sink.staging.size > _STAGING_BYTES for sink in sinks):
            self.flush()

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        if "value" not in message_dict:
            self._refuse("a STATE message has no `value`.")
        value = message_dict["value"]
        self._states.add(State(self._reader.line, value, one_line(value, self._reader.value)))

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        stream, version = str(message_dict["stream"]), whole_number(message_dict.get("version"))
        if version is None:
            self._refuse(f"ACTIVATE_VERSION for stream '{stream}' has no whole number as its `version`.")
        self._tap_activates = True
        if stream not in self.mapper.stream_maps:
            msg = "Line %s: ACTIVATE_VERSION for stream '%s' is ignored; it came before the stream's SCHEMA."
            self.logger.warning(msg, self._reader.line, stream)
            return
        for sink in self._sinks_of(stream):
            self._activate(sink, version)

    def _sinks_of(self, stream: str) -> list[DuckDBSink]:
        return [self._sinks[m.stream_alias] for m in self._kept_maps(stream)]

    def _kept_maps(self, stream: str) -> list[StreamMap]:
        return [m for m in self.mapper.stream_maps[stream] if not isinstance(m, RemoveRecordTransform)]

    def _activate(self, sink: DuckDBSink, version: int) -> None:
        versions = sink.versions
        versions.last_line = versions.last_activation = self._reader.line
        if versions.needs_no_flush(version):
            return
        activate = partial(versions.activate, version, self._reader.line)
        if len(sink.staging) or version in versions.staged:
            self.flush(activate)
        else:
            with self.run.database.transaction():
                activate()

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        stream = str(message_dict["stream"])
        if stream not in self.mapper.stream_maps:
            self._refuse(f"a BATCH of stream '{stream}' came before its SCHEMA.")
        sink = self._sinks.get(stream) if stream in self._reader.staging_files else None
        try:
            where = self.run.database, sink.columns_to_read if sink else [], self.config.get("batch_dir")
            for record in records(message_dict, *where):
                if sink:
                    sink.stage(b'{"record":%b}' % record)
                    self._flush_if_full([sink])
                else:
                    self._process_record_message(Message("RECORD", stream, msgspec.Raw(record)))
        except BatchFileError as error:
            self._refuse(str(error))

    def _refuse(self, text: str) -> NoReturn:
        raise LoaderError(f"Line {self._reader.line}: {text}")

    # Flushing

    def flush(self, finish: Callable[[], object] = lambda: None) -> None:
        """Load all that is staged in one transaction, then write the last state that it covers.

        Args:
            finish: what else belongs to the transaction, after the loading.
        """
        database, versions = self.run.database, self.run.versions.values()
        read = [(sink, database.with_enough_memory(sink.read)) for sink in self._sinks.values()]
        placed = [(sink, batch, sink.versions.place(batch)) for sink, batch in read if batch]
        self._states.judge(versions)  # by what `place` has just begun to stage

        def write() -> None:
            with database.transaction():
                for sink, batch, places in placed:
                    sink.write(batch, places)
                finish()

        database.with_enough_memory(write)
        for sink, batch, _ in placed:
            sink.committed(batch)
        if state := self._states.take(versions):
            sys.stdout.write(state + "\n")
            sys.stdout.flush()
        self._flushed_at = time.monotonic()

    def _before_read(self) -> bool:
        """Between two chunks of input: flush if much or old data waits, or the tap is slow. False ends the input."""
        if not self._signal:
            self._reader.waiting = True  # another process may have the database open
            _ = self.run
            self._reader.waiting = False
        sinks = self._sinks.values()
        is_much = sum(sink.staging.size for sink in sinks) > _STAGING_BYTES
        is_old = time.monotonic() - self._flushed_at > _FLUSH_SECONDS
        if is_much or is_old or (any(sink.is_worth_parsing for sink in sinks) and self._reader.is_idle):
            self.flush()
        return not self._signal

    # The end

    def process_endofpipe(self) -> None:
        """Load the rest, and decide about the versions that are still being staged.

        Raises:
            LoaderError: if a version is not complete, or the database lacks what the tap's state says that it has.
        """
        try:
            if "run" in self.__dict__:  # a signal may have come before
                self.flush(self._settle if not self._signal else lambda: None)
            if self.logger.isEnabledFor(logging.DEBUG):
                for sink in self._sinks.values():
                    sink.clean_up()  # logs the SDK's metrics, which Meltano shows without their table
        finally:
            self._close()
        if self._signal:
            self.logger.warning("Stopped by signal %s; what had arrived is loaded.", self._signal)
            sys.exit(128 + self._signal)
        for versions in self.run.versions.values():
            for version in versions.staged:
                what = "the stream" if version == RUN_VERSION else f"version {version}"
                msg = (
                    f"Stream '{versions.stream}': the input ended before {what} was complete, so table "
                    f"{versions.table} is unchanged; the tap's own message says why, and if there is none, run again "
                    "with `--full-refresh` (if the tap never sends ACTIVATE_VERSION, set "
                    "`process_activate_version_messages` to false)."
                )
                raise LoaderError(msg)

    def _settle(self) -> None:
        """Decide about the versions that no ACTIVATE_VERSION has completed so far (README, "Versions")."""
        for versions in self.run.versions.values():
            others = (other.last_line for other in self.run.versions.values() if other is not versions)
            last_elsewhere = max(others, default=0)
            versions.settle(
                self._states.end(versions.source, last_elsewhere, tap_activates=self._tap_activates)
            )
        self.run.books.forget_old_loads()

    def _close(self) -> None:
        if "run" in self.__dict__:  # opening the database may be what failed
            self.run.database.close()
        self._staging.remove()

    def _stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End the input here: at once while waiting for more of it, else after the chunk at hand.

        Further signals change nothing: on Ctrl-C, Meltano sends a second one while the rest is loaded.
        """
        if self._signal:
            return
        self._signal = signum
        if self._reader.waiting:
            raise Stop

    # The command line

    @classmethod
    def cb_config(cls, ctx: Any, param: Any, value: tuple[str, ...]) -> Any:
        """Read the file of settings; one that cannot be read ends the run with one sentence and exit code 1."""
        try:
            return super().cb_config(ctx, param, value)
        except OSError as error:
            reason = error.strerror or "it is not there"
        except (ValueError, TypeError):
            reason = "it is not a JSON object"
        cls.logger.error("The file given with --config cannot be read: %s.", reason)
        sys.exit(1)

    @classmethod
    def invoke(cls, **kwargs: Any) -> None:
        """Run the target; a user's mistake ends it with one sentence and exit code 1."""
        gc.freeze()  # what was imported stays: to look for garbage in it takes 0.05 s of each run
        try:
            super().invoke(**kwargs)
        except (LoaderError, duckdb.Error, OSError) as error:
            cls.logger.error("%s", sentence(error))
            give_up()
