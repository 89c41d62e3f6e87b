"""When a state may be written: once everything that came before it is committed, and nothing it covers is staged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_target_duckdb.input_end import InputEnd
from singer_target_duckdb.json_text import whole_number

if TYPE_CHECKING:
    from collections.abc import Collection

    from singer_target_duckdb.versions import Versions

# Of the states that came since the last flush.
_MOST_STATES = 1000
_MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class State:
    """A state of the tap.

    Attributes:
        line: its line in the input.
        value: what it says.
        text: its JSON, written as it came.
    """

    line: int
    value: Any
    text: str


class States:
    """The states of a run, in the order in which they came.

    Whether a state may be written depends on which versions were being staged when it came, which is known once
    DuckDB has parsed the records around it. So the states since the last flush wait for `judge`.

    Attributes:
        last: value of the last state, whether or not it may be written.
        last_line: its line in the input; 0 if none came.
        withheld: the last state that may not be written yet.
    """

    def __init__(self) -> None:
        self.last: Any = None
        self.last_line = 0
        self.withheld: State | None = None
        self._committable: State | None = None
        self._waiting: list[State] = []
        self._bytes = 0
        self._before: Any = None  # value of the last state that was judged
        self._bookmarks_before: dict[str, Any] = {}

    def add(self, state: State) -> None:
        """Add a state that has come.

        Where there are very many, every second one is forgotten: to write an earlier state is always right.
        """
        self.last, self.last_line = state.value, state.line
        self._waiting.append(state)
        self._bytes += len(state.text)
        while len(self._waiting) > 2 and (len(self._waiting) > _MOST_STATES or self._bytes > _MOST_BYTES):
            self._waiting = [*self._waiting[:-1:2], self._waiting[-1]]
            self._bytes = sum(len(each.text) for each in self._waiting)

    def judge(self, versions: Collection[Versions]) -> None:
        """Decide which of the waiting states may be written after the next commit.

        All records before them have been parsed, so `versions` know what was being staged when each state came.
        """
        for state in self._waiting:
            staging = {each.stream for each in versions if each.is_staging_at(state.line)}
            self._bookmarks_before = {
                stream: self._bookmarks_before.get(stream, bookmark_of(self._before, stream))
                for stream in staging
            }
            self._before = state.value
            known = None if state.value is None else state
            is_covered = not any(each.withholds_states_at(state.line) for each in versions)
            if is_covered and all(self._rewinds_to_before(state.value, stream) for stream in staging):
                self._committable, self.withheld = known, None
            else:
                self.withheld = known
        self._waiting.clear()
        self._bytes = 0

    def _rewinds_to_before(self, value: Any, stream: str) -> bool:
        """Whether a tap that starts from this state reads again what is being staged of a stream.

        It does if the stream's bookmark is empty, or what it was in the last state before the staging. A state
        without a bookmark of that name says nothing: the tap may keep it under another name.
        """
        bookmark = bookmark_of(value, stream)
        return bookmark == {} or (bookmark is not None and bookmark == self._bookmarks_before[stream])

    def take(self, versions: Collection[Versions]) -> str | None:
        """The state to write after a commit, if there is one."""
        if self.withheld and not any(each.is_open for each in versions):
            self._committable, self.withheld = self.withheld, None
        state, self._committable = self._committable, None
        return state.text if state else None

    def end(self, stream: str, last_elsewhere: int, *, tap_activates: bool) -> InputEnd:
        """What is known of a stream at the end of the input.

        Args:
            stream: its name in the tap's state.
            last_elsewhere: input line of the last message of another stream.
            tap_activates: whether any stream had an ACTIVATE_VERSION.
        """
        return InputEnd(
            last_elsewhere=last_elsewhere,
            last_state=self.last_line,
            named=version_of(self.last, stream),
            withheld=version_of(self.withheld.value, stream) if self.withheld else None,
            is_in_progress=is_in_progress(self.last, stream),
            tap_activates=tap_activates,
        )


def bookmark_of(state: Any, stream: str) -> Any:
    """A stream's bookmark in a state as the SDK writes it, or None."""
    bookmarks = state.get("bookmarks") if isinstance(state, dict) else None
    return bookmarks.get(stream) if isinstance(bookmarks, dict) else None


def version_of(state: Any, stream: str) -> int | None:
    """The version that a state names for a stream, or None."""
    bookmark = bookmark_of(state, stream)
    version = bookmark.get("version") if isinstance(bookmark, dict) else None
    return whole_number(version) if type(version) is int else None


def is_in_progress(state: Any, stream: str) -> bool:
    """Whether a state says that a stream was still being read, as the SDK's taps and those of PostgreSQL do."""
    bookmark = bookmark_of(state, stream)
    is_named = isinstance(state, dict) and state.get("currently_syncing") == stream
    return is_named or (isinstance(bookmark, dict) and bool(bookmark.get("progress_markers")))
