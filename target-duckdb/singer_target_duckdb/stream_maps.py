"""Stream maps and flattening of the SDK, whose errors may quote an expression or a value."""

from __future__ import annotations

import copy
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import StreamMapConfigError

from singer_target_duckdb.errors import LoaderError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.mapper import StreamMap


# The SDK logs there what each expression gives, which is a value of a record.
logging.getLogger("singer_sdk.mapper").setLevel(logging.INFO)


def as_objects(properties: dict[str, Any]) -> dict[str, Any]:
    """The schemas of properties; `true`, `false` and null become objects, because the SDK flattens nothing else."""
    return {name: _as_object(definition) for name, definition in properties.items()}


def _as_object(definition: Any) -> Any:
    if isinstance(definition, dict) and isinstance(definition.get("properties"), dict):
        return {**definition, "properties": as_objects(definition["properties"])}
    if definition is False:  # no value is valid
        return {"not": {}}
    return {} if definition is True or definition is None else definition


@contextmanager
def applied(stream: str | None = None) -> Iterator[None]:
    """Say in one sentence that the setting `stream_maps` cannot be applied.

    Args:
        stream: the stream whose schema cannot be flattened, where there are no stream maps.
    """
    try:
        yield
    except Exception as error:
        if stream is not None:
            msg = (
                f"The schema of stream '{stream}' cannot be flattened: turn `flattening_enabled` off for it."
            )
            raise LoaderError(msg) from None
        reason = str(error) if isinstance(error, StreamMapConfigError) else "an expression is not valid."
        msg = f"Setting `stream_maps` cannot be applied: {reason}"
        raise LoaderError(msg) from None


def mapped(stream_map: StreamMap, record: dict[str, Any]) -> dict[str, Any] | None:
    """A record as a map has it; None if the map filters it out."""
    try:
        return stream_map.transform(copy.copy(record))
    except Exception:
        stream = stream_map.stream_alias
        msg = f"an expression in `stream_maps` cannot be applied to the record of stream '{stream}'."
        raise LoaderError(msg) from None
