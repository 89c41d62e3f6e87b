"""Whatever Personio answers and whatever the config says: what came, or one clear sentence. Never a wrong value."""

from __future__ import annotations

import copy
import http.server
import json
import threading
import urllib.error
import urllib.request

import expected_v1
import in_process
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from in_process import Warehouse
from jsonschema import Draft7Validator
from personio_sandbox import Sandbox
from tap_personio.errors import SettingsError
from tap_personio.settings import Settings

PATHS = {
    "/v1/company/employees": "employees",
    "/v1/company/time-off-types": "absence_types",
    "/v1/company/time-offs": "absences",
    "/v1/company/attendances": "attendances",
    "/v1/company/attendances/projects": "projects",
    "/v1/company/document-categories": "document_categories",
    "/v1/company/custom-reports/reports": "custom_reports_list",
    "/v1/company/employees/1002/absences/balance": "employees_absences_balance",
    "/v1/company/employees/attributes": "employees",
}
GONE, FURTHER = object(), object()


class Distorter(http.server.ThreadingHTTPServer):
    """Stands before a sandbox and changes what it answers.

    Attributes:
        distort: gets a path and the answer's JSON, and returns other JSON or bytes.
    """

    daemon_threads = True

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sandbox = sandbox
        self.distort = lambda path, content: content
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.client_id, self.client_secret, self.company = (
            sandbox.client_id,
            sandbox.client_secret,
            sandbox.company,
        )
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A tap that hangs up is part of the play."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        request = urllib.request.Request(self.server.sandbox.url + self.path, sent, dict(self.headers))
        try:
            with urllib.request.urlopen(request) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, body = error.code, error.read()
        if status == 200:
            changed = self.server.distort(self.path.partition("?")[0], json.loads(body))
            body = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    with Sandbox(employees=8, attendances_per_employee=3, absences_per_employee=2, seed=11) as sandbox:
        server = Distorter(sandbox)
        yield server
        server.shutdown()
        server.server_close()


def nodes(value, path=()):
    """Every place in a JSON value."""
    yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from nodes(inner, (*path, step))


def replaced(content, path, new):
    """The content with something else at a place."""
    content = copy.deepcopy(content)
    place = content
    for step in path[:-1]:
        place = place[step]
    if new is GONE:
        del place[path[-1]]
    elif new is FURTHER:
        if isinstance(place, dict):
            place["never seen before"] = {"value": "new"}
        else:
            place.append(copy.deepcopy(place[path[-1]]))
    else:
        place[path[-1]] = new
    return content


odd_values = st.one_of(
    st.sampled_from(
        [GONE, FURTHER, None, "", True, 0, 1, -1, 2**53 + 1, 2**63, -(2**64), 10**40, 0.1, 1e308, [], {}]
    ),
    st.sampled_from(
        [[[]], [None], {"value": None}, {"attributes": None}, {"id": "x"}, [{}], {"type": "Employee"}]
    ),
    st.sampled_from(
        [
            "null",
            "NaN",
            "2024-02-30",
            "2026-01-01",
            "2026-01-01T10:00:00Z",
            "24:00",
            "1e5",
            "-0",
            "\ud800",
            "\0",
            "12,5",
        ]
    ),
    st.text(max_size=8),
    st.integers(),
    st.floats(allow_nan=False),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3), lambda each: st.lists(each, max_size=2), max_leaves=4
    ),
)


def read(server) -> tuple[Warehouse, in_process.Reading]:
    warehouse = Warehouse(server)
    result = warehouse.read()
    # Nested values are passed on as they came, whatever they are.
    validators = {
        message["stream"]: Draft7Validator(
            {**message["schema"], "properties": {
                name: each for name, each in message["schema"]["properties"].items() if "object" not in each["type"]}}
        )
        for message in result.of("SCHEMA")
    }  # fmt: skip
    for message in result.of("RECORD"):
        errors = [error.json_path for error in validators[message["stream"]].iter_errors(message["record"])]
        assert not errors, (message["stream"], errors)
    if result.error is not None:
        assert result.error.endswith((".", "later"))
        assert len(result.error) < 400
        assert "\n" not in result.error
    return warehouse, result


