"""P8 and P9 on small tables, with the service as a process of its own; and its memory meanwhile."""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench import p8, p9
from bench.common import Unequal
from bench.http_sides import Side, settings
from tests.oracle import R, V, route_batch, vrp_batch

LISTED = [R(ipaddress.ip_network(f"10.{n % 100}.{n // 100}.0/24"), 1 + n % 3) for n in range(3000)]
VRPS = [V(ipaddress.ip_network(f"10.{n}.0.0/16"), 16 + n % 9, 1 + n % 2) for n in range(60)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bulk")
    rows = "".join(f"{route.prefix},{route.origin}\n" for route in LISTED)
    (folder / "routes.csv").write_text("prefix,origin\n" + rows)
    return folder


@pytest.fixture(scope="module")
def config(folder: Path) -> str:
    return settings(folder, vrp_batch(VRPS), folder / "routes.csv")


@pytest.fixture(scope="module")
def ours(folder: Path, config: str) -> Iterator[Side]:
    with Side.service(folder, config) as side:
        yield side


def test_p9_gives_a_line_for_each_form(
    folder: Path, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(p9, "SAMPLED", 100)
    lines = list(p9.measure(vrp_batch(VRPS), route_batch(LISTED), config, folder, 1))
    assert [str(line).split()[1] for line in lines] == [f"form={p9.NDJSON}", f"form={p9.CSV}"]
    assert all(" routes=3000 " in str(line) for line in lines)


@pytest.mark.parametrize("media", [p9.NDJSON, p9.CSV])
def test_p9_fails_where_an_answer_differs(
    ours: Side, media: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = p9.as_list(route_batch(LISTED))
    expected = p9.totals(vrp_batch(VRPS), route_batch(LISTED))
    assert len(+expected) == 3
    got = p9.exchange(ours, media, p9.written(routes, media))
    p9.check(got, media, routes, expected)
    with pytest.raises(Unequal, match="totals are"):
        p9.check(got, media, routes, expected + type(expected)(valid=1))
    with pytest.raises(Unequal, match="is answered by"):
        p9.check(got, media, [routes[1], *routes[1:]], expected)
    shorter = got.answer[:-1].rpartition(b"\n")[0]
    with pytest.raises(Unequal, match="2999 answers"):
        p9.check(replace(got, answer=shorter), media, routes, expected)
    monkeypatch.setattr(p9, "SAMPLED", 100)
    turned = got.answer.replace(b"not-found", b"valid")
    with pytest.raises(Unequal, match="a look-up says"):
        p9.check_sample(ours, turned, media, routes)


@pytest.mark.parametrize("read_at_once", [True, False])
def test_more_than_a_million_routes_take_little_memory(ours: Side, read_at_once: bool) -> None:
    """As many as the Internet has, of which the first are answered while the last are not sent."""
    routes = p9.as_list(route_batch(LISTED))
    body = p9.written(routes, p9.NDJSON) * 500
    got = p9.exchange(ours, p9.NDJSON, body, read_at_once=read_at_once)
    assert got.answer.count(b"\n") == 1_500_000
    assert got.grown_bytes <= 100_000_000
    if read_at_once:
        assert got.first_out < got.last_in


@pytest.mark.skipif(shutil.which("wrk") is None, reason="no wrk here")
def test_p8_gives_its_two_lines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(p8, "PAIRS", 1)
    asked = p9.as_list(route_batch(LISTED))[:200]
    lines = list(p8.measure(vrp_batch(VRPS), asked, folder / "routes.csv", folder, (1, 3)))
    assert [str(line)[:24] for line in lines] == ["P8 peer=aiohttp-constant"] * 2


def test_p8_fails_where_the_vrps_named_are_others(ours: Side) -> None:
    asked = p9.as_list(route_batch(LISTED))[:100]
    p8.compare(ours, vrp_batch(VRPS), asked)
    with pytest.raises(Unequal, match="not"):
        p8.compare(ours, vrp_batch(VRPS[1:]), asked)
