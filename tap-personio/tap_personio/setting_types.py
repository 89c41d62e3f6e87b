"""Settings as they come, often as text, brought to the types of their schema."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import FLATTENING_CONFIG, STREAM_MAPS_CONFIG

from tap_personio.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NEVER = "never"
DAY = "a day from 1970-01-01 on, written as YYYY-MM-DD"


def typed(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the types and defaults of the schemas, and without those that are empty.

    Everything comes as text from the environment, from `.env` and from `meltano config set`.

    Args:
        config: a Singer config.
        schema: JSON schema of the tap's own settings; those of the SDK are known.

    Raises:
        SettingsError: naming the setting and what it should be, never its value.
    """
    properties = {
        name: rule
        for each in (FLATTENING_CONFIG, STREAM_MAPS_CONFIG, schema)
        for name, rule in each["properties"].items()
    }
    result = {name: rule["default"] for name, rule in properties.items() if "default" in rule}
    for name, value in config.items():
        if _may_be_never(properties.get(name)) and (value is None or str(value).strip().lower() == NEVER):
            result[name] = NEVER
        elif name not in properties:
            result[name] = value
        elif value is not None and value != "":
            result[name] = _typed(name, value, properties[name])
    if result.get("flattening_enabled") and "flattening_max_depth" not in result:
        msg = (
            "The setting flattening_enabled needs the setting flattening_max_depth, a whole number from 0 on."
        )
        raise SettingsError(msg)
    return result


def _typed(name: str, value: Any, rule: dict[str, Any]) -> Any:
    kind = next(each for each in _READ if each in rule["type"])
    if kind in ("number", "integer"):
        rule = {"minimum": 0, **rule}
    found = _READ[kind](value)
    if found is None or not _fits(found, rule):
        msg = f"The setting {name} must be {_wanted(kind, rule)}."
        raise SettingsError(msg)
    return found


def _wanted(kind: str, rule: dict[str, Any]) -> str:
    if "enum" in rule:
        return f"one of: {', '.join(rule['enum'])}"
    if "format" in rule:
        return DAY
    if kind not in ("number", "integer"):
        return {"boolean": "true or false", "object": "a JSON object in the form that its docs show"}.get(
            kind, "text in quotes"
        )
    what = "a number" if kind == "number" else "a whole number"
    up_to = f"to {rule['maximum']:g}" if "maximum" in rule else "on"
    return f"{what} from {rule['minimum']:g} {up_to}" + (f", or `{NEVER}`" if _may_be_never(rule) else "")


def _may_be_never(rule: Mapping[str, Any] | None) -> bool:
    return rule is not None and {"number", "string"} <= set(rule.get("type", ()))


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else _FLAGS.get(str(value).strip().lower())


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None


def _number(value: Any) -> float | None:
    """The number that a value is or spells; the SDK reads those of config files as Decimal."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return None
    number = value if isinstance(value, int) else float(value)
    return number if abs(number) <= _LARGEST else None


def _object(value: Any) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        value = json.loads(value) if isinstance(value, str) else value
    return value if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


_FLAGS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LARGEST = 1e15  # far beyond any limit, and exact as a float
_READ: dict[str, Callable[[Any], Any]] = {
    "boolean": _flag,
    "object": _object,
    "number": _number,
    "integer": _whole,
    "string": _text,
}


def _fits(value: Any, rule: dict[str, Any]) -> bool:
    try:
        return bool(th.DEFAULT_JSONSCHEMA_VALIDATOR(rule).is_valid(value))
    except (TypeError, AttributeError):  # where the SDK's schema of stream_maps is itself no schema
        return False
