"""``GET /api/v1/events``: what happens, as Server-Sent Events, from where the client left off.

The stream begins with ``event: hello``, whose id is where the client stands now. All else are
messages: one event each (:class:`validator.events.kinds.Event`), or a ``gap`` where some are lost.
A client that returns with ``Last-Event-ID`` (browsers do) or ``after`` is first sent what it
missed. A comment with the latest id follows every 15 seconds.

Arguments may be repeated: events that fit one of the values of each argument given. What concerns
everybody (sources, ``many-changes``) is sent whatever networks and states were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Literal, TypeVar

import msgspec
from aiohttp import web

from validator.events.kinds import Kind
from validator.events.log import RESTARTED, TOO_OLD, UNKNOWN_ID, Filter, Place
from validator.feed import Feed
from validator.formats.asked import relaxed_prefix
from validator.formats.replies import generated_time
from validator.model import State, parse_asn
from validator.snapshot import Snapshot
from validator.web.answers import Refusal, current, stale_notes
from validator.web.contract import ASN_TEXT, PREFIX_TEXT, Content, Operation, query
from validator.web.streams import Full, Streams

T = TypeVar("T", bound=Hashable)

STREAM = "text/event-stream"
MOST_VALUES = 100
"""Of one argument."""
RETRY_SECONDS = 30
"""What a client is told to wait for when there are too many."""
_RECONNECT_MILLISECONDS = 3000
_ARGUMENTS = ("asn", "prefix", "country", "state", "kind")

_encode = msgspec.json.Encoder().encode


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream begins. ``id``: where the client stands; ``oldest``: the id to give as ``after``
    for all that is kept; ``degraded``: inputs that are in use beyond their time."""

    id: str
    kind: Literal["hello"] = "hello"
    oldest: str
    generation: int
    generated: str
    sample: bool
    degraded: list[str]


class EventFace:
    def __init__(self, feed: Feed, streams: Streams) -> None:
        self._feed, self._streams = feed, streams

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/events",
                self.stream,
                "What happens, as Server-Sent Events",
                "Watch",
                {
                    200: Content(
                        "a stream that does not end: `event: hello` first, then messages, each an "
                        "event or a gap as JSON, and a comment every 15 seconds",
                        media=(STREAM,),
                        schema={"type": "string"},
                    )
                },
                parameters=[
                    query(
                        "asn",
                        "events that concern this AS: as origin, as the AS of a VRP, as the AS "
                        "that VRPs over the route name, or as who originated the prefix before",
                        _list_of(ASN_TEXT),
                    ),
                    query(
                        "prefix",
                        "events on this prefix, on one inside it, or on one above it",
                        _list_of(PREFIX_TEXT),
                    ),
                    query(
                        "country",
                        "events on address space registered in this country (two letters, ZZ: "
                        "nobody's)",
                        _list_of({"type": "string", "pattern": "^[A-Za-z]{2}$"}),
                    ),
                    query(
                        "state",
                        "events on routes that were or are in this state",
                        _list_of({"type": "string", "enum": [each.value for each in State]}),
                    ),
                    query(
                        "kind",
                        "events of this kind; many-changes is sent all the same",
                        _list_of({"type": "string", "enum": [each.value for each in Kind]}),
                    ),
                    query(
                        "after",
                        "the id of the last event seen; a Last-Event-ID header goes before it",
                        {"type": "string", "pattern": "^[0-9]{1,18}-[0-9]{1,18}-[0-9]{1,18}$"},
                    ),
                ],
                refusals=(400, 503),
            )
        ]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """The stream begins with ``event: hello``; all else are messages, one event or gap each.

        Every message has an id. A client that returns with the id of the last one it saw is sent
        what it missed, or a gap if that is no longer kept. Comments carry the latest id too.

        Arguments may be repeated: each narrows the events to those that fit one of its values.
        What concerns everybody (``source-degraded``, ``source-recovered``, ``watch-started``) is
        sent whatever networks and states were asked for, ``many-changes`` and gaps in any case.
        """
        snapshot = current(self._feed)
        asked, after = _asked(request)
        response = web.StreamResponse(headers=_HEADERS)
        if request.method == "HEAD":
            await response.prepare(request)
            return response
        place, begins = self._begin(snapshot, request.headers.get("Last-Event-ID"), after)
        try:
            stream = self._streams.admit(asked, place)
        except Full:
            raise Refusal(
                503,
                f"there are {self._streams.most} event streams, as many as there may be",
                {"Retry-After": str(RETRY_SECONDS)},
            ) from None
        try:
            writer = await response.prepare(request)
            assert writer is not None
            await self._streams.follow(stream, writer, begins)
        except ConnectionError:
            pass  # the client has gone: that is how streams end
        finally:
            self._streams.leave(stream)
        return response

    def _begin(
        self, snapshot: Snapshot, header: str | None, after: Place | None
    ) -> tuple[int, bytes]:
        """Where a stream begins in the log, and what it says first."""
        streams, log = self._streams, self._streams.log
        now = log.id_before(streams.place)
        seen, lost = after, ""
        if header is not None:
            try:
                seen = Place.parse(header.strip())
            except ValueError:
                seen, lost = None, UNKNOWN_ID
        place = streams.place
        if seen is not None:
            found = log.after(seen)
            if found is not None:
                place, now = found, seen
            elif seen.session < log.session:
                lost = RESTARTED
            else:
                lost = TOO_OLD if seen < now else UNKNOWN_ID
        gap = b""
        if lost:  # what is still kept is sent after the gap
            place = log.first if lost != UNKNOWN_ID else place
            now = log.id_before(place)
            gap = streams.gap(now, lost)
        hello = Hello(
            id=str(now),
            oldest=str(log.id_before(log.first)),
            generation=snapshot.generation,
            generated=generated_time(snapshot.created),
            sample=snapshot.sample,
            degraded=stale_notes(snapshot),
        )
        lines = b"event: hello\nretry: %d\nid: %s\ndata: %s\n\n"
        return place, lines % (_RECONNECT_MILLISECONDS, hello.id.encode(), _encode(hello)) + gap


