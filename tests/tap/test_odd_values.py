"""An odd value costs that value only, and what only differs in spelling comes out the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import commands
import expected_v1
import expected_v2
import pytest
from in_process import Warehouse
from pair import TAP, Pair
from personio_sandbox import Sandbox
from personio_sandbox.v2.people import live_ids
from proxy import Altering
from tap_personio import columns
from tap_personio.streams import STREAMS
from tap_personio.tap import TapPersonio

ALL = tuple(str(each.name) for each in STREAMS)
LISTS = {
    "employees": "/v1/company/employees",
    "absences": "/v1/company/time-offs",
    "attendances": "/v1/company/attendances",
    "persons": "/v2/persons",
    "attendance_periods": "/v2/attendance-periods",
    "recruiting_candidates": "/v2/recruiting/candidates",
}
CATALOGUE = "/v1/company/employees/attributes"
NEED_THE_CATALOGUE = {"employees", "persons", "employee_attributes"}
TYPED = (
    columns.INTEGER, columns.NUMBER, columns.BOOLEAN, columns.DATE, columns.TIMESTAMP, columns.TIME,
    columns.LOCAL_DATETIME, columns.OBJECT,
)  # fmt: skip
ODD = ["who-knows", 7]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(employees=90, attendances_per_employee=1, absences_per_employee=1, seed=4) as sandbox:
        yield sandbox


@pytest.fixture
def small():
    with Sandbox(employees=8, attendances_per_employee=2, absences_per_employee=2, seed=6) as sandbox:
        yield sandbox


def expected(sandbox, *names: str) -> dict[str, expected_v1.Table]:
    return expected_v2.tables(sandbox, names)


def read_altered(sandbox, alter, *names: str, **settings):
    """Read some tables while a function is given path and JSON of each answer, and may change it in place."""

    def altered(path, query, answer):
        alter(path, answer)
        return answer

    with Altering(sandbox, altered) as server:
        warehouse = Warehouse(sandbox, names, {"api_url": server.url, **settings})
        return warehouse, warehouse.read()


def differences(warehouse, *names: str) -> list[str]:
    """Where tables differ from the company, but for addresses of pictures, which name the server that was asked."""
    found = warehouse.differences(expected(warehouse.sandbox, *names))
    return [each for each in found if "profile-picture" not in each]


def told(caplog, level: str) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelname == level]


# --- spellings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"spelling": "odd", "next_links": "text", "empty_entity": "list", "hourly_references": "bare"},
        {"custom_ids": "key", "empty_entity": "null", "hourly_references": "wrapped"},
        {"spelling": "odd", "custom_values": "typed"},
    ],
    ids=lambda options: "-".join(options.values()),
)
def test_every_spelling_of_the_sandbox_gives_the_same_tables(options):
    with Sandbox(employees=110, attendances_per_employee=2, absences_per_employee=1, seed=6) as sandbox:
        for name, value in options.items():
            setattr(sandbox.options, name, value)
        warehouse = Warehouse(sandbox, ALL)
        assert warehouse.read().error is None
        # Of a legal entity no shape is confirmed: its columns are text.
        assert warehouse.differences(expected(sandbox, *set(ALL) - {"legal_entities"})) == []
        numbers = [key for key, each in sandbox.company.attributes.items() if each.kind == "decimal"]
        sandbox.company.update("employees", 1001, **dict.fromkeys(numbers, 1.2e18))
        assert warehouse.read(resync_after_days=0).error is None
        assert warehouse.differences(expected(sandbox, "employees", "persons")) == []


# --- one odd value ------------------------------------------------------------------------------------------------


def typed_columns(sandbox, name: str) -> tuple[list[columns.Column], tuple[columns.Column, ...]]:
    """The columns of a stream that do not take every value, but for keys, and all its columns."""
    login = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret, "api_url": sandbox.url}
    tap = TapPersonio(config=login)
    stream = tap.streams[name]
    every = stream.table_columns[:-1]
    tap.run_context.client.close()
    needed = {*stream.primary_keys, stream.replication_key}
    return [each for each in every if each.name not in needed and each.type in TYPED], every


def put(sandbox, name: str, record: dict[str, Any], column: columns.Column, value: Any) -> bool:
    """Put a value where a column finds it in a record; False where this record has no such place."""
    attributes = sandbox.company.attributes
    custom = {
        expected_v1.LABELS[each.label].format(each.key): each for each in attributes.values() if each.custom
    }
    first, *rest = column.path or (column.name,)
    if name == "employees":
        cell = record["attributes"][custom[first].key if first in custom else first]
        if not rest:
            cell["value"] = value
            return True
        record, rest = cell, ["value", *rest]
        if first != "supervisor":  # whose id is an attribute, with a value
            rest.remove("value") if rest.count("value") == 1 else rest.pop()
    elif name == "persons" and first in custom:
        cells = record["custom_attributes"]
        cells[:] = [cell for cell in cells if cell["global_id"] != live_ids(custom[first])["global_id"]]
        cells.append({**live_ids(custom[first]), "type": "string", "value": value})
        return True
    else:
        record, rest = record.get("attributes", record), [first, *rest]
    for step in rest[:-1]:
        record = record.get(step)
        if not isinstance(record, dict):
            return False
    record[rest[-1]] = value
    return True


@pytest.mark.parametrize("name", LISTS)
def test_one_odd_value_in_each_column_costs_these_values_only(sandbox, name, caplog):
    typed, every = typed_columns(sandbox, name)
    placed: dict[str, tuple[columns.Column, Any]] = {}

    def alter(path, answer):
        if path != LISTS[name]:
            return
        for record in answer.get("data") or answer.get("_data") or ():
            identifier = record.get("id") or record["attributes"]["id"]
            key = identifier["value"] if isinstance(identifier, dict) else identifier
            if key in placed:  # discovery has seen it already
                put(sandbox, name, record, *placed[key])
            done = {column.name for column, _ in placed.values()}
            for column in typed:
                value = "who-knows" if column.path or column.type is columns.OBJECT else ODD
                if (
                    key not in placed
                    and column.name not in done
                    and put(sandbox, name, record, column, value)
                ):
                    placed[key] = column, value

    warehouse, reading = read_altered(sandbox, alter, name)
    assert reading.error is None
    assert {column.name for column, _ in placed.values()} == {each.name for each in typed}
    found: list[str] = differences(warehouse, name)
    touched: Counter[str] = Counter()
    for key, (column, value) in placed.items():
        row = warehouse.tables[name][key,]
        assert row[column.name] is None
        assert row["other_fields"][column.name] == value
        touched.update(row["other_fields"].keys())
        # What is nested stays as it came, and one field may have two columns.
        field = column.path[0] if column.path else column.name
        related = [each.name for each in every if field in (each.name, *each.path[:1])]
        allowed = tuple(f"{name}: {(key,)} {each} is " for each in (*related, "other_fields"))
        found = [each for each in found if not each.startswith(allowed)]
    assert found == []
    warnings = [each for each in told(caplog, "WARNING") if "did not fit" in each]
    assert sorted(warnings) == sorted(
        f"{count} value{'s' if count > 1 else ''} of the column '{column}' of {name} did not fit its type: the column "
        "is empty there, and what came is in the column other_fields."
        for column, count in touched.items()
    )
    assert "who-knows" not in caplog.text


def test_the_warning_says_how_many_values_and_comes_once_for_all_pages(sandbox, caplog):
    def alter(path, answer):
        if path == LISTS["persons"]:
            for record in answer["_data"]:
                record["created_at"] = "some day"

    warehouse, reading = read_altered(sandbox, alter, "persons")
    assert reading.error is None
    assert len(warehouse.tables["persons"]) == 90
    [warning] = told(caplog, "WARNING")
    assert warning.startswith("90 values of the column 'created_at' of persons did not fit")


@pytest.mark.parametrize("which", ["key", "replication key"])
@pytest.mark.parametrize("name", LISTS)
def test_an_odd_key_or_replication_key_fails_its_stream_only(small, name, which, caplog):
    stream = next(each for each in STREAMS if each.name == name)
    field = "id" if which == "key" else stream.replication_key

    def alter(path, answer):
        if path == LISTS[name] and (rows := answer.get("data") or answer.get("_data")):
            record = rows[-1]
            fields = record if field in record else record["attributes"]
            fields[field] = {"value": ODD} if name == "employees" else ODD

    others = ["jobs", "projects"]
    warehouse, reading = read_altered(small, alter, name, *others)
    assert reading.outcomes == {name: "failed", **dict.fromkeys(others, "read")}
    assert name not in {each["stream"] for each in reading.of("ACTIVATE_VERSION")}
    assert warehouse.differences(expected(small, *others)) == []
    [line] = [each for each in told(caplog, "ERROR") if each.startswith(f"Failed {name}: ")]
    assert "key column" in line or "no readable identifier" in line
    assert "who-knows" not in caplog.text


@pytest.mark.parametrize(
    "odd", ["", "who-knows", 7, True, None, [], {"id": {"value": ""}}, {"id": {"value": True}}], ids=repr
)
def test_what_is_no_identifier_fails_also_what_asks_about_each_employee(small, odd):
    def alter(path, answer):
        if path == LISTS["employees"] and answer["data"]:
            answer["data"][0]["attributes"] = odd

    names = ["employees", "employees_absences_balance"]
    _, reading = read_altered(small, alter, *names, "projects")
    assert reading.outcomes == {**dict.fromkeys(names, "failed"), "projects": "read"}
    assert not any("who-knows" in each.path for each in small.requests)
    assert len({each["record"]["employee_id"] for each in reading.of("RECORD", names[1])}) == 7
    assert reading.of("ACTIVATE_VERSION", names[1]) == []


# What depends on a list, by the list's path.
DEPENDENT = {
    "/v2/reports": ("reports_list", "reports", *expected_v2.REPORT_TABLES.values()),
    "/v2/webhooks": ("webhook_events",),
    "/v1/company/custom-reports/reports": ("custom_reports",),
}


@pytest.mark.parametrize("odd", [None, [[]], "text", {"id": ["x"]}, {"id": ".."}], ids=repr)
@pytest.mark.parametrize("path", DEPENDENT)
def test_an_odd_entry_of_a_list_that_others_depend_on_costs_itself(small, path, odd, caplog):
    def alter(asked, answer):
        if asked == path:
            answer["data" if "data" in answer else "_data"].insert(0, odd)

    warehouse, reading = read_altered(small, alter, *DEPENDENT[path])
    assert reading.outcomes == dict.fromkeys(DEPENDENT[path], "read")
    tables = {**expected_v2.tables(small), **expected_v1.tables(small.company)}
    tables |= expected_v2.report_tables(small.company)
    assert warehouse.differences({name: tables[name] for name in DEPENDENT[path]}) == []
    [line] = {each for each in told(caplog, "WARNING") if "without a readable identifier" in each}
    assert "1 without" in line


@pytest.mark.parametrize(
    ("metadata", "meta", "outcome"),
    [
        ([], [], "read"),
        ("", {"links": []}, "read"),
        ({"total_elements": "8"}, {"links": {"next": []}}, "read"),
        ({"total_elements": "many"}, {"links": {"next": False}}, "read"),
        ({"total_elements": 8.0}, {"links": [{"rel": "next", "href": "?cursor=a"}]}, "failed"),
    ],
)
def test_what_stands_around_the_records_may_be_empty_in_any_spelling(small, metadata, meta, outcome):
    def alter(path, answer):
        if path == LISTS["employees"]:
            answer["metadata"] = metadata
        elif path == LISTS["persons"]:
            answer["_meta"] = meta

    warehouse, reading = read_altered(small, alter, "employees", "persons")
    assert reading.outcomes == {"employees": "read", "persons": outcome}
    assert differences(warehouse, "employees") == []


# --- the catalogue of attributes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "oddity",
    [
        {"options": "S,M,L"}, {"options": {"S": 1}}, {"options": [1, None, {"value": "S"}]}, {"type": ["tags"]},
        {"universal_id": 5}, {"label": {"en": "Badge"}}, {"key": None}, {"key": 7}, None, "text", 5,
    ],
    ids=str,
)  # fmt: skip
def test_an_odd_entry_of_the_catalogue_changes_no_other_column(small, oddity, caplog):
    company = small.company
    [key] = [key for key, each in company.attributes.items() if each.label == "T-shirt size"]

    def alter(path, answer):
        if path == CATALOGUE:
            place = next(n for n, each in enumerate(answer["data"]) if each["key"] == key)
            entry = answer["data"][place]
            answer["data"][place] = {**entry, **oddity} if isinstance(oddity, dict) else oddity

    names = ["employees", "persons"]
    warehouse, reading = read_altered(small, alter, *names, "projects")
    assert reading.error is None
    found = differences(warehouse, *names, "projects")
    assert {re.sub(r".*\) (\w+) is .*", r"\1", each) for each in found} <= {"t_shirt_size", "other_fields"}
    # The value itself is there all the same: in its column, in the one that its key names, or among the others.
    for employee in company.employees.values():
        if size := employee.attributes[key]:
            for name, identifier in (("employees", employee.id), ("persons", str(employee.id))):
                row = warehouse.tables[name][identifier,]
                assert size in (row.get("t_shirt_size"), row.get(key)) or size in json.dumps(
                    row["other_fields"]
                )


def test_a_catalogue_that_fails_for_ever_fails_what_needs_it_only(small, caplog):
    small.faults.add("500", CATALOGUE, times=None)
    warehouse = Warehouse(small, ALL)
    reading = warehouse.read()
    failed = {name for name, outcome in reading.outcomes.items() if outcome == "failed"}
    assert failed == NEED_THE_CATALOGUE
    assert set(reading.outcomes) == set(ALL)
    assert warehouse.differences(expected(small, *set(ALL) - failed - {"legal_entities"})) == []
    assert not {each["stream"] for each in reading.of("ACTIVATE_VERSION")} & failed
    lines = told(caplog, "ERROR")
    assert sorted(each.partition(":")[0] for each in lines) == [f"Failed {each}" for each in sorted(failed)]


def test_discovery_without_the_catalogue_still_lists_all_streams(small, tmp_path):
    small.faults.add("500", CATALOGUE, times=None)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(Pair(tmp_path, small).config))
    done = commands.run([TAP, "--config", config, "--discover"])
    assert done.returncode == 0, done.stderr
    assert {each["tap_stream_id"] for each in json.loads(done.stdout)["streams"]} == {
        *ALL,
        *expected_v2.REPORT_TABLES.values(),
    }
    assert "Traceback" not in done.stderr
    sentences = [line.split(" | ")[-1] for line in done.stderr.splitlines() if "ERROR" in line]
    assert [each.partition(":")[0] for each in sentences] == ["employees", "persons"], done.stderr
    assert all("the catalogue of attributes cannot be read" in each for each in sentences)
    small.faults.add("500", LISTS["employees"], times=None)
    again = commands.run([TAP, "--config", config, "--discover"])
    assert again.returncode == 0


# --- custom attributes of persons ---------------------------------------------------------------------------------


def read_persons(sandbox, alter, **settings):
    """Read persons while a function changes the list of each one's custom attributes."""

    def altered(path, answer):
        if path == LISTS["persons"]:
            for record in answer["_data"]:
                record["custom_attributes"] = alter(record["custom_attributes"])

    warehouse, reading = read_altered(sandbox, altered, "persons", **settings)
    assert reading.error is None
    assert len(warehouse.tables["persons"]) == len(sandbox.company.employees)
    return warehouse, reading


