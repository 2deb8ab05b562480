"""Other people's clients, unmodified, pointed at us.

StayRTR and BIRD are Debian's. The rest come from the registries and are installed by ``make
clients`` (``tests/clients``) into a folder of their own, which ORIGINSIGHT_CLIENTS names; without
it their tests are skipped, and the one that takes longest too.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.bird import Bird
from bench.common import NotRun
from collectors import vrp_export
from collectors.base import LocalFile, ReadOptions
from tests.conftest import ROOT
from tests.feeds import StandingFeed, make_snapshot, vrp_batch
from tests.rtr_bytes import V
from tests.rtr_caches import (
    PATIENCE_SECONDS,
    StayRtr,
    following,
    nothing_is_left,  # noqa: F401 - a fixture
    vrps,
)
from tests.sites import Site, serving
from validator.model import Aspa, InputReport, Prefixes, RouterKey, VrpBatch
from validator.tables.changes import changed_vrps
from validator.tables.vrps import VrpTable, build_table

ASPAS = (Aspa(64496, (64497, 64498), "ripe"),)
KEYS = (
    RouterKey(
        15562,
        "5D4250E2D81D4448D8A29EFCE91D29FF075EC9E2",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgFcjQ/g//LAQerAH2Mpp+GucoDAGBbhIqD33wNPsXxnAGb+mtZ7XQr"
        "VO9DQ6UlAShtig5+QfEKpTtFgiqfiAFQ==",
        "ripe",
    ),
)


def table(held: frozenset[V]) -> VrpTable:
    rows = tuple((prefix, longest, asn, "ripe") for prefix, longest, asn in sorted(held))
    return replace(build_table([vrp_batch(rows)]), aspas=ASPAS, router_keys=KEYS)


@asynccontextmanager
async def site_of(vrps: VrpTable) -> AsyncIterator[Site]:
    async with serving(StandingFeed(replace(make_snapshot(), vrps=vrps))) as site:
        yield site


class FedStayRtr(StayRtr):
    """A StayRTR that takes its VRPs from a URL, and refuses an old list, as it does by itself."""

    def __init__(self, folder: Path, url: str) -> None:
        # Of an option given twice, the last counts.
        super().__init__(folder, None, "-cache", url, "-checktime=true")

    def reload(self) -> None:
        """Look at the list now rather than in ten minutes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)


# ------------------------------------------------------------------------------- StayRTR and BIRD


@pytest.mark.usefixtures("nothing_is_left")
async def test_stayrtr_announces_the_vrps_that_we_list_and_follows_them(tmp_path: Path) -> None:
    first, second = vrps(300), vrps(300, first=100)
    async with site_of(table(first)) as site:
        cache = FedStayRtr(tmp_path / "stayrtr", f"{site.base}/json")
        async with cache, following(cache.port) as (watched, _):
            await watched.until(first)
            assert site.feed.snapshot is not None
            site.feed.snapshot = replace(site.feed.snapshot, generation=2, vrps=table(second))
            cache.reload()
            await watched.until(second)
            watched.only_saw(first, second)


async def test_bird_holds_the_vrps_that_we_list(tmp_path: Path) -> None:
    held = vrps(300)
    async with (
        site_of(table(held)) as site,
        FedStayRtr(tmp_path / "stayrtr", f"{site.base}/json") as cache,
    ):
        try:
            bird = await asyncio.to_thread(Bird(tmp_path, cache.port).__enter__)
        except NotRun as problem:
            pytest.skip(str(problem))
        try:
            await asyncio.to_thread(_until_bird_holds, bird, held)
        finally:
            bird.__exit__(None, None, None)


