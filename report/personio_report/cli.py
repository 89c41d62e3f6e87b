"""The command `personio-report`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import duckdb

from personio_report.figures import ModelsMissingError, read
from personio_report.page import render


def main() -> int:
    """Write the page; the exit code is 1, with one sentence on stderr, if there is nothing to write it from."""
    parser = argparse.ArgumentParser(
        prog="personio-report",
        description="Write one HTML page about the company, from the models in a DuckDB database.",
    )
    parser.add_argument("database", help="DuckDB file, or md:<database>, that the models were built in")
    parser.add_argument(
        "--output", type=Path, default=Path("output/report.html"), help="the page (%(default)s)"
    )
    parser.add_argument("--schema", default="hr", help="schema of the models (%(default)s)")
    parser.add_argument(
        "--minimum-group", type=_positive, default=5, metavar="PEOPLE",
        help="groups of fewer people are not shown (%(default)s)",
    )  # fmt: skip
    arguments = parser.parse_args()
    try:
        page = render(read(arguments.database, arguments.schema, arguments.minimum_group))
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        # It is about people, so nobody else on the machine needs to read it.
        arguments.output.touch(mode=0o600)
        arguments.output.write_text(page, encoding="utf-8")
    except (ModelsMissingError, OSError, duckdb.Error) as error:
        print(f"personio-report: {error}", file=sys.stderr)  # noqa: T201  a command line tool
        return 1
    print(arguments.output)  # noqa: T201
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number of people, 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
