"""A value arrives as what it is: a day as that day, a moment as that moment, a whole number with every digit."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tap_personio import columns
from tap_personio.columns import WrongTypeError

BERLIN = dt.timezone(dt.timedelta(hours=1))


@pytest.mark.parametrize(
    "text",
    ["2014-11-09 00:00:00+01:00", "2014-11-09T00:00:00+0100", "2014-11-09T00:00:00+14:00", "2014-11-09"],
)
def test_a_midnight_with_an_offset_is_that_day_and_not_the_one_before(text):
    assert columns.to_date(text) == "2014-11-09"


@pytest.mark.parametrize(
    "text",
    [
        "2020-11-18T17:33:55+01:00",
        "2020-11-18T17:33:55+0100",
        "2020-11-18 17:33:55+01:00",
        "2020-11-18T16:33:55Z",
        "2020-11-18T16:33:55.000Z",
    ],
)
def test_every_spelling_of_a_moment_becomes_the_same_text(text):
    assert columns.to_timestamp(text) == "2020-11-18T16:33:55+00:00"


def test_personio_s_odd_fractions_are_read():
    assert columns.to_timestamp("2022-05-31T22:00:00.0Z") == "2022-05-31T22:00:00+00:00"
    assert columns.to_timestamp("2025-05-20T14:29:56.510Z") == "2025-05-20T14:29:56.510000+00:00"


moments = st.builds(
    lambda seconds, minutes: dt.datetime.fromtimestamp(seconds, dt.timezone(dt.timedelta(minutes=minutes))),
    st.integers(86_400, 2**32),
    st.integers(-14 * 60, 14 * 60),
)


@given(moments, moments)
def test_moments_compare_as_text_like_they_compare_in_time(one, other):
    texts = [columns.to_timestamp(each.isoformat()) for each in (one, other)]
    assert dt.datetime.fromisoformat(texts[0]) == one
    assert (texts[0] < texts[1]) == (one < other)


spellings = st.builds(
    lambda moment, separator, zone: moment.isoformat(separator, "seconds")[:19] + zone,
    moments,
    st.sampled_from("T "),
    st.sampled_from(["Z", "+00:00", "+0100", "+02:00", "-11:00", "+05:30", "", ".5Z", ".123+01:00"]),
)


@given(spellings)
def test_a_moment_keeps_its_place_in_time_in_every_spelling(text):
    moment = dt.datetime.fromisoformat(text)
    found = dt.datetime.fromisoformat(columns.to_timestamp(text))
    assert found == (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC))
    assert found.utcoffset() == dt.timedelta()


@pytest.mark.parametrize(
    "text", ["2025-13-01T00:00:00Z", "2025-01-01T25:00:00Z", "2025-01-01T00:60:00Z", "soon"]
)
def test_a_text_that_is_no_moment_is_refused(text):
    with pytest.raises(WrongTypeError):
        columns.to_timestamp(text)


@settings(deadline=None)
@given(st.lists(st.dates(), min_size=1))
def test_days_are_right_also_when_there_are_many(days):
    many = [(days[0] + dt.timedelta(days=n)).isoformat() for n in range(20_000) if days[0].year < 9900]
    texts = [*many, *(day.isoformat() for day in days)]
    assert list(map(columns.DATE.parse, texts)) == texts


@given(st.integers(-(10**38), 10**38))
def test_a_whole_number_keeps_every_digit_also_when_it_comes_as_text(number):
    assert columns.INTEGER.parse(number) == number
    assert columns.INTEGER.parse(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53))
def test_a_number_is_passed_on_as_it_is(number):
    assert columns.NUMBER.parse(number) == number


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (columns.INTEGER, ["12.5", 12.5, "twelve", True, [1], {"a": 1}, "1e-5", 2.0**60]),
        (columns.NUMBER, ["1,5", "a", True, [1], {"a": 1}, "nan", "1e999"]),
        (columns.BOOLEAN, ["yes", 2, [1], {"a": 1}, "perhaps"]),
        (columns.DATE, ["2024-02-30", "20201-01-01", "yesterday", 20240101, [1], {"date": 5}, True]),
        (columns.TIMESTAMP, ["2024-02-30T00:00:00Z", "soon", 17, [1], True, {"date": 5}]),
        (columns.TIME, ["25:00", "noon", 800, [1]]),
        (columns.OBJECT, ["text", 5, "[1", True]),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_and_never_bent(kind, values):
    for value in values:
        with pytest.raises((WrongTypeError, TypeError)) as raised:
            kind.parse(value)
        assert str(raised.value) in ("", f"unhashable type: '{type(value).__name__}'"), (
            "it never quotes a value"
        )


@pytest.mark.parametrize(
    "kind", [columns.INTEGER, columns.NUMBER, columns.BOOLEAN, columns.DATE, columns.TIMESTAMP, columns.TIME]
)
def test_emptiness_is_empty_in_every_spelling(kind):
    assert [kind.parse(each) for each in ("", [], {})] == [None] * 3


@pytest.mark.parametrize(
    ("kind", "spelling", "value"),
    [
        (columns.INTEGER, "1.2E+18", 1_200_000_000_000_000_000),
        (columns.INTEGER, "38.0", 38),
        (columns.NUMBER, "1.2E+3", 1200.0),
        (columns.BOOLEAN, 1, True),
        (columns.BOOLEAN, "0", False),
        (columns.DATE, {"date": "2026-07-06"}, "2026-07-06"),
        (columns.LOCAL_DATETIME, "2026-07-06T08:00:00", "2026-07-06T08:00:00"),
        (columns.LOCAL_DATETIME, "2026-07-06T08:00:00+02:00", "2026-07-06T08:00:00+02:00"),
        (columns.TIME, "08:00", "08:00:00"),
        (columns.TIME, "08:00+02:00", "08:00:00+02:00"),
        (columns.OBJECT, '{"a": [1]}', {"a": [1]}),
        (columns.OBJECT, "", None),
        (columns.REFERENCE, "9", {"id": "9"}),
        (columns.REFERENCE, 9, {"id": 9}),
        (columns.REFERENCE, [], None),
        (columns.LIST, '["a"]', ["a"]),
        (columns.LIST, "", []),
        (columns.TEXTS, '["First aid", "Fire, safety"]', ["First aid", "Fire, safety"]),
    ],
)
def test_one_thing_spelled_in_two_ways_is_one_thing(kind, spelling, value):
    assert kind.parse(spelling) == value


@pytest.mark.parametrize(
    "wrapped",
    [
        {"id": 7},
        {"attributes": {"id": 7}},
        {"attributes": {"id": {"label": "ID", "value": 7}}},
        {"id": {"value": 7}},
        [{"attributes": {"id": 7}}],
        7,
    ],
)
@pytest.mark.parametrize("path", [("id",), ("attributes", "id"), ("attributes", "id", "value")])
def test_an_id_is_found_in_every_wrapping(wrapped, path):
    assert columns.get_path(wrapped, path) == 7


@pytest.mark.parametrize("nothing", [None, {}, [], {"name": "x"}, [1, 2], {"attributes": None}])
def test_an_id_that_is_not_there_is_none(nothing):
    assert columns.get_path(nothing, ("attributes", "id", "value")) is None


@given(st.text())
def test_text_is_never_touched(text):
    assert columns.TEXT.parse(text) == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_what_is_not_text_stands_in_a_text_column_as_json(value):
    if value not in (None, [], {}) and not isinstance(value, str):
        assert json.loads(columns.TEXT.parse(value)) == value
