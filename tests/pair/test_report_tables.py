"""Each report of API v2 that can be read is a table of its own, with the report's columns."""

from __future__ import annotations

import json

import expected_v2
import pytest
from expected_v1 import BIGINT, DATE, DOUBLE, JSON, VARCHAR
from hypothesis import given
from hypothesis import strategies as st
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox
from tap_personio.reports import RESERVED, report_columns, row_of
from tap_personio.streams import STREAMS
from tap_personio.tap import TapPersonio

HEADCOUNT = "report_headcount"


@pytest.fixture
def sandbox():
    with Sandbox(employees=20, attendances_per_employee=1, absences_per_employee=1, seed=6) as sandbox:
        yield sandbox


def columns_of(*columns: str, kind: str = "string") -> tuple[tuple[str, str, str], ...]:
    return tuple((f"dynamic_{place}", label, kind) for place, label in enumerate(columns, start=1))


def text_row(*texts: str | None):
    return tuple(
        (f"dynamic_{place}", None if text is None else "string_value", {"value": text})
        for place, text in enumerate(texts, start=1)
    )


def add(sandbox, name: str, columns=None, rows=()) -> str:
    values = {"columns": columns or columns_of("Name"), "rows": rows, "readable": "yes"}
    return sandbox.company.insert("reports", name=name, **values).id


def alter(sandbox, **values) -> None:
    key = next(key for key, report in sandbox.company.reports.items() if report.name == "Headcount")
    sandbox.company.update("reports", key, **values)


def discovered(sandbox, **settings) -> dict[str, list[str]]:
    """The tables of reports, with their columns."""
    config = {
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "api_url": sandbox.url,
        "retry_wait": 0.01,
    }
    tap = TapPersonio(config=config | settings, setup_mapper=False)
    try:
        catalog = json.loads(tap.catalog_json_text)
    finally:
        tap.run_context.client.close()
    return {
        each["stream"]: list(each["schema"]["properties"])
        for each in catalog["streams"]
        if each["stream"].startswith("report_") and each["stream"] != "report_attributes"
    }


def test_a_report_whose_columns_change_changes_its_table(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, streams=[HEADCOUNT])
    pair.run()
    assert pair.differences(expected_v2.report_tables(sandbox.company)) == []

    columns = (
        ("level", "Level", "decimal"),
        ("first_name", "Given name", "string"),
        ("hours", "Hours", "string"),
    )
    row = (
        ("level", "numeric_value", {"number": 3}),
        ("first_name", "string_value", {"value": "Ada"}),
        ("hours", "string_value", {"value": "7:30"}),
    )
    alter(sandbox, columns=columns, rows=(row,))
    pair.rediscover()
    pair.run()
    types = pair.types(HEADCOUNT)
    assert (types["level"], types["given_name"], types["hours"]) == (DOUBLE, VARCHAR, VARCHAR)
    [only] = pair.read(HEADCOUNT, ["row_number"]).values()
    assert {name: value for name, value in only.items() if value is not None} == {
        "row_number": 0, "level": 3, "given_name": "Ada", "hours": "7:30",
    }  # fmt: skip


def test_columns_that_the_catalog_does_not_know_go_to_the_other_fields(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, streams=[HEADCOUNT])
    pair.run()
    columns = (("hours", "Hours", "string"), ("note", "Note", "string"))
    row = (("hours", "string_value", {"value": "many"}), ("note", "string_value", {"value": "new"}))
    alter(sandbox, columns=columns, rows=(row,))
    run = pair.run()
    [only] = pair.read(HEADCOUNT, ["row_number"]).values()
    assert only["hours"] is None
    assert only["other_fields"] == {"hours": "many", "note": "new"}
    assert any("1 value of the column 'hours'" in each for each in run.warnings)


