"""The files that a Singer runner hands over: the state of the last run, and the catalog."""

from __future__ import annotations

import copy
import json
import logging
from typing import IO, TYPE_CHECKING, Any

import msgspec

from tap_personio.errors import UNREADABLE, SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

logger = logging.getLogger("tap-personio")


class _Metadata(msgspec.Struct):
    breadcrumb: list[str]
    metadata: dict[str, Any]


class _Property(msgspec.Struct):
    type: str | list[str] | None = None
    anyOf: list[dict[str, Any]] = []  # noqa: N815 - the name in JSON schema


class _Schema(msgspec.Struct):
    properties: dict[str, _Property] = {}


class _Entry(msgspec.Struct):
    tap_stream_id: str
    stream: str | None = None
    schema: _Schema = msgspec.field(default_factory=_Schema)
    metadata: list[_Metadata] = []
    key_properties: list[str] | None = None
    replication_key: str | None = None
    replication_method: str | None = None


class _Catalog(msgspec.Struct):
    streams: list[_Entry] = []


def read_state(file: IO[str] | None) -> dict[str, Any] | None:
    """The state, if one is given."""
    return _read(file, "--state")


def bookmarks_of(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The bookmarks of a state. What has another form is left out, which costs a full sync."""
    bookmarks = state.get("bookmarks")
    found = bookmarks.items() if isinstance(bookmarks, dict) else ()
    return {name: each for name, each in found if isinstance(each, dict)}


def read_catalog(file: IO[str] | None) -> dict[str, Any] | None:
    """The catalog, if one is given. The SDK takes any JSON for one, and stumbles over it later.

    It knows streams by `tap_stream_id` in one place and by `stream` in another: here both are the same.
    """
    content = _read(file, "--catalog")
    if content is not None:
        try:
            msgspec.convert(content, _Catalog)
        except msgspec.ValidationError as error:
            msg = f"The file given with --catalog is not a Singer catalog: {error}."
            raise SettingsError(msg) from None
        for entry in content.get("streams", ()):
            entry["stream"] = entry["tap_stream_id"]
    return content


def warn_of_missing_columns(catalog: Mapping[str, Any], tables: Mapping[str, Collection[str]]) -> None:
    """Name the columns of a catalog that are not there: a selection of them selects nothing.

    Args:
        catalog: entries of the catalog that was given, by stream.
        tables: the columns of each stream.
    """
    for name, columns in tables.items():
        named = catalog[name].schema.to_dict().get("properties", {}) if name in catalog else {}
        if missing := sorted(set(named).difference(columns)):
            logger.warning(
                "The catalog names columns of %s that are not there, perhaps because they were renamed in Personio: "
                "%s. Discover again, and check what is selected.",
                name,
                ", ".join(missing),
            )


def _read(file: IO[str] | None, option: str) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        content = json.load(file)
        msgspec.json.encode(copy.deepcopy(content))  # as the SDK will: not all that is JSON survives it
    except UNREADABLE:
        content = None
    if not isinstance(content, dict):
        msg = f"The file given with {option} is not a JSON object."
        raise SettingsError(msg)
    return content