def check_one_odd_value(server, endpoint: str, where: int, value) -> None:
    """One place inside one record is odd: its stream fails, or everything else of it arrives as it is."""
    stream, hit = PATHS[endpoint], {}

    def distort(path, content):
        if path != endpoint or not content["data"]:
            return content
        places = [each for each in nodes(content) if each[0:1] == ("data",) and len(each) > 2]
        place = hit.setdefault("place", places[where % len(places)])
        hit.setdefault("record", content["data"][place[1]])
        return replaced(content, place, value)

    server.distort = distort
    warehouse, result = read(server)
    whole = [name for name, outcome in result.outcomes.items() if outcome == "read"]
    if result.error is not None and endpoint.endswith("/attributes"):
        return  # the catalogue has no shape that employees could be typed by
    expected = expected_v1.tables(server.company)
    for name in set(expected_v1.EIGHT) - {stream, "employees_absences_balance"}:
        assert name in whole
    found = warehouse.differences({name: expected[name] for name in expected_v1.EIGHT if name in whole})
    if endpoint.endswith("/attributes"):
        return
    touched = hit["record"]
    key = touched["id"] if "id" in touched else touched["attributes"]["id"]
    if isinstance(key, dict):
        key = key["value"]
    row = f"({key!r},)" if stream != "employees_absences_balance" else f"(1002, {key!r})"
    in_key = "id" in hit["place"][2:]
    others = [
        each
        for each in found
        if not each.startswith(f"{stream}: {row} ")
        and not (in_key and ("should not be there" in each or each.startswith(stream)))
        and not (
            endpoint == "/v1/company/employees" and in_key and each.startswith("employees_absences_balance")
        )
    ]
    assert not others
    if not in_key and stream in whole:
        assert not [each for each in found if each.endswith("is missing")]


any_time = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
one_odd_value = given(st.sampled_from(list(PATHS)), st.integers(0, 10**6), odd_values)


@settings(any_time, max_examples=100)
@one_odd_value
@example("/v1/company/employees", 5, 2**70)
def test_one_odd_value_in_an_answer_spoils_nothing_else(server, endpoint, where, value):
    check_one_odd_value(server, endpoint, where, value)


@pytest.mark.full
@settings(any_time, max_examples=2000)
@one_odd_value
def test_two_thousand_odd_values_spoil_nothing_else(server, endpoint, where, value):
    check_one_odd_value(server, endpoint, where, value)


def check_odd_envelope(server, changes) -> None:
    """Anything anywhere in any answer: the tap ends, with a sentence where it could not read on."""

    def distort(path, content):
        for endpoint, where, value in changes:
            if path == endpoint:
                places = [each for each in nodes(content) if each]
                if places:
                    content = replaced(content, places[where % min(len(places), 40)], value)
        return content

    server.distort = distort
    read(server)


def odd_envelopes(*paths: str):
    change = st.tuples(st.sampled_from(paths), st.integers(0, 10**6), odd_values)
    return given(st.lists(change, min_size=1, max_size=3))


@settings(any_time, max_examples=30)
@odd_envelopes(*PATHS)
def test_odd_envelopes_end_in_rows_or_in_one_sentence(server, changes):
    check_odd_envelope(server, changes)


@pytest.mark.full
@settings(any_time, max_examples=500)
@odd_envelopes(*PATHS, "/v1/auth")
def test_five_hundred_odd_envelopes_end_in_rows_or_in_one_sentence(server, changes):
    check_odd_envelope(server, changes)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"success": true}',
        b'{"success": true, "data": null}',
        b'{"success": true, "data": "none"}',
        b'{"success": true, "data": [null]}',
        b'{"success": true, "data": [[1]]}',
        b'{"success": "yes", "data": []}',
        b'{"success": true, "data": [{"attributes": {"id": 1e999}}]}',
        b'{"success": true, "data": [' + b"[" * 5000 + b"]" * 5000 + b"]}",
        b'{"success": true, "data": [{"id": ' + b"9" * 5000 + b"}]}",
        b"\xff\xfe{}",
        b'\xef\xbb\xbf{"success": true, "data": []}',
        b'{"success": true, "data": [{"id": 1, "attributes": {"name": "\xff"}}]}',
        b'{"success": true, "data": [{"id": 1, "id": 2, "attributes": {"name": "twice"}}]}',
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
def test_an_answer_that_is_no_list_of_records_fails_its_stream_only(server, body):
    server.distort = lambda path, content: body if path == "/v1/company/time-offs" else content
    warehouse, result = read(server)
    assert {name for name, outcome in result.outcomes.items() if outcome == "failed"} <= {"absences"}
    assert {each.partition(":")[0] for each in warehouse.differences()} <= {"absences"}


SETTINGS = [
    "client_id", "client_secret", "api_url", "start_date", "end_date", "resync_after_days", "max_removed_percent",
    "attribute_names", "concurrency", "on_unavailable", "app_id", "partner_id", "user_agent", "request_timeout",
    "retry_wait", "emit_activate_version_messages", "unknown",
]  # fmt: skip
setting_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["2026-01-01", "https://api.personio.de", "warn", "key", "\r\nX: y", "0001-01-01", "9999-12-31"]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


@settings(any_time, max_examples=400)
@given(st.dictionaries(st.sampled_from(SETTINGS), setting_values, max_size=4))
def test_any_settings_are_accepted_or_refused_in_a_sentence_that_names_one(config):
    try:
        checked = Settings.from_config({"client_id": "an-id", "client_secret": "the-secret-word", **config})
    except SettingsError as error:
        sentence = error.message
    else:
        assert 1 <= checked.concurrency <= 64
        assert checked.api_url.startswith(("https://", "http://"))
        assert not checked.start_date or not checked.end_date or checked.start_date <= checked.end_date
        return
    assert any(f"setting {name}" in sentence for name in SETTINGS)
    assert "secret-word" not in sentence
    assert "\n" not in sentence
