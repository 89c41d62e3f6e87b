"""A file of messages for each rule of target-duckdb/README.md, "Versions": `versions/*.singer`.

In a file, `# run` begins another run, and `# foreign` stands for a table that another program wrote, with rows 1 and 2.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from singer_target_duckdb.errors import LoaderError

FILES = Path(__file__).with_name("versions")

# The rows in the end, the number of states that the last run writes, and what it refuses.
EXPECTED: dict[str, tuple[list[tuple[int, str]], int, str]] = {
    "rule 1 changes to the current version are merged": ([(1, "v1"), (2, "v1"), (3, "v1")], 1, ""),
    "rule 2 the first version of rows from elsewhere is merged": ([(1, "old"), (2, "v5"), (3, "v5")], 1, ""),
    "rule 2 the second version of rows from elsewhere replaces": ([(3, "v6")], 1, ""),
    "rule 3 no state is written that covers a staged version": ([(1, "v1")], 0, "before version 2 was complete"),
    "rule 4 an activation after the records replaces": ([(2, "v2"), (3, "v2")], 1, ""),
    "rule 5 an activation before the records replaces at the end": ([(2, "v2"), (3, "v2")], 1, ""),
    "rule 5 an activation before records that just stop does not": ([(1, "v1"), (2, "v1")], 0, "before version 2"),
    "rule 5 an unfinished stream has not ended": ([(1, "v1"), (2, "v1")], 0, "before version 2 was complete"),
    "rule 6 without any activation a new table is loaded": ([(1, "v1"), (2, "v1")], 1, ""),
    "rule 6 without its activation a known table stays": ([(1, "v1"), (2, "v1")], 0, "before version 2"),
    "rule 7 an activation of another version removes nothing": ([(1, "v1"), (2, "v1"), (3, "v1")], 1, ""),
    "a database without what the state says is refused": ([], 0, "goes on from a state that"),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("batch_size_rows", [1, 1000])
def test_a_rule_holds_for_its_file(load, capsys, name, batch_size_rows):
    rows, states, refused = EXPECTED[name]
    runs: list[list[bytes]] = [[]]
    for line in (FILES / f"{name.replace(' ', '_')}.singer").read_bytes().splitlines():
        if line == b"# foreign":
            with duckdb.connect(str(load.path)) as connection:
                connection.execute(
                    "CREATE TABLE t AS FROM (VALUES (1, 'old'), (2, 'old')) AS rows (id, name)"
                )
        elif line == b"# run":
            runs.append([])
        else:
            runs[-1].append(line)
    for messages in runs[:-1]:
        load(*messages, batch_size_rows=batch_size_rows)
    if refused:
        with pytest.raises(LoaderError, match=refused):
            load(*runs[-1], batch_size_rows=batch_size_rows)
        written = capsys.readouterr().out.splitlines()
    else:
        written = load(*runs[-1], batch_size_rows=batch_size_rows)
    assert load.rows("FROM t") == rows
    assert len(written) == states


def test_each_file_has_its_expectation():
    assert {path.stem.replace("_", " ") for path in FILES.glob("*.singer")} == EXPECTED.keys()
