"""What is known of a stream when the input ends: `states` and `target` find it out, `versions` decides by it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InputEnd:
    """What is known of a stream at the end of the input.

    Attributes:
        last_elsewhere: input line of the last message of another stream.
        last_state: input line of the last state; 0 if none came.
        named: the version that the last state names for the stream.
        withheld: the version that the last withheld state names for the stream.
        is_in_progress: the last state says that the stream was still being read.
        tap_activates: whether any stream had an ACTIVATE_VERSION.
    """

    last_elsewhere: int
    last_state: int
    named: int | None
    withheld: int | None
    is_in_progress: bool
    tap_activates: bool

    def shows_end_after(self, line: int) -> bool:
        """Whether the tap went on to something else after this line, the last one of the stream."""
        return max(self.last_elsewhere, self.last_state) > line and not self.is_in_progress
