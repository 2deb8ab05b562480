"""What changed between published VRP tables: the session and serials of ``/json-delta``.

A serial counts the sets of payload that were in force, one after the other, and a session is one
run of the service; the pair names a set, as in RTR (RFC 8210 section 5.1). What a table says beside
the payload (trust anchors, expiry) changes no serial. Only the latest changes are kept, and what is
older than these is answered with everything (``reset``), which is always right.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NoReturn, Protocol, TypeVar

import msgspec
import numpy as np

from validator.formats.vrp_lists import (
    Head,
    VrpRows,
    all_rows,
    array,
    delta_aspas,
    delta_router_keys,
    delta_vrps,
)
from validator.model import Aspa, Prefixes, RouterKey
from validator.snapshot import Snapshot
from validator.tables.changes import changed_vrps
from validator.tables.vrps import VrpTable

T = TypeVar("T")

LARGEST_SERIAL = 0xFFFF_FFFF
LARGEST_SESSION = 0xFFFF_FFFF_FFFF_FFFF

_KEY = np.dtype(
    [
        ("family", "u1"),
        ("high", ">u8"),
        ("low", ">u8"),
        ("length", "u1"),
        ("asn", ">u4"),
        ("m", "u1"),
    ]
)
"""A VRP as bytes that sort as VRPs do."""


class Publisher(Protocol):
    """The pipeline, as one who waits for snapshots knows it."""

    async def published(self, after: int) -> Snapshot:
        """The current snapshot as soon as its generation is beyond ``after``."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A set of payload that is or was in force. ``since``: Unix seconds."""

    session: int
    serial: int
    table: VrpTable
    since: int


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Payload that came, or that went."""

    vrps: VrpRows
    router_keys: tuple[RouterKey, ...] = ()
    aspas: tuple[Aspa, ...] = ()

    def __len__(self) -> int:
        return len(self.vrps) + len(self.router_keys) + len(self.aspas)


@dataclass(frozen=True, slots=True, eq=False)
class Delta:
    """What leads from one serial to another: never the same payload on both sides."""

    from_serial: int
    to_serial: int
    announced: Changes
    withdrawn: Changes

    def __len__(self) -> int:
        return len(self.announced) + len(self.withdrawn)


class DeltaHistory:
    """The current version, and the deltas that led to it, at most ``most_deltas`` and
    ``most_rows`` of payload.

    Snapshots are shown to it by whoever sees them first: :meth:`follow` sees each that is
    published, and a request the one that it is answered from.
    """

    def __init__(
        self, session: int | None = None, *, most_deltas: int = 10, most_rows: int = 200_000
    ) -> None:
        # Microseconds: two runs never share one, and JavaScript can still hold it exactly.
        self.session = time.time_ns() // 1000 if session is None else session
        self._most_deltas, self._most_rows = most_deltas, most_rows
        self._deltas: deque[Delta] = deque()
        self._version: Version | None = None
        self._generation = 0
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._closed = False

    # ----------------------------------------------------------------------------- what is known

    def observe(self, snapshot: Snapshot) -> Version:
        """The version that a snapshot belongs to, or a later one that has been seen already.

        Compares two whole tables if it has another than the last: some 10 ms.
        """
        now = self._version
        if now is not None and (
            snapshot.generation <= self._generation or snapshot.vrps is now.table
        ):
            self._generation = max(self._generation, snapshot.generation)
            return now
        self._generation = snapshot.generation
        serial = 0
        if now is not None:
            serial = now.serial
            delta = difference(now.table, snapshot.vrps, serial, serial + 1 & LARGEST_SERIAL)
            if delta:
                serial = delta.to_serial
                self._keep(delta)
        since = now.since if now and now.serial == serial else snapshot.created
        # The newest table even if its payload is the same, so that the other can be let go.
        self._version = Version(self.session, serial, snapshot.vrps, since)
        return self._version

    def since(self, session: int, serial: int) -> Delta | None:
        """What has changed since then; None if that is not known (any more)."""
        now = self._version
        if now is None or session != self.session:
            return None
        deltas = list(self._deltas)
        for number, delta in enumerate(deltas):
            if delta.from_serial == serial:
                return united(deltas[number:])
        return _nothing(serial) if serial == now.serial else None

    def _keep(self, delta: Delta) -> None:
        self._deltas.append(delta)
        rows = sum(map(len, self._deltas))
        while self._deltas and (len(self._deltas) > self._most_deltas or rows > self._most_rows):
            rows -= len(self._deltas.popleft())

    # --------------------------------------------------------------------------------- following

    async def look(self, snapshot: Snapshot) -> Version:
        """As :meth:`observe`, without holding the event loop; tells those who wait."""
        now = self._version
        if now is not None and snapshot.vrps is now.table:
            return now
        async with self._turn:
            version = await asyncio.to_thread(self.observe, snapshot)
        if now is None or version.serial != now.serial:
            news, self._news = self._news, asyncio.Event()
            news.set()
        return version

    async def follow(self, publisher: Publisher) -> NoReturn:
        """See every snapshot that is published, until cancelled."""
        generation = 0
        while True:
            snapshot = await publisher.published(generation)
            generation = snapshot.generation
            await self.look(snapshot)

    async def newer(self, serial: int, seconds: float) -> None:
        """Return when ``serial`` is not the current one, or after some time, or when closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._closed and self._version and self._version.serial == serial:
                    await self._news.wait()

    def close(self) -> None:
        """Let all who wait return, now and from now on: the service stops."""
        self._closed = True
        self._news.set()


