"""A second reading of BGP UPDATEs, slow and obviously right: the fuzzer checks the decoder by it.

Written from RFC 4271 section 4.3, 4760, 7606 and 7911 with plain integers and slices. It says what
a message costs and which prefixes it announces and withdraws; origins are not its concern.
"""

from __future__ import annotations

from typing import NamedTuple

DECODED, WITHDRAWN_ALL, DROPPED = "decoded", "treated as withdraw", "dropped"
END_IPV4, END_IPV6, END_OTHER = "end of IPv4", "end of IPv6", "end of another family"

_ORIGIN, _AS_PATH, _NEXT_HOP, _REACH, _UNREACH = 1, 2, 3, 14, 15
_FIXED_LENGTHS = {_ORIGIN: 1, _NEXT_HOP: 4, 4: 4, 9: 4}
_MULTIPLES = {8: 4, 10: 4, 16: 8, 32: 12}
_FAMILIES = {(1, 1): 4, (2, 1): 6}


class Row(NamedTuple):
    family: int
    address: int
    length: int
    path_id: int
    withdrawn: bool


class _Drop(Exception):  # noqa: N818 - named for what it does
    """RFC 7606 would have the session reset."""


def read(content: bytes, width: int, add_path: int) -> tuple[str, list[Row]]:
    """What an UPDATE without its header comes to: its cost, and its rows in the decoder's order.

    ``width`` is that of an AS number in bytes; ``add_path`` has bit 0 for IPv4 and bit 1 for IPv6.
    """
    try:
        return _read(content, width, {4: bool(add_path & 1), 6: bool(add_path & 2)})
    except _Drop:
        return DROPPED, []


def _read(content: bytes, width: int, with_ids: dict[int, bool]) -> tuple[str, list[Row]]:
    withdrawn, rest = _counted(content)
    field, announced = _counted(rest)
    attributes, damaged = _attributes(field)
    reached, reach = _reach([value for _, code, value in attributes if code == _REACH])
    unreached, unreach = _unreach([value for _, code, value in attributes if code == _UNREACH])
    first: dict[int, tuple[int, bytes]] = {}
    for flags, code, value in attributes:
        first.setdefault(code, (flags, value))
    bad = damaged or any(_malformed(code, *first[code]) for code in first)
    if not withdrawn and not announced and not bad:
        if not attributes:
            return END_IPV4, []
        if len(attributes) == 1 and unreached is not None and not unreach:
            return {4: END_IPV4, 6: END_IPV6}.get(unreached, END_OTHER), []
    announces = bool(announced) or reached in (4, 6)
    if announces and not bad and _AS_PATH in first:
        bad = not _is_path(first[_AS_PATH][1], width)
    if bad and not announces and reached is None and unreached not in (4, 6) and not withdrawn:
        return DROPPED, []  # RFC 7606 section 5.2: what it is about cannot be told
    rows = _prefixes(withdrawn, 4, with_ids[4], True)
    if unreached in (4, 6):
        rows += _prefixes(unreach, unreached, with_ids[unreached], True)
    rows += _prefixes(announced, 4, with_ids[4], bad)
    if reached in (4, 6):
        rows += _prefixes(reach, reached, with_ids[reached], bad)
    return WITHDRAWN_ALL if bad else DECODED, rows


def _counted(data: bytes) -> tuple[bytes, bytes]:
    """A field behind its length of two bytes, and what follows it."""
    size = int.from_bytes(data[:2], "big")
    if len(data) < 2 + size or len(data) > 65_535:
        raise _Drop
    return data[2 : 2 + size], data[2 + size :]


def _attributes(field: bytes) -> tuple[list[tuple[int, int, bytes]], bool]:
    """Flags, type and value of each attribute, and whether the last reaches too far."""
    found: list[tuple[int, int, bytes]] = []
    while field:
        head = 4 if field[0] & 0x10 else 3
        if len(field) < max(head, 3):
            return found, True
        size = int.from_bytes(field[2:head], "big")
        if len(field) < head + size:
            return found, True
        found.append((field[0], field[1], field[head : head + size]))
        field = field[head + size :]
    return found, False


def _reach(values: list[bytes]) -> tuple[int | None, bytes]:
    """Family (0: another, None: there is none) and prefixes of MP_REACH_NLRI."""
    if len(values) > 1:
        raise _Drop
    if not values:
        return None, b""
    (value,) = values
    if len(value) < 5 or len(value) < 5 + value[3]:
        raise _Drop
    return _family(value), value[5 + value[3] :]


def _unreach(values: list[bytes]) -> tuple[int | None, bytes]:
    if len(values) > 1:
        raise _Drop
    if not values:
        return None, b""
    (value,) = values
    if len(value) < 3:
        raise _Drop
    return _family(value), value[3:]


def _family(value: bytes) -> int:
    return _FAMILIES.get((int.from_bytes(value[:2], "big"), value[2]), 0)


def _malformed(code: int, flags: int, value: bytes) -> bool:
    """RFC 7606 section 7: attributes whose form alone makes withdrawals of announcements."""
    if code in (_ORIGIN, _AS_PATH, _NEXT_HOP) and flags & 0xC0 != 0x40:
        return True
    if code in _FIXED_LENGTHS and len(value) != _FIXED_LENGTHS[code]:
        return True
    if code in _MULTIPLES and (not value or len(value) % _MULTIPLES[code]):
        return True
    return code == _ORIGIN and value[0] > 2


def _is_path(value: bytes, width: int) -> bool:
    """Whether segments of the four defined types fill an AS_PATH."""
    while value:
        size = 2 + value[1] * width if len(value) > 1 else 2
        if value[0] not in (1, 2, 3, 4) or len(value) < size:
            return False
        value = value[size:]
    return True


def _prefixes(field: bytes, family: int, with_ids: bool, withdrawn: bool) -> list[Row]:
    bits = 32 if family == 4 else 128
    rows = []
    while field:
        path_id = 0
        if with_ids:
            path_id, field = int.from_bytes(field[:4], "big"), field[4:]
        if not field:
            raise _Drop
        length, octets = field[0], (field[0] + 7) // 8
        if length > bits or len(field) < 1 + octets:
            raise _Drop
        address = int.from_bytes(field[1 : 1 + octets].ljust(bits // 8, b"\0"), "big")
        address &= ~((1 << (bits - length)) - 1)
        rows.append(Row(family, address, length, path_id, withdrawn))
        field = field[1 + octets :]
    return rows
