"""Faults, and changes to the company at a given request. Both can be switched on and off while the sandbox runs."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from .api import Answer, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from .company import Company

Kind = Literal[
    "400", "401", "403", "404", "429", "431", "500", "502", "503", "504",
    "reset", "reset-body", "cut-json", "html", "unsuccessful", "slow", "stall", "wrong-total", "short-page", "expire",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass
class Fault:
    """One fault and the requests that it affects.

    ``path`` is a pattern (``/v1/company/*``). The fault affects matching requests from the ``nth`` on (1 is the next
    one), at most ``times`` of them (None: all), each with ``probability``.
    """

    kind: Kind
    path: str = "*"
    method: str | None = None
    nth: int = 1
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    seconds: float = 1.0
    """For slow: the wait before the answer. For stall: the wait in the middle of the answer."""
    retry_after: str | None = None
    """For error statuses: the value of Retry-After."""
    by: int = 1
    """For wrong-total: how much too high; for short-page: how many rows are missing."""
    seen: int = field(default=0, init=False)
    """Requests that matched so far."""
    fired: int = field(default=0, init=False)
    """Requests that were affected so far."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; there are {', '.join(KINDS)}")
        if self.nth < 1:
            raise ValueError("nth counts from 1")
        self._random = random.Random(self.seed)  # noqa: S311  it need not be secret

    def strikes(self, method: str, path: str) -> bool:
        """Count a request, and return whether the fault affects it."""
        if self.method not in (None, method) or not fnmatchcase(path, self.path):
            return False
        self.seen += 1
        due = self.seen >= self.nth and (self.times is None or self.fired < self.times)
        if not due or (self.probability < 1 and self._random.random() >= self.probability):
            return False
        self.fired += 1
        return True


@dataclass
class Hook:
    """A change to the company before or after the nth request to a path."""

    when: Literal["before", "after"]
    path: str
    nth: int
    action: Callable[[Company], object]
    seen: int = 0


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._hooks: list[Hook] = []

    def __iter__(self) -> Any:
        return iter(list(self._faults))

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, kind: Kind, path: str = "*", **when: Any) -> Fault:
        """Switch a fault on; see `Fault` for its settings. If several affect a request, the first one is used."""
        fault = Fault(kind, path, **when)
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Switch one off."""
        with self._lock:
            self._faults.remove(fault)

    def clear(self) -> None:
        """Switch everything off, planned changes too."""
        with self._lock:
            self._faults.clear()
            self._hooks.clear()

    def before(self, path: str, nth: int, action: Callable[[Company], object]) -> None:
        """Run ``action(company)`` once, just before the nth request from now to this path (a pattern)."""
        self._plan("before", path, nth, action)

    def after(self, path: str, nth: int, action: Callable[[Company], object]) -> None:
        """Run ``action(company)`` once, just after the nth request from now to this path (a pattern)."""
        self._plan("after", path, nth, action)

    def _plan(
        self, when: Literal["before", "after"], path: str, nth: int, action: Callable[[Company], object]
    ) -> None:
        if nth < 1:
            raise ValueError("nth counts from 1")
        with self._lock:
            self._hooks.append(Hook(when, path, nth, action))

    def pick(self, method: str, path: str) -> Fault | None:
        """The fault that affects a request, if any."""
        if not self._faults:
            return None
        with self._lock:
            found = [fault for fault in self._faults if fault.strikes(method, path)]
        for fault in found[1:]:
            fault.fired -= 1
        return found[0] if found else None

    def run_hooks(self, when: Literal["before", "after"], path: str, company: Company) -> None:
        """Run the planned changes that are due."""
        if not self._hooks:
            return
        with self._lock:
            met = [hook for hook in self._hooks if hook.when == when and fnmatchcase(path, hook.path)]
            for hook in met:
                hook.seen += 1
            due = [hook for hook in met if hook.seen == hook.nth]
            self._hooks = [hook for hook in self._hooks if hook not in due]
        for hook in due:
            hook.action(company)


HTML = b"<!DOCTYPE html><html><head><title>Just a moment</title></head><body>We are back soon.</body></html>"
_TEXTS = {
    400: "Bad request",
    401: "Authorization is not provided",
    403: "Provided authorization is not valid",
    404: "Not found",
    429: "Too many requests",
    431: "Request Header Fields Too Large",
    500: "There was a problem while processing this request. Please try again later.",
    502: "There was a problem while processing this request. Please try again later.",
    503: "The server is temporarily unavailable.",
    504: "Gateway Timeout",
}


def error(status: int, path: str, timestamp: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An error in the form of the API version that the path belongs to."""
    text = _TEXTS[status]
    if status in (502, 504):
        return Answer(b"<html><body><h1>%d</h1></body></html>" % status, status, "text/html", headers)
    if path.startswith("/v1"):
        return Answer(
            encode({"success": False, "error": {"code": status, "message": text}}), status, headers=headers
        )
    problem = {
        "title": text,
        "detail": text,
        "type": "https://developer.personio.de/reference/errors#common.error",
    }
    body = {"personio_trace_id": "", "timestamp": timestamp, "errors": [problem]}
    return Answer(encode(body), status, "application/problem+json", headers)


def replacement(fault: Fault, path: str, timestamp: str) -> Answer | None:
    """The answer that a fault gives in place of the real one; None if it alters the real one."""
    if fault.kind.isdigit():
        headers = () if fault.retry_after is None else (("Retry-After", fault.retry_after),)
        return error(int(fault.kind), path, timestamp, headers)
    if fault.kind == "html":
        return Answer(HTML, type="text/html")
    if fault.kind == "unsuccessful":
        return Answer(encode({"success": False, "error": {"code": 0, "message": "Something went wrong."}}))
    return None


def altered(fault: Fault, answer: Answer) -> Answer:
    """The real answer with its body altered by a fault."""
    body = answer.body
    if fault.kind == "cut-json":
        body = body[: max(1, len(body) * 2 // 3)]
    elif fault.kind == "wrong-total":
        body = re.sub(
            rb'"total_elements":(\d+)',
            lambda m: b'"total_elements":%d' % (int(m[1]) + fault.by),
            body,
            count=1,
        )
    elif fault.kind == "short-page":
        content = msgspec.json.decode(body)
        for key in ("data", "_data"):
            if isinstance(content, dict) and isinstance(content.get(key), list):
                content[key] = content[key][: -fault.by]
        body = encode(content)
    return msgspec.structs.replace(answer, body=body)
