"""Each setting, on each way that it can be given: what is right arrives exact, what is wrong is named."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import commands
import pytest
from meltano.core.plugin.settings_service import PluginSettingsService
from meltano.core.project import Project
from meltano.core.setting_definition import json_dumps
from meltano.core.settings_store import SettingValueStore
from meltano_project import declare, install
from pair import TARGET
from personio_sandbox import Sandbox
from ruamel.yaml import YAML
from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.target import TargetDuckDB
from tap_personio.errors import SettingsError
from tap_personio.tap import TapPersonio

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
MAPS = {"projects": {"name": "__NULL__", "label": "name + ':'"}}

# For each setting a right value as text, and what the plugin makes of it.
RIGHT: dict[str, dict[str, tuple[str, Any]]] = {
    "tap-personio": {
        "client_id": ("12345", "12345"),
        "client_secret": ("1e5", "1e5"),
        "api_url": ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        "start_date": ("2024-02-01", "2024-02-01"),
        "end_date": ("2028-11-26T10:00:00+02:00", "2028-11-26T10:00:00+02:00"),
        "resync_after_days": ("never", "never"),
        "max_removed_percent": ("12.5", 12.5),
        "attribute_names": ("key", "key"),
        "skip_reports": ("report_pay, *2024", "report_pay, *2024"),
        "concurrency": ("7", 7),
        "v1_requests_per_minute": ("600", 600),
        "on_unavailable": ("fail", "fail"),
        "app_id": ("007", "007"),
        "partner_id": ("true", "true"),
        "user_agent": ("somebody/1.0", "somebody/1.0"),
        "request_timeout": ("20.5", 20.5),
        "retry_wait": ("0.25", 0.25),
        "emit_activate_version_messages": ("false", False),
    },
    "target-duckdb": {
        "path": ("some.duckdb", "some.duckdb"),
        "data_path": ("lake", "lake"),
        "filepath": ("other.duckdb", "other.duckdb"),
        "default_target_schema": ("2024", "2024"),
        "schema_mapping": ('{"a": {"target_schema": "b"}}', {"a": {"target_schema": "b"}}),
        "dbname": ("name", "name"),
        "database": ("007", "007"),
        "token": ("1.50", "1.50"),
        "settings": ('{"threads": 2}', {"threads": 2}),
        "load_method": ("append-only", "append-only"),
        "hard_delete": ("False", False),
        "primary_key_required": ("1", True),
        "validate_records": ("yes", True),
        "batch_size_rows": ("1000", 1000),
        "add_metadata_columns": ("0", False),
        "data_flattening_max_level": ("0", 0),
        "temp_dir": ("somewhere", "somewhere"),
        "storage_version": ("v1.2.0", "v1.2.0"),
        "encryption_key": ("false", "false"),
        "lock_timeout": ("1.5", 1.5),
        "ledger_days": ("30", 30),
        "batch_dir": ("in/batches", "in/batches"),
        "delimiter": (";", ";"),
        "quotechar": ("'", "'"),
        "flush_all_streams": ("true", True),
        "add_record_metadata": ("no", False),
        "process_activate_version_messages": ("off", False),
        "batch_config": ('{"encoding": {"format": "jsonl"}}', {"encoding": {"format": "jsonl"}}),
    },
}
for _plugin in RIGHT.values():
    _plugin |= {
        "stream_maps": (json.dumps(MAPS), MAPS),
        "stream_map_config": ('{"salt": "00123"}', {"salt": "00123"}),
        "faker_config": ('{"seed": 1}', {"seed": 1}),
        "flattening_enabled": ("true", True),
        "flattening_max_depth": ("0", 0),
        "flattening_max_key_length": ("60", 60),
        "flattening_separator": ("_", "_"),
    }
# Wrong texts; of most settings each text is right.
WRONG_BY_KIND = {
    "boolean": ["maybe", "2"],
    "integer": ["many", "1.5", "-1", "1_0"],
    "number": ["lots", "-1", "nan", "0,5", "1e400"],
    "object": ["{oops", "[1]"],
}
WRONG = {
    "api_url": ["api.example.com", "http://api.example.com", "https://api.example.com/v1"],
    "start_date": ["01.02.2024", "yesterday", "2024-02-30"],
    "end_date": ["02/01/2024", "1969-12-31"],
    "attribute_names": ["Label"],
    "on_unavailable": ["ignore"],
    "app_id": ["Größe"],
    "partner_id": ["Größe"],
    "user_agent": ["Größe"],
    "load_method": ["insert"],
    "stream_maps": [
        '{"projects": "name"}',
        '{"projects": {"name": ["id"]}}',
        '{"projects": {"__else__": 1}}',
    ],
    "schema_mapping": ['{"a": "b"}'],
    "batch_config": ['{"encoding": "jsonl"}'],
}
PLUGINS: dict[str, type[TapPersonio | TargetDuckDB]] = {
    "tap-personio": TapPersonio,
    "target-duckdb": TargetDuckDB,
}
WAYS = ["environment", ".env", "config set", "file"]


def properties(plugin: str) -> dict[str, Any]:
    PLUGINS[plugin].append_builtin_config(PLUGINS[plugin].config_jsonschema)
    return PLUGINS[plugin].config_jsonschema["properties"]


def variable(plugin: str, setting: str) -> str:
    return f"{plugin}_{setting}".upper().replace("-", "_")


def wrong_texts(plugin: str, setting: str) -> list[str]:
    kinds = properties(plugin)[setting]["type"]
    return WRONG.get(setting, []) + next((WRONG_BY_KIND[each] for each in WRONG_BY_KIND if each in kinds), [])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project with both plugins as `meltano.yml` declares them."""
    folder = tmp_path_factory.mktemp("project")
    declare(folder)
    install(folder)
    return folder


