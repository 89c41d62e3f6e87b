"""A DuckLake as the loader's database, by the DuckDB release that PyPI has the extension for."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from environments import made
from pair import TARGET, Pair
from personio_sandbox import Sandbox
from postgresql import serve

pytestmark = pytest.mark.full

# Differences between a lake and a file, schema by schema, in both directions.
COMPARE = """
import glob, json, sys
import duckdb, duckdb_ext
lake, data, file, schemas = sys.argv[1:]
connection = duckdb.connect()
for place in duckdb_ext.__path__:
    for extension in sorted(glob.glob(f"{place}/extensions/v{duckdb.__version__}/*/*.duckdb_extension"), reverse=True):
        connection.execute(f"LOAD '{extension}'")
connection.execute(f"ATTACH '{lake}' AS lake (DATA_PATH '{data}')")
connection.execute(f"ATTACH '{file}' AS file (READ_ONLY)")
found = {}
for (table,) in connection.execute(
    "SELECT table_name FROM duckdb_tables() WHERE database_name = 'file' AND schema_name = 'main'"
).fetchall():
    for schema in schemas.split(","):
        pair = f"file.main.{table}", f"lake.{schema}.{table}"
        found[f"{schema}.{table}"] = [
            connection.execute(f"SELECT count(*) FROM (FROM {a} EXCEPT ALL FROM {b})").fetchall()[0][0]
            for a, b in (pair, pair[::-1])
        ]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def lake() -> Path:
    """The folder of executables with DuckDB 1.4 and its extensions, or the one that LAKE_BIN names."""
    return made(".venv-lake", "LAKE_BIN")


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of the tap, with changes and deletions between them."""
    folder = tmp_path_factory.mktemp("messages")
    files = [folder / "1.singer", folder / "2.singer"]
    with Sandbox(employees=40) as sandbox:
        pair = Pair(folder, sandbox)
        for file in files:
            with file.open("wb") as output:
                subprocess.run(pair.tap_command(), stdout=output, stderr=subprocess.DEVNULL, check=True)
            sandbox.company.change(5)
            sandbox.company.delete("projects", next(iter(sandbox.company.projects)))
            sandbox.company.delete("employees", next(iter(sandbox.company.employees)))
    return files


def start(lake: Path, folder: Path, messages: Path, **config: str) -> subprocess.Popen[str]:
    file = folder / f"{len(list(folder.glob('*.json')))}.json"
    file.write_text(json.dumps(config))
    command = [str(lake / "target-duckdb"), "--config", str(file)]
    with messages.open("rb") as source:
        return subprocess.Popen(
            command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


def load(lake: Path, folder: Path, messages: Path, **config: str) -> None:
    process = start(lake, folder, messages, **config)
    _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log[-3000:]


def differences(lake: Path, address: str, data: Path, file: Path, *schemas: str) -> dict[str, list[int]]:
    command = [str(lake / "python"), "-c", COMPARE, address, f"{data}/", str(file), ",".join(schemas)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, list[int]] = json.loads(done.stdout)
    assert len(found) == 8 * len(schemas)
    return {table: counts for table, counts in found.items() if counts != [0, 0]}


def test_a_lake_holds_what_a_file_holds_also_after_changes_and_deletions(
    lake: Path, messages: list[Path], tmp_path: Path
) -> None:
    address, data, file = (
        f"ducklake:{tmp_path}/deep/meta.ducklake",
        tmp_path / "data",
        tmp_path / "file.duckdb",
    )
    for run in messages:
        load(lake, tmp_path, run, path=address, data_path=f"{data}/")
        load(lake, tmp_path, run, path=str(file))
        assert differences(lake, address, data, file, "main") == {}
    assert (tmp_path / "deep" / "meta.ducklake").stat().st_mode & 0o077 == 0


def test_several_writers_share_one_lake(
    lake: Path, messages: list[Path], postgres: str, tmp_path: Path
) -> None:
    address, data, file = f"ducklake:postgres:{postgres}", tmp_path / "data", tmp_path / "file.duckdb"
    schemas = ("berlin", "hamburg", "wien")
    load(lake, tmp_path, messages[0], path=address, data_path=f"{data}/", default_target_schema="first")
    for run in messages:
        load(lake, tmp_path, run, path=str(file))
        waiting = set(schemas)
        for _ in range(3):  # writers that create the same thing collide; whoever lost says so and comes again
            writers = {
                schema: start(
                    lake, tmp_path, run, path=address, data_path=f"{data}/", default_target_schema=schema
                )
                for schema in waiting
            }
            for schema, writer in writers.items():
                _, log = writer.communicate(timeout=300)
                if writer.returncode == 0:
                    waiting.discard(schema)
                else:
                    assert "Another process changed the lake at the same time" in log
        assert not waiting
        assert differences(lake, address, data, file, *schemas) == {}


@pytest.fixture
def postgres(lake: Path) -> Iterator[str]:
    """How DuckDB addresses a PostgreSQL server of our own."""
    with serve(lake) as address:
        yield f"dbname=postgres user=postgres host={address.partition('host=')[2]}"


def test_without_the_extension_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    nowhere = {"extension_directory": str(tmp_path), "autoinstall_known_extensions": "false"}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"path": f"ducklake:{tmp_path}/meta.ducklake", "settings": nowhere}))
    done = subprocess.run(
        [TARGET, "--config", str(config)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "run INSTALL ducklake once in DuckDB" in done.stderr
    assert "Traceback" not in done.stderr
