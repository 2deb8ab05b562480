"""One group of a scheme, and the schemes there are: ``/api/v1/coverage/{scheme}/{group}`` and
``/api/v1/schemes``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import msgspec
from aiohttp import web

from validator.feed import Feed
from validator.figures import coverage_text
from validator.figures.coverage import SPACE_UNITS, Coverage, in_units, row, share
from validator.formats.replies import generated_time
from validator.groupings import Attribution, Scheme
from validator.groups.averages import averages
from validator.groups.members import Ranked, members_of, place_of
from validator.history.moments import Moments
from validator.history.outlines import outline
from validator.history.reading import Reader
from validator.history.rebuilding import Groups
from validator.model import GROUP_IDENTIFIER, Family
from validator.snapshot import Snapshot
from validator.web.answers import (
    Refusal,
    number,
    query_of,
    snapshot_headers,
    snapshot_reply,
    stale_notes,
)
from validator.web.contract import Content, Operation, path, query
from validator.web.coverage import (
    ASKED_PARAMETERS,
    CSV,
    SCHEME,
    Asked,
    asked_of,
    csv_name,
    figures_of,
    one_of,
)
from validator.web.coverage_replies import (
    AverageOut,
    BeyondOut,
    GroupFigures,
    GroupReply,
    HoldingsOut,
    NetworksOut,
    PlaceOut,
    Places,
    SchemeOut,
    SchemesReply,
)
from validator.web.moments import AT
from validator.web.moments import asked as moment
from validator.web.network_replies import ByFamily, CoverageOut
from validator.web.packed import degraded_header, said_header
from validator.web.past import parse_day, readable

GROUP = {
    "type": "string",
    "pattern": f"^{GROUP_IDENTIFIER}$",
    "description": "a group's identifier, as the scheme has it: AS64496, NL, ripencc, 014, ldc",
}
MOST_MEMBERS = 10_000
USUAL_MEMBERS = 100


class GroupFace:
    def __init__(
        self, feed: Feed, moments: Moments | None = None, past: Reader | None = None
    ) -> None:
        self._feed, self._moments, self._past = feed, moments, past
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/schemes",
                self.schemes,
                "The ways to group: networks, countries, registries, classes, your own",
                "coverage",
                {200: Content("every scheme that coverage is counted by", SchemesReply)},
                [AT],
                refusals=(400, 404, 503),
                tagged=True,
            ),
            Operation(
                "GET",
                "/api/v1/coverage/{scheme}/{group}",
                self.group,
                "Coverage of one group, where it stands, and its members",
                "coverage",
                {
                    200: Content(
                        "the group in both families; as CSV: its members",
                        GroupReply,
                        also=("text/csv",),
                    )
                },
                [
                    path("scheme", "what it is a group of", SCHEME, "rir"),
                    path("group", "the group", GROUP, "ripencc"),
                    *ASKED_PARAMETERS,
                    query(
                        "limit",
                        f"the most members to list (default {USUAL_MEMBERS})",
                        {"type": "integer", "minimum": 0, "maximum": MOST_MEMBERS},
                    ),
                    AT,
                    query("format", "the form of the answer", one_of(("json", "csv"))),
                ],
                refusals=(400, 404, 503),
                tagged=True,
            ),
        ]

    async def schemes(self, request: web.Request) -> web.Response:
        """Each with where its membership is from and as of when."""
        given = query_of(request, "at")
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        return snapshot_reply(snapshot, schemes(snapshot))

    async def group(self, request: web.Request) -> web.Response:
        """Sorted and limited are the members; with ``family``, they are those of one family. Of a
        day of which figures alone are kept, what they do not say is null."""
        names = ("family", "attribution", "min_peers", "sort", "limit", "at", "format")
        given = query_of(request, *names)
        snapshot, degraded = await self._asked(given)
        asked = asked_of(request.match_info["scheme"], given, snapshot)
        if (asked.scheme, asked.attribution) not in snapshot.coverages:
            raise Refusal(404, f"{asked.scheme} was not counted by {asked.attribution} on that day")
        limit = number(given, "limit", 0, MOST_MEMBERS, USUAL_MEMBERS)
        wanted = request.match_info["group"]
        async with self._turn:
            with readable():
                if asked.form == "json":
                    content = await asyncio.to_thread(describe, snapshot, asked, wanted, limit)
                    if degraded:
                        content = msgspec.structs.replace(content, degraded=degraded)
                    return snapshot_reply(snapshot, content)
                text = await asyncio.to_thread(member_table, snapshot, asked, wanted)
        said = said_header(degraded) if degraded else degraded_header(snapshot)
        headers = {**snapshot_headers(snapshot), **said, "Content-Type": CSV}
        headers["Content-Disposition"] = csv_name(snapshot, f"{asked.scheme}-{wanted}-members")
        return web.Response(body=text, headers=headers)

    async def _asked(self, given: Mapping[str, str]) -> tuple[Snapshot, list[str]]:
        """The snapshot to answer from, and what was stale if it cannot say so itself."""
        day, reader = parse_day("at", given.get("at")), self._past
        if day is None or reader is None or self._moments is None or "min_peers" in given:
            return await moment(self._moments, self._feed, given.get("at")), []
        with readable():
            if day in await asyncio.to_thread(self._moments.days):
                return await moment(self._moments, self._feed, given.get("at")), []
            groups = Groups.of(self._feed.snapshot)
            snapshot, record = await asyncio.to_thread(outline, reader, day, groups)
        return snapshot, record.stale_notes


def schemes(snapshot: Snapshot) -> SchemesReply:
    """The schemes of a snapshot, in the order they are counted in."""
    listed = []
    for scheme, attributions in snapshot.schemes.items():
        grouping = snapshot.groupings.get(scheme)
        listed.append(
            SchemeOut(
                scheme=scheme,
                title=snapshot.scheme_title(scheme),
                members=grouping.members.value if grouping else None,
                attributions=list(attributions),
                groups=len(snapshot.coverages[scheme, attributions[0]].groups),
                origin=grouping.origin if grouping else "",
                licence=grouping.licence if grouping else "",
                dated=grouping.dated.isoformat() if grouping else None,
            )
        )
    return SchemesReply(
        schemes=listed,
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )


def _seen(snapshot: Snapshot, asked: Asked) -> Snapshot:
    """The snapshot as the number of peers that is asked for makes it."""
    if asked.min_peers is None or asked.min_peers == snapshot.min_peers:
        return snapshot
    pairs = [(asked.scheme, asked.attribution), (Scheme.ASN.value, Attribution.ORIGIN)]
    if (Scheme.COUNTRY, asked.attribution) in snapshot.coverages:
        pairs.append((Scheme.COUNTRY.value, asked.attribution))
    return snapshot.seen_by(asked.min_peers, pairs)


def describe(snapshot: Snapshot, asked: Asked, group: str, limit: int) -> GroupReply:
    """All about one group. Takes some milliseconds.

    Raises:
        Refusal: 404, the scheme has no such group.
    """
    snapshot = _seen(snapshot, asked)
    coverage, _, min_peers = figures_of(snapshot, asked)
    number = coverage.index(group)
    if number is None:
        raise no_group(snapshot, asked.scheme, asked.attribution, group)
    name = snapshot.group_name(asked.scheme, group)

    def figures(family: Family) -> GroupFigures:
        mine = row(coverage.figures(number, family), asked.scheme, group, name, family)
        means = averages(snapshot, asked.scheme, group, asked.attribution, family)
        return GroupFigures(
            msgspec.convert(mine, CoverageOut),
            coverage.left_out(number, family),
            Places(
                *(
                    PlaceOut(*place_of(coverage, number, family, by))
                    for by in (Ranked.VALID_SHARE, Ranked.SPACE_VALID_SHARE, Ranked.SPACE)
                )
            ),
            {share: AverageOut(**asdict(each)) for share, each in means.items()},
            _holdings(coverage, number, family),
            _beyond(coverage, number, family),
        )

    members = members_of(snapshot, asked.scheme, group, asked.attribution)
    rows = members.rows(snapshot, asked.families, asked.order) if members else []
    total = len(rows)
    grouping = snapshot.groupings.get(asked.scheme)
    return GroupReply(
        by=asked.scheme,
        title=snapshot.scheme_title(asked.scheme),
        group=group,
        name=name,
        attribution=asked.attribution,
        membership=f"{grouping.origin}, as of {grouping.dated}" if grouping else "",
        day=generated_time(snapshot.created)[:10],
        families=ByFamily(figures(Family.IPV4), figures(Family.IPV6)),
        networks=(
            NetworksOut(**coverage.wider.network_figures(number)._asdict())
            if coverage.wider
            else None
        ),
        members_by=members.scheme if members else None,
        members_total=total,
        members=[msgspec.convert(each, CoverageOut) for each in rows[:limit]],
        listed=members.listed if members else [],
        min_peers=min_peers,
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )


def _holdings(coverage: Coverage, number: int, family: Family) -> HoldingsOut | None:
    if coverage.holdings is None:
        return None
    delegated, covered = coverage.holdings[family][number].tolist()
    return HoldingsOut(
        SPACE_UNITS[family],
        in_units(delegated, family),
        in_units(covered, family),
        share(covered, delegated),
    )


def _beyond(coverage: Coverage, number: int, family: Family) -> BeyondOut | None:
    if coverage.wider is None:
        return None
    full = coverage.wider.full_feeds[family]
    figures = coverage.wider.figures(number, family)
    shown = figures._asdict() | {"unregistered_space": in_units(figures.unregistered_space, family)}
    return BeyondOut(
        **shown,
        full_feeds=full,
        valid_visibility=share(figures.valid_sightings, figures.watched_valid * full),
        invalid_visibility=share(figures.invalid_sightings, figures.watched_invalid * full),
    )


def member_table(snapshot: Snapshot, asked: Asked, group: str) -> bytes:
    """The members of a group as CSV, all of them.

    Raises:
        Refusal: 404, the scheme has no such group.
    """
    coverage = snapshot.coverages[asked.scheme, asked.attribution]
    if coverage.index(group) is None:
        raise no_group(snapshot, asked.scheme, asked.attribution, group)
    snapshot = _seen(snapshot, asked)
    members = members_of(snapshot, asked.scheme, group, asked.attribution)
    if members is None:
        raise Refusal(404, f"{asked.scheme} {group} has no members that have figures of their own")
    name = snapshot.namer(members.scheme)
    text = coverage_text.csv_text(members.coverage, name, asked.families, asked.order)
    return b"".join(text)


def no_group(snapshot: Snapshot, scheme: str, attribution: Attribution, group: str) -> Refusal:
    """What to say of a group that there is not, with some that there are."""
    groups = snapshot.coverages[scheme, attribution].groups
    some = ", ".join(groups[:12]) + (", …" if len(groups) > 12 else "")
    return Refusal(404, f"{scheme} has no group {group[:80]!r}; it has {some or 'none'}")
