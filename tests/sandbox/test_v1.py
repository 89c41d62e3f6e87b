"""Version 1 shows the company, with the paging and the filters that Personio has."""

import datetime as dt
import json
from typing import Any

from personio_sandbox.model import Attribute

BERLIN_OFFSETS = {dt.timedelta(hours=1), dt.timedelta(hours=2)}


def parsed(attribute: Attribute, cell: dict[str, Any]) -> Any:
    """The Python value of a cell, read with nothing but its type."""
    value = cell["value"]
    if attribute.kind == "relation":
        return None if value == "" else value
    if attribute.kind in ("day", "moment") and value is not None:
        moment = dt.datetime.fromisoformat(value)
        if attribute.kind == "moment":
            return moment
        assert moment.time() == dt.time.min
        assert attribute.plain_day or moment.utcoffset() in BERLIN_OFFSETS
        return moment.date()
    if attribute.kind == "tags":
        return tuple(value.split(",")) if value else ()
    return value


def test_every_cell_of_every_employee_is_what_the_company_holds(start):
    client = start(employees=130)
    company = client.sandbox.company
    rows = [
        row for offset in (0, 100) for row in client.v1("employees", limit=100, offset=offset).json()["data"]
    ]
    assert [row["attributes"]["id"]["value"] for row in rows] == list(company.employees)
    for row in rows:
        cells = row["attributes"]
        employee = company.employees[cells["id"]["value"]]
        assert list(cells) == list(company.attributes)
        for key, attribute in company.attributes.items():
            assert (cells[key]["label"], cells[key]["universal_id"]) == (
                attribute.label,
                attribute.universal_id,
            )
            expected = employee.attributes[key]
            if attribute.kind == "relation":
                expected = company.entity(employee, key)
            assert parsed(attribute, cells[key]) == expected, key
            assert cells[key].get("currency") == (employee.currency if attribute.money else None)


def test_the_company_has_what_breaks_careless_clients(start):
    company = start(employees=130).sandbox.company
    labels = [attribute.label for attribute in company.attributes.values()]
    assert labels.count("Cost object") == 2
    assert labels.count("Email") == 2
    assert "" in labels
    people = [employee.attributes for employee in company.employees.values()]
    assert isinstance(people[0]["fix_salary"], int)
    assert any(isinstance(a["fix_salary"], float) for a in people)
    assert max(a["work_schedule"] for a in people) > 2**53
    big = [value for a in people for value in a.values() if type(value) is int and value > 2**53]
    assert any(int(float(value)) != value for value in big)
    moments = [a["last_modified_at"] for a in people]
    assert len(set(moments)) < len(moments)
    plain = start(hostile=False).sandbox.company
    assert len({attribute.label for attribute in plain.attributes.values()}) == len(plain.attributes)


def test_dates_come_in_three_spellings_and_both_offsets(client):
    texts = [row["attributes"]["hire_date"]["value"] for row in client.v1("employees").json()["data"]]
    assert {text[10] + text[19:] for text in texts} >= {
        "T+01:00", "T+02:00", "T+0100", "T+0200", " +01:00", " +02:00",
    }  # fmt: skip


def test_employee_pages_hold_at_most_100_counted_in_records(start):
    client = start(employees=120, large_employee_pages="cap")
    page = client.v1("employees", limit=200, offset=100).json()
    assert (len(page["data"]), page["limit"]) == (20, 100)
    assert page["metadata"] == {"total_elements": 120, "current_page": 1, "total_pages": 2}
    assert len(client.v1("employees").json()["data"]) == 50
    client.sandbox.options.large_employee_pages = "reject"
    assert client.v1("employees", limit=101).status_code == 400
    client.sandbox.options.large_employee_pages = "allow"
    assert len(client.v1("employees", limit=200).json()["data"]) == 120


def test_time_offs_count_pages_from_one_and_ignore_unknown_filters(client):
    company, rows = client.sandbox.company, []
    for page in (1, 2, 3):
        answer = client.v1("time-offs", limit=500, offset=page).json()
        assert answer["metadata"] == {"total_elements": 450, "current_page": page, "total_pages": 3}
        rows += answer["data"]
    assert client.v1("time-offs", offset=0).json()["data"] == rows[:200]
    assert client.v1("time-offs", offset=200).json()["data"] == []
    assert [row["attributes"]["id"] for row in rows] == list(company.time_offs)
    for row in rows:
        shown, held = row["attributes"], company.time_offs[row["attributes"]["id"]]
        assert dt.datetime.fromisoformat(shown["start_date"]).date() == held.start
        assert shown["end_date"] is None or dt.datetime.fromisoformat(shown["end_date"]).date() == held.end
        assert dt.datetime.fromisoformat(shown["updated_at"]) == held.updated_at
        assert (shown["days_count"], shown["id_v2"]) == (sum(held.days.values()), held.id_v2)
        assert shown["employee"] == company.short_employee(held.employee_id)
    assert any(held.end is None for held in company.time_offs.values())
    assert any(held.start > company.today() for held in company.time_offs.values())
    assert client.v1("time-offs", updated_since="2026-06-01").json()["metadata"]["total_elements"] == 450
    recent = client.v1("time-offs", updated_from="2026-06-01").json()["metadata"]["total_elements"]
    since = dt.datetime(2026, 6, 1, tzinfo=company.zone)
    assert recent == sum(held.updated_at >= since for held in company.time_offs.values()) < 450


