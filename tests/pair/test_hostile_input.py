"""Damaged files beside a run, moments that cannot be, a full disk, and what stream maps may not tell."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import commands
import pytest
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox
from proxy import Altering

MARKER = "Qxz7marker"
SALT = "salt-of-the-test"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(employees=4, attendances_per_employee=1, absences_per_employee=2, seed=7) as sandbox:
        yield sandbox


def run(pair: Pair, *options: str, debug: bool = False, stdout=subprocess.PIPE):
    """The tap's exit code, what it wrote on stderr, and its sentences."""
    environment = {
        **os.environ,
        "no_proxy": "127.0.0.1",
        "TAP_PERSONIO_LOGLEVEL": "DEBUG" if debug else "INFO",
    }
    done = commands.run([*pair.tap_command(), *options], stdout=stdout, env=environment)
    assert "Traceback" not in done.stderr
    assert "report this as a bug" not in done.stderr
    return done.returncode, done.stderr, [each for each in done.stderr.splitlines() if "| ERROR " in each]


def bookmark(**fields):
    known = {
        "replication_key": "updated_at",
        "replication_key_value": "2026-11-01T00:00:00+00:00",
        "read_whole_at": "2026-11-25T00:00:00+00:00",
        "version": 1_790_000_000_000,
        "records": 3,
        "scope": "/",
    }
    return {"bookmarks": {"absences": {**known, **fields}}}


@pytest.mark.parametrize(
    "state",
    [
        b"[]",
        b'{"a": ' * 3000,
        b'{"bookmarks": ' + b'{"x": ' * 900 + b"1" + b"}" * 901,
        b'{"bookmarks": {"\xff": {}}}',
        b'{"bookmarks": {"\\ud800": {}}}',
        b'{"bookmarks": {"absences": {"version": ' + b"9" * 9000 + b"}}}",
        b"",
    ],
)
def test_a_state_file_that_is_damaged_is_one_sentence(sandbox, tmp_path, state):
    (tmp_path / "damaged").write_bytes(state)
    code, _, sentences = run(
        Pair(tmp_path, sandbox, streams=["absences"]), "--state", str(tmp_path / "damaged")
    )
    assert code == 1
    assert [each.rpartition("| ")[2] for each in sentences] == [
        "The file given with --state is not a JSON object."
    ]


@pytest.mark.parametrize(
    "state",
    [
        {"bookmarks": 5},
        {"bookmarks": {"absences": "x", "projects": []}},
        bookmark(version=10**30),
        bookmark(version=-1),
        bookmark(replication_key_value="9999-12-31T23:59:59+00:00"),
        bookmark(replication_key_value="0001-01-01T00:00:00+14:00"),
        bookmark(read_whole_at="9999-01-01"),
        bookmark(read_whole_at="0001-01-01T00:00:00+23:59"),
        bookmark(records=10**40, scope={"a": 1}),
        {"bookmarks": {"employees": {"columns": {"a": {"b": 1}, "c": 5}}}},
        {"bookmarks": {"employees": {"columns": "x"}}},
    ],
)
def test_a_state_that_cannot_be_costs_a_full_sync(sandbox, state):
    streams, settings = ["absences", "employees"], {"max_removed_percent": "never", "skip_reports": "*"}
    warehouse = Warehouse(sandbox, streams, settings, state=state)
    reading = warehouse.read()
    assert reading.error is None
    [activated] = reading.of("ACTIVATE_VERSION", "absences")
    assert 1.7e12 < activated["version"] < 1e13
    assert warehouse.differences() == []
    assert Warehouse(sandbox, streams, settings, warehouse.state).read().of("ACTIVATE_VERSION") == []


