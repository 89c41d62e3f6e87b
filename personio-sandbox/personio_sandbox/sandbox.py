"""A sandbox in this process: a real HTTP server in a thread of its own."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from typing import TYPE_CHECKING, Any, Self

from .company import Company
from .control import control
from .options import Options
from .server import Server

if TYPE_CHECKING:
    from types import TracebackType

    from .access import Rights
    from .faults import Faults
    from .log import RequestLog


class Sandbox:
    """A local Personio. Use it as a context manager, or call `start` and `stop`.

    Takes an `Options`, or its fields as keyword arguments, or both (the keywords win).

    Attributes:
        company: the data, see `Company`.
        options: may be changed while it runs.
        requests: the log of requests, see `RequestLog`.
        faults: the faults that are switched on, see `Faults`.
        rights: what the credential may read, see `Rights`.
    """

    company: Company
    options: Options
    requests: RequestLog
    faults: Faults
    rights: Rights

    def __init__(self, options: Options | None = None, **more: Any) -> None:
        self.options = dataclasses.replace(options or Options(), **more)
        self.company = Company(self.options)
        self._server = Server(self.company, self.options, control)
        self.requests, self.faults, self.rights = (
            self._server.requests,
            self._server.faults,
            self._server.rights,
        )
        self.url = ""
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._error: BaseException | None = None

    @property
    def client_id(self) -> str:
        """The id of the one credential."""
        return self.options.client_id

    @property
    def client_secret(self) -> str:
        """The secret of the one credential."""
        return self.options.client_secret

    def start(self) -> Self:
        """Serve until `stop`. Raises OSError when the port is taken."""
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="personio-sandbox", daemon=True
        )
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def stop(self) -> None:
        """Stop the server. Does nothing if it is not running."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None

    def expire_tokens(self) -> None:
        """End all tokens now."""
        self._server.tokens.expire()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            port = await self._server.start()
            host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
            scheme = "http" if self.options.certificate is None else "https"
            self.url = f"{scheme}://{host}:{port}"
        except OSError as error:
            self._error = error
            return
        finally:
            self._started.set()
        await self._stop.wait()
        await self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
