"""Opens the database that the settings name, and runs transactions in it."""

from __future__ import annotations

import importlib.util
import os
import re
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from singer_target_duckdb.errors import LoaderError, first_line
from singer_target_duckdb.sql import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Enough for nearly every load: DuckDB fills all that it may take before it spills. Many wide records get more, because
# DuckDB then writes them on several cores, which takes a tenth less time. A load for which that is not enough gets
# DuckDB's own default, which is most of what the machine, or the container, has.
MEMORY_LIMIT = "160MB"
WIDE_MEMORY_LIMIT = "512MB"
# DuckDB checkpoints when the write-ahead log reaches this size (its default: 16 MB), and at the end.
CHECKPOINT_THRESHOLD = "512MB"
_RESERVED = {"main", "memory", "system", "temp"}
_RETRY_SECONDS = 0.25
# DuckDB takes what precedes a colon for the name of an extension; the letter of a drive is none. It would keep
# `:memory:` until the end of the run, and reads a name up to a zero byte.
_NO_FILE = re.compile(
    r"(?!(?:md|motherduck|(?-i:ducklake)|duckdb|file):)\w{2,}:|:memory:|.*\0|\s*$", re.IGNORECASE | re.DOTALL
)
FILE_SCHEME = r"file:(?://(?:localhost(?=/))?)?"
_OF_FILE = re.compile(rf"(?:duckdb:|{FILE_SCHEME})?", re.IGNORECASE)
_MOTHERDUCK = re.compile(r"(?:md|motherduck):", re.IGNORECASE)
# Extensions that a DuckLake needs for a catalog in another database.
_CATALOGS = {"postgres": "postgres_scanner", "mysql": "mysql_scanner", "sqlite": "sqlite_scanner"}


_Result = TypeVar("_Result")