def test_a_row_comes_twice_at_page_borders_when_that_is_switched_on(start):
    client = start(duplicate_at_page_border=True)
    ids: list[int] = []
    for page in range(1, 100):
        answer = client.v1("time-offs", offset=page).json()
        ids += [row["attributes"]["id"] for row in answer["data"]]
        if page >= answer["metadata"]["total_pages"]:
            break
    assert len(ids) == 452
    assert list(dict.fromkeys(ids)) == list(client.sandbox.company.time_offs)


def test_hourly_absences_are_a_list_of_their_own(client):
    company = client.sandbox.company
    rows = [row["attributes"] for row in client.v1("absence-periods").json()["data"]]
    assert [row["id"] for row in rows] == list(company.hourly_absences)
    for row in rows:
        held = company.hourly_absences[row["id"]]
        assert dt.datetime.fromisoformat(row["start"]) == held.start
        assert dt.datetime.fromisoformat(row["updated_at"]) == held.updated_at
        kind = row["absence_type"]
        assert kind.get("attributes", kind)["time_off_type_id"] == held.absence_type_id
    empty = client.v1("absence-periods", updated_from="2026-06-15T13:00:00Z").json()
    assert (empty["data"], empty["metadata"]) == (
        [],
        {"total_elements": 0, "current_page": 1, "total_pages": 0},
    )


def test_attendances_need_dates_and_echo_paging_as_text(client):
    company = client.sandbox.company
    assert client.v1("attendances").status_code == 400
    window = {"start_date": "2000-01-01", "end_date": "2028-01-01", "includePending": "true"}
    rows = []
    for offset in range(0, 1000, 200):
        answer = client.v1("attendances", **window, limit=200, offset=offset).json()
        assert (answer["offset"], answer["limit"]) == (str(offset), "200")
        assert answer["metadata"]["current_page"] == offset // 200
        rows += answer["data"]
    assert len(rows) == len(company.attendances) == 900
    for row in rows:
        shown, held = row["attributes"], company.attendances[row["id"]]
        assert (shown["employee"], shown["date"]) == (held.employee_id, held.date.isoformat())
        assert shown["start_time"] == held.start.strftime("%H:%M")
        assert shown["end_time"] == (held.end and held.end.strftime("%H:%M"))
        assert (shown["break"], shown["status"], shown["comment"]) == (
            held.break_minutes,
            held.status,
            held.comment,
        )
        assert dt.datetime.fromisoformat(shown["updated_at"]) == held.updated_at
        assert (shown["project"] or {}).get("id") == held.project_id
        assert (shown["is_holiday"], shown["is_on_time_off"]) == (held.is_holiday, held.is_on_time_off)
        assert shown["id_v2"] == held.id_v2
    confirmed = client.v1("attendances", start_date="2000-01-01", end_date="2028-01-01").json()
    expected = sum(held.status == "confirmed" for held in company.attendances.values())
    assert confirmed["metadata"]["total_elements"] == expected < 900
    assert any(held.end is None for held in company.attendances.values())
    assert any(held.is_holiday for held in company.attendances.values())


def test_small_tables_are_whole(client):
    company = client.sandbox.company
    assert [p["id"] for p in client.v1("attendances/projects").json()["data"]] == list(company.projects)
    assert [c["id"] for c in client.v1("document-categories").json()["data"]] == list(
        company.document_categories
    )
    assert [t["attributes"]["id"] for t in client.v1("time-off-types").json()["data"]] == list(
        company.absence_types
    )
    balances = client.v1("employees/1001/absences/balance").json()["data"]
    assert [(b["id"], b["balance"]) for b in balances] == [
        (held.absence_type_id, held.balance) for held in company.balances.values() if held.employee_id == 1001
    ]
    assert client.v1("employees/999/absences/balance").status_code == 404


