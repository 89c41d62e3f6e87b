"""Random Singer messages, and which rows and states may be there after they have been loaded.

The rules are those of target-duckdb/README.md, "Versions". They are asked of the messages alone, whatever the loader
did in between: how many records a flush had, where it was killed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from singer_messages import activate, record, schema, state

if TYPE_CHECKING:
    import random

Message = dict[str, Any]
Rows = dict[int, tuple[str, str | None]]  # id -> value, which tells the record, and x as text
KINDS = ("string", "string", "integer", "number", "date")


def any_messages(chance: random.Random, names: str, begin: Any, run: str) -> list[Message]:
    """A run's messages; `value` of each record, and `n` of each state, tells its line."""
    bookmarks: dict[str, Any] = dict((begin or {}).get("bookmarks", {}))
    messages: list[Message] = [state(**begin)] if begin and chance.random() < 0.7 else []
    kinds: dict[str, str] = {}
    versions = {name: chance.choice([None, 1, 2, 3, 4]) for name in names}
    for _ in range(chance.choice([4, 8, 16, 30])):
        name, line = chance.choice(names), len(messages) + 1
        kind = chance.choices(["RECORD", "ACTIVATE", "STATE", "SCHEMA", "next"], [10, 3, 3, 1, 2])[0]
        if (kind in {"SCHEMA", "RECORD"} and name not in kinds) or kind == "SCHEMA":
            kinds[name] = chance.choice(KINDS)
            messages.append(schema(name, {"id": "integer", "value": "string", "x": kinds[name]}))
        elif kind == "RECORD":
            x = {"string": "7", "date": None}.get(kinds[name], 7) if chance.random() < 0.2 else None
            version = versions[name] if chance.random() < 0.9 else chance.choice([None, 1, 2, 3])
            messages.append(record(name, version, id=chance.randrange(5), value=f"{run} {line}", x=x))
        elif kind == "ACTIVATE":
            version = versions[name] if chance.random() < 0.85 else chance.randrange(1, 6)
            messages.append(activate(name, version or chance.randrange(1, 6)))
        elif kind == "STATE":
            bookmarks = dict(bookmarks)
            if chance.random() < 0.7:
                mark = {"version": versions[name]} if versions[name] and chance.random() < 0.7 else {}
                bookmarks[name] = mark | ({"at": line} if chance.random() < 0.5 else {})
            messages.append(state(n=line, bookmarks=bookmarks))
        elif versions[name] is not None:
            versions[name] += 1
    return messages


def brief(messages: list[Message]) -> list[str]:
    """The messages for a reader, with their lines."""
    found = []
    for line, message in enumerate(messages, 1):
        what = (
            message.get("value")
            or message.get("record")
            or message.get("schema", {}).get("properties", {}).get("x", "")
        )
        found.append(
            f"{line:3} {message['type']:16} {message.get('stream', '')} {message.get('version', '')} {what}"
        )
    return found