@pytest.fixture(autouse=True)
def _own_environment(folder, monkeypatch):
    for name in list(os.environ):
        if name.startswith(("TAP_", "TARGET_", "MELTANO_")):
            monkeypatch.delenv(name)
    yield
    (folder / ".env").unlink(missing_ok=True)
    shutil.copy(ROOT / "meltano.yml", folder)


def through_meltano(
    folder: Path, monkeypatch: pytest.MonkeyPatch, plugin: str, way: str, values: dict[str, Any]
) -> dict[str, Any]:
    """The config file that Meltano writes for a plugin, where the values are given in one of the ways."""
    lines = {variable(plugin, name): value for name, value in values.items()}
    if way == "environment":
        for name, value in lines.items():
            monkeypatch.setenv(name, value)
    elif way == ".env":
        (folder / ".env").write_text(
            "".join(f"{name}={json.dumps(each, ensure_ascii=False)}\n" for name, each in lines.items())
        )
    elif way == "file":
        yaml = YAML()
        content = yaml.load((ROOT / "meltano.yml").read_text())
        plugins = [each for kind in ("extractors", "loaders") for each in content["plugins"][kind]]
        next(each for each in plugins if each["name"] == plugin)["config"] = values
        with (folder / "meltano.yml").open("w") as file:
            yaml.dump(content, file)
    project = Project(folder)
    service = PluginSettingsService(project, project.plugins.find_plugin(plugin))
    if way == "config set":
        for name, value in values.items():
            service.set([name], value, store=SettingValueStore.MELTANO_YML)
        project = Project(folder)
        service = PluginSettingsService(project, project.plugins.find_plugin(plugin))
    return json.loads(json_dumps(service.as_dict(extras=False, process=True)))


def arrives(plugin: str, **options: Any) -> dict[str, Any]:
    """What the plugin makes of the settings."""
    if plugin == "tap-personio":
        options["setup_mapper"] = False  # which would ask Personio for the streams
    return dict(PLUGINS[plugin](**options).config)


def expected(plugin: str) -> dict[str, Any]:
    return {name: value for name, (_, value) in RIGHT[plugin].items()}


