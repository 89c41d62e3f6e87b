"""The command `personio-sandbox`."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import signal
import sys
import threading
from typing import Any, Literal, get_args, get_origin

from . import __version__
from .faults import KINDS
from .options import TYPES, Options
from .sandbox import Sandbox


def parser() -> argparse.ArgumentParser:
    """The command line: every option of the sandbox, and faults."""
    result = argparse.ArgumentParser(
        prog="personio-sandbox",
        description="A local Personio with an invented company: /v1 and /v2 are the API, /_sandbox controls it.",
    )
    result.add_argument("--version", action="version", version=f"personio-sandbox {__version__}")
    for option in dataclasses.fields(Options):
        flag, kind, help_ = (
            "--" + option.name.replace("_", "-"),
            TYPES[option.name],
            option.metadata["meaning"],
        )
        if option.name == "gone":
            result.add_argument(
                flag, action="append", metavar="PATTERN=STATUS", help="an endpoint that is switched off"
            )
            continue
        if option.default not in (None, True, False):
            help_ += f" (default {option.default})"
        if kind is bool:
            result.add_argument(
                flag, action=argparse.BooleanOptionalAction, default=option.default, help=help_
            )
        elif get_origin(kind) is Literal:
            result.add_argument(flag, choices=get_args(kind), default=option.default, help=help_)
        else:
            plain = next(t for t in get_args(kind) or (kind,) if t is not type(None))
            read = dt.datetime.fromisoformat if plain is dt.datetime else plain
            result.add_argument(
                flag, type=read, default=option.default, metavar=option.name.upper(), help=help_
            )
    result.add_argument(
        "--faults", action="append", default=[], metavar="KIND[@PATH][,SETTING=VALUE…]",
        help=f"a fault, e.g. '503@/v1/company/*,probability=0.1,times=none'; kinds: {', '.join(KINDS)}",
    )  # fmt: skip
    return result


def fault_of(text: str) -> dict[str, Any]:
    """``503@/v1/*,nth=3,times=2`` as the arguments of `Faults.add`."""
    head, *settings = text.split(",")
    kind, _, path = head.partition("@")
    result: dict[str, Any] = {"kind": kind, "path": path or "*"}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name in ("nth", "by", "seed"):
            result[name] = int(value)
        elif name in ("probability", "seconds"):
            result[name] = float(value)
        elif name == "times":
            result[name] = None if value == "none" else int(value)
        elif name in ("method", "retry_after"):
            result[name] = value
        else:
            raise ValueError(f"a fault has no setting {name!r}")
    return result


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted. Prints one line when ready."""
    given = parser().parse_args(arguments)
    try:
        values = {field.name: getattr(given, field.name) for field in dataclasses.fields(Options)}
        pairs = [pair.rpartition("=") for pair in values.pop("gone") or []]
        options = Options(**values, gone={pattern: int(status) for pattern, _, status in pairs})
        sandbox = Sandbox(options)
        for text in given.faults:
            sandbox.faults.add(**fault_of(text))
        sandbox.start()
    except (ValueError, OSError) as error:
        sys.stderr.write(f"personio-sandbox: {error}\n")
        return 2
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        sys.stdout.write(
            f"{sandbox.url} client_id={sandbox.client_id} client_secret={sandbox.client_secret}\n"
        )
        sys.stdout.flush()
        stop.wait()
    finally:
        sandbox.stop()
    return 0
