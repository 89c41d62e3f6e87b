"""`python -m singer_target_duckdb`, the same as the command `target-duckdb`."""

from singer_target_duckdb.target import TargetDuckDB

if __name__ == "__main__":
    TargetDuckDB.cli()
