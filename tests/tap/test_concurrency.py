"""All streams share a few connections, and none keeps another one waiting."""

from __future__ import annotations

import pytest
from in_process import Warehouse
from personio_sandbox import Sandbox
from personio_sandbox.limits import RATES
from tap_personio.tap import TapPersonio

LATENCY = 0.05


@pytest.fixture
def sandbox():
    with Sandbox(employees=40, attendances_per_employee=60, absences_per_employee=20, seed=3) as sandbox:
        yield sandbox


def starts(sandbox) -> list[float]:
    """When each request came, but for the login."""
    return sorted(each.at for each in sandbox.requests if "/auth" not in each.path)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_requests_are_in_flight_than_the_setting_allows(sandbox, concurrency):
    sandbox.options.latency = LATENCY
    assert Warehouse(sandbox, settings={"concurrency": concurrency}).read().error is None
    times = starts(sandbox)
    # Each answer takes the latency at least: the next request but `concurrency` comes after that.
    gaps = [later - earlier for earlier, later in zip(times, times[concurrency:], strict=False)]
    assert min(gaps) > 0.9 * LATENCY
    assert len(times) > 60


def test_streams_are_fetched_at_the_same_time(sandbox):
    sandbox.options.latency = LATENCY
    assert Warehouse(sandbox, settings={"concurrency": 12}).read().error is None
    order = [each.path for each in sorted(sandbox.requests, key=lambda each: each.at)]
    last_attendances = max(place for place, path in enumerate(order) if path.endswith("/attendances"))
    first_projects = order.index("/v1/company/attendances/projects")
    assert first_projects < last_attendances, "the last table was asked for when the first ones were done"


def test_other_streams_begin_before_the_catalogue_of_attributes_is_there(sandbox, capsys):
    path = "/v1/company/employees/attributes"
    config = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret, "api_url": sandbox.url}
    catalog = TapPersonio(config=config).catalog_dict
    sandbox.requests.clear()
    sandbox.faults.add("slow", path, seconds=1)
    TapPersonio(config=config, catalog=catalog).sync_all()
    came = {each.path: each.at for each in sandbox.requests}
    assert came["/v2/compensations/types"] < came[path] + 1 < came["/v1/company/employees"]
    assert '"stream":"compensation_types"' in capsys.readouterr().out


def test_a_stream_that_waits_for_its_limit_keeps_no_connection(monkeypatch):
    """Stage transitions are asked for once a second, after five at once: all of attendances is read meanwhile."""
    monkeypatch.setitem(RATES, "/v2/recruiting/applications/{row_id}/stage-transitions", (1, 5))
    with Sandbox(employees=10, attendances_per_employee=800, seed=3) as sandbox:
        sandbox.options.rate_limits = True
        streams = ["recruiting_stage_transitions", "attendances"]
        assert Warehouse(sandbox, streams, {"concurrency": 1}).read().error is None
        order = [each.path for each in sorted(sandbox.requests, key=lambda each: each.at)]
    limited = [place for place, path in enumerate(order) if path.endswith("/stage-transitions")]
    others = [place for place, path in enumerate(order) if path.endswith("/attendances")]
    assert len(others) > 3 * len(limited) > 30
    assert max(others) < max(limited)


def test_the_streams_of_one_run_interleave_and_each_keeps_its_order(sandbox):
    reading = Warehouse(sandbox).read()
    for name in {each["stream"] for each in reading.messages if "stream" in each}:
        kinds = [each["type"] for each in reading.messages if each.get("stream") == name]
        assert kinds[0] == "SCHEMA"
        assert kinds[-1] == "ACTIVATE_VERSION"
        assert set(kinds[1:-1]) <= {"RECORD"}
