"""The tap's settings: their JSON schema for Singer, and their checked values for the code."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from singer_sdk import typing as th

from tap_personio.errors import SettingsError
from tap_personio.setting_types import DAY, NEVER, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_API_URL = "https://api.personio.de"

CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "client_id",
        th.StringType,
        required=True,
        secret=True,
        title="Client ID",
        description="Client ID of the Personio API credential.",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        required=True,
        secret=True,
        title="Client secret",
        description="Client secret of the Personio API credential.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        default=DEFAULT_API_URL,
        title="API URL",
        description="Host of API v1 and v2. Plain http is accepted for a loopback address only.",
    ),
    th.Property(
        "start_date",
        th.DateType(nullable=True),
        title="Start date",
        description="Earliest day of absences, attendances and compensations; empty reads all history.",
    ),
    th.Property(
        "end_date",
        th.DateType(nullable=True),
        title="End date",
        description="Latest day of absences, attendances and compensations; empty means two years ahead.",
    ),
    th.Property(
        "resync_after_days",
        th.CustomType({"type": ["number", "string", "null"], "minimum": 0, "maximum": 36_500}),
        default=7,
        title="Resync after days",
        description=(
            "A merge table gets a full sync, which also removes rows that were deleted in Personio, when its last "
            "full sync is older than this; 0 means every run, `never` (or null in a config file) means never."
        ),
    ),
    th.Property(
        "max_removed_percent",
        th.CustomType({"type": ["number", "string", "null"], "minimum": 0, "maximum": 100}),
        default=30,
        title="Max removed percent",
        description=(
            "A full sync that brings fewer records than the last one, by more than this percentage and by at least 20, "
            "fails and leaves its table unchanged: the credential may have lost rights. `--full-refresh` accepts it; "
            "`never` (or null in a config file) switches this off."
        ),
    ),
    th.Property(
        "attribute_names",
        th.StringType,
        default="label",
        allowed_values=["label", "key"],
        title="Attribute names",
        description=(
            "How the columns of custom employee attributes are named: by `label` (readable) or by `key` "
            "(dynamic_123, does not change when the attribute is renamed)."
        ),
    ),
    th.Property(
        "skip_reports",
        th.StringType(nullable=True),
        title="Skip reports",
        description=(
            "Reports that get no table of their own: names of tables such as `report_salaries`, separated by commas; "
            "`*` stands for any text. `*` alone skips all, and the request per report that discovery needs."
        ),
    ),
    th.Property(
        "concurrency",
        th.IntegerType(minimum=1, maximum=64),
        default=12,
        title="Concurrency",
        description="Requests in flight at once; 1 means strictly one after the other.",
    ),
    th.Property(
        "v1_requests_per_minute",
        th.IntegerType(minimum=1, maximum=1_000_000),
        default=2000,
        title="Requests to API v1 per minute",
        description=(
            "Requests per minute that API v1 accepts from one IP address, all endpoints together; divide them among "
            "the accounts that share the address."
        ),
    ),
    th.Property(
        "on_unavailable",
        th.StringType,
        default="warn",
        allowed_values=["warn", "fail"],
        title="On unavailable",
        description=(
            "What to do with a stream that the credential may not read or the account does not have: "
            "`warn` skips it, `fail` ends the run with an error after all other streams."
        ),
    ),
    th.Property(
        "app_id",
        th.StringType(nullable=True),
        title="App ID",
        description="Sent as X-Personio-App-ID.",
    ),
    th.Property(
        "partner_id",
        th.StringType(nullable=True),
        title="Partner ID",
        description="Sent as X-Personio-Partner-ID.",
    ),
    th.Property(
        "user_agent",
        th.StringType(nullable=True),
        title="User agent",
        description="Sent as User-Agent; empty means the tap's name and version.",
    ),
    th.Property(
        "request_timeout",
        th.CustomType({"type": ["number", "null"], "minimum": 0.1, "maximum": 3600}),
        default=60,
        title="Request timeout",
        description=(
            "A request is retried after this many seconds without a byte from the server, and once after three times "
            "as many in all."
        ),
    ),
    th.Property(
        "retry_wait",
        th.CustomType({"type": ["number", "null"], "minimum": 0.01, "maximum": 60}),
        default=0.5,
        title="Retry wait",
        description="Seconds before the first retry of a failed request; the wait doubles with each further retry.",
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType,
        default=True,
        title="Emit ACTIVATE_VERSION messages",
        description=(
            "Whether each complete full sync ends with ACTIVATE_VERSION, so that the target deletes rows that no "
            "longer exist in Personio. Set to false for targets that do not support ACTIVATE_VERSION."
        ),
    ),
).to_dict()


@dataclass(frozen=True)
class Settings:
    """Checked settings, see `CONFIG_JSONSCHEMA` for their meaning."""

    client_id: str
    client_secret: str
    api_url: str
    start_date: dt.date | None
    end_date: dt.date | None
    resync_after: dt.timedelta | None
    max_removed_percent: float | None
    attribute_names: str
    skip_reports: tuple[str, ...]
    concurrency: int
    v1_requests_per_minute: int
    fail_on_unavailable: bool
    app_id: str | None
    partner_id: str | None
    user_agent: str
    request_timeout: float
    retry_wait: float
    activate_versions: bool

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Check a Singer config.

        Raises:
            SettingsError: naming the setting and what it should be, never its value where it is a secret.
        """
        config = typed(config, CONFIG_JSONSCHEMA)
        start, end = _day(config, "start_date"), _day(config, "end_date")
        if start and end and start > end:
            msg = f"The setting start_date ({start}) is after end_date ({end}): swap them or drop one."
            raise SettingsError(msg)
        resync, removed = config["resync_after_days"], config["max_removed_percent"]
        return cls(
            client_id=_secret(config, "client_id"),
            client_secret=_secret(config, "client_secret"),
            api_url=_api_url(config),
            start_date=start,
            end_date=end,
            resync_after=None if resync == NEVER else dt.timedelta(days=resync),
            max_removed_percent=None if removed == NEVER else removed,
            attribute_names=config["attribute_names"],
            skip_reports=tuple(each.strip() for each in (config.get("skip_reports") or "").split(",")),
            concurrency=config["concurrency"],
            v1_requests_per_minute=config["v1_requests_per_minute"],
            fail_on_unavailable=config["on_unavailable"] == "fail",
            app_id=_header(config, "app_id"),
            partner_id=_header(config, "partner_id"),
            user_agent=_header(config, "user_agent") or f"tap-personio/{_version()}",
            request_timeout=config["request_timeout"],
            retry_wait=config["retry_wait"],
            activate_versions=config["emit_activate_version_messages"],
        )

    def skips_report(self, table: str) -> bool:
        """Whether the setting skip_reports names a report, by its table."""
        return any(fnmatchcase(table, pattern) for pattern in self.skip_reports)


