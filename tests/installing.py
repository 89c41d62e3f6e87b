"""Installs what the tests meet but do not import, each in a virtual environment of its own that is kept."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

UV = Path(sys.executable).with_name("uv")
# Inside the environment that runs the tests: `make clean` removes both.
KEPT = Path(sys.prefix) / "tested"


def install(*requirements: str) -> Path:
    """The `bin` of an environment with these requirements, made on the first call."""
    environment = KEPT / hashlib.sha256(" ".join(requirements).encode()).hexdigest()[:12]
    KEPT.mkdir(exist_ok=True)
    with environment.with_suffix(".lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (environment / "ready").exists():
            python = environment / "bin" / "python"
            subprocess.run(
                [UV, "venv", "--quiet", "--clear", "--python", sys.executable, environment], check=True
            )
            subprocess.run([UV, "pip", "install", "--quiet", "--python", python, *requirements], check=True)
            (environment / "ready").touch()
    return environment / "bin"
