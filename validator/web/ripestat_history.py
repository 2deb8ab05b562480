"""RIPEstat's ``rpki-history``: how many VRPs a resource had, from the tables of past days.

As there: of a prefix those with exactly this prefix, of an AS those with this origin, of a country
those of space delegated to it (on each day, by its registry files), of a trust anchor its own; of
one family. VRPs are those after local exceptions, as they were validated with. ``delegated=true``
is refused: how many *delegations* lie under VRPs is not kept.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import fmean
from typing import Literal

import msgspec
from aiohttp import web

from validator.formats.asked import relaxed_prefix
from validator.formats.ripestat_replies import Envelope
from validator.history.layout import quoted
from validator.history.moments import Moments
from validator.history.runs import Match, counts, place
from validator.history.tables import Tables
from validator.model import Family, parse_asn
from validator.web import ripestat
from validator.web.answers import JSON, Refusal
from validator.web.contract import ASN_TEXT, PREFIX_TEXT, Operation, query
from validator.web.coverage import one_of
from validator.web.past import no_history, readable

_NAME = "rpki-history"
_COUNTRY = "^[A-Za-z]{2}$"
_ANCHOR = "^[A-Za-z][A-Za-z_-]{2,31}$"
_RESOURCE = {
    "anyOf": [
        PREFIX_TEXT,
        ASN_TEXT,
        {"type": "string", "pattern": _COUNTRY},
        {"type": "string", "pattern": _ANCHOR},
    ],
    "description": "a prefix, an AS number, a country (ISO 3166-1 alpha-2) or a trust anchor",
}
_RESOLUTIONS = ("d", "w", "m", "y")
_SAME_ANCHORS = {"ripe": ("ripe", "ripencc"), "ripencc": ("ripe", "ripencc")}
"""What exports call RIPE NCC's."""

_encode = msgspec.json.Encoder().encode


class VrpCounts(msgspec.Struct, frozen=True):
    """Of the days of a week, month or year: ``first`` and ``last`` are those of its first and last
    recorded day."""

    min: int
    avg: float
    max: int
    first: int
    last: int


