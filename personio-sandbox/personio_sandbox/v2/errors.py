"""The error answers of version 2."""

from __future__ import annotations

from typing import Any

from ..api import Answer, Call, Refused, encode


def now(call: Call) -> str:
    """The sandbox's time as v2 writes it."""
    return call.company.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def problem(
    call: Call, status: int, title: str, detail: str, *, kind: str = "common.error", **meta: Any
) -> Answer:
    """An error in the form that most services of v2 share."""
    error = {
        "title": title,
        "detail": detail,
        "type": f"https://developer.personio.de/reference/errors#{kind}",
        "_meta": meta,
    }
    body = {"personio_trace_id": "", "timestamp": now(call), "errors": [error]}
    return Answer(encode(body), status, "application/problem+json")


def bad_request(call: Call, detail: str = "Provided request parameters are invalid.") -> Refused:
    """400 for a parameter."""
    return Refused(problem(call, 400, "Bad request", detail, kind="common.bad_request"))


def not_found(call: Call) -> Refused:
    """404 for an id."""
    detail = "There is no resource for the specified id."
    return Refused(problem(call, 404, "Resource not found", detail, kind="common.not_found"))


def no_token(call: Call) -> Answer:
    """The request has no token."""
    return problem(call, 401, "Unauthorized", "Unauthorized Request", kind="common.unauthorized")


def bad_token(call: Call) -> Answer:
    """The token is unknown or has expired."""
    return no_token(call)


def denied(call: Call, area: str) -> Answer:
    """The credential lacks the right; each service has its own wording."""
    if area == "employees":
        return no_token(call)
    if area == "reports":
        return report_problem(400, "Unauthorized token")
    return problem(
        call, 403, "Forbidden", "The credential lacks the required scope.", kind="common.forbidden"
    )


def report_problem(status: int, detail: str) -> Answer:
    """An error in the form of the reports service."""
    title = "Not Found" if status == 404 else "Bad Request"
    return Answer(
        encode({"errors": [{"status": str(status), "title": title, "id": "", "detail": detail}]}), status
    )


def unknown(call: Call) -> Answer:
    """There is no such endpoint, or not for this tenant, or not without the Beta header."""
    error = {
        "title": "Not Found",
        "detail": f"The endpoint with {call.path} was not found.",
        "type": "https://developer.personio.de/v2.0/page/public-api-error-codes#apinot_found",
        "_meta": {"path": call.path},
    }
    return Answer(encode({"personio_trace_id": "", "timestamp": now(call), "errors": [error]}), 404)


def gone(call: Call, status: int) -> Answer:
    """The endpoint has been switched off."""
    return problem(call, status, "Gone", "This endpoint is no longer available.")
