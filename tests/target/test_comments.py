"""What a schema describes stands as comments in the database."""

from __future__ import annotations

import duckdb
from singer_messages import record, schema
from singer_target_duckdb.database import Database

COMMENTS = """
    SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 't' UNION ALL
    SELECT '', comment FROM duckdb_tables() WHERE table_name = 't' ORDER BY ALL
    """


def described(table, **columns):
    kinds = {"id": {"type": "integer"}, "Name": {"type": ["null", "string"]}}
    for name, text in columns.items():
        kinds[name] |= {"description": text}
    message = schema("t", kinds)
    return message | {"schema": message["schema"] | ({"description": table} if table is not None else {})}


def test_descriptions_become_comments_and_change_with_the_schema(load):
    load(described("People's table; DROP TABLE t", id="The number"), record("t", id=1, Name="a"))
    assert load.rows(COMMENTS) == [("", "People's table; DROP TABLE t"), ("Name", None), ("id", "The number")]
    load(described("People", id="The number", Name="Full name"), record("t", id=2, Name="b"))
    assert load.rows(COMMENTS) == [("", "People"), ("Name", "Full name"), ("id", "The number")]
    assert load.rows("FROM t") == [(1, "a"), (2, "b")]


def test_comments_of_users_stay_where_the_schema_describes_nothing(load):
    load(described(None), record("t", id=1))
    with duckdb.connect(str(load.path)) as connection:
        connection.execute("COMMENT ON TABLE t IS 'mine'; COMMENT ON COLUMN t.\"Name\" IS 'mine too'")
    load(described("", id=["odd"]), record("t", id=2))
    assert load.rows(COMMENTS) == [("", "mine"), ("Name", "mine too"), ("id", None)]


def test_nothing_is_written_where_no_comment_changes(load, monkeypatch):

    same = described("People", id="The number", Name="Full name")
    load(same)
    statements = []
    execute = Database.execute
    monkeypatch.setattr(
        Database, "execute", lambda self, *args: statements.append(args[0]) or execute(self, *args)
    )
    load(same)
    assert statements
    assert not [statement for statement in statements if "COMMENT" in statement]
