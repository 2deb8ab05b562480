"""Plans over HTTP's shapes: what may be asked, what is answered, and in which forms."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tests.feeds import StandingFeed, make_snapshot
from tests.unit.test_planning import OF_BOTH, SIGNED, world
from validator.planning import text as plan_text
from validator.planning.text import CountryPlanOut, PlanOut
from validator.snapshot import Snapshot
from validator.web.answers import Refusal
from validator.web.contract import Contract
from validator.web.openapi import document
from validator.web.plan import PlanFace, answer, parse
from validator.web.plan_replies import CountryPlanReply, PlanReply

ROUTES = (
    ("10.0.0.0/16", 1),
    ("10.0.2.0/24", 2),
    ("10.0.4.0/24", 2),
    ("10.1.0.0/24", 1),
    ("10.2.0.0/24", -1),
)


def view(
    snapshot: Snapshot, scheme: str = "country", group: str = "KE", /, **given: str
) -> PlanReply:
    found = answer(snapshot, parse(snapshot, scheme, group, given, countries=False))
    assert isinstance(found, PlanReply)
    return found


def by_country(
    snapshot: Snapshot, scheme: str = "ldc", group: str = "ldc", /, **given: str
) -> CountryPlanReply:
    found = answer(snapshot, parse(snapshot, scheme, group, given, countries=True))
    assert isinstance(found, CountryPlanReply)
    return found


def test_a_plan_says_who_how_much_where_that_leads_and_which_roas() -> None:
    reply = view(world(ROUTES, (("10.0.2.0/24", 24, 2),)))
    assert (reply.now.routes_valid, reply.now.routes_announced) == (1, 5)
    assert reply.sentence == (
        "KE: 2 networks could raise the valid share of announced IPv4 routes from 20.0 % to 80.0 %."
    )
    first = reply.steps[0]
    assert (first.rank, first.id, first.country, first.rir) == (1, "AS1", "KE", "afrinic")
    assert (first.gain, first.points) == (2, 40.0)
    assert (first.after.routes_valid, first.after.valid_share) == (3, 0.6)
    assert first.needs_decision == 1
    assert [(roa.prefix, roa.max_length, roa.asn) for roa in first.roas.listed] == [
        ("10.0.0.0/16", 16, "AS1"),
        ("10.1.0.0/24", 24, "AS1"),
    ]
    assert {roa.holder for roa in first.roas.listed} == {"same"}
    assert reply.beyond_help.no_origin == 1
    assert reply.able == 2


def test_by_space_amounts_are_in_the_familys_unit() -> None:
    reply = view(world(ROUTES), measure="space")
    assert (reply.unit, reply.steps[0].gain) == ("addresses", 65536 + 256)
    assert "the valid share of announced IPv4 space from 0.0 % to " in reply.sentence
    six = view(world((("2a00::/48", 1), ("2a00:0:1::/49", 1))), family="ipv6", measure="space")
    assert (six.unit, six.steps[0].gain) == ("48s", 1.5)


def test_holders_are_named_by_registry_and_id_with_their_networks() -> None:
    reply = view(world(ROUTES), by="holder")
    (holder,) = reply.steps
    assert (holder.id, holder.networks) == ("afrinic:org-a", ["AS1"])
    assert (holder.country, holder.rir) == ("KE", "afrinic")
    assert (holder.holder.same, holder.holder.different) == (2, 2)
    assert reply.sentence.startswith("KE: 1 holder could raise ")


def test_lists_are_as_long_as_they_are_asked_to_be() -> None:
    snapshot = world(ROUTES)
    reply = view(snapshot, top="1", roas="1")
    assert [len(step.roas.listed) for step in reply.steps] == [1]
    assert reply.steps[0].roas.total == 2
    assert view(snapshot, roas="0").steps[0].roas.listed == []
    assert (
        parse(snapshot, "country", "KE", {"top": "1000", "roas": "1000"}, countries=False).roas
        == 20
    )  # 20,000 in all
    assert view(snapshot, top="0").steps == []
    assert view(snapshot, top="0").sentence == ""


def test_a_class_has_its_countries_in_order() -> None:
    reply = by_country(world(OF_BOTH, SIGNED))
    assert [(each.country, each.gain) for each in reply.steps] == [("KE", 4), ("NL", 3)]
    assert reply.steps[0].points == pytest.approx(100 * 4 / 15)
    assert reply.sentence == (
        "Both: 2 countries could raise the valid share of announced IPv4 routes from 46.7 % to "
        "93.3 %."
    )
    assert by_country(world(OF_BOTH, SIGNED), share="0.7").steps[0].country == "NL"


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"measure": "prefixes"}, 400, "measure='prefixes' is not one of routes, space"),
        ({"by": "asn"}, 400, "not one of origin, holder"),
        ({"top": "1001"}, 400, "not a number from 0 to 1000"),
        ({"top": "-1"}, 400, "not a number"),
        ({"top": "٣"}, 400, "not a number"),
        ({"roas": "1001"}, 400, "not a number from 0 to 1000"),
        ({"family": "ipx"}, 400, "family"),
        ({"attribution": "me"}, 400, "attribution"),
        ({"format": "xml"}, 400, "format"),
        ({"list": "all"}, 400, "list"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(
    given: dict[str, str], status: int, said: str
) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        view(world(ROUTES), **given)
    assert refused.value.status == status


def test_unknown_schemes_and_groups_are_not_found() -> None:
    snapshot = world(ROUTES)
    for scheme, group in (("planet", "KE"), ("country", "XX")):
        with pytest.raises(Refusal) as refused:
            view(snapshot, scheme, group)
        assert refused.value.status == 404


@pytest.mark.parametrize("share", ["0", "0.0", "1.5", "80", "", "1e-3", "0.1234567890123", "1/2"])
def test_a_share_is_above_0_and_up_to_1(share: str) -> None:
    with pytest.raises(Refusal, match="not a share"):
        by_country(world(OF_BOTH), share=share)


def test_countries_are_asked_of_a_class_of_countries() -> None:
    for scheme, group in (("country", "KE"), ("asn", "AS1"), ("rir", "afrinic")):
        with pytest.raises(Refusal, match="no class of countries") as refused:
            by_country(world(OF_BOTH), scheme, group)
        assert refused.value.status == 404


def lines(plan: PlanOut | CountryPlanOut, *, roas: bool = False) -> list[dict[str, str]]:
    text = io.StringIO()
    plan_text.write_csv(text, plan, roas=roas)
    return list(csv.DictReader(io.StringIO(text.getvalue())))


def test_the_csv_has_the_curve_from_now_on() -> None:
    reply = view(world(ROUTES))
    rows = lines(reply)
    assert [row["rank"] for row in rows] == ["0", "1", "2"]
    assert [row["after_routes_valid"] for row in rows] == ["0", "2", "4"]
    assert {row["after_routes_announced"] for row in rows} == {"5"}
    assert rows[1]["id"] == "AS1"
    roas = lines(reply, roas=True)
    assert [(row["id"], row["prefix"]) for row in roas] == [
        (step.id, roa.prefix) for step in reply.steps for roa in step.roas.listed
    ]
    assert {row["recommended"] for row in roas} == {"true", "false"}
    assert [row["country"] for row in lines(by_country(world(OF_BOTH, SIGNED)))] == ["KE", "NL"]


def test_the_table_shows_what_the_json_has() -> None:
    out = io.StringIO()
    reply = view(world(ROUTES))
    plan_text.print_plan(out, reply)
    text = out.getvalue()
    for piece in ("Who could raise KE (country, by address)", "AS1", "0.0 %", "80.0 %",
                  "10.0.0.0/16-16 AS1", "2 other routes would turn invalid", reply.sentence,
                  "Registration is not location"):  # fmt: skip
        assert piece in text
    out = io.StringIO()
    plan_text.print_countries(out, by_country(world(OF_BOTH, SIGNED)))
    assert "What 100.0 % valid would add to Both" in out.getvalue()


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    reply = view(world(ROUTES))
    evil = msgspec.structs.replace(reply.steps[0], name="\x1b[31mred", id="AS1\r\n[b]")
    out = io.StringIO()
    plan_text.print_plan(out, msgspec.structs.replace(reply, steps=[evil]))
    assert "\x1b" not in out.getvalue()
    assert "\r" not in out.getvalue()


def test_json_of_the_service_reads_back_as_what_the_command_prints() -> None:
    reply = view(world(ROUTES))
    assert msgspec.json.decode(msgspec.json.encode(reply), type=PlanOut).steps == reply.steps
    countries = by_country(world(OF_BOTH, SIGNED))
    content = msgspec.json.encode(countries)
    assert msgspec.json.decode(content, type=CountryPlanOut).steps == countries.steps


def test_a_sentence_is_silent_while_its_figures_are_not_to_be_relied_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from validator.web import plan_described

    monkeypatch.setattr(plan_described, "stale_notes", lambda _: ["vrps x: failed: gone"])
    reply = view(world(ROUTES))
    assert (reply.sentence, reply.degraded) == ("", ["vrps x: failed: gone"])
    assert reply.steps


def test_a_sample_says_so() -> None:
    assert view(replace(world(ROUTES), sample=True)).sample


def test_both_paths_are_in_the_contract_with_all_they_take() -> None:
    described: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(document(Contract(PlanFace(StandingFeed()).operations()), "0"))
    )
    plan = described["paths"]["/api/v1/plan/{scheme}/{group}"]["get"]
    assert {each["name"] for each in plan["parameters"]} == {
        "scheme", "group", "family", "attribution", "measure", "top", "format", "by", "roas",
        "list", "at",
    }  # fmt: skip
    assert "/api/v1/plan/{scheme}/{group}/countries" in described["paths"]


def test_the_small_snapshot_of_all_faces_can_be_planned_too() -> None:
    reply = view(make_snapshot(), "rir", "ripencc")
    assert (reply.able, reply.now.valid_share) == (0, 1.0)
