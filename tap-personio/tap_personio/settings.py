"""The tap's settings: their JSON schema for Singer, and their checked values for the code."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk import typing as th

from tap_personio.errors import SettingsError

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
        th.NumberType(nullable=True),
        default=7,
        title="Resync after days",
        description=(
            "A merge table is read whole again, which also removes what was deleted in Personio, when its "
            "last whole read is older than this; 0 means every run, null means never."
        ),
    ),
    th.Property(
        "attribute_names",
        th.StringType,
        default="label",
        allowed_values=["label", "key"],
        title="Attribute names",
        description=(
            "How custom employee attributes name their columns: by `label` (readable) or by `key` "
            "(dynamic_123, survives renaming)."
        ),
    ),
    th.Property(
        "concurrency",
        th.IntegerType,
        default=12,
        title="Concurrency",
        description="Requests in flight at once; 1 means strictly one after the other.",
    ),
    th.Property(
        "on_unavailable",
        th.StringType,
        default="warn",
        allowed_values=["warn", "fail"],
        title="On unavailable",
        description=(
            "What happens with a stream that the credential may not read or the account does not have: "
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
        th.NumberType,
        default=60,
        title="Request timeout",
        description="Seconds without a byte from the server after which a request is given up and repeated.",
    ),
    th.Property(
        "retry_wait",
        th.NumberType,
        default=0.5,
        title="Retry wait",
        description="Seconds before the first repetition of a failed request; each further wait doubles.",
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType,
        default=True,
        title="Emit ACTIVATE_VERSION messages",
        description=(
            "Whether complete reads end with ACTIVATE_VERSION, so that the target drops what is no longer "
            "in Personio. Switch off for a target that stumbles over these messages."
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
    attribute_names: str
    concurrency: int
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
        start, end = _day(config, "start_date"), _day(config, "end_date")
        if start and end and start > end:
            msg = f"The setting start_date ({start}) is after end_date ({end}): swap them or drop one."
            raise SettingsError(msg)
        resync = _number(config, "resync_after_days", 7, minimum=0, maximum=36_500)
        return cls(
            client_id=_secret(config, "client_id"),
            client_secret=_secret(config, "client_secret"),
            api_url=_api_url(config),
            start_date=start,
            end_date=end,
            resync_after=None if resync is None else dt.timedelta(days=resync),
            attribute_names=_choice(config, "attribute_names", ("label", "key")),
            concurrency=_concurrency(config),
            fail_on_unavailable=_choice(config, "on_unavailable", ("warn", "fail")) == "fail",
            app_id=_header(config, "app_id"),
            partner_id=_header(config, "partner_id"),
            user_agent=_header(config, "user_agent") or f"tap-personio/{_version()}",
            request_timeout=_number(config, "request_timeout", 60, minimum=0.1, maximum=3600) or 60,
            retry_wait=_number(config, "retry_wait", 0.5, minimum=0.01, maximum=60) or 0.5,
            activate_versions=_flag(config, "emit_activate_version_messages", default=True),
        )


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
            f"The setting {name} is missing: create an API credential in Personio (Settings > Integrations > "
            f"API credentials) and give its {name} here or as {variable}."
        )
        raise SettingsError(msg)
    if not isinstance(value, str):
        msg = f"The setting {name} must be text in quotes."
        raise SettingsError(msg)
    return value


def _api_url(config: Mapping[str, Any]) -> str:
    value = config.get("api_url") or DEFAULT_API_URL
    problem = f"The setting api_url must be an address such as {DEFAULT_API_URL}"
    if not isinstance(value, str):
        raise SettingsError(problem + ".")
    try:
        parts = urlsplit(value.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SettingsError(problem + ".") from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise SettingsError(problem + ", with https, a host name, and nothing behind the path.")
    if parts.scheme == "http" and not _is_loopback(host):
        msg = (
            "The setting api_url uses http, which would send the credential and all HR data unencrypted: "
            "use https (http is accepted for a loopback address only)."
        )
        raise SettingsError(msg)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _day(config: Mapping[str, Any], name: str) -> dt.date | None:
    value = config.get(name)
    if value is None or value == "":
        return None
    try:
        # Meltano and other taps pass start_date as a date-time: its day counts.
        day = dt.datetime.fromisoformat(value).date() if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or not dt.date(1970, 1, 1) <= day < dt.date(9000, 1, 1):
        msg = f"The setting {name} must be a day from 1970-01-01 on, written as YYYY-MM-DD."
        raise SettingsError(msg)
    return day


def _number(
    config: Mapping[str, Any], name: str, default: float, *, minimum: float, maximum: float
) -> float | None:
    value = config.get(name, default)
    if value is None:
        return None
    if isinstance(value, Decimal):  # the SDK reads config files so
        value = float(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not minimum <= value <= maximum
    ):
        msg = f"The setting {name} must be a number from {minimum:g} to {maximum:g}."
        raise SettingsError(msg)
    return value


def _concurrency(config: Mapping[str, Any]) -> int:
    value = config.get("concurrency")
    value = 12 if value is None else value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 64:
        msg = "The setting concurrency must be a whole number from 1 to 64."
        raise SettingsError(msg)
    return value


def _choice(config: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = config.get(name, choices[0])
    if value is None:
        return choices[0]
    if value not in choices:
        msg = f"The setting {name} must be one of: {', '.join(choices)}."
        raise SettingsError(msg)
    return str(value)


def _header(config: Mapping[str, Any], name: str) -> str | None:
    value = config.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or value != value.strip():
        msg = f"The setting {name} is sent as an HTTP header: it must be plain ASCII text on one line."
        raise SettingsError(msg)
    return value


def _flag(config: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = config.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        msg = f"The setting {name} must be true or false."
        raise SettingsError(msg)
    return value
