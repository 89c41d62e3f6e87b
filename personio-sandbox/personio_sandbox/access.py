"""Tokens, and the rights of the credential."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .clock import Clock
    from .options import Options

# Area -> the scope strings that a token lists for it.
AREAS = {
    "employees": "employees:read personio:persons:read",
    "absences": "absences:read personio:absences:read",
    "attendances": "attendances:read personio:attendances:read",
    "projects": "personio:projects:read",
    "documents": "documents:read",
    "reports": "reports.custom:read personio:reports:read",
    "compensations": "personio:compensations:read",
    "legal-entities": "personio:legal-entities:read",
    "org-units": "personio:org-units:read",
    "cost-centers": "personio:cost-centers:read",
    "workplaces": "personio:workplaces:read",
    "jobs": "personio:jobs:read",
    "salary-bands": "personio:salary-bands:read",
    "recruiting": "personio:recruiting:read",
    "webhooks": "personio:webhooks:read",
}


class Rights:
    """What the credential may read: areas (see `AREAS`) and employee attributes (by key).

    Everything at first. Changes apply from the next request on.
    """

    def __init__(self) -> None:
        self.version = 0
        self._denied: set[str] = set()
        self._hidden: set[str] = set()
        self._shown: set[str] | None = None

    @property
    def areas(self) -> frozenset[str]:
        """The areas that may be read."""
        return frozenset(AREAS) - self._denied

    def deny(self, *areas: str) -> None:
        """Remove the right to read these areas."""
        self._denied |= self._known(areas)
        self.version += 1

    def allow(self, *areas: str) -> None:
        """Restore the right to read these areas."""
        self._denied -= self._known(areas)
        self.version += 1

    def only(self, *areas: str) -> None:
        """Allow only these areas."""
        self._denied = set(AREAS) - self._known(areas)
        self.version += 1

    def hide_attributes(self, *keys: str) -> None:
        """Remove employee attributes from the whitelist."""
        self._hidden |= set(keys)
        self.version += 1

    def show_attributes(self, *keys: str) -> None:
        """Whitelist only these employee attributes (and the id)."""
        self._shown, self._hidden = {"id", *keys}, set()
        self.version += 1

    def reset(self) -> None:
        """Everything may be read again."""
        self._denied, self._hidden, self._shown = set(), set(), None
        self.version += 1

    def sees(self, key: str) -> bool:
        """Whether the employee attribute is whitelisted."""
        return key not in self._hidden and (self._shown is None or key in self._shown)

    @property
    def scope(self) -> str:
        """The scopes that a token answer lists."""
        return " ".join(scope for area, scope in AREAS.items() if area not in self._denied)

    @staticmethod
    def _known(areas: Iterable[str]) -> set[str]:
        unknown = set(areas) - set(AREAS)
        if unknown:
            raise ValueError(f"there is no area {', '.join(sorted(unknown))}; there are {', '.join(AREAS)}")
        return set(areas)


class Tokens:
    """Issues and checks bearer tokens: one token for 24 hours, unless the options say otherwise."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options, self._clock = options, clock
        self._issued = 0
        self._current = ""
        self._valid: dict[str, tuple[dt.datetime, int]] = {}
        """token -> (end, requests made with it)"""

    def login(self) -> tuple[str, int]:
        """The token for the credential and the seconds until it expires."""
        if not self.valid(self._current) or self._options.bearer == "single-use":
            self.renew()
        end, _ = self._valid[self._current]
        return self._current, max(1, int((end - self._clock.now()).total_seconds()))

    def renew(self) -> str:
        """A new token; with single-use tokens the older ones expire."""
        if self._options.bearer == "single-use":
            self._valid.clear()
        self._issued += 1
        seed = f"{self._options.seed}/{self._options.client_id}/{self._issued}"
        self._current = "papi-" + hashlib.sha256(seed.encode()).hexdigest()
        self._valid[self._current] = (
            self._clock.now() + dt.timedelta(seconds=self._options.token_seconds),
            0,
        )
        return self._current

    def valid(self, token: str) -> bool:
        """Whether requests may be made with the token."""
        end, used = self._valid.get(token, (None, 0))
        used_up = self._options.token_requests is not None and used >= self._options.token_requests
        return end is not None and end > self._clock.now() and not used_up

    def use(self, token: str) -> bool:
        """Count a request made with the token; False if it is not valid."""
        if not self.valid(token):
            return False
        end, used = self._valid[token]
        self._valid[token] = (end, used + 1)
        return True

    def expire(self) -> None:
        """End all tokens now."""
        self._valid.clear()

    def revoke(self, token: str) -> None:
        """End one token."""
        self._valid.pop(token, None)
