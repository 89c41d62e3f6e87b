"""The command `personio-report`."""

from __future__ import annotations

import argparse
import sys
import tempfile
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
        _write(arguments.output, page)
    except (ModelsMissingError, OSError, duckdb.Error) as error:
        sentence = str(error).partition("\n")[0]
        print(f"personio-report: {sentence}", file=sys.stderr)  # noqa: T201  a command line tool
        return 1
    print(arguments.output)  # noqa: T201
    return 0


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all; a link is not followed."""
    if path.is_symlink():
        raise FileExistsError(f"{path} is a link: remove it, or name another file with --output")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A new file in place of the old one: neither its mode nor a link that appears meanwhile plays a part.
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123  an open file, not a path
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number of people, 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
