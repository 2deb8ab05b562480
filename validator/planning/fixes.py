"""What would make a route valid, what else that would do, and whose decision it is.

The smallest ROA that makes a route valid is for exactly its prefix, with maxLength equal to its
length, and for its origin: anything wider would authorise what nobody announces, which whoever
forges the origin can announce then (RFC 9319 sections 3 and 5). A ROA for AS0 makes nothing valid
(RFC 6483 section 4), and nothing can make a route valid whose origin is NONE.

Being able to name that ROA is no reason to create it. Only the holder of the addresses can, and a
route that is invalid, or not-found, may be so because it is a hijack. So a fix is *recommended*
only if the registries' files say that the origin and the address block have the same holder and
that holder has not said AS0; otherwise :class:`Advice` says what to find out first. And since a
first ROA for some space makes every other route in it invalid, each of these is listed, to be
decided on its own (RFC 7115 section 3): another origin is never suggested for authorisation.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from validator.model import (
    I8,
    LARGEST_ASN,
    NO_ORIGIN,
    Family,
    Prefix,
    Verdict,
    format_asn,
)
from validator.planning.hypothetical import Announcement, Change, Payload, find_route, suppose
from validator.snapshot import Snapshot
from validator.tables.resources import ResourceTable

RESOURCES = "resources"
"""The kind of the registries' files in the reports of inputs."""


class Relation(enum.StrEnum):
    """Is the origin the holder? (docs/definitions.md, "Who a route belongs to")"""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class Advice(enum.StrEnum):
    """What a person should know before acting; :func:`advice_text` says it in a sentence."""

    NOTHING_TO_DO = "nothing-to-do"
    NO_ORIGIN = "no-origin"
    ORIGIN_AS0 = "origin-as0"
    CREATE_ROA = "create-roa"
    NOT_THE_HOLDER = "not-the-holder"
    HOLDER_UNKNOWN = "holder-unknown"
    NOBODY_HOLDS = "nobody-holds"
    MAYBE_NOT_ENTITLED = "maybe-not-entitled"
    AS0 = "as0"
    KEEP_MAX_LENGTH = "keep-max-length"
    OTHERS_TURN_INVALID = "others-turn-invalid"
    NOT_ANNOUNCED = "not-announced"


def _(text: str) -> str:
    """Marks a text for translators (docs/make_messages.py)."""
    return text


_TEXTS = {
    Advice.NOTHING_TO_DO: _("The route is valid: there is nothing to do."),
    Advice.NO_ORIGIN: _(
        "No ROA can help: the path ends in an AS_SET, so the route has no origin to "
        "be authorised (RFC 6811 section 2); announce it without the AS_SET (RFC 9774)."
    ),
    Advice.ORIGIN_AS0: _(
        "No ROA can help: AS0 never matches (RFC 6483 section 4) and may not be "
        "announced (RFC 7607)."
    ),
    Advice.CREATE_ROA: _(
        "The holder of {prefix} can create a ROA for {asn}, exactly {prefix}, "
        "maxLength {length}: the smallest that makes this route valid (RFC 9319 section 5)."
    ),
    Advice.NOT_THE_HOLDER: _(
        "{asn} and {prefix} have different holders: only the holder of {prefix} "
        "can authorise {asn}, and should know why it announces this route."
    ),
    Advice.HOLDER_UNKNOWN: _(
        "Whether {asn} and {prefix} have the same holder is not known: the "
        "holder of {prefix} decides."
    ),
    Advice.NOBODY_HOLDS: _(
        "No registry says that anybody holds {prefix}, so nobody can create a ROA for it."
    ),
    Advice.MAYBE_NOT_ENTITLED: _(
        "The VRPs that cover {prefix} authorise others, not {asn}: this may "
        "be a mistake or a hijack, so find out which before anything is authorised."
    ),
    Advice.AS0: _(
        "Every VRP that covers {prefix} is AS0: whoever holds it says that nobody may "
        "announce it (RFC 6483 section 4), so either that or the announcement has to go."
    ),
    Advice.KEEP_MAX_LENGTH: _(
        "A VRP names {asn} up to a shorter length: add the exact ROA, or stop "
        "announcing the more-specific; raising maxLength would authorise what nobody announces "
        "(RFC 9319 section 5)."
    ),
    Advice.OTHERS_TURN_INVALID: _(
        "Other announced routes in {prefix}, {others} of them, would turn "
        "invalid: decide on each before this ROA is created (RFC 7115 section 3)."
    ),
    Advice.NOT_ANNOUNCED: _(
        "Nobody announces this route: create a ROA only if it is going to be "
        "announced (RFC 9319 section 5)."
    ),
}


def advice_text(
    advice: Advice, prefix: Prefix, origin: int, others: int, say: Callable[[str], str] = str
) -> str:
    """An advice as one sentence about this route. ``others``: how many routes turn invalid;
    ``say`` translates, and must leave what is in braces."""
    return say(_TEXTS[advice]).format(
        prefix=prefix, asn=format_asn(origin), length=prefix.length, others=others
    )


