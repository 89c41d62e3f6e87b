"""Kill the loader anywhere, run again from the last state it wrote: the tables are exactly the source's."""

from __future__ import annotations

import json
import random
import subprocess
import time

import pytest
from commands import Started
from singer_messages import activate, lines, record, schema, state

MERGED = schema("merged", {"id": "integer", "value": "string"})
REPLACED = schema("replaced", {"id": "integer", "run": "integer"})
KEYLESS_SIZE, EVENTS = 300, 6_000


def tap(position, run):
    """What a tap says that has bookmarked `position`: changes since then, then the whole of `replaced`."""
    messages = [MERGED]
    for n in range(position, EVENTS):
        messages.append(record("merged", id=n % 997, value=f"event {n}"))
        if n % 250 == 249:
            messages.append(state(position=n + 1))
    messages += [REPLACED, *(record("replaced", run, id=n, run=run) for n in range(run, run + KEYLESS_SIZE))]
    messages += [activate("replaced", run), state(position=EVENTS, run=run)]
    return messages


@pytest.mark.parametrize("kills", [4, pytest.param(60, marks=pytest.mark.full)])
def test_killed_anywhere_and_run_again_the_tables_are_exactly_the_sources(load, kills):
    chance = random.Random(kills)
    for run in range(1, kills + 1):
        position = 0
        runs_before = load.rows("SELECT DISTINCT run FROM replaced") if run > 1 else None
        process = Started(
            load.command(batch_size_rows=40),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        data = lines(*tap(position, run))
        cut = chance.randrange(len(data))
        try:
            process.stdin.write(data[:cut])
            process.stdin.flush()
        except BrokenPipeError:
            pytest.fail("the loader died by itself")
        time.sleep(chance.random() * 0.6)
        process.kill()
        states = [json.loads(line) for line in process.communicate()[0].splitlines() if line.endswith(b"}")]
        if runs_before is not None:
            assert load.rows("SELECT DISTINCT run FROM replaced") in (runs_before, [(run,)])
        position = states[-1]["position"] if states else 0
        assert load.run(*tap(position, run)).returncode == 0
        expected = {n % 997: f"event {n}" for n in range(EVENTS)}
        assert load.rows("FROM merged") == sorted(expected.items())
        assert load.rows("FROM replaced") == [(n, run) for n in range(run, run + KEYLESS_SIZE)]
        assert list(load.temp.iterdir()) == []
        assert [path.name for path in load.path.parent.glob(load.path.name + "*")] == [load.path.name]
        tables = "SELECT table_name FROM duckdb_tables() ORDER BY ALL"
        assert load.rows(tables) == [("loads",), ("merged",), ("replaced",), ("table_versions",)]
