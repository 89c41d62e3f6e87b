"""Starts the two commands as forks of a process that has their libraries: real processes, there within milliseconds.

A fork has its own environment, folder, signals and standard streams, and imports the package itself, as the command
does that a user starts. To import the libraries takes longer than most of what a test does.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MODULES = {"tap-personio": "tap_personio", "target-duckdb": "singer_target_duckdb"}
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["singer_sdk", "duckdb", "requests", "msgspec.inspect", "backoff"])


class Started:
    """A command that runs, with the part of `subprocess.Popen` that tests need.

    Args:
        command: the command with its arguments.
        stdin: a file to read from, PIPE, or nothing for an empty input.
        stdout, stderr: files to write to, or PIPE.
        env: the whole environment; that of this process unless given.
        cwd: the folder to start in.
        umask: what new files do not allow.
    """

    def __init__(
        self,
        command: Sequence[Any],
        *,
        stdin: IO[bytes] | int | None = None,
        stdout: IO[bytes] | int | None = None,
        stderr: IO[bytes] | int | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        umask: int = 0o022,
    ) -> None:
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None
        theirs = [self._end("stdin", stdin), self._end("stdout", stdout), self._end("stderr", stderr)]
        arguments = [str(each) for each in command]
        around = dict(os.environ if env is None else env), str(cwd or Path.cwd()), umask
        self._process = FORKS.Process(target=_main, args=(arguments, *around, *map(_Passed, theirs)))
        self._process.start()
        for each in theirs:
            os.close(each)

    def _end(self, name: str, wanted: IO[bytes] | int | None) -> int:
        """The fork's end of a standard stream; ours becomes an attribute if it is a pipe."""
        reads = name == "stdin"
        if wanted == subprocess.PIPE:
            read, write = os.pipe()
            setattr(self, name, os.fdopen(write if reads else read, "wb" if reads else "rb"))
            return read if reads else write
        if wanted is None:
            return os.open(os.devnull, os.O_RDONLY) if reads else os.dup(1 if name == "stdout" else 2)
        return os.dup(wanted if isinstance(wanted, int) else wanted.fileno())

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process.pid
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As of `Popen`; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """As of `Popen`."""
        return self._process.exitcode

    def kill(self) -> None:
        """As of `Popen`."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """As of `Popen`."""
        self.send_signal(signal.SIGTERM)

    def send_signal(self, number: int) -> None:
        """As of `Popen`."""
        with suppress(ProcessLookupError):
            if self.poll() is None:
                os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """As of `Popen`."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self._process), timeout or 0)
        return self._process.exitcode

    def communicate(self, given: bytes = b"", timeout: float | None = None) -> tuple[bytes, bytes]:
        """As of `Popen`: write to the pipe if there is one, read the others to their ends, and wait."""
        found: dict[str, bytes] = {}
        threads = [
            _thread(lambda name=name, pipe=pipe: found.update({name: pipe.read()}))
            for name, pipe in (("stdout", self.stdout), ("stderr", self.stderr))
            if pipe
        ]
        if self.stdin:
            with suppress(BrokenPipeError), self.stdin:
                self.stdin.write(given)
        self.wait(timeout)
        for each in threads:
            each.join()
        for pipe in (self.stdout, self.stderr):
            if pipe:
                pipe.close()
        return found.get("stdout", b""), found.get("stderr", b"")


def run(
    command: Sequence[Any],
    given: str | bytes = "",
    *,
    stdout: IO[bytes] | int = subprocess.PIPE,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = False,
) -> subprocess.CompletedProcess[Any]:
    """Run one of the two commands to its end, as `subprocess.run` does; it writes text where it is given text."""
    pipe = subprocess.PIPE
    started = Started(command, stdin=pipe, stdout=stdout, stderr=pipe, env=env, cwd=cwd)
    out, err = started.communicate(given.encode() if isinstance(given, str) else given)
    written = (out.decode(), err.decode()) if isinstance(given, str) else (out, err)
    done = subprocess.CompletedProcess(command, started.wait(), *written)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def _thread(target: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


class _Passed:
    """A file descriptor on its way to the fork."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> Any:
        return _detached, (DupFd(self.descriptor),)


def _detached(passed: Any) -> int:
    descriptor: int = passed.detach()
    return descriptor


def _main(command: list[str], environment: dict[str, str], folder: str, umask: int, *streams: int) -> None:
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    os.umask(umask)
    time.tzset()
    tempfile.tempdir = None
    sys.argv = command
    try:
        importlib.import_module(f"{MODULES[Path(command[0]).name]}.__main__").main()
    finally:
        atexit._run_exitfuncs()
