"""What the two API versions share: calls, answers, errors, the table of endpoints and a cache of results."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from multidict import MultiMapping

    from .access import Rights, Tokens
    from .company import Company
    from .options import Options

Result = TypeVar("Result")
encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer."""

    body: bytes
    status: int = 200
    type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):  # noqa: N818  it ends a request, it is no mistake of ours
    """The request ends with this error answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass
class Api:
    """What the endpoints have access to."""

    company: Company
    options: Options
    rights: Rights
    tokens: Tokens
    _results: dict[Any, Any] = field(default_factory=dict)
    _results_of: tuple[int, int] = (-1, -1)

    def cached(self, key: Any, make: Callable[[], Result]) -> Result:
        """The result for this key, computed again when the company or an option has changed since."""
        state = (self.company.version, self.options.version)
        if self._results_of != state or len(self._results) > 2000:
            self._results, self._results_of = {}, state
        if key not in self._results:
            self._results[key] = make()
        result: Result = self._results[key]
        return result


@dataclass
class Call:
    """One request, as an endpoint sees it. ``origin`` is the address under which the client reaches the sandbox."""

    api: Api
    method: str
    path: str
    query: MultiMapping[str]
    headers: Mapping[str, str]
    origin: str
    body: bytes = b""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def company(self) -> Company:
        """The company."""
        return self.api.company

    def values(self, name: str) -> tuple[str, ...]:
        """A list-valued parameter: repeated, with or without ``[]`` (or an index in it), or with commas."""
        found: list[str] = []
        for key, value in self.query.items():
            if key == name or (key.startswith(f"{name}[") and key.endswith("]")):
                found += [part for part in value.split(",") if part]
        return tuple(found)


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Endpoint:
    """A path that is served: ``area`` is the right it needs, None for none."""

    method: str
    template: str
    handler: Handler
    area: str | None = None
    beta: bool = False
    steady: bool = True
    """The same request gets the same answer until the company changes."""
    guarded: bool = True
    """Whether a token is required."""


class Endpoints:
    """The table of endpoints of one API version, filled by decorating their handlers."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._fixed: dict[str, dict[str, Endpoint]] = {}
        self._patterns: list[tuple[re.Pattern[str], Endpoint]] = []

    def serve(
        self,
        template: str,
        area: str | None = None,
        *,
        method: str = "GET",
        beta: bool = False,
        steady: bool = True,
        guarded: bool = True,
    ) -> Callable[[Handler], Handler]:
        """Decorate the handler of a path; ``{name}`` in it is a part without a slash."""

        def add(handler: Handler) -> Handler:
            endpoint = Endpoint(method, self.prefix + template, handler, area, beta, steady, guarded)
            if "{" in template:
                pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", endpoint.template)
                self._patterns.append((re.compile(pattern), endpoint))
            else:
                self._fixed.setdefault(endpoint.template, {})[method] = endpoint
            return handler

        return add

    def find(self, method: str, path: str) -> tuple[Endpoint | None, dict[str, str]]:
        """The endpoint for a path, with the values of its ``{names}``."""
        fixed = self._fixed.get(path, {}).get(method)
        if fixed is not None:
            return fixed, {}
        for pattern, endpoint in self._patterns:
            found = pattern.fullmatch(path)
            if found and endpoint.method == method:
                return endpoint, found.groupdict()
        return None, {}
