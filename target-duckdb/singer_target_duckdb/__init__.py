"""Singer target that loads any tap's messages into DuckDB."""
