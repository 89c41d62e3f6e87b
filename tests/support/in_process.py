"""Runs the tap in this process and keeps what its messages say: quick enough to try hundreds of bad days.

`Warehouse` is what Singer's messages mean, in a few lines: the tables that a correct loader would hold.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import expected_v1
from tap_personio.errors import TapPersonioError
from tap_personio.tap import TapPersonio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from personio_sandbox import Sandbox


@dataclass
class Reading:
    """What one run of the tap wrote: its messages, and the sentence with which it ended, if it failed."""

    messages: list[dict[str, Any]]
    error: str | None
    raw: bytes
    outcomes: dict[str, str]

    def of(self, kind: str, stream: str | None = None) -> list[dict[str, Any]]:
        """Messages of a type, of one stream if it is named."""
        return [
            each for each in self.messages if each["type"] == kind and stream in (None, each.get("stream"))
        ]


@dataclass
class Warehouse:
    """Tables and state, kept over several runs."""

    sandbox: Sandbox
    streams: Iterable[str] = expected_v1.EIGHT
    settings: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] | None = None
    tables: dict[str, dict[expected_v1.Key, dict[str, Any]]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def read(self, **settings: Any) -> Reading:
        """Run the tap once and take over what it writes."""
        config = {
            "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret,
            "api_url": self.sandbox.url,
            "retry_wait": 0.01,
            "v1_requests_per_minute": 1_000_000,
            **self.settings,
            **settings,
        }
        reading = read(config, self.streams, self.state)
        self.take(reading.messages)
        return reading

    def take(self, messages: Iterable[dict[str, Any]]) -> None:
        """Merge records, replace tables, keep the state."""
        keys: dict[str, list[str]] = {}
        gathered: dict[tuple[str, int], dict[expected_v1.Key, dict[str, Any]]] = {}
        for message in messages:
            name, version = message.get("stream", ""), message.get("version")
            if message["type"] == "SCHEMA":
                keys[name] = message["key_properties"]
                self.tables.setdefault(name, {})
            elif message["type"] == "RECORD":
                current = version is None or version <= self.versions.get(name, 0)
                rows = self.tables[name] if current else gathered.setdefault((name, version), {})
                rows[tuple(message["record"][key] for key in keys[name])] = message["record"]
            elif message["type"] == "ACTIVATE_VERSION":
                self.tables[name] = gathered.pop((name, version), {})
                self.versions[name] = version
            else:
                assert message["type"] == "STATE"
                self.state = message["value"]

    def differences(self, expected: Mapping[str, expected_v1.Table] | None = None) -> list[str]:
        """Where the tables differ from the company; nothing when they are exact."""
        found = []
        for name, table in (expected or expected_v1.tables(self.sandbox.company, self.streams)).items():
            if name not in self.streams:
                continue
            rows = self.tables.get(name, {})
            held = {tuple(map(as_json, key)): row for key, row in table.rows.items()}
            found += [f"{name}: {key} is missing" for key in held.keys() - rows.keys()]
            found += [f"{name}: {key} should not be there" for key in rows.keys() - held.keys()]
            for key in rows.keys() & held.keys():
                found += [
                    f"{name}: {key} {column} is {rows[key].get(column)!r} instead of {as_json(value)!r}"
                    for column, value in held[key].items()
                    if rows[key].get(column) != as_json(value)
                ]
        return found


def read(config: Mapping[str, Any], streams: Iterable[str], state: Mapping[str, Any] | None) -> Reading:
    """Run the tap once, in this process. Any error but its own is a bug and comes through."""
    tap: TapPersonio | None = None
    out = io.TextIOWrapper(io.BytesIO())
    error = None
    with contextlib.redirect_stdout(out):
        try:
            kept = json.loads(json.dumps(state)) if state else None
            tap = TapPersonio(config=dict(config), state=kept, setup_mapper=False)
            for name, stream in tap.streams.items():
                stream.selected = name in streams
            tap.setup_mapper()  # which leaves out of a schema what is not selected by then
            tap.sync_all()
            tap.finish()
        except TapPersonioError as ended:
            error = ended.message
        finally:
            if tap is not None:
                tap.run_context.client.close()
    out.flush()
    raw = out.buffer.getvalue()  # type: ignore[attr-defined]
    messages = [json.loads(line) for line in raw.splitlines()]
    outcomes = {name: tap.run_context.stats(name).outcome for name in tap.streams} if tap else {}
    return Reading(messages, error, raw, {name: outcome for name, outcome in outcomes.items() if outcome})


def as_json(value: Any) -> Any:
    """A value as it stands in a RECORD message."""
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value
