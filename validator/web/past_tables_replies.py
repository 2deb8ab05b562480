"""The shapes of what :mod:`validator.web.past_tables` answers."""

from __future__ import annotations

import msgspec

from validator.model import State


class PastReply(msgspec.Struct, frozen=True, kw_only=True):
    """What comes before the runs. ``total`` were found, at most ``limit`` are listed; ``days`` are
    recorded from ``history_first`` to ``history_last``, what is not is in ``gaps``. A run that
    begins on ``history_first`` may be older; one that ends on ``history_last`` goes on.
    ``generated`` and ``generation`` are those of the last recorded day."""

    total: int
    limit: int
    days: int
    gaps: int
    history_first: str
    history_last: str
    generated: str
    generation: int
    sample: bool


class VrpRun(msgspec.Struct, frozen=True):
    """A VRP from the day ``first`` to the day ``last``, both included and all between recorded."""

    prefix: str
    max_length: int
    asn: str
    trust_anchor: str
    first: str
    last: str


class PastVrpsReply(PastReply, frozen=True, kw_only=True):
    """VRPs and since when and until when they were in force (after local exceptions)."""

    vrps: list[VrpRun]


class RouteRun(msgspec.Struct, frozen=True):
    """A route in one state from the day ``first`` to the day ``last``, both included and all
    between recorded. ``reason`` is empty unless it was invalid."""

    prefix: str
    origin: str
    state: State
    reason: str
    first: str
    last: str


class PastRoutesReply(PastReply, frozen=True, kw_only=True):
    """Routes, in which state they were, and since when and until when."""

    routes: list[RouteRun]
