"""Version 2 shows the same company, with its own paging, filters and shapes."""

import datetime as dt
import re

import pytest


def local(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def test_only_a_form_logs_in(client):
    body = {"client_id": client.sandbox.client_id, "client_secret": client.sandbox.client_secret}
    refused = client.http.post(f"{client.sandbox.url}/v2/auth/token", json=body, timeout=10)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert client.login_v2(client_secret="wrong").json()["error"] == "invalid_client"
    assert client.login_v2(scope="personio:nothing").json()["error"] == "invalid_scope"
    assert client.login_v2().json()["token_type"] == "Bearer"
    assert client.v2("persons").status_code == 200
    client.http.post(f"{client.sandbox.url}/v2/auth/revoke", data={"token": client.v2_token}, timeout=10)
    assert client.v2("persons").status_code == 401


def test_persons_and_employments_are_the_employees_of_v1(client):
    company = client.sandbox.company
    persons = client.all_v2("persons", limit=7)
    assert [int(p["id"]) for p in persons] == list(company.employees)
    for person in persons:
        held = company.employees[int(person["id"])]
        assert (person["email"], person["first_name"]) == (
            held.attributes["email"],
            held.attributes["first_name"],
        )
        assert dt.datetime.fromisoformat(person["updated_at"]) == held.person_updated_at
        keys = {each.universal_id: key for key, each in company.attributes.items() if each.custom}
        custom = {
            keys.get(cell["id"], f"dynamic_{cell['global_id']}"): cell["value"]
            for cell in person["custom_attributes"]
            if cell["value"] is not None
        }
        for key, attribute in company.attributes.items():
            value = held.attributes[key]
            if attribute.custom and value not in ("", None, ()):
                expected = {"integer": str, "decimal": str, "tags": list, "day": str}.get(
                    attribute.kind, lambda v: v
                )
                assert custom.pop(key) == expected(value)
        assert not custom
        employments = client.all_v2(f"persons/{person['id']}/employments")
        assert [e["id"] for e in employments] == [e.id for e in company.employments_of(held.id)]
        assert employments[0]["employment_start_date"] == held.attributes["hire_date"].isoformat()
        assert employments[0]["position"]["title"] == (held.attributes["position"] or None)


def test_person_pages_hold_50_at_most_and_next_carries_the_cursor_alone(client):
    assert len(client.v2("persons").json()["_data"]) == 10
    assert client.v2("persons", limit=51).status_code == 400
    first = client.v2("persons", limit=20, status="ACTIVE").json()
    following = first["_meta"]["links"]["next"]["href"]
    assert following.startswith(f"{client.sandbox.url}/v2/persons?cursor=")
    assert "status" not in following
    rest = client.v2(following).json()["_data"]
    assert {p["status"] for p in first["_data"] + rest} == {"ACTIVE"}
    assert client.v2("persons", cursor="cur_nonsense").status_code == 400


def test_updated_at_gt_is_strict(client):
    company = client.sandbox.company
    company.update("employees", 1003, first_name="Ida")
    assert client.all_v2("persons", **{"updated_at.gt": "2026-06-15T12:00:00Z"}) == []
    found = client.all_v2("persons", **{"updated_at.gt": "2026-06-15T11:59:59Z"})
    assert [p["id"] for p in found] == ["1003"]
    refused = client.v2("persons", **{"updated_at.gte": "2026-06-15T12:00:00Z"})
    assert (refused.status_code, refused.json()["errors"][0]["detail"]) == (
        400,
        "Provided filter encoding is invalid.",
    )


def test_a_change_of_the_employment_does_not_move_the_person(client):
    company = client.sandbox.company
    company.update("employees", 1003, position="Pilot")
    assert client.all_v2("persons", **{"updated_at.gt": "2026-06-15T11:59:59Z"}) == []
    found = client.all_v2("persons/1003/employments", **{"updated_at.gt": "2026-06-15T11:59:59Z"})
    assert [e["position"]["title"] for e in found] == ["Pilot"]
    assert company.employees[1003].attributes["last_modified_at"] == company.now()


def test_absences_of_both_kinds_come_with_exclusive_ends(client):
    company = client.sandbox.company
    rows = {row["id"]: row for row in client.all_v2("absence-periods")}
    assert rows.keys() == {t.id_v2 for t in company.time_offs.values()} | company.hourly_absences.keys()
    for held in company.time_offs.values():
        row = rows[held.id_v2]
        assert row["starts_from"]["date_time"][:19] == f"{held.start}T00:00:00"
        assert row["starts_from"]["type"] == ("SECOND_HALF" if held.half_day_start else "FIRST_HALF")
        if held.end is None:
            assert row["ends_at"] is None
        else:
            assert row["ends_at"]["date_time"][:19] == f"{held.end + dt.timedelta(days=1)}T00:00:00"
            assert row["ends_at"]["type"] == ("FIRST_HALF" if held.half_day_end else "SECOND_HALF")
    hourly = next(iter(company.hourly_absences.values()))
    assert rows[hourly.id]["starts_from"]["date_time"][:19] == local(
        hourly.start.astimezone(company.zone).replace(tzinfo=None)
    )


def test_breakdowns_come_28_a_page_and_sum_up_to_the_days(client):
    company = client.sandbox.company
    long = next(t for t in company.time_offs.values() if t.end is None)
    first = client.v2(f"absence-periods/{long.id_v2}/breakdowns").json()
    assert len(first["_data"]) == 28
    rows = client.all_v2(f"absence-periods/{long.id_v2}/breakdowns")
    assert sum(row["effective_duration"]["value"] for row in rows) == long.days_count
    assert client.v2(f"absence-periods/{long.id_v2}/breakdowns", limit=29).status_code == 400


def test_attendance_periods_are_work_and_breaks_and_cross_midnight(client):
    company = client.sandbox.company
    rows = {row["id"]: row for row in client.all_v2("attendance-periods")}
    held = company.attendance_periods
    assert rows.keys() == held.keys()
    for key, period in held.items():
        row = rows[key]
        assert (row["type"], row["person"]["id"]) == (period.type, str(period.employee_id))
        assert (row["start"]["date_time"], (row["end"] or {}).get("date_time")) == (
            local(period.start),
            local(period.end),
        )
        assert row["approval"]["status"] == period.status.upper()
        assert (row["comment"], (row["project"] or {}).get("id")) == (
            period.comment, None if period.project_id is None else str(period.project_id),
        )  # fmt: skip
        for name in ("created_at", "updated_at"):
            assert dt.datetime.fromisoformat(row[name]) == getattr(period, name)
        assert client.v2(f"attendance-periods/{key}").json() == row
    assert {row["type"] for row in rows.values()} == {"WORK", "BREAK"}
    assert any(p.end and p.end.date() > p.start.date() for p in held.values())
    assert any(p.end is None for p in held.values())
    worked = dict.fromkeys(company.attendances, dt.timedelta())
    for key, attendance in company.attendances.items():
        assert attendance.id_v2 in rows
        if attendance.end:
            day = dt.date.min
            whole = dt.datetime.combine(day, attendance.end) - dt.datetime.combine(day, attendance.start)
            worked[key] = whole - dt.timedelta(minutes=attendance.break_minutes)
    nets = [
        p.end - p.start
        for p in held.values()
        if p.type == "WORK" and p.end and p.end.date() == p.start.date()
    ]
    assert sum(nets, dt.timedelta()) == sum(worked.values(), dt.timedelta())


@pytest.mark.parametrize(
    "moment", ["2026-06-01T00:00:00Z", "2026-06-01T00:00:00+02:00", "2026-06-01T00:00:00.000"]
)
def test_attendance_filters_refuse_zones_and_fractions(client, moment):
    assert client.v2("attendance-periods", **{"updated_at.gte": moment}).status_code == 400
    assert client.v2("attendance-periods", **{"updated_at.gte": "2026-06-01T00:00:00"}).status_code == 200


def test_attendance_windows_tile_without_loss(client):
    every = {row["id"] for row in client.all_v2("attendance-periods")}
    day, tiled = dt.date(2025, 12, 1), []
    while day < dt.date(2026, 6, 20):
        window = {"attribution_date.gte": str(day), "attribution_date.lte": str(day + dt.timedelta(days=13))}
        tiled += [row["id"] for row in client.all_v2("attendance-periods", **window)]
        day += dt.timedelta(days=14)
    assert len(tiled) == len(every)
    assert set(tiled) == every
    held = client.sandbox.company.attendance_periods.values()
    ended = client.all_v2("attendance-periods", **{"end.date_time.gte": "2026-06-01T12:30:00"})
    noon = dt.datetime(2026, 6, 1, 12, 30)  # noqa: DTZ001  a local time
    assert {row["id"] for row in ended} == {p.id for p in held if p.end is None or p.end >= noon}
    latest = client.all_v2("attendance-periods", sort="-updated_at")
    stamps = [row["updated_at"] for row in latest]
    assert stamps == sorted(stamps, reverse=True)


def test_a_row_that_goes_between_two_pages_shifts_nothing(client):
    company = client.sandbox.company
    first = client.v2("projects", limit=10).json()
    company.delete("projects", *(int(row["id"]) for row in first["_data"][:3]))
    rest = client.all_v2(first["_meta"]["links"]["next"]["href"])
    assert [row["id"] for row in rest] == [
        str(key) for key in company.projects if key > int(first["_data"][-1]["id"])
    ]


def test_compensations_open_a_window_of_a_month(client):
    company = client.sandbox.company
    assert client.v2("compensations", start_date="2026-01-01", end_date="2026-02-02").status_code == 400
    day = dt.date(2026, 3, 1)
    rows = client.all_v2("compensations", start_date=str(day), end_date=str(day), limit=9)
    held = {
        c.id for c in company.compensations.values()
        if c.effective_from <= day and (c.effective_to is None or c.effective_to >= day)
    }  # fmt: skip
    assert {row["id"] for row in rows} == held
    assert {type(row["amount"]["value"]) for row in rows} >= {str}


def test_beta_endpoints_are_not_found_without_the_header(client):
    refused = client.v2("workplaces", beta=False)
    assert refused.status_code == 404
    error = refused.json()["errors"][0]
    assert error["type"].endswith("#apinot_found")
    assert error["_meta"] == {"path": "/v2/workplaces"}
    assert len(client.all_v2("workplaces")) == len(client.sandbox.company.offices)
    client.sandbox.options.beta = False
    assert client.v2("recruiting/jobs").status_code == 404


def test_org_units_need_a_type_and_legal_entities_the_feature(client):
    assert client.v2("org-units").status_code == 400
    units = client.all_v2("org-units", type="department") + client.all_v2(
        "org-units", type="team", sort="-name"
    )
    assert {int(unit["id"]) for unit in units} == client.sandbox.company.org_units.keys()
    assert [e["id"] for e in client.all_v2("legal-entities")] == ["171", "170"]
    client.sandbox.options.legal_entities = False
    assert client.v2("legal-entities").status_code == 412


def test_documents_are_listed_by_owner(client):
    company = client.sandbox.company
    assert client.v2("document-management/documents").status_code == 400
    owner = next(iter(company.documents.values())).owner_id
    rows = client.all_v2("document-management/documents", owner_id=owner, limit=1)
    assert [row["id"] for row in rows] == [d.id for d in company.documents.values() if d.owner_id == owner]
    assert client.v2(f"document-management/documents/{rows[0]['id']}/download").content.startswith(b"%PDF")


def test_reports_have_cells_of_every_kind_or_say_why_not(client):
    kinds = set()
    for held in client.sandbox.company.reports.values():
        answer = client.v2(f"reports/{held.id}", limit=100)
        if held.readable == "yes":
            assert answer.json()["_meta"]["links"] is None
            rows = client.all_v2(f"reports/{held.id}", limit=7)
            assert len(rows) == len(held.rows)
            kinds |= {tuple(cell.keys() - {"attribute_id"}) for row in rows for cell in row}
        else:
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["detail"].startswith(
                ("Unsupported nested type", "Array contains no")
            )
    assert kinds == {
        (), ("string_value",), ("options_value",), ("numeric_value",), ("time_range_value",), ("percentage_value",),
        ("monetary_value",),
    }  # fmt: skip
    assert client.v2("reports/none").status_code == 404


def test_recruiting_comes_latest_first_with_date_objects(client):
    company = client.sandbox.company
    rows = client.all_v2("recruiting/applications", limit=6)
    assert {row["id"] for row in rows} == company.applications.keys()
    stamps = [company.applications[row["id"]].updated_at for row in rows]
    assert stamps == sorted(stamps, reverse=True)
    assert {frozenset(row["updated_at"]) for row in rows} == {
        frozenset({"date-time", "timezone"}), frozenset({"date", "timezone"}),
    }  # fmt: skip
    both = {"updated_at.gt": "2026-01-01T00:00:00Z", "updated_at.lt": "2026-02-01T00:00:00Z"}
    assert client.v2("recruiting/candidates", **both).status_code == 400
    since = client.all_v2("recruiting/candidates", **{"updated_at.gt": "2026-01-01T00:00:00Z"})
    border = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert {row["id"] for row in since} == {
        c.id for c in company.candidates.values() if c.updated_at > border
    }


def test_the_event_feed_tells_of_deletions_for_thirty_days(client):
    company = client.sandbox.company
    webhook = next(iter(company.webhooks))
    gone = next(iter(company.time_offs.values()))
    company.delete("time_offs", gone.id)
    company.delete("employees", 1010)
    told = client.all_v2(f"webhooks/{webhook}/events", event_name="absence-period.deleted,person.deleted")
    payloads = [event["payload"] for event in told]
    assert {"absence_period": {"id": gone.id_v2}, "person": {"id": str(gone.employee_id)}} in payloads
    assert {"person": {"id": "1010"}} in payloads
    company.clock.forward(days=31)
    client.login_v2()  # the token has ended too
    assert client.all_v2(f"webhooks/{webhook}/events") == []


def test_missing_rights_are_said_in_each_services_own_way(client):
    rights = client.sandbox.rights
    rights.only("absences")
    statuses = {
        path: client.v2(path).status_code
        for path in (
            "persons",
            "attendance-periods",
            "reports",
            "absence-periods",
            "compensations",
            "projects",
        )
    }
    assert statuses == {
        "persons": 401, "attendance-periods": 403, "reports": 400, "absence-periods": 200, "compensations": 403,
        "projects": 403,
    }  # fmt: skip
    assert client.v1("employees").status_code == 403
    assert client.v1("time-offs").status_code == 200
    rights.reset()
    rights.show_attributes()
    person = client.v2("persons", limit=1).json()["_data"][0]
    assert person.keys() == {"id", "employments", "_meta"}
    employment = client.v2("persons/1001/employments").json()["_data"][0]
    assert employment.keys() == {"id", "person", "status", "_meta"}


@pytest.mark.parametrize("style", ["relative", "repeating", "foreign"])
def test_next_links_can_mislead(client, style):
    client.sandbox.options.next_links = style
    first = client.v2("persons").json()["_meta"]["links"]["next"]["href"]
    if style == "relative":
        assert first.startswith("/v2/persons?cursor=")
    elif style == "foreign":
        assert not first.startswith(client.sandbox.url)
    else:
        second = client.v2(first).json()["_meta"]["links"]["next"]["href"]
        assert second == first


def test_next_links_can_be_texts_with_a_plus_sign_that_means_itself(client):
    client.sandbox.options.next_links = "text"
    found = client.v2("persons").json()["_data"]
    following = client.v2("persons").json()["_meta"]["links"]["next"]
    assert following.endswith("+")
    assert client.v2(following).status_code == 400  # sent as it is, the sign would mean a space
    while following:
        answer = client.v2(following.replace("+", "%2B")).json()
        found += answer["_data"]
        following = answer["_meta"]["links"].get("next")
    assert [int(each["id"]) for each in found] == list(client.sandbox.company.employees)


def test_custom_attributes_have_the_ids_of_live_accounts_or_the_keys_of_v1(client):
    attributes = {key: each for key, each in client.sandbox.company.attributes.items() if each.custom}

    def ids() -> set[tuple[str, str | None]]:
        persons = client.all_v2("persons", limit=50)
        return {(c["id"], c.get("global_id")) for person in persons for c in person["custom_attributes"]}

    live = ids()
    assert len(live) == len(attributes)
    for identifier, number in live:
        assert number.isdecimal()
        if f"dynamic_{number}" in attributes:
            assert re.fullmatch(r"dynamic_[0-9a-f]{14}\.\d{8}", identifier)
        else:
            assert identifier in {each.universal_id for each in attributes.values()}
    client.sandbox.options.custom_ids = "key"
    assert {identifier for identifier, _ in ids()} == attributes.keys()


def test_the_odd_spelling_says_the_same_in_other_shapes(client):
    company = client.sandbox.company
    absence = next(row for row in company.time_offs.values() if row.end)
    company.update("time_offs", absence.id, end=absence.start + dt.timedelta(days=40))
    paths = (
        "projects", "attendance-periods", "absence-periods", f"absence-periods/{absence.id_v2}/breakdowns",
        f"reports/{next(iter(company.reports))}",
    )  # fmt: skip
    plain = [client.all_v2(path) for path in paths]
    client.sandbox.options.spelling = "odd"
    odd = [client.all_v2(path) for path in paths]
    assert odd == [client.all_v2(path) for path in paths]

    for before, after in zip(plain[0], odd[0], strict=True):
        assert (before["start"] or {}).get("date") == after["start_date"]
        assert (before["end"] or {}).get("date") == after["end_date"]
        assert (before["cost_center"] or {}).get("id") == after["cost_center"]
        assert not {"start", "end"} & after.keys()
    for lists, name in ((1, "start"), (2, "starts_from")):
        assert len(plain[lists]) == len(odd[lists]) > 0
        for before, after in zip(plain[lists], odd[lists], strict=True):
            moment = dt.datetime.fromisoformat(after[name]["date_time"])
            assert moment.replace(tzinfo=None).isoformat() == before[name]["date_time"][:19]
            assert moment.utcoffset() == moment.astimezone(company.zone).utcoffset() is not None
    days: dict[str, list[float]] = {}
    for entry in odd[3]:
        days.setdefault(entry["date"], []).append(entry["effective_duration"]["value"])
    assert {day: sum(values) for day, values in days.items()} == {
        entry["date"]: entry["effective_duration"]["value"] for entry in plain[3]
    }
    assert {len(values) for values in days.values()} == {2}
    assert all(
        after[:-1] == before and after[-1] == plain[4][0][0]
        for before, after in zip(plain[4], odd[4], strict=True)
    )
    names = [column["name"] for column in client.v2(paths[4]).json()["_meta"]["columns"]]
    assert names == [cell["attribute_id"] for cell in odd[4][0]]
