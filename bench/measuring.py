"""Measure whole processes: wall time, CPU time and peak memory."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# For some seconds after a process has ended, the system may still free its memory (a virtual machine returns it to its
# host), which can slow down the next process.
REST_SECONDS = 5.0

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".bench"
BIN = Path(sys.executable).parent


@dataclass
class Figures:
    """Seconds of one run, and MiB of its largest process."""

    wall: float
    cpu: float
    peak: float


@dataclass
class Series:
    """Several runs of one contender."""

    name: str
    runs: list[Figures] = field(default_factory=list)

    def median(self, what: str) -> float:
        """Median of `wall`, `cpu` or `peak`."""
        return median(getattr(run, what) for run in self.runs)


def run(commands: Sequence[Sequence[str]], output: Path | None = None, **options: Any) -> Figures:
    """Run a pipeline and wait for it.

    Args:
        commands: each one reads the output of the one before.
        output: where the output of the last one goes; it is discarded if there is none.
        options: for the processes, such as `env` and `cwd`.

    Raises:
        RuntimeError: one of them failed; the message contains the end of its standard error.
    """
    began = time.perf_counter()
    processes: list[subprocess.Popen[bytes]] = []
    errors = []
    source = None
    sink: Any = output.open("wb") if output else subprocess.DEVNULL
    for command in commands:
        last = len(processes) == len(commands) - 1
        errors.append((ENVIRONMENTS / f"stderr-{len(processes)}").open("wb+"))
        process = subprocess.Popen(
            command,
            stdin=source or subprocess.DEVNULL,
            stdout=sink if last else subprocess.PIPE,
            stderr=errors[-1],
            **options,
        )
        if source:
            source.close()
        source = process.stdout
        processes.append(process)
    cpu = peak = 0.0
    for process, error in zip(processes, errors, strict=True):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss / 1024)
        if process.returncode:
            error.seek(0)
            msg = f"{process.args} ended with {process.returncode}: {error.read()[-2000:].decode()}"
            raise RuntimeError(msg)
        error.close()
    return Figures(time.perf_counter() - began, cpu, peak)


def in_turn(rounds: int, rest: float = 0.0, **things: Callable[[], Figures]) -> dict[str, Series]:
    """Run contenders in alternation, A B A B …, so that a change of the machine's speed affects all of them.

    Args:
        rounds: number of runs of each.
        rest: seconds before each run.
        things: the contenders.
    """
    series = {name: Series(name) for name in things}
    for number in range(rounds):
        for name, thing in things.items():
            time.sleep(rest)
            figures = thing()
            series[name].runs.append(figures)
            print(
                f"  {number + 1}/{rounds} {name}: {figures.wall:.2f} s, {figures.cpu:.2f} s of CPU time, "
                f"{figures.peak:.0f} MiB",
                flush=True,
            )
    return series


def environment(name: str, *requirements: str) -> Path:
    """The Python of a separate environment with these packages, created once, with compiled bytecode."""
    path = ENVIRONMENTS / name
    python = path / "bin" / "python"
    if not (path / "ready").exists():
        uv = str(BIN / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, path], check=True)
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
        subprocess.run([*install, *requirements], check=True)
        (path / "ready").touch()
    return python


@functools.cache
def ours() -> Path:
    """Folder with the executables of the tap and the loader, in a separate environment, as Meltano creates it."""
    packages = (ROOT / "tap-personio", ROOT / "target-duckdb")
    python = environment("ours", *(part for package in packages for part in ("--editable", str(package))))
    subprocess.run([python, "-m", "compileall", "-q", *packages], check=True)
    return python.parent


@contextlib.contextmanager
def sandbox(**options: Any) -> Iterator[str]:
    """A sandbox in a separate process; yields its URL."""
    flags = [
        f"--{'no-' if value is False else ''}{name.replace('_', '-')}" if isinstance(value, bool)
        else f"--{name.replace('_', '-')}={value}"
        for name, value in options.items()
    ]  # fmt: skip
    process = subprocess.Popen([BIN / "personio-sandbox", *flags], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[0]
    finally:
        process.terminate()
        process.wait(timeout=20)


def ask(url: str, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    """Send a request to a control endpoint of the sandbox: GET, or POST with a body, unless `method` says otherwise."""
    request = urllib.request.Request(
        f"{url}/_sandbox/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)
