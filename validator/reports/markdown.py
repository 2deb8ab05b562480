"""A report as Markdown: the sentences and the tables, for a note or an issue. What comes from data
is escaped, so that it is neither HTML nor a link."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from validator.model import Family
from validator.pages.naming import group_name
from validator.pages.phrases import causes, kinds, reasons
from validator.pages.words import clean, words
from validator.reports.making import Evidence, headline, in_language
from validator.reports.phrases import figure_names, incomplete, limits, units

_SIGNS = re.compile(r"([\\`*_{}\[\]()#+!|<>~&-])")
_MOST = 20
_FAMILIES = {each.label: name for each, name in ((Family.IPV4, "IPv4"), (Family.IPV6, "IPv6"))}


def written(made: Evidence, language: str) -> str:
    """The document."""
    return "\n".join(_lines(made, language)) + "\n"


def safe(text: str) -> str:
    """A text that Markdown leaves as it is."""
    short = clean(text, 200)
    return _SIGNS.sub(r"\\\1", short).replace("://", ":\u200b//")


def _lines(made: Evidence, language: str) -> Iterator[str]:
    its, report = words(language), made.report
    made = in_language(made, its)
    say, names = its.say, figure_names(its)
    facts = made.facts[Family.IPV4]
    yield f"# {safe(facts.label)}"
    yield ""
    if report.sample:
        yield f"**{say('SAMPLE: these networks are fictional, and so is every figure made from them.')}**"  # noqa: E501
        yield ""
    yield " ".join(safe(each) for each in headline(its, made.facts))
    for each in report.degraded:
        yield f"- {say('degraded')}: {safe(each)}"
    for title, figures in (
        (say("The figures"), report.figures),
        (safe("".join(each.label for each in list(made.compared.values())[:1])), report.compared),
    ):
        if figures:
            yield from _table(
                title,
                (say("Figure"), say("Family"), say("Share"), say("Numerator"), say("Denominator"),
                 say("Of what"), say("Formula")),
                [(names[f.id][0], _FAMILIES[f.family], its.percent(f.value), its.count(f.numerator),
                  its.count(f.denominator), units(its)[f.unit], names[f.id][1]) for f in figures],
            )  # fmt: skip
    for change in report.changes:
        yield from _table(
            f"{say('Change')} ({_FAMILIES[change.family]}): {its.day(change.first.day)} – "
            f"{its.day(change.last.day)}, {its.percent(change.first.value)} – "
            f"{its.percent(change.last.value)}",
            (say("Cause"), say("Routes"), say("Points")),
            [(causes(its)[cause], its.count(n), its.points(p)) for cause, n, p in change.causes],
        )
    if report.peers:
        yield from _table(
            safe(facts.peers_of) or say("Valid share"),
            (say("Name"), say("Valid share"), say("Valid"), say("Routes")),
            [(safe(group_name(its, p.scheme, p.group, p.name) or p.group), its.percent(p.value),
              its.count(p.numerator), its.count(p.denominator))
             for p in report.peers if p.family == "ipv4"],
        )  # fmt: skip
    for family in report.families:
        if family.doers:
            yield from _table(
                f"{say('Who could raise it')} ({_FAMILIES[family.family]})",
                (say("Network"), say("Country"), say("Routes to sign"), say("Points gained"),
                 say("Valid share then")),
                [(safe(f"{d.asn} {d.name}"), safe(d.country), its.count(d.gain),
                  its.points(d.points), its.percent(d.after)) for d in family.doers],
            )  # fmt: skip
        if family.invalids:
            yield from _table(
                f"{say('Invalid routes')} ({_FAMILIES[family.family]}: "
                f"{its.count(family.invalids_total)})",
                (say("Prefix"), say("Origin"), say("Why"), say("Peers that see it")),
                [(i.prefix, safe(f"{i.origin} {i.name}"), reasons(its)[i.reason],
                  its.count(i.peers)) for i in family.invalids[:_MOST]],
            )  # fmt: skip
    yield from _table(
        say("Data sources"),
        (say("Input"), say("Kind"), say("Rows"), say("Made"), "SHA-256"),
        [(safe(s.source), kinds(its).get(s.kind, s.kind), its.count(s.rows), its.moment(s.built),
          f"`{s.sha256}`")
         for s in report.sources],
    )  # fmt: skip
    if troubles := [*facts.stamp.troubles, *incomplete(its, report.sources)]:
        yield ""
        yield f"## {say('Inputs that were not as they should be')}"
        yield ""
        yield from (f"- {safe(each)}" for each in troubles)
    yield ""
    yield f"## {say('Limits')}"
    yield ""
    yield from (f"- {each}" for each in limits(its))
    yield ""
    yield f"Originsight {safe(report.version)}, {report.generated}."


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
