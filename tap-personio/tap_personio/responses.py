"""What Personio's responses mean: one place for both API versions.

Collected in the developer hub's error pages and forum; what differs from endpoint to endpoint is named here.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
from typing import TYPE_CHECKING

import msgspec

from tap_personio.bounds import MAX_CLOCK_DIFFERENCE
from tap_personio.errors import (
    UNREADABLE,
    RecordMissingError,
    RecordRefusedError,
    StreamFailedError,
    StreamUnavailableError,
    TapPersonioError,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_personio.transport import Request, Response

TRANSIENT = frozenset({408, 425, 429, 431, *range(500, 600)})
FORBIDDEN = frozenset({401, 403})
# The marker by which v2 tells "this endpoint is not released for you" from "this record does not exist".
NOT_FOUND_MARKER = b"apinot_found"
# Endpoints of v1 with an announced end. Attendances began to refuse periods over midnight (422) shortly before it.
DEPRECATED = ("/company/attendances", "/company/custom-reports")
# v2 reports answer 400 where other endpoints answer 403.
FORBIDDEN_REPORTS = b"nauthorized token"


def raise_for_response(request: Request, response: Response) -> None:
    """Return when the response can be read, or raise what it means.

    401 and 403 come here only after a fresh token did not help.

    Raises:
        TransientError: repeat the request.
        StreamUnavailableError: the right or the feature is missing.
        RecordMissingError: 404 for a single record; only for requests about a single record.
        RecordRefusedError: anything else that refuses a single record.
        StreamFailedError: our request is wrong, or the response makes no sense.
    """
    status, body = response.status, response.body
    if status == 200:
        return
    if status in TRANSIENT:
        raise transient(response)
    is_report = "/reports" in request.path
    if status in FORBIDDEN or (status == 400 and is_report and FORBIDDEN_REPORTS in body):
        msg = missing_right(request.permission)
        reason: TapPersonioError = StreamUnavailableError(msg, permission=request.permission)
        raise RecordRefusedError(f"status {status}", reason) if request.is_child else reason
    if request.is_child and status == 404 and NOT_FOUND_MARKER not in body:
        raise RecordMissingError(_explain(request, status, body))
    if request.is_child and 400 <= status < 500 and status not in (404, 410, 412):
        # Grouped, chart and archived reports, and shared but unreadable ones, answer 400.
        msg = f"Personio serves none of the reports (status {status})"
        reason = (
            StreamUnavailableError(msg) if is_report else StreamFailedError(_explain(request, status, body))
        )
        raise RecordRefusedError(f"status {status}", reason)
    if status in (404, 410, 412) or (status == 422 and request.path.startswith(DEPRECATED)):
        if request.replaced_by:
            streams = "streams" if " and " in request.replaced_by else "stream"
            msg = (
                f"Personio has ended this endpoint (status {status}), see the {streams} {request.replaced_by}"
            )
            raise StreamUnavailableError(msg, is_ended=True)
        if request.beta:
            msg = f"this beta feature is not released for the account (status {status})"
        else:
            msg = f"the account does not have this feature (status {status})"
        raise StreamUnavailableError(msg)
    raise StreamFailedError(_explain(request, status, body))


def missing_right(permission: str) -> str:
    """What to do about a right that is missing."""
    return f"this credential may not read it: tick {permission} in Personio's API credential"


def transient(response: Response) -> TransientError:
    """The error for a status that is likely to pass."""
    wait = _retry_after(response.headers)
    is_limit = response.status == 429
    what = "too many requests (429)" if is_limit else f"status {response.status}"
    error = TransientError(what, wait, is_limit=is_limit or wait is not None)
    error.came_at = response.came_at
    return error


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, given as a number or as a date; None where there is none."""
    value = headers.get("Retry-After")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    moment = http_date(value)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds()) if moment else None


def http_date(value: str | None) -> dt.datetime | None:
    """The moment in a header; None where there is none, or one that is not of these days."""
    try:
        moment = email.utils.parsedate_to_datetime(value or "")
        return moment if abs(moment - dt.datetime.now(dt.UTC)) < MAX_CLOCK_DIFFERENCE else None
    except Exception:  # of many kinds: years, zones and hours beyond all bounds
        return None


def _explain(request: Request, status: int, body: bytes) -> str:
    trace = _trace_id(body)
    return f"{request.endpoint} answered with status {status}" + (f" (trace id {trace})" if trace else "")


def _trace_id(body: bytes) -> str:
    """The id by which Personio's support finds a request. Messages are left out: they may quote a value."""
    try:
        answer = msgspec.json.decode(body)
    except UNREADABLE:
        return ""
    trace = answer.get("personio_trace_id") or answer.get("trace_id") if isinstance(answer, dict) else None
    return trace if isinstance(trace, str) and re.fullmatch(r"[\w.:-]{1,64}", trace, re.ASCII) else ""
