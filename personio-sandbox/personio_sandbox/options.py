"""Everything that can be set on a sandbox."""

# ruff: noqa: RUF009  `option` wraps dataclasses.field
from __future__ import annotations

import dataclasses
import datetime as dt  # noqa: TC003  `get_type_hints` needs the types
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_type_hints

import msgspec

CLIENT_ID = "papi-sandbox-client"
CLIENT_SECRET = "papi-sandbox-secret"  # noqa: S105  the credential of a sandbox protects nothing


def option(default: Any, meaning: str) -> Any:
    """A field of `Options`; the command shows its meaning."""
    if isinstance(default, dict):
        return field(default_factory=dict, metadata={"meaning": meaning})
    return field(default=default, metadata={"meaning": meaning})


@dataclass
class Options:
    """Size of the company, and the ways in which Personio behaves.

    The first group is read when the company is generated. Everything below it can be changed while the sandbox
    runs (``sandbox.options.latency = 0.2``) and applies from the next request on.
    """

    employees: int = option(250, "size of the company")
    seed: int = option(1, "another seed, another company")
    attendances_per_employee: int = option(60, "attendances for each employee")
    attendances: int | None = option(None, "attendances in total, instead of for each")
    absences_per_employee: int = option(15, "absences in days for each employee")
    absences: int | None = option(None, "absences in days in total, instead of for each")
    hourly_absences_per_employee: int = option(2, "absences in hours for each employee")
    years: int = option(3, "how far absences reach back")
    reports: int = option(5, "reports; those beyond the first five are small")
    hostile: bool = option(True, "custom attributes and texts that break careless clients")
    realistic: bool = option(
        False,
        "absences, working times and names as in a real company; the numbers for each employee do not apply",
    )
    now: dt.datetime | None = option(None, "a fixed clock, with a time zone; else the real time")
    time_zone: str = option("Europe/Berlin", "time zone of the company")
    host: str = option("127.0.0.1", "address to listen on")
    port: int = option(0, "port to listen on, 0 for a free one")
    certificate: str | None = option(None, "speak HTTPS: a PEM file with a certificate and its key")
    client_id: str = option(CLIENT_ID, "the credential")
    client_secret: str = option(CLIENT_SECRET, "its secret")

    latency: float = option(0.0, "seconds that each answer takes at least")
    rate_limits: bool = option(False, "keep to Personio's published limits")
    balance_rate: float | None = option(
        None, "requests a second that v1 balances take, 429 beyond; no header tells"
    )
    retry_after: bool = option(
        False, "send Retry-After with the 429 of a rate limit, which Personio does not"
    )
    bearer: Literal["constant", "rotating", "single-use"] = option(
        "constant", "v1 tokens: the same for a day, a new one in each answer, or only the newest one valid"
    )
    token_requests: int | None = option(None, "a token ends after so many requests: 403 in v1, 401 in v2")
    token_seconds: int = option(86_400, "a token ends after so long, on the sandbox's clock")
    credentials_in_query: bool = option(
        True, "v1 login takes the credential from the query string, which Personio ends on 2026-12-04"
    )
    large_employee_pages: Literal["cap", "reject", "allow"] = option(
        "cap", "v1 employees with a limit above 100: cap it, answer 400, or allow up to 200"
    )
    updated_since_ignores_paging: bool = option(
        False, "v1 employees answers everything at once when updated_since is given"
    )
    short_employee: Literal["full", "id"] = option(
        "full", "an employee inside another v1 record: name and mail, or only the id"
    )
    empty_entity: Literal["null", "text", "list"] = option(
        "text", 'an office, supervisor or team that is not set, in v1 employees: null, "" or []'
    )
    hourly_references: Literal["wrapped", "bare", "mixed"] = option(
        "mixed",
        "absence_type and employee in v1 absence-periods: with their fields in attributes, bare, or every second bare",
    )
    catalogue: bool = option(True, "the employee attribute catalogue may be read, else 403")
    duplicate_at_page_border: bool = option(
        False, "v1 time-offs repeats the last row of a page as the first of the next"
    )
    time_off_offset: Literal["pages", "records", "ignored"] = option(
        "pages", "what offset counts in v1 time-offs; or it is ignored, and each page is the first one"
    )
    time_off_window: Literal["overlap", "inside"] = option(
        "overlap",
        "v1 time-offs and start_date, end_date: what touches the days, or only what lies inside them",
    )
    repeated_time_off: bool = option(False, "v1 time-offs holds its first row twice, and counts it twice")
    gone: dict[str, int] = option(
        {}, 'endpoints that are switched off: path pattern and status, e.g. {"/v1/company/attendances*": 410}'
    )
    beta: bool = option(True, "the tenant has the beta endpoints, else 404 even with the Beta header")
    legal_entities: bool = option(True, "the company has the feature, else 412")
    next_links: Literal["absolute", "relative", "text", "repeating", "foreign"] = option(
        "absolute",
        "v2 next links: as documented, without a host, as text with a plus sign, to one page for ever, to another host",
    )
    next_links_at: str = option(
        "/v2/*", "the paths (a pattern) that next_links applies to; elsewhere they are absolute"
    )
    cursors: Literal["key", "offset"] = option(
        "key", "v2 cursors: the last row of the page, or offset and limit in base64, so that lists shift"
    )
    custom_ids: Literal["live", "key"] = option(
        "live", "custom attributes of v2 persons: named as live accounts name them, or by their key in v1"
    )
    custom_values: Literal["text", "typed"] = option(
        "text", "numbers of custom attributes in v2 persons, as text or as numbers"
    )
    spelling: Literal["plain", "odd"] = option(
        "plain", "odd: further spellings that single accounts have been seen to send, see the README"
    )
    overnight: Literal["omit", "reject"] = option(
        "omit", "v1 attendances and shifts that cross midnight: leave them out, or answer 422"
    )

    version: ClassVar[int] = 0
    """Increases with every change."""

    def __post_init__(self) -> None:
        for name in ("employees", "attendances_per_employee", "absences_per_employee", "years", "latency"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        self.hostile = self.hostile and not self.realistic
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("now needs a time zone, e.g. datetime(2026, 6, 1, tzinfo=UTC)")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in FIELDS:
            raise AttributeError(f"the sandbox has no option {name!r}; it has {', '.join(sorted(FIELDS))}")
        try:
            value = msgspec.convert(value, TYPES[name])
        except msgspec.ValidationError as error:
            raise ValueError(f"{name}: {error}") from None
        object.__setattr__(self, name, value)
        object.__setattr__(self, "version", self.version + 1)


FIELDS = frozenset(f.name for f in dataclasses.fields(Options))
TYPES = get_type_hints(Options)
