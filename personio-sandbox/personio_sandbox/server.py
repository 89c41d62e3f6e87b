"""The HTTP server: passes a request through hooks, faults, limits, token and rights to its endpoint."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from email.utils import format_datetime
from fnmatch import fnmatchcase
from time import time
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from . import faults, limits, v1, v2
from .access import Rights, Tokens
from .api import Answer, Api, Call, Handler, Refused
from .log import Request, RequestLog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .company import Company
    from .options import Options

    # Answers what is below /_sandbox/.
    Control = Callable[["Server", web.BaseRequest], Awaitable[web.Response]]

CACHED_BYTES = 256 * 1024 * 1024


class Server:
    """The HTTP server of a sandbox. Use it only in the event loop in which it was started."""

    def __init__(self, company: Company, options: Options, control: Control) -> None:
        self.company, self.options, self._control = company, options, control
        self.rights, self.tokens = Rights(), Tokens(options, company.clock)
        self.requests, self.faults, self.limits = RequestLog(), faults.Faults(), limits.Limits()
        self.api = Api(company, options, self.rights, self.tokens)
        self._pages: OrderedDict[tuple[str, str, str], Answer] = OrderedDict()
        self._pages_of: tuple[int, ...] = ()
        self._pages_size = 0
        self._runner: web.ServerRunner | None = None

    async def start(self) -> int:
        """Listen, and return the port."""
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, self.options.host, self.options.port, backlog=1024, ssl_context=self._tls()
        )
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    def _tls(self) -> ssl.SSLContext | None:
        if self.options.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.options.certificate)
        return context

    async def stop(self) -> None:
        """Stop listening and close all connections."""
        if self._runner is not None:
            await self._runner.cleanup()

    # --- one request ------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith("/_sandbox"):
            return await self._control(self, request)
        at = time()
        self.faults.run_hooks("before", path, self.company)
        fault = self.faults.pick(request.method, path)
        body = await request.read() if request.can_read_body else b""
        # The answer is computed before the delay: it shows the data at the time of the request.
        answer = self._answer(request, path, body, fault)
        delay = self.options.latency + (fault.seconds if fault is not None and fault.kind == "slow" else 0)
        if delay:
            await asyncio.sleep(delay)
        cut = fault is not None and fault.kind in ("reset", "reset-body")
        self.requests.add(
            Request(request.method, path, request.query, request.headers, 0 if cut else answer.status, at,
                    None if fault is None else fault.kind)
        )  # fmt: skip
        self.faults.run_hooks("after", path, self.company)
        if fault is not None and fault.kind in ("reset", "reset-body", "stall"):
            return await _send_broken(request, answer, fault)
        headers = dict(answer.headers)
        headers["Content-Type"] = answer.type
        if self.options.now is not None or self.company.clock.moves:
            headers["Date"] = format_datetime(self.company.now(), usegmt=True)
        return web.Response(body=answer.body, status=answer.status, headers=headers)

    def _answer(self, request: web.BaseRequest, path: str, body: bytes, fault: faults.Fault | None) -> Answer:
        if fault is not None:
            if fault.kind == "expire":
                self.tokens.expire()
            error = faults.replacement(fault, path, self._timestamp())
            if error is not None:
                return error
        with self.company.lock:
            try:
                answer = self._real(request, path, body)
            except Refused as refused:
                answer = refused.answer
        return answer if fault is None else faults.altered(fault, answer)

    def _real(self, request: web.BaseRequest, path: str, body: bytes) -> Answer:
        """The answer that Personio would give."""
        version = v2 if path.startswith("/v2/") else v1
        origin = f"{request.scheme}://{request.host}"
        call = Call(self.api, request.method, path, request.query, request.headers, origin, body)
        for pattern, status in self.options.gone.items():
            if fnmatchcase(path, pattern):
                raise Refused(version.gone(call, status))
        endpoint, call.params = version.ENDPOINTS.find(request.method, path)
        headers: list[tuple[str, str]] = []
        if version is v2 and not self.options.rate_limits:
            headers += limits.OFF
        if endpoint is not None and self.options.rate_limits:
            passed, limit_headers = self.limits.check(endpoint.template)
            headers += limit_headers
            if not passed:
                wait = (("Retry-After", "1"),) if self.options.retry_after else ()
                raise Refused(faults.error(429, path, self._timestamp(), (*headers, *wait)))
        rate = self.options.balance_rate
        if rate and path.endswith("/absences/balance") and not self.limits.may_ask_balance(rate):
            raise Refused(faults.error(429, path, self._timestamp()))
        if endpoint is None or endpoint.guarded:
            token = request.headers.get("Authorization", "").partition(" ")[2]
            if not self.tokens.use(token):
                raise Refused(version.bad_token(call) if token else version.no_token(call))
            if version is v1:
                # Each answer returns the token; since 2023 it is always the same one.
                echo = token if self.options.bearer == "constant" else self.tokens.renew()
                headers.append(("Authorization", f"Bearer {echo}"))
        if endpoint is None or (endpoint.beta and not self._beta(call)):
            raise Refused(version.unknown(call))
        if endpoint.area is not None and endpoint.area not in self.rights.areas:
            raise Refused(version.denied(call, endpoint.area))
        answer = (
            self._cached(call, request.path_qs, endpoint.handler)
            if endpoint.steady
            else endpoint.handler(call)
        )
        return msgspec.structs.replace(answer, headers=(*answer.headers, *headers)) if headers else answer

    def _beta(self, call: Call) -> bool:
        return self.options.beta and call.headers.get("Beta", "").lower() == "true"

    def _cached(self, call: Call, asked: str, handler: Handler) -> Answer:
        """The cached answer to the same request, unless something has changed since then."""
        state = (self.company.version, self.rights.version, self.options.version)
        if state != self._pages_of:
            self._pages.clear()
            self._pages_of, self._pages_size = state, 0
        key = (call.method, call.origin, asked)
        answer = self._pages.get(key)
        if answer is None:
            answer = self._pages[key] = handler(call)
            self._pages_size += len(answer.body)
            while self._pages_size > CACHED_BYTES:
                self._pages_size -= len(self._pages.popitem(last=False)[1].body)
        return answer

    def _timestamp(self) -> str:
        return self.company.now().strftime("%Y-%m-%dT%H:%M:%SZ")


async def _send_broken(request: web.BaseRequest, answer: Answer, fault: faults.Fault) -> web.StreamResponse:
    """Break the connection before or in the middle of the body, or pause in the middle."""
    response = web.StreamResponse(status=answer.status)
    if fault.kind != "reset":
        response.content_type = answer.type
        response.content_length = len(answer.body)
        await response.prepare(request)
        half = len(answer.body) // 2
        await response.write(answer.body[:half])
        # Give the system time to send what was written before the connection is aborted.
        await asyncio.sleep(fault.seconds if fault.kind == "stall" else 0.02)
        if fault.kind == "stall":
            await response.write(answer.body[half:])
            await response.write_eof()
            return response
    if request.transport is not None:
        request.transport.abort()
    return response
