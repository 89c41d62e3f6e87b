"""Fixtures: load Singer messages into a real DuckDB file, and look at what is in it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import commands
import duckdb
import pytest
from singer_messages import lines
from singer_target_duckdb.target import TargetDuckDB

EXECUTABLE = str(Path(sys.executable).with_name("target-duckdb"))


class Loader:
    """Loads messages into one database file, in this process or in one of its own."""

    def __init__(self, directory, capsys):
        self.config = {"path": str(directory / "warehouse.duckdb"), "temp_dir": str(directory / "temp")}
        self.path = Path(self.config["path"])
        self.temp = Path(self.config["temp_dir"])
        self._config_file = directory / "config.json"
        self._capsys = capsys

    def __call__(self, *messages, **config):
        """Load, and return the states written."""
        self._capsys.readouterr()
        TargetDuckDB(config=self.config | config).listen(io.BytesIO(lines(*messages)))
        return [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]

    def command(self, **config):
        """The command line that loads, for a process of its own."""
        self._config_file.write_text(json.dumps(self.config | config))
        return [EXECUTABLE, "--config", str(self._config_file)]

    def run(self, *messages, **config):
        """Load in a process of its own."""
        return commands.run(self.command(**config), lines(*messages))

    def rows(self, query):
        """Rows of a query, in order; a query that starts with FROM gets everything sorted."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            order = " ORDER BY ALL" if query.upper().startswith("FROM") else ""
            return connection.execute(query + order).fetchall()

    def types(self, table="t"):
        """The table's columns and their types."""
        return dict(
            self.rows(f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{table}'")
        )


@pytest.fixture
def load(tmp_path, capsys):
    return Loader(tmp_path, capsys)
