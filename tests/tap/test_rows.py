"""Plain pages take a shorter way to the output: the rows are the same as on the long one."""

from __future__ import annotations

import json
import subprocess

from personio_sandbox import Sandbox
from running import Pair
from tap_personio.connection import Connection
from tap_personio.tap import TapPersonio

STREAMS = ("absence_types", "absences", "attendances", "hourly_absences")


def written(pair: Pair) -> dict[str, list[dict]]:
    output = subprocess.run(pair.tap_command(), capture_output=True, check=True).stdout
    records: dict[str, list[dict]] = {}
    for message in map(json.loads, output.split(b"\n")[:-1]):
        if message["type"] == "RECORD":
            records.setdefault(message["stream"], []).append(message["record"])
    return records


def test_both_ways_give_the_same_rows(tmp_path):
    with Sandbox(employees=60) as sandbox:
        pair = Pair(tmp_path, sandbox, streams=STREAMS)
        short = written(pair)
        tap = TapPersonio(config=pair.config, catalog=pair.catalog())
        for name in STREAMS:
            long = list(tap.streams[name].get_records(None))
            assert short[name] == long, name
            assert [list(row) for row in short[name]] == [list(row) for row in long], (
                "columns in another order"
            )
        tap.client.close()


def test_an_answer_over_several_lines_still_gives_one_line_a_message(tmp_path, monkeypatch):
    receive = Connection.receive

    def receive_indented(self):
        answer = receive(self)
        answer.body = json.dumps(json.loads(answer.body), indent=1).encode()
        return answer

    monkeypatch.setattr(Connection, "receive", receive_indented)
    with Sandbox(employees=5) as sandbox:
        pair = Pair(tmp_path, sandbox, streams=["attendances"])
        tap = TapPersonio(config=pair.config, catalog=pair.catalog())
        stream = tap.streams["attendances"]
        pages = list(stream.pages(stream.plan, tap.caller(stream)))
        tap.client.close()
    assert pages[0].data
    assert all(page.rows is None for page in pages), "what is nested would be written over several lines"


def test_a_deselected_column_leaves_no_trace(tmp_path):
    with Sandbox(employees=5) as sandbox:
        pair = Pair(tmp_path, sandbox, streams=["attendances"])
        catalog = pair.catalog()
        entry = next(each for each in catalog["streams"] if each["tap_stream_id"] == "attendances")
        for metadata in entry["metadata"]:
            if metadata["breadcrumb"] in (["properties", "comment"], ["properties", "project"]):
                metadata["metadata"]["selected"] = False
        (tmp_path / "narrow.json").write_text(json.dumps(catalog))
        command = [*pair.tap_command()[:-1], str(tmp_path / "narrow.json")]
        output = subprocess.run(command, capture_output=True, check=True).stdout
    rows = [json.loads(line)["record"] for line in output.split(b"\n") if b'"RECORD"' in line[:20]]
    assert rows
    assert all("comment" not in row and "project" not in row and row["other_fields"] is None for row in rows)
    assert any(row["project_name"] for row in rows), "a join column is selected on its own"
