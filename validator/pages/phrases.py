"""Set phrases by identifier: what the API says in one word, a page says in several."""

from __future__ import annotations

from validator.pages.words import Words


def causes(words: Words) -> dict[str, str]:
    """Each cause of a change (:class:`validator.change_causes.Cause`), as it follows a network."""
    say = words.say
    return {
        "newly-announced": say("newly announced"),
        "withdrawn": say("withdrawn"),
        "newly-counted": say("counted now"),
        "no-longer-counted": say("no longer counted"),
        "moved-in": say("moved into the group"),
        "moved-out": say("moved out of the group"),
        "signed": say("signed"),
        "became-invalid": say("turned invalid"),
        "roa-gone": say("without ROA now"),
    }


def reasons(words: Words) -> dict[str, str]:
    """Why a route is invalid (:class:`validator.model.Verdict`)."""
    say = words.say
    return {
        "": "",
        "no-origin": say("its path ends in an AS_SET, so it has no origin"),
        "length": say("a ROA names this network, but for a shorter prefix"),
        "as0": say("the holder says that nobody may announce it (AS0)"),
        "origin": say("no ROA names this network"),
    }


def states(words: Words) -> dict[str, str]:
    """The states of a route."""
    say = words.say
    return {
        "valid": say("valid"),
        "invalid": say("invalid"),
        "not-found": say("not-found"),
    }


def excluded(words: Words) -> dict[str, str]:
    """Why a route is not counted (docs/definitions.md, "What counts as announced")."""
    say = words.say
    return {
        "": "",
        "default-route": say("a default route"),
        "special-purpose-prefix": say("space that nobody can hold"),
        "special-purpose-asn": say("an AS number that nobody can hold"),
        "too-specific": say("too specific"),
        "too-few-peers": say("too few peers see it"),
    }


def relations(words: Words) -> dict[str, str]:
    """Whether the origin is the holder (:class:`validator.fixes.Relation`)."""
    say = words.say
    return {
        "same": say("the origin holds the block"),
        "different": say("the origin and the holder of the block are different"),
        "unknown": say("whether the origin holds the block is not known"),
    }


def outlooks(words: Words) -> dict[str, str]:
    """How a group stands to a target (:class:`validator.targets.Outlook`)."""
    say = words.say
    return {
        "reached": say("reached."),
        "past": say("not reached in time."),
        "on-course": say("on course, if the last years' line goes on."),
        "uncertain": say("uncertain: the target lies within the band of the projection."),
        "off-course": say("off course, if the last years' line goes on."),
        "unknown": say("there is no projection."),
    }


def inputs(words: Words) -> dict[str, str]:
    """The states of an input (docs/definitions.md, "Never a silent collapse")."""
    say = words.say
    return {
        "starting": say("starting"),
        "fresh": say("fresh"),
        "late": say("late"),
        "degraded": say("degraded"),
        "failed": say("failed"),
    }
