"""Links and messages in the docs are correct."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
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
PACKAGES = ("tap-personio/tap_personio", "target-duckdb/singer_target_duckdb")
SOURCES = [path.read_text() for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
# Sentences are broken into several literals in the code.
SENTENCES = re.sub(r'"\s*\n\s*f?"', "", "".join(SOURCES))


def sentence(node: ast.AST) -> str:
    """The text of an expression, with … for what is only known when the code runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub("%[sd]", "…", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(sentence(each) for each in node.values)
    if isinstance(node, ast.BinOp):
        return sentence(node.left) + sentence(node.right)
    return "…"


def messages() -> set[str]:
    """What the code says in warnings and errors."""
    found = set()
    for node in (node for source in SOURCES for node in ast.walk(ast.parse(source))):
        match node:
            case ast.Assign(
                [ast.Name("msg" | "sentence" | "sentences" | "NOT_JSON")], ast.Dict(values=values)
            ):
                found |= {sentence(value) for value in values}
            case ast.Assign([ast.Name("msg" | "sentence" | "NOT_JSON")], value):
                found.add(sentence(value))
            case ast.Call(ast.Attribute(attr="warning" | "error" | "_refuse" | "fail"), [first, *_]):
                found.add(sentence(first))
            case ast.Call(ast.Name(name), [first, *_]) if name.endswith("Error"):
                found.add(sentence(first))
    return {text for text in found if len(text.replace("…", "")) > 20}


def explained() -> list[list[str]]:
    """The parts of each message on the page, in order."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text().partition("## Meltano")[0]
    cells = re.findall(r"^\| (`.+?) \| ", page, flags=re.MULTILINE)
    found = [message.strip() for cell in cells for _, message in re.findall(r"(`+)(.+?)\1(?!`)", cell)]
    return [[part for part in message.split("…") if part.strip(" .:;`'\"")] for message in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]*)", page.read_text())
    assert [link for link in links if link and not (page.parent / link).exists()] == []


def test_every_message_that_is_explained_is_one_that_can_come():
    assert len(explained()) > 50
    assert [part for parts in explained() for part in parts if part.strip(" `:;") not in SENTENCES] == []


def test_every_message_that_can_come_is_explained():
    patterns = [re.compile(".*".join(map(re.escape, parts))) for parts in explained()]
    assert [message for message in messages() if not any(each.search(message) for each in patterns)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_installs_a_name_that_is_not_on_pypi(page):
    """Anyone could register it. With the first release, this test goes."""
    commands = re.findall(r"(?:pip|pipx|uv tool) install ([^`#|&;\n]*)", page.read_text())
    ours = {"tap-personio", "singer-target-duckdb", "personio-sandbox", "personio-report"}
    assert not ours.intersection(word for command in commands for word in command.split())


def test_the_recipe_for_pipes_goes_on_from_the_last_state(tmp_path):
    page = (ROOT / "target-config" / "README.md").read_text()
    [recipe] = re.findall(r"```sh\n([^`]*states\.txt\n)```", page)
    commands = """
        tap-personio() { echo "$@" "$(cat state.json 2> nothing)" >> asked.txt; }
        target-duckdb() { printf "$STATES"; }
    """
    for states in ("first\n second\n", "", "third\n", ""):  # the run without a state failed
        subprocess.run(
            ["bash", "-e", "-c", commands + recipe],
            cwd=tmp_path,
            env={"STATES": states, "PATH": os.environ["PATH"]},
            check=True,
        )
    begun = [f"--config ENV --state state.json {state}" for state in ("second", "second", "third")]
    asked = [" ".join(line.split()) for line in (tmp_path / "asked.txt").read_text().splitlines()]
    assert asked == ["--config ENV", *begun]
    assert (tmp_path / "states.txt").read_text() == "", "it grows with each run"


def test_the_command_for_the_questions_takes_quotes_and_lines(tmp_path):
    [command] = re.findall(r"`\.venv/bin/(python -c '.+?')`", (ROOT / "docs" / "questions.md").read_text())
    (tmp_path / "output").mkdir()
    duckdb.connect(tmp_path / "output" / "demo.duckdb").close()
    done = subprocess.run(
        ["sh", "-c", f"{Path(sys.executable).parent}/{command}"],
        input="SELECT 'none'\n    AS \"the answer\";\n",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the answer" in done.stdout
    assert "none" in done.stdout
