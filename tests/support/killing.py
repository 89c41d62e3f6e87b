"""Runs the loader in a process that kills itself in the middle of its work, at a statement that the test names."""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from commands import FORKS
from singer_target_duckdb.database import Database
from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.target import TargetDuckDB


def run(messages: bytes, config: dict[str, Any], output: Path, kill_at: int | None = None) -> list[bytes]:
    """Load messages in a process of its own.

    Args:
        messages: the input.
        config: the settings.
        output: file for what it prints.
        kill_at: number of the statement before which it is killed; None for never.

    Returns:
        The states that it has printed.

    Raises:
        LoaderError: if the loader ended with one.
    """
    process = FORKS.Process(target=_load, args=(messages, config, str(output), kill_at))
    process.start()
    process.join()
    states, error = output.read_bytes().splitlines(), output.with_suffix(".error")
    assert process.exitcode in {0, 1, -signal.SIGKILL}, process.exitcode
    if process.exitcode == 1:
        raise LoaderError(error.read_text())
    return states


def _load(messages: bytes, config: dict[str, Any], output: str, kill_at: int | None) -> None:
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    if kill_at is not None:
        _kill_at(kill_at)
    try:
        TargetDuckDB(config=config).listen(io.BytesIO(messages))
    except LoaderError as error:
        Path(output).with_suffix(".error").write_text(str(error))
        sys.stdout.flush()
        os._exit(1)
    sys.stdout.flush()
    with suppress(OSError):
        os._exit(0)


def _kill_at(statement: int) -> None:
    """Kill this process at the n-th statement that the loader gives to DuckDB."""
    left = [statement]
    for name in ("execute", "rows"):
        method = getattr(Database, name)

        def counted(self: Database, *arguments: Any, _method: Any = method) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return _method(self, *arguments)

        setattr(Database, name, counted)
