"""What others put on their pages: one picture of a page as a file, and badges.

Made of the same facts as the page, so they show the same figures. Each says itself whose figures
they are, of which day, and what was wrong with the inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from validator.figures.coverage import Figures
from validator.groupings import Scheme
from validator.model import Family, format_asn, parse_asn
from validator.pages import charts
from validator.pages.chart_colours import Theme
from validator.pages.facts_change import ChangeFacts
from validator.pages.facts_common import (
    ADDRESS,
    FAMILY_NAMES,
    Row,
    Sources,
    Stamp,
    row_of,
    total_of,
)
from validator.pages.facts_common import stamp as stamp_of
from validator.pages.facts_compare import compare_facts
from validator.pages.facts_group import NoSuchGroup, coverage_of, group_facts
from validator.pages.facts_network import network_facts
from validator.pages.facts_overview import FROM_SCHEME, overview_facts
from validator.pages.naming import in_language
from validator.pages.page import Ask
from validator.pages.picture_files import Frame, as_file
from validator.pages.pictures import share_of
from validator.pages.views import Pictures, drawing, group_pictures, world_pictures
from validator.pages.views_network import (
    NETWORK_PICTURES,
    compare_pictures,
    network_pictures,
)
from validator.pages.words import clean
from validator.snapshot import Snapshot

_LONGEST = 160
_NOTHING = Figures(0, 0, 0, 0, 0, 0, 0, 0)


class NoSuchPicture(LookupError):  # noqa: N818 - named for what it tells the caller
    """There is nothing to draw. Says of what."""


@dataclass(frozen=True, slots=True)
class Form:
    """``width`` in CSS pixels (a wide map is wider); a theme of ``auto`` follows the reader's."""

    width: int = charts.WIDE
    theme: Theme = "auto"


def world_file(sources: Sources, ask: Ask, name: str, form: Form) -> str:
    """One of :data:`~validator.pages.views.WORLD_PICTURES`, of the overview.

    Raises:
        NoSuchPicture: there is nothing to draw.
        SourceError: the history cannot be read.
    """
    facts = in_language(overview_facts(sources, ask.family), ask.words)
    pictures = world_pictures(ask, facts)
    return _file(ask, facts.stamp, ask.words.say("World"), pictures, name, form)


def group_file(
    sources: Sources, ask: Ask, scheme: str, group: str, name: str, form: Form,
    before: ChangeFacts | None = None,
) -> str:  # fmt: skip
    """One of :data:`~validator.pages.views.GROUP_PICTURES`. ``before``: what moved it, for
    ``change``. Of a network also where it announces nothing, if its page has such a picture.

    Raises:
        NoSuchGroup: there is none.
        NoSuchPicture: there is nothing to draw.
        SourceError: the history cannot be read.
    """
    if of_network(scheme, name):
        its = network_facts(sources, _number(group))
        return _file(ask, its.stamp, its.label, network_pictures(ask, its), name, form)
    facts = in_language(group_facts(sources, scheme, group, ask.family), ask.words)
    pictures = group_pictures(ask, facts, before)
    return _file(ask, facts.stamp, facts.label, pictures, name, form)


def compare_file(
    sources: Sources, ask: Ask, chosen: tuple[tuple[str, str], ...], days: tuple[date, ...],
    change: ChangeFacts | None, name: str, form: Form,
) -> str:  # fmt: skip
    """One of :data:`~validator.pages.views_network.COMPARE_PICTURES`.

    Raises:
        NoSuchGroup, NoSuchDay, SourceError: as the page.
        NoSuchPicture: there is nothing to draw.
    """
    facts = compare_facts(sources, ask.family, chosen, days, change)
    facts = in_language(facts, ask.words)
    whose = " – ".join(clean(side.label) for side in facts.sides)
    return _file(ask, facts.stamp, whose, compare_pictures(ask, facts), name, form)


def of_network(scheme: str, name: str) -> bool:
    """Whether a picture is one of a network's own page. Such a page needs a day's tables."""
    return scheme == Scheme.ASN and name in NETWORK_PICTURES


def _file(
    ask: Ask, stamp: Stamp, whose: str, pictures: Pictures, name: str, form: Form
) -> str:  # fmt: skip
    its, whose = pictures[name](), clean(whose, _LONGEST)
    if its is None:
        raise NoSuchPicture(f"there is nothing to draw of {whose!r} as {name!r}")
    say = ask.words.say
    one_family = name in ("ranking", "change", "steps")  # whose titles do not name it
    frame = Frame(
        f"{whose} · {FAMILY_NAMES[ask.family]}" if one_family else whose,
        say("%(day)s · Originsight", day=ask.words.day(stamp.day)),
        say("Degraded: read these figures with care"),
        stamp.troubles,
    )
    look = replace(drawing(ask, stamp).look(its.key), width=form.width)
    return as_file(its, frame, look, form.theme)


def world_badge(sources: Sources, ask: Ask) -> str:
    """Of all groups together."""
    whole = sources.snapshot.coverages[FROM_SCHEME, ADDRESS]
    return _badge(sources, ask, total_of(whole, ask.family, ask.words.say("World")))


def group_badge(sources: Sources, ask: Ask, scheme: str, group: str) -> str:
    """A group's valid share in a line.

    Raises:
        NoSuchGroup: there is none.
    """
    row = _row(sources.snapshot, scheme, group, ask.family)
    return _badge(sources, ask, in_language(row, ask.words))


def _row(snapshot: Snapshot, scheme: str, group: str, family: Family) -> Row:
    try:
        coverage, number = coverage_of(snapshot, scheme, group)
    except NoSuchGroup:
        if scheme != Scheme.ASN:
            raise
        asn = format_asn(_number(group))  # every number is a network, if one without routes
        return Row(scheme, asn, snapshot.group_name(scheme, asn), family, _NOTHING)
    return row_of(snapshot, coverage, number, family)


def _number(group: str) -> int:
    """
    Raises:
        NoSuchGroup: no network is called so.
    """
    try:
        return parse_asn(group)
    except ValueError as error:
        raise NoSuchGroup(f"no network is called {group[:80]!r}: {error}") from None


def _badge(sources: Sources, ask: Ask, row: Row) -> str:
    its, stamp = ask.words, stamp_of(sources)
    name = f"{row.group} {row.name}".strip() if row.scheme == Scheme.ASN else row.label
    data = charts.Badge(
        clean(name),
        its.say("valid %(family)s routes", family=FAMILY_NAMES[row.family]),
        share_of(row),
        its.short_day(stamp.day),
        its.say("degraded") if stamp.troubles else "",
    )
    return charts.badge(data, drawing(ask, stamp).look("badge"))
