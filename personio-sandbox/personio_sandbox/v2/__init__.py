"""Version 2 of the API. Paths and parameters: developer.personio.de/v2.0/reference."""

from . import (
    absences,
    attendances,
    documents,
    login,
    organisation,
    pay,
    people,
    projects,
    recruiting,
    reports,
    webhooks,
)
from .errors import bad_token, denied, gone, no_token, unknown
from .lists import ENDPOINTS

__all__ = [
    "ENDPOINTS", "absences", "attendances", "bad_token", "denied", "documents", "gone", "login", "no_token",
    "organisation", "pay", "people", "projects", "recruiting", "reports", "unknown", "webhooks",
]  # fmt: skip
