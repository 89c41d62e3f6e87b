"""All streams share a few connections: none keeps another from its turn, and the earlier one comes first."""

from __future__ import annotations

import threading
import time

import pytest
from personio_sandbox import Sandbox
from tap_personio.client import Caller, Client
from tap_personio.connection import Request
from tap_personio.paging import parse_v1
from tap_personio.tap import TapPersonio

TYPES = Request("v1", "/company/time-off-types", right="Absences: read")
PROJECTS = Request("v1", "/company/attendances/projects", right="Projects: read")
LIMIT_SECONDS = 20


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(
        employees=20, attendances_per_employee=300, absences_per_employee=300, latency=0.002
    ) as sandbox:
        yield sandbox


def tap_for(sandbox, concurrency):
    return TapPersonio(
        config={
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "api_url": sandbox.url,
            "concurrency": concurrency,
        }
    )


@pytest.fixture
def tap(sandbox):
    tap = tap_for(sandbox, 2)
    yield tap
    tap.client.close()


def asks(client: Client, request: Request = PROJECTS, priority: int = 0) -> threading.Thread:
    """A thread that asks for something."""
    thread = threading.Thread(
        target=client.get, args=(request, parse_v1, Caller("another", priority)), daemon=True
    )
    thread.start()
    return thread


def answered(thread: threading.Thread) -> bool:
    thread.join(LIMIT_SECONDS)
    return not thread.is_alive()


def test_streams_that_wait_until_their_pages_are_written_keep_no_connection(tap, sandbox):
    pages = 20 * 300 // 200
    streams = {"attendances": "/v1/company/attendances", "absences": "/v1/company/time-offs"}
    feeds = [tap.streams[name].make_feed() for name in streams]
    for feed in feeds:
        feed.start()
    asked = None
    while asked != (asked := [len(sandbox.requests.to(path)) for path in streams.values()]):
        time.sleep(0.5)
    assert all(0 < count < pages for count in asked), "they did not wait"
    assert answered(asks(tap.client))
    assert [sum(1 for _ in feed) for feed in feeds] == [pages, pages]


def test_a_stream_that_waits_for_its_limit_keeps_no_connection(tap):
    caller = Caller("waiting")
    exchanges = [tap.client.send(TYPES, caller) for _ in range(2)]
    tap.client.wait(0.5, caller)
    assert answered(asks(tap.client))
    assert [each.answer().status for each in exchanges] == [200, 200]


def test_streams_that_end_early_leave_no_connection_behind(tap):
    def read_one():
        next(tap.client.get_all([TYPES] * 5, parse_v1))

    for _ in range(2):
        stream = threading.Thread(target=read_one)
        stream.start()
        stream.join()
    assert answered(asks(tap.client))


def test_the_earlier_stream_comes_first(sandbox):
    client = tap_for(sandbox, 1).client
    client.log_in("v1")
    exchange = client.send(TYPES, Caller())
    late = asks(client, PROJECTS, priority=7)
    time.sleep(0.2)
    early = asks(client, TYPES, priority=3)
    time.sleep(0.2)
    assert exchange.answer().status == 200
    assert answered(late)
    assert answered(early)
    asked = [each.path for each in sandbox.requests]
    assert asked[-2:] == ["/v1/company/time-off-types", "/v1/company/attendances/projects"]
    client.close()
