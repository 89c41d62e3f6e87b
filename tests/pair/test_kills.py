"""Killed anywhere, the pair leaves what was or what is right; one more run makes it exact, without a whole read."""

from __future__ import annotations

import os
import random
import signal
import threading

import expected_v1
import pytest
from pair import Pair
from personio_sandbox import Sandbox

SIZE = {"employees": 110, "attendances_per_employee": 12, "absences_per_employee": 6, "seed": 7}
FILTERED = {
    "absences": ("/v1/company/time-offs", "updated_from"),
    "attendances": ("/v1/company/attendances", "updated_from"),
}


def kill_somewhere(tmp_path, seed: int, *, first_run: bool) -> str:
    """Kill one of the two processes at a moment that the seed chooses, then run again. Returns what was hit."""
    chance = random.Random(seed)
    number = chance.choice([signal.SIGKILL, signal.SIGTERM])
    victim = chance.choice(["tap", "target"])
    with Sandbox(**SIZE) as sandbox:
        company = sandbox.company
        pair = Pair(tmp_path, sandbox)
        pair.catalog()
        before = {name: table._replace(rows={}) for name, table in expected_v1.tables(company).items()}
        if not first_run:
            pair.run()
            before = expected_v1.tables(company)
            company.change(2)
            for table in ("projects", "document_categories", "reports", "balances"):
                company.delete(table, next(iter(getattr(company, table))))
            pair.settings["resync_after_days"] = chance.choice([0, 7])
        sandbox.options.latency = chance.choice([0, 0.01])
        tap, target = pair.start()
        process = {"tap": tap, "target": target}[victim]
        strike = lambda *_: os.kill(process.pid, number) if process.poll() is None else None  # noqa: E731
        if chance.random() < 0.5:
            path = chance.choice(
                ["/v1/company/time-offs", "/v1/company/attendances", "/v1/company/*", "/v1/*"]
            )
            sandbox.faults.after(path, chance.randrange(1, 12), strike)
        else:
            timer = threading.Timer(chance.uniform(0.3, 2.5), strike)
            timer.start()
        run = pair.finish(tap, target)
        sandbox.faults.clear()
        sandbox.options.latency = 0

        after = expected_v1.tables(company)
        assert "Traceback" not in run.log
        left = pair.tables() if pair.database.exists() else set()
        for name in left & set(expected_v1.REPLACED):
            one_or_the_other(pair, name, before, after)
        for name in left & set(expected_v1.MERGED):
            rows = pair.read(name, after[name].keys)
            assert rows.keys() <= before[name].rows.keys() | after[name].rows.keys()
            if not first_run:
                assert not before[name].rows.keys() & after[name].rows.keys() - rows.keys()

        bookmarks = (pair.state or {}).get("bookmarks", {})
        pair.settings["resync_after_days"] = 7
        sandbox.requests.clear()
        pair.run()
        assert pair.differences() == []
        for name, (path, column) in FILTERED.items():
            if "replication_key_value" in bookmarks.get(name, {}):
                assert all(column in each.query for each in sandbox.requests.to(path)), (
                    f"{name} was read whole again"
                )
    return f"{victim} {number.name} exit {run.tap}/{run.target}"


def one_or_the_other(pair: Pair, name: str, *states) -> None:
    """A replaced table is what it was or what comes, never a mixture."""
    found = [pair.differences({name: state[name]}) for state in states]
    assert [] in found, found


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_first_run_is_made_good_by_the_next(tmp_path, seed):
    kill_somewhere(tmp_path, seed, first_run=True)


@pytest.mark.parametrize("seed", range(4, 8))
def test_a_killed_later_run_is_made_good_by_the_next(tmp_path, seed):
    kill_somewhere(tmp_path, seed, first_run=False)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(8, 128))
def test_a_hundred_and_twenty_kills_lose_nothing(tmp_path, seed):
    kill_somewhere(tmp_path, seed, first_run=seed % 2 == 0)


def test_a_stopped_tap_does_not_end_as_a_success(tmp_path):
    with Sandbox(**SIZE, latency=0.05) as sandbox:
        pair = Pair(tmp_path, sandbox)
        tap, target = pair.start()
        sandbox.faults.after("/v1/company/attendances", 2, lambda _: tap.terminate())
        run = pair.finish(tap, target)
    assert run.tap == 128 + signal.SIGTERM
    assert "Stopped by signal 15." in run.tap_log
    assert "Traceback" not in run.log


@pytest.mark.parametrize("path", ["/v1/auth", "/v1/company/employees/attributes"])
def test_a_tap_stopped_before_it_reads_does_not_end_as_a_success(tmp_path, path):
    with Sandbox(**SIZE, latency=0.3) as sandbox:
        pair = Pair(tmp_path, sandbox, streams=None)
        tap, target = pair.start()
        sandbox.faults.before(path, 1, lambda _: tap.terminate())
        run = pair.finish(tap, target)
    assert run.tap == 128 + signal.SIGTERM
    assert "Traceback" not in run.log


def test_the_tap_says_so_when_the_target_is_gone(tmp_path):
    with Sandbox(**SIZE, latency=0.02) as sandbox:
        pair = Pair(tmp_path, sandbox)
        tap, target = pair.start()
        sandbox.faults.after("/v1/company/attendances", 2, lambda _: target.kill())
        run = pair.finish(tap, target)
    assert run.tap == 1
    assert run.sentences == ["The target ended before the tap was done: its own message says why."]
    assert "Traceback" not in run.tap_log
