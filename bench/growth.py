"""Time and memory from 10 thousand to 5 million attendances, and the start-up time."""

from __future__ import annotations

import sys
import time
from statistics import median

from bench.measuring import ENVIRONMENTS, ROOT, in_turn, ours, run, sandbox
from bench.pair import Pair

SIZES = (10_000, 50_000, 250_000, 1_000_000, 5_000_000)
PLOT = ROOT / "docs" / "performance-growth.svg"


def curve(sizes: tuple[int, ...] = SIZES) -> None:
    """Print seconds and memory for each size, and draw the curve."""
    print("\nGrowth, attendances only:")
    points = []
    for size in sizes:
        with sandbox(employees=1000, attendances=size, absences=100, hostile=False) as url:
            # The newest records have the time at which the sandbox started: at that time the tap would read them twice.
            time.sleep(5)
            pair = Pair(url, "growth", ("attendances",))
            (ENVIRONMENTS / "messages.singer").unlink(missing_ok=True)
            tap, loader = pair.read(), pair.write()
        points.append((size, tap, loader))
        print(
            f"  {size:>9,}: tap {tap.cpu:.2f} s of CPU time, {tap.peak:.0f} MiB; "
            f"loader {loader.cpu:.2f} s of CPU time, {loader.peak:.0f} MiB",
            flush=True,
        )
    draw(points)


def draw(points: list) -> None:
    """Draw microseconds of CPU time per record against the number of records."""
    import matplotlib  # noqa: PLC0415

    matplotlib.use("svg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    sizes = [size for size, _, _ in points]
    figure, axes = plt.subplots(figsize=(7, 3.6))
    for name, place in (("tap", 1), ("loader", 2)):
        axes.plot(sizes, [point[place].cpu / point[0] * 1e6 for point in points], marker="o", label=name)
    axes.set(xscale="log", xlabel="attendances", ylabel="µs of CPU time per record, including start-up")
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(PLOT)


def starts(rounds: int = 7) -> None:
    """Print the CPU time of --version relative to an import of its main dependencies."""
    python = ours() / "python"
    series = in_turn(
        rounds,
        singer_sdk=lambda: run([[python, "-c", "import singer_sdk"]]),
        tap=lambda: run([[ours() / "tap-personio", "--version"]]),
        singer_sdk_and_duckdb=lambda: run([[python, "-c", "import singer_sdk, duckdb"]]),
        target=lambda: run([[ours() / "target-duckdb", "--version"]]),
    )
    for command, base in (("tap", "singer_sdk"), ("target", "singer_sdk_and_duckdb")):
        ratios = [a.cpu / b.cpu for a, b in zip(series[command].runs, series[base].runs, strict=True)]
        print(
            f"  {command} --version: {median(ratios):.2f} times the import of {base.replace('_and_', ' and ')}."
        )


if __name__ == "__main__":
    ENVIRONMENTS.mkdir(exist_ok=True)
    print("Start-up:")
    starts()
    curve(tuple(int(size) for size in sys.argv[1:]) or SIZES)