@dataclass
class Stream:
    """What a run's messages say about one stream, and what the loader made of it.

    Attributes:
        before, after: the table's rows before and after the run.
        current: the version that the database knew before.
        is_killed: the run was killed, so that only a part of the messages was loaded.
    """

    name: str
    messages: list[Message]
    before: Rows
    after: Rows
    current: int | None
    is_killed: bool
    records: list[tuple[int, int | None, Message]] = field(default_factory=list)
    activations: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begins = next((n for n, m in self._own("SCHEMA")), len(self.messages) + 1)
        self.records = [(n, m.get("version"), m["record"]) for n, m in self._own("RECORD")]
        self.activations = [(n, m["version"]) for n, m in self._own("ACTIVATE_VERSION") if n > self.begins]

    def _own(self, kind: str) -> list[tuple[int, Message]]:
        numbered = enumerate(self.messages, 1)
        return [(n, m) for n, m in numbered if m["type"] == kind and m.get("stream") == self.name]

    @property
    def is_missing(self) -> int | None:
        """The version that the tap goes on from, where the database does not have it."""
        states = [m["value"] for m in self.messages[: self.begins - 1] if m["type"] == "STATE"]
        version = _bookmark(states[-1], self.name).get("version") if states else None
        knows = self.before or (self.current is not None and version is not None and self.current >= version)
        return None if knows or self.begins > len(self.messages) else version

    def faults(self, *, ended_well: bool) -> list[str]:
        """What must not be in the table, or should be and is not."""
        found = [f"{key} has a value from nowhere" for key in self.after if not self._came(key)]
        gone = {*self.before, *(each["id"] for *_, each in self.records if ended_well)} - self.after.keys()
        found += [f"{key} is gone without a reason" for key in gone if not self._may_be_gone(key)]
        if ended_well:
            found += [f"{key} is not the last that came" for key in self.after if self._is_superseded(key)]
        if (missing := self.is_missing) is not None:
            newest = max([v or 0 for _, v, _ in self.records] + [v for _, v in self.activations], default=0)
            versioned = [v is not None for _, v, _ in self.records]  # others are noticed at the end alone
            if newest <= missing and versioned and all(versioned):
                found += ["changes are loaded without what they change"] if self.after or ended_well else []
        return [f"{self.name}: {fault}" for fault in found]

    def _came(self, key: int) -> bool:
        value, x = self.after[key]
        if key in self.before and self.before[key][0] == value:
            return x is None or str(self.before[key][1]).removesuffix(".0") == x.removesuffix(".0")
        same = [each for *_, each in self.records if each["id"] == key and each["value"] == value]
        return bool(same) and (None if x is None else x.removesuffix(".0")) == _text(same[0]["x"])

    def _may_be_gone(self, key: int) -> bool:
        return any(self._may_remove(version, key) for version in {version for _, version in self.activations})

    def _may_remove(self, version: int, key: int) -> bool:
        """Whether a version is activated that can have removed a row."""
        # Records without a version belong to the one that is being staged.
        loose = max((n for n, v, _ in self.records if v is None), default=0)
        carried = {v for _, v, _ in self.records} | {v for n, v in self.activations if n < loose}
        if self.current is not None and version <= self.current:
            return False
        if version not in carried and self.records:
            return False
        seen = carried | {v for _, v in self.activations}
        if self.current is None and self.before and not any(v is not None and v < version for v in seen):
            return False
        if not self.is_killed and any(v == version and each["id"] == key for _, v, each in self.records):
            return False
        first = min((n for n, v, _ in self.records if v == version), default=len(self.messages) + 1)
        after_records = any(n > first for n, v in self.activations if v == version)
        last = max(n for n, m in enumerate(self.messages, 1) if m.get("stream") == self.name)
        return after_records or last < len(self.messages)

    def _is_superseded(self, key: int) -> bool:
        line, version = next(
            ((n, v) for n, v, each in self.records if each["value"] == self.after[key][0]), (0, None)
        )
        later = [v for n, v, each in self.records if each["id"] == key and n > line]
        return bool(later) and (line == 0 or any(v == version or (v or 0) > (version or 99) for v in later))

    def uncovered(self, written: int) -> list[str]:
        """Records before the state of a line that are not in the table, though the state says they are loaded."""
        value = self.messages[written - 1]["value"]
        return [
            f"{self.name}: the state of line {written} was written without line {line}"
            for line, version, each in self.records
            if line < written
            and not self._is_loaded(line, version, each["id"])
            and not self._is_read_again(value, version)
        ]

    def _is_loaded(self, line: int, version: int | None, key: int) -> bool:
        if key not in self.after:
            return self._may_be_gone(key)
        lines = [(n, v) for n, v, each in self.records if each["value"] == self.after[key][0]]
        # Without a version it may belong to any that was staged.
        return any(n >= line or v is None or v > (version or 0) for n, v in lines)

    def _is_read_again(self, value: Any, version: int | None) -> bool:
        """Whether a tap that goes on from a state reads a version's records again."""
        versions = [(n, v) for n, v, _ in self.records] + self.activations
        first = min(n for n, v in versions if v == version)
        states = [m["value"] for m in self.messages[: first - 1] if m["type"] == "STATE"]
        mark = _bookmark(value, self.name, None)
        return mark == {} or (
            mark is not None and bool(states) and mark == _bookmark(states[-1], self.name, None)
        )


def _bookmark(value: Any, name: str, default: Any = {}) -> Any:  # noqa: B006
    return value.get("bookmarks", {}).get(name, default)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
