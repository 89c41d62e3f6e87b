"""The Meltano definitions of both plugins, from the output of their `--about`.

Each plugin's definition is written to `docs/hub/<plugin>.yml`, in the format of the Meltano Hub, which `meltano add
--from-ref` reads. Its capabilities, default selection and settings are also written to `meltano.yml`.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from tap_personio.streams import STREAMS

ROOT = Path(__file__).parents[1]

# What `--about` does not contain.
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
# Without this selection, Meltano selects every stream, also those that need one request per record.
SELECT = {
    "tap-personio": [f"{stream.name}.*" for stream in cast("Any", STREAMS) if stream.selected_by_default]
}
PROJECT_PARTS = ("capabilities", "select", "settings_group_validation", "settings")
# The format in which Meltano writes its files.
_YAML = YAML()
_YAML.width = sys.maxsize


def files() -> dict[Path, str]:
    """All generated files with their contents. `meltano.yml` keeps its text if nothing has changed."""
    project_file = ROOT / "meltano.yml"
    text = project_file.read_text("utf-8")
    project = _YAML.load(text)
    result = {}
    for name, known in PLUGINS.items():
        plugin = definition(name, known)
        result[ROOT / "docs" / "hub" / f"{name}.yml"] = _dump(plugin)
        entry = next(each for each in project["plugins"][known["type"]] if each["name"] == name)
        for part in PROJECT_PARTS:
            if part in plugin and entry.get(part) != plugin[part]:
                entry[part] = plugin[part]
                text = ""
    result[project_file] = text or _dump(project)
    return result


def definition(name: str, known: dict[str, Any]) -> dict[str, Any]:
    """A plugin's definition in the format of the Meltano Hub."""
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
    """A Meltano setting, from its JSON schema.

    All are of kind string, so that Meltano passes the value on unchanged and the plugin checks it. With other kinds,
    Meltano fails with a traceback if a text is no number, no JSON or none of the options (decimal always does), reads
    a misspelled flag as false, and reads `01.02.2024` as 2 January. Secrets are marked sensitive.
    """
    result: dict[str, Any] = {"name": name, "kind": "string"}
    if schema.get("default") is not None:
        result["value"] = schema["default"]
    result |= {"label": schema["title"], "description": schema["description"]}
    if schema.get("secret"):
        result["sensitive"] = True
    return result


def _dump(content: Any) -> str:
    stream = io.StringIO()
    _YAML.dump(content, stream)
    return stream.getvalue()
