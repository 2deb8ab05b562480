"""The VRPs in force as lists, and what changes in them: the endpoints that Routinator has for it.

``/json``, ``/jsonext``, ``/csv``, ``/csvcompat``, ``/openbgpd``, ``/bird1``, ``/bird2`` and
``/rpsl``, with ``select-prefix``, ``select-asn``, ``include=more-specifics`` and ``exclude``;
``/json-delta`` and ``/json-delta/notify`` with ``session`` and ``serial``.

Whole lists are made once and kept (:mod:`validator.web.vrp_editions`); a selection is made as its
client reads it, and not kept.

``/json-delta/notify`` answers at once if it is asked about another version than that in force, else
when the version changes, and after :data:`WAIT_SECONDS` in any case: the client sees that nothing
has changed and asks again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from validator.feed import Feed
from validator.formats.asked import strict_prefix
from validator.formats.vrp_deltas import (
    LARGEST_SERIAL,
    LARGEST_SESSION,
    DeltaHistory,
    changes,
    everything,
)
from validator.formats.vrp_lists import EVERYTHING, Form, Parts, vrp_list
from validator.formats.vrp_selection import Selection
from validator.model import parse_asn
from validator.snapshot import Snapshot
from validator.web.answers import JSON, RETRY_SECONDS, Refusal, current, json_reply
from validator.web.contract import (
    ASN_TEXT,
    STRICT_PREFIX_TEXT,
    Content,
    Operation,
    Parameter,
    Style,
    query,
)
from validator.web.packed import degraded_header, send, send_pieces
from validator.web.vrp_editions import Edition, Editions
from validator.web.vrp_list_replies import (
    DeltaReply,
    ExtendedListReply,
    NotifyReply,
    VrpListReply,
)

WAIT_SECONDS = 55.0
"""Less than the minute after which proxies commonly give up on a silent server."""
MOST_WAITING = 1000
_FEW = 2000
"""Rows of a delta that are answered at once."""

_CSV = "text/csv;charset=utf-8;header=present"
_TEXT = "text/plain;charset=utf-8"
_MEDIA = {Form.JSON: JSON, Form.JSONEXT: JSON, Form.CSV: _CSV, Form.CSVCOMPAT: _CSV}
_TAG = "VRP lists"
_DELTA = "json-delta"


class VrpListFace:
    def __init__(
        self, feed: Feed, history: DeltaHistory, clock: Callable[[], float] = time.time
    ) -> None:
        self._feed, self._history = feed, history
        self._editions = Editions(history, clock)
        self._waiting = 0

    def operations(self) -> Sequence[Operation]:
        lists = [
            Operation(
                "GET",
                f"/{form.value}",
                self._handler(form),
                _SUMMARIES[form],
                _TAG,
                {200: _CONTENTS.get(form) or Content("the list", media=(_MEDIA.get(form, _TEXT),))},
                _SELECTING,
                style=Style.ROUTINATOR,
                tagged=True,
                name=f"vrps_{form.value}",
            )
            for form in Form
        ]
        return [
            *lists,
            Operation(
                "GET",
                "/json-delta",
                self.delta,
                "What changed since a version of the payload",
                _TAG,
                {200: Content("what changed, or everything", DeltaReply)},
                _VERSION,
                style=Style.ROUTINATOR,
            ),
            Operation(
                "GET",
                "/json-delta/notify",
                self.notify,
                "Wait for a change of the payload",
                _TAG,
                {200: Content("the version in force", NotifyReply)},
                _VERSION,
                style=Style.ROUTINATOR,
            ),
        ]

    def routes(self) -> list[web.RouteDef]:
        return [each.route for each in self.operations()]

    # ------------------------------------------------------------------------------------- lists

    def _handler(self, form: Form) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            """The VRPs in force, after local exceptions (RFC 8416). Select with any number of
            arguments: a VRP is listed if any of them selects it."""
            return await self.vrps(request, form)

        return handle

    async def vrps(self, request: web.Request, form: Form) -> web.StreamResponse:
        selection, parts = parse(request)
        snapshot = current(self._feed)
        edition = await self._editions.current(snapshot)
        headers = self._headers(snapshot, _MEDIA.get(form, _TEXT))
        if form in (Form.CSV, Form.CSVCOMPAT) and snapshot.sample:
            headers["Content-Disposition"] = f'inline; filename="{form.value}-SAMPLE.csv"'
        answer = web.StreamResponse(headers=headers)
        answer.etag = edition.tag
        answer.last_modified = edition.head.generated
        if _known(request, edition):
            answer.set_status(304)
            return await _bare(request, answer)
        if request.method == "HEAD":
            return await _bare(request, answer)
        table, head = edition.version.table, edition.head
        if selection is None:
            packed = await self._editions.packed(
                edition, (form.value, parts), lambda: vrp_list(table, form, head, parts)
            )
            return await send(request, answer, packed)
        return await send_pieces(request, answer, vrp_list(table, form, head, parts, selection))

    def _headers(self, snapshot: Snapshot, media: str) -> dict[str, str]:
        return {
            "Content-Type": media,
            "Vary": "Accept-Encoding",
            "Cache-Control": "no-cache",
            **degraded_header(snapshot, vrps_only=True),
        }

    # ------------------------------------------------------------------------------------ deltas

    async def delta(self, request: web.Request) -> web.StreamResponse:
        """Everything (``reset``) if no version is named, or one that is not known any more. Pass
        ``session`` and ``serial`` of the last answer to learn what has changed since."""
        asked = parse_version(request)
        snapshot = current(self._feed)
        edition = await self._editions.current(snapshot)
        answer = web.StreamResponse(headers=self._headers(snapshot, JSON))
        if request.method == "HEAD":
            return await _bare(request, answer)
        delta = await asyncio.to_thread(self._history.since, *asked) if asked else None
        if delta is None or delta.to_serial != edition.version.serial:
            packed = await self._editions.packed(
                edition,
                (_DELTA, EVERYTHING),
                lambda: everything(edition.version, edition.head),
            )
            return await send(request, answer, packed)
        pieces = changes(edition.version, edition.head, delta)
        if len(delta) <= _FEW:
            return web.Response(body=b"".join(pieces), headers=answer.headers)
        return await send_pieces(request, answer, pieces)

    async def notify(self, request: web.Request) -> web.Response:
        """Answers when the version is no longer the one named, at once if it is not, or none is
        named; after a minute at the latest, with whatever version is then in force."""
        asked = parse_version(request)
        version = await self._history.look(current(self._feed))
        if asked == (version.session, version.serial):
            if self._waiting >= MOST_WAITING:
                raise Refusal(
                    503,
                    f"{MOST_WAITING} clients wait already; ask /json-delta now and then instead",
                    {"Retry-After": str(RETRY_SECONDS)},
                )
            self._waiting += 1
            try:
                await self._history.newer(version.serial, WAIT_SECONDS)
            finally:
                self._waiting -= 1
            version = await self._history.look(current(self._feed))
        return json_reply(
            NotifyReply(version.session, version.serial), headers={"Cache-Control": "no-store"}
        )


# ---------------------------------------------------------------------------------- what is asked

_VERSION = (
    query(
        "session",
        "the session of the version; only together with serial",
        {"type": "integer", "minimum": 0, "maximum": LARGEST_SESSION},
    ),
    query(
        "serial",
        "the serial of the version; only together with session",
        {"type": "integer", "minimum": 0, "maximum": LARGEST_SERIAL},
    ),
)


def _several(name: str, about: str, items: Any) -> Parameter:
    return query(name, about, {"type": "array", "items": items})


_SELECTING = (
    _several("select-prefix", "only VRPs that cover this prefix", STRICT_PREFIX_TEXT),
    _several("select-asn", "only payload of this AS number", ASN_TEXT),
    _several("filter-prefix", "another name of select-prefix", STRICT_PREFIX_TEXT),
    _several("filter-asn", "another name of select-asn", ASN_TEXT),
    _several(
        "include",
        "more-specifics: with select-prefix, also VRPs inside the prefix; all else is ignored",
        {"type": "string"},
    ),
    _several(
        "exclude",
        "kinds of payload to leave out, separated by commas: routeOrigins, routerKeys, aspas; all "
        "else is ignored",
        {"type": "string"},
    ),
)


def parse(request: web.Request) -> tuple[Selection | None, Parts]:
    """What a list is asked to hold; no selection: everything.

    Raises:
        Refusal: 400, as Routinator refuses it.
    """
    prefixes, asns, included, excluded = set(), set(), set(), set()
    for key, value in request.query.items():
        try:
            if key in ("select-prefix", "filter-prefix"):
                prefixes.add(strict_prefix(value))
            elif key in ("select-asn", "filter-asn"):
                asns.add(parse_asn(value))
            elif key == "include":
                included.update(value.split(","))
            elif key == "exclude":
                excluded.update(value.split(","))
            else:
                raise Refusal(400, f"invalid query: unexpected argument {key!r}")
        except ValueError as error:
            raise Refusal(400, f"invalid query: {key}: {error}") from None
    parts = Parts(
        route_origins="routeOrigins" not in excluded,
        router_keys="routerKeys" not in excluded,
        aspas="aspas" not in excluded,
    )
    if not prefixes and not asns:
        return None, parts
    more = "more-specifics" in included
    return Selection(frozenset(prefixes), frozenset(asns), more), parts


def parse_version(request: web.Request) -> tuple[int, int] | None:
    """The session and serial that a client names, or None.

    Raises:
        Refusal: 400, one without the other, twice, or not numbers of 64 and 32 bits.
    """
    given: dict[str, int] = {}
    for key, value in request.query.items():
        most = {"session": LARGEST_SESSION, "serial": LARGEST_SERIAL}.get(key)
        if most is None:
            raise Refusal(400, f"invalid query: unexpected argument {key!r}")
        if key in given:
            raise Refusal(400, f"invalid query: {key} is given twice")
        if not (value.isascii() and value.isdigit() and len(value) <= 20 and int(value) <= most):
            raise Refusal(400, f"invalid query: {key} must be a number from 0 to {most}")
        given[key] = int(value)
    if not given:
        return None
    if len(given) == 1:
        raise Refusal(400, "invalid query: session and serial go together")
    return given["session"], given["serial"]


def _known(request: web.Request, edition: Edition) -> bool:
    """Whether the client has this edition (RFC 9110 section 13.2.2)."""
    if request.if_none_match is not None:
        return any(each.value in (edition.tag.value, "*") for each in request.if_none_match)
    since = request.if_modified_since
    made = datetime.fromtimestamp(edition.head.generated, UTC)
    return since is not None and made <= since


# --------------------------------------------------------------------------------------- answers


async def _bare(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """The headers alone."""
    bare = web.Response(status=answer.status, headers=answer.headers)
    if answer.status == 304:
        bare.headers.pop("Content-Type", None)
    return bare


_CONTENTS = {
    Form.JSON: Content("the VRPs, router keys and ASPAs in force", VrpListReply),
    Form.JSONEXT: Content("the same with sources", ExtendedListReply),
}
_SUMMARIES = {
    Form.JSON: "The VRPs in force, as JSON",
    Form.JSONEXT: "The VRPs in force, as JSON with sources and expiry",
    Form.CSV: "The VRPs in force, as CSV",
    Form.CSVCOMPAT: "The VRPs in force, as CSV with every value quoted",
    Form.OPENBGPD: "The VRPs in force, as a roa-set of OpenBGPD",
    Form.BIRD1: "The VRPs in force, as a roa table of BIRD 1",
    Form.BIRD2: "The VRPs in force, as a route table of BIRD 2",
    Form.RPSL: "The VRPs in force, as RPSL objects",
}
