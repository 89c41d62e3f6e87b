"""Version 1 of the API. Paths and parameters: developer.personio.de/v1.0/reference."""

from . import absences, attendances, employees, login, reports
from .errors import bad_token, denied, gone, no_token, unknown
from .pages import ENDPOINTS

__all__ = [
    "ENDPOINTS", "absences", "attendances", "bad_token", "denied", "employees", "gone", "login", "no_token", "reports",
    "unknown",
]  # fmt: skip
