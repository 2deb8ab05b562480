"""What a figure was: ``/api/v1/history/{scheme}/{group}``, and ``?at=`` of the coverage endpoints.

Read from the files of :mod:`validator.history`, in a thread, one question at a time; no snapshot is
needed. A day that is not recorded is a gap and is shown as one; a day on which inputs were in
trouble says so. What is not there is refused with the days that are.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from aiohttp import web

from validator.groupings import Attribution
from validator.history.figures import FIGURES, HEADLINE, Series
from validator.history.reading import Reader
from validator.history.records import DayRecord, NoSuchDay, days_between, said
from validator.milestone_inputs import Listed, Milestones
from validator.model import Family
from validator.targets.progress import TargetSettings
from validator.web.answers import NO_CACHE, Refusal, chosen, json_reply, query_of
from validator.web.contract import Content, Operation, path, query
from validator.web.coverage import CSV, SCHEME, one_of
from validator.web.groups import GROUP
from validator.web.history_replies import (
    DegradedDay,
    FamilyHistory,
    HistoryPoint,
    HistoryReply,
)
from validator.web.past import DAY, kept, parse_day, readable, usual
from validator.web.target_replies import lines, marks

_SPACE_UNITS = {Family.IPV4: "addresses", Family.IPV6: "64s"}
_MOST_DAYS = 40_000
_UNMARKED = Listed()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for. ``attribution`` None: the scheme's first."""

    scheme: str
    group: str
    attribution: Attribution | None
    figure: str
    families: tuple[Family, ...]
    first: date | None
    last: date | None
    form: str


class HistoryFace:
    def __init__(
        self,
        reader: Reader | None,
        sample: bool = False,
        targets: Sequence[TargetSettings] = (),
        milestones: Milestones | None = None,
    ) -> None:
        """``reader``: None if no history is kept. ``targets`` are the settings'; ``milestones``
        stand beside the days."""
        self._reader, self._sample = reader, sample
        self._targets, self._milestones = tuple(targets), milestones
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/history/{scheme}/{group}",
                self.history,
                "A figure of a group, day by day",
                "history",
                {200: Content("the days, in order", HistoryReply, also=("text/csv",))},
                [
                    path("scheme", "what it is a group of", SCHEME, "rir"),
                    path("group", "the group", GROUP, "ripencc"),
                    query("from", "the first day (by default the first there is)", DAY),
                    query("to", "the last day (by default the last there is)", DAY),
                    query("family", "one family alone", one_of(each.label for each in Family)),
                    query("figure", f"which figure (default {HEADLINE})", one_of(FIGURES)),
                    query(
                        "attribution",
                        "who a route belongs to: its address block's holder, or its origin's",
                        one_of(Attribution),
                    ),
                    query("format", "the form of the answer", one_of(("json", "csv"))),
                ],
                refusals=(400, 404, 503),
                tagged=True,
            )
        ]

    async def history(self, request: web.Request) -> web.Response:
        """Numerators and denominators of every day, and the value they make. Days without a record
        are in the answer, marked; so are days on which an input was not as it should be. Beside
        them: milestones of these days, and the group's targets."""
        names = ("from", "to", "family", "figure", "attribution", "format")
        asked = parse(request.match_info["scheme"], request.match_info["group"],
                      query_of(request, *names))  # fmt: skip
        reader = kept(self._reader)
        marked = self._milestones.listed if self._milestones else _UNMARKED
        async with self._turn:
            tag, reply = await asyncio.to_thread(_answer, reader, asked, self._targets, marked)
        headers = {"ETag": f'W/"{tag}"', "Cache-Control": NO_CACHE}
        if isinstance(reply, bytes):
            mark = "-SAMPLE" if self._sample else ""
            name = f"history-{asked.scheme}-{asked.group}-{asked.figure}{mark}.csv"
            headers["Content-Disposition"] = f'inline; filename="{name}"'
            return web.Response(body=reply, headers={**headers, "Content-Type": CSV})
        return json_reply(reply, headers=headers)


def parse(scheme: str, group: str, given: dict[str, str]) -> Asked:
    """What a query asks for.

    Raises:
        Refusal: 400, saying what is allowed.
    """
    by = chosen(given, "attribution", list(Attribution), "")
    family = chosen(given, "family", [each.label for each in Family], "")
    first, last = parse_day("from", given.get("from")), parse_day("to", given.get("to"))
    if first and last and first > last:
        raise Refusal(400, f"from={first} is after to={last}")
    return Asked(
        scheme,
        group,
        Attribution(by) if by else None,
        chosen(given, "figure", list(FIGURES), HEADLINE),
        tuple(each for each in Family if family in ("", each.label)),
        first,
        last,
        chosen(given, "format", ("json", "csv")),
    )