def test_an_attribute_without_a_value_is_empty(small):
    warehouse, _ = read_persons(
        small, lambda cells: [{k: v for k, v in c.items() if k != "value"} for c in cells]
    )
    held = expected_v2.PERSONS.keys() | {"other_fields"}
    for row in warehouse.tables["persons"].values():
        assert not [name for name, value in row.items() if name not in held and value is not None]
        assert row["other_fields"] is None


def test_an_attribute_without_an_id_is_known_by_its_number(small):
    def strip(cells):
        # A preset is known by its id only.
        return [{k: v for k, v in c.items() if k != "id" or not v.startswith("dynamic_")} for c in cells]

    warehouse, _ = read_persons(small, strip)
    assert differences(warehouse, "persons") == []


def test_an_attribute_without_any_name_is_kept_as_it_came(small):
    nameless = [{"type": "string", "value": "kept"}, None, "text"]
    warehouse, _ = read_persons(small, lambda cells: [*cells, *nameless])
    rows = warehouse.tables["persons"].values()
    assert [row["other_fields"] for row in rows] == [{"custom_attributes": nameless}] * len(rows)


def test_custom_attributes_unknown_to_the_catalogue_are_kept_and_told_once(small, caplog):
    warehouse, _ = read_persons(
        small,
        lambda cells: [{**c, "id": f"x.{place}", "global_id": "5"} for place, c in enumerate(cells)][:1],
    )
    [warning] = told(caplog, "WARNING")
    assert "was found among the custom attributes of persons" in warning
    for (key,), row in warehouse.tables["persons"].items():
        assert list(row["other_fields"]) == ["attribute_dynamic_5"], key


