"""Targets and milestones: ``/api/v1/targets``, ``/api/v1/targets/{scheme}/{group}`` and
``/api/v1/milestones``.

How a group stands to a target is read from its history and worked out in a thread, one question at
a time (:mod:`validator.targets.progress`); no snapshot is needed. A target that cannot be followed,
since there is no such scheme or group, is no reason not to serve: the list says so, and the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
from aiohttp import web

from validator.feed import Feed
from validator.formats.replies import generated_time
from validator.groupings import Attribution, Scheme
from validator.history.figures import HEADLINE
from validator.history.reading import Reader
from validator.milestone_inputs import Milestones
from validator.model import Family
from validator.snapshot import Snapshot
from validator.targets import progress as targets
from validator.targets import text as target_text
from validator.targets.progress import FIRST_YEAR, LAST_YEAR, TargetSettings, Value
from validator.web.answers import (
    NO_CACHE,
    Refusal,
    chosen,
    current,
    json_reply,
    number,
    query_of,
    snapshot_reply,
    stale_notes,
)
from validator.web.contract import Content, Operation, path, query
from validator.web.coverage import CSV, SCHEME, one_of
from validator.web.groups import GROUP
from validator.web.past import DAY, kept, parse_day, readable
from validator.web.target_described import AskedTargets, describe
from validator.web.target_replies import (
    ListedTarget,
    MilestonesReply,
    TargetListReply,
    TargetsReply,
    line_of,
    marks,
)

NAMES = ("family", "figure", "attribution", "value", "year", "window", "format")
MOST_WINDOW = 50


class TargetFace:
    def __init__(
        self,
        feed: Feed,
        reader: Reader | None = None,
        configured: Sequence[TargetSettings] = (),
        sample: bool = False,
    ) -> None:
        """``reader``: None if no history is kept; then there is but the list."""
        self._feed, self._reader, self._sample = feed, reader, sample
        self._configured = tuple(configured)
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        every = Operation(
            "GET",
            "/api/v1/targets",
            self.every,
            "The targets that the settings name",
            "planning",
            {200: Content("every target, and what is wrong with it", TargetListReply)},
            refusals=(400, 503),
            tagged=True,
        )
        of_group = Operation(
            "GET",
            "/api/v1/targets/{scheme}/{group}",
            self.of_group,
            "How a group stands to its targets, with a linear projection",
            "planning",
            {200: Content("a target each", TargetsReply, also=("text/csv",))},
            [
                path("scheme", "what it is a group of", SCHEME, "rir"),
                path("group", "the group", GROUP, "ripencc"),
                query("family", "one family alone", one_of(each.label for each in Family)),
                query(
                    "figure",
                    f"one figure alone; of a target of your own, {HEADLINE} if it is not given",
                    one_of(targets.FIGURES),
                ),
                query(
                    "attribution",
                    "who a route belongs to: its address block's holder, or its origin's",
                    one_of(Attribution),
                ),
                query(
                    "value",
                    "with year: a target of your own instead of the settings', a share",
                    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                ),
                query(
                    "year",
                    "with value: the year by whose last day it is to be reached",
                    {"type": "integer", "minimum": FIRST_YEAR, "maximum": LAST_YEAR},
                ),
                query(
                    "window",
                    "years of the latest days that the line goes through (default "
                    f"{targets.USUAL_WINDOW})",
                    {"type": "integer", "minimum": 1, "maximum": MOST_WINDOW},
                ),
                query("format", "the form of the answer", one_of(("json", "csv"))),
            ],
            refusals=(400, 404, 503),
            tagged=True,
        )
        return [every, of_group] if self._reader else [every]

    async def every(self, request: web.Request) -> web.Response:
        """Of each also why it cannot be followed, if it cannot: no such scheme, or group, now."""
        query_of(request)
        snapshot = current(self._feed)
        return snapshot_reply(snapshot, listed(snapshot, self._configured))

    async def of_group(self, request: web.Request) -> web.Response:
        """The share now, the pace so far, the pace needed, and the straight line through the latest
        years carried on to the target's day, with its band. Degraded days are left out of it, and
        none is drawn from a latest day that is degraded."""
        where = request.match_info
        asked = parse(where["scheme"], where["group"], query_of(request, *NAMES))
        reader = kept(self._reader)
        async with self._turn:
            tag, reply = await asyncio.to_thread(_answer, reader, asked, self._configured)
        headers = {"ETag": f'W/"{tag}"', "Cache-Control": NO_CACHE}
        if isinstance(reply, bytes):
            mark = "-SAMPLE" if self._sample else ""
            name = f"targets-{asked.scheme}-{asked.group}{mark}.csv"
            headers["Content-Disposition"] = f'inline; filename="{name}"'
            return web.Response(body=reply, headers={**headers, "Content-Type": CSV})
        return json_reply(reply, headers=headers)


class MilestoneFace:
    def __init__(self, milestones: Milestones, sample: bool = False) -> None:
        self._milestones, self._sample = milestones, sample

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/milestones",
                self.milestones,
                "Days that mark a time axis",
                "history",
                {200: Content("the days, in order", MilestonesReply)},
                [
                    query("from", "the first day (by default the first there is)", DAY),
                    query("to", "the last day (by default the last there is)", DAY),
                ],
                refusals=(400,),
                tagged=True,
            )
        ]

    async def milestones(self, request: web.Request) -> web.Response:
        """The World Summit on the Information Society and its reviews, 2030, the RPKI's own, and
        those of the settings."""
        given = query_of(request, "from", "to")
        first, last = parse_day("from", given.get("from")), parse_day("to", given.get("to"))
        if first and last and first > last:
            raise Refusal(400, f"from={first} is after to={last}")
        now = self._milestones.listed
        reply = MilestonesReply(
            milestones=marks(now, first or date.min, last or date.max),
            problems=list(now.problems),
            generated=generated_time(now.read),
            generation=now.generation,
            sample=self._sample,
        )
        headers = {"ETag": f'W/"{now.generation}-{now.read}"', "Cache-Control": NO_CACHE}
        return json_reply(reply, headers=headers)


# ------------------------------------------------------------------------------------- the settings


def problem(snapshot: Snapshot, target: TargetSettings) -> str:
    """Why a target cannot be followed in a snapshot, in one line; empty if it can."""
    return unknown(snapshot, target.scheme, target.group, target.attribution)


def unknown(snapshot: Snapshot, scheme: str, group: str, attribution: str | None = None) -> str:
    """Why a snapshot has no such group, in one line; empty if it has."""
    its = snapshot.schemes.get(scheme)
    if its is None:
        return f"no scheme is called {scheme!r}; there are {', '.join(snapshot.schemes)}"
    if attribution is not None and attribution not in its:
        return f"{scheme} is always by {its[0]}: leave attribution out"
    if snapshot.coverages[scheme, Attribution(attribution or its[0])].index(group) is None:
        if scheme == Scheme.ASN:
            return f"{group} announces nothing now, or is not written as AS64496"
        return f"{scheme} has no group {group!r}; see /api/v1/coverage"
    return ""


def listed(snapshot: Snapshot, configured: Sequence[TargetSettings]) -> TargetListReply:
    """All of them, each with what is wrong with it."""
    return TargetListReply(
        targets=[
            ListedTarget(
                **line_of(each),
                scheme=each.scheme,
                group=each.group,
                problem=problem(snapshot, each),
            )
            for each in configured
        ],
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )


# --------------------------------------------------------------------------------------- the group


def parse(scheme: str, group: str, given: Mapping[str, str]) -> AskedTargets:
    """What a query asks for.

    Raises:
        Refusal: 400, saying what is allowed.
    """
    value = _share(given.get("value"))
    year = number(given, "year", FIRST_YEAR, LAST_YEAR, 0) if "year" in given else None
    own = (value, year) if value is not None and year is not None else None
    if own is None and not value is year is None:
        raise Refusal(400, "value and year go together: value=0.8&year=2030")
    by = chosen(given, "attribution", list(Attribution), "")
    family = chosen(given, "family", [each.label for each in Family], "")
    figure = chosen(given, "figure", targets.FIGURES, "")
    return AskedTargets(
        scheme,
        group,
        Attribution(by) if by else None,
        next((each for each in targets.FIGURES if each == figure), None),
        tuple(each for each in Family if family in ("", each.label)),
        own,
        number(given, "window", 1, MOST_WINDOW, targets.USUAL_WINDOW),
        chosen(given, "format", ("json", "csv")),
    )


def _share(text: str | None) -> float | None:
    """A number as JSON has them: what the schema allows and nothing else."""
    if text is None:
        return None
    try:
        if text and not text.isspace() and text == text.strip():
            return float(msgspec.json.decode(text, type=Value))
    except (msgspec.MsgspecError, ValueError):
        pass
    raise Refusal(400, f"value={text[:20]!r} is not a share above 0 and up to 1: 0.8, say")


def _answer(
    reader: Reader, asked: AskedTargets, configured: Sequence[TargetSettings]
) -> tuple[str, TargetsReply | bytes]:
    with readable():
        rests_on = "".join(map(str, reader.folder.held().files)) + repr(configured)
        reply = describe(reader, asked, configured)
    tag = hashlib.sha256(rests_on.encode()).hexdigest()[:16]
    if asked.form == "json":
        return tag, reply
    text = io.StringIO()
    target_text.write_csv(text, reply)
    return tag, text.getvalue().encode()
