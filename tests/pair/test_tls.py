"""The same network faults over TLS, and those that only TLS has: handshakes that break."""

from __future__ import annotations

import random
import shutil

import pytest
from certificates import self_signed
from handshakes import KINDS, Handshakes
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox

NETWORK_FAULTS = {
    "reset": {},
    "reset-body": {},
    "cut-json": {},
    "slow": {"seconds": 2},
    "stall": {"seconds": 2},
}
SETTINGS = {"request_timeout": 1}

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    _, certificate = self_signed(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")
    options = {"employees": 110, "seed": 2, "attendances_per_employee": 6, "absences_per_employee": 4}
    with Sandbox(certificate=str(certificate), **options) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(company, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", company.options.certificate)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    yield company
    company.faults.clear()


@pytest.fixture
def relay(sandbox):
    with Handshakes(sandbox.url) as relay:
        yield relay


def survives(warehouse: Warehouse) -> None:
    reading = warehouse.read()
    assert reading.error is None
    assert set(reading.outcomes.values()) == {"read"}
    assert warehouse.differences() == []


@pytest.mark.parametrize("kind", NETWORK_FAULTS)
def test_a_fault_at_any_request_over_tls_is_survived(sandbox, kind):
    assert sandbox.url.startswith("https://")
    for nth in random.Random(kind).sample(range(1, 129), 3):
        fault = sandbox.faults.add(kind, **NETWORK_FAULTS[kind], nth=nth)
        survives(Warehouse(sandbox, settings=SETTINGS))
        assert fault.fired == 1, nth
        sandbox.faults.clear()


# A login that failed waits two seconds for its rate limit: once in the usual run.
LOGIN = [pytest.param(kind, 1, marks=[] if kind == "reset" else pytest.mark.full) for kind in KINDS]


@pytest.mark.parametrize(("kind", "first"), [*LOGIN, *((kind, first) for kind in KINDS for first in (2, 4))])
def test_a_handshake_that_breaks_is_repeated(sandbox, relay, kind, first):
    with relay.breaking(kind, range(first, first + 2)):
        survives(Warehouse(sandbox, settings={**SETTINGS, "api_url": relay.url}))
    assert relay.broken == 2


@pytest.mark.parametrize("kind", ["close", pytest.param("stall", marks=pytest.mark.full)])
def test_handshakes_that_always_break_end_with_one_sentence(sandbox, relay, tmp_path, kind):
    settings = {"api_url": relay.url, "request_timeout": 0.3}
    pair = Pair(tmp_path, sandbox, settings, streams=None)
    with relay.breaking(kind, range(1, 1000)):
        run = pair.run(tap=1)
    [sentence] = run.sentences
    assert sentence.startswith("Personio could not be asked for a token of API v1: ")
    assert "Traceback" not in run.log


def test_streams_whose_handshakes_always_break_fail_with_one_sentence_each(sandbox, relay, tmp_path):
    pair = Pair(tmp_path, sandbox, {"api_url": relay.url, **SETTINGS}, streams=["projects", "absences"])
    pair.catalog()
    sandbox.faults.add("reset", "/v1/company/*")  # ends the login's connection, which streams could use
    with relay.breaking("reset", range(2, 1000)):
        run = pair.run(tap=1)
    assert [each.partition(":")[0] for each in sorted(run.sentences)] == [
        "Failed absences",
        "Failed projects",
        "Not read completely",
    ]
    assert "Traceback" not in run.log
    pair.run()
    assert pair.differences() == []