@pytest.mark.parametrize("year", ["0001", "9999", "2999"])
@pytest.mark.parametrize("stream", ["absences", "hourly_absences", "persons"])
def test_a_record_of_another_age_moves_no_bookmark_beyond_the_run(sandbox, stream, year):
    def alter(path, query, body):
        for record in body.get("data") or body.get("_data") or () if isinstance(body, dict) else ():
            for fields in (record, record.get("attributes") if isinstance(record, dict) else None):
                if isinstance(fields, dict) and isinstance(fields.get("updated_at"), str):
                    fields["updated_at"] = f"{year}-01-01T00:00:00+00:00"
                if isinstance(fields, dict) and "start" in fields:
                    fields["start"] = f"{year}-01-01T00:00:00+00:00"
        return body

    with Altering(sandbox, alter) as personio:
        warehouse = Warehouse(
            sandbox, [stream], {"api_url": personio.url, "skip_reports": "*", "start_date": "2020-01-01"}
        )
        for _ in range(2):
            assert warehouse.read().outcomes == {stream: "read"}
        assert warehouse.state["bookmarks"][stream]["replication_key_value"] < "2900"


def damaged_catalogs():
    entry = {"tap_stream_id": "absences", "schema": {"properties": {}}, "metadata": []}
    changes = [
        {"tap_stream_id": ["x"]}, {"tap_stream_id": None}, {"schema": 5}, {"schema": {"properties": 5}},
        {"key_properties": 5},
        {"schema": {"properties": {"id": 5}}}, {"schema": None}, {"schema": {"properties": {"id": {"type": 5}}}},
        {"metadata": 5}, {"metadata": [5]}, {"metadata": [{}]}, {"stream": {}},
        {"metadata": [{"breadcrumb": 5, "metadata": {}}]}, {"replication_key": 5}, {"replication_method": {}},
    ]  # fmt: skip
    return [
        {"streams": 5},
        {"streams": [5]},
        {"streams": None},
        *({"streams": [{**entry, **each}]} for each in changes),
    ]


@pytest.mark.parametrize("catalog", damaged_catalogs(), ids=json.dumps)
def test_a_catalog_that_is_damaged_is_one_sentence(sandbox, tmp_path, catalog):
    (tmp_path / "damaged").write_text(json.dumps(catalog))
    code, _, [sentence] = run(Pair(tmp_path, sandbox, streams=None), "--catalog", str(tmp_path / "damaged"))
    assert code == 1
    assert "The file given with --catalog is not a Singer catalog: " in sentence


