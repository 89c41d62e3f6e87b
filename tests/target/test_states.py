"""A state leaves the loader as the tap wrote it."""

from __future__ import annotations

import pytest
from singer_messages import record, schema

T = schema("t", {"id": "integer"})


def state_line(value):
    return b'{"type": "STATE", "value": %s}' % value


@pytest.mark.parametrize("settings", [{}, {"validate_records": True}], ids=["as bytes", "through the SDK"])
@pytest.mark.parametrize(
    "value",
    [
        b'{"x": 1700000000.123}',
        b'{"bookmarks": {"t": {"since": 0.1, "until": 1.10, "step": -2.5E-7, "last": 1e400}}}',
        b'{"lsn": 123456789012345678901234567890, "tiny": 1e-400, "exact": 0.12345678901234567890}',
        b'{"nested":[1.0,{"x":-0.0}],   "spaces": true}',
        b'{"not a number": NaN, "far": -Infinity, "near": 1.10}',
        b'{"name": "\\u00e9 \\ud800"}',
        b"1.50",
    ],
)
def test_numbers_in_a_state_keep_their_spelling(load, value, settings):
    process = load.run(T, record("t", id=1), state_line(value), **settings)
    assert (process.returncode, process.stdout) == (0, value + b"\n")
    assert load.rows("FROM t") == [(1,)]


def test_a_state_beyond_ascii_is_the_same_value_on_one_line_for_any_reader(load):
    value = '{"last": "Åse", "at": 1.10}'.encode()
    assert load(T, record("t", id=1), state_line(value)) == [{"last": "Åse", "at": 1.1}]
    process = load.run(T, state_line(value))
    assert process.stdout == b'{"last": "\\u00c5se", "at": 1.10}\n'


def test_a_state_from_amid_a_staged_version_keeps_its_numbers_too(load):
    lines = [b'{"type": "RECORD", "stream": "t", "version": 7, "record": {"id": 1}}']
    held = state_line(b'{"bookmarks": {"t": {"version": 7, "at": 1700000000.10}}}')
    process = load.run(T, *lines, held)
    assert process.stdout == b'{"bookmarks": {"t": {"version": 7, "at": 1700000000.10}}}\n'
