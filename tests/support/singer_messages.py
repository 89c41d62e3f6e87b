"""Builders of Singer messages."""

from __future__ import annotations

import json


def schema(stream, properties, keys=("id",)):
    """A SCHEMA message; a property given as text is that JSON type, as `date` or `date-time` that format."""
    formats = {"date", "date-time", "time"}

    def definition(kind):
        if isinstance(kind, str):
            return (
                {"type": ["null", "string"], "format": kind} if kind in formats else {"type": ["null", kind]}
            )
        return kind

    properties = {name: definition(kind) for name, kind in properties.items()}
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"properties": properties},
        "key_properties": list(keys),
    }


def record(stream, version=None, **values):
    """A RECORD message."""
    message = {"type": "RECORD", "stream": stream, "record": values}
    return message if version is None else message | {"version": version}


def activate(stream, version):
    """An ACTIVATE_VERSION message."""
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


def state(**value):
    """A STATE message."""
    return {"type": "STATE", "value": value}


def lines(*messages):
    """The input that a tap would write; bytes are lines as they are."""
    return b"".join((m if isinstance(m, bytes) else json.dumps(m).encode()) + b"\n" for m in messages)