def refusal(plugin: str, setting: str, build: Callable[[], Any]) -> str:
    """The sentence with which a wrong value is refused."""
    with pytest.raises((SettingsError, LoaderError)) as raised:
        build()
    sentence = str(raised.value)
    tap_way, target_way = f"The setting {setting} ", f"Setting `{setting}` "
    assert sentence.startswith(tap_way if plugin == "tap-personio" else target_way)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_setting_has_a_row(plugin):
    assert RIGHT[plugin].keys() == properties(plugin).keys()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("plugin", PLUGINS)
def test_what_is_right_arrives_exact_through_meltano(folder, monkeypatch, plugin, way):
    texts = {name: text for name, (text, _) in RIGHT[plugin].items()}
    given = expected(plugin) if way == "file" else texts
    config = through_meltano(folder, monkeypatch, plugin, way, given)
    assert arrives(plugin, config=config).items() >= expected(plugin).items()
    if way == "file":
        config = through_meltano(folder, monkeypatch, plugin, way, texts)
        assert arrives(plugin, config=config).items() >= expected(plugin).items()


def test_a_day_without_quotes_in_the_file_is_that_day(folder, monkeypatch):
    given = NEEDED["tap-personio"] | {"start_date": dt.date(2024, 2, 1)}
    config = through_meltano(folder, monkeypatch, "tap-personio", "file", given)
    assert "start_date: 2024-02-01" in (folder / "meltano.yml").read_text()
    assert arrives("tap-personio", config=config)["start_date"] == "2024-02-01"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_what_is_right_arrives_exact_from_the_commands_own_environment(monkeypatch, plugin):
    for name, (text, _) in RIGHT[plugin].items():
        monkeypatch.setenv(variable(plugin, name), text)
    found = arrives(plugin, parse_env_config=True)
    assert found.items() >= expected(plugin).items()
    assert [name for name, value in found.items() if type(value) is not type(expected(plugin)[name])] == []


NEEDED = {
    "tap-personio": {"client_id": "an-id", "client_secret": "a-secret"},
    "target-duckdb": {"path": "some.duckdb"},
}
CASES = [(plugin, setting) for plugin, settings in RIGHT.items() for setting in settings]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("plugin", PLUGINS)
def test_what_is_wrong_is_named_through_meltano(folder, monkeypatch, plugin, way):
    wrong = {name: [*wrong_texts(plugin, name), *([[1]] if way == "file" else [])] for name in RIGHT[plugin]}
    # What is set lands in the same file as in the next way, and each takes Meltano a while.
    rounds = 1 if way == "config set" else max(map(len, wrong.values()))
    for place in range(rounds):
        # Meltano is asked once for all of them, which takes it as long as for one.
        values = {name: each[place] for name, each in wrong.items() if place < len(each)}
        config = through_meltano(folder, monkeypatch, plugin, way, values)
        for name in values:
            given = NEEDED[plugin] | {name: config[name]}
            sentence = refusal(plugin, name, lambda given=given: arrives(plugin, config=given))
            assert str(config[name]) not in sentence or len(config[name]) < 3


@pytest.mark.parametrize(("plugin", "setting"), CASES)
def test_what_is_wrong_is_named_from_the_commands_own_environment(monkeypatch, plugin, setting):
    for name, value in NEEDED[plugin].items():
        monkeypatch.setenv(variable(plugin, name), value)
    for value in wrong_texts(plugin, setting):
        monkeypatch.setenv(variable(plugin, setting), value)
        refusal(plugin, setting, lambda: arrives(plugin, parse_env_config=True))


@pytest.mark.parametrize("value", [None, "never", " Never "])
def test_a_config_file_says_never_in_words_or_as_null(value):
    given = {"resync_after_days": value, "max_removed_percent": value}
    settings = TapPersonio(config=NEEDED["tap-personio"] | given, setup_mapper=False).run_context.settings
    assert (settings.resync_after, settings.max_removed_percent) == (None, None)