class RpkiCount(msgspec.Struct, frozen=True):
    """``vrp_count`` is a number for a day, else :class:`VrpCounts`."""

    vrp_count: int | VrpCounts


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A day, or the week (from Monday), month or year that begins with it. One of ``prefix``,
    ``asn``, ``cc`` and ``trust_anchor`` is there: what was asked about. ``samples`` are the days
    recorded."""

    prefix: str = ""
    asn: str = ""
    cc: str = ""
    trust_anchor: str = ""
    time: str
    family: Literal[4, 6]
    rpki: RpkiCount
    samples: int = 0


class RpkiHistoryData(msgspec.Struct, frozen=True):
    """Days that are not recorded are left out; nothing is listed if there never was a VRP."""

    timeseries: list[HistoryEntry]
    resource: str


class RpkiHistoryReply(Envelope, frozen=True, kw_only=True):
    """``rpki-history``."""

    data: RpkiHistoryData


class RipestatHistoryFace:
    def __init__(self, moments: Moments | None) -> None:
        self._moments = moments
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        return [
            ripestat.data_call(
                _NAME,
                self.rpki_history,
                "How many VRPs there were of a resource, day by day",
                RpkiHistoryReply,
                [
                    ripestat.about(_RESOURCE, "192.0.2.0/24"),
                    query("family", "4 (default) or 6; a prefix has its own",
                          {"type": "integer", "enum": [4, 6]}),
                    query("resolution", "day (default), week, month or year", one_of(_RESOLUTIONS)),
                    query("delegated", "only false is known here", {"type": "string",
                          "enum": ["false"]}),
                ],
                (400, 404, 503),
            )
        ]  # fmt: skip

    async def rpki_history(self, request: web.Request) -> web.Response:
        """The number of VRPs on each recorded day."""
        given = ripestat.arguments(request, "resource", "family", "resolution", "delegated")
        asked = parse(given)
        if self._moments is None or self._moments.tables is None:
            raise no_history()
        tables = self._moments.tables
        async with self._turn:
            with readable():
                return await asyncio.to_thread(_answer, tables, *asked)


def parse(given: Mapping[str, str]) -> tuple[str, str, Family, str]:
    """Which kind of resource is asked about, and which, the family, and the resolution.

    Raises:
        Refusal: 400, saying what is allowed.
    """
    text = given.get("resource")
    if text is None:
        raise Refusal(400, "missing parameter 'resource'")
    family = given.get("family", "4")
    if family not in ("4", "6"):
        raise Refusal(400, "family: expected 4 or 6")
    resolution = given.get("resolution", "d")
    if resolution not in _RESOLUTIONS:
        raise Refusal(400, f"resolution: expected one of {', '.join(_RESOLUTIONS)}")
    if given.get("delegated", "false") != "false":
        raise Refusal(400, "delegated: which delegations lie under VRPs is not kept; leave it out")
    try:
        if "/" in text:
            prefix = relaxed_prefix(text)
            return "prefix", str(prefix), prefix.family, resolution
        if re.match("^([Aa][Ss])?[0-9]", text):
            return "asn", str(parse_asn(text)), Family(int(family)), resolution
    except ValueError as error:
        raise Refusal(400, f"resource: {error}") from None
    if re.fullmatch(_COUNTRY[1:-1], text):
        return "cc", text.upper(), Family(int(family)), resolution
    if re.fullmatch(_ANCHOR[1:-1], text):
        return "trust_anchor", text.lower(), Family(int(family)), resolution
    raise Refusal(400, "resource: expected a prefix, an AS number, a country or a trust anchor")


def _answer(
    tables: Tables, kind: str, resource: str, family: Family, resolution: str
) -> web.Response:
    began = time.perf_counter()
    condition, country = f"family = {int(family)}", None
    if kind == "prefix":
        condition = place(relaxed_prefix(resource), Match.EXACT)
    elif kind == "asn":
        condition += f" AND asn = {resource}"
    elif kind == "trust_anchor":
        names = ", ".join(map(quoted, _SAME_ANCHORS.get(resource, (resource,))))
        condition += f" AND lower(trust_anchor) IN ({names})"
    else:
        country = resource
    found = counts(tables, condition, country)
    if not found:
        raise Refusal(404, "no tables are kept yet: the first are written soon")
    if not any(number for _, number in found):
        found = []
    entries = [
        HistoryEntry(**{kind: resource}, time=f"{day}T00:00:00", family=family.value, rpki=rpki,
                     samples=samples)
        for day, rpki, samples in binned(found, resolution)
    ]  # fmt: skip
    sample = any(record.sample for record in tables.days().values())
    messages = [("warning", "SAMPLE: these networks are made up")] if sample else []
    spent = round(1000 * (time.perf_counter() - began))
    reply = RpkiHistoryReply(
        **ripestat.envelope(_NAME, messages, spent), status="ok", status_code=200,
        data=RpkiHistoryData(entries, resource),
    )  # fmt: skip
    return web.Response(
        body=_encode(reply), content_type=JSON, headers={"Cache-Control": "no-cache"}
    )


def binned(found: Sequence[tuple[date, int]], resolution: str) -> list[tuple[date, RpkiCount, int]]:
    """Days put together: when each week, month or year begins, its counts, and how many days."""
    if resolution == "d":
        return [(day, RpkiCount(number), 0) for day, number in found]
    bins: dict[date, list[int]] = {}
    for day, number in found:
        begin = {
            "w": day - timedelta(days=day.weekday()),
            "m": day.replace(day=1),
            "y": day.replace(month=1, day=1),
        }[resolution]
        bins.setdefault(begin, []).append(number)
    return [
        (begin, RpkiCount(VrpCounts(min(its), fmean(its), max(its), its[0], its[-1])), len(its))
        for begin, its in bins.items()
    ]
