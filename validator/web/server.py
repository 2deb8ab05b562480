"""aiohttp's server, with the one thing it answers on its own put into our form.

What is not HTTP at all never reaches the application: the connection answers it, as plain text or
HTML. :class:`Runner` is ``web.AppRunner`` with connections that answer as everything else here.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from validator.web import refusals
from validator.web.answers import Refusal
from validator.web.connections import WatchedConnection
from validator.web.contract import Style


class _Connection(WatchedConnection):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        super().handle_error(request, status, exc, message)  # logs it, and hangs up if it must
        if status < 500:
            lines = (message or "").splitlines()
            said = lines[0].rstrip(":") if lines else refusals.title(status)
        else:
            said = "internal server error"
        answer = refusals.reply(Style.OURS, Refusal(status, said))
        answer.force_close()
        return answer


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=asyncio.get_running_loop(),
            **{**made._kwargs, "auto_decompress": False},  # validator.web.bodies does it
        )