def _until_bird_holds(bird: Bird, wanted: frozenset[V]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while (held := roas(bird)) != wanted:
        assert time.monotonic() < end, f"BIRD holds {len(held)} VRPs instead of {len(wanted)}"
        time.sleep(0.1)


def roas(bird: Bird) -> frozenset[V]:
    """The VRPs in BIRD's tables."""
    shown = bird.ask("show route table r4") + bird.ask("show route table r6")
    found = re.findall(r"^(\S+)-(\d+) AS(\d+)", shown, re.MULTILINE)
    return frozenset((prefix, int(longest), int(asn)) for prefix, longest, asn in found)


def read_all(port: int) -> VrpTable:
    """What a cache announces, read with nothing but RFC 8210: a Reset Query and its answer."""
    held, at, rows = bytearray(), 0, dict[int, list[bytes]]({4: [], 6: []})
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(struct.pack(">BBHI", 1, 2, 0, 8))
        kind = 0
        while kind != 7:  # End of Data
            held += connection.recv(1 << 18)
            while len(held) - at >= 8 and kind != 7:
                kind, length = held[at + 1], int.from_bytes(held[at + 4 : at + 8], "big")
                if len(held) - at < length:
                    kind = 0
                    break
                if kind in rows:
                    rows[kind].append(bytes(held[at + 8 : at + length]))
                at += length
            del held[:at]
            at = 0
    batches = []
    for family, words in ((4, 1), (6, 4)):
        fields = [("flags", "u1"), ("length", "u1"), ("longest", "u1"), ("zero", "u1")]
        got = np.frombuffer(
            b"".join(rows[family]), [*fields, ("address", ">u4", (words,)), ("asn", ">u4")]
        )
        assert (got["flags"] == 1).all()
        address = np.zeros((len(got), 4), "u8")
        address[:, :words] = got["address"]
        high, low = (address[:, n] << np.uint64(32) | address[:, n + 1] for n in (0, 2))
        batches.append(
            VrpBatch(
                Prefixes(np.full(len(got), family, "u1"), high, low, got["length"].copy()),
                got["asn"].astype("u4"),
                got["longest"].copy(),
                np.zeros(len(got), "u1"),
                np.zeros(len(got), "i8"),
                ("rtr",),
                InputReport("rtr", "rtr"),
            )
        )
    return build_table(batches)


# ------------------------------------------------------------------------ clients of the registries


@pytest.fixture(scope="session")
def clients() -> Path:
    folder = Path(os.environ.get("ORIGINSIGHT_CLIENTS", ROOT / "var" / "clients"))
    if not folder.is_dir():
        pytest.skip("no clients here: make clients")
    return folder.resolve()


@pytest.mark.real_data
@pytest.mark.usefixtures("clients")  # not for want of them: StayRTR takes most of a minute
async def test_all_real_vrps_come_back_through_stayrtr(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.rtr_caches.PATIENCE_SECONDS", 180.0)
    path = real_data / "vrps" / "rpkiclient_summary_20250720T100145Z.json.bz2"
    held = build_table([vrp_export.load(LocalFile(path, path.name), ReadOptions())])
    async with (
        site_of(held) as site,
        FedStayRtr(tmp_path / "stayrtr", f"{site.base}/json") as cache,
    ):
        got = await asyncio.to_thread(read_all, cache.port)
    changed = changed_vrps(held, got)
    assert len(got) == len(held) == 723_524
    assert len(changed.gone) == len(changed.new) == 0


async def output_of(*command: str, given: str = "", **environment: str) -> str:
    """What a program prints; it must end well."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        out, error = await asyncio.wait_for(process.communicate(given.encode()), 120)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, error.decode()
    return out.decode()


_NODE = """
const RpkiValidator = require("rpki-validator");
const rpki = new RpkiValidator({ connector: "api", url: process.argv[1], clientId: "test" });
const routes = JSON.parse(process.argv[2]);
rpki.preCache().then(async () => {
  const verdicts = [];
  for (const [prefix, asn] of routes) verdicts.push(await rpki.validate(prefix, asn, true));
  console.log(JSON.stringify({ count: rpki.getLength(), verdicts }));
  rpki.destroy();
}).catch(error => { console.error(error); process.exit(1); });
"""
ROUTES: list[tuple[str, int, str, bool | None, str | None]] = [
    # prefix, origin, our state, what rpki-validator says, and why
    ("192.0.2.0/24", 64496, "valid", True, None),
    ("192.0.2.0/25", 64496, "invalid", False, "Not valid prefix length"),
    ("192.0.2.0/24", 64500, "invalid", False, "Not valid origin"),
    ("203.0.113.0/24", 64496, "not-found", None, "No ROA available for this prefix"),
    ("2001:db8:1::/48", 64496, "valid", True, None),
    ("2001:db8::/49", 64496, "invalid", False, "Not valid prefix length"),
]


async def test_rpki_validator_of_npm_agrees_with_us_over_our_list(clients: Path) -> None:
    node = shutil.which("node")
    if node is None or not (clients / "node_modules" / "rpki-validator").is_dir():
        pytest.skip("no Node.js or no rpki-validator here: make clients")
    async with serving() as site:
        routes = json.dumps([(prefix, asn) for prefix, asn, *_ in ROUTES])
        said = json.loads(
            await output_of(
                node, "-e", _NODE, f"{site.base}/json", routes,
                NODE_PATH=str(clients / "node_modules"),
            )
        )  # fmt: skip
        assert said["count"] == 4
        for (prefix, asn, state, valid, reason), verdict in zip(
            ROUTES, said["verdicts"], strict=True
        ):
            assert (verdict["valid"], verdict["reason"]) == (valid, reason), prefix
            _, answer = await site.json(f"/api/v1/validity/{asn}/{prefix}")
            assert answer["validated_route"]["validity"]["state"] == state


_PRSW = """
import json, sys
import prsw, prsw.api
prsw.api.API_URL = sys.argv[1] + "/data"
stat = prsw.RIPEstat()
routes = json.loads(sys.argv[2])
statuses = [stat.rpki_validation_status(asn, prefix).status for prefix, asn in routes]
announced = stat.announced_prefixes(64496)
print(json.dumps({"statuses": statuses, "announced": [str(each.prefix) for each in announced]}))
"""


async def test_prsw_of_pypi_reads_our_ripestat_calls(clients: Path) -> None:
    python = clients / "bin" / "python"
    if not python.is_file():
        pytest.skip("no prsw here: make clients")
    async with serving() as site:
        routes = json.dumps([(prefix, asn) for prefix, asn, *_ in ROUTES])
        said: dict[str, Any] = json.loads(
            await output_of(str(python), "-c", _PRSW, site.base, routes)
        )
    assert said["statuses"] == [
        "valid", "invalid_length", "invalid_asn", "unknown", "valid", "invalid_length",
    ]  # fmt: skip
    assert said["announced"] == ["192.0.2.0/24", "192.0.2.0/25", "2001:db8::/32"]