class Database:
    """A connection with the configured database as the catalog `catalog`."""

    def __init__(self, config: Mapping[str, Any], spill_directory: Path) -> None:
        """Open the database; a new file, its write-ahead log and all else is for its owner only.

        Args:
            config: the settings of the target.
            spill_directory: where DuckDB puts what does not fit its memory.

        Raises:
            LoaderError: if the database cannot be opened.
        """
        os.umask(0o077)
        self.spill_directory = spill_directory
        path = config.get("path") or config.get("filepath")
        if not path:
            msg = (
                "Setting `path` is missing: give the path of a DuckDB file, or an address such as `md:my_db`."
            )
            raise LoaderError(msg)
        self.path = _usable(str(path))
        self.is_lake = is_ducklake(self.path)
        self.catalog = catalog_name(self.path, config)
        if config.get("encryption_key") and (self.is_lake or is_motherduck(self.path)):
            msg = "Setting `encryption_key` is for database files; what `path` names cannot be encrypted with it."
            raise LoaderError(msg)
        own = {name.lower() for name in config.get("settings") or {}}
        self._is_limited = not own & {"memory_limit", "max_memory"}
        self._after_commit: list[Callable[[], object]] = []
        options = {
            "temp_directory": str(spill_directory),
            "memory_limit": MEMORY_LIMIT,
            "checkpoint_threshold": CHECKPOINT_THRESHOLD,
        }
        if is_motherduck(self.path):
            self.connection = self._connect(self.path, options | motherduck_options(config))
            self._apply(config.get("settings") or {})
        else:
            # Nothing is installed or loaded that nobody has asked for.
            extensions = dict.fromkeys(("autoinstall_known_extensions", "autoload_known_extensions"), "false")
            self.connection = self._connect(":memory:", options | extensions)
            self._apply(config.get("settings") or {})
            if self.is_lake:
                self._attach_lake(config)
            else:
                self._attach(config)
        self.execute(f"USE {quoted(self.catalog)}")
        self.execute("SET TimeZone = 'UTC'")
        # DuckDB would draw a progress bar between the states on standard output.
        self.execute("SET enable_progress_bar = false")

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
        self._after_commit = []
        try:
            yield
            self.execute("COMMIT")
        except BaseException as error:
            with suppress(duckdb.Error):  # DuckDB may have given the transaction up already
                self.execute("ROLLBACK")
            if self.is_lake and "commit DuckLake transaction" in str(error):
                msg = "Another process changed the lake at the same time; run again for what is not written yet."
                raise LoaderError(msg) from None
            raise
        for action in self._after_commit:
            action()

    def after_commit(self, action: Callable[[], object]) -> None:
        """Run something once the open transaction is committed."""
        self._after_commit.append(action)

    def with_enough_memory(self, work: Callable[[], _Result]) -> _Result:
        """Do some work; if DuckDB's memory is too small for it, do it once more with DuckDB's own limit.

        Raises:
            duckdb.OutOfMemoryException: if that does not suffice, or the settings say how much memory DuckDB gets.
        """
        try:
            return work()
        except duckdb.OutOfMemoryException:
            if not self._is_limited:
                raise
        self.execute("RESET memory_limit")
        ((limit,),) = self.rows("SELECT current_setting('memory_limit')")
        self.execute(f"SET memory_limit = {literal(limit)}")  # DuckDB 1.4 goes on with the old one until then
        self._is_limited = False
        return work()

    def expect_wide_records(self) -> None:
        """Let DuckDB take what it writes many wide records fastest with, unless the settings say how much."""
        if self._is_limited:
            self.execute(f"SET memory_limit = '{WIDE_MEMORY_LIMIT}'")

    def close(self) -> None:
        """Bring the write-ahead log into the file, and let go of it."""
        self.connection.close()

    def _connect(self, address: str, options: dict[str, Any]) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(address, config=options)
        except duckdb.Error as error:
            place, _, secret = address.partition("?")
            reason = first_line(error).replace(secret, "...") if secret else first_line(error)
            msg = f"Cannot connect to {place}: {reason}"
            raise LoaderError(msg) from None

    def _attach(self, config: Mapping[str, Any]) -> None:
        """Attach the database file, waiting for another process to close it as long as `lock_timeout` says."""
        key, options = config.get("encryption_key"), []
        if key:
            self._load_extension("httpfs")
            options.append(f"ENCRYPTION_KEY {literal(key)}")
        version = config.get("storage_version")
        is_too_old = key and version == "v1.0.0"  # encryption came with v1.4.0
        if version and not is_too_old and not Path(self.path).exists():
            options.append(f"STORAGE_VERSION {literal(version)}")
        how = f" ({', '.join(options)})" if options else ""
        statement = f"ATTACH {literal(self.path)} AS {quoted(self.catalog)}{how}"
        deadline = time.monotonic() + (config.get("lock_timeout") or 0)
        while True:
            try:
                self.execute(statement)
            except duckdb.Error as error:
                if "Could not set lock" not in str(error) or time.monotonic() > deadline:
                    raise LoaderError(self._explain_attach_error(error, has_key=bool(key))) from None
                time.sleep(_RETRY_SECONDS)
            else:
                return

    def _attach_lake(self, config: Mapping[str, Any]) -> None:
        """Attach a DuckLake: a catalog, in a file or another database, and a folder or bucket of Parquet files.

        https://ducklake.select/docs/stable/duckdb/usage/connecting
        """
        kind, colon, _ = (place := self.path.removeprefix("ducklake:")).partition(":")
        if not colon:
            Path(place).absolute().parent.mkdir(parents=True, exist_ok=True)
        self._load_extension("ducklake")
        if kind in _CATALOGS:
            self._load_extension(_CATALOGS[kind])
        data = config.get("data_path")
        if "://" in str(data):
            self._load_extension("httpfs")
        options = f" (DATA_PATH {literal(str(data))})" if data else ""
        try:
            self.execute(f"ATTACH {literal(self.path)} AS {quoted(self.catalog)}{options}")
        except duckdb.Error as error:
            msg = f"Cannot open the lake: {first_line(error)}"  # its address may hold a password
            if "xtension" in str(error):
                name = _CATALOGS.get(kind, "ducklake") if "ducklake" not in first_line(error) else "ducklake"
                msg = (
                    f"A path that begins with `ducklake:` needs DuckDB's extension {name}; run INSTALL {name} once in "
                    f"DuckDB, or install its package duckdb-ext-… of DuckDB's version."
                )
            raise LoaderError(msg) from None

    def _explain_attach_error(self, error: Exception, *, has_key: bool) -> str:
        text = str(error)
        holder = re.search(r"PID \d+", text)
        who = f"another process ({holder[0]})" if holder else "another process"
        sentences = {
            "Could not set lock": f"Database {self.path} is open in {who}; close it there, or set `lock_timeout` to "
            "wait for it.",
            "crypto module": f"Database {self.path} cannot be written encrypted without DuckDB's extension httpfs; "
            "run INSTALL httpfs once in DuckDB, or install the package duckdb-ext-httpfs of DuckDB's version.",
            "Wrong encryption key": f"Database {self.path} does not open with this `encryption_key`.",
            "encrypted": "" if has_key else f"Database {self.path} is encrypted; set `encryption_key`.",
            "is not encrypted": f"Database {self.path} is not encrypted, but `encryption_key` is set; remove it, or "
            "use a new file.",
            "known DuckDB version": "Setting `storage_version` is not a version that this DuckDB can write; `v1.0.0` "
            "and `latest` are.",
        }
        found = [sentence for part, sentence in sentences.items() if part in text and sentence]
        return found[0] if found else f"Cannot open database {self.path}: {first_line(error)}"

    def _load_extension(self, extension: str) -> None:
        """Load an extension, if it is installed in DuckDB's way or as a Python package."""
        package = importlib.util.find_spec("duckdb_ext")
        places = [Path(place) for place in (package.submodule_search_locations or [])] if package else []
        files = [
            file
            for place in places
            for file in place.glob(f"extensions/v{duckdb.__version__}/*/{extension}.*")
        ]
        for name in [extension, *(literal(str(file)) for file in files)]:
            with suppress(duckdb.Error):
                self.execute(f"LOAD {name}")
                return

    def _apply(self, settings: Mapping[str, Any]) -> None:
        for name, value in settings.items():
            try:
                self.execute(f"SET {quoted(name)} = {literal(str(value))}")
            except duckdb.Error as error:
                reason = first_line(error).replace(str(value), "...") if str(value) else first_line(error)
                msg = f"Setting `settings`: DuckDB does not take '{name}': {reason}"
                raise LoaderError(msg) from None


