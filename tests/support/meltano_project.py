"""A Meltano project with the pair, as a user has it, that asks a sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pair import Pair

if TYPE_CHECKING:
    from personio_sandbox import Sandbox

BIN = Path(sys.executable).parent


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
