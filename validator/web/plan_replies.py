"""The shapes of what :mod:`validator.web.plan` answers: those of :mod:`validator.planning.text`,
and which snapshot they are made from."""

from __future__ import annotations

from validator.planning.text import CountryPlanOut, PlanOut


class PlanReply(PlanOut, frozen=True, kw_only=True):
    """Who could raise the valid share of a group, those first that raise it most.

    ``measure``: what they are ranked by, ``routes`` or ``space`` (in ``unit``). ``by``: ``origin``,
    the networks that announce the routes, or ``holder``, who alone can create ROAs. ``able``: how
    many could do anything; ``everybody``: what the group had if all of them did. ``sentence`` says
    it in words, empty if there is nothing to say."""

    generated: str
    generation: int
    degraded: list[str]


class CountryPlanReply(CountryPlanOut, frozen=True, kw_only=True):
    """The countries that would move the figure of a class most if each reached ``share``, or as
    near to it as it can. ``countries`` announce anything, ``movers`` have something to gain;
    ``reached`` is what would be valid if all of them got there."""

    generated: str
    generation: int
    degraded: list[str]
