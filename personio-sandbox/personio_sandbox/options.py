"""Everything that can be set on a sandbox."""

from __future__ import annotations

import dataclasses
import datetime as dt  # noqa: TC003  the types of the options are looked at
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_type_hints

import msgspec

CLIENT_ID = "papi-sandbox-client"
CLIENT_SECRET = "papi-sandbox-secret"  # noqa: S105  the credential of a sandbox protects nothing


@dataclass
class Options:
    """Size of the company, and the ways in which Personio behaves.

    The first group counts when the company is founded; everything below it can be changed while the sandbox
    runs (``sandbox.options.latency = 0.2``) and acts from the next request on.
    """

    employees: int = 250
    seed: int = 1
    attendances_per_employee: int = 60
    attendances: int | None = None
    """Total number; None: attendances_per_employee for each."""
    absences_per_employee: int = 15
    absences: int | None = None
    """Total number of day-tracked absences; None: absences_per_employee for each."""
    hourly_absences_per_employee: int = 2
    years: int = 3
    """Years that the absences reach back."""
    hostile: bool = True
    """Custom attributes and texts that break careless clients."""
    now: dt.datetime | None = None
    """A fixed clock; None: the real time."""
    time_zone: str = "Europe/Berlin"
    host: str = "127.0.0.1"
    port: int = 0
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET

    latency: float = 0.0
    """Seconds that each answer takes at least."""
    rate_limits: bool = False
    """Keep to Personio's published limits."""
    retry_after: bool = False
    """Send Retry-After with the 429 of a rate limit (Personio does not)."""
    bearer: Literal["constant", "rotating", "single-use"] = "constant"
    """v1 only. rotating: each answer brings a new token, all stay valid; single-use: only the newest is."""
    token_requests: int | None = None
    """A token ends after so many requests (v1 answers 403, v2 401)."""
    token_seconds: int = 86_400
    credentials_in_query: bool = True
    """Whether POST /v1/auth accepts them in the query string (Personio ends this on 2026-12-04)."""
    large_employee_pages: Literal["cap", "reject", "allow"] = "cap"
    """What v1 employees does with a limit above 100: cap it, answer 400, or allow up to 200."""
    updated_since_ignores_paging: bool = False
    """v1 employees answers everything at once when updated_since is given."""
    short_employee: Literal["full", "id"] = "full"
    """What an employee inside another record carries."""
    catalogue: bool = True
    """Whether the employee attribute catalogue may be read (some credentials get 403)."""
    duplicate_at_page_border: bool = False
    """v1 time-offs repeats the last row of a page as the first of the next."""
    gone: dict[str, int] = field(default_factory=dict)
    """Path pattern -> status of endpoints that have been switched off, e.g. {"/v1/company/attendances*": 410}."""
    beta: bool = True
    """Whether the tenant has the beta endpoints (else 404 as for a missing Beta header)."""
    legal_entities: bool = True
    """Whether the company has the feature (else 412)."""
    next_links: Literal["absolute", "relative", "repeating", "foreign"] = "absolute"
    """v2: repeating points at the same page for ever, foreign at another host."""
    next_links_at: str = "/v2/*"
    """The paths (a pattern) that next_links applies to; elsewhere they are absolute."""
    custom_values: Literal["text", "typed"] = "text"
    """Whether v2 persons write numbers of custom attributes as text or as numbers."""
    overnight: Literal["omit", "reject"] = "omit"
    """What v1 attendances does with shifts that cross midnight: leave them out or answer 422."""

    version: ClassVar[int] = 0
    """Moves with every change."""

    def __post_init__(self) -> None:
        for name in ("employees", "attendances_per_employee", "absences_per_employee", "years", "latency"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
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
