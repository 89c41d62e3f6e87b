"""The speed of the loader, compared with PyPI's target-duckdb 0.8.0 and with DuckDB alone reading the file.

    python -m bench.loader [--scale 0.1] [--rounds 3] [--no-upstream]

All contenders load the same two Singer files into one database: the first file inserts, the second updates every row.
They run in alternation, each in a separate process. The result is the median wall time from start to end. The rows are
compared cell by cell with the result of DuckDB alone. Needs this repository's environment, and network access once, to
install the other target.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from bench.measuring import REST_SECONDS, environment, ours

CACHE = Path(tempfile.gettempdir()) / "bench-loader"
OURS, ALONE, UPSTREAM = "this loader", "DuckDB alone", "target-duckdb 0.8.0"
FILES = {OURS: "ours.duckdb", ALONE: "alone.duckdb", UPSTREAM: "upstream.duckdb"}
DIFFERENCES = "SELECT count(*) FROM ((FROM l.t EXCEPT ALL FROM r.t) UNION ALL (FROM r.t EXCEPT ALL FROM l.t))"
NARROW = {
    "id": "BIGINT",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "amount": "DOUBLE",
    "active": "BOOLEAN",
    "created_at": "TIMESTAMP WITH TIME ZONE",
    "day": "DATE",
    "number": "BIGINT",
}
WIDE = {"id": "BIGINT"} | {
    f"c{n}": ("VARCHAR", "DOUBLE", "BIGINT", "TIMESTAMP WITH TIME ZONE", "DATE")[n % 5] for n in range(49)
}
CASES = {"narrow": (NARROW, 1_000_000), "wide": (WIDE, 300_000)}
JSON_TYPES = {
    "BIGINT": {"type": ["null", "integer"]},
    "VARCHAR": {"type": ["null", "string"]},
    "DOUBLE": {"type": ["null", "number"]},
    "BOOLEAN": {"type": ["null", "boolean"]},
    "DATE": {"type": ["null", "string"], "format": "date"},
    "TIMESTAMP WITH TIME ZONE": {"type": ["null", "string"], "format": "date-time"},
}


def value(kind: str, row: int, column: int, turn: int) -> object:
    """The value of a cell; a different one for each turn."""
    number = row * (column + 1) + turn
    if kind == "BIGINT":
        return number
    if kind == "VARCHAR":
        return f"value {number}" if number % 11 else ""
    if kind == "DOUBLE":
        return number * 0.37
    if kind == "BOOLEAN":
        return number % 2 == 0
    day = f"2024-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
    return day if kind == "DATE" else f"{day}T{number % 24:02d}:{number % 60:02d}:00+02:00"


def write_input(path: Path, columns: dict[str, str], rows: int, turn: int) -> None:
    """Write a Singer file with one stream `t`."""
    properties = {name: JSON_TYPES[kind] for name, kind in columns.items()}
    with path.open("w") as file:
        schema = {
            "type": "SCHEMA",
            "stream": "t",
            "schema": {"properties": properties},
            "key_properties": ["id"],
        }
        file.write(json.dumps(schema) + "\n")
        for row in range(rows):
            record = {n: value(kind, row, i, turn) for i, (n, kind) in enumerate(columns.items())} | {
                "id": row
            }
            message = {
                "type": "RECORD",
                "stream": "t",
                "record": record,
                "time_extracted": "2026-01-01T00:00:00Z",
            }
            file.write(json.dumps(message) + "\n")
        file.write(json.dumps({"type": "STATE", "value": {"turn": turn}}) + "\n")


def duckdb_alone(source: str, database: str, columns: dict[str, str]) -> str:
    """A Python program in which DuckDB reads a Singer file and merges it by key."""
    struct = "STRUCT(" + ", ".join(f'"{name}" {kind}' for name, kind in columns.items()) + ")"
    definitions = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    return f"""
import duckdb
connection = duckdb.connect()
connection.execute("ATTACH '{database}' AS bench (STORAGE_VERSION 'v1.0.0')")
connection.execute("USE bench")
connection.execute("SET TimeZone = 'UTC'")
connection.execute('''CREATE TABLE IF NOT EXISTS t ({definitions})''')
connection.execute("BEGIN")
connection.execute('''
    CREATE TEMP TABLE batch AS SELECT record.* FROM read_ndjson('{source}', auto_detect = false,
        columns = {{type: 'VARCHAR', record: '{struct}'}}) WHERE type = 'RECORD' ''')
