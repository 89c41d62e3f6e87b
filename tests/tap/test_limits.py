"""Limits that are shared by all of API v1, and limits that nobody publishes."""

from __future__ import annotations

import re

import pytest
from in_process import Warehouse
from personio_sandbox import Sandbox
from tap_personio.rate_limits import RateLimits


def test_an_unpublished_limit_is_learned_with_at_most_two_percent_refused():
    with Sandbox(employees=900, attendances_per_employee=0, absences_per_employee=0, seed=3) as sandbox:
        sandbox.options.balance_rate = 60
        warehouse = Warehouse(sandbox, ["employees_absences_balance"])
        assert warehouse.read().error is None
        asked = sandbox.requests.to("/v1/company/employees/{id}/absences/balance")
        refused = [each for each in asked if each.status == 429]
        assert refused
        assert len(refused) <= 0.02 * len(asked), f"{len(refused)} of {len(asked)}"


def test_waits_of_requests_that_failed_at_once_do_not_add_up(caplog):
    caplog.set_level("INFO", "tap-personio")
    with Sandbox(employees=30, attendances_per_employee=0, absences_per_employee=0, seed=3) as sandbox:
        sandbox.faults.add("503", "/v1/company/employees/*/absences/balance", times=12)
        warehouse = Warehouse(sandbox, ["employees_absences_balance"], {"retry_wait": 0.5})
        assert warehouse.read().error is None
    ((repeated, waited),) = re.findall(
        r"employees_absences_balance: .*\((\d+) repeated, ([\d.]+) s", caplog.text
    )
    assert repeated == "12"
    assert float(waited) < 3, "six seconds one after the other"


@pytest.mark.parametrize("a_minute", [60, 2000])
def test_no_minute_has_more_requests_to_api_v1_than_the_setting_says(monkeypatch, a_minute):
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    limits, sent = RateLimits(a_minute), []
    while now < 1200:
        for endpoint in ("v1/auth", "v1/company/time-offs", "v1/company/attendances", "v1/company/employees"):
            if not limits.take(endpoint):
                sent.append(now)
            assert limits.take("v2/org-units") < 1
        now += 0.05 if a_minute < 100 else 0.01
    for start in range(1000, 1140):
        assert sum(start <= each < start + 60 for each in sent) <= a_minute
    assert sum(each >= 1140 for each in sent) > 0.7 * a_minute


@pytest.mark.parametrize(
    ("endpoint", "retry_after", "waits"),
    [
        ("v1/company/employees/{id}/absences/balance", None, False),
        ("v1/company/employees/{id}/absences/balance", 30.0, True),
        ("v2/attendance-periods", None, False),
        ("v1/company/employees", None, True),  # whose documentation asks for it
    ],
)
def test_a_refused_request_holds_up_others_only_where_the_server_asks_so(endpoint, retry_after, waits):
    limits = RateLimits()
    assert not limits.take(endpoint)
    limits.learn(endpoint, 429, {})
    limits.refused(endpoint, 30.0, retry_after)
    assert (limits.take(endpoint) > 20) is waits


def test_fewer_requests_leave_at_once_than_the_server_takes(monkeypatch):
    monkeypatch.setattr("time.monotonic", lambda: 1000.0)
    limits, endpoint = RateLimits(), "v2/attendance-periods"
    headers = {"replenish-rate": "10", "burst-capacity": "50", "remaining": "49"}
    assert not limits.take(endpoint)
    limits.learn(endpoint, 200, {f"x-ratelimit-{name}": value for name, value in headers.items()})
    more = 0
    while not limits.take(endpoint):
        more += 1
    assert 45 < more < 49
