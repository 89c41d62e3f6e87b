"""The modules of the tap and the loader: what CONTRIBUTING.md says of them, their size, and what they import."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "tap-personio/tap_personio", ROOT / "target-duckdb/singer_target_duckdb"]


def imports(file, package):
    """The modules of a package that a file imports, also for types alone."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package.name:
            for name in (f"{node.module}.{alias.name}" for alias in node.names):
                path = package.parent / name.replace(".", "/")
                yield name if path.is_dir() or path.with_suffix(".py").exists() else node.module


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_no_modules_import_each_other(package):
    graph = {}
    for file in package.rglob("*.py"):
        path = file.relative_to(package.parent).with_suffix("")
        graph[".".join(part for part in path.parts if part != "__init__")] = set(imports(file, package))
    assert len(graph) > 10
    assert graph[f"{package.name}.{'tap' if 'tap_' in package.name else 'target'}"]
    TopologicalSorter(graph).prepare()


def test_contributing_lists_all_modules():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = re.search(r"\| part \| modules \|\n(.*?)\n\n", text, re.DOTALL)[1]
    listed = [name for row in table.splitlines() for name in re.findall("`([a-z_]+)`", row.split("|")[2])]
    found = [entry.stem for package in PACKAGES for entry in package.iterdir() if entry.suffix == ".py"]
    assert sorted(listed) == sorted(["streams", *(name for name in found if not name.startswith("__"))])


def test_no_module_is_long():
    long = [
        file for package in PACKAGES for file in package.rglob("*.py") if file.read_text().count("\n") > 350
    ]
    assert not long
