"""Records of API v2 in shapes that nobody has confirmed: nothing is lost, and nothing unusual ends a table."""

from __future__ import annotations

import re

import expected_v2
import pytest
from in_process import Warehouse, as_json
from personio_sandbox import Sandbox
from personio_sandbox.v2.people import live_ids
from proxy import Altering
from tap_personio.streams import STREAMS

V2 = tuple(str(each.name) for each in STREAMS if each.api == "v2")
KEYS = {str(each.name): set(each.primary_keys) for each in STREAMS}


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(employees=12, attendances_per_employee=3, absences_per_employee=2, seed=9) as sandbox:
        yield sandbox


def read_altered(sandbox, alter, *names: str, **settings) -> Warehouse:
    """Read some tables while a function changes each record of a list: it is given the path and the record."""

    def alter_all(path, query, answer):
        if path.startswith("/v2") and "_data" in answer and not re.search("reports/(?!attributes)", path):
            answer["_data"] = [alter(path, record) for record in answer["_data"]]
        return answer

    with Altering(sandbox, alter_all) as server:
        warehouse = Warehouse(sandbox, names, {"api_url": server.url, **settings})
        assert warehouse.read().error is None
    assert set(warehouse.tables) == set(names)
    return warehouse


def differences(warehouse, *names: str) -> list[str]:
    return warehouse.differences(expected_v2.tables(warehouse.sandbox, names))


# --- custom attributes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", ["text", "typed"])
def test_custom_attributes_have_the_names_and_types_that_employees_have(sandbox, values):
    sandbox.options.custom_values = values
    warehouse = Warehouse(sandbox, ["persons", "employees"])
    reading = warehouse.read()
    assert differences(warehouse, "persons") == []
    schemas = {each["stream"]: each["schema"]["properties"] for each in reading.of("SCHEMA")}
    custom = schemas["persons"].keys() - expected_v2.PERSONS.keys() - {"other_fields"}
    assert len(custom) > 20
    assert {name: schemas["persons"][name] for name in custom} == {
        name: schemas["employees"][name] for name in custom
    }


def by_key(sandbox) -> dict[str, dict[str, object]]:
    """The custom attributes of each person that have a value, by the attributes' keys."""
    custom = {key for key, each in sandbox.company.attributes.items() if each.custom}
    return {
        str(employee.id): {
            key: as_json(list(value) if isinstance(value, tuple) else value)
            for key, value in employee.attributes.items()
            if key in custom and value not in ("", None, ())
        }
        for employee in sandbox.company.employees.values()
    }


def test_custom_attributes_are_named_by_key_where_that_is_wanted(sandbox):
    warehouse = Warehouse(sandbox, ["persons"], {"attribute_names": "key"})
    warehouse.read()
    universal = {key: each.universal_id for key, each in sandbox.company.attributes.items()}
    for (person,), row in warehouse.tables["persons"].items():
        for key, value in by_key(sandbox)[person].items():
            assert row.get(key, row.get(universal[key] or "")) == value


def test_without_the_catalogue_custom_attributes_are_named_by_their_id(sandbox):
    sandbox.options.catalogue = False
    try:
        warehouse = Warehouse(sandbox, ["persons"])
        reading = warehouse.read()
    finally:
        sandbox.options.catalogue = True
    [schema] = reading.of("SCHEMA")
    types = {name: each["type"][0] for name, each in schema["schema"]["properties"].items()}
    for key, each in sandbox.company.attributes.items():
        if each.custom and key in types:
            kind = {"integer": "integer", "decimal": "number", "tags": "array"}.get(each.kind, "string")
            assert types[key] == kind, each
    numbers = {
        live_ids(each)["global_id"]: key for key, each in sandbox.company.attributes.items() if each.custom
    }
    for (person,), row in warehouse.tables["persons"].items():
        held = {**row, **{k.removeprefix("attribute_"): v for k, v in (row["other_fields"] or {}).items()}}
        held |= {numbers[k.removeprefix("dynamic_")]: v for k, v in held.items() if k.startswith("dynamic_")}
        assert {key: held[key] for key in by_key(sandbox)[person]} == by_key(sandbox)[person]


def test_tags_that_come_as_one_text_become_lists(sandbox):
    def join(path, record):
        for each in record["custom_attributes"] if path == "/v2/persons" else ():
            if isinstance(each["value"], list):
                each["value"] = ",".join(each["value"])
        return record

    warehouse = read_altered(sandbox, join, "persons")
    [tags] = [key for key, each in sandbox.company.attributes.items() if each.label == "Language skills"]
    spoken = {
        str(each.id): list(each.attributes[tags]) or None for each in sandbox.company.employees.values()
    }
    assert any(spoken.values())
    assert {key: row["language_skills"] for (key,), row in warehouse.tables["persons"].items()} == spoken


def test_labels_types_in_capitals_and_dotted_ids_are_accepted(sandbox):
    def alter(path, record):
        if path == "/v2/persons":
            for each in record["custom_attributes"]:
                each |= {"type": each["type"].upper(), "label": "a label"}
            record["custom_attributes"].append({"id": "dynamic_7.part", "type": "INT", "value": 7})
        return record

    warehouse = read_altered(sandbox, alter, "persons")
    for row in warehouse.tables["persons"].values():
        assert row["other_fields"] == {"attribute_dynamic_7_part": 7}