def test_an_empty_setting_is_one_that_is_not_given(monkeypatch):
    for name in properties("tap-personio").keys() - NEEDED["tap-personio"].keys():
        monkeypatch.setenv(variable("tap-personio", name), "")
    given = NEEDED["tap-personio"] | {"concurrency": 3}
    empty = dict.fromkeys(properties("tap-personio"), "") | given
    plain = arrives("tap-personio", config=given)
    assert arrives("tap-personio", config=given, parse_env_config=True) == plain
    assert arrives("tap-personio", config=empty) == plain


def run(command: list[Any], folder: Path, messages: str = "", **environment: str) -> str:
    """What a command that fails writes."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1", **environment},
        input=messages,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr + done.stdout


def test_the_commands_themselves_refuse_with_one_line(folder):
    secret = {"TAP_PERSONIO_CLIENT_ID": "an-id", "TAP_PERSONIO_CLIENT_SECRET": "a-secret"}
    wrong = {"TAP_PERSONIO_START_DATE": "01.02.2024"}
    day = "The setting start_date must be a day from 1970-01-01 on, written as YYYY-MM-DD."
    assert day in run(["meltano", "run", "tap-personio", "target-duckdb"], folder, **secret, **wrong)
    for environment, sentence in (
        (wrong, day),
        ({"TAP_PERSONIO_CONCURRENCY": "x"}, "The setting concurrency must be a whole number from 1 to 64."),
    ):
        shown = run([BIN / "tap-personio", "--config=ENV"], folder, **secret, **environment)
        assert shown.splitlines()[-1].endswith(sentence)
    shown = run([TARGET, "--config=ENV"], folder, TARGET_DUCKDB_PATH="x", TARGET_DUCKDB_LOCK_TIMEOUT="soon")
    assert shown.splitlines()[-1].endswith("Setting `lock_timeout` must be a number from 0 to 86400.")
    maps = {"TARGET_DUCKDB_STREAM_MAPS": '{"a": {"b": "upper("}}', "TARGET_DUCKDB_PATH": "x"}
    schema = '{"type": "SCHEMA", "stream": "a", "key_properties": [], "schema": {"properties": {"b": {}}}}'
    shown = run([TARGET, "--config=ENV"], folder, schema, **maps)
    assert shown.splitlines()[-1].endswith(
        "Setting `stream_maps` cannot be applied: an expression is not valid."
    )


def test_a_fraction_of_a_second_works_from_a_config_file(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps({"path": str(tmp_path / "x.duckdb"), "lock_timeout": 0.5})
    )
    commands.run([TARGET, "--config", tmp_path / "config.json"], check=True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"start_date": "2024-02-01", "end_date": "2025-01-31"}, " from 2024-02-01 to 2025-01-31."),
        ({}, ": all history, to 20"),
    ],
)
def test_the_log_names_the_days_that_a_run_covers(tmp_path, settings, words):
    with Sandbox(employees=3, seed=1) as sandbox:
        config = {
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "api_url": sandbox.url,
        }
        (tmp_path / "config.json").write_text(json.dumps(config | settings))
        command = [BIN / "tap-personio", "--config", tmp_path / "config.json"]
        log = commands.run(command, check=True).stderr
    assert f"Absences and attendances{words}" in log


@pytest.mark.parametrize(
    ("command", "variable", "next_error"),
    [
        ("tap-personio", "TAP_PERSONIO_CONCURRENCY", "client_id is missing"),
        ("target-duckdb", "TARGET_DUCKDB_BATCH_SIZE_ROWS", "`path` is missing"),
    ],
)
def test_a_pipe_reads_env_of_its_folder_and_prefers_the_environment(command, variable, next_error, tmp_path):
    def error(folder: Path, **environment: str) -> str:
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("TAP_", "TARGET_"))
        }
        done = commands.run([BIN / command, "--config", "ENV"], cwd=folder, env=clean | environment)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    below = tmp_path / "below"
    below.mkdir()
    (tmp_path / ".env").write_text(f"{variable}=many\n")
    assert "must be a whole number" in error(tmp_path)
    assert next_error in error(tmp_path, **{variable: "5"})
    assert next_error in error(below)
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    assert "The file .env in the current folder cannot be read" in error(tmp_path)
