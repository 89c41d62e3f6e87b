"""The sandbox's clock: real, shifted or fixed."""

from __future__ import annotations

import datetime as dt


class Clock:
    """The time of the sandbox. With a ``fixed`` time it does not advance until it is moved."""

    def __init__(self, fixed: dt.datetime | None = None) -> None:
        self._fixed = fixed
        self._shift = dt.timedelta()
        self.moves = 0
        """How often it was moved."""

    def now(self) -> dt.datetime:
        """The time in UTC, in whole seconds as Personio stores them."""
        base = self._fixed or dt.datetime.now(dt.UTC)
        return (base + self._shift).astimezone(dt.UTC).replace(microsecond=0)

    def forward(self, **amount: float) -> dt.datetime:
        """Move forward (or back) by ``days=``, ``hours=``, ``seconds=`` … and return the new time."""
        self._shift += dt.timedelta(**amount)
        self.moves += 1
        return self.now()

    def set(self, moment: dt.datetime) -> dt.datetime:
        """Fix the clock at this time."""
        if moment.tzinfo is None:
            raise ValueError("the moment needs a time zone")
        self._fixed, self._shift = moment, dt.timedelta()
        self.moves += 1
        return self.now()
