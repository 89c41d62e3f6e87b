"""POST /v1/auth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from .errors import failure
from .pages import ENDPOINTS, answer

if TYPE_CHECKING:
    from ..api import Answer, Call


@ENDPOINTS.serve("/auth", method="POST", steady=False, guarded=False)
def auth(call: Call) -> Answer:
    """POST /auth: credentials in the body as JSON or form, or in the query string while Personio accepts that."""
    given: dict[str, Any] = {}
    if call.body:
        if "json" in call.headers.get("Content-Type", ""):
            try:
                given = msgspec.json.decode(call.body, type=dict[str, Any])
            except msgspec.DecodeError:
                return failure(400, "The request body is not valid JSON.")
        else:
            given = {key: values[0] for key, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
    elif "client_secret" in call.query:
        if not call.api.options.credentials_in_query:
            return failure(403, "Credentials in the query string are not accepted.")
        given = dict(call.query)
    options = call.api.options
    if (given.get("client_id"), given.get("client_secret")) != (options.client_id, options.client_secret):
        return failure(403, "Wrong credentials", code=0)
    token, seconds = call.api.tokens.login()
    return answer({"token": token, "expires_in": seconds, "scope": call.api.rights.scope})