def _version() -> str:
    try:
        return version("tap-personio")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0"


def _secret(config: Mapping[str, Any], name: str) -> str:
    value = config.get(name)
    if value is None or value == "":
        variable = f"TAP_PERSONIO_{name.upper()}"
        msg = (
            f"The setting {name} is missing: create an API credential in Personio (Marketplace > Connected "
            f"integrations) and put its {name} into .env or the config, as {variable} or {name}."
        )
        raise SettingsError(msg)
    return str(value)


def _api_url(config: Mapping[str, Any]) -> str:
    value = config["api_url"]
    problem = f"The setting api_url must be an address such as {DEFAULT_API_URL}"
    try:
        parts = urlsplit(value.strip())
        host, _ = parts.hostname, parts.port
        requests.Request("GET", value.strip()).prepare()
    except (ValueError, requests.RequestException):
        raise SettingsError(problem + ".") from None
    is_plain = value.isprintable() and "@" not in parts.netloc
    if parts.scheme not in ("http", "https") or not host or not is_plain or parts.query or parts.fragment:
        raise SettingsError(problem + ": https and a host, without query or user.")
    if found := re.search(r"/v[12]/*$", parts.path):
        msg = (
            f"The setting api_url must not end in {found[0].rstrip('/')}, which the tap adds itself: "
            f"use {parts.scheme}://{parts.netloc}{parts.path[: found.start()]}."
        )
        raise SettingsError(msg)
    if parts.scheme == "http" and not is_loopback(host):
        msg = (
            "The setting api_url uses http, which would send the credential and all HR data unencrypted: "
            "use https (http is accepted for a loopback address only)."
        )
        raise SettingsError(msg)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _day(config: Mapping[str, Any], name: str) -> dt.date | None:
    value = config.get(name)
    if value is None:
        return None
    try:
        # Meltano and other taps pass start_date as a date-time: its day counts.
        day = dt.datetime.fromisoformat(value).date()
    except ValueError:
        day = None
    if day is None or not dt.date(1970, 1, 1) <= day < dt.date(9000, 1, 1):
        msg = f"The setting {name} must be {DAY}."
        raise SettingsError(msg)
    return day


def _header(config: Mapping[str, Any], name: str) -> str | None:
    value: str | None = config.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isprintable() or value != value.strip():
        msg = f"The setting {name} is sent as an HTTP header: it must be plain ASCII text on one line."
        raise SettingsError(msg)
    return value