def _answer(
    reader: Reader,
    asked: Asked,
    targets: Sequence[TargetSettings] = (),
    marked: Listed = _UNMARKED,
) -> tuple[str, HistoryReply | bytes]:
    with readable():
        held = reader.folder.held()
        rests_on = "".join(map(str, held.files)) + repr((targets, marked.milestones))
        tag = hashlib.sha256(rests_on.encode()).hexdigest()[:16]
        reply = describe(reader, asked, targets, marked)
    return tag, (csv_text(reply) if asked.form == "csv" else reply)


def describe(
    reader: Reader,
    asked: Asked,
    targets: Sequence[TargetSettings] = (),
    marked: Listed = _UNMARKED,
) -> HistoryReply:
    """The days asked for, gaps included, with what marks them.

    Raises:
        NoSuchDay: there are none, or no such scheme or group in them.
        SourceError: the files cannot be read.
    """
    every = reader.days()
    if not every:
        raise NoSuchDay("there is no history yet: the first day is written soon after the start")
    first, last = min(every), max(every)
    begin, end = max(asked.first or first, first), min(asked.last or last, last)
    if begin > end:
        raise NoSuchDay(f"no history from {begin} to {end}; there is of {said(every)}")
    latest = latest_with(asked.scheme, every)
    usually = usual(asked.scheme, latest)
    by = asked.attribution or usually
    found = [
        reader.series(asked.scheme, by, asked.group, family, begin, end, (asked.figure,))
        for family in asked.families
    ]
    records = found[0].records
    days = list(days_between(begin, end))[:_MOST_DAYS]
    figure = FIGURES[asked.figure]
    return HistoryReply(
        scheme=asked.scheme,
        title=latest.titles.get(asked.scheme, asked.scheme),
        group=asked.group,
        name=next((each.name for each in found if each.name), ""),
        attribution=by,
        figure=asked.figure,
        numerator_of=list(figure.of),
        denominator_of=list(figure.by),
        first=str(begin),
        last=str(end),
        days=len(records),
        gaps=len(days) - len(records),
        history_first=str(first),
        history_last=str(last),
        families=[_family(each, asked.figure, days) for each in found],
        degraded=[
            DegradedDay(str(day), record.degraded_notes)
            for day, record in records.items()
            if record.degraded
        ],
        milestones=marks(marked, begin, end),
        targets=[
            each
            for each in lines(targets, (asked.scheme, asked.group), asked.figure, by, usually)
            if each.family in [family.label for family in asked.families]
        ],
        sample=any(record.sample for record in records.values()),
    )


def csv_text(reply: HistoryReply) -> bytes:
    """The same as a table: a row for each family and day."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        ("scheme", "group", "name", "attribution", "family", "day", "figure", "numerator",
         "denominator", "value", "recorded", "degraded", "sample")
    )  # fmt: skip
    head = reply.scheme, reply.group, reply.name, reply.attribution.value
    for family in reply.families:
        for point in family.points:
            table.writerow(
                (
                    *head,
                    family.family,
                    point.day,
                    reply.figure,
                    *("" if n is None else n
                      for n in (point.numerator, point.denominator, point.value)),
                    str(point.recorded).lower(),
                    str(point.degraded).lower(),
                    str(reply.sample).lower(),
                )
            )  # fmt: skip
    return text.getvalue().encode()


def _family(series: Series, figure: str, days: Sequence[date]) -> FamilyHistory:
    known = {point.day: point for point in series.points}
    points = []
    for day in days:
        point = known.get(day)
        if point is None:
            points.append(HistoryPoint(str(day), False, False, None, None, None))
            continue
        part, whole = point.parts(figure) or (None, None)
        degraded = series.records[day].degraded
        points.append(HistoryPoint(str(day), True, degraded, part, whole, point.value(figure)))
    made_of_space = FIGURES[figure].of[0].endswith("_space")
    unit = _SPACE_UNITS[series.family] if made_of_space else "routes"
    return FamilyHistory(series.family.label, unit, points)


def latest_with(scheme: str, every: Mapping[date, DayRecord]) -> DayRecord:
    """The last day on which a scheme was counted.

    Raises:
        NoSuchDay: it never was.
    """
    schemes: dict[str, None] = {}
    for record in reversed(list(every.values())):
        its = [name for name, _ in record.schemes]
        if scheme in its:
            return record
        schemes.update(dict.fromkeys(its))
    raise NoSuchDay(
        f"no scheme in the history is called {scheme!r}; there are {', '.join(schemes)}"
    )
