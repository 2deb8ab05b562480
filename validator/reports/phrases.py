"""Set phrases of reports by identifier, in the reader's language."""

from __future__ import annotations

from validator.pages.words import Words


def figure_names(words: Words) -> dict[str, tuple[str, str]]:
    """Each of :data:`validator.reports.report.FORMULAS`: its name, and how it is computed."""
    say = words.say
    return {
        "valid_share": (say("Valid share"), say("valid / announced routes")),
        "invalid_share": (say("Invalid"), say("invalid / announced routes")),
        "not_found_share": (say("Without a ROA"), say("not-found / announced routes")),
        "coverage": (say("Coverage"), say("(valid + invalid) / announced routes")),
        "accuracy": (say("Accuracy"), say("valid / (valid + invalid) routes")),
        "space_valid_share": (say("Valid share of space"), say("valid / announced space")),
        "space_coverage": (say("Coverage of space"), say("covered / announced space")),
        "holdings_coverage": (
            say("Holdings under a ROA"),
            say("delegated space under a VRP / delegated space"),
        ),
        "ipv6_networks": (
            say("Networks that announce IPv6"),
            say("networks that announce IPv6 / networks that announce anything"),
        ),
    }


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
    say = words.say
    return [
        say("Vantage points see a biased part of the world: what no peer of theirs announces is "
            "not here."),
        say("Registration is not location: a block or network counts where it is registered."),
        say("A route is a prefix and its origin; a large and a small prefix count the same by "
            "routes."),
        say("Who could raise coverage is told by origin: ROAs are created by the holder of the "
            "block."),
    ]  # fmt: skip