connection.execute("DELETE FROM t USING temp.main.batch AS batch WHERE t.id = batch.id")
connection.execute("INSERT INTO t FROM temp.main.batch")
connection.execute("COMMIT")
connection.close()
"""


def upstream_executable() -> str:
    """The executable of the other target, in a separate environment."""
    python = environment("upstream", "target-duckdb==0.8.0", f"duckdb=={duckdb.__version__}")
    return str(python.with_name("target-duckdb"))


def timed(command: list[str], source: Path) -> tuple[float, int]:
    """Wait, run a process that reads the file, and return its seconds and its peak memory in MB."""
    time.sleep(REST_SECONDS)
    with source.open("rb") as file:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)[:100]} failed")
    return seconds, usage.ru_maxrss // 1024


def count(query: str, **databases: Path) -> int:
    """The number that a query returns. Runs in a separate process, to keep its memory out of the figures."""
    attach = "SET enable_progress_bar = false;" + "".join(
        f"ATTACH '{path}' AS {name} (READ_ONLY);" for name, path in databases.items()
    )
    program = f'import duckdb; print(duckdb.connect().execute("{attach} {query}").fetchall()[0][0])'
    return int(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout)


def command(contender: str, source: Path, directory: Path, columns: dict[str, str]) -> list[str]:
    """The command with which a contender loads its standard input, or the file, into its database."""
    database = directory / FILES[contender]
    if contender == ALONE:
        return [str(ours() / "python"), "-c", duckdb_alone(str(source), str(database), columns)]
    config = directory / "config.json"
    config.write_text(json.dumps({"path": str(database), "default_target_schema": "main"}))
    executable = str(ours() / "target-duckdb") if contender == OURS else upstream_executable()
    return [executable, "--config", str(config)]


def wrong_rows(contender: str, directory: Path, rows: int) -> int:
    """Number of rows that are missing or differ from the result of DuckDB alone."""
    database = directory / FILES[contender]
    if contender == OURS:
        return count(DIFFERENCES, l=database, r=directory / FILES[ALONE])
    return rows - count("SELECT count(*) FROM db.t", db=database)


def measure(case: str, rows: int, rounds: int, contenders: list[str]) -> None:
    """Run one case and print its rows of the table."""
    columns = CASES[case][0]
    sources = [CACHE / f"{case}-{rows}-{turn}.singer" for turn in (0, 1)]
    for turn, source in enumerate(sources):
        if not source.exists():
            write_input(source, columns, rows, turn)
    results: dict[tuple[int, str], list[tuple[float, int]]] = {}
    wrong: dict[tuple[int, str], int] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            directory = Path(place)
            for turn, source in enumerate(sources):
                for contender in contenders:
                    took = timed(command(contender, source, directory, columns), source)
                    results.setdefault((turn, contender), []).append(took)
                for contender in contenders:
                    wrong[turn, contender] = wrong_rows(contender, directory, rows)
    for turn, what in enumerate(("inserting", "updating")):
        ours = statistics.median(seconds for seconds, _ in results[turn, OURS])
        for contender in contenders:
            seconds = statistics.median(seconds for seconds, _ in results[turn, contender])
            memory = max(memory for _, memory in results[turn, contender])
            label = f"{case}, {what}" if contender == OURS else ""
            verdict = f"{wrong[turn, contender]} wrong" if wrong[turn, contender] else "right"
            figures = f"{seconds:>9.2f}{rows / seconds:>10,.0f}{seconds / ours:>7.2f}x{memory:>7}"
            print(f"{label:18}{contender:20}{figures}  {verdict}", flush=True)


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of 1,000,000 narrow and 300,000 wide rows"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-upstream", action="store_true")
    options = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    contenders = [OURS, ALONE] + ([] if options.no_upstream else [UPSTREAM])
    print(f"DuckDB {duckdb.__version__}, {os.cpu_count()} cores, medians of {options.rounds} rounds")
    print(f"{'':18}{'contender':20}{'seconds':>9}{'rows/s':>10}{'time':>8}{'MB':>7}  rows")
    for case, (_, rows) in CASES.items():
        measure(case, int(rows * options.scale), options.rounds, contenders)


if __name__ == "__main__":
    main()