def test_a_report_keeps_all_its_rows(client):
    company = client.sandbox.company
    listed = [row["attributes"] for row in client.v1("custom-reports/reports").json()["data"]]
    assert [row["id"] for row in listed] == list(company.reports)
    for held in company.reports.values():
        items, page = [], 1
        while True:
            answer = client.v1(f"custom-reports/reports/{held.id}", limit=7, page=page).json()
            items += answer["data"][0]["attributes"]["items"]
            page += 1
            if page > answer["metadata"]["total_pages"]:
                break
        name = "historical_attributes" if held.type == "historical_data" else "attributes"
        assert [(i["employee_id"], len(i[name])) for i in items] == [
            (i.employee_id, len(i.cells)) for i in held.items
        ]
    history = next(r for r in company.reports.values() if r.type == "historical_data")
    assert len({item.employee_id for item in history.items}) < len(history.items)


def test_hidden_attributes_are_silently_missing(client):
    client.sandbox.rights.hide_attributes("status", "dynamic_1000000")
    assert not {"status", "dynamic_1000000"} & set(client.v1("employees/1001").json()["data"]["attributes"])
    keys = {attribute["key"] for attribute in client.v1("employees/attributes").json()["data"]}
    assert keys == set(client.sandbox.company.attributes) - {"status", "dynamic_1000000"}
    client.sandbox.options.catalogue = False
    assert client.v1("employees/attributes").status_code == 403


def test_updated_since_selects_and_may_ignore_paging(client):
    company = client.sandbox.company
    company.clock.forward(hours=1)
    company.update("employees", 1005, position="Pilot")
    page = client.v1("employees", updated_since="2026-06-15T14:30:00").json()
    assert [row["attributes"]["id"]["value"] for row in page["data"]] == [1005]
    client.sandbox.options.updated_since_ignores_paging = True
    assert len(client.v1("employees", updated_since="2000-01-01", limit=5).json()["data"]) == 30


def test_switched_off_endpoints_answer_as_told(client):
    client.sandbox.options.gone = {"/v1/company/attendances*": 410}
    assert client.v1("attendances/projects").status_code == 410
    assert client.v1("employees").status_code == 200


def test_an_entity_that_is_not_set_has_the_spelling_that_is_chosen(start):
    client = start(employees=130)
    keys = ("supervisor", "subcompany", "office", "department", "team")
    for style, spelling in (("null", None), ("text", ""), ("list", [])):
        client.sandbox.options.empty_entity = style
        rows = client.v1("employees", limit=100).json()["data"]
        values = [row["attributes"][key]["value"] for row in rows for key in keys]
        assert spelling in values
        assert all(value == spelling or isinstance(value, dict) for value in values)


def test_references_of_absences_in_hours_are_wrapped_or_bare(client):
    company = client.sandbox.company
    bare_ones = {}
    for style in ("wrapped", "bare", "mixed"):
        client.sandbox.options.hourly_references = style
        rows = [each["attributes"] for each in client.v1("absence-periods").json()["data"]]
        bare_ones[style] = {row["id"] for row in rows if "attributes" not in row["absence_type"]}
        for row in rows:
            held = company.hourly_absences[row["id"]]
            kind, person = row["absence_type"], row["employee"]
            assert ("attributes" in kind) == ("attributes" in person)
            assert kind.get("attributes", kind)["time_off_type_id"] == held.absence_type_id
            identifier = person["attributes"]["id"]["value"] if "attributes" in person else person["id"]
            assert identifier == held.employee_id
    every = set(company.hourly_absences)
    assert (bare_ones["wrapped"], bare_ones["bare"]) == (set(), every)
    assert 0 < len(bare_ones["mixed"]) < len(every)


def test_tags_and_decimals_in_the_odd_spelling_say_the_same(client):
    company = client.sandbox.company
    number = next(each.key for each in company.attributes.values() if each.label == "Commuting distance")
    spelled = {
        1.2e18: "1.2E+18",
        2e15: "2.0E+15",
        -3.25e-7: "-3.25E-7",
        12.5: "12.5",
        0: "0",
        10**14: str(10**14),
    }
    for key, value in zip(company.employees, spelled, strict=False):
        company.update("employees", key, **{number: value})
    client.sandbox.options.spelling = "odd"
    for row in client.v1("employees", limit=100).json()["data"]:
        cells, held = row["attributes"], company.employees[row["attributes"]["id"]["value"]].attributes
        for key, attribute in company.attributes.items():
            if attribute.kind == "tags":
                assert tuple(json.loads(cells[key]["value"])) == held[key]
            elif attribute.kind == "decimal" and held[key] is not None:
                assert float(cells[key]["value"]) == held[key]
                assert cells[key]["value"] == spelled.get(held[key], str(held[key]))