@pytest.mark.parametrize("number", [True, False])
def test_without_the_catalogue_column_names_are_plain_words(small, number):
    small.options.catalogue = False
    warehouse, reading = read_persons(
        small, lambda cells: [{k: v for k, v in c.items() if number or k != "global_id"} for c in cells]
    )
    [schema] = reading.of("SCHEMA")
    names = schema["schema"]["properties"].keys() - expected_v2.PERSONS.keys() - {"other_fields"}
    assert len(names) > 20
    assert [name for name in names if not re.fullmatch(r"\w+", name, re.ASCII)] == []
    ids = "dynamic_[0-9]{4,7}" if number else "dynamic_[0-9a-f]{14}_[0-9]{8}|date_of_birth|iban"
    assert [name for name in names if not re.fullmatch(ids, name)] == []
    assert all(any(row[name] is not None for name in names) for row in warehouse.tables["persons"].values())


# --- reports, recruiting, flat fields -----------------------------------------------------------------------------


def test_a_report_cell_that_is_null_is_an_empty_value_of_its_column(small):
    key, report = next(iter(small.company.reports.items()))

    def alter(path, answer):
        if path == f"/v2/reports/{key}":
            for cells in answer["_data"]:
                cells[2] = None

    warehouse, reading = read_altered(small, alter, "reports")
    assert reading.error is None
    emptied = report.columns[2][0]
    for (each, number), row in expected(small, "reports")["reports"].rows.items():
        values = {**row["values"], emptied: None} if each == key else row["values"]
        assert warehouse.tables["reports"][each, number]["values"] == values


