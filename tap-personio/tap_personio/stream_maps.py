"""Stream maps: setting them up, applying them to rows, and noticing that they changed."""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import logging
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import StreamMapConfigError
from singer_sdk.mapper import NULL_STRING, SameRecordTransform
from singer_sdk.singerlib import Catalog

from tap_personio.errors import SettingsError, StreamFailedError

logger = logging.getLogger("tap-personio")
# Its lines, also those of level INFO, show expressions and what they make of a record.
logging.getLogger("singer_sdk.mapper").setLevel(logging.WARNING)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from singer_sdk.mapper import PluginMapper, StreamMap


def register(mapper: PluginMapper, catalog: Catalog) -> None:
    """Give the mapper the streams of a catalog.

    The SDK strips a stream that is not selected of its columns and then cannot apply a map to it, so those streams are
    registered without maps.

    Raises:
        SettingsError: a map cannot be applied.
    """
    selected, others = Catalog(), Catalog()
    for entry in catalog.streams:
        (selected if entry.metadata.resolve_selection()[()] else others)[entry.tap_stream_id] = entry
    maps, mapper.stream_maps_dict = mapper.stream_maps_dict, {}
    mapper.register_raw_streams_from_catalog(others)
    mapper.stream_maps_dict = copy.deepcopy(maps)
    try:
        mapper.register_raw_streams_from_catalog(selected)
    except Exception as error:  # of many kinds, and what they say may quote an expression
        raise cannot_apply(error) from None


def cannot_apply(error: Exception) -> SettingsError:
    """What to say about stream maps that the SDK refuses."""
    reason = str(error) if isinstance(error, StreamMapConfigError) else ""
    if not reason.startswith("Removing key property"):  # others quote more than a name
        reason = "an expression is not valid." if not reason else "an entry is not what its docs show."
    return SettingsError(f"The setting stream_maps cannot be applied: {reason}")


def warn_of_missing(config: Mapping[str, Any], tables: Mapping[str, Collection[str]]) -> None:
    """Name the streams and the columns that maps are about and that are not there: such a map removes nothing.

    Args:
        config: the tap's settings, with stream_maps as they were given.
        tables: the columns of each stream.
    """
    for name, each in (config.get("stream_maps") or {}).items():
        source = _source_of(name, each)
        meant = [columns for table, columns in tables.items() if fnmatch(table, source)]
        if not meant and name != "__else__":
            logger.warning("The setting stream_maps is about %s, but there is no such stream.", source)
            continue
        missing = {
            column: value
            for column, value in (each.items() if isinstance(each, dict) else ())
            if not column.startswith("__") and not any(column in columns for columns in meant)
        }
        for what, is_meant in (("removes", _is_nothing), ("gives a constant to", _is_constant)):
            if hidden := [column for column, value in missing.items() if is_meant(value)]:
                logger.warning(
                    "The setting stream_maps %s columns of %s that are not there, perhaps because they were renamed "
                    "in Personio: %s. Check that what they held is not sent under another name.",
                    what,
                    source,
                    ", ".join(hidden),
                )


def _is_nothing(value: Any) -> bool:
    """Whether a map removes a column."""
    return value in (None, NULL_STRING)


def _is_constant(value: Any) -> bool:
    """Whether what a map gives to a column depends on no record. It may be there to hide what the column holds."""
    try:
        nodes = [] if _is_nothing(value) else list(ast.walk(ast.parse(str(value).strip(), mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    names = {id(each): each.id for each in nodes if isinstance(each, ast.Name)}
    called = {id(each.func) for each in nodes if isinstance(each, ast.Call)}
    return bool(nodes) and {name for key, name in names.items() if key not in called} <= {"config", "fake"}


def fingerprint(stream: str, config: Mapping[str, Any], deselected: Iterable[str]) -> str:
    """A short text that changes with what a stream's maps and its selection keep back; empty if nothing is.

    It stands in the state, which is kept less carefully than the settings, and must not give away a salt in
    stream_map_config or in an expression, nor labels that have become names of columns. So the hash is slow, which
    makes trying words expensive, and only 32 bits of it are kept: of the long random salts that fit them there are far
    too many to tell which one it was. They suffice to notice a change.

    Args:
        stream: its name.
        config: the tap's settings, with stream_maps as they were given.
        deselected: names of columns that are not selected.
    """
    maps = {
        name: each
        for name, each in (config.get("stream_maps") or {}).items()
        if name == "__else__" or fnmatch(stream, _source_of(name, each))
    }
    columns = sorted(deselected)
    if not maps and not columns:
        return ""
    further = [config.get(name) for name in ("stream_map_config", "faker_config")] if maps else []
    kept_back = json.dumps([maps, further, columns], sort_keys=True, default=str)
    return hashlib.pbkdf2_hmac("sha256", kept_back.encode(), stream.encode(), 20_000, dklen=4).hex()


def _source_of(name: str, stream_map: Any) -> str:
    """The stream, or the pattern of streams, that an entry of stream_maps is about."""
    return str(stream_map.get("__source__", name)) if isinstance(stream_map, dict) else name


def changes_nothing(stream_map: StreamMap) -> bool:
    """Whether rows pass the map as they are."""
    return type(stream_map) is SameRecordTransform and not stream_map.flattening_enabled


def applied(stream_map: StreamMap, rows: Sequence[Any]) -> Sequence[Any]:
    """The rows that a map makes of rows.

    Raises:
        StreamFailedError: an expression fails; its own error may quote a record.
    """
    if changes_nothing(stream_map):
        return rows
    try:
        mapped = [stream_map.transform(row) for row in rows]
    except Exception as error:
        msg = f"its stream map cannot be applied ({type(error).__name__})"
        raise StreamFailedError(msg) from None
    return [row for row in mapped if row is not None]
