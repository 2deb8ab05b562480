"""The shape of what :mod:`validator.web.change` answers: that of :mod:`validator.change.text`, and
which snapshot the later day is."""

from __future__ import annotations

from validator.change.text import ChangeOut


class ChangeReply(ChangeOut, frozen=True, kw_only=True):
    """What moved a group's share from one day to another, by whom and by cause.

    ``points``: the change of the share, times 100; null if one of the days has no share. ``exact``
    are integers that add up: divided by ``exact_of`` (both denominators multiplied) they are
    shares. ``causes`` are everybody's; ``listed`` are those who moved it most, ``others`` the rest
    of the ``changed`` who changed anything. ``sentences`` say it in words, none if inputs were not
    as they should be. ``generated`` and ``generation`` are the later day's; ``degraded`` names the
    inputs of both that were older than they may be."""

    generated: str
    generation: int
    degraded: list[str]