@dataclass(frozen=True, slots=True, eq=False)
class Fix:
    """What would make a route valid. ``roa`` is None where nothing can, or nothing need.

    ``turns_invalid`` and ``turns_valid`` (i8, ascending) are the rows of the route table whose
    state that ROA would change to these: of ``turns_valid`` there is at most the route itself.
    ``recommended``: see the module.
    """

    roa: Payload | None
    recommended: bool
    advice: tuple[Advice, ...]
    turns_invalid: I8
    turns_valid: I8


_NO_ROWS: I8 = np.empty(0, "i8")


def suggest(snapshot: Snapshot, prefix: Prefix, origin: int) -> Fix:
    """The smallest ROA that makes a route valid, announced or not, and what it would do."""
    verdict = snapshot.explain(prefix, origin).verdict
    for applies, advice in (
        (verdict is Verdict.VALID, Advice.NOTHING_TO_DO),
        (origin == NO_ORIGIN, Advice.NO_ORIGIN),
        (origin == 0, Advice.ORIGIN_AS0),
    ):
        if applies:
            return Fix(None, False, (advice,), _NO_ROWS, _NO_ROWS)
    roa = Payload(prefix, prefix.length, origin)
    outcome = suppose(snapshot, Change(add=(roa,)))
    flips = outcome.flips()
    to_valid = flips & (outcome.after == Verdict.VALID)
    turns_invalid, turns_valid = outcome.rows[flips & ~to_valid], outcome.rows[to_valid]

    relation = relate(snapshot, prefix, origin)
    advice_list = [Advice.CREATE_ROA] if held(snapshot.resources, prefix) else [Advice.NOBODY_HOLDS]
    if verdict is Verdict.INVALID_AS0:
        advice_list.append(Advice.AS0)
    elif verdict is Verdict.INVALID_LENGTH:
        advice_list.append(Advice.KEEP_MAX_LENGTH)
    elif verdict is Verdict.INVALID_ORIGIN:
        advice_list.append(Advice.MAYBE_NOT_ENTITLED)
    if relation is Relation.DIFFERENT:
        advice_list.append(Advice.NOT_THE_HOLDER)
    elif relation is Relation.UNKNOWN and Advice.CREATE_ROA in advice_list:
        advice_list.append(Advice.HOLDER_UNKNOWN)
    if find_route(snapshot.routes, Announcement(prefix, origin)) is None:
        advice_list.append(Advice.NOT_ANNOUNCED)
    if len(turns_invalid):
        advice_list.append(Advice.OTHERS_TURN_INVALID)
    recommended = relation is Relation.SAME and verdict is not Verdict.INVALID_AS0
    return Fix(roa, recommended, tuple(advice_list), turns_invalid, turns_valid)


# ----------------------------------------------------------------------------------------- holders


def held(resources: ResourceTable, prefix: Prefix) -> bool:
    """Whether somebody holds the first address of a prefix."""
    return resources.holder_of(prefix) is not None


def relate(snapshot: Snapshot, prefix: Prefix, origin: int) -> Relation:
    """Is the holder of an AS number the holder of all of a prefix?

    A holder is a registry with an opaque-id, within one file: across registries, and where either
    is not known, the answer is *unknown*. So it is if several files speak for a registry, unless
    the ids are of one file and the same: the ids of two files say nothing of each other.
    """
    if not 0 < origin <= LARGEST_ASN:
        return Relation.UNKNOWN
    resources = snapshot.resources
    ranges = resources.ranges(prefix.family)
    shift = 32 if prefix.family is Family.IPV4 else 0
    bits = 64 - shift
    first = prefix.high >> shift
    last = first + (1 << max(bits - prefix.length, 0)) - 1
    begin, end = np.searchsorted(ranges.first, np.array([first, last], "u8"), "right").tolist()
    holders = ranges.holder[begin - 1 : end]
    registries = ranges.registry[begin - 1 : end]
    row = int(np.searchsorted(resources.asn.first, np.uint64(origin), "right")) - 1
    holder, registry = int(resources.asn.holder[row]), int(resources.asn.registry[row])
    if not holder or not holders.all():
        return Relation.UNKNOWN
    if (holders == holder).all():
        return Relation.SAME
    if (holders == holder).any() or (registries != registry).any() or not one_file_each(snapshot):
        return Relation.UNKNOWN
    return Relation.DIFFERENT


def one_file_each(snapshot: Snapshot) -> bool:
    """Whether no registry is spoken for by two files (the NRO's beside the RIRs', say).

    Two such files repeat each other's records, which files of different registries do not.
    """
    rows = [report.rows for report in snapshot.inputs if report.kind == RESOURCES]
    return len(rows) < 2 or 2 * snapshot.resources.duplicates < min(rows)
