"""With Personio's published rate limits and a latency: the time of a run, relative to what the limits require."""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from bench.measuring import ENVIRONMENTS, Figures, ask, run, sandbox
from bench.pair import Pair

if TYPE_CHECKING:
    from pathlib import Path

LATENCIES = (0.0, 0.05, 0.2, 0.4)
EMPLOYEES = (100, 400)
DAYS = 250  # with two attendances each
V1_PER_MINUTE = 2000
# Requests a second, and how many at once. The balances have no published limit, nor have the other lists of API v1.
LIMITS = {"/v1/company/employees": (5.0, 15), "/v2/persons": (30.0, 100)}
V2_LIMIT = (10.0, 100)
# Lists that can be read in windows: their table, and the largest page.
LISTS = {
    "/v2/attendance-periods": ("attendance_periods", 100),
    "/v2/absence-periods": ("absence_periods", 100),
}


class Run(NamedTuple):
    """What one run did: its figures, and its requests and the refused ones by endpoint."""

    figures: Figures
    requests: Counter[str]
    refused: Counter[str]


def necessary(counts: Counter[str]) -> dict[str, float]:
    """Seconds that the limits require of each endpoint, and of API v1 as a whole."""
    v1 = sum(count for path, count in counts.items() if path.startswith("/v1"))
    seconds = {"/v1 (all)": (v1 - V1_PER_MINUTE) * 60 / V1_PER_MINUTE}
    for path, count in counts.items():
        if path in LIMITS or (path.startswith("/v2") and "/auth" not in path):
            rate, burst = LIMITS.get(path, V2_LIMIT)
            seconds[path] = (count - burst) / rate
    return {path: max(each, 0.0) for path, each in seconds.items()}


def fewest(counts: Counter[str], database: Path) -> Counter[str]:
    """The requests, with only as many for long lists as full pages need."""
    found = Counter(counts)
    with duckdb.connect(str(database), read_only=True) as connection:
        for path, (table, size) in LISTS.items():
            ((rows,),) = connection.execute(f"SELECT count(*) FROM main.{table}").fetchall()
            found[path] = min(counts[path], max(1, -(-rows // size)))
    return found


def run_pair(pair: Pair, url: str, states: Path, *more: object) -> Run:
    """Run tap and loader once.

    Args:
        pair: tap and loader.
        url: of the sandbox.
        states: where the states go.
        more: further arguments of the tap.
    """
    ask(url, "requests", method="DELETE")
    figures = run([[*pair.tap, *more], pair.target], states)
    found = ask(url, "requests")
    return Run(
        figures,
        Counter(ask(url, "requests/counts")),
        Counter(each["path"] for each in found if each["status"] == 429),
    )


def report(name: str, result: Run, least: Counter[str], latency: float) -> None:
    """Print what a run took and what was necessary: by the limits alone, and with one login and one response."""
    need, need_least = necessary(result.requests), necessary(least)
    seconds, wall = max(need.values()), result.figures.wall
    total, refused = sum(result.requests.values()), sum(result.refused.values())
    ratio = f"{wall / seconds:.2f} times" if seconds else "no limit reached"
    of_least, whole = max(need_least.values()), seconds + 2 * latency
    print(
        f"  {name}: {wall:.1f} s, {seconds:.1f} s required by {max(need, key=lambda path: need[path])}: {ratio}"
        f"{f', {wall / of_least:.2f} of the fewest requests' if of_least else ''}"
        f"{f', {wall / whole:.2f} with a login and the last response' if whole else ''}; {refused} of {total} refused "
        f"({refused / total:.1%}); {result.figures.cpu:.1f} s of CPU time, {result.figures.peak:.0f} MiB",
        flush=True,
    )
    for path, count in result.requests.most_common(8):
        refusals = f", {result.refused[path]} refused" if result.refused[path] else ""
        print(f"    {count:>5} {path}{refusals}, {need.get(path, 0.0):.1f} s required", flush=True)


def main(employees: tuple[int, ...] = EMPLOYEES, latencies: tuple[float, ...] = LATENCIES) -> None:
    """Run the benchmark and print the figures."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    states, state = ENVIRONMENTS / "limits-states.singer", ENVIRONMENTS / "limits-state.json"
    for size, latency in itertools.product(employees, latencies):
        print(f"\n{size} people, {DAYS} days each, {latency * 1000:.0f} ms per response, limits on:")
        with sandbox(
            employees=size, attendances_per_employee=2 * DAYS, latency=latency, rate_limits=True
        ) as url:
            time.sleep(5)  # the newest records have the time at which the sandbox started
            pair = Pair(url, "limits", None, v1_requests_per_minute=V1_PER_MINUTE)
            run([[*pair.tap, "--check"]])  # the sandbox sorts a list when it is first asked for
            time.sleep(15)  # until the limits are full again
            pair.database.unlink(missing_ok=True)
            first = run_pair(pair, url, states)
            state.write_text(states.read_text().splitlines()[-1])
            report("first load", first, fewest(first.requests, pair.database), latency)
            time.sleep(15)  # until the limits are full again
            following = run_pair(pair, url, states, "--state", state)
            report("next run", following, following.requests, latency)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, nargs="+", default=EMPLOYEES)
    parser.add_argument("--latency", type=float, nargs="+", default=LATENCIES, help="seconds per response")
    given = parser.parse_args()
    main(tuple(given.employees), tuple(given.latency))