# ------------------------------------------------------------------------------------ arithmetic


def difference(old: VrpTable, new: VrpTable, from_serial: int, to_serial: int) -> Delta:
    """What leads from one table to another."""
    changed = changed_vrps(old, new)
    lost_keys, new_keys = _apart(map(_bare_key, old.router_keys), map(_bare_key, new.router_keys))
    lost_aspas, new_aspas = _apart(map(_bare_aspa, old.aspas), map(_bare_aspa, new.aspas))
    return Delta(
        from_serial,
        to_serial,
        Changes(all_rows(changed.new), new_keys, new_aspas),
        Changes(all_rows(changed.gone), lost_keys, lost_aspas),
    )


def united(deltas: Sequence[Delta]) -> Delta:
    """One delta that does what several in a row do: what came and went again is in neither."""
    if len(deltas) == 1:
        return deltas[0]
    keys = [_packed(d.announced.vrps) for d in deltas] + [_packed(d.withdrawn.vrps) for d in deltas]
    sign = np.repeat(
        [1.0, -1.0], [sum(map(len, keys[: len(deltas)])), sum(map(len, keys[len(deltas) :]))]
    )
    distinct, which = np.unique(np.concatenate(keys), return_inverse=True)
    net = np.bincount(which, weights=sign, minlength=len(distinct))
    come_keys, gone_keys = _net(
        [(d.announced.router_keys, d.withdrawn.router_keys) for d in deltas]
    )
    come_aspas, gone_aspas = _net([(d.announced.aspas, d.withdrawn.aspas) for d in deltas])
    return Delta(
        deltas[0].from_serial,
        deltas[-1].to_serial,
        Changes(_unpacked(distinct[net > 0]), come_keys, come_aspas),
        Changes(_unpacked(distinct[net < 0]), gone_keys, gone_aspas),
    )


def _nothing(serial: int) -> Delta:
    empty = Changes(VrpRows(Prefixes.empty(), np.empty(0, "u4"), np.empty(0, "u1")))
    return Delta(serial, serial, empty, empty)


def _bare_key(key: RouterKey) -> RouterKey:
    return RouterKey(key.asn, key.ski, key.public_key)


def _bare_aspa(aspa: Aspa) -> Aspa:
    return Aspa(aspa.customer, aspa.providers)


def _apart(old: Iterable[T], new: Iterable[T]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """What only the old and only the new has, in their order."""
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    return (
        tuple(each for each in before if each not in after),
        tuple(each for each in after if each not in before),
    )


def _net(steps: Iterable[tuple[Iterable[T], Iterable[T]]]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """What came and what went in the end, of steps that each say (came, went)."""
    counts: dict[T, int] = {}
    for came, went in steps:
        for each in came:
            counts[each] = counts.get(each, 0) + 1
        for each in went:
            counts[each] = counts.get(each, 0) - 1
    return (
        tuple(each for each, count in counts.items() if count > 0),
        tuple(each for each, count in counts.items() if count < 0),
    )


def _packed(vrps: VrpRows) -> np.ndarray[tuple[int], np.dtype[np.bytes_]]:
    keys = np.empty(len(vrps), _KEY)
    p = vrps.prefixes
    columns = p.family, p.high, p.low, p.length, vrps.asn, vrps.max_length
    for name, column in zip(_KEY.names or (), columns, strict=True):
        keys[name] = column
    return keys.view(f"S{_KEY.itemsize}")


def _unpacked(keys: np.ndarray[tuple[int], np.dtype[np.bytes_]]) -> VrpRows:
    fields = keys.view(_KEY)
    return VrpRows(
        Prefixes(
            fields["family"].copy(),
            fields["high"].astype("u8"),
            fields["low"].astype("u8"),
            fields["length"].copy(),
        ),
        fields["asn"].astype("u4"),
        fields["m"].copy(),
    )


# ----------------------------------------------------------------------------------------- texts


def everything(version: Version, head: Head) -> Iterator[bytes]:
    """All payload of a version, as ``/json-delta`` answers with ``reset``."""
    table = version.table
    yield _open(head, reset=True, session=str(version.session), serial=version.serial)
    yield from _listed("announced", Changes(all_rows(table), table.router_keys, table.aspas))
    yield b"\n}\n"


def changes(version: Version, head: Head, delta: Delta) -> Iterator[bytes]:
    """A delta that leads to a version, as ``/json-delta`` answers."""
    yield _open(
        head,
        reset=False,
        session=str(version.session),
        serial=delta.to_serial,
        fromSerial=delta.from_serial,
    )
    yield from _listed("announced", delta.announced)
    yield from _listed("withdrawn", delta.withdrawn)
    yield b"\n}\n"


def _open(head: Head, **fields: object) -> bytes:
    """The object with all of its members but the arrays, not closed yet."""
    return msgspec.json.encode(fields | head.fields())[:-1]


def _listed(name: str, changed: Changes) -> Iterator[bytes]:
    rows = chain(
        delta_vrps(changed.vrps),
        delta_router_keys(changed.router_keys),
        delta_aspas(changed.aspas),
    )
    return array(name, rows)
