"""Opens the database of the settings, and runs transactions in it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.sql import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MEMORY_LIMIT = "1GB"


class Database:
    """A connection with the configured database attached under the name `catalog`."""

    def __init__(self, config: Mapping[str, Any], spill_directory: Path) -> None:
        """Open the database; a new file, its write-ahead log and all else is for its owner only.

        Args:
            config: the settings of the target.
            spill_directory: where DuckDB puts what does not fit its memory.

        Raises:
            LoaderError: if the database cannot be opened.
        """
        os.umask(0o077)
        path = str(config.get("path") or config.get("filepath"))
        self.connection = duckdb.connect(
            ":memory:", config={"temp_directory": str(spill_directory), "memory_limit": MEMORY_LIMIT}
        )
        self.catalog = str(config.get("dbname") or config.get("database") or Path(path).stem)
        self.execute("SET TimeZone = 'UTC'")
        for name, value in (config.get("settings") or {}).items():
            self.execute(f"SET {name} = {literal(str(value))}")
        options = [f"STORAGE_VERSION {literal(config.get('storage_version') or 'v1.0.0')}"]
        if not Path(path).exists():
            Path(path).absolute().parent.mkdir(parents=True, exist_ok=True)
        self.execute(f"ATTACH {literal(path)} AS {quoted(self.catalog)} ({', '.join(options)})")
        self.execute(f"USE {quoted(self.catalog)}")

    def execute(self, statement: str, parameters: list[Any] | None = None) -> None:
        """Run one statement."""
        self.connection.execute(statement, parameters)

    def rows(self, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(query, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what runs inside."""
        self.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            try:
                self.execute("ROLLBACK")
            except duckdb.Error:  # DuckDB has given the transaction up already
                pass
            raise
        self.execute("COMMIT")

    def close(self) -> None:
        """Write what is in the write-ahead log to the file, and let go of it."""
        self.connection.close()
