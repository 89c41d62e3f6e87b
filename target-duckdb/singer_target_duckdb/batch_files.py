"""The files of BATCH messages, which DuckDB reads (https://sdk.meltano.com/en/latest/batch.html)."""

# ruff: noqa: S608 - every name in a statement has gone through `quoted`, every text through `literal`

from __future__ import annotations

import gzip
import re
import shutil
import stat
import zlib
from contextlib import closing
from glob import escape
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import duckdb

from singer_target_duckdb.database import FILE_SCHEME
from singer_target_duckdb.errors import first_line
from singer_target_duckdb.sql import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_target_duckdb.column_types import Column
    from singer_target_duckdb.database import Database

_LINE_BYTES = 16 << 20  # longest line
_FILE = re.compile(FILE_SCHEME, re.IGNORECASE)
_GZIP = b"\x1f\x8b"
_COMPRESSIONS = {"jsonl": {"gzip": "gzip", "none": "uncompressed", None: "auto_detect"}}
# Parquet compresses inside of the file, which says how.
_FORMATS = {"jsonl": {"gzip", "none", None}, "parquet": {"gzip", "none", "snappy", "zstd", None}}


class BatchFileError(Exception):
    """What is wrong with a BATCH message or one of its files, as one sentence."""


def records(
    message: dict[str, Any], database: Database, columns: list[Column], folder: str | None
) -> Iterator[bytes]:
    """The JSON of each record in the files that a BATCH message names.

    Args:
        message: the BATCH message.
        database: what reads the files.
        columns: the columns for which Parquet files are read; empty for all that they have.
        folder: where the files may be, beside the working directory.

    Raises:
        BatchFileError: if a file may not or cannot be read.
    """
    encoding, manifest = message.get("encoding"), message.get("manifest")
    if not isinstance(encoding, dict) or not isinstance(manifest, list):
        msg = "a BATCH message needs an object as its `encoding` and a list as its `manifest`."
        raise BatchFileError(msg)
    kind, compression = encoding.get("format"), encoding.get("compression")
    if not isinstance(compression, str | None) or compression not in _FORMATS.get(str(kind), ()):
        msg = f"BATCH files of format '{kind}', compression '{compression}' cannot be read; use jsonl or parquet."
        raise BatchFileError(msg)
    for address in manifest:
        file = _allowed(address, folder)
        try:
            yield from _lines(file, str(kind), compression, database, columns)
        except (duckdb.IOException, OSError, EOFError, zlib.error) as error:
            msg = f"the BATCH file {file} cannot be read: {first_line(error)}"
            raise BatchFileError(msg) from None
        except duckdb.Error as error:  # whose text may have values
            msg = f"the BATCH file {file} cannot be read: {type(error).__name__}."
            raise BatchFileError(msg) from None


def _allowed(address: Any, folder: str | None) -> Path:
    """The file behind an address: a regular one, below the working directory or the folder.

    Raises:
        BatchFileError: for any other address.
    """
    path = Path(_path_of(address) if isinstance(address, str) else "\0")
    if "\0" in str(path):
        msg = "a BATCH file is not read, because its address is not that of a file (`file://...`)."
        raise BatchFileError(msg)
    try:
        found = path.resolve(strict=True)
        is_regular = stat.S_ISREG(found.stat().st_mode)
        roots = [Path.cwd(), *([Path(folder).expanduser()] if folder else [])]
        is_allowed = is_regular and any(found.is_relative_to(root.resolve()) for root in roots)
    except (OSError, RuntimeError, ValueError) as error:  # the last two of `batch_dir`
        msg = (
            f"the BATCH file {path} cannot be read: {getattr(error, 'strerror', None) or 'it is not there'}."
        )
        raise BatchFileError(msg) from None
    if not is_allowed:
        msg = f"the BATCH file {path} is not a regular file below the working directory or the setting `batch_dir`."
        raise BatchFileError(msg)
    return found


def _path_of(address: str) -> str:
    """The path that an address means, of which `file://folder/file` is relative, as in the SDK."""
    if not (scheme := _FILE.match(address)):
        return "\0" if "://" in address else address
    return unquote(address[scheme.end() :])


def _lines(
    file: Path, kind: str, compression: str | None, database: Database, columns: list[Column]
) -> Iterator[bytes]:
    if kind == "jsonl":
        query = f"""
            SELECT json::VARCHAR FROM read_json_objects({literal(escape(str(file)))}, format = 'newline_delimited',
                compression = '{_COMPRESSIONS[kind][compression]}', maximum_object_size = {_LINE_BYTES})
            """
        yield from _texts(database, query)
        return
    with file.open("rb") as opened:
        is_packed = opened.read(2) == _GZIP
    if not is_packed:
        yield from _texts(database, _parquet(database, file, columns))
        return
    with NamedTemporaryFile(dir=database.spill_directory, suffix=".parquet") as unpacked:
        with gzip.open(file) as packed:
            shutil.copyfileobj(packed, unpacked)
        unpacked.flush()
        yield from _texts(database, _parquet(database, Path(unpacked.name), columns))


def _texts(database: Database, query: str) -> Iterator[bytes]:
    with closing(database.connection.cursor()) as cursor:
        found = cursor.execute(query)
        while rows := found.fetchmany(10_000):
            yield from (text.encode() for (text,) in rows)


def _parquet(database: Database, path: Path, columns: list[Column]) -> str:
    """A query for the records of a Parquet file, each value as text or JSON, so that no digit is lost."""
    file = f"read_parquet({literal(escape(str(path)))})"
    present = {row[0]: row[1] for row in database.rows(f"DESCRIBE FROM {file}")}
    names = {column.key: column.type for column in columns} or dict.fromkeys(present, "")
    values = ", ".join(
        f"{quoted(name)} := {_text_of(name, present[name], type_)}"
        for name, type_ in names.items()
        if name in present
    )
    return f"SELECT to_json(struct_pack({values}))::VARCHAR FROM {file}"


def _text_of(name: str, kind: str, wanted: str) -> str:
    column = quoted(name)
    if wanted == "JSON" and kind == "VARCHAR":
        return f"{column}::JSON"
    if wanted in {"JSON", ""} or kind.startswith(("STRUCT", "MAP")) or kind.endswith("]"):
        return f"to_json({column})"
    return f"CAST({column} AS VARCHAR)"