# --- records ------------------------------------------------------------------------------------------------------


def test_a_field_that_is_not_known_is_kept(sandbox):
    names = [each for each in V2 if each not in ("reports", "legal_entities", "salary_bands")]
    warehouse = read_altered(sandbox, lambda path, record: {**record, "brand_new": {"a": [1, None]}}, *names)
    for name in names:
        assert warehouse.tables[name], name
        for row in warehouse.tables[name].values():
            assert row["other_fields"] == {"brand_new": {"a": [1, None]}}, name


# What tells records apart, and which parents they have.
NEEDED = {"id", "type", "person", "date"}


@pytest.mark.parametrize("missing", ["absent", "null"])
def test_fields_that_are_missing_make_empty_cells(sandbox, missing):
    def strip(path, record):
        if path.endswith("reports/attributes"):
            return {"id": record["name"]}
        needed = NEEDED if "org-units" in path or "members" in path or "breakdowns" in path else {"id"}
        rest = {} if missing == "absent" else dict.fromkeys(record)
        return {**rest, **{name: value for name, value in record.items() if name in needed}}

    names = [each for each in V2 if each != "reports"]
    warehouse = read_altered(sandbox, strip, *names)
    expected = expected_v2.tables(sandbox)
    for name in names:
        rows = warehouse.tables[name]
        assert rows.keys() == {tuple(map(as_json, key)) for key in expected[name].rows}, name
        given = {key for row in rows.values() for key, value in row.items() if value is not None}
        known = {
            "other_fields",
            "person",
            "person_id",
            "owner",
            "owner_id",
            "absence_period_updated_at",
            "number",
            "table_name",
            "type",
        }
        assert given <= KEYS[name] | known, name
    assert warehouse.read(api_url=sandbox.url).error is None


def test_ids_may_be_numbers(sandbox):
    numeric = ["legal_entities", "org_units", "cost_centers", "workplaces", "projects_v2", "project_members"]

    def number(path, record):
        return {**record, "id": int(record["id"])} if "id" in record else record

    warehouse = read_altered(sandbox, number, *numeric)
    for name in numeric:
        assert warehouse.tables[name].keys() == expected_v2.tables(sandbox)[name].rows.keys()


@pytest.mark.parametrize("shape", [{"id": 1}, {"person_id": "1"}, {"person": {"id": "1"}, "role": "MEMBER"}])
def test_a_member_of_a_project_is_a_person_in_any_shape(sandbox, shape):
    warehouse = read_altered(
        sandbox, lambda path, record: dict(shape) if path.endswith("/members") else record, "project_members"
    )
    rows = warehouse.tables["project_members"]
    assert {row["person_id"] for row in rows.values()} == {"1"}
    assert all((row["other_fields"] or {}).get("role") == shape.get("role") for row in rows.values())


def test_moments_of_recruiting_may_be_texts(sandbox):
    def plain(path, record):
        for name in ("created_at", "updated_at", "entered_at"):
            if isinstance(record.get(name), dict):
                record[name] = record[name].get("date") or record[name]["date-time"]
        return record

    names = ["recruiting_applications", "recruiting_jobs", "recruiting_stage_transitions"]
    assert differences(read_altered(sandbox, plain, *names), *names) == []


def test_stage_transitions_are_numbered_across_pages(sandbox):
    application = next(each for each in sandbox.company.applications.values() if len(each.transitions) == 5)
    many = application.transitions * 50  # 250: more than one page
    sandbox.company.update("applications", application.id, transitions=many)
    try:
        warehouse = Warehouse(sandbox, ["recruiting_stage_transitions"])
        warehouse.read()
        assert differences(warehouse, "recruiting_stage_transitions") == []
    finally:
        sandbox.company.update("applications", application.id, transitions=application.transitions)


def test_events_without_an_id_get_the_same_one_in_every_run(sandbox):
    def strip(path, record):
        return {k: v for k, v in record.items() if k != "id"} if path.endswith("/events") else record

    first, second = (read_altered(sandbox, strip, "webhook_events").tables["webhook_events"] for _ in (1, 2))
    assert first.keys() == second.keys()
    assert len(first) == len(expected_v2.tables(sandbox, ["webhook_events"])["webhook_events"].rows)


def test_no_value_of_a_report_is_lost_when_an_employee_comes_again(sandbox):
    warehouse = Warehouse(sandbox, ["custom_reports"])
    reading = warehouse.read()
    values = sum(len(item.cells) for report in sandbox.company.reports.values() for item in report.items)
    assert len(reading.of("RECORD")) == len(warehouse.tables["custom_reports"]) == values
    kinds = {
        cell.data_type for r in sandbox.company.reports.values() for item in r.items for cell in item.cells
    }
    assert {row["data_type"] for row in warehouse.tables["custom_reports"].values()} == kinds
    assert len(kinds) > 7


def test_a_report_that_is_gone_when_its_rows_are_asked_for_is_passed_over(sandbox):
    report = sandbox.company.reports.copy()
    sandbox.faults.before(
        "/v1/company/custom-reports/reports/*",
        1,
        lambda company: company.delete("reports", next(iter(report))),
    )
    try:
        warehouse = Warehouse(sandbox, ["custom_reports"])
        assert warehouse.read().error is None
        assert differences(warehouse, "custom_reports") == []
    finally:
        sandbox.company.reports = report
