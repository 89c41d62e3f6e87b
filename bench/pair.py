"""Tap and loader compared with omniload: the same company, the same machine, in alternation."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from bench.measuring import ENVIRONMENTS, REST_SECONDS, Figures, ask, environment, in_turn, ours, run, sandbox
from bench.run_omniload import TABLES

OMNILOAD = "omniload==0.21.1"
CREDENTIAL = {"client_id": "papi-sandbox-client", "client_secret": "papi-sandbox-secret"}
COMPANY = {"employees": 1000, "attendances": 250_000, "absences": 14_891, "hostile": False}


class Pair:
    """The tap and the loader, connected by a pipe, with eight tables selected; None selects the default tables."""

    def __init__(
        self, url: str, name: str = "pair", streams: tuple[str, ...] | None = TABLES, **config: Any
    ) -> None:
        self.database = ENVIRONMENTS / f"{name}.duckdb"
        self._files = {}
        for file, content in (
            ("tap", {**CREDENTIAL, "api_url": url, "v1_requests_per_minute": 1_000_000, **config}),
            ("target", {"path": str(self.database)}),
        ):
            self._files[file] = ENVIRONMENTS / f"{name}-{file}.json"
            self._files[file].write_text(json.dumps(content))
        self._files["catalog"] = ENVIRONMENTS / f"{name}-catalog.json"
        self._discover(streams)

    def _discover(self, streams: tuple[str, ...] | None) -> None:
        import subprocess  # noqa: PLC0415

        command = [ours() / "tap-personio", "--config", self._files["tap"], "--discover"]
        catalog = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for stream in catalog["streams"] if streams is not None else ():
            for entry in stream["metadata"]:
                if not entry["breadcrumb"]:
                    entry["metadata"]["selected"] = stream["tap_stream_id"] in streams
        self._files["catalog"].write_text(json.dumps(catalog))

    @property
    def tap(self) -> list[Any]:
        """The tap's command."""
        return [
            ours() / "tap-personio",
            "--config",
            self._files["tap"],
            "--catalog",
            self._files["catalog"],
        ]

    @property
    def target(self) -> list[Any]:
        """The loader's command."""
        return [ours() / "target-duckdb", "--config", self._files["target"]]

    def load(self) -> Figures:
        """Tap and loader together, from nothing to a closed file."""
        self.database.unlink(missing_ok=True)
        return run([self.tap, self.target])

    def read(self) -> Figures:
        """The tap alone."""
        return run([self.tap])

    def write(self) -> Figures:
        """The loader alone, with the tap's earlier output as input."""
        messages = ENVIRONMENTS / "messages.singer"
        if not messages.exists():
            with messages.open("wb") as out:
                import subprocess  # noqa: PLC0415

                subprocess.run(self.tap, stdout=out, stderr=subprocess.DEVNULL, check=True)
        self.database.unlink(missing_ok=True)
        return run([["cat", messages], self.target])


class Omniload:
    """omniload as a user runs it: one command per table, because its command line accepts one table."""

    def __init__(self, url: str) -> None:
        self.database = ENVIRONMENTS / "omniload.duckdb"
        self._url = url
        self._python = environment("omniload", OMNILOAD)

    def load(self) -> Figures:
        """From nothing to a closed file, table after table."""
        self.database.unlink(missing_ok=True)
        script = Path(__file__).with_name("run_omniload.py")
        total = Figures(0, 0, 0)
        for table in TABLES:
            one = run([[self._python, script, self._url, self.database, table]], env={**os.environ})
            total = Figures(total.wall + one.wall, total.cpu + one.cpu, max(total.peak, one.peak))
        return total


def check_rows(database: Path, expected: dict[str, int]) -> None:
    """Raise RuntimeError if a table does not have all rows."""
    with duckdb.connect(str(database), read_only=True) as connection:
        for table, count in expected.items():
            ((found,),) = connection.execute(f"SELECT count(*) FROM main.{table}").fetchall()
            if found != count:
                msg = f"{database.name}: {table} has {found} rows instead of {count}"
                raise RuntimeError(msg)


def compare(rounds: int, latency: float) -> None:
    """Load all eight tables from nothing, with this latency per response."""
    print(f"\n{'Responses without delay' if not latency else f'{latency * 1000:.0f} ms per response'}:")
    with sandbox(**COMPANY, latency=latency, large_employee_pages="allow") as url:
        # The newest records have the time at which the sandbox started: at that time the tap would read them twice.
        time.sleep(5)
        pair, omniload = Pair(url), Omniload(url)
        pair.read()  # the sandbox builds each page on the first request; this must not count for a contender
        rows = ask(url, "health")["rows"]
        series = in_turn(rounds, REST_SECONDS, pair=pair.load, omniload=omniload.load)
        expected = {
            "employees": rows["employees"],
            "absences": rows["time_offs"],
            "attendances": rows["attendances"],
            "projects": rows["projects"],
            "employees_absences_balance": rows["balances"],
        }
        check_rows(pair.database, expected)
        check_rows(omniload.database, expected)
    ratio = series["omniload"].median("wall") / series["pair"].median("wall")
    print(f"  The pair is {ratio:.1f} times as fast as omniload (medians; both files have all rows).")


def main(rounds: int = 3) -> None:
    """Run the comparisons and print the results."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    compare(rounds, 0)
    compare(max(1, rounds - 1), 0.05)


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:]))
