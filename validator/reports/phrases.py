"""Set phrases of reports by identifier, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from validator.pages.words import Words
from validator.reports.report import FORMULAS, LIMITS, Source


def figure_names(words: Words) -> dict[str, tuple[str, str]]:
    """Each of :data:`validator.reports.report.FORMULAS`: its name, and how it is computed."""
    say = words.say
    names = {
        "valid_share": say("Valid share"),
        "invalid_share": say("Invalid"),
        "not_found_share": say("Without a ROA"),
        "coverage": say("Coverage"),
        "accuracy": say("Accuracy"),
        "space_valid_share": say("Valid share of space"),
        "space_coverage": say("Coverage of space"),
        "holdings_coverage": say("Holdings under a ROA"),
        "ipv6_networks": say("Networks that announce IPv6"),
    }
    return {each: (name, say(FORMULAS[each].text)) for each, name in names.items()}


def units(words: Words) -> dict[str, str]:
    """What is counted."""
    say = words.say
    return {
        "routes": say("routes"),
        "addresses": say("addresses"),
        "48s": say("/48s"),
        "networks": say("networks"),
    }


def limits(words: Words) -> list[str]:
    """:data:`validator.reports.report.LIMITS`."""
    return [words.say(each) for each in LIMITS]


def incomplete(words: Words, sources: Iterable[Source]) -> Iterator[str]:
    """The inputs that were used though they end early, or some of which had expired."""
    for each in sources:
        name = f"{each.kind} {each.source}"
        if each.truncated:
            yield words.say("%(input)s: ends early; what could be read of it is used", input=name)
        if expired := each.rejected.get("expired"):
            yield words.count_of(
                "%(input)s: %(n)s VRP had expired and is left out",
                "%(input)s: %(n)s VRPs had expired and are left out",
                expired,
                input=name,
            )
