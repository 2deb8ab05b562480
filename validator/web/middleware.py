"""What happens to every request, whichever face answers it.

It is measured; what the handler refuses, and what aiohttp does, is answered in the form of the
operation (:mod:`validator.web.refusals`); a failure of ours is logged and answered 500 without
details. An answer that the client has already is a 304, a long one is sent as gzip to those who
take it, and OPTIONS says what a path takes.

Nothing here looks anything up unless a request is refused: a validity answer takes some 40 µs, and
what every request pays comes on top.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from isal import isal_zlib

from validator.metrics.requests import UNMATCHED, RequestMetrics
from validator.web import refusals
from validator.web.answers import NO_CACHE, REQUEST_ID, Handler, Refusal, accepts_gzip, vary
from validator.web.contract import CONTRACT, Style

log = structlog.get_logger()

CLIENT_GONE = 499
"""In metrics: the client closed the connection before the answer was complete."""
WORTH_PACKING_BYTES = 1400
"""What fits one packet is sent as it is."""
_AT_ONCE_BYTES = 64 << 10
"""More is packed in a thread; this much takes a fraction of a millisecond."""
_GZIP_WINDOW = 31
_LEVEL = 1
_KEPT_BY_304 = (hdrs.ETAG, hdrs.CACHE_CONTROL, hdrs.VARY, hdrs.LAST_MODIFIED, hdrs.EXPIRES)


def middleware(requests: RequestMetrics) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The outermost middleware."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        status = CLIENT_GONE
        try:
            response: web.StreamResponse = await handler(request)
            if not response.prepared and _may_be_spared(request, response):
                response = await _spare(request, response)
            status = response.status
        except Refusal as refusal:
            status = refusal.status
            return _refuse(request, _style(request), refusal)
        except web.HTTPException as refused:
            response = await _refused(request, refused)
            status = response.status
            return response
        except (web.RequestPayloadError, HttpProcessingError):
            status = 400
            message = "the body could not be read as its headers describe it"
            return _refuse(request, _style(request), Refusal(400, message))
        except ConnectionError:
            raise
        except Exception:
            status = 500
            log.exception("request failed", method=request.method, path=request.path)
            return _refuse(request, _style(request), Refusal(500, "internal server error"))
        else:
            return response
        finally:
            resource = request.match_info.route.resource
            requests.observe(
                UNMATCHED if resource is None else resource.canonical,
                request.method,
                status,
                time.perf_counter() - began,
            )

    return answer


def _may_be_spared(request: web.Request, response: web.StreamResponse) -> bool:
    """Whether an answer that has not gone out yet need perhaps not go out, or not in full."""
    headers = response.headers
    if hdrs.CACHE_CONTROL not in headers:
        headers[hdrs.CACHE_CONTROL] = NO_CACHE
    if not isinstance(response, web.Response):
        return False
    body = response.body
    return (isinstance(body, bytes) and len(body) >= WORTH_PACKING_BYTES) or (
        hdrs.IF_NONE_MATCH in request.headers
    )


async def _spare(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """A 304, or the answer packed."""
    assert isinstance(response, web.Response)
    if hdrs.IF_NONE_MATCH in request.headers and _is_known(request, response):
        headers = response.headers
        kept = {name: headers[name] for name in _KEPT_BY_304 if name in headers}
        return web.Response(status=304, headers=kept)
    body = response.body
    if isinstance(body, bytes) and len(body) >= WORTH_PACKING_BYTES:
        await _pack(request, response, body)
    return response


def _is_known(request: web.Request, response: web.Response) -> bool:
    """Whether the client has this very answer (RFC 9110 section 13.1.2, weak comparison)."""
    if response.status != 200 or request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
        return False
    tag = response.etag
    known = request.if_none_match or ()
    return tag is not None and any(each.value in (tag.value, "*") for each in known)


async def _pack(request: web.Request, response: web.Response, body: bytes) -> None:
    headers = response.headers
    if hdrs.CONTENT_ENCODING in headers:
        return
    vary(headers, hdrs.ACCEPT_ENCODING)
    if not accepts_gzip(request):
        return
    if len(body) <= _AT_ONCE_BYTES:
        packed = isal_zlib.compress(body, _LEVEL, _GZIP_WINDOW)
    else:
        packed = await asyncio.to_thread(isal_zlib.compress, body, _LEVEL, _GZIP_WINDOW)
    response.body = packed
    headers[hdrs.CONTENT_ENCODING] = "gzip"


def _style(request: web.Request) -> Style:
    contract = request.app.get(CONTRACT)
    return contract.style_of(request.match_info.route.resource) if contract else Style.OURS


def _refuse(request: web.Request, style: Style, refusal: Refusal) -> web.Response:
    """The refusal; if part of an answer is out already, nothing but to hang up.

    Raises:
        ConnectionError: it is.
    """
    if request.writer.output_size > 0:
        raise ConnectionAbortedError(f"an answer under way came to its end: {refusal.message}")
    return refusals.reply(style, refusal, request.get(REQUEST_ID, ""))


async def _refused(request: web.Request, refused: web.HTTPException) -> web.Response:
    """What aiohttp itself refuses, in our forms; and OPTIONS, which it refuses for want of us."""
    style = _style(request)
    if isinstance(refused, web.HTTPNotFound):
        if request.method == hdrs.METH_OPTIONS and request.raw_path == "*":
            return _options({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_POST})
        return _refuse(
            request, style, Refusal(404, "no such resource; /api/v1 lists what there is")
        )
    if isinstance(refused, web.HTTPMethodNotAllowed):
        if request.method == hdrs.METH_OPTIONS:
            return _options(refused.allowed_methods)
        allowed = _listed(refused.allowed_methods)
        message = f"method {request.method} is not allowed here; use {allowed}"
        style = await _style_of_path(request)
        return _refuse(request, style, Refusal(405, message, {hdrs.ALLOW: allowed}))
    if isinstance(refused, web.HTTPRequestEntityTooLarge):
        message = f"the body is larger than {request.client_max_size} bytes"
        return _refuse(request, style, Refusal(413, message))
    return _refuse(request, style, Refusal(refused.status, refused.reason.lower()))


def _options(methods: set[str]) -> web.Response:
    """What a path takes (RFC 9110 section 9.3.7)."""
    return web.Response(
        status=204, headers={hdrs.ALLOW: _listed(methods), hdrs.CACHE_CONTROL: NO_CACHE}
    )


def _listed(methods: set[str]) -> str:
    return ", ".join(sorted({*methods, hdrs.METH_OPTIONS}))


async def _style_of_path(request: web.Request) -> Style:
    """The style of a path that does not take the method, so that it matched no route."""
    for resource in request.app.router.resources():
        _, methods = await resource.resolve(request)
        if methods:
            contract = request.app.get(CONTRACT)
            return contract.style_of(resource) if contract else Style.OURS
    return Style.OURS
