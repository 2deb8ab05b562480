"""RIPEstat's data calls that our data can answer: :mod:`validator.formats.ripestat` in its
envelope.

``/data/rpki-validation``, ``/data/prefix-overview``, ``/data/announced-prefixes`` and
``/data/routing-status``, each with ``/data.json`` behind it. As there, an AS is ``AS3333`` or
``3333``, and ``sourceapp`` and ``preferred_version`` may be sent: they are not looked at. Arguments
for the past (``starttime``, ``query_time`` and so on) are refused, for only the present is known.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from validator.feed import VERSION, Feed
from validator.formats import ripestat
from validator.formats.asked import relaxed_prefix
from validator.formats.ripestat import Messages
from validator.formats.ripestat_replies import (
    AnnouncedReply,
    AsRoutingReply,
    ErrorReply,
    NoData,
    OverviewReply,
    PrefixRoutingReply,
    RpkiReply,
)
from validator.history.moments import Moments
from validator.model import Prefix, parse_asn
from validator.snapshot import Snapshot
from validator.tables.addresses import parse_address
from validator.tables.origins import RowsByOrigin
from validator.web.answers import JSON, Refusal, stale_notes
from validator.web.contract import (
    ADDRESS_TEXT,
    ASN_TEXT,
    PREFIX_TEXT,
    Content,
    Operation,
    Parameter,
    Style,
    query,
)
from validator.web.moments import AT
from validator.web.moments import asked as moment

_TAG = "RIPEstat's data calls"
_VERSIONS = {
    "rpki-validation": "0.3",
    "prefix-overview": "1.3",
    "announced-prefixes": "1.2",
    "routing-status": "3.3",
    "rpki-history": "0.1",
}
_MOST_PEERS = 65_535
_PAST = frozenset(("starttime", "endtime", "query_time", "timestamp"))
_IGNORED = frozenset(("sourceapp", "preferred_version"))

_REFUSALS = (400, 404, 503)

_encode = msgspec.json.Encoder().encode


class RipestatFace:
    def __init__(self, feed: Feed, moments: Moments | None = None) -> None:
        self._feed, self._moments = feed, moments
        self._rows = RowsByOrigin()

    def operations(self) -> Sequence[Operation]:
        return [
            data_call(
                "rpki-validation",
                self.rpki_validation,
                "Whether an AS may originate a prefix",
                RpkiReply,
                [
                    _of_asn(),
                    query(
                        "prefix", "the prefix", PREFIX_TEXT, required=True, example="192.0.2.0/24"
                    ),
                    AT,
                ],
                _REFUSALS,
            ),
            data_call(
                "prefix-overview",
                self.prefix_overview,
                "Whether and by whom a prefix is announced",
                OverviewReply,
                [
                    about({"anyOf": [PREFIX_TEXT, ADDRESS_TEXT]}, "192.0.2.0/24"),
                    _LEAST,
                    query(
                        "max_related",
                        "the most related prefixes to list",
                        {
                            "type": "integer",
                            "minimum": 0,
                            "maximum": ripestat.MOST_RELATED,
                            "default": ripestat.USUALLY_RELATED,
                        },
                    ),
                    AT,
                ],
                _REFUSALS,
            ),
            data_call(
                "announced-prefixes",
                self.announced_prefixes,
                "The prefixes that an AS announces",
                AnnouncedReply,
                [_of_asn(), _LEAST, AT],
                _REFUSALS,
            ),
            data_call(
                "routing-status",
                self.routing_status,
                "How a prefix, an address or an AS is routed",
                PrefixRoutingReply | AsRoutingReply,
                [
                    about({"anyOf": [PREFIX_TEXT, ADDRESS_TEXT, ASN_TEXT]}, "192.0.2.0/24"),
                    _LEAST,
                    AT,
                ],
                _REFUSALS,
            ),
        ]

    def routes(self) -> list[web.RouteDef]:
        return [each.route for each in self.operations()]

    async def rpki_validation(self, request: web.Request) -> web.Response:
        """The covering VRPs, each with what is wrong with it, and RIPEstat's label for them all:
        ``invalid_length`` if one of them names the AS, else ``invalid_asn``."""
        given = arguments(request, "resource", "prefix", "at")
        origin = _asn(_required(given, "resource"))
        prefix = _read("prefix", relaxed_prefix, _required(given, "prefix"))
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        data = ripestat.rpki_validation(snapshot.explain(prefix, origin))
        return _answer("rpki-validation", RpkiReply, snapshot, data, [], vrps_only=True)

    async def prefix_overview(self, request: web.Request) -> web.Response:
        """Who announces a prefix, or if nobody does, the nearest one that covers it."""
        given = arguments(request, "resource", "min_peers_seeing", "max_related", "at")
        prefix, _ = _prefix_or_address(_required(given, "resource"))
        least = _number(given, "min_peers_seeing", _MOST_PEERS)
        related = _number(given, "max_related", ripestat.MOST_RELATED)
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        return await asyncio.to_thread(
            _made,
            "prefix-overview",
            OverviewReply,
            snapshot,
            lambda: ripestat.prefix_overview(
                snapshot, prefix, least, ripestat.USUALLY_RELATED if related is None else related
            ),
        )

    async def announced_prefixes(self, request: web.Request) -> web.Response:
        """The prefixes that an AS originates now."""
        given = arguments(request, "resource", "min_peers_seeing", "at")
        asn = _asn(_required(given, "resource"))
        least = _number(given, "min_peers_seeing", _MOST_PEERS)
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        return await asyncio.to_thread(
            _made,
            "announced-prefixes",
            AnnouncedReply,
            snapshot,
            lambda: ripestat.announced_prefixes(snapshot, asn, least, self._rows),
        )

    async def routing_status(self, request: web.Request) -> web.Response:
        """Origins and neighbourhood of a prefix, or what an AS announces; who sees it."""
        given = arguments(request, "resource", "min_peers_seeing", "at")
        resource = _required(given, "resource")
        least = _number(given, "min_peers_seeing", _MOST_PEERS)
        if resource[:2].upper() == "AS" or resource.isdigit():
            asn = _asn(resource)
            snapshot = await moment(self._moments, self._feed, given.get("at"))
            return await asyncio.to_thread(
                _made,
                "routing-status",
                AsRoutingReply,
                snapshot,
                lambda: ripestat.as_routing(snapshot, asn, least, self._rows),
            )
        prefix, address = _prefix_or_address(resource)
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        return await asyncio.to_thread(
            _made,
            "routing-status",
            PrefixRoutingReply,
            snapshot,
            lambda: ripestat.prefix_routing(snapshot, prefix, least, align=address),
        )


# ------------------------------------------------------------------------------------- envelopes


def error_reply(status: int, message: str) -> web.Response:
    """A refusal in RIPEstat's envelope."""
    reply = ErrorReply(
        **envelope("", [("error", message)]), status="error", status_code=status, data=NoData()
    )
    return web.Response(body=_encode(reply), status=status, content_type=JSON)


