"""P3: a gzipped MRT routing table to columns, against isal alone and against bgpdump.

The table is written by :mod:`bench.rib_writer` from the real list of routes: three peers, some four
million entries. isal is the bound: the same stored file through the same decompressor, in pieces of
the same size, and the content thrown away. bgpdump prints every entry to /dev/null.

Equality: isal's content has the length that we decoded; bgpdump's lines are as many as our entries
and have the same sum of hashes over (peer, prefix, origin), whatever their order.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from isal import igzip_lib

from bench.common import ROUTES as ROUTES_FILE
from bench.common import Goal, NotRun, Result, Unequal, alternate, made_from, real, say, timed
from bench.rib_writer import write_rib
from collectors import mrt
from collectors.archive import CHUNK_BYTES, STORED_BYTES
from collectors.base import LocalFile, ReadOptions
from validator.model import NO_ORIGIN, RouteBatch

PEERS = 3
PAIRS = 9
BGPDUMP_PAIRS = 2  # it takes a quarter of a minute
ISAL_GOAL, BGPDUMP_GOAL = Goal(1.3, at_least=False), Goal(25)

_SOME = 1 << 18


def run() -> Iterator[Result]:
    source = real(ROUTES_FILE)
    rib = made_from(source, "rib", ".mrt.gz", lambda out: write_rib(source, out, PEERS))
    yield against_isal(rib, PAIRS)
    yield against_bgpdump(rib, BGPDUMP_PAIRS)


def against_isal(rib: Path, pairs: int) -> Result:
    say(f"P3: timing {pairs} pairs with isal")
    unpack(rib), decode(rib)  # both files and code are in memory from here on
    taken = alternate(lambda: timed(lambda: unpack(rib)), lambda: timed(lambda: decode(rib)), pairs)
    return Result("P3", "isal", ISAL_GOAL, taken)


def against_bgpdump(rib: Path, pairs: int) -> Result:
    """
    Raises:
        NotRun, Unequal: as the package says.
    """
    if shutil.which("bgpdump") is None:
        raise NotRun("no bgpdump here; install bgpdump")
    say("P3: comparing answers with bgpdump")
    compare(printed_by_bgpdump(rib), decode(rib))
    say(f"P3: timing {pairs} pairs with bgpdump")
    taken = alternate(
        lambda: timed(lambda: _bgpdump(rib)), lambda: timed(lambda: decode(rib)), pairs
    )
    return Result("P3", "bgpdump", BGPDUMP_GOAL, taken)


def decode(rib: Path) -> RouteBatch:
    return mrt.load(LocalFile(rib, rib.name), ReadOptions())


def unpack(rib: Path) -> int:
    """isal alone; returns the bytes of content."""
    decoder, total = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), 0
    with rib.open("rb", buffering=0) as file:
        while not decoder.eof:
            stored = file.read(STORED_BYTES) if decoder.needs_input else b""
            total += len(decoder.decompress(stored, CHUNK_BYTES))
    return total


def _bgpdump(rib: Path) -> None:
    subprocess.run(
        ["bgpdump", "-m", rib], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )


# -------------------------------------------------------------------------------------- equality


def printed_by_bgpdump(rib: Path) -> tuple[int, int]:
    """The number of its entries, and the sum of their hashes."""
    with subprocess.Popen(
        ["bgpdump", "-m", rib], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        answer = summed(_of_line(line) for line in process.stdout)
    if process.returncode:
        raise NotRun(f"bgpdump failed on {rib.name}")
    return answer


def compare(theirs: tuple[int, int], batch: RouteBatch) -> None:
    """
    Raises:
        Unequal: the entries are not the same.
    """
    ours = summed(_of_batch(batch))
    if theirs[0] != ours[0]:
        raise Unequal(f"bgpdump finds {theirs[0]} entries, we {ours[0]}")
    if theirs != ours:
        raise Unequal("bgpdump's entries (peer, prefix, origin) are not ours")


def summed(entries: Iterable[str]) -> tuple[int, int]:
    """How many, and a sum over them that does not depend on their order."""
    count = total = 0
    for entry in entries:
        count += 1
        total += hash(entry)
    return count, total


def _of_line(line: str) -> str:
    """``peer|AS|prefix|origin`` of TABLE_DUMP2|time|B|peer|AS|prefix|path|…"""
    _, _, _, peer, asn, prefix, path, _ = line.split("|", 7)
    origin = path.rpartition(" ")[2]
    return f"{peer}|{asn}|{prefix}|{NO_ORIGIN if origin.startswith('{') else origin}"


def _of_batch(batch: RouteBatch) -> Iterator[str]:
    peers = [f"{peer.address}|{peer.asn}|" for peer in batch.peers]
    prefixes = [str(batch.prefixes[row]) for row in range(len(batch.prefixes))]
    for start in range(0, len(batch), _SOME):
        some = slice(start, start + _SOME)
        for prefix, peer, origin in zip(
            batch.prefix[some].tolist(),
            batch.peer[some].tolist(),
            batch.origin[some].tolist(),
            strict=True,
        ):
            yield f"{peers[peer]}{prefixes[prefix]}|{origin}"
