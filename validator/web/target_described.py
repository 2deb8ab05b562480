"""How a group stands to its targets: read from its history, worked out, and put into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from validator.formats.replies import generated_time
from validator.groupings import Attribution
from validator.history.figures import Series
from validator.history.reading import Reader
from validator.history.records import NoSuchDay
from validator.model import Family, SourceError
from validator.targets import progress as targets
from validator.targets import text as target_text
from validator.targets.progress import Line, Observation, Progress, TargetSettings
from validator.targets.text import LinearProjection, Pace, ProjectedDay, TargetOut
from validator.web.history import latest_with
from validator.web.past import usual
from validator.web.target_replies import TargetsReply

PACES = (1, 3, 10)
"""Years over which a pace is told."""

_Key = tuple[Family, Attribution]
_Wanted = tuple[TargetSettings, Attribution]


@dataclass(frozen=True, slots=True)
class AskedTargets:
    """What a client asks for. ``attribution`` and ``figure`` None: whatever targets have. ``own``:
    value and year of a target that is not in the settings; ``window``: the years of the line."""

    scheme: str
    group: str
    attribution: Attribution | None
    figure: targets.Figure | None
    families: tuple[Family, ...]
    own: tuple[float, int] | None
    window: int
    form: str


def describe(
    reader: Reader, asked: AskedTargets, configured: Sequence[TargetSettings]
) -> TargetsReply:
    """How a group stands to each of its targets. Takes some ten milliseconds a target; in a thread.

    Raises:
        NoSuchDay: there is no history yet, or no such scheme or group in it.
        SourceError: the files cannot be read.
    """
    every = reader.days()
    if not every:
        raise NoSuchDay("there is no history yet: the first day is written soon after the start")
    last = latest_with(asked.scheme, every)
    usually = usual(asked.scheme, last)
    by = asked.attribution or usually
    wanted = _own(asked, by) if asked.own else _configured(asked, configured, usually)
    figures = tuple(dict.fromkeys(each.figure for each, _ in wanted)) or targets.FIGURES[:1]
    families = asked.families[:1] if not wanted else asked.families
    found: dict[_Key, Series] = {}
    refused: dict[_Key, str] = {}
    for family in families:
        for of in dict.fromkeys((by, *(of for _, of in wanted))):
            try:
                found[family, of] = reader.series(
                    asked.scheme, of, asked.group, family, figures=figures
                )
            except NoSuchDay as error:
                if of is by:  # the group itself is not there
                    raise
                refused[family, of] = str(error)
    called = next((each.name for each in found.values() if each.name), "")
    rows = []
    for each, of in wanted:
        key = Family.IPV4 if each.family == Family.IPV4.label else Family.IPV6, of
        series = found.get(key)
        days = observations(series, each.figure) if series else []
        row = stand(each, of, days, asked.window, refused.get(key, ""), own=asked.own is not None)
        text = target_text.sentence(row, called or asked.group)
        rows.append(msgspec.structs.replace(row, sentence=text))
    return TargetsReply(
        scheme=asked.scheme,
        title=last.titles.get(asked.scheme, asked.scheme),
        group=asked.group,
        name=called,
        history_first=str(min(every)),
        history_last=str(max(every)),
        targets=rows,
        notes=[target_text.CAVEAT] if rows else [],
        degraded=last.degraded_notes,
        sample=any(record.sample for record in every.values()),
        generated=generated_time(last.created),
        generation=last.generation,
    )


def _own(asked: AskedTargets, by: Attribution) -> list[_Wanted]:
    """What a client puts together: one for each family."""
    assert asked.own is not None
    value, year = asked.own
    target = TargetSettings(
        scheme=asked.scheme,
        group=asked.group,
        family="ipv4",
        figure=asked.figure or targets.FIGURES[0],
        value=value,
        year=year,
    )
    return [(msgspec.structs.replace(target, family=each.label), by) for each in asked.families]


def _configured(
    asked: AskedTargets, configured: Sequence[TargetSettings], usually: Attribution
) -> list[_Wanted]:
    """The targets of the settings that are asked for, by family, each with its attribution."""
    found = []
    for family in asked.families:
        for each in targets.of_group(configured, asked.scheme, asked.group, family.label):
            by = Attribution(each.attribution) if each.attribution else usually
            if asked.figure in (None, each.figure) and asked.attribution in (None, by):
                found.append((each, by))
    return found


def observations(series: Series, figure: targets.Figure) -> list[Observation]:
    """A series of a share, as :mod:`validator.targets.progress` takes it. Days on which the scheme
    was not counted are not in it."""
    days = []
    for point in series.points:
        part, whole = point.parts(figure) or (None, None)
        if part is not None and whole is not None:
            days.append(Observation(point.day, part, whole, series.records[point.day].degraded))
    return days


def stand(
    target: TargetSettings,
    by: Attribution,
    days: Sequence[Observation],
    window: int,
    refused: str = "",
    *,
    own: bool,
) -> TargetOut:
    """How a series stands to a target, without the sentence. ``refused``: why there is no series.

    Raises:
        SourceError: the history has a day on which more is counted than there is.
    """
    near = targets.latest(days, window)
    try:
        found = targets.progress(near, target.value, target.day)
        paces = [_pace(days, years) for years in PACES]
    except ValueError as error:
        raise SourceError(
            "the history", str(error), cure="run: originsight history check"
        ) from None
    at = next((each for each in days if each.day == found.day), None)
    share = found.share
    return TargetOut(
        family=target.family,
        figure=target.figure,
        attribution=by.value,
        value=target.value,
        year=target.year,
        by=str(target.day),
        name=target.name,
        configured=not own,
        day=_text(found.day),
        numerator=at.numerator if at else None,
        denominator=at.denominator if at else None,
        share=share,
        missing=None if share is None else max(0.0, target.value - share),
        reached=found.outlook is targets.Outlook.REACHED,
        reached_first=_text(targets.first_reached(days, target.value)),
        outlook=found.outlook.value,
        pace_needed=found.needed,
        paces=paces,
        projection=_projection(found, found.line, target.day) if found.line else None,
        refused=refused or found.refused,
        days_degraded=sum(each.degraded for each in near),
        days_empty=sum(not each.degraded and each.share is None for each in near),
    )


def _projection(found: Progress, line: Line, by: date) -> LinearProjection:
    return LinearProjection(
        method=target_text.METHOD,
        first=str(line.first),
        last=str(line.last),
        days_used=line.points,
        pace=line.per_year,
        value=found.projected,
        low=found.low,
        high=found.high,
        gets_there=_text(found.reached_on),
        points=[
            ProjectedDay(str(each.day), each.value, each.low, each.high)
            for each in targets.ahead(line, by)
        ],
    )


def _pace(days: Sequence[Observation], years: int) -> Pace:
    fitted = targets.fit(targets.latest(days, years))
    line = fitted.line
    return Pace(
        years=years,
        first=_text(line.first if line else None),
        last=_text(line.last if line else None),
        days_used=line.points if line else 0,
        pace=line.per_year if line else None,
        refused=fitted.refused,
    )


def _text(day: date | None) -> str | None:
    return None if day is None else str(day)