def test_a_catalog_takes_no_key_from_a_stream(sandbox, tmp_path):
    names = ["absences", "attendances", "projects", "absence_types"]
    pair = Pair(tmp_path, sandbox, {"skip_reports": "*"}, streams=names)
    catalog = pair.catalog()
    absences, attendances, projects, types = (
        next(each for each in catalog["streams"] if each["tap_stream_id"] == name) for name in names
    )
    absences["key_properties"] = ["status"]
    attendances.pop("key_properties")
    attendances |= {"replication_key": "nowhere", "stream": "another"}
    projects["key_properties"] = ["nowhere"]
    types["schema"]["properties"].pop("id")
    (tmp_path / "discovered.json").write_text(json.dumps(catalog))
    with (tmp_path / "output").open("wb") as output:
        code, _, sentences = run(pair, stdout=output)
    messages = [json.loads(line) for line in (tmp_path / "output").read_bytes().splitlines()]
    keys = {each["stream"]: each["key_properties"] for each in messages if each["type"] == "SCHEMA"}
    assert keys == {name: ["id"] for name in names[:3]}
    assert code == 1
    assert "Failed absence_types: the catalog lacks the key column id: discover again." in sentences[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("options", [[], ["--discover"]])
def test_a_full_disk_is_one_sentence(sandbox, tmp_path, options):
    with Path("/dev/full").open("wb") as full:
        code, _, [sentence] = run(Pair(tmp_path, sandbox, streams=["absences"]), *options, stdout=full)
    assert code == 1
    assert sentence.endswith(
        "The messages cannot be written to the standard output: No space left on device."
    )


MAPS = [
    {"employees": {"__filter__": "record.get('email')", "first_name": f"md5('{SALT}' + first_name)"}},
    {"employees": {"__filter__": f"email != '{SALT}' and nope"}},
    {"employees": {"last_name": f"last_name + {SALT!r} + 5"}},
    {"employees": {"last_name": f"last_name[{SALT!r}]"}},
    {"employees": {"__alias__": f"{SALT!r} + nope"}},
    {"employees": {"__alias__": f"{SALT!r} + ("}},
    {"employees": {"__key_properties__": [SALT]}},
    {"__x__": {"a": f"'{SALT}'"}},
    {"employees": {"__filter__": f"'{SALT}' =="}},
    {"employees": SALT},
    {"__else__": SALT},
    SALT,
]


@pytest.mark.parametrize("maps", MAPS, ids=str)
def test_maps_tell_no_value_and_no_salt_at_debug_level(sandbox, tmp_path, maps):
    for key in sandbox.company.employees:
        sandbox.company.update("employees", key, email=f"{MARKER}@example.com", last_name=MARKER)
    pair = Pair(tmp_path, sandbox, {"skip_reports": "*"}, streams=["employees"])
    pair.catalog()
    for config in ({"salt": SALT}, SALT):
        pair.settings |= {"stream_maps": maps, "stream_map_config": config}
        _, log, _ = run(pair, debug=True)
        assert "| DEBUG" in log or "| ERROR" in log
        assert "Logging error" not in log
        assert MARKER not in log
        assert SALT not in log


def test_columns_of_maps_and_catalogs_that_are_not_there_are_warned_of(sandbox, tmp_path):
    maps = {
        "employees": {
            "iban_of_before": None,
            "gone": "__NULL__",
            "email": None,
            "added": "'x'",
            "masked": "md5(config['salt'])",
            "derived": "md5(email)",
            "__else__": "__NULL__",
        },
        "absence*": {"comment": None, "nowhere": None},
        "employes": {"email": None},
    }
    maps["employees"].pop("__else__")
    pair = Pair(
        tmp_path,
        sandbox,
        {"stream_maps": maps, "stream_map_config": {"salt": SALT}, "skip_reports": "*"},
        streams=["employees", "absences"],
    )
    catalog = pair.catalog()
    absences = next(each for each in catalog["streams"] if each["tap_stream_id"] == "absences")
    absences["schema"]["properties"]["of_before"] = {"type": ["string", "null"]}
    (tmp_path / "discovered.json").write_text(json.dumps(catalog))
    code, log, _ = run(pair)
    assert code == 0
    warnings = [
        each.rpartition("| ")[2] for each in log.splitlines() if "| WARNING " in each and "not there" in each
    ]
    assert [
        "removes columns of employees that are not there" in each and ": iban_of_before, gone." in each
        for each in warnings
    ][:1] == [True]
    assert "gives a constant to columns of employees that are not there" in warnings[1]
    assert ": added, masked." in warnings[1]
    assert "removes columns of absence* that" in warnings[2]
    assert ": nowhere." in warnings[2]
    assert "The catalog names columns of absences that are not there" in warnings[3]
    assert ": of_before." in warnings[3]
    assert "stream_maps is about employes, but there is no such stream" in log
    assert len(warnings) == 4


def test_what_comes_from_outside_starts_no_line_of_the_log(sandbox, tmp_path):
    forged = "x\n2026-11-26 10:00:00,000 | ERROR    | tap-personio | forged \x1b[31m\r\u2028\x07"

    def alter(path, query, body):
        if path.startswith("/v1/company/custom-reports/reports") and isinstance(body.get("data"), list):
            for report in body["data"]:
                report["attributes"]["id"] = forged
        return body

    refused = b"HTTP/1.1 400 x\r\nContent-Length: %d\r\n\r\n%b"
    body = json.dumps({"personio_trace_id": forged[:60]}).encode()

    def raw(path, query):
        return [refused % (len(body), body)] if path == "/v1/company/time-offs" or "forged" in path else None

    with Altering(sandbox, alter, raw=raw) as personio:
        pair = Pair(
            tmp_path,
            sandbox,
            {"api_url": personio.url, "skip_reports": "*"},
            streams=["absences", "custom_reports", "projects"],
        )
        _, log, _ = run(pair, debug=True)
    assert "Failed absences: v1/company/time-offs answered with status 400." in log
    assert all(each.isprintable() for each in log.splitlines())
    assert not [each for each in log.splitlines() if each.startswith("2026-11-26 10:00:00,000")]