def _made(
    call: str,
    kind: type[Any],
    snapshot: Snapshot,
    make: Callable[[], tuple[msgspec.Struct, Messages]],
) -> web.Response:
    began = time.perf_counter()
    data, messages = make()
    spent = round(1000 * (time.perf_counter() - began))
    return _answer(call, kind, snapshot, data, messages, spent)


def _answer(
    call: str,
    kind: type[Any],
    snapshot: Snapshot,
    data: msgspec.Struct,
    messages: Messages,
    spent: int = 0,
    *,
    vrps_only: bool = False,
) -> web.Response:
    if snapshot.troubles:
        messages += [("warning", note) for note in stale_notes(snapshot, vrps_only)]
    if snapshot.sample:
        messages.append(("warning", "SAMPLE: these networks are made up"))
    reply = kind(**envelope(call, messages, spent), status="ok", status_code=200, data=data)
    return web.Response(
        body=_encode(reply), content_type=JSON, headers={"Cache-Control": "no-cache"}
    )


def envelope(call: str, messages: Messages, spent: int = 0) -> dict[str, Any]:
    """What goes around an answer but for its status; ``spent`` in milliseconds."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return {
        "messages": messages,
        "version": _VERSIONS.get(call, ""),
        "data_call_name": call,
        "query_id": f"{now:%Y%m%d%H%M%S}-{uuid.uuid4()}",
        "process_time": spent,
        "server_id": "originsight",
        "build_version": VERSION,
        "time": now.isoformat(timespec="microseconds"),
    }


# --------------------------------------------------------------------------------- what is asked

_LEAST = query(
    "min_peers_seeing",
    "leave out routes that fewer peers see; by default, those not counted as announced",
    {"type": "integer", "minimum": 0, "maximum": _MOST_PEERS},
)
_UNREAD = tuple(
    query(name, "not looked at", {"type": "string"}) for name in ("sourceapp", "preferred_version")
)


def about(schema: Mapping[str, Any], example: str) -> Parameter:
    """The parameter that every data call has."""
    return query("resource", "what is asked about", schema, required=True, example=example)


def _of_asn() -> Parameter:
    return about(ASN_TEXT, "AS64496")


def data_call(
    name: str,
    handler: Callable[[web.Request], Any],
    summary: str,
    kind: Any,
    parameters: Sequence[Parameter],
    refusals: Sequence[int] = (400, 503),
) -> Operation:
    """A data call."""
    return Operation(
        "GET",
        f"/data/{name}/data.json",
        handler,
        summary,
        _TAG,
        {200: Content("the answer in RIPEstat's envelope", kind)},
        [*parameters, *_UNREAD],
        refusals=refusals,
        style=Style.RIPESTAT,
    )


def arguments(request: web.Request, *allowed: str) -> dict[str, str]:
    """The arguments of a query.

    Raises:
        Refusal: 400, one is not ``allowed``.
    """
    given: dict[str, str] = {}
    for key, value in request.query.items():
        if key in _PAST:
            raise Refusal(400, f"{key}: leave it out; at= takes a day in the past")
        if key not in allowed and key not in _IGNORED:
            raise Refusal(400, f"unexpected parameter {key!r}; allowed: {', '.join(allowed)}")
        given[key] = value
    return given


def _required(given: Mapping[str, str], name: str) -> str:
    if name not in given:
        raise Refusal(400, f"missing parameter {name!r}")
    return given[name]


def _read(name: str, parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise Refusal(400, f"{name}: {error}") from None


def _asn(text: str) -> int:
    return int(_read("resource", parse_asn, text))


def _prefix_or_address(text: str) -> tuple[Prefix, bool]:
    """The prefix, and whether it is a single address without a length."""
    if "/" in text:
        return _read("resource", relaxed_prefix, text), False
    return _read("resource", parse_address, text), True


def _number(given: Mapping[str, str], name: str, most: int) -> int | None:
    if name not in given:
        return None
    text = given[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= most):
        raise Refusal(400, f"{name}: expected a number from 0 to {most}")
    return int(text)
