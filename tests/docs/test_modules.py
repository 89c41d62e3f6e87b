"""The modules of the tap and the loader: what CONTRIBUTING.md says of them, their size, and what they import."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "tap-personio/tap_personio", ROOT / "target-duckdb/singer_target_duckdb"]
OTHERS = [ROOT / "personio-sandbox/personio_sandbox", ROOT / "report/personio_report"]


def imports(file, package):
    """The modules of a package that a file imports, also for types alone."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.level or node.module.split(".")[0] == package.name):
            folder = file.parents[node.level - 1] if node.level else package.parent
            path = folder.joinpath(*(node.module or "").split("."))
            for alias in node.names:
                is_module = (path / alias.name).is_dir() or (path / f"{alias.name}.py").exists()
                yield name_of(path / alias.name if is_module else path, package)


def name_of(path, package):
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@pytest.mark.parametrize("package", PACKAGES + OTHERS, ids=lambda package: package.name)
def test_no_modules_import_each_other(package):
    graph = {name_of(file, package): set(imports(file, package)) for file in package.rglob("*.py")}
    assert len(graph) > 8
    assert sum(map(len, graph.values())) > len(graph)
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
