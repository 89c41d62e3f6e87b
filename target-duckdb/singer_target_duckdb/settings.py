"""The settings of the target."""

from __future__ import annotations

from singer_sdk import typing as th

SETTINGS = th.PropertiesList(
    th.Property(
        "path",
        th.StringType,
        title="Database file",
        description=(
            "Path of the DuckDB file, a MotherDuck address such as `md:my_db`, or a DuckLake such as "
            "`ducklake:lake/catalog.ducklake`. Alias: `filepath`."
        ),
    ),
    th.Property(
        "data_path",
        th.StringType,
        title="Data of the lake",
        description="Folder of a DuckLake's files; needed when its catalog is in another database.",
    ),
    th.Property("filepath", th.StringType, title="Database file (alias)", description="Alias of `path`."),
    th.Property(
        "default_target_schema",
        th.StringType,
        title="Schema",
        description=(
            "Schema for the tables of all streams that `schema_mapping` does not name. Default: `main`."
        ),
    ),
    th.Property(
        "schema_mapping",
        th.ObjectType(
            additional_properties=th.ObjectType(
                th.Property("target_schema", th.StringType), additional_properties=True
            )
        ),
        title="Schema mapping",
        description=(
            'For streams named `schema-table`: from the source\'s schema to `{"target_schema": "…"}`.'
        ),
    ),
    th.Property(
        "dbname",
        th.StringType,
        title="Database name",
        description=("Name of the database inside DuckDB; by default taken from `path`. Alias: `database`."),
    ),
    th.Property("database", th.StringType, title="Database name (alias)", description="Alias of `dbname`."),
    th.Property(
        "token",
        th.StringType,
        secret=True,
        title="MotherDuck token",
        description=("Token for MotherDuck; the environment variable MOTHERDUCK_TOKEN works too."),
    ),
    th.Property(
        "settings",
        th.ObjectType(additional_properties=True),
        title="DuckDB settings",
        description=('DuckDB settings by name, such as `{"memory_limit": "4GB", "threads": 4}`.'),
    ),
    th.Property(
        "load_method",
        th.StringType,
        default="upsert",
        title="Load method",
        allowed_values=["append-only", "upsert", "overwrite"],
        description=(
            "`upsert` merges by key, `append-only` adds every record, `overwrite` replaces each table with the run's "
            "records."
        ),
    ),
    th.Property(
        "hard_delete",
        th.BooleanType,
        default=True,
        title="Hard delete",
        description=(
            "What is gone at the source is deleted; if false, the row stays and `_sdc_deleted_at` is set."
        ),
    ),
    th.Property(
        "primary_key_required",
        th.BooleanType,
        default=False,
        title="Key required",
        description=("Refuse streams without key properties instead of appending their records."),
    ),
    th.Property(
        "validate_records",
        th.BooleanType,
        default=False,
        title="Validate records",
        description=("Check each record against the stream's JSON schema before loading (slow)."),
    ),
    th.Property(
        "batch_size_rows",
        th.IntegerType(minimum=1),
        default=500_000,
        title="Rows per flush",
        description=("How many records of a stream wait at most before all streams are loaded."),
    ),
    th.Property(
        "add_metadata_columns",
        th.BooleanType,
        title="Metadata columns (alias)",
        description=("Alias of `add_record_metadata`."),
    ),
    th.Property(
        "data_flattening_max_level",
        th.IntegerType,
        default=0,
        title="Flattening depth (alias)",
        description=(
            "More than 0 turns flattening on with this depth; the SDK's `flattening_*` settings do the same."
        ),
    ),
    th.Property(
        "temp_dir",
        th.StringType,
        title="Directory for temporary files",
        description=(
            "Where records wait, in a directory that only their owner can read. Default: the system's."
        ),
    ),
    th.Property(
        "storage_version",
        th.StringType,
        default="v1.0.0",
        title="Storage version",
        description=("Format of a new database file, as the oldest DuckDB that can open it."),
    ),
    th.Property(
        "encryption_key",
        th.StringType,
        secret=True,
        title="Encryption key",
        description=("Encrypts a new database file, and opens an encrypted one."),
    ),
    th.Property(
        "lock_timeout",
        th.NumberType,
        default=0,
        title="Wait for a locked file",
        description=("Seconds to wait for another process that has the database open."),
    ),
    th.Property(
        "delimiter", th.StringType, title="Unused", description="Accepted for compatibility; has no effect."
    ),
    th.Property(
        "quotechar", th.StringType, title="Unused", description="Accepted for compatibility; has no effect."
    ),
    th.Property(
        "flush_all_streams",
        th.BooleanType,
        title="Unused",
        description=("Accepted for compatibility; a flush always loads all streams."),
    ),
)
