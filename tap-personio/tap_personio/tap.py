"""The tap: its settings, its streams, its command line, and the loop of a run."""

from __future__ import annotations

import copy
import functools
import gc
import logging
import os
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

import click
from dotenv import load_dotenv
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import PluginBase
from singer_sdk.singerlib import StateMessage
from typing_extensions import override

from tap_personio import stream_maps
from tap_personio.check import check
from tap_personio.client import Client
from tap_personio.errors import (
    SettingsError,
    StreamFailedError,
    TapPersonioError,
    keep_on_one_line,
)
from tap_personio.input_files import bookmarks_of, read_catalog, read_state, warn_of_missing_columns
from tap_personio.prefetch import Chunk, prefetch
from tap_personio.rights import warn_of_skipped
from tap_personio.run import ParentIds, RunContext
from tap_personio.setting_types import typed
from tap_personio.settings import CONFIG_JSONSCHEMA, Settings
from tap_personio.shape import shape
from tap_personio.streams import STREAMS
from tap_personio.streams.report_tables import report_tables, warn_of_missing_reports
from tap_personio.streams.v2_webhooks import WebhookEvents
from tap_personio.writer import SingerWriter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_personio.stream import PersonioStream


class TapPersonio(Tap):
    """Singer tap for Personio: every HR table of API v1 and v2."""

    name = "tap-personio"
    config_jsonschema = CONFIG_JSONSCHEMA
    dynamic_catalog = True
    message_writer_class = SingerWriter
    # Without BATCH: in the SDK it bypasses deselection and stream maps.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    @override
    def __init__(
        self,
        *,
        config: Any = None,
        parse_env_config: bool = False,
        validate_config: bool = True,
        **kwargs: Any,
    ) -> None:
        if isinstance(config, dict | None):
            # Before the SDK's check, whose messages quote the values of settings.
            config = {**(config or {}), **(self._environment() if parse_env_config else {})}
            if validate_config:
                Settings.from_config(config)
                config = typed(config, CONFIG_JSONSCHEMA)
            parse_env_config = False
        super().__init__(
            config=config, parse_env_config=parse_env_config, validate_config=validate_config, **kwargs
        )

    @classmethod
    def _environment(cls) -> dict[str, str]:
        """The settings in the environment, and in `.env` of the current folder where the environment has none.

        They stay text: the SDK would end with a traceback where one is no number. It would also look for `.env` in the
        folders above its own code, and prefer it to the environment.
        """
        try:
            load_dotenv(Path(".env"))
        except (OSError, ValueError):
            msg = "The file .env in the current folder cannot be read: it must be text in UTF-8."
            raise SettingsError(msg) from None
        cls.append_builtin_config(cls.config_jsonschema)
        names = {name: f"TAP_PERSONIO_{name.upper()}" for name in cls.config_jsonschema["properties"]}
        return {name: os.environ[variable] for name, variable in names.items() if os.environ.get(variable)}

    @override
    def setup_mapper(self) -> None:
        # The SDK takes parts out of the maps, so it gets a copy for this long. It offers no public way to set one:
        # `config` cannot be written to. For the same reason its `Tap.setup_mapper` is passed over: it registers the
        # streams too, which `stream_maps.register` does in its own way.
        given = self._config.get("stream_maps") or {}
        self._config["stream_maps"] = copy.deepcopy(given)
        try:
            PluginBase.setup_mapper(self)
        except Exception as error:
            raise stream_maps.cannot_apply(error) from None
        finally:
            self._config["stream_maps"] = given
        _ = self.streams  # which correct the catalog
        stream_maps.register(self.mapper, self.catalog)

    @functools.cached_property
    def run_context(self) -> RunContext:
        """What the streams share."""
        settings = Settings.from_config(self.config)
        return RunContext(settings, Client(settings))

    @override
    def discover_streams(self) -> list[PersonioStream]:
        run = self.run_context
        run.client.log_in()
        streams = [stream(self, run) for stream in STREAMS] + list(report_tables(self, run))
        run.ids = {stream.name: ParentIds(stream.list_ids) for stream in streams if stream.parent_ids}
        return streams

    @override
    def run_discovery(self) -> str:
        text = super().run_discovery()
        try:
            self.run_context.require_catalogue()
        except StreamFailedError as error:
            for name in ("employees", "persons"):
                self.logger.error(
                    "%s: %s; columns may be missing in what was discovered: discover again.",
                    name,
                    error.message,
                )
        return text

    @property
    def _all_streams(self) -> list[PersonioStream]:
        return cast("list[PersonioStream]", list(self.streams.values()))

    @property
    def _selected_streams(self) -> list[PersonioStream]:
        return [stream for stream in self._all_streams if stream.selected]

    # -- a run ------------------------------------------------------------------------------------------------

    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Read all selected streams at once, and write what they bring as it comes.

        Within a stream the order is SCHEMA, records, ACTIVATE_VERSION, STATE. The SDK marks this method as final. It
        is overridden because the SDK's own loop reads one stream after the other, ends at the first one that fails,
        and writes ACTIVATE_VERSION before the records. tests/tap/test_sdk.py fails when the SDK stops calling it so.

        Raises:
            TapPersonioError: the run has to end here. A stream that cannot be read does not end it, see `finish`.
        """
        if self.state:
            self.write_message(StateMessage(self.state))
        streams = self._selected_streams
        self._plan(streams)
        newest: dict[str, str | None] = {}
        for number, (stream, item) in enumerate(prefetch(streams)):
            if not number:  # not before: it asks for the catalogue of attributes
                self._warn_of_changes(streams)
            is_first = stream.name not in newest
            if isinstance(item, Chunk):
                if is_first:
                    self._write_all(stream.first_messages())
                newest[stream.name] = max(filter(None, (newest.get(stream.name), item.newest)), default=None)
                cast("SingerWriter", self.message_writer).write(item.lines)
                stream.stats.count(item.rows, item.total)
            elif error := item.error or stream.too_few_records():
                stream.stats.end_with(error)
            else:
                if is_first:
                    self._write_all(stream.first_messages())
                self._write_all(stream.last_messages())
                stream.commit(newest.get(stream.name))
                self.write_message(StateMessage(self.state))
                stream.stats.succeed(is_full_sync=stream.plan.is_full_sync)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the bookmarks of a state."""
        super().load_state({"bookmarks": bookmarks_of(state)})

    def _plan(self, streams: Iterable[PersonioStream]) -> None:
        run = self.run_context
        _ = run.started  # before the streams' threads ask for it
        events = next(stream for stream in self._all_streams if isinstance(stream, WebhookEvents))
        if events.selected:
            names = {name for stream in self._all_streams for name in stream.deletion_events}
            run.read_deletions = functools.partial(events.reported_deletions, names)
        for stream in streams:
            stream.stats.begin()
            if stream.parent_ids:
                run.ids[stream.name].may_be_provided()

    def _warn_of_changes(self, streams: Iterable[PersonioStream]) -> None:
        """Name what the settings, the catalog or the last run know, and Personio no longer has."""
        warn_of_missing_reports(self, self.run_context)
        tables = {each.name: {one.name for one in each.table_columns} for each in self._all_streams}
        stream_maps.warn_of_missing(self.config, tables)
        warn_of_missing_columns(self.input_catalog or {}, {each.name: tables[each.name] for each in streams})
        for stream in streams:
            if stream.attribute_columns:
                stream.attribute_columns.warn_of_changes(stream.logger, stream.name, stream.stream_state)

    def _write_all(self, messages: Iterable[Any]) -> None:
        for message in messages:
            self.write_message(message)

    def finish(self) -> None:
        """Log the summary.

        Raises:
            TapPersonioError: when a selected stream failed, none could be read, or one was skipped and the setting
                on_unavailable is `fail`.
        """
        stats = [stream.stats for stream in self._selected_streams]
        for each in stats:
            each.summarize()
        warn_of_skipped(self._selected_streams)
        failed = [each.stream for each in stats if each.outcome == "failed"]
        skipped = [each.stream for each in stats if each.outcome == "skipped"]
        if failed:
            msg = f"Not read completely: {', '.join(failed)}. Their tables and bookmarks are unchanged."
            raise TapPersonioError(msg)
        if skipped and len(skipped) == len(stats):
            msg = "This credential may read none of the selected streams: check its rights in Personio."
            raise TapPersonioError(msg)
        if skipped and self.run_context.settings.fail_on_unavailable:
            msg = f"Not available: {', '.join(skipped)} (the setting on_unavailable is `fail`)."
            raise TapPersonioError(msg)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End the run on a signal: not as a success, and not in the middle of a message.

        The SDK offers no hook here. Its own handler ends with exit code 0, so that a run which was stopped looks like
        one that had nothing to read. tests/tap/test_sdk.py fails when the SDK stops calling it.
        """
        self.logger.info("Stopped by signal %d.", signum)
        cast("SingerWriter", self.message_writer).exit(128 + signum)

    # -- command line -----------------------------------------------------------------------------------------

    @classmethod
    @override
    def cb_config(cls, ctx: Any, param: Any, value: tuple[str, ...]) -> Any:
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            reason = getattr(error, "strerror", "it is not a JSON object") or "it is not there"
            msg = f"The file given with --config cannot be read: {reason}."
            raise SettingsError(msg) from None

    @classmethod
    @override
    def cb_discover(cls, ctx: Any, param: Any, value: bool) -> None:
        if value:
            with closing(ctx):  # with the state file: click does that for what has been parsed only
                super().cb_discover(ctx, param, value)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        for handler in logging.getLogger().handlers:
            handler.addFilter(keep_on_one_line)
        command.params += [
            click.Option([name], is_flag=True, expose_value=False, callback=callback, help=text)
            for name, callback, text in (
                (
                    "--check",
                    cls.cb_check,
                    "Show which streams the credential can read, and which rights are missing for the others.",
                ),
                ("--shape", cls.cb_shape, "Show the form of Personio's answers, without any value."),
            )
        ]
        return command

    @classmethod
    def cb_check(cls, ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG003
        """Print the rights of the credential and end."""
        if value:
            config = ctx.params["config"]
            with closing(ctx):
                tap = cls(config=config.config, parse_env_config=config.parse_env)
                ctx.exit(0 if check(tap._all_streams, tap.run_context) else 1)

    @classmethod
    def cb_shape(cls, ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG003
        """Print the form of Personio's answers and end."""
        if value:
            logging.disable(logging.WARNING)  # lines below that may name a report
            config = ctx.params["config"]
            with closing(ctx):
                tap = cls(config=config.config, parse_env_config=config.parse_env, setup_mapper=False)
                ctx.exit(0 if shape(tap, Settings.from_config(tap.config)) else 1)

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the tap for the command line. The SDK's own cannot tell which streams were read, so it is not called.

        Raises:
            TapPersonioError: a stream could not be read completely; everything else has been written.
        """
        if about:
            super().invoke(about=about, about_format=about_format)
        cls.print_version(print_fn=cls.logger.info)
        tap = cls(
            config=config.config if config else None,
            parse_env_config=bool(config and config.parse_env),
            state=read_state(state),
            catalog=read_catalog(catalog),
        )
        run = tap.run_context
        cls.logger.info("Reading as of %s (Personio's clock).", run.started.isoformat(timespec="seconds"))
        cls.logger.info("Absences and attendances%s.", run.days)
        # Records create no reference cycles; with Python's default thresholds garbage collection takes 25 % of a run.
        gc.freeze()
        gc.set_threshold(100_000, 20, 20)
        tap.sync_all()
        tap.finish()
