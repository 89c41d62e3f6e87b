"""Generate the parts of the docs that repeat the code: plugin definitions, and tables in Markdown.

In a Markdown file, generated parts are between `<!-- generated: NAME -->` and `<!-- end -->`. With `--check` nothing
is written; the exit code is 1 if a file is out of date.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import definitions
from singer_target_duckdb.column_types import column_type
from tap_personio.attributes import MONEY, STANDARD, Attribute
from tap_personio.columns import schema_of
from tap_personio.settings import CONFIG_JSONSCHEMA
from tap_personio.streams import STREAMS
from tap_personio.streams.employees import employee_columns
from tap_personio.streams.report_tables import ReportTable

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "tap-personio/README.md",
    "docs/tables.md",
    "docs/credential-and-rights.md",
    "docs/hub/README.md",
)
# In the SDK's types, `name` and others are attributes of the instance, not of the class.
ALL: tuple[Any, ...] = (*STREAMS, ReportTable)


def main(arguments: list[str]) -> int:
    """Write or check all files. Returns the exit code."""
    files = definitions.files() | {ROOT / name: filled((ROOT / name).read_text("utf-8")) for name in PAGES}
    stale = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if "--check" in arguments:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date: run `make docs`.\n")
        else:
            path.write_text(files[path], "utf-8")
    return int("--check" in arguments and bool(stale))


def filled(page: str) -> str:
    """The page with its generated parts replaced."""
    parts = {
        "tables": overview(),
        "columns": columns(),
        "rights": rights(),
        "tap settings": settings(CONFIG_JSONSCHEMA),
        "table names": names(),
        "tap lines": definitions.tap_lines(),
    }
    return re.sub(
        r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}{parts[found[2]]}{found[3]}",
        page,
        flags=re.DOTALL,
    )


def overview() -> str:
    """One line per table."""
    return table(
        ("table", "endpoint", "key", "replication key", "load", "permission", "by default", "requests"),
        (
            (
                f"[`{stream.name}`](docs/tables.md#{stream.name.rstrip('…')})",
                f"`/{stream.api}{stream.path}`",
                ", ".join(f"`{key}`" for key in stream.primary_keys),
                f"`{replication_key(stream)}`" if replication_key(stream) else "",
                load(stream),
                stream.permission,
                "yes" if stream.selected_by_default else "",
                stream.request_cost,
            )
            for stream in ALL
        ),
    )


def names() -> str:
    """Two sentences: the tables selected by default, and the others."""
    chosen = {each.name: each.selected_by_default for each in ALL}
    first, second = (
        ", ".join(f"`{name}`" for name, default in chosen.items() if default is wanted)
        for wanted in (True, False)
    )
    return f"Selected by default: {first}. Not selected by default: {second}.\n"


def columns() -> str:
    """One section per table."""
    sections = []
    for stream in ALL:
        lines = [
            f"## {stream.name}",
            "",
            sentence(stream),
            "",
            f"- Read from `/{stream.api}{stream.path}`; requests: {stream.request_cost}",
            f"- Permission: {stream.permission}",
            f"- Key: {', '.join(f'`{key}`' for key in stream.primary_keys)}; each run: {behaviour(stream)}",
            f"- Selected by default: {'yes' if stream.selected_by_default else 'no'}",
            "",
        ]
        sections.append("\n".join(lines) + "\n" + _columns_of(stream))
    return "\n".join(sections)


def _columns_of(stream: Any) -> str:
    columns, more = stream.columns, ""
    if not columns:
        standard = ((Attribute(key), key, each) for key, each in STANDARD.items())
        columns = tuple(employee_columns(standard, MONEY))
        more = (
            "\nThe table has those of these columns whose attributes the credential may read, and one per [custom "
            "attribute](#columns-of-custom-attributes).\n"
        )
    elif "attribute_columns" in vars(stream):
        more = "\nAlso one column per custom attribute, as in `employees`.\n"
    elif stream is ReportTable:
        more = "\nAlso the columns of the report, see [reports as tables](#reports-as-tables).\n"
    properties = schema_of(columns, tuple(stream.primary_keys))["properties"]
    listed = table(
        ("column", "type", ""),
        (
            (f"`{column.name}`", column_type(properties[column.name]), column.description)
            for column in columns
        ),
    )
    return listed + more


def rights() -> str:
    """The streams that need each permission."""
    opened: dict[str, list[str]] = {}
    for stream in ALL:
        opened.setdefault(stream.permission, []).append(f"`{stream.name}`")
    return table(("permission", "tables"), ((right, ", ".join(names)) for right, names in opened.items()))


def settings(schema: dict[str, Any]) -> str:
    """One line per setting."""
    return table(
        ("setting", "default", "meaning"),
        (
            (
                f"`{name}`",
                "required" if name in schema.get("required", ()) else default(each.get("default")),
                each["description"],
            )
            for name, each in schema["properties"].items()
        ),
    )


def default(value: Any) -> str:
    """A default as written in a JSON config."""
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def behaviour(stream: Any) -> str:
    """What a run does with the table, in words."""
    key = replication_key(stream)
    if not key:
        return str(stream.load_note)
    return f"new rows appended by `{key}`" if stream.append_only else f"merged by `{key}`"


def replication_key(stream: Any) -> str:
    """The replication key; empty where a table has none."""
    key = stream.replication_key  # a property of the SDK's class where a stream has none
    return key if isinstance(key, str) else ""


def load(stream: Any) -> str:
    """What a run does with the table, in one word."""
    if stream.append_only:
        return "append"
    return "merge" if replication_key(stream) or stream.load_note.startswith("merged") else "replace"


def sentence(stream: Any) -> str:
    """The first sentence of a stream's documentation."""
    return " ".join((inspect.getdoc(stream) or "").split("\n\n")[0].split())


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
