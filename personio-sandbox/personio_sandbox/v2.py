"""Version 2 of the API. Paths and parameters: developer.personio.de/v2.0/reference."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from .api import Answer, Call, Endpoints, Refused, encode

ENDPOINTS = Endpoints("/v2")


def problem(
    call: Call, status: int, title: str, detail: str, *, kind: str = "common.error", **meta: Any
) -> Answer:
    """An error in the form of v2."""
    error = {
        "title": title,
        "detail": detail,
        "type": f"https://developer.personio.de/reference/errors#{kind}",
        "_meta": meta,
    }
    body = {"personio_trace_id": "", "timestamp": _now(call), "errors": [error]}
    return Answer(encode(body), status, "application/problem+json")


def bad_request(call: Call, detail: str = "Provided request parameters are invalid.") -> Refused:
    """400 for a parameter."""
    return Refused(problem(call, 400, "Bad request", detail, kind="common.bad_request"))


def no_token(call: Call) -> Answer:
    """The request carries no token."""
    return problem(call, 401, "Unauthorized", "Unauthorized Request", kind="common.unauthorized")


def bad_token(call: Call) -> Answer:
    """The token is unknown or has ended."""
    return no_token(call)


def denied(call: Call, area: str) -> Answer:
    """The credential lacks the right; each service says it in its own way (reference 6.2)."""
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
    """There is no such endpoint, or not for this tenant, or not without the Beta header (reference 6.3)."""
    error = {
        "title": "Not Found",
        "detail": f"The endpoint with {call.path} was not found.",
        "type": "https://developer.personio.de/v2.0/page/public-api-error-codes#apinot_found",
        "_meta": {"path": call.path},
    }
    return Answer(encode({"personio_trace_id": "", "timestamp": _now(call), "errors": [error]}), 404)


def gone(call: Call, status: int) -> Answer:
    """The endpoint has been switched off."""
    return problem(call, status, "Gone", "This endpoint is no longer available.")


def _now(call: Call) -> str:
    return call.company.now().strftime("%Y-%m-%dT%H:%M:%SZ")


@ENDPOINTS.serve("/auth/token", method="POST", steady=False, guarded=False)
def token(call: Call) -> Answer:
    """POST /auth/token: a form, nothing else."""
    if call.headers.get("Content-Type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return oauth_error(call, "invalid_request", "The body must be a form.")
    form = {key: values[0] for key, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
    if form.get("grant_type") != "client_credentials":
        return oauth_error(call, "unsupported_grant_type", None)
    options, rights = call.api.options, call.api.rights
    if (form.get("client_id"), form.get("client_secret")) != (options.client_id, options.client_secret):
        return oauth_error(call, "invalid_client", "Client authentication failed.")
    scope = rights.scope
    if "scope" in form:
        if not set(form["scope"].split()) <= set(scope.split()):
            return oauth_error(call, "invalid_scope", None)
        scope = form["scope"]
    access_token, seconds = call.api.tokens.login()
    body = {"access_token": access_token, "token_type": "Bearer", "expires_in": seconds, "scope": scope,
            "refresh_token": None}  # fmt: skip
    return Answer(encode(body))


def oauth_error(call: Call, error: str, description: str | None) -> Answer:
    """An error in the form of the token endpoint."""
    body = {"error": error, "error_description": description, "error_uri": None, "timestamp": _now(call),
            "trace_id": "", "meta": {}}  # fmt: skip
    return Answer(encode(body), 400, "application/problem+json")
