"""A Meltano project with the pair, as a user has it, that asks a sandbox."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from environments import KEPT, ROOT
from pair import Pair

if TYPE_CHECKING:
    from personio_sandbox import Sandbox

BIN = Path(sys.executable).parent
PACKAGES = ("tap-personio", "target-duckdb")


def declare(folder: Path) -> None:
    """Put `meltano.yml` and the packages that it names into a folder."""
    shutil.copy(ROOT / "meltano.yml", folder)
    for package in PACKAGES:
        (folder / package).symlink_to(ROOT / package)


def install(folder: Path) -> None:
    """Give a project its plugins, which Meltano installs for the first one that asks; they are kept for the others."""
    declared = b"".join(path.read_bytes() for path in (ROOT / "meltano.yml", *ROOT.glob("*/pyproject.toml")))
    kept = KEPT / f"meltano-{hashlib.sha256(declared).hexdigest()[:12]}"
    KEPT.mkdir(exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (kept / "ready").exists():
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            declare(kept)
            command = [BIN / "meltano", "install", *PACKAGES]
            environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
            subprocess.run(command, cwd=kept, env=environment, capture_output=True, check=True)
            (kept / "ready").touch()
    (folder / ".meltano").mkdir(mode=0o700)
    for kind in ("extractors", "loaders"):
        (folder / ".meltano" / kind).symlink_to(kept / ".meltano" / kind)


class Project:
    """A Meltano project, and the sandbox that its tap asks."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder, self.sandbox = folder, sandbox
        self.pair = Pair(folder, sandbox, schema="personio")
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("TAP_", "TARGET_", "MELTANO_"))
            },
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "NO_COLOR": "1",
            "TAP_PERSONIO_API_URL": sandbox.url,
            "TAP_PERSONIO_CLIENT_ID": sandbox.client_id,
            "TAP_PERSONIO_CLIENT_SECRET": sandbox.client_secret,
            "TAP_PERSONIO_RETRY_WAIT": "0.01",
            "TARGET_DUCKDB_PATH": str(self.pair.database),
        }

    def meltano(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run a command and return all that it printed."""
        done = subprocess.run(
            ["meltano", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout[-3000:]
        assert self.sandbox.client_secret not in done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout
