"""Who may read our answers from a page in a browser (the Fetch standard, "CORS protocol").

Nothing is said to anybody unless the settings name origins. There are no cookies, so credentials
are never allowed; a token goes in the header ``Authorization``, which a page may send.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import hdrs, web

from validator.web.answers import vary

_EXPOSED = ", ".join(
    (
        hdrs.ETAG,
        hdrs.RETRY_AFTER,
        hdrs.CONTENT_DISPOSITION,
        "X-Originsight-Sample",
        "X-Originsight-Degraded",
        "X-Request-Id",
    )
)
_ACCEPTED = ", ".join(
    (
        hdrs.AUTHORIZATION,
        hdrs.CONTENT_TYPE,
        hdrs.CONTENT_ENCODING,
        hdrs.IF_NONE_MATCH,
        hdrs.IF_MODIFIED_SINCE,
        hdrs.LAST_EVENT_ID,
    )
)
_PREFLIGHT_SECONDS = 86_400


def allow(
    origins: Iterable[str],
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal of aiohttp's that lets ``origins`` (``*``: all) read every answer."""
    allowed = frozenset(origins)

    async def say(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        if "*" in allowed:
            headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
        else:
            vary(headers, hdrs.ORIGIN)
            origin = request.headers.get(hdrs.ORIGIN)
            if origin not in allowed:
                return
            headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED
        asked = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD)
        if asked and request.method == hdrs.METH_OPTIONS and hdrs.ALLOW in headers:
            headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = headers[hdrs.ALLOW]
            headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _ACCEPTED
            headers[hdrs.ACCESS_CONTROL_MAX_AGE] = str(_PREFLIGHT_SECONDS)

    return say
