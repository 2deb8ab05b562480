"""Changes over HTTP's shapes: what may be asked, what is answered, and in which forms.

Past days are held here as they are, which is what :class:`validator.history.moments.Moments` comes
to once it has rebuilt them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import msgspec
import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from tests.feeds import StandingFeed
from tests.unit.test_change import FIVE, FOUR, SIGNED
from tests.unit.test_planning import world
from validator.change import text as change_text
from validator.change.text import ChangeOut
from validator.freshness import FAILED, SourceStatus
from validator.history.records import NoSuchDay
from validator.model import SourceError
from validator.snapshot import Snapshot
from validator.web.answers import Refusal
from validator.web.change import ChangeFace, parse
from validator.web.change_described import describe
from validator.web.change_replies import ChangeReply
from validator.web.contract import Contract
from validator.web.openapi import document

JANUARY, MARCH = date(2026, 1, 1), date(2026, 3, 1)
NOON = 1_772_366_400  # 2026-03-01


@dataclass
class Held:
    """Days that are kept as they were."""

    snapshots: Mapping[date, Snapshot]
    trouble: SourceError | None = None

    def days(self) -> Sequence[date]:
        if self.trouble:
            raise self.trouble
        return sorted(self.snapshots)

    async def when(self, day: date) -> Snapshot:
        if self.trouble:
            raise self.trouble
        if day not in self.snapshots:
            raise NoSuchDay(f"{day} is not kept; there are {', '.join(map(str, self.days()))}")
        return self.snapshots[day]


def two_days() -> tuple[Snapshot, Snapshot]:
    """AS2 signs two of its routes, and AS1 announces another one, which has no ROA."""
    before = world(FIVE, SIGNED)
    after = world(
        (*FIVE, ("10.0.9.0/24", 1)),
        (*SIGNED, ("10.0.1.0/24", 24, 2), ("10.0.3.0/24", 24, 2)),
    )
    return before, replace(after, created=NOON, generation=7, names={2: "Second"})


def view(scheme: str = "country", group: str = "KE", /, **given: str) -> ChangeReply:
    before, after = two_days()
    asked = parse(given)
    question = asked.question(after, scheme, group, given)
    return describe(before, after, question, asked.limit, (JANUARY, None))


def test_a_change_says_how_much_who_and_why_and_all_adds_up() -> None:
    reply = view()
    assert (reply.before.day, reply.before.numerator, reply.before.denominator) == (
        "2026-01-01", 1, 5,
    )  # fmt: skip
    assert (reply.after.day, reply.after.share, reply.generation) == ("2026-03-01", 0.5, 7)
    assert (reply.points, reply.exact, reply.exact_of) == (30.0, 9, 30)
    assert [(each.id, each.name, each.country, each.exact) for each in reply.listed] == [
        ("AS2", "Second", "KE", 10),
        ("AS1", "", "KE", -1),
    ]
    (signed,) = reply.listed[0].causes
    assert (signed.cause, signed.routes, signed.not_found, signed.exact) == ("signed", 2, 2, 10)
    assert (reply.changed, reply.others.count, reply.others.exact) == (2, 0, 0)
    assert reply.sentences == [
        "KE: the valid share of announced IPv4 routes rose by 30.0 points, from 20.0 % (1 of 5) on "
        "2026-01-01 to 50.0 % (3 of 6) on 2026-03-01.",
        "2 routes of AS2 (Second) signed (+33.3), 1 route of AS1 newly announced (−3.3).",
        "By cause: signed +33.3, newly announced −3.3.",
    ]


def test_contributions_that_cancel_are_told_all_the_same() -> None:
    before, after = world(FIVE, SIGNED), world(FIVE, (("10.0.1.0/24", 24, 2),))
    reply = describe(before, after, parse({}).question(after, "country", "KE", {}), 5)
    assert (reply.points, len(reply.listed), reply.exact_of) == (0.0, 2, 25)
    day = reply.after.day
    assert reply.sentences == [
        "KE: the valid share of announced IPv4 routes did not change: 20.0 % (1 of 5) on "
        f"{day}, 20.0 % (1 of 5) on {day}.",
        "1 route of AS1 without ROA now (−20.0), 1 route of AS2 signed (+20.0).",
        "By cause: signed +20.0, without ROA now −20.0.",
    ]


def test_those_who_are_not_listed_are_added_up() -> None:
    reply = view(limit="1")
    assert [each.id for each in reply.listed] == ["AS2"]
    assert (reply.changed, reply.others.count, reply.others.exact) == (2, 1, -1)
    assert [each.cause for each in reply.others.causes] == ["newly-announced"]
    assert view(limit="0").others.exact == reply.exact


def test_a_class_is_told_by_its_countries() -> None:
    reply = view("ldc", "ldc", by="country")
    assert [(each.id, each.country, each.exact) for each in reply.listed] == [("KE", "KE", 9)]
    assert reply.sentences[1].startswith("2 routes of KE signed (+33.3), ")


def test_a_day_without_a_share_is_said_in_words() -> None:
    reply = view(figure="accuracy", family="ipv6")
    assert (reply.points, reply.exact, reply.exact_of) == (None, None, None)
    assert reply.sentences == [
        "KE: no IPv6 routes were announced and covered by VRPs on 2026-01-01 and 2026-03-01, so "
        "there is no change of a share to tell."
    ]


def test_sentences_are_silent_while_an_input_was_not_to_be_relied_on() -> None:
    before, after = two_days()
    gone = SourceStatus("vrps", "vrps.json", FAILED, error="gone", since=1, stale_from=2)
    asked = parse({})
    question = asked.question(after, "country", "KE", {})
    reply = describe(replace(before, troubles=(gone,)), after, question, 5)
    assert reply.sentences == []
    assert reply.listed
    assert [each.split(": ", 1)[1] for each in reply.degraded] == [
        "vrps vrps.json: failed since 1970-01-01T00:00:01Z: gone"
    ]


def test_another_rule_of_counting_is_noted() -> None:
    before, after = two_days()
    question = parse({}).question(after, "country", "KE", {})
    (note,) = [
        each
        for each in describe(replace(before, min_peers=3), after, question, 5).notes
        if "peers" in each
    ]
    assert "fewer than 3 peers" in note


def test_a_csv_has_the_whole_then_each_then_the_others() -> None:
    out = io.StringIO()
    change_text.write_csv(out, view(limit="1"))
    whole, first, others = csv.DictReader(io.StringIO(out.getvalue()))
    assert (whole["rank"], whole["id"], whole["exact"], whole["exact_of"]) == ("0", "KE", "9", "30")
    assert (first["id"], first["signed_routes"], first["signed_exact"]) == ("AS2", "2", "10")
    assert (others["name"], others["newly_announced_exact"]) == ("all others", "-1")
    assert int(first["exact"]) + int(others["exact"]) == int(whole["exact"])


def test_the_table_says_what_the_json_has() -> None:
    out = io.StringIO()
    reply = view(limit="1")
    change_text.print_change(out, reply)
    text = out.getvalue()
    for piece in (
        "What moved the valid share of KE (country, by address)", "1 of 5", "+30.0",
        "2 signed (+33.3)", "1 other ", *reply.sentences, "Registration is not location",
    ):  # fmt: skip
        assert piece in text.replace("\n", " ")


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    evil = msgspec.structs.replace(view(), name="\x1b[31mred", sentences=["a\r\n\x1b[b]"])
    out = io.StringIO()
    change_text.print_change(out, evil)
    assert "\x1b" not in out.getvalue()
    assert "\r" not in out.getvalue()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"from": "2026-02-30"}, "from='2026-02-30' is not a day"),
        ({"to": "yesterday"}, "to='yesterday' is not a day"),
        ({"from": "2026-03-01", "to": "2026-01-01"}, "from=2026-03-01 is after to=2026-01-01"),
        ({"figure": "space_coverage"}, "not one of valid_share, coverage, accuracy"),
        ({"by": "holder"}, "not one of network, country"),
        ({"limit": "1001"}, "not a number from 0 to 1000"),
        ({"limit": "٣"}, "not a number"),
        ({"format": "xml"}, "format"),
        ({"family": "ipx"}, "family"),
        ({"attribution": "me"}, "attribution"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(given: dict[str, str], said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        view(**given)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("scheme", "group", "said"),
    [("planet", "KE", "no scheme is called"), ("country", "XX", "country has no group 'XX'")],
)
def test_unknown_schemes_and_groups_are_not_found(scheme: str, group: str, said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        view(scheme, group)
    assert refused.value.status == 404


def test_a_scheme_that_was_not_counted_then_is_not_found() -> None:
    before, after = two_days()
    fewer = {pair: each for pair, each in before.coverages.items() if pair[0] != "ldc"}
    question = parse({}).question(after, "ldc", "ldc", {})
    with pytest.raises(Refusal, match="was not counted on 2026-01-01") as refused:
        describe(replace(before, coverages=fewer), after, question, 5, (JANUARY, MARCH))
    assert refused.value.status == 404


async def test_the_service_answers_from_past_days_and_from_the_one_in_force(
    aiohttp_client: AiohttpClient,
) -> None:
    before, after = two_days()
    held = Held({JANUARY: before, MARCH: after})
    feed = StandingFeed(replace(world(FOUR, SIGNED), created=NOON + 86_400))
    app = web.Application()
    app.add_routes([each.route for each in ChangeFace(feed, held).operations()])
    client = await aiohttp_client(app)

    async def get(query: str) -> tuple[int, Mapping[str, str], bytes]:
        answer = await client.get(f"/api/v1/change/country/KE?{query}")
        return answer.status, answer.headers, await answer.read()

    status, headers, body = await get("to=2026-03-01")
    assert status == 200
    assert headers["ETag"].startswith('W/"')
    reply = msgspec.json.decode(body, type=ChangeReply)
    assert (reply.before.day, reply.after.day, reply.exact) == ("2026-01-01", "2026-03-01", 9)
    assert msgspec.json.decode(body, type=ChangeOut).listed == reply.listed

    _, _, body = await get("from=2026-03-01")
    reply = msgspec.json.decode(body, type=ChangeReply)
    assert (reply.after.day, reply.after.denominator) == ("2026-03-02", 4)

    _, headers, body = await get("from=2026-01-01&to=2026-03-01&format=csv")
    assert headers["Content-Type"].startswith("text/csv")
    assert body.startswith(b"rank,id,name,")
    assert (await get("from=2026-03-01&to=2026-03-01"))[0] == 200


@pytest.mark.parametrize(
    ("held", "query", "status"),
    [
        (Held({}), "", 404),
        (Held({}), "from=2026-01-01", 404),
        (Held({}, SourceError("history", "is damaged")), "", 503),
        (Held({}, SourceError("history", "is damaged")), "from=2026-01-01", 503),
    ],
)
async def test_days_that_cannot_be_had_are_refused(
    aiohttp_client: AiohttpClient, held: Held, query: str, status: int
) -> None:
    face = ChangeFace(StandingFeed(two_days()[1]), held)

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return await face.change(request)
        except Refusal as refused:
            return web.Response(status=refused.status, text=refused.message)

    app = web.Application()
    app.router.add_get("/api/v1/change/{scheme}/{group}", handler)
    client = await aiohttp_client(app)
    answer = await client.get(f"/api/v1/change/country/KE?{query}")
    assert answer.status == status


def test_the_path_is_in_the_contract_with_all_it_takes() -> None:
    operations = ChangeFace(StandingFeed(), Held({})).operations()
    described: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(document(Contract(operations), "0"))
    )
    change = described["paths"]["/api/v1/change/{scheme}/{group}"]["get"]
    assert {each["name"] for each in change["parameters"]} == {
        "scheme", "group", "from", "to", "family", "figure", "attribution", "by", "limit", "format",
    }  # fmt: skip