@pytest.mark.parametrize("odd", [None, 7, "text", {"a": 1}, [["x"], 5, {"attribute_id": ["y"]}]], ids=repr)
def test_an_odd_row_of_a_report_costs_no_other_row(small, odd):
    def alter(path, answer):
        if path.startswith("/v2/reports/") and path != "/v2/reports/attributes":
            answer["_data"].append(odd)
            answer["_meta"]["columns"].append(odd)

    names = ["reports", "report_headcount"]
    warehouse, reading = read_altered(small, alter, *names)
    assert reading.outcomes == dict.fromkeys(names, "read")
    tables = {**expected(small, "reports"), **expected_v2.report_tables(small.company)}
    for name in names:
        for key, row in tables[name].rows.items():
            found = warehouse.tables[name][key]
            assert {column: found[column] for column in row} == row
        assert len(warehouse.tables[name]) > len(tables[name].rows)


@pytest.mark.parametrize("name", ["date", "date-time", "value"])
def test_a_date_of_recruiting_may_be_an_object(small, name):
    def alter(path, answer):
        for record in answer.get("_data", ()):
            for field in ("birthday", "application_date"):
                if record.get(field):
                    record[field] = {name: record[field], "timezone": "Europe/Berlin"}

    names = ("recruiting_candidates", "recruiting_applications")
    warehouse, reading = read_altered(small, alter, *names)
    assert reading.error is None
    assert warehouse.differences(expected(small, *names)) == []
    assert any(row["birthday"] for row in warehouse.tables["recruiting_candidates"].values())


def test_a_deselected_column_that_comes_flat_is_not_among_the_others(small, tmp_path):
    small.options.spelling = "odd"
    pair = Pair(tmp_path, small, streams=["projects_v2"])
    catalog = pair.catalog()
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            if each["breadcrumb"] and each["breadcrumb"][-1] in ("start_date", "cost_center_id"):
                each["metadata"]["selected"] = False
    command = pair.tap_command()
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    output = commands.run(command, b"", check=True).stdout
    rows = [each["record"] for each in map(json.loads, output.splitlines()) if each["type"] == "RECORD"]
    assert len(rows) == len(small.company.projects)
    assert any(row["end_date"] for row in rows)
    assert all("start_date" not in row and row["other_fields"] is None for row in rows)