@pytest.mark.parametrize("rediscovers", [True, False])
@pytest.mark.parametrize("how", ["refused", "deleted", "renamed"])
def test_a_report_that_cannot_be_read_now_is_named_and_its_table_stays(sandbox, tmp_path, rediscovers, how):
    pair = Pair(tmp_path, sandbox, streams=[HEADCOUNT, "reports_list"])
    pair.run()
    rows = pair.read(HEADCOUNT, ["row_number"])
    if how == "refused":
        alter(sandbox, readable="grouped")
    elif how == "renamed":
        alter(sandbox, name="People")
    else:
        sandbox.company.delete("reports", next(iter(sandbox.company.reports)))
    if rediscovers:
        pair.rediscover()
    for _ in range(2):
        run = pair.run()
        assert len([each for each in run.warnings if HEADCOUNT in each]) == 1, run.warnings
    assert pair.read(HEADCOUNT, ["row_number"]) == rows
    if rediscovers:
        pair.settings["skip_reports"] = "report_head*"
        assert pair.run().warnings == []


def test_reports_of_one_name_or_of_no_name_keep_apart(sandbox):
    twins = [add(sandbox, "Pay", columns_of("Amount")), add(sandbox, "pay!", columns_of("Bonus"))]
    emoji = add(sandbox, "🚀🚀", columns_of("🦄", "Name", "Name", "Row number", "", "row number"))
    attributes = add(sandbox, "Attributes")
    add(sandbox, "2nd <quarter>; DROP TABLE x; --")
    found = discovered(sandbox)
    (first, second), emoji, attributes = (
        [each.replace("-", "_") for each in twins], emoji.replace("-", "_"), attributes.replace("-", "_")
    )  # fmt: skip
    assert found.keys() - expected_v2.REPORT_TABLES.values() == {
        f"report_pay_{first}", f"report_pay_{second}", f"report_{emoji}", f"report_attributes_{attributes}",
        "report_2nd_quarter_drop_table_x",
    }  # fmt: skip
    assert found[f"report_pay_{first}"][1] == "amount"
    assert found[f"report_{emoji}"] == [
        "row_number", "dynamic_1", "name_dynamic_2", "name_dynamic_3", "row_number_dynamic_4", "dynamic_5",
        "row_number_dynamic_6", "other_fields",
    ]  # fmt: skip


def test_no_report_takes_the_name_of_another_stream():
    names = {stream.name.removeprefix("report_") for stream in STREAMS if stream.name.startswith("report_")}
    assert names == RESERVED


def test_discovery_succeeds_without_the_right_to_reports(sandbox):
    sandbox.rights.deny("reports")
    assert discovered(sandbox) == {}


def test_skipped_reports_are_not_asked_for(sandbox):
    assert discovered(sandbox, skip_reports="report_head*, report_abw*").keys() == {
        "report_career_steps_salaries"
    }
    sandbox.requests.clear()
    assert discovered(sandbox, skip_reports="*") == {}
    assert not sandbox.requests.to("/v2/reports")
    assert not sandbox.requests.to("/v2/reports/{id}")


def test_a_report_that_keeps_failing_costs_no_other_report(sandbox):
    broken = next(iter(sandbox.company.reports))
    sandbox.faults.add("500", f"/v2/reports/{broken}", times=6)
    warehouse = Warehouse(sandbox, expected_v2.REPORT_TABLES.values())
    reading = warehouse.read()
    assert reading.error == f"Not read completely: {HEADCOUNT}. Their tables and bookmarks are unchanged."
    expected = expected_v2.report_tables(sandbox.company)
    assert {each.partition(":")[0] for each in warehouse.differences(expected)} == {HEADCOUNT}
    assert not reading.of("SCHEMA", HEADCOUNT)
    assert warehouse.read().error is None
    assert warehouse.differences(expected) == []


def test_a_report_whose_id_is_no_part_of_an_address_costs_no_other_report(sandbox):
    sandbox.company.insert("reports", id="..", name="Odd", readable="yes", columns=columns_of("Name"))
    assert discovered(sandbox).keys() == set(expected_v2.REPORT_TABLES.values())


def test_an_outage_at_discovery_is_not_waited_for_report_by_report(sandbox, caplog):
    for number in range(10):
        add(sandbox, f"Report {number}")
    sandbox.faults.add("500", "/v2/reports/*", times=None)
    assert {len(columns) for columns in discovered(sandbox).values()} == {2}
    told = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert len([each for each in told if each.startswith("The columns of ")]) == 3


