"""The Meltano definitions of the plugins: tap and loader from the output of their `--about`.

Each plugin's definition is written to `docs/hub/<plugin>.yml`, in the format of the Meltano Hub, which `meltano add
--from-ref` reads. Capabilities, default selection and settings of tap and loader are also written to `meltano.yml`;
the definitions of the utilities are taken from there.
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
from tap_personio.reports import PREFIX
from tap_personio.streams import STREAMS

ROOT = Path(__file__).parents[1]

# What `--about` does not contain.
PLUGINS: dict[str, dict[str, Any]] = {
    "tap-personio": {
        "type": "extractors",
        "label": "Personio",
        "pip_url": "tap-personio",
        "domain_url": "https://developer.personio.de",
        "logo_url": "/assets/logos/extractors/personio.png",
        "keywords": ["meltano_sdk", "api", "hr"],
        "prereq": (
            "An API credential of the Personio account, with *Read* for what you want to load. An administrator "
            "creates it in Personio."
        ),
        "next_steps": (
            "See which tables the credential can read, and which permission is missing for the others:\n\n"
            "```sh\nmeltano invoke tap-personio --check\n```\n"
        ),
        "usage": (
            "Set `use_cached_catalog: false` on the extractor: attributes in Personio can change at any time. Without "
            "`select`, every table is loaded, also those that need one request per record.\n"
        ),
        "settings_group_validation": [["client_id", "client_secret"]],
    },
    "target-duckdb": {
        "type": "loaders",
        "label": "DuckDB",
        "pip_url": "singer-target-duckdb",
        "domain_url": "https://duckdb.org",
        "logo_url": "/assets/logos/loaders/duckdb.png",
        "keywords": ["meltano_sdk", "database", "motherduck"],
        "usage": (
            "Rows are merged by key, and rows that are gone at the source are deleted (`hard_delete`). A DuckDB file "
            "has either one process that writes it or several that read it: close other programs, or set "
            "`lock_timeout` to wait for them.\n"
        ),
        "settings_group_validation": [["path"]],
    },
}
DEFAULTS = {
    "target-duckdb": {
        "path": {"default": "$MELTANO_PROJECT_ROOT/output/warehouse.duckdb"},
        # Meltano's convention: each tap has a schema of its own.
        "default_target_schema": {"default": "$MELTANO_EXTRACT__LOAD_SCHEMA"},
    }
}
# Without this selection, Meltano selects every stream, also those that need one request per record.
SELECT = {
    "tap-personio": [
        *(f"{stream.name}.*" for stream in cast("Any", STREAMS) if stream.selected_by_default),
        f"{PREFIX}*.*",
    ]
}
UTILITIES = {
    "dbt-duckdb": "",
    "personio-report": "personio-report",
}  # with the pip_url outside of this repository
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
    for entry in project["plugins"]["utilities"]:
        plugin = {**entry, "pip_url": UTILITIES[entry["name"]] or entry["pip_url"], "variant": "original"}
        result[ROOT / "docs" / "hub" / f"{entry['name']}.yml"] = _dump(plugin)
    return result


def tap_lines() -> str:
    """What has to stand in a project's `meltano.yml` beside what `meltano add` writes for the tap."""
    project = _YAML.load((ROOT / "meltano.yml").read_text("utf-8"))
    (tap,) = project["plugins"]["extractors"]
    lines = {
        "pip_url": "/path/to/repository/tap-personio",
        **{part: tap[part] for part in ("load_schema", "use_cached_catalog")},
        "select": SELECT["tap-personio"],
    }
    return f"```yaml\n{textwrap.indent(_dump(lines), ' ' * 4)}```\n"


def definition(name: str, known: dict[str, Any]) -> dict[str, Any]:
    """A plugin's definition in the format of the Meltano Hub."""
    command = [str(Path(sys.executable).parent / name), "--about", "--format=json"]
    about = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {
        "name": name,
        "namespace": name.replace("-", "_"),
        "variant": "original",
        "label": known["label"],
        "description": about["description"],
        "domain_url": known["domain_url"],
        "logo_url": known["logo_url"],
        "pip_url": known["pip_url"],
        "executable": name,
        "keywords": known["keywords"],
        "maintenance_status": "active",
        "quality": "unknown",  # the Hub's own rating
        "supported_python_versions": sorted(about["supported_python_versions"], key=_numbers),
        **{part: known[part] for part in ("prereq", "next_steps", "usage") if part in known},
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


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _dump(content: Any) -> str:
    stream = io.StringIO()
    _YAML.dump(content, stream)
    return stream.getvalue()
