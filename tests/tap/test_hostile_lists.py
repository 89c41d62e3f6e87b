"""Lists that would never end, identifiers that lead elsewhere, and next links that are none."""

from __future__ import annotations

import itertools
import random

import pytest
from in_process import Warehouse
from personio_sandbox import Sandbox
from proxy import Altering

V1_LISTS = {
    "employees": "/v1/company/employees",
    "absences": "/v1/company/time-offs",
    "attendances": "/v1/company/attendances",
    "hourly_absences": "/v1/company/absence-periods",
    "absence_types": "/v1/company/time-off-types",
}
full = pytest.mark.full
# Without identifiers a list may hold alike records, and more patience is needed.
V2_LISTS = {
    "persons": "/v2/persons",
    "project_members": "/v2/projects/{}/members",
    "absence_periods": "/v2/absence-periods",
    "attendance_periods": "/v2/attendance-periods",
    "webhook_events": "/v2/webhooks/{}/events",
    "reports": "/v2/reports/{}",
}


@pytest.fixture(scope="module")
def company():
    with Sandbox(employees=110, attendances_per_employee=2, absences_per_employee=2, seed=6) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(company):
    company.requests.clear()
    return company


def is_of(path: str, pattern: str) -> bool:
    before, _, after = pattern.partition("{}")
    return path.startswith(before) and path.endswith(after) and (after != "" or path != before.rstrip("/")) and (
        "{}" in pattern or path == pattern
    )  # fmt: skip


def read(sandbox, stream, alter):
    with Altering(sandbox, alter, without="cursor") as personio:
        settings = {"api_url": personio.url, "skip_reports": "*"}
        return Warehouse(sandbox, [stream], settings).read()


def failure(caplog) -> str:
    [line] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    return line


def always_the_first(pages, size):
    return pages[:size]


