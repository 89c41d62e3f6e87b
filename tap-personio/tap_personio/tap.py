"""The tap: its settings, its streams, and how a run begins and ends."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import gc
import hashlib
import json
from fnmatch import fnmatch
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

import click
from singer_sdk import Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import StreamMapConfigError
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import PluginBase
from singer_sdk.singerlib import Catalog
from typing_extensions import override

from tap_personio.checking import check
from tap_personio.client import Caller, Client
from tap_personio.employees import Attribute, EmployeeAttributes, Employees, read_catalogue
from tap_personio.errors import SettingsError, TapPersonioError
from tap_personio.reporting import Report
from tap_personio.roster import Roster
from tap_personio.settings import CONFIG_JSONSCHEMA, Settings, typed
from tap_personio.v1 import (
    Absences,
    AbsenceTypes,
    Attendances,
    CustomReports,
    CustomReportsList,
    DocumentCategories,
    EmployeesAbsencesBalance,
    HourlyAbsences,
    Projects,
)
from tap_personio.v2 import V2_STREAMS, WebhookEvents
from tap_personio.writing import PageWriter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_personio.feeding import Feed
    from tap_personio.stream import PersonioStream

STREAMS: tuple[type[PersonioStream], ...] = (
    Employees,
    AbsenceTypes,
    Absences,
    Attendances,
    Projects,
    DocumentCategories,
    CustomReportsList,
    EmployeesAbsencesBalance,
    HourlyAbsences,
    CustomReports,
    EmployeeAttributes,
    *V2_STREAMS,
)


class TapPersonio(Tap):
    """Singer tap for Personio: every HR table of API v1 and v2."""

    name = "tap-personio"
    config_jsonschema = CONFIG_JSONSCHEMA
    dynamic_catalog = True
    message_writer_class = PageWriter
    # Without BATCH: in the SDK it bypasses deselection and stream maps.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.ACTIVATE_VERSION,
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
                config = typed(config)
            parse_env_config = False
        super().__init__(
            config=config, parse_env_config=parse_env_config, validate_config=validate_config, **kwargs
        )

    @classmethod
    def _environment(cls) -> dict[str, str]:
        """The settings in the environment as text: the SDK would end with a traceback where it is no number."""
        cls.append_builtin_config(cls.config_jsonschema)
        names = cls.config_jsonschema["properties"]
        texts = {"properties": {name: {"type": "string"} for name in names}}
        found = parse_environment_config(texts, "TAP_PERSONIO_")
        return {name: value for name, value in found.items() if value}

    @functools.cached_property
    def _maps(self) -> dict[str, Any]:
        """The setting stream_maps as it was given; the SDK takes parts out of its copy."""
        return copy.deepcopy(self._config.get("stream_maps") or {})

    @override
    def setup_mapper(self) -> None:
        self._config["stream_maps"] = copy.deepcopy(self._maps)
        idle, wanted = Catalog(), Catalog()
        for each in self.catalog.streams:
            (wanted if each.metadata.resolve_selection()[()] else idle)[each.tap_stream_id] = each
        try:
            PluginBase.setup_mapper(self)
            # The SDK strips a stream that is not selected of its columns, and then cannot apply a map to it.
            maps, self.mapper.stream_maps_dict = self.mapper.stream_maps_dict, {}
            self.mapper.register_raw_streams_from_catalog(idle)
            self.mapper.stream_maps_dict = maps
            self.mapper.register_raw_streams_from_catalog(wanted)
        except Exception as error:  # of many kinds, and what they say may quote an expression
            reason = str(error) if isinstance(error, StreamMapConfigError) else "an expression is not valid."
            msg = f"The setting stream_maps cannot be applied: {reason}"
            raise SettingsError(msg) from None

    def fingerprint(self, stream: str, deselected: Iterable[str]) -> str:
        """A short text that changes with what a stream's maps and its selection keep back; empty if nothing is.

        It stands in the state, which is kept less carefully than the settings, and must not give away a salt in
        stream_map_config or in an expression, nor labels that have become names of columns. So the hash is slow, which
        makes trying words expensive, and only 32 bits of it are kept: of the long random salts that fit them there are
        far too many to tell which one it was. They suffice to notice a change.
        """
        maps = {
            name: each
            for name, each in self._maps.items()
            if name == "__else__" or fnmatch(stream, _source(name, each))
        }
        columns = sorted(deselected)
        if not maps and not columns:
            return ""
        config = [self._config.get(name) for name in ("stream_map_config", "faker_config")] if maps else []
        kept_back = json.dumps([maps, config, columns], sort_keys=True, default=str)
        return hashlib.pbkdf2_hmac("sha256", kept_back.encode(), stream.encode(), 20_000, dklen=4).hex()

    @functools.cached_property
    def settings(self) -> Settings:
        """The checked settings."""
        return Settings.from_config(self.config)

    @functools.cached_property
    def client(self) -> Client:
        """The connection to Personio, shared by all streams."""
        return Client(self.settings)

    @functools.cached_property
    def catalogue(self) -> list[Attribute] | None:
        """The readable employee attributes; None where the credential may not read their catalogue."""
        return read_catalogue(self.client, Caller("employee attributes"))

    @functools.cached_property
    def started(self) -> dt.datetime:
        """When the run began, by Personio's clock: its answer to the login tells the time."""
        self.client.log_in("v1")
        return self.client.now()

    @property
    def last_day(self) -> dt.date:
        """The latest day of absences and attendances."""
        return self.settings.end_date or self.started.date() + dt.timedelta(days=2 * 365)

    @property
    def days(self) -> str:
        """The days that a run covers, in words."""
        first = self.settings.start_date
        return f" from {first} to {self.last_day}" if first else f": all history, to {self.last_day}"

    @property
    def writer(self) -> PageWriter:
        """Where messages go."""
        return cast("PageWriter", self.message_writer)

    @override
    def discover_streams(self) -> list[PersonioStream]:
        return [stream(self) for stream in STREAMS]

    # -- what streams share -----------------------------------------------------------------------------------

    @functools.cached_property
    def reports(self) -> dict[str, Report]:
        """A report for each stream, in the order of the run."""
        return {
            name: Report(name, Caller(name, priority)) for priority, name in enumerate(self.streams, start=1)
        }

    def report(self, stream: PersonioStream) -> Report:
        """The report of a stream's run."""
        return self.reports[stream.name]

    def caller(self, stream: PersonioStream) -> Caller:
        """On whose behalf a stream's requests are made."""
        return self.reports[stream.name].caller

    @functools.cached_property
    def _feeds(self) -> dict[str, Feed]:
        selected = [cast("PersonioStream", each) for each in self.streams.values() if each.selected]
        for stream in selected:
            if stream.plan.whole and stream.name in self._rosters:
                self._rosters[stream.name].will_be_filled()
        feeds = {stream.name: stream.make_feed() for stream in selected}
        for feed in feeds.values():
            feed.start()
        return feeds

    def feed(self, stream: PersonioStream) -> Feed:
        """A stream's pages. The first call lets all selected streams fetch ahead."""
        return self._feeds[stream.name]

    @functools.cached_property
    def _rosters(self) -> dict[str, Roster]:
        return {
            name: Roster(stream.list_ids)
            for name, stream in cast("dict[str, PersonioStream]", self.streams).items()
            if stream.page_ids is not None
        }

    def stream(self, name: str) -> PersonioStream:
        """Another stream of this tap, selected or not."""
        return cast("PersonioStream", self.streams[name])

    @functools.cached_property
    def _deletions(self) -> dict[str, dt.datetime]:
        feed = self.stream(WebhookEvents.name)
        if not feed.selected:
            return {}
        names = {
            name for stream in self.streams.values() for name in cast("PersonioStream", stream).deletions
        }
        return cast("WebhookEvents", feed).reported_deletions(names)

    def was_deleted(self, events: tuple[str, ...], since: dt.datetime) -> bool:
        """Whether a webhook told of a deletion since a table was read whole, so that it has to be read whole again."""
        second = since.replace(microsecond=0)  # events tell no fraction
        return any(self._deletions[name] >= second for name in events if name in self._deletions)

    def roster(self, stream: str) -> Roster:
        """Identifiers of all records of a stream, listed once for all who ask."""
        return self._rosters[stream]

    # -- a run ------------------------------------------------------------------------------------------------

    @classmethod
    @override
    def cb_config(cls, ctx: Any, param: Any, value: tuple[str, ...]) -> Any:
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, ValueError, TypeError) as error:
            reason = (
                error.strerror or "it is not there"
                if isinstance(error, OSError)
                else "it is not a JSON object"
            )
            msg = f"The file given with --config cannot be read: {reason}."
            raise SettingsError(msg) from None

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        command.params.append(
            click.Option(
                ["--check"],
                is_flag=True,
                expose_value=False,
                callback=cls.cb_check,
                help="Show which streams the credential can read, and which rights are missing for the others.",
            )
        )
        return command

    @classmethod
    def cb_check(cls, ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG003
        """Print the rights of the credential and end."""
        if value:
            config = ctx.params["config"]
            tap = cls(config=config.config, parse_env_config=config.parse_env)
            ctx.exit(0 if check(tap) else 1)

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
            state=_read_json(state, "--state"),
            catalog=_read_json(catalog, "--catalog"),
        )
        cls.logger.info("Reading as of %s (Personio's clock).", tap.started.isoformat(timespec="seconds"))
        cls.logger.info("Absences and attendances%s.", tap.days)
        # Records make no reference cycles: looking for some after every few of them costs a quarter of the time.
        gc.freeze()
        gc.set_threshold(100_000, 20, 20)
        tap.sync_all()
        tap.finish()

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End the run on a signal: not as a success, and not in the middle of a message.

        The SDK offers no hook here. Its own handler ends with exit code 0, so that a run which was stopped looks
        like one that had nothing to read.
        """
        self.logger.info("Stopped by signal %d.", signum)
        self.writer.exit(128 + signum)

    def finish(self) -> None:
        """Write the summary.

        Raises:
            TapPersonioError: when a selected stream failed, none could be read, or one was skipped and the setting
                on_unavailable is `fail`.
        """
        reports = [self.reports[name] for name, stream in self.streams.items() if stream.selected]
        for report in reports:
            report.summarize()
        failed = [report.stream for report in reports if report.outcome == "failed"]
        skipped = [report.stream for report in reports if report.outcome == "skipped"]
        if failed:
            msg = (
                f"Not read completely: {', '.join(failed)}. Their tables and bookmarks stand where they were."
            )
            raise TapPersonioError(msg)
        if skipped and len(skipped) == len(reports):
            msg = "This credential may read none of the selected streams: check its rights in Personio."
            raise TapPersonioError(msg)
        if skipped and self.settings.fail_on_unavailable:
            msg = f"Not available: {', '.join(skipped)} (the setting on_unavailable is `fail`)."
            raise TapPersonioError(msg)


def _source(name: str, stream_map: Any) -> str:
    """The stream, or the pattern of streams, that an entry of stream_maps is about."""
    return str(stream_map.get("__source__", name)) if isinstance(stream_map, dict) else name


def _read_json(file: IO[str] | None, option: str) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        content = json.load(file)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        msg = f"The file given with {option} is not a JSON object."
        raise SettingsError(msg)
    return content