_HEADERS = {
    "Content-Type": STREAM,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}


def _list_of(items: object) -> dict[str, object]:
    return {"type": "array", "items": items, "maxItems": MOST_VALUES}


def _asked(request: web.Request) -> tuple[Filter, Place | None]:
    """What the client wants, and the last event that it says it saw.

    Raises:
        Refusal: 400, an argument is not allowed, or not what it should be.
    """
    given: dict[str, list[str]] = {name: [] for name in (*_ARGUMENTS, "after")}
    for key, value in request.query.items():
        if key not in given:
            allowed = ", ".join(given)
            raise Refusal(400, f"unexpected argument {key!r} in query; allowed: {allowed}")
        given[key].append(value)
        if len(given[key]) > MOST_VALUES:
            raise Refusal(400, f"{key}: at most {MOST_VALUES} values")
    if len(given["after"]) > 1:
        raise Refusal(400, "after: one value only")
    wanted = Filter(
        asns=_each("asn", given, parse_asn),
        prefixes=_each("prefix", given, relaxed_prefix),
        countries=_each("country", given, _country),
        states=_each("state", given, _one_of(State)),
        kinds=_each("kind", given, _one_of(Kind)),
    )
    after: frozenset[Place] = _each("after", given, Place.parse)
    return wanted, next(iter(after), None)


def _each(name: str, given: dict[str, list[str]], parse: Callable[[str], T]) -> frozenset[T]:
    try:
        return frozenset(map(parse, given[name]))
    except ValueError as error:
        raise Refusal(400, f"{name}: {error}") from None


def _one_of(choices: Iterable[T]) -> Callable[[str], T]:
    known = {str(each): each for each in choices}

    def choose(text: str) -> T:
        if text not in known:
            raise ValueError(f"{text[:80]!r} is none of {', '.join(known)}")
        return known[text]

    return choose


def _country(text: str) -> str:
    if len(text) != 2 or not (text.isascii() and text.isalpha()):
        raise ValueError(f"{text!r} is not a country code of two letters")
    return text.upper()
