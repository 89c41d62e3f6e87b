"""`tap-personio --shape` as a user calls it: the form of the answers, odd ones too. No value: see test_privacy.py."""

from __future__ import annotations

import base64
import json
import os
from contextlib import nullcontext

import commands
import pytest
from pair import TAP
from personio_sandbox import Sandbox
from proxy import Altering
from tap_personio.streams import STREAMS


@pytest.fixture
def sandbox():
    with Sandbox(employees=120, attendances_per_employee=2, absences_per_employee=2, seed=4) as sandbox:
        yield sandbox


def shape(sandbox, code: int = 0, alter=None, **environment: str):
    """The endpoints by path, and what stood on stderr."""
    with Altering(sandbox, alter) if alter else nullcontext(sandbox) as personio:
        settings = {
            "TAP_PERSONIO_API_URL": personio.url,
            "TAP_PERSONIO_CLIENT_ID": sandbox.client_id,
            "TAP_PERSONIO_CLIENT_SECRET": sandbox.client_secret,
            "TAP_PERSONIO_RETRY_WAIT": "0.01",
            **environment,
        }
        command = [TAP, "--config=ENV", "--shape"]
        done = commands.run(command, env=os.environ | settings)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    endpoints = json.loads(done.stdout)["endpoints"] if done.stdout else []
    return {each["path"]: each for each in endpoints}, done.stderr


def test_every_endpoint_is_asked_for_one_page(sandbox):
    endpoints, log = shape(sandbox)
    assert {f"/{stream.api}{stream.path}" for stream in STREAMS} <= endpoints.keys()
    assert {each["status"] for each in endpoints.values()} == {200}
    assert log == ""
    # Lists of parents, logins, and months without pay are asked for beside.
    assert len(sandbox.requests) < 2 * len(STREAMS)


def test_the_forms_of_known_fields_are_told(sandbox):
    endpoints, _ = shape(sandbox)
    employees = endpoints["/v1/company/employees"]
    assert employees["records"] == 100
    fields = employees["fields"]
    assert fields["attributes.weekly_working_hours.value"] == {"text (number)": 100}
    assert fields["attributes.hire_date.value"] == {"text (midnight with offset)": 100}
    assert fields["attributes.preferred_name.value"].keys() == {"text", "text (empty)"}
    assert fields["attributes.supervisor.value"]["text (empty)"] > 0
    assert fields["attributes.dynamic_*"]["different keys"] > 3
    assert endpoints["/v1/company/attendances"]["fields"]["attributes.start_time"] == {"text (time)": 200}
    persons = endpoints["/v2/persons"]
    assert persons["limits"]["x-ratelimit-replenish-rate"] == 100000
    assert persons["cursor"] == "base64 of something with digits"
    assert persons["envelope"]["_meta.links.next.href"] == {"text": 1}
    assert persons["fields"]["created_at"].keys() == {"text (moment with Z)"}


def test_odd_forms_are_told(sandbox):
    cursors = {
        "/v2/persons": "1234",
        "/v2/org-units": "aGVsbG8",
        "/v2/projects": base64.b64encode(b"page:7").decode(),
    }
    values = {"name": " ", "unit": "[1, 2]", "category": "True", "id_v2": "2026-02-03 04:05:06", "id": "-1,5"}

    def alter(path, query, body):
        if path in cursors:
            body["_meta"] = {"links": {"next": {"href": f"?cursor={cursors[path]}"}}}
        if path == "/v1/company/time-off-types":
            for record in body["data"]:
                record["attributes"] |= values
            del body["data"][0]["attributes"]["unit"]
        return ["not", "an", "object"] if path == "/v1/company/document-categories" else body

    endpoints, _ = shape(sandbox, alter=alter)
    types = endpoints["/v1/company/time-off-types"]
    count = types["records"]
    told = {name: types["fields"][f"attributes.{name}"] for name in values}
    assert told == {
        "name": {"text (empty)": count},
        "unit": {"text (JSON)": count - 1, "missing": 1},
        "category": {"text (boolean)": count},
        "id_v2": {"text (moment without zone)": count},
        "id": {"text (number)": count},
    }
    found = [endpoints[path]["cursor"] for path in cursors]
    assert found == ["number", "opaque", "base64 of something with digits"]
    assert endpoints["/v1/company/document-categories"]["answer"] == {
        "(each)": {"array": 1},
        "[]": {"text": 3},
    }


def test_what_is_refused_is_told_by_its_status(sandbox):
    sandbox.rights.deny("documents", "recruiting")
    sandbox.options.gone = {"/v1/company/attendances": 410}
    endpoints, log = shape(sandbox)
    refused = endpoints["/v1/company/document-categories"]
    assert refused["status"] == 403
    assert refused["answer"]["error.message"] == {"text": 1}
    assert endpoints["/v1/company/attendances"]["status"] == 410
    assert endpoints["/v2/recruiting/applications/{id}/stage-transitions"] == {
        "path": "/v2/recruiting/applications/{id}/stage-transitions",
        "status": None,
    }
    assert endpoints["/v1/company/employees"]["status"] == 200
    assert log == ""


def test_a_refused_login_is_one_sentence(sandbox):
    endpoints, log = shape(sandbox, code=1, TAP_PERSONIO_CLIENT_SECRET="papi-not-the-secret")
    assert endpoints == {}
    assert len(log.splitlines()) == 1
    assert "check the settings client_id and client_secret" in log
