"""Records in the documented shape are decoded at once, all others one by one: the rows are the same."""

from __future__ import annotations

import json

import commands
from pair import Pair
from personio_sandbox import Sandbox
from proxy import Altering

STREAMS = ("absence_types", "absences", "attendances", "hourly_absences")


def written(pair: Pair, catalog=None) -> dict[str, list[dict]]:
    command = pair.tap_command()
    if catalog:
        path = pair.folder / "another.json"
        path.write_text(json.dumps(catalog))
        command = [*command[:-1], str(path)]
    output = commands.run(command, b"", check=True).stdout
    records: dict[str, list[dict]] = {}
    for message in map(json.loads, output.split(b"\n")[:-1]):
        if message["type"] == "RECORD":
            records.setdefault(message["stream"], []).append(message["record"])
    return records


def without(pair: Pair, *columns: str):
    """The catalog with columns deselected: then records are taken one by one."""
    catalog = pair.catalog()
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if metadata["breadcrumb"] and metadata["breadcrumb"][-1] in columns:
                metadata["metadata"]["selected"] = False
    return catalog


def test_both_ways_give_the_same_rows(tmp_path):
    with Sandbox(employees=60) as sandbox:
        pair = Pair(tmp_path, sandbox, streams=STREAMS)
        at_once, one_by_one = written(pair), written(pair, without(pair, "other_fields"))
    for name in STREAMS:
        assert [row.pop("other_fields") for row in at_once[name]] == [None] * len(at_once[name])
        assert at_once[name] == one_by_one[name], name
        assert [list(row) for row in at_once[name]] == [list(row) for row in one_by_one[name]], name


def with_a_new_field(path, query, answer):
    if path == "/v1/company/attendances":
        for number, record in enumerate(answer["data"]):
            if number % 3:
                record["attributes"]["mood"] = {"level": number}
    return answer


def test_a_field_that_personio_adds_is_kept_in_every_row(tmp_path):
    with Sandbox(employees=20, attendances_per_employee=60) as sandbox:
        plain = written(Pair(tmp_path, sandbox, streams=["attendances"]))["attendances"]
        with Altering(sandbox, with_a_new_field) as altering:
            settings = {"api_url": altering.url}
            found = written(Pair(tmp_path, sandbox, settings, streams=["attendances"]))["attendances"]
    # Six pages of 200 records.
    expected = [{"mood": {"level": place % 200}} if place % 200 % 3 else None for place in range(1200)]
    assert [row.pop("other_fields") for row in found] == expected
    assert [{**row, "other_fields": None} for row in found] == plain


def with_an_odd_value(path, query, answer):
    if path == "/v1/company/attendances":
        answer["data"][1]["attributes"]["break"] = "30"
        answer["data"][2]["attributes"]["updated_at"] = "2024-05-06T07:08:09.5+05:30"
    return answer


def test_an_odd_spelling_is_understood_among_ordinary_ones(tmp_path):
    with (
        Sandbox(employees=3, attendances_per_employee=10) as sandbox,
        Altering(sandbox, with_an_odd_value) as server,
    ):
        pair = Pair(tmp_path, sandbox, {"api_url": server.url}, streams=["attendances"])
        rows = written(pair)["attendances"]
    assert rows[1]["break"] == 30
    assert rows[2]["updated_at"] == "2024-05-06T01:38:09.500000+00:00"


def test_an_answer_over_several_lines_still_gives_one_line_a_message(tmp_path):
    with Sandbox(employees=5) as sandbox:
        plain = written(Pair(tmp_path, sandbox, streams=["attendances"]))
        with Altering(sandbox, lambda path, query, answer: answer, indent=1) as server:
            found = written(Pair(tmp_path, sandbox, {"api_url": server.url}, streams=["attendances"]))
    assert found == plain


def test_a_deselected_column_leaves_no_trace(tmp_path):
    with Sandbox(employees=5) as sandbox:
        pair = Pair(tmp_path, sandbox, streams=["attendances"])
        rows = written(pair, without(pair, "comment", "project"))["attendances"]
    assert rows
    assert all("comment" not in row and "project" not in row and row["other_fields"] is None for row in rows)
    assert any(row["project_name"] for row in rows), "a join column is selected on its own"