def _usable(path: str) -> str:
    """The path, with a home folder in place of `~`; the folder of a file is made.

    Raises:
        LoaderError: if nothing at this path can be, or become, a database.
    """
    if _NO_FILE.match(path):  # which may hold a password, so that it is not printed
        msg = (
            "Setting `path` names no DuckDB file: give the path of a file, or an address that begins with `md:` or "
            "`ducklake:`."
        )
        raise LoaderError(msg)
    if is_motherduck(path) or is_ducklake(path):
        return path
    try:
        file = Path(_OF_FILE.sub("", path, count=1)).expanduser()
        if file.exists() and not file.is_file():  # to open a pipe would wait for ever
            msg = "Setting `path` names a folder, a device or the like: give the path of a DuckDB file."
            raise LoaderError(msg)
        file.absolute().parent.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "there is no such user as behind its `~`"
        msg = f"The file that `path` names cannot be made or read: {reason}."
        raise LoaderError(msg) from None
    return str(file)


def is_motherduck(path: str) -> bool:
    """Whether the path is an address at MotherDuck."""
    return bool(_MOTHERDUCK.match(path))


def is_ducklake(path: str) -> bool:
    """Whether the path is the address of a DuckLake."""
    return path.startswith("ducklake:")


def motherduck_options(config: Mapping[str, Any]) -> dict[str, str]:
    """Connection options for MotherDuck; without a token it takes that of the environment.

    https://motherduck.com/docs/key-tasks/authenticating-and-connecting-to-motherduck/
    """
    return {"motherduck_token": config["token"]} if config.get("token") else {}


def catalog_name(path: str, config: Mapping[str, Any]) -> str:
    """Name of the database inside DuckDB: `dbname`, `database`, or from the path as upstream has it.

    Raises:
        LoaderError: if the settings give it a name that DuckDB has for a database of its own.
    """
    if name := config.get("dbname") or config.get("database"):
        if name.lower() in _RESERVED:
            msg = "Setting `dbname` is the name of a database that DuckDB has by itself: give another one."
            raise LoaderError(msg)
        return str(name)
    if is_ducklake(path) and ":" in path.removeprefix("ducklake:"):
        return "lake"
    if is_motherduck(path):
        return Path(path.partition(":")[2].partition("?")[0]).stem or "my_db"
    stem = Path(path).stem
    return f"{stem}_db" if stem.lower() in _RESERVED else stem or "db"
