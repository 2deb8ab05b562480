"""VRP lists and deltas over HTTP: what is asked again, what is refused, what it costs."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collectors import vrp_export
from collectors.base import LocalFile, ReadOptions
from tests.feeds import VRPS, StandingFeed, make_snapshot, vrp_batch
from tests.sites import Site, serving
from validator.formats.vrp_deltas import DeltaHistory
from validator.formats.vrp_lists import Form
from validator.freshness import SourceStatus
from validator.tables.vrps import VrpTable, build_table
from validator.web import vrp_lists
from validator.web.vrp_editions import RENEW_SECONDS, Editions
from validator.web.vrp_list_replies import DeltaReply, NotifyReply

LISTS = [f"/{form.value}" for form in Form]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


def publish(site: Site, *rows: tuple[str, int, int, str]) -> None:
    """A newer snapshot with these VRPs."""
    assert site.feed.snapshot is not None
    site.feed.snapshot = replace(
        site.feed.snapshot,
        generation=site.feed.snapshot.generation + 1,
        vrps=build_table([vrp_batch(rows)]),
    )


# ------------------------------------------------------------------------------------------ lists


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_is_the_same_packed_and_plain(site: Site, path: str) -> None:
    status, headers, plain = await site.ask(path)
    assert status == 200
    assert headers["Content-Length"] == str(len(plain))
    assert b"192.0.2.0/24" in plain
    _, headers, packed = await site.ask(path, headers={"Accept-Encoding": "gzip"})
    assert (headers["Content-Encoding"], headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(packed) == plain
    kind = {"/csv": "text/csv", "/csvcompat": "text/csv", "/json": "application/json"}
    assert headers["Content-Type"].startswith(kind.get(path, "")), headers


@pytest.mark.parametrize("path", [*LISTS, "/json?select-asn=64496", "/json?exclude=aspas"])
async def test_who_has_a_list_is_not_sent_it_again(site: Site, path: str) -> None:
    _, headers, _ = await site.ask(path)
    tag, modified = headers["Etag"], headers["Last-Modified"]
    for known in (
        {"If-None-Match": tag},
        {"If-None-Match": f'"other", {tag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": modified},
    ):
        status, again, body = await site.ask(path, headers=known)
        assert (status, body, again["Etag"]) == (304, b"", tag)
    for unknown in (
        {"If-None-Match": '"other"'},
        {"If-None-Match": '"other"', "If-Modified-Since": modified},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If-Modified-Since": "yesterday"},
    ):
        assert (await site.ask(path, headers=unknown))[0] == 200
    publish(site, *VRPS[:2])
    status, again, _ = await site.ask(path, headers={"If-None-Match": tag})
    assert status == 200
    assert again["Etag"] != tag


async def test_a_snapshot_with_the_same_vrps_is_the_same_list(site: Site) -> None:
    _, before, _ = await site.ask("/json")
    assert site.feed.snapshot is not None
    site.feed.snapshot = replace(site.feed.snapshot, generation=2, created=2_000_000_000)
    _, after, _ = await site.ask("/json")
    assert after["Etag"] == before["Etag"]


async def test_a_selection_is_made_of_all_its_arguments(site: Site) -> None:
    async def listed(query: str) -> list[str]:
        _, answer = await site.json(f"/json?{query}")
        return [each["prefix"] for each in answer["roas"]]

    assert await listed("select-asn=AS64497") == ["198.51.100.0/23"]
    assert await listed("select-prefix=198.51.100.0/24") == ["198.51.100.0/22", "198.51.100.0/23"]
    assert await listed("filter-prefix=198.51.100.0/24&filter-asn=64496") == [
        "192.0.2.0/24",
        "198.51.100.0/22",
        "198.51.100.0/23",
        "2001:db8::/32",
    ]
    assert await listed("select-prefix=0.0.0.0/0") == []
    assert len(await listed("select-prefix=0.0.0.0/0&include=more-specifics,other")) == 3
    assert len(await listed("include=more-specifics")) == 4
    assert len(await listed("exclude=other")) == 4
    assert "roas" not in (await site.json("/json?exclude=routeOrigins,aspas"))[1]


@pytest.mark.parametrize(
    "query",
    [
        "select-prefix=192.0.2.1/24",
        "select-prefix=192.0.2.0",
        "select-prefix=",
        "select-asn=ASx",
        "select-asn=4294967296",
        "select-asn=-1",
        "more-specifics=1",
        "x=",
    ],
)
@pytest.mark.parametrize("path", ["/json", "/csv"])
async def test_what_routinator_refuses_is_refused(site: Site, path: str, query: str) -> None:
    status, answer = await site.json(f"{path}?{query}")
    assert status == 400
    assert answer["error"].startswith("invalid query")


async def test_without_a_snapshot_there_is_no_list() -> None:
    async with serving(StandingFeed()) as site:
        for path in (*LISTS, "/json-delta", "/json-delta/notify", "/json?select-asn=1"):
            status, headers, body = await site.ask(path)
            assert (status, json.loads(body)["error"][:18]) == (503, "Initial validation")
            assert headers["Retry-After"]


async def test_a_sample_says_so_wherever_the_list_goes() -> None:
    async with serving(sample=True) as site:
        for path in LISTS:
            assert (await site.ask(path))[1]["X-Originsight-Sample"] == "1"
        assert (await site.json("/json"))[1]["metadata"]["sample"] is True
        _, headers, _ = await site.ask("/csv")
        assert "SAMPLE" in headers["Content-Disposition"]


LATE = SourceStatus(
    "rtr", "tcp://user:secret@a", "failed", error="secret words", since=1, stale_from=1
)


async def test_late_vrps_say_so_in_a_header_and_in_json(site: Site) -> None:
    assert site.feed.snapshot is not None
    site.feed.snapshot = replace(site.feed.snapshot, troubles=(LATE,))
    _, headers, body = await site.ask("/json")
    degraded = json.loads(body)["metadata"]["degraded"]
    assert degraded == ["rtr tcp://user:***@a: failed since 1970-01-01T00:00:01Z"]
    assert "failed" in headers["X-Originsight-Degraded"]
    assert "secret@" not in headers["X-Originsight-Degraded"]
    assert "X-Originsight-Degraded" in (await site.ask("/csv"))[1]
    assert (await site.json("/json-delta"))[1]["degraded"] == degraded


async def test_an_unchanged_list_is_renewed_after_an_hour_but_not_while_it_is_late() -> None:
    now, snapshot = [1_000_000.0], make_snapshot()
    editions = Editions(DeltaHistory(1), lambda: now[0])
    first = await editions.current(snapshot)
    assert first.head.generated == 1_000_000
    now[0] += RENEW_SECONDS - 1
    assert await editions.current(snapshot) is first
    now[0] += 1
    second = await editions.current(snapshot)
    assert (second.head.generated, second.tag != first.tag) == (1_003_600, True)
    late = replace(snapshot, troubles=(LATE,))
    now[0] += 10 * RENEW_SECONDS
    third = await editions.current(late)
    assert (third.head.generated, third.tag != second.tag) == (1_003_600, True)
    now[0] += 10 * RENEW_SECONDS
    other_words = replace(snapshot, troubles=(replace(LATE, error="other words"),))
    assert await editions.current(other_words) is third
    assert (await editions.current(snapshot)).head.generated == int(now[0])


async def test_the_head_of_a_list_comes_without_a_body(site: Site) -> None:
    for path in (*LISTS, "/json?select-asn=1", "/json-delta"):
        status, _, body = await site.ask(path, method="HEAD")
        assert (status, body) == (200, b"")


# ----------------------------------------------------------------------------------------- deltas


async def test_a_client_that_applies_deltas_has_what_is_in_force(site: Site) -> None:
    def keys(items: Any) -> set[bytes]:
        return {msgspec.json.encode(item) for item in items}

    async def ask(query: str) -> DeltaReply:
        status, _, body = await site.ask(f"/json-delta{query}")
        assert status == 200
        return msgspec.json.decode(body, type=DeltaReply, strict=True)

    answer = await ask("")
    assert (answer.reset, answer.session, answer.serial) == (True, "7", 0)
    assert "withdrawn" not in msgspec.to_builtins(answer)
    held = keys(answer.announced)
    assert len(held) == 4
    for rows in (VRPS[1:], VRPS[:3], (*VRPS[:2], ("203.0.113.0/24", 24, 1, "ripe"))):
        publish(site, *rows)
        version = f"?session={answer.session}&serial={answer.serial}"
        answer = await ask(version)
        assert answer.reset is False
        assert answer.from_serial == answer.serial - 1
        came, went = keys(answer.announced), keys(answer.withdrawn)
        assert went <= held
        assert not came & held
        held = (held - went) | came
        assert held == keys((await ask("")).announced)
    nothing = await ask(f"?serial={answer.serial}&session={answer.session}")
    assert (nothing.reset, nothing.announced, nothing.withdrawn) == (False, [], [])
    for unknown in ("session=8&serial=0", "session=7&serial=4294967295"):
        reset = await ask(f"?{unknown}")
        assert (reset.reset, keys(reset.announced)) == (True, held)


@pytest.mark.parametrize("path", ["/json-delta", "/json-delta/notify"])
@pytest.mark.parametrize(
    "query",
    [
        "session=7",
        "serial=0",
        "session=7&serial=x",
        "session=7&serial=-1",
        "session=7&serial=4294967296",
        "session=18446744073709551616&serial=0",
        "session=7&session=7&serial=0",
        "session=7&serial=0&more=1",
        "session=&serial=",
    ],
)
async def test_a_version_is_two_numbers_or_none(site: Site, path: str, query: str) -> None:
    status, answer = await site.json(f"{path}?{query}")
    assert status == 400
    assert answer["error"].startswith("invalid query")


async def test_a_notification_comes_at_once_if_there_is_anything_to_tell(site: Site) -> None:
    for query in ("", "?session=8&serial=0", "?session=7&serial=3"):
        status, _, body = await site.ask(f"/json-delta/notify{query}")
        assert status == 200
        assert msgspec.json.decode(body, type=NotifyReply) == NotifyReply(7, 0)


async def test_a_notification_comes_when_the_vrps_change(site: Site) -> None:
    await site.json("/json-delta")
    waiting = asyncio.create_task(site.json("/json-delta/notify?session=7&serial=0"))
    assert site.feed.snapshot is not None
    site.feed.snapshot = replace(site.feed.snapshot, generation=2)
    await site.history.look(site.feed.snapshot)
    done, _ = await asyncio.wait((waiting,), timeout=0.2)
    assert not done
    publish(site, *VRPS[:1])
    await site.history.look(site.feed.snapshot)
    assert await asyncio.wait_for(waiting, 30) == (200, {"session": 7, "serial": 1})


async def test_a_notification_comes_in_the_end_though_nothing_changes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vrp_lists, "WAIT_SECONDS", 0.01)
    await site.json("/json-delta")
    answer = await site.json("/json-delta/notify?session=7&serial=0")
    assert answer == (200, {"session": 7, "serial": 0})


async def test_only_so_many_may_wait_and_none_waits_when_the_service_stops(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vrp_lists, "MOST_WAITING", 2)
    await site.json("/json-delta")
    path = "/json-delta/notify?session=7&serial=0"
    waiting = {asyncio.create_task(site.json(path)) for _ in range(3)}
    done, left = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result()[0] for task in done] == [503]
    site.history.close()
    answers = await asyncio.wait_for(asyncio.gather(*left), 30)
    assert answers == [(200, {"session": 7, "serial": 0})] * 2
    assert (await site.json(path))[0] == 200


# ----------------------------------------------------------------------------- the real VRP table


@pytest.fixture(scope="module")
def real_table(real_data: Path) -> VrpTable:
    path = real_data / "vrps" / "rpkiclient_summary_20250720T100145Z.json.bz2"
    return build_table([vrp_export.load(LocalFile(path, path.name), ReadOptions())])


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


@pytest.mark.real_data
async def test_the_full_list_is_bounded_in_memory_and_others_are_answered_meanwhile(
    real_table: VrpTable,
) -> None:
    async with serving(StandingFeed(replace(make_snapshot(), vrps=real_table))) as site:
        assert (await site.ask("/healthz"))[0] == 200
        before = peak_megabytes()

        async def read(path: str, coding: str) -> tuple[int, int]:
            """Bytes and lines, taken in piece by piece."""
            unpack = zlib.decompressobj(31) if coding == "gzip" else None
            size, lines = 0, 0
            async with site.session.get(site.url(path), headers={"Accept-Encoding": coding}) as got:
                async for part in got.content.iter_chunked(1 << 16):
                    size += len(part)
                    lines += (unpack.decompress(part) if unpack else part).count(b"\n")
            return size, lines

        tasks = [
            asyncio.create_task(read(path, coding))
            for path in ("/json", "/csv")
            for coding in ("gzip", "identity", "identity")
        ]
        others, began = 0, time.perf_counter()
        while not all(task.done() for task in tasks):
            assert (await site.ask("/healthz"))[0] == 200
            others += 1
        waited = (time.perf_counter() - began) / others
        answers = [task.result() for task in tasks]
        listed = len(real_table) + len(real_table.aspas) + len(real_table.router_keys)
        assert answers[1] == answers[2]
        assert answers[0][1] == answers[1][1] > listed
        assert answers[3][1] == answers[4][1] == len(real_table) + 1
        assert answers[0][0] * 5 < answers[1][0]
        assert peak_megabytes() - before < 100
        assert others > 20, f"{others} other answers, {waited:.3f} s each"


@pytest.mark.real_data
async def test_a_selection_of_everything_is_streamed_in_little_memory(real_table: VrpTable) -> None:
    async with serving(StandingFeed(replace(make_snapshot(), vrps=real_table))) as site:
        before = peak_megabytes()
        path = "/csv?include=more-specifics&select-prefix=0.0.0.0/0&select-prefix=::/0"
        lines = 0
        async with site.session.get(site.url(path)) as got:
            async for part in got.content.iter_chunked(1 << 16):
                lines += part.count(b"\n")
        assert lines == len(real_table) + 1
        assert peak_megabytes() - before < 100
