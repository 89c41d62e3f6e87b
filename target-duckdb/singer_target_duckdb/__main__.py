"""The command `target-duckdb`, also as `python -m singer_target_duckdb`."""

import signal


def main() -> None:
    """Run the target. Until it handles Ctrl-C itself, Ctrl-C ends it silently, not with the traceback of an import."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from singer_target_duckdb.target import TargetDuckDB  # noqa: PLC0415 - takes most of a second

    TargetDuckDB.cli()


if __name__ == "__main__":
    main()
