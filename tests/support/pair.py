"""Runs the tap and the loader as a user does: two processes and a pipe, with a state that is kept between runs."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import expected_v1
from commands import Started
from tap_personio.tap import TapPersonio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from personio_sandbox import Sandbox

BIN = Path(sys.executable).parent
TAP, TARGET = str(BIN / "tap-personio"), str(BIN / "target-duckdb")
TIMEOUT_SECONDS = 300
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass
class Run:
    """What a run left behind: exit codes, what was written on stderr, and the states on the target's stdout."""

    tap: int
    target: int
    tap_log: str
    target_log: str
    states: list[dict[str, Any]]

    @property
    def log(self) -> str:
        """All that a user sees."""
        return self.tap_log + self.target_log

    @property
    def sentences(self) -> list[str]:
        """The tap's lines of level ERROR, without time and name."""
        return [line.rpartition("| ")[2] for line in self.tap_log.splitlines() if "| ERROR " in line]

    @property
    def warnings(self) -> list[str]:
        """The tap's lines of level WARNING, without time and name."""
        return [line.rpartition("| ")[2] for line in self.tap_log.splitlines() if "| WARNING " in line]


@dataclass
class Pair:
    """The tap and the loader, set up for a sandbox.

    Attributes:
        folder: where config, state and database stand.
        sandbox: whom the tap asks.
        settings: further settings of the tap.
        target: further settings of the loader.
        streams: what is selected; the eight tables unless said otherwise, None leaves it to the tap.
        state: what the next run begins with.
        environment: further environment variables.
        schema: where the loader puts the tables.
    """

    folder: Path
    sandbox: Sandbox
    settings: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)
    streams: Iterable[str] | None = expected_v1.EIGHT
    state: dict[str, Any] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    schema: str = "main"

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.folder / "warehouse.duckdb"

    @property
    def config(self) -> dict[str, Any]:
        """The tap's whole config."""
        return {
            "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret,
            "api_url": self.sandbox.url,
            "retry_wait": 0.01,
            "v1_requests_per_minute": 1_000_000,
            **self.settings,
        }

    def tap_command(self) -> list[str]:
        """The tap with its files, which are written first."""
        command = [TAP, "--config", self._write("tap.json", self.config)]
        if self.streams is not None:
            command += ["--catalog", self._write("catalog.json", self.catalog())]
        if self.state is not None:
            command += ["--state", self._write("state.json", self.state)]
        return command

    def target_command(self) -> list[str]:
        """The loader with its config."""
        config = {"path": str(self.database), **self.target}
        return [TARGET, "--config", self._write("target.json", config)]

    def catalog(self) -> dict[str, Any]:
        """The tap's catalog, with the streams selected; discovered once and then kept."""
        kept = self.folder / "discovered.json"
        if not kept.exists():
            tap = TapPersonio(config=self.config)
            kept.write_text(tap.catalog_json_text)
            tap.run_context.client.close()
            self.sandbox.requests.clear()
        catalog: dict[str, Any] = json.loads(kept.read_text())
        for entry in catalog["streams"]:
            selected = self.streams is None or entry["tap_stream_id"] in self.streams
            next(each for each in entry["metadata"] if not each["breadcrumb"])["metadata"]["selected"] = (
                selected
            )
        return catalog

    def rediscover(self) -> None:
        """Forget the catalog, so that new attributes get their columns."""
        (self.folder / "discovered.json").unlink(missing_ok=True)

    def start(self) -> tuple[Started, Started]:
        """Start both processes; `finish` waits for them."""
        environment = {**os.environ, **self.environment}
        tap_log, target_log = self.folder / "tap.log", self.folder / "target.log"
        with tap_log.open("wb") as tap_err, target_log.open("wb") as target_err:
            pipe = subprocess.PIPE
            tap = Started(self.tap_command(), stdout=pipe, stderr=tap_err, env=environment)
            assert tap.stdout
            with tap.stdout as messages:
                command = self.target_command()
                target = Started(command, stdin=messages, stdout=pipe, stderr=target_err, env=environment)
            tap.stdout = None
        return tap, target

    def finish(self, tap: Started, target: Started) -> Run:
        """Wait for both, keep the last whole state for the next run."""
        try:
            out, _ = target.communicate(timeout=TIMEOUT_SECONDS)
            tap.wait(timeout=TIMEOUT_SECONDS)
        finally:
            tap.kill()
            target.kill()
        states = [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith(b"\n")]
        if states:
            self.state = states[-1]
        logs = [(self.folder / name).read_text(errors="replace") for name in ("tap.log", "target.log")]
        return Run(tap.wait(), target.wait(), *logs, states)

    def run(self, tap: int = 0, target: int = 0) -> Run:
        """Run both to their end, and check their exit codes."""
        run = self.finish(*self.start())
        assert (run.tap, run.target) == (tap, target), [*run.sentences, run.log[-3000:]]
        return run

    def read(self, table: str, keys: Iterable[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
        """The rows of a table by key; a key that stands twice is an error."""
        types = self.types(table)
        # DuckDB's Python needs a further package for moments; microseconds need none.
        cells = [
            f'epoch_us("{name}")' if kind == expected_v1.MOMENT else f'"{name}"'
            for name, kind in types.items()
        ]
        with duckdb.connect(str(self.database), read_only=True) as connection:
            found = connection.execute(f'SELECT {", ".join(cells)} FROM {self.schema}."{table}"').fetchall()
        rows = [dict(zip(types, map(_value, row, types.values()), strict=True)) for row in found]
        keys = tuple(keys)
        many = Counter(tuple(row[key] for key in keys) for row in rows)
        assert not [key for key, count in many.items() if count > 1], f"{table} has rows with the same key"
        return {tuple(row[key] for key in keys): row for row in rows}

    def types(self, table: str) -> dict[str, str]:
        """Column types of a table, in order."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return {
                name: kind
                for name, kind, *_ in connection.execute(f'DESCRIBE {self.schema}."{table}"').fetchall()
            }

    def tables(self) -> set[str]:
        """Tables of the database."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            found = connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?", [self.schema]
            )
            return {name for (name,) in found.fetchall()}

    def differences(self, expected: Mapping[str, expected_v1.Table] | None = None) -> list[str]:
        """Where the database differs from the company, cell by cell; nothing when it is exact."""
        found = []
        expected = expected_v1.tables(self.sandbox.company, self.streams) if expected is None else expected
        # Held open: DuckDB opens a file that is open already ten times as fast.
        with duckdb.connect(str(self.database), read_only=True):
            for name, table in expected.items():
                if self.streams is not None and name not in self.streams:
                    continue
                if name not in self.tables():
                    found.append(f"{name}: no table")
                    continue
                if self.types(name) != table.types:
                    found.append(
                        f"{name}: columns {set(self.types(name).items()) ^ set(table.types.items())}"
                    )
                rows = self.read(name, table.keys)
                found += [f"{name}: {key} is missing" for key in table.rows.keys() - rows.keys()]
                found += [f"{name}: {key} should not be there" for key in rows.keys() - table.rows.keys()]
                for key in rows.keys() & table.rows.keys():
                    found += [
                        f"{name}: {key} {column} is {rows[key].get(column)!r} instead of {value!r}"
                        for column, value in table.rows[key].items()
                        if not _equal(rows[key].get(column), value)
                    ]
        return found

    def _write(self, name: str, content: Any) -> str:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == expected_v1.JSON:
        return json.loads(value)
    if kind == expected_v1.LOCAL:
        return value.isoformat()
    if kind == expected_v1.MOMENT:
        return EPOCH + dt.timedelta(microseconds=value)
    return value


def _equal(one: Any, other: Any) -> bool:
    """Equal, and not only because True is 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
