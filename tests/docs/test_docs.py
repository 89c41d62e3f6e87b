"""Links and messages in the docs are correct."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for folder in (
        ".",
        "docs",
        "docs/hub",
        "target-config",
        "tap-personio",
        "target-duckdb",
        "personio-sandbox",
        "report",
        "transform",
        "examples/many-accounts",
    )
    for page in sorted((ROOT / folder).glob("*.md"))
]
SOURCES = "".join(
    path.read_text()
    for package in ("tap-personio/tap_personio", "target-duckdb/singer_target_duckdb")
    for path in sorted((ROOT / package).rglob("*.py"))
)
# Sentences are broken into several literals in the code.
SENTENCES = re.sub(r'"\s*\n\s*f?"', "", SOURCES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]*)", page.read_text())
    assert [link for link in links if link and not (page.parent / link).exists()] == []


def test_every_message_that_is_explained_is_one_that_can_come():
    page = (ROOT / "docs" / "troubleshooting.md").read_text().partition("## Meltano")[0]
    messages = re.findall(r"^\| (`.+?)\|", page, flags=re.MULTILINE)
    parts = [part.strip(" :;") for message in messages for part in re.split("…|`", message)]
    assert len(messages) > 15
    assert [part for part in parts if part not in SENTENCES] == []
