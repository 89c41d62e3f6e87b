"""Every table that the tap has, read in one run: exact, and after the next run exact again."""

from __future__ import annotations

import datetime as dt

import pytest
import truth_v2
from personio_sandbox import Sandbox
from running import Pair
from tap_personio.tap import STREAMS

ALL = tuple(str(each.name) for each in STREAMS)
# More than a page of persons, of employees in a report, of rows in one; small everywhere else.
SIZE = {"employees": 110, "attendances_per_employee": 4, "absences_per_employee": 2, "seed": 4}


@pytest.fixture
def sandbox():
    with Sandbox(**SIZE) as sandbox:
        yield sandbox


def test_one_run_with_all_streams_makes_every_table_exact(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, streams=ALL)
    expected = truth_v2.tables(sandbox)
    assert expected.keys() == set(ALL)
    assert all(table.rows for table in expected.values()), "an empty table proves nothing"
    pair.run()
    assert pair.differences(expected) == []
