"""The one error that a user sees."""

from __future__ import annotations


class LoaderError(Exception):
    """What went wrong and what to do about it, in one sentence that holds no record value."""
