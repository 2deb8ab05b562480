"""Who may ask, and how often: bearer tokens (RFC 6750), roles, rates.

Reading needs no token unless the settings say so (``HttpSettings.open_to_all``); what changes
something always does, one with the role ``admin``. ``/healthz`` is open to all and never counted,
and so is OPTIONS, which browsers send without a token before they ask.

A client that has sent too many wrong tokens must wait. Meanwhile no token of it is looked at but
those that were right before from there: a script with an old token does not lock out its
neighbour with a good one, and who guesses learns nothing.

Everything is looked at before the handler runs, in some two microseconds, and by nothing that
waits.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections import OrderedDict

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from multidict import istr

from validator.settings.http import HttpSettings, Role, hash_token
from validator.web.access_log import CLIENT, note_hang_up
from validator.web.answers import REQUEST_ID, Handler, Refusal
from validator.web.clients import GRANT, Address, Addresses, Buckets, Grant

REQUEST_ID_HEADER = istr("X-Request-ID")
OPEN_PATH = "/healthz"
_CHALLENGE = 'Bearer realm="originsight"'
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,64}").fullmatch
_MOST_GOOD = 4096
_FAILURE_SECONDS = 60.0


def require_admin(request: web.Request) -> Grant:
    """For handlers that change something.

    Raises:
        Refusal: 401, there is no token; 403, it is not good for this.
    """
    grant: Grant | None = request.get(GRANT)
    if grant is None:
        raise Refusal(
            401,
            "this needs a token with the role admin, in the header Authorization",
            {hdrs.WWW_AUTHENTICATE: _CHALLENGE},
        )
    if grant.role is not Role.ADMIN:
        raise Refusal(
            403,
            f"the token {grant.name} may only read: this needs the role admin",
            {hdrs.WWW_AUTHENTICATE: f'{_CHALLENGE}, error="insufficient_scope"'},
        )
    return grant


class Access:
    """The door."""

    def __init__(self, settings: HttpSettings, addresses: Addresses | None = None) -> None:
        self._addresses = addresses or addresses_of(settings)
        self._tokens = tuple(
            (bytes.fromhex(token.sha256), Grant(token.name, token.role))
            for token in settings.tokens
        )
        self._open = settings.open_to_all
        rate = settings.requests_per_second
        self._requests = Buckets(rate, settings.burst) if rate else None
        failures = settings.token_failures
        self._failures = Buckets(failures / _FAILURE_SECONDS, failures)
        self._good: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._logs = settings.access_log

    def install(self, app: web.Application) -> None:
        """Into an application, inside of the middlewares that it has so far."""
        app.middlewares.append(self.middleware())
        app.on_response_prepare.append(_return_id if self._logs else _return_sent_id)

    def middleware(self) -> Middleware:
        @web.middleware
        async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.admit(request)
            return await handler(request)

        @web.middleware
        async def admit_and_log(request: web.Request, handler: Handler) -> web.StreamResponse:
            began = time.monotonic()
            request[CLIENT] = self._addresses.of(request).text
            sent = request.headers.get(REQUEST_ID_HEADER)
            if sent is None or not _REQUEST_ID(sent):
                request[REQUEST_ID] = secrets.token_hex(8)
            self.admit(request)
            try:
                return await handler(request)
            except ConnectionError:
                note_hang_up(request, time.monotonic() - began)
                raise

        return admit_and_log if self._logs else admit

    def admit(self, request: web.Request) -> None:
        """Let a request in.

        Raises:
            Refusal: 401, its token is wrong or missing; 429, there were too many, with the seconds
                to wait in Retry-After.
        """
        headers = request.headers
        if REQUEST_ID_HEADER in headers and _REQUEST_ID(sent := headers[REQUEST_ID_HEADER]):
            request[REQUEST_ID] = sent
        if request.raw_path == OPEN_PATH:
            return
        address = self._addresses.of(request)
        if self._requests is not None and not address.local:
            wait = self._requests.take(address.key, time.monotonic())
            if wait:
                raise _too_many("more requests than one client may send", wait)
        if not self._tokens:
            return
        token = _bearer(headers.get(hdrs.AUTHORIZATION, ""))
        if token is not None:
            request[GRANT] = self._grant(address, token)
        elif not self._open and request.method != hdrs.METH_OPTIONS:
            raise Refusal(
                401,
                "this needs a token, in the header Authorization: Bearer …",
                {hdrs.WWW_AUTHENTICATE: _CHALLENGE},
            )

    def _grant(self, address: Address, token: str) -> Grant:
        digest = bytes.fromhex(hash_token(token))
        now = time.monotonic()
        wait = self._failures.wait(address.key, now)
        known = (address.key, digest)
        if wait and known not in self._good:
            raise _too_many("too many wrong tokens from here", wait)
        found = None
        for right, grant in self._tokens:  # all of them, whichever it is: the time tells nothing
            if hmac.compare_digest(digest, right):
                found = grant
        if found is None:
            self._failures.take(address.key, now)
            raise Refusal(
                401,
                "this token is not known here",
                {hdrs.WWW_AUTHENTICATE: f'{_CHALLENGE}, error="invalid_token"'},
            )
        self._good[known] = None
        self._good.move_to_end(known)
        if len(self._good) > _MOST_GOOD:
            self._good.popitem(last=False)
        return found


def addresses_of(settings: HttpSettings) -> Addresses:
    return Addresses(settings.trusted_proxies, settings.forwarded_header)


def _bearer(header: str) -> str | None:
    """The token; None if there is none, or credentials of another kind, which are a proxy's."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _too_many(what: str, wait: int) -> Refusal:
    return Refusal(429, f"{what}: ask again in {wait} s", {hdrs.RETRY_AFTER: str(wait)})


async def _return_id(request: web.Request, response: web.StreamResponse) -> None:
    name = request.get(REQUEST_ID)
    if name is not None:
        response.headers[REQUEST_ID_HEADER] = name


async def _return_sent_id(request: web.Request, response: web.StreamResponse) -> None:
    if REQUEST_ID_HEADER in request.headers:  # looking here is quicker than for the id itself
        await _return_id(request, response)
