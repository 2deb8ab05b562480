"""What the fuzz runner needs for the text formats: inputs to mutate, and the readers.

Inputs are cut from real files where the real data lie, and from the sample world everywhere; each
is small, so that a mutation is likely to hit something that matters.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from collectors import asn_names, delegated, ipasn, route_list, slurm, vrp_export
from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions
from collectors.wire.json_rows import mended

SMALL, LARGE = 1500, 24_000
"""Bytes of an input: nearly all are small, one of each file is not."""
MOST_UNPACKED_BYTES = 1 << 22

Decoder = Callable[[bytes, Path], object]
"""(input, a folder to write it into) → the batch."""


def read(load: Callable[[LocalFile, ReadOptions], object], raw: bytes, folder: Path) -> object:
    """Feed an input to a reader as the file that it expects.

    Whether a truncation is allowed follows from the input, so that a case has one answer.
    """
    path = folder / "case"
    path.write_bytes(raw)
    return load(LocalFile(path, "fuzz"), ReadOptions(bool(len(raw) % 2), MOST_UNPACKED_BYTES))


decode_vrps: Decoder = partial(read, vrp_export.load)
decode_slurm: Decoder = partial(read, slurm.load)
decode_delegated: Decoder = partial(read, delegated.load)
decode_route_list: Decoder = partial(read, route_list.load)
decode_pyasn: Decoder = partial(read, ipasn.load)
decode_names: Decoder = partial(read, asn_names.load)


def vrp_json(data: Path, sample: Path) -> Iterator[bytes]:
    for path in [sample / "vrps.json", *_some(data / "vrps", "rpkiclient*")]:
        yield from _json_cuts(beginning(path))
    for path in _some(data / "vrps" / "formats", "*.json", "routinator/*.json*"):
        yield from _json_cuts(beginning(path))


def vrp_csv(data: Path, sample: Path) -> Iterator[bytes]:
    roas = json.loads(_mended(beginning(sample / "vrps.json")))["roas"]
    for header, line in (
        ("ASN,IP Prefix,Max Length,Trust Anchor,Expires",
         "AS{asn},{prefix},{maxLength},{ta},{expires}"),
        ("ASN,IP Prefix,Max Length,Trust Anchor", "AS{asn},{prefix},{maxLength},{ta}"),
        ("ASN,Prefix,Max prefix length", "{asn},{prefix},{maxLength}"),
        ("URI,ASN,IP Prefix,Max Length,Not Before,Not After",
         '"rsync://a/b.roa",AS{asn},{prefix},{maxLength},2026-01-01 00:00:00,2027-01-01 00:00:00'),
    ):  # fmt: skip
        yield from _line_cuts("\n".join([header, *(line.format(**roa) for roa in roas)]).encode())
    for path in _some(data / "vrps" / "formats", "*.csv", "routinator/*.csv*"):
        yield from _line_cuts(beginning(path))


def slurms(data: Path, sample: Path) -> Iterator[bytes]:
    yield (sample / "slurm.json").read_bytes()
    for path in _some(data, "slurm/*", "vrps/formats/routinator/*.slurm*"):
        content = beginning(path)
        if len(content) < LARGE:
            yield content
    filters = [{"prefix": "240.0.0.0/8", "asn": 64500, "comment": "c"}, {"asn": 1}, {"SKI": "YQ"}]
    added = [{"asn": 64500, "prefix": "3fff::/32", "maxPrefixLength": 48, "comment": "c"}]
    yield json.dumps(
        {
            "slurmVersion": 1,
            "validationOutputFilters": {"prefixFilters": filters[:2], "bgpsecFilters": filters[2:]},
            "locallyAddedAssertions": {"prefixAssertions": added, "bgpsecAssertions": []},
        }
    ).encode()


def registries(data: Path, sample: Path) -> Iterator[bytes]:
    for path in [
        *_some(sample, "delegated-*"),
        *_some(data / "registry", "delegated-*.gz", "nro_samples/data_*"),
    ]:
        lines = [line for line in beginning(path).splitlines() if not line.endswith(b"|summary")]
        if lines:
            # What a cut keeps is the AS numbers; the addresses lie behind them.
            for kind in (b"|asn|", b"|ipv4|", b"|ipv6|", b"|"):
                yield _registry(lines[0], [line for line in lines[1:] if kind in line][:20])
            yield _registry(lines[0], lines[1:400])
            yield b"\n".join(lines[:20])  # fewer records than the header promises


def _registry(version: bytes, records: list[bytes]) -> bytes:
    """A file of some records with a header that counts them."""
    fields = version.split(b"|")
    fields[3:4] = [b"%d" % len(records)]
    return b"\n".join([b"|".join(fields), *records, b""])


def route_lists(data: Path, sample: Path) -> Iterator[bytes]:
    roas = json.loads(_mended(beginning(sample / "vrps.json")))["roas"]
    pairs = [(str(roa["prefix"]), int(roa["asn"])) for roa in roas]
    listed = [*pairs[:20], *pairs[-20:]]
    yield "".join(f"{prefix},{asn}\n" for prefix, asn in listed).encode()
    yield "".join(f"{prefix} => AS{asn}\n" for prefix, asn in listed).encode()
    yield "".join(f"{prefix}\t{{{asn},{asn + 1}}}\n" for prefix, asn in listed).encode()
    yield "".join(["# routes\nas,prefix\n", *(f"AS{a},{p}\r\n" for p, a in listed)]).encode()
    rows = [{"prefix": prefix, "asn": asn} for prefix, asn in listed]
    yield json.dumps({"routes": rows}).encode()
    yield json.dumps([{**row, "asn": f"AS{row['asn']}"} for row in rows], indent=1).encode()
    yield json.dumps({"routes": [{**rows[0], "asn": "{1, 2}"}, *rows]}).encode()
    yield "".join(f"{prefix},{asn}\n" for prefix, asn in pairs[:800]).encode()
    for path in _some(data / "bgp", "*.csv.gz"):
        content = beginning(path)
        yield from _line_cuts(content)


def pyasn_files(data: Path, sample: Path) -> Iterator[bytes]:
    roas = json.loads(_mended(beginning(sample / "vrps.json")))["roas"]
    yield (
        b"; IP-ASN32-DAT file\n; SAMPLE\n"
        + "".join(
            f"{roa['prefix']}\t{roa['asn'] or 1}\n" for roa in [*roas[:15], *roas[-15:]]
        ).encode()
    )
    for path in _some(data / "bgp", "*.dat.gz"):
        yield from _line_cuts(beginning(path))


def names(data: Path, sample: Path) -> Iterator[bytes]:
    for path in [sample / "asn-names.csv", *_some(data / "asn", "*.csv")]:
        yield from _line_cuts(beginning(path))
    yield b'asn,name\n64500,"A ""quoted"" name, with a comma"\nAS64501,"two\nlines"\n64500,again\n'


# ------------------------------------------------------------------------------------------- cuts


def _some(folder: Path, *patterns: str) -> list[Path]:
    return [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]


def beginning(path: Path, most: int = 1 << 20) -> bytes:
    """The first bytes of what a file holds, unpacked."""
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            return file.read(most)
    if path.stat().st_size == 0:
        return b""
    content = b""
    for chunk in Archive(LocalFile(path, path.name), ReadOptions()).chunks():
        content += chunk
        if len(content) >= most:
            break
    return content[:most]


def _line_cuts(content: bytes) -> Iterator[bytes]:
    """Its first lines, with little or much of what follows."""
    for most in (SMALL, LARGE):
        if content:
            yield content[: content.rfind(b"\n", 0, most) + 1] or content[:most]
        if len(content) <= most:
            return


def _json_cuts(content: bytes) -> Iterator[bytes]:
    """The document with its first rows, few or many, closed again."""
    if len(content) <= SMALL:
        yield content
        return
    for most in (2 * SMALL, LARGE):
        whole = _mended(content[:most])
        if whole:
            yield whole


def _mended(content: bytes) -> bytes:
    return mended(content) or b""
