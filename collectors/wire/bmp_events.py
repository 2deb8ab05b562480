"""What a BMP session tells: the values that ``bmp`` answers with."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from collectors.wire.bmp_open import Open
from collectors.wire.update_columns import Rows

_GLOBAL, _LOC_RIB = 0, 3
_GLOBAL_INSTANCE = bytes(8)


class TableKind(enum.StrEnum):
    """Which of a router's tables a message is about."""

    PRE_POLICY = "pre-policy"
    POST_POLICY = "post-policy"
    OUT_PRE_POLICY = "adj-rib-out-pre-policy"
    OUT_POST_POLICY = "adj-rib-out-post-policy"
    LOC_RIB = "loc-rib"


@dataclass(frozen=True, slots=True)
class Session:
    """A BGP session of the router (or, of peer type 3, a Loc-RIB), as BMP identifies it."""

    peer_type: int
    distinguisher: bytes
    address: str

    @property
    def in_an_instance(self) -> bool:
        """Whether it belongs to a VRF or local instance and not to the global table."""
        return self.peer_type not in (_GLOBAL, _LOC_RIB) or self.distinguisher != _GLOBAL_INSTANCE


@dataclass(frozen=True, slots=True)
class Table:
    """One table that a router shows: of a session, of a kind. ``asn`` is the per-peer AS."""

    session: Session
    kind: TableKind
    asn: int


@dataclass(frozen=True, slots=True)
class Initiation:
    """The router introduces itself (RFC 7854 section 4.3)."""

    name: str
    description: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A session is established. ``identity``: its ports and OPENs, to tell it from an earlier."""

    session: Session
    kind: TableKind
    asn: int
    sent: Open
    received: Open
    identity: bytes

    @property
    def families(self) -> frozenset[int]:
        """4 and 6, where both sides offer unicast of that family."""
        if self.kind is TableKind.LOC_RIB:
            return self.sent.families | self.received.families
        return self.sent.families & self.received.families


@dataclass(frozen=True, slots=True)
class PeerDown:
    """A session has ended, and with it all of its ``tables`` (rows of the decoder's tables)."""

    session: Session
    reason: int
    tables: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Routes:
    """What was announced and withdrawn, in order; ``rows.peer`` are rows of the tables."""

    rows: Rows


@dataclass(frozen=True, slots=True)
class EndOfRib:
    """This table is complete for this family (4 or 6). Rows of it may stand before in any event."""

    table: int
    family: int


@dataclass(frozen=True, slots=True)
class Termination:
    """The router closes the session and says why (RFC 7854 section 4.5)."""

    reason: int | None
    text: str


Event = Initiation | PeerUp | PeerDown | Routes | EndOfRib | Termination
