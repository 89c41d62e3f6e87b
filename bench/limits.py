"""With Personio's published rate limits: the time of a run, relative to the time that the limits require."""

from __future__ import annotations

from collections import Counter

from bench.measuring import ENVIRONMENTS, ask, run, sandbox
from bench.pair import Pair
from bench.run_omniload import TABLES

# In addition to the eight tables: streams with one request per parent record, whose endpoints have separate limits.
STREAMS = (*TABLES, "persons", "employments", "documents", "absence_periods", "attendance_periods")
RATES = {"/v1/company/employees": (5, 15), "/v2/persons": (30, 100)}
V2_RATE = (10, 100)


def necessary(counts: dict[str, int]) -> float:
    """Seconds that the limit of the slowest endpoint requires; each endpoint has its own limit."""
    seconds = 0.0
    for endpoint, count in counts.items():
        path = endpoint.split(" ")[-1]
        rate = RATES.get(path) or (V2_RATE if path.startswith("/v2/") and "auth" not in path else None)
        if rate:
            seconds = max(seconds, (count - rate[1]) / rate[0])
    return seconds


def main(employees: int = 700) -> None:
    """Run the benchmark and print the figures."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    print("\nWith Personio's published limits:")
    with sandbox(employees=employees, attendances_per_employee=60, rate_limits=True) as url:
        pair = Pair(url, "limits", STREAMS, v1_requests_per_minute=2000)
        ask(url, "reset", {})
        figures = run([pair.tap])
        counts = ask(url, "requests/counts")
        refused = Counter(each["status"] for each in ask(url, "requests"))[429]
    need = necessary(counts)
    print(
        f"  {sum(counts.values())} requests, {need:.1f} s required, {figures.wall:.1f} s taken: "
        f"{figures.wall / need:.2f} times; {refused} responses with status 429."
    )


if __name__ == "__main__":
    main()
