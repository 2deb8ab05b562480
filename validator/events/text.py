"""What events say to a person: one sentence each, from the same facts as their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from validator.events.kinds import Cause, Standing, VrpItem
from validator.model import Prefix, format_asn

_NAMED = 2
"""VRPs or origins that a sentence names."""


def started(generation: int, routes: int, vrps: int) -> str:
    return (
        f"Watching begins at generation {generation} with {routes:,} routes and {vrps:,} VRPs; "
        "what changed before is not known."
    )


def source(name: str, before: str, after: str, error: str) -> str:
    why = f": {error}" if error else ""
    return f"Input {name} is {after}, it was {before}{why}."


def state(
    prefix: Prefix, origin: int, before: Standing | None, after: Standing, cause: Cause
) -> str:
    """A route in another state, or a new one that is invalid."""
    route, now = f"{prefix} from {format_asn(origin)}", _stood(after)
    if before is None:
        return f"{route} is announced and {now}: {_named(cause.covering, cause.more)} cover it."
    reasons = []
    if cause.vrps_new:
        reasons.append(f"new is {_named(cause.vrps_new)}")
    if cause.vrps_gone:
        reasons.append(f"gone is {_named(cause.vrps_gone)}")
    return f"{route} became {now}, it was {_stood(before)}: {'; '.join(reasons)}."


def announced(prefix: Prefix, origin: int, after: Standing, cause: Cause) -> str:
    if not cause.origins:
        return f"{prefix} from {format_asn(origin)} is announced; it is {_stood(after)}."
    others = ", ".join(cause.origins[:_NAMED])
    if len(cause.origins) > _NAMED:
        others += " and others"
    under = "" if cause.origins_of == str(prefix) else f"under {cause.origins_of}, "
    return (
        f"{format_asn(origin)} announces {prefix}, {under}which {others} originated before; "
        f"it is {_stood(after)}."
    )


def withdrawn(prefix: Prefix, origin: int, before: Standing) -> str:
    return f"{prefix} from {format_asn(origin)} is no longer announced; it was {_stood(before)}."


def vrp(item: VrpItem, gone: bool, expired: bool) -> str:
    by = f" ({item.trust_anchor})" if item.trust_anchor else ""
    now = "has expired" if expired else "is no longer in force" if gone else "is in force"
    return f"{_vrp(item)}{by} {now}."


def many(counts: Mapping[str, int], lost: int) -> str:
    what = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    return f"So much changed at once that {lost:,} changes have no event; there were: {what}."


def _stood(standing: Standing) -> str:
    return f"{standing.state} ({standing.reason})" if standing.reason else standing.state


def _named(items: Sequence[VrpItem], more: int = 0) -> str:
    shown = ", ".join(_vrp(each) for each in items[:_NAMED])
    more += max(0, len(items) - _NAMED)
    return f"{shown} and {more:,} more" if more else shown


def _vrp(item: VrpItem) -> str:
    return f"VRP {item.prefix}-{item.max_length} {item.asn}"