def test_a_hundred_reports_and_two_hundred_columns(tmp_path):
    with Sandbox(employees=5, attendances_per_employee=1, absences_per_employee=1, reports=100) as sandbox:
        labels = [f"Column {place}" for place in range(200)]
        add(sandbox, "Wide", columns_of(*labels), [text_row(*map(str, range(200)))] * 150)
        tables = discovered(sandbox)
        assert len(tables) == 99  # two cannot be read
        assert sandbox.requests.counts()["/v2/reports"] == 2
        assert sandbox.requests.counts()["/v2/reports/{id}"] == 101
        pair = Pair(tmp_path, sandbox, streams=tables)
        run = pair.run()
        assert run.warnings == []
        assert tables.keys() <= pair.tables()
        wide = pair.read("report_wide", ["row_number"])
        assert len(wide) == 150
        assert wide[149,]["column_199"] == "199"


def test_cells_find_their_columns_in_any_form():
    columns = report_columns(
        [
            {"name": "name", "display": "Name", "type": "string"},
            {"name": "team", "display": "Team", "type": "option"},
            {"name": "name", "display": "Name of supervisor", "type": "string"},
            {"name": "pay", "display": "Pay", "type": "monetary"},
            "odd",
        ]
    )
    assert [each.column.name for each in columns] == ["name", "team", "name_of_supervisor", "pay", "column_5"]
    one = {"attribute_id": "name", "string_value": {"value": "A"}}
    two = {"attribute_id": "name", "string_value": {"value": "B"}}
    pay = {"attribute_id": "pay", "monetary_value": {"amount": 7, "currency": "EUR"}}
    team = {
        "attribute_id": "team",
        "options_value": {"options": [{"key": "1", "value": "X"}, {"key": "2", "value": "Y"}]},
    }
    whole = {
        "name": "A", "team": ["X", "Y"], "name_of_supervisor": "B", "pay": 7, "pay_currency": "EUR",
    }  # fmt: skip
    assert row_of(columns, [one, team, two, pay]) == whole
    assert row_of(columns, [pay, one, two, team]) == whole  # in another order
    assert row_of(columns, [one, pay]) == {"name": "A", "pay": 7, "pay_currency": "EUR"}  # some left out
    stranger = {"attribute_id": "other", "string_value": {"value": "?"}}
    assert row_of(columns, [None, {"string_value": {"value": "X"}}, stranger]) == {
        "team": "X",
        "cell_2": stranger,
    }


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "a.b", "a_b", ""]), st.sampled_from(["", "A b", "a-b", "a b 2", "ab"])
        )
    )
)
def test_columns_of_a_report_never_share_a_name(heads):
    columns = report_columns([{"name": name, "display": label} for name, label in heads])
    names = [each.column.name for each in columns]
    assert len({*names, "row_number", "other_fields"}) == len(heads) + 2


def test_the_types_of_a_table_are_those_of_the_report(sandbox, tmp_path):
    kinds = {"date": DATE, "integer": BIGINT, "decimal": DOUBLE, "time_range": JSON, "something": VARCHAR}
    columns = tuple((f"a_{kind}", kind, kind) for kind in kinds)
    cells = ({"value": "2026-01-31"}, {"value": "12"}, {"value": "1.5"}, {"from": "08:00"}, {"value": "x"})
    names = ("string_value",) * 3 + ("time_range_value", "string_value")
    row = tuple((column[0], name, cell) for column, name, cell in zip(columns, names, cells, strict=True))
    add(sandbox, "Kinds", columns, (row,))
    pair = Pair(tmp_path, sandbox, streams=["report_kinds"])
    pair.run()
    found = pair.types("report_kinds")
    assert {name: found[name] for name in kinds} == kinds
    [only] = pair.read("report_kinds", ["row_number"]).values()
    assert (only["integer"], only["decimal"], only["time_range"], only["something"]) == (
        12,
        1.5,
        {"from": "08:00"},
        "x",
    )
