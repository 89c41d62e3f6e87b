"""`python -m bench`: all benchmarks, about 45 minutes; with `--quick`, about 15."""

from __future__ import annotations

import subprocess
import sys

from bench import growth, limits, pair, records
from bench.measuring import ENVIRONMENTS, sandbox


def main(*, quick: bool) -> None:
    """Run all benchmarks."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    # In a separate process: the peak memory of a program is at least that of the process that starts it.
    sizes = (10_000, 250_000, 1_000_000) if quick else growth.SIZES
    subprocess.run([sys.executable, "-m", growth.__name__, *map(str, sizes)], check=True)
    print("\nThe tap alone, from page bytes to stdout:")
    with sandbox(**pair.COMPANY) as url:
        subprocess.run([sys.executable, "-m", records.__name__, url], check=True)
    pair.compare(1 if quick else 3, 0)
    if not quick:
        pair.compare(2, 0.05)
    limits.main((100,), (0.2,))
    print("\nThe loader:", flush=True)
    command = [sys.executable, "-m", "bench.loader"]
    subprocess.run([*command, *(["--scale=0.1"] if quick else [])], check=True)


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)
