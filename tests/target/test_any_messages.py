"""Random messages over one and two runs, killed or not: no row is lost or made up, no state is written too early."""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
from typing import Any

import duckdb
import pytest
from any_messages import Rows, Stream, any_messages, brief
from killing import run
from singer_messages import lines
from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.target import TargetDuckDB


class Sequence:
    """One or two runs into one database, which may be lost or exchanged between them."""

    def __init__(self, seed: int, folder: Any) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.path = folder / "warehouse.duckdb"
        self.names = "abc"[: self.chance.choice([1, 1, 2, 3])]
        self.state: Any = None
        self.log: list[str] = [f"seed {seed}"]

    def tables(self) -> tuple[dict[str, Rows], dict[str, int]]:
        """The rows of each table, and the versions that the database knows."""
        if not self.path.exists():
            return {}, {}
        with duckdb.connect(str(self.path), read_only=True) as connection:
            names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            found: dict[str, Rows] = {}
            for (name,) in names:
                if name in self.names:
                    rows = connection.execute(f"SELECT id, value, x::VARCHAR FROM {name}").fetchall()
                    found[name] = {key: (value, x) for key, value, x in rows}
                    assert len(rows) == len(found[name]), self.said("a key comes twice")
            query = "SELECT table_name, max(version) FROM _singer.table_versions GROUP BY 1"
            known = dict(connection.execute(query).fetchall()) if ("table_versions",) in names else {}
        return found, known

    def load(self) -> None:
        """One run, and what has to hold after it."""
        before, known = self.tables()
        messages = any_messages(self.chance, self.names, self.state, "second" if before else "first")
        config = {"path": str(self.path), "batch_size_rows": self.chance.choice([1, 2, 3, 1000])}
        kill_at = self.chance.randrange(20, 200) if self.chance.random() < 0.15 else None
        self.log += [f"{before} {known} {config['batch_size_rows']} a batch, killed at {kill_at}:"]
        self.log += brief(messages)
        states, refused = self._loaded(lines(*messages), config, kill_at)
        after, _ = self.tables()
        self.log += [f"{refused}", f"{states}", f"{after}"]
        found: list[str] = []
        written: list[int] = []
        for value in states:  # the first one may be repeated later: that of the run before
            places = [n for n, each in enumerate(messages, 1) if each == {"type": "STATE", "value": value}]
            written.append(next((n for n in places if n > max(written, default=0)), places[0]))
        ended_well = not refused and kill_at is None
        for name in self.names:
            rows = before.get(name, {}), after.get(name, {})
            stream = Stream(name, messages, *rows, known.get(name), kill_at is not None)
            found += stream.faults(ended_well=ended_well)
            found += stream.uncovered(written[-1]) if written else []
        given = [message["value"] for message in messages if message["type"] == "STATE"]
        if ended_well and given[-1:] != states[-1:]:
            found.append("the last state is not written")
        if written != sorted(written):
            found.append("states are written in another order")
        assert not found, self.said(*found)
        self.state = states[-1] if states else self.state

    def _loaded(self, messages: bytes, config: Any, kill_at: int | None) -> tuple[list[Any], str | None]:
        output = io.StringIO()
        try:
            if kill_at is not None:
                return [
                    json.loads(line) for line in run(messages, config, self.folder / "states", kill_at)
                ], None
            with contextlib.redirect_stdout(output):
                TargetDuckDB(config=config).listen(io.BytesIO(messages))
        except LoaderError as error:
            written = (self.folder / "states").read_text() if kill_at is not None else output.getvalue()
            return [json.loads(line) for line in written.splitlines()], str(error)
        return [json.loads(line) for line in output.getvalue().splitlines()], None

    def between(self) -> None:
        """What may happen to the database between two runs."""
        kept = self.folder / "kept.duckdb"
        match self.chance.choice(["nothing", "nothing", "nothing", "lost", "older", "foreign"]):
            case "lost":
                self.path.unlink(missing_ok=True)
            case "older" if kept.exists():
                shutil.copy(kept, self.path)
            case "foreign":
                self.path.unlink(missing_ok=True)
                with duckdb.connect(str(self.path)) as connection:
                    columns = "AS FROM (VALUES (0, 'old', NULL), (7, 'old', NULL)) AS rows (id, value, x)"
                    connection.execute(f"CREATE TABLE a {columns}")
        if self.path.exists():
            shutil.copy(self.path, kept)

    def said(self, *faults: str) -> str:
        return "\n".join([*self.log, *faults])


@pytest.mark.parametrize(
    "part", [*range(4), *(pytest.param(n, marks=pytest.mark.full) for n in range(4, 110))]
)
def test_no_row_is_lost_or_made_up_and_no_state_comes_too_early(tmp_path, part):
    for seed in range(part * 20, part * 20 + 20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        sequence = Sequence(seed, folder)
        for _ in range(sequence.chance.choice([0, 1, 1])):
            sequence.load()
            sequence.between()
        sequence.load()