def three_in_turn(pages, size, turn=itertools.count()):  # noqa: B008 - one count for all pages
    place = next(turn) % 3
    return pages[place * (size // 3) : (place + 1) * (size // 3)]


def any_of_them(pages, size):
    return random.sample(pages, min(len(pages), size // 2))


WAYS = [always_the_first, three_in_turn, any_of_them]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("total", [1, pytest.param(10**12, marks=full), pytest.param(10**30, marks=full)])
@pytest.mark.parametrize("stream", V1_LISTS)
def test_a_list_of_v1_that_brings_nothing_new_ends_soon(sandbox, caplog, stream, way, total):
    first: list = []

    def alter(path, query, body):
        if path == V1_LISTS[stream] and "limit" in query:
            first.extend(body["data"] if not first else ())
            body["data"] = way(first, len(first))
            body["metadata"] = {"total_elements": len(first) + total}
        return body

    assert read(sandbox, stream, alter).outcomes == {stream: "failed"}
    assert failure(caplog).startswith(f"Failed {stream}: ")
    assert len(sandbox.requests) < 300


@pytest.mark.parametrize("stream", V1_LISTS)
def test_a_list_that_announces_the_moon_is_not_asked_for_it(sandbox, caplog, stream):
    def alter(path, query, body):
        if path == V1_LISTS[stream]:
            body["metadata"] = {"total_elements": 10**12}
        return body

    assert read(sandbox, stream, alter).outcomes == {stream: "failed"}
    assert "nothing new" in failure(caplog)
    assert len(sandbox.requests) < 300


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cursor", [pytest.param("c{}.x"), pytest.param("offset={}", marks=full)])
@pytest.mark.parametrize(
    "stream", [*V2_LISTS][:2] + [pytest.param(each, marks=full) for each in [*V2_LISTS][2:]]
)
def test_a_list_with_ever_new_cursors_ends(sandbox, caplog, stream, cursor, way):
    first, turn = [], itertools.count()

    def alter(path, query, body):
        if is_of(path, V2_LISTS[stream]):
            name = "_data" if "_data" in body else "data"
            first.extend(body[name] if not first else ())
            body[name] = way(first, len(first))
            body.setdefault("_meta", {})["links"] = {"next": {"href": f"?cursor={cursor.format(next(turn))}"}}
        return body

    reading = read(sandbox, stream, alter)
    assert reading.outcomes == {stream: "failed"}
    assert "cannot be reached" in failure(caplog) or "kept changing" in failure(caplog)
    assert len(sandbox.requests) < 1000


def test_a_custom_report_whose_pages_come_in_turn_ends(sandbox, caplog):
    first, turn = [], itertools.count()

    def alter(path, query, body):
        if path.startswith("/v1/company/custom-reports/reports/"):
            first.extend(body["data"] if not first else ())
            attributes = {**first[0]["attributes"], "name": f"name {next(turn) % 3}"}
            body["data"] = [{**first[0], "attributes": attributes}]
        return body

    assert read(sandbox, "custom_reports", alter).outcomes == {"custom_reports": "failed"}
    assert "nothing new" in failure(caplog)


@pytest.mark.parametrize("href", ["http://[::1/", "http://[x]/?cursor=a", "//[", "http://a:b@c:d/?cursor=a"])
def test_a_next_link_that_is_no_address_fails_its_stream(sandbox, caplog, href):
    def alter(path, query, body):
        if path == "/v2/persons":
            body["_meta"] = {"links": {"next": {"href": href}}}
        return body

    assert read(sandbox, "persons", alter).outcomes == {"persons": "failed"}
    assert "next-page link" in failure(caplog)


def test_a_cursor_may_hold_anything(sandbox, caplog):
    def alter(path, query, body):
        if path == "/v2/cost-centers" and "cursor" not in query:
            body["_meta"] = {"links": {"next": {"href": "?cursor=\ud800\r\nX: y ü&limit=5"}}}
        return body

    read(sandbox, "cost_centers", alter)
    assert len(sandbox.requests.to("/v2/cost-centers")) > 1
    assert "unexpected" not in caplog.text


FAN_OUTS = {
    "employments": ("/v2/persons", "/v2/persons/"),
    "project_members": ("/v2/projects", "/v2/projects/"),
    "webhook_events": ("/v2/webhooks", "/v2/webhooks/"),
    "reports": ("/v2/reports", "/v2/reports/"),
    "custom_reports": ("/v1/company/custom-reports/reports", "/v1/company/custom-reports/reports/"),
    "recruiting_stage_transitions": ("/v2/recruiting/applications", "/v2/recruiting/applications/"),
    "absence_period_breakdowns": ("/v2/absence-periods", "/v2/absence-periods/"),
}


IDS = [
    "../../v1/company/employees",
    "ü",
    "..",
    "x?limit=1",
    "\ud800",
    "a/../../..",
    "x#",
    "%2e%2e/x",
    "a b\r\nX: y",
    ".",
]


@pytest.mark.parametrize("identifier", IDS[:5] + [pytest.param(each, marks=full) for each in IDS[5:]])
@pytest.mark.parametrize(
    "stream", [*FAN_OUTS][:3] + [pytest.param(each, marks=full) for each in [*FAN_OUTS][3:]]
)
def test_an_identifier_never_leads_to_another_endpoint(sandbox, caplog, stream, identifier):
    listed, below = FAN_OUTS[stream]
    asked = []

    def alter(path, query, body):
        if path == listed:
            records = body.get("data") or body.get("_data")
            del records[1:]
            inner = records[0].get("attributes")
            (inner if isinstance(inner, dict) and "id" in inner else records[0])["id"] = identifier
            body["_meta"] = {}
        return body

    def spy(path, query):
        asked.append(path)

    with Altering(sandbox, alter, raw=spy) as personio:
        Warehouse(sandbox, [stream], {"api_url": personio.url, "skip_reports": "*"}).read()
    assert listed in asked
    further = [path for path in asked if path.startswith(below)]
    assert all(path.removeprefix(below).count("/") <= 1 for path in further), further
    assert not [path for path in asked if {".", ".."} & set(path.split("/"))]
    if identifier not in (".", "..", "\ud800"):  # of which the last is no JSON
        assert further
    assert "unexpected" not in caplog.text


@full
def test_pay_that_goes_back_for_ever_ends_with_the_year_1970(sandbox):
    first: list = []

    def alter(path, query, body):
        if path == "/v2/compensations":
            first.extend(body["_data"][:1] if not first else ())
            body |= {"_data": first, "_meta": {}}
        return body

    assert read(sandbox, "compensations", alter).outcomes == {"compensations": "read"}
    assert 600 < len(sandbox.requests.to("/v2/compensations")) < 800
