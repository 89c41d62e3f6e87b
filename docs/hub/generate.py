"""Write the Meltano definitions of both plugins from what the packages say about themselves.

Each plugin's definition goes to `docs/hub/<plugin>.yml`, in the form of the Meltano Hub, which `meltano add --from-ref`
reads; its capabilities, default selection and settings go into `meltano.yml` as well. With `--check` nothing is
written: the exit code tells whether something would be.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from tap_personio.tap import STREAMS

ROOT = Path(__file__).parents[2]

# What a package cannot know about itself.
PLUGINS: dict[str, dict[str, Any]] = {
    "tap-personio": {
        "type": "extractors",
        "label": "Personio",
        "pip_url": "tap-personio",
        "domain_url": "https://developer.personio.de",
        "keywords": ["meltano_sdk", "api", "hr"],
        "settings_group_validation": [["client_id", "client_secret"]],
    },
    "target-duckdb": {
        "type": "loaders",
        "label": "DuckDB",
        "pip_url": "singer-target-duckdb",
        "domain_url": "https://duckdb.org",
        "keywords": ["meltano_sdk", "database", "motherduck"],
        "settings_group_validation": [["path"]],
    },
}
DEFAULTS = {"target-duckdb": {"path": {"default": "$MELTANO_PROJECT_ROOT/output/personio.duckdb"}}}
# Without a selection of its own, Meltano selects every stream, also those that take a request for each record.
SELECT = {
    "tap-personio": [f"{stream.name}.*" for stream in cast("Any", STREAMS) if stream.selected_by_default]
}
PROJECT_PARTS = ("capabilities", "select", "settings_group_validation", "settings")
KINDS = {
    "string": "string",
    "integer": "integer",
    "number": "decimal",
    "boolean": "boolean",
    "object": "object",
    "array": "array",
}


def main(arguments: list[str]) -> int:
    """Write, or check, all files; returns the exit code."""
    texts = files()
    changed = [path for path, text in texts.items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        for path in changed:
            sys.stderr.write(
                f"{path.relative_to(ROOT)} is not what the packages say: run `make definitions`.\n"
            )
        return bool(changed)
    for path in changed:
        path.write_text(texts[path], "utf-8")
    return 0


def files() -> dict[Path, str]:
    """All generated files with their contents."""
    project_file = ROOT / "meltano.yml"
    project = project_file.read_text("utf-8")
    result = {}
    for name, known in PLUGINS.items():
        plugin = definition(name, known)
        result[ROOT / "docs" / "hub" / f"{name}.yml"] = _yaml(plugin)
        parts = {part: plugin[part] for part in PROJECT_PARTS if part in plugin}
        generated = textwrap.indent(_yaml(parts), " " * 6)
        before, begin, rest = project.partition(f"# generated for {name}\n")
        _, end, after = rest.partition(f"      # end of generated for {name}\n")
        project = before + begin + generated + end + after
    result[project_file] = project
    return result


def definition(name: str, known: dict[str, Any]) -> dict[str, Any]:
    """A plugin's definition in the form of the Meltano Hub."""
    command = [str(Path(sys.executable).parent / name), "--about", "--format=json"]
    about = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {
        "plugin_type": known["type"],
        "name": name,
        "namespace": name.replace("-", "_"),
        "variant": "original",
        "label": known["label"],
        "description": about["description"],
        "domain_url": known["domain_url"],
        "pip_url": known["pip_url"],
        "executable": name,
        "keywords": known["keywords"],
        "maintenance_status": "active",
        "capabilities": sorted(about["capabilities"]),
        **({"select": SELECT[name]} if name in SELECT else {}),
        "settings_group_validation": known["settings_group_validation"],
        "settings": [
            setting(key, schema | DEFAULTS.get(name, {}).get(key, {}))
            for key, schema in about["settings"]["properties"].items()
        ],
    }


def setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A setting in Meltano's terms, from its JSON schema.

    Secrets are of kind string and marked sensitive, which newer Meltano versions want in place of kind password.
    """
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    result: dict[str, Any] = {"name": name, "label": schema["title"], "description": schema["description"]}
    if "enum" in schema:
        result["kind"] = "options"
        result["options"] = [
            {"label": str(value).replace("-", " ").capitalize(), "value": value} for value in schema["enum"]
        ]
    elif schema.get("format") in ("date", "date-time"):
        result["kind"] = "date_iso8601"
    else:
        result["kind"] = next(KINDS[each] for each in types if each != "null")
    if schema.get("secret"):
        result["sensitive"] = True
    if schema.get("default") is not None:
        result["value"] = schema["default"]
    return result


def _yaml(content: Any) -> str:
    stream = io.StringIO()
    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(content, stream)
    return stream.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
