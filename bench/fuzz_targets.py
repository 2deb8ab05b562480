"""Every decoder that is fuzzed: where its inputs come from, how they are damaged, who reads."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import fuzz_archive, fuzz_live, fuzz_live_seeds, fuzz_mrt, fuzz_ris, fuzz_text
from bench.fuzz_live_mutations import Form, mutate_messages
from bench.fuzz_mutations import (
    LARGEST_CASE,
    Mutator,
    mutate_bytes,
    mutate_json,
    mutate_mrt,
    mutate_text,
)
from collectors import mrt
from collectors.mrt import read_stream


@dataclass(frozen=True, slots=True)
class Target:
    """One decoder. ``share`` is its part of the cases of its list, in thousandths.

    ``seeds`` are made from (the folder of real data, which may be absent, and that of the sample
    world); ``decode`` takes an input and a folder that it may write to.
    """

    name: str
    share: int
    seeds: Callable[[Path, Path], Iterable[bytes]]
    mutate: Mutator
    decode: fuzz_text.Decoder


def _mrt_seeds(data: Path, sample: Path) -> Iterator[bytes]:
    """Real records, and the beginning of the sample's table."""
    yield from (raw for _, raw in fuzz_mrt.cases(data))
    sample_rib = fuzz_text.beginning(sample / "rib.mrt.gz", 1 << 17)
    table = fuzz_mrt._some_records(sample_rib, 0)
    yield table
    yield table[:800]


def _decode_mrt(raw: bytes, folder: Path) -> object:
    """Mostly the decoder alone, in pieces whose size follows from the input; now and then the
    whole reader, with its thread."""
    if zlib.crc32(raw) % 16 == 0:
        return fuzz_text.read(mrt.load, raw, folder)
    step = 1 + zlib.crc32(raw) % (2 * fuzz_mrt.SEED_BYTES)
    pieces = (raw[at : at + step] for at in range(0, len(raw), step))
    return read_stream("fuzz", pieces, allow_truncated=bool(len(raw) % 2))


TARGETS = (
    Target("mrt", 330, _mrt_seeds, mutate_mrt, _decode_mrt),
    Target("vrp-json", 130, fuzz_text.vrp_json, mutate_json, fuzz_text.decode_vrps),
    Target("vrp-csv", 90, fuzz_text.vrp_csv, mutate_text, fuzz_text.decode_vrps),
    Target("slurm", 80, fuzz_text.slurms, mutate_json, fuzz_text.decode_slurm),
    Target("delegated", 90, fuzz_text.registries, mutate_text, fuzz_text.decode_delegated),
    Target("route-list", 120, fuzz_text.route_lists, mutate_json, fuzz_text.decode_route_list),
    Target("pyasn", 10, fuzz_text.pyasn_files, mutate_text, fuzz_text.decode_pyasn),
    Target("asn-names", 40, fuzz_text.names, mutate_text, fuzz_text.decode_names),
    Target("archive", 80, fuzz_archive.packed, mutate_bytes, fuzz_archive.unpack),
    Target("sniff", 30, fuzz_archive.beginnings, mutate_bytes, fuzz_archive.tell),
)

"""Decoders of files: 1000 thousandths together."""

_UPDATES = partial(mutate_messages, Form.UPDATES)
_MRT = partial(mutate_messages, Form.MRT)
_BMP = partial(mutate_messages, Form.BMP)

LIVE_TARGETS = (
    Target("bgp-update", 500, fuzz_live_seeds.update_seeds, _UPDATES, fuzz_live.decode_updates),
    Target("mrt-updates", 150, fuzz_live_seeds.mrt_seeds, _MRT, fuzz_live.decode_mrt_updates),
    Target("bmp", 300, fuzz_live_seeds.bmp_seeds, _BMP, fuzz_live.decode_bmp),
    Target("bmp-router", 50, fuzz_live_seeds.bmp_seeds, _BMP, fuzz_live.follow_router),
    Target("ris-live", 100, fuzz_ris.seeds, fuzz_ris.mutate, fuzz_ris.decode),
)
"""Decoders of live sources. A line more with a share of its own comes on top: BGP and BMP keep
their 1000 thousandths."""


def seeds_of(target: Target, data: Path, sample: Path) -> list[bytes]:
    """The inputs of a target, none twice, none empty or too large."""
    return [
        raw for raw in dict.fromkeys(target.seeds(data, sample)) if 0 < len(raw) <= LARGEST_CASE
    ]
