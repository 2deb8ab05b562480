"""How inputs are damaged. Every mutation is drawn from the generator it is given, and nothing else.

Four kinds: of bytes, of text (tokens, numbers, lines), of JSON values and of MRT records. The last
two put the form right after the damage, so that it gets past the framing and into the decoder.
"""

from __future__ import annotations

import copy
import json
import re
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

LARGEST_CASE = 1 << 16

Mutator = Callable[[Random, bytes, Sequence[bytes]], bytes]
"""(generator, input, the other inputs to splice with) → damaged input."""

TOKENS = (
    *(b"{ } [ ] \" , : | \t \n \r\n \\ / * # ; = => - + . < AS AS0 NONE null true -1 1e309 NaN"
      .split(b" ")),
    b" ", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x1b[2J", b"\\u0000", b"\\ud800",
    b"4294967295", b"4294967296", b"18446744073709551615", b"18446744073709551616", b"9" * 400,
    b"0.0.0.0/0", b"::/0", b"255.255.255.255/32", b"192.0.2.1/24",
    b"2001:db8::/32", b"/33", b"/129", b"::",
    b"::ffff:192.0.2.0/120", b"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", b"{64496,64497}",
    b'"roas"', b'"roas":[', b'"routes":[', b'"prefix":', b'"asn":', b'"maxLength":', b'"expires":',
    b'"slurmVersion":', b'"metadata":', b'"ta":', b'"aspas":[{', b'""', b"[" * 600, b'{"a":' * 600,
    b"ASN,IP Prefix,Max Length,Trust Anchor", b"prefix,origin", b"; IP-ASN32-DAT file",
    b"2|", b"2.3|", b"|*|", b"summary", b"ipv4", b"ipv6", b"asn", b"allocated", b"available", b"ZZ",
)  # fmt: skip
_NUMBERS = tuple(
    b"0 1 32 33 64 128 129 255 256 65536 4294967295 4294967296 9223372036854775807 "
    b"18446744073709551616 00000007 -5 1.5 ".split(b" ")
)
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 24, 33, 129, 4294967295, 4294967296, 1 << 63, 1 << 64, 10**40, 1.5,
    1e300, "", " ", "0", "AS0", "AS4294967296", "64496", "-1", "NONE", "{64496, 64497}", "\0", "é",
    "\ud800", "\x1b[2J", "x" * 2000, "9" * 400, "0.0.0.0/0", "::/0", "192.0.2.1/24", "192.0.2.0/33",
    "2001:db8::/129", "255.255.255.255/32", "2001:db8::1/128", "::ffff:192.0.2.0/120", "10.0.0.0",
    [], {}, [None], [[[]]], {"": None}, "2026-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59",
)  # fmt: skip
_DIGITS = re.compile(rb"[0-9]+")
_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate_bytes(rng: Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    """One to six damages to bytes; now and then a splice."""
    case = bytearray(raw)
    if rng.random() < 0.1:
        case = _spliced(rng, case, rng.choice(others))
    for _ in range(_how_many(rng)):
        _damage(rng, case)
    return bytes(case[:LARGEST_CASE])


def mutate_text(rng: Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    """One to six damages to tokens, numbers, lines or bytes; now and then a splice."""
    case = bytearray(raw)
    if rng.random() < 0.1:
        case = _spliced(rng, case, rng.choice(others))
    for _ in range(_how_many(rng)):
        kind = rng.randrange(8)
        if kind < 2:
            at, token = _at(rng, case), rng.choice(TOKENS)
            case[at : at + rng.choice((0, 0, 1, len(token)))] = token
        elif kind < 4:
            number = _DIGITS.search(case, _at(rng, case))
            if number:
                case[number.start() : number.end()] = rng.choice(_NUMBERS)
        elif kind < 6:
            case = _lines_moved(rng, case)
        else:
            _damage(rng, case)
    return bytes(case[:LARGEST_CASE])


def mutate_json(rng: Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    """Half the time damage to values, keys and elements that leaves the text JSON."""
    try:
        document = json.loads(raw) if rng.random() < 0.5 else None
    except ValueError:
        document = None
    if not isinstance(document, dict | list):
        return mutate_text(rng, raw, others)
    for _ in range(_how_many(rng)):
        _damage_value(rng, document)
    indent = rng.choice((None, None, 1))
    return json.dumps(document, ensure_ascii=rng.random() < 0.9, indent=indent).encode(
        errors="surrogatepass"
    )[:LARGEST_CASE]


def _damage_value(rng: Random, inside: Any) -> None:
    """Walk down from a container and change one thing there, in place."""
    while True:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if not keys:
            return
        key = rng.choice(keys)
        if not isinstance(inside[key], dict | list) or rng.random() < 0.1:
            break
        inside = inside[key]
    kind = rng.randrange(6)
    if kind == 0:
        del inside[key]
    elif kind == 1 and isinstance(inside, dict):
        inside[rng.choice(("prefix", "asn", "maxLength", "expires", "ta", "x", ""))] = inside[key]
    elif kind == 1:
        inside.insert(rng.randrange(len(inside) + 1), inside[key])
    elif kind == 2:
        inside[key] = inside[rng.choice(keys)]
    else:
        inside[key] = copy.deepcopy(rng.choice(_VALUES))


def mutate_mrt(rng: Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    """Mostly damage inside records, with the length in their header put right."""
    if rng.random() < 0.2:
        return mutate_bytes(rng, raw, others)
    records = _records(raw)
    if rng.random() < 0.1:
        records += _records(rng.choice(others))
    if not records:
        return mutate_bytes(rng, raw, others)
    for _ in range(_how_many(rng)):
        chosen = rng.randrange(len(records))
        header, body = records[chosen]
        match rng.randrange(10):
            case 0:
                records.insert(rng.randrange(len(records) + 1), records[chosen])
            case 1 if len(records) > 1:
                del records[chosen]
            case 2:
                other = rng.randrange(len(records))
                records[chosen], records[other] = records[other], records[chosen]
            case 3:
                kind = rng.choice((11, 12, 13, 13, 13, 16, 17, 48))
                header = header[:4] + struct.pack("!HH", kind, rng.randrange(14))
                records[chosen] = header, body
            case _:
                damaged = bytearray(body)
                _damage(rng, damaged)
                records[chosen] = header, bytes(damaged)
    content = b"".join(header[:8] + struct.pack("!I", len(body)) + body for header, body in records)
    return content[:LARGEST_CASE]


def _records(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Headers and bodies of the whole MRT records."""
    records, at = [], 0
    while at + 12 <= len(raw):
        end = at + 12 + int(struct.unpack_from("!I", raw, at + 8)[0])
        if end > len(raw):
            break
        records.append((raw[at : at + 12], raw[at + 12 : end]))
        at = end
    return records


def _damage(rng: Random, case: bytearray) -> None:
    """One damage, in place."""
    at = _at(rng, case)
    size = rng.choice((1, 1, 2, 4, 16, 64, 1 + len(case) // 4))
    match rng.randrange(9):
        case 0 | 1 if case:
            case[at] ^= 1 << rng.randrange(8)
        case 2 if case:
            case[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        case 3:
            del case[at : at + size]
        case 4:
            case[at:at] = case[at : at + size]
        case 5:
            other = _at(rng, case)
            one, two = case[at : at + size], case[other : other + size]
            case[at : at + len(two)] = two
            case[other : other + len(one)] = one
        case 6:
            width = rng.choice((1, 2, 4, 8))
            value = rng.choice(_EXTREMES) & ((1 << 8 * width) - 1)
            case[at : at + width] = value.to_bytes(width, "big")
        case 7:
            case[at:at] = rng.randbytes(rng.choice((1, 2, 8)))
        case _:
            if rng.random() < 0.3:
                del case[at:]


def _lines_moved(rng: Random, case: bytearray) -> bytearray:
    """A line lost, doubled or swapped with another."""
    lines = bytes(case).splitlines(keepends=True)
    if not lines:
        return case
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(3):
        case 0:
            del lines[one]
        case 1:
            lines.insert(two, lines[one])
        case _:
            lines[one], lines[two] = lines[two], lines[one]
    return bytearray(b"".join(lines))


def _spliced(rng: Random, case: bytearray, other: bytes) -> bytearray:
    return case[: _at(rng, case)] + other[_at(rng, other) :]


def _at(rng: Random, case: bytes | bytearray) -> int:
    return rng.randrange(len(case)) if case else 0


def _how_many(rng: Random) -> int:
    return rng.choice((1, 1, 1, 2, 2, 3, 6))
