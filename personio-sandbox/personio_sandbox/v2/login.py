"""POST /v2/auth/token and /v2/auth/revoke."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from ..api import Answer, Call, encode
from .errors import now
from .lists import ENDPOINTS


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
    body: dict[str, Any] = {"error": error, "error_description": description, "error_uri": None, "timestamp": now(call),
            "trace_id": "", "meta": {}}  # fmt: skip
    return Answer(encode(body), 400, "application/problem+json")


@ENDPOINTS.serve("/auth/revoke", method="POST", steady=False, guarded=False)
def revoke(call: Call) -> Answer:
    """POST /auth/revoke: the token in the form ends; the answer is empty."""
    form = parse_qs(call.body.decode("utf-8", "replace"))
    call.api.tokens.revoke(form.get("token", [""])[0])
    return Answer(b"")
