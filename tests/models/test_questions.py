"""The queries of docs/questions.md run on the company of the demo, and their results are those on the page.

After a change of the models or of the company, write the results anew: `ANSWERS=write make test-models`.
"""

import datetime as dt
import os
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pair import Pair
from personio_sandbox import Sandbox

from .conftest import ROOT, V1, V2, Build

pytestmark = pytest.mark.full

PAGE = ROOT / "docs" / "questions.md"
NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
QUESTION = re.compile(
    r"```sql\n(?P<query>(?:WITH|SELECT).*?)```\n(?:\n(?P<answer>(?:\|[^\n]*\n)+))?", re.DOTALL
)


@pytest.fixture(scope="module")
def database(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company of the demo, on a fixed day."""
    with Sandbox(employees=200, realistic=True, now=NOW) as sandbox:
        streams = {*V1, *V2} - {"absence_period_breakdowns"}
        pair = Pair(tmp_path_factory.mktemp("demo"), sandbox, streams=streams)
        pair.run()
    outcome = build(pair.database, {"as_of": f"{NOW:%Y-%m-%d}"})
    assert set(outcome.values()) <= {"success", "pass"}, outcome
    return pair.database


def cell(value: Any) -> str:
    """A value as the page shows it."""
    return "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def table(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """The result of a query in Markdown, numbers on the right."""
    result = connection.execute(query.replace("current_date", f"DATE '{NOW:%Y-%m-%d}'"))
    names, kinds = zip(*[column[:2] for column in result.description or ()], strict=True)
    numbers = {"DOUBLE", "BIGINT", "HUGEINT", "INTEGER", "DECIMAL"}
    rules = ["---:" if str(kind).partition("(")[0] in numbers else "---" for kind in kinds]
    lines = [names, rules, *[[cell(value) for value in row] for row in result.fetchall()]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def test_every_answer_is_the_result_of_its_query(database: Path) -> None:
    page = PAGE.read_text()
    with duckdb.connect(str(database), read_only=True) as connection:
        found = QUESTION.sub(
            lambda match: f"```sql\n{match['query']}```\n\n{table(connection, match['query'])}", page
        )
    if os.environ.get("ANSWERS") == "write":
        PAGE.write_text(found)
    assert found == page, "the results differ, see the top of this module"


def test_there_are_ten_questions_with_a_result_each() -> None:
    answers = [(match["answer"] or "").count("\n") for match in QUESTION.finditer(PAGE.read_text())]
    assert len(answers) == len(re.findall("^## [0-9]+[.] ", PAGE.read_text(), re.MULTILINE)) == 10
    assert min(answers) > 2
