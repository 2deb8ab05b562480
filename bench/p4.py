"""P4: a VRP export in JSON to the indexed table of VRPs, against msgspec's typed decoding alone.

The peer is the fastest general way to JSON in Python: ``msgspec.json.decode`` into structs that
name just the five fields, kept from the garbage collector, the bytes being in memory. It makes
objects and no more. We read the file (from the page cache), hash it, parse it into columns, refuse
what is no VRP, sort, remove duplicates, and link each prefix to the one that covers it.

Equality: the same set of VRPs with the same latest expiry, worked out from the structs.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from bench.common import Goal, Result, Unequal, alternate, say, timed, unpacked_vrps
from collectors import vrp_export
from collectors.base import LocalFile, ReadOptions
from validator.tables.vrps import VrpTable, build_table

PAIRS = 7
GOAL = Goal(2.5, at_least=False)


class Roa(msgspec.Struct, gc=False):
    asn: int
    prefix: str
    maxLength: int  # noqa: N815 - the key in the file
    ta: str
    expires: int


class Metadata(msgspec.Struct):
    buildtime: str


class Export(msgspec.Struct):
    metadata: Metadata
    roas: list[Roa]


def run() -> Iterator[Result]:
    yield measure(unpacked_vrps(), PAIRS)


def measure(path: Path, pairs: int) -> Result:
    """
    Raises:
        Unequal: as the package says.
    """
    raw = path.read_bytes()
    say("P4: comparing answers")
    compare(decode(raw), index(path))
    gc.collect()
    say(f"P4: timing {pairs} pairs")
    taken = alternate(lambda: timed(lambda: decode(raw)), lambda: timed(lambda: index(path)), pairs)
    return Result("P4", "msgspec", GOAL, taken)


def decode(raw: bytes) -> Export:
    return msgspec.json.decode(raw, type=Export)


def index(path: Path) -> VrpTable:
    return build_table([vrp_export.load(LocalFile(path, path.name), ReadOptions())])


def compare(export: Export, table: VrpTable) -> None:
    """
    Raises:
        Unequal: the table does not hold just the VRPs of the export that had not expired when it
            was built, each once, with its latest expiry.
    """
    built = int(datetime.fromisoformat(export.metadata.buildtime).timestamp())
    theirs: dict[tuple[str, int, int], int] = {}
    for roa in export.roas:
        if roa.expires >= built:
            vrp = roa.prefix, roa.maxLength, roa.asn
            theirs[vrp] = max(theirs.get(vrp, 0), roa.expires)
    ours = {(str(vrp.prefix), vrp.max_length, vrp.asn): vrp.expires for vrp in table}
    if len(table) != len(theirs):
        raise Unequal(f"msgspec's structs hold {len(theirs)} VRPs, our table {len(table)}")
    if ours != theirs:
        prefix, longest, asn = next(iter(ours.keys() ^ theirs.keys()), next(iter(ours)))
        raise Unequal(f"the VRPs differ, for instance in {prefix}-{longest} AS{asn} or its expiry")
