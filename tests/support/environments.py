"""Installs what the tests meet but do not import, each in a virtual environment of its own that is kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
# Inside the environment that runs the tests: `make clean` removes both.
KEPT = Path(sys.prefix) / "tested"


def install(*requirements: str) -> Path:
    """The `bin` of an environment with these requirements, made on the first call."""
    environment = KEPT / hashlib.sha256(" ".join(requirements).encode()).hexdigest()[:12]
    # The loader, which some tests run in this process, takes all rights from others by its umask; PostgreSQL's server
    # runs as another user and has to reach its own files.
    KEPT.mkdir(exist_ok=True)
    KEPT.chmod(0o755)
    with environment.with_suffix(".lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (environment / "ready").exists():
            python = environment / "bin" / "python"
            for command in (
                [UV, "venv", "--quiet", "--clear", "--python", sys.executable, environment],
                [UV, "pip", "install", "--quiet", "--python", python, *requirements],
            ):
                subprocess.run(command, check=True, umask=0o022)
            (environment / "ready").touch()
    return environment / "bin"


def made(environment: str, override: str) -> Path:
    """The `bin` of an environment that the Makefile makes, or the folder that an environment variable names."""
    if override in os.environ:
        return Path(os.environ[override])
    subprocess.run(["make", "--silent", f"{environment}/ready"], cwd=ROOT, check=True)
    return ROOT / environment / "bin"
