"""The error answers of version 1."""

from __future__ import annotations

from typing import Any

from ..api import Answer, Call, Refused, encode


def failure(status: int, message: str, *, code: int | None = None, **more: Any) -> Answer:
    """An error in the form of v1."""
    error = {"code": status if code is None else code, "message": message, **more}
    return Answer(encode({"success": False, "error": error}), status)


def invalid(name: str, reason: str) -> Refused:
    """400 for a parameter."""
    data = {name: [reason]}
    return Refused(failure(400, "The given data failed to pass validation.", code=0, error_data=data))


def no_token(call: Call) -> Answer:
    """The request has no token."""
    del call
    return failure(401, "Authorization is not provided")


def bad_token(call: Call) -> Answer:
    """The token is unknown or has expired."""
    del call
    return failure(403, "Provided authorization is not valid")


def denied(call: Call, area: str) -> Answer:
    """The credential lacks the right."""
    del call, area
    return failure(403, "You are not authorized to perform this action.")


def unknown(call: Call) -> Answer:
    """There is no such endpoint."""
    del call
    return failure(404, "The requested endpoint does not exist.")


def gone(call: Call, status: int) -> Answer:
    """The endpoint has been switched off."""
    del call
    return failure(status, "This endpoint is no longer available.")
