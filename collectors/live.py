"""What every collector that follows a live source keeps to.

A live collector is an object with ``async def run(self, channel)``: it connects, reads, and puts
messages into the channel until it is cancelled or its source fails. Then it raises
:class:`~validator.model.SourceError`, and its supervisor starts it again later
(:mod:`collectors.supervise`). It never sees the tables: what it puts into the channel is applied by
the pipeline, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from validator.model import Peer, RouteBatch, VrpBatch


@dataclass(frozen=True, slots=True, eq=False)
class VrpTransaction:
    """One committed change of a source's VRPs: all of it applies, or nothing.

    With ``reset``, ``announced`` is the whole new set and ``withdrawn`` is empty.
    """

    source: str
    reset: bool
    announced: VrpBatch
    withdrawn: VrpBatch


@dataclass(frozen=True, slots=True)
class PeersGone:
    """These peers' sessions have ended: all that they announced is withdrawn."""

    peers: tuple[Peer, ...]


@dataclass(frozen=True, slots=True)
class PeersReturning:
    """These peers start over: what they do not announce again by ``PeersReturned`` is withdrawn
    then, and stays until then (RFC 4724 section 4.2)."""

    peers: tuple[Peer, ...]


@dataclass(frozen=True, slots=True)
class PeersReturned:
    """These peers have announced all they had (End-of-RIB)."""

    peers: tuple[Peer, ...]


Message = VrpTransaction | RouteBatch | PeersGone | PeersReturning | PeersReturned
"""A RouteBatch holds updates in order; ``Entry.WITHDRAWN`` marks withdrawals."""


class Channel(Protocol):
    """Where a live collector puts what it reads, and says how it stands."""

    async def put(self, message: Message) -> None:
        """Hand a message on; waits while the pipeline is behind, which slows the reader."""

    def offer(self, message: Message) -> bool:
        """As :meth:`put` where the far side cannot be slowed: False, and not taken, if full."""

    def report(self, state: str, detail: str = "") -> None:
        """How the source stands: ``starting``, ``fresh``, ``late``, ``degraded`` or ``failed``."""


class LiveCollector(Protocol):
    """A source that is followed."""

    async def run(self, channel: Channel) -> None:
        """Follow the source until cancelled.

        Raises:
            SourceError: the far side failed; the supervisor tries again.
        """
