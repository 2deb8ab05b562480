"""Set phrases by identifier: what the API says in one word, a page says in several."""

from __future__ import annotations

from validator.model import Prefix, parse_asn
from validator.pages.facts_network import FixFacts
from validator.pages.words import Words, marked
from validator.planning.fixes import advice_text


def causes(words: Words) -> dict[str, str]:
    """Each cause of a change (:class:`validator.change.causes.Cause`), as it follows a network."""
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
    """Whether the origin is the holder (:class:`validator.planning.fixes.Relation`)."""
    say = words.say
    return {
        "same": say("the origin holds the block"),
        "different": say("the origin and the holder of the block are different"),
        "unknown": say("whether the origin holds the block is not known"),
    }


def advice(words: Words, fix: FixFacts) -> list[str]:
    """What to know before a fix: the sentences that the API has, in the reader's language."""
    prefix, origin = Prefix.parse(fix.prefix), parse_asn(fix.asn)
    return [
        advice_text(each, prefix, origin, fix.turns_invalid, words.braced) for each in fix.advice
    ]


def outlooks(words: Words) -> dict[str, str]:
    """How a group stands to a target (:class:`validator.targets.progress.Outlook`)."""
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


def kinds(words: Words) -> dict[str, str]:
    """Kinds of inputs, as the settings and the files themselves are called."""
    say = words.say
    return {
        "vrps": say("VRPs"),
        "rtr": say("VRPs by RTR"),
        "slurm": say("local exceptions (SLURM)"),
        "routes": say("routes"),
        "mrt": say("routes (MRT)"),
        "route-list": say("routes (a list)"),
        "pyasn": say("routes (pyasn)"),
        "bmp": say("routes by BMP"),
        "ris_live": say("routes by RIS Live"),
        "mrt_updates": say("updates of routes (MRT)"),
        "resources": say("who holds addresses and AS numbers"),
        "asn_names": say("names of networks"),
        "asn-names": say("names of networks"),
        "groups": say("lists of groups"),
        "table": say("all routes"),
    }


def statuses(words: Words) -> dict[str, str]:
    """What the registries' files say of a block (:class:`validator.model.Holding`)."""
    say = words.say
    return {
        "": "",
        "allocated": say("allocated"),
        "assigned": say("assigned"),
        "available": say("available"),
        "reserved": say("reserved"),
    }


LIST_NAMES = frozenset(
    (
        marked("Countries and territories"),
        marked("Networks (AS numbers)"),
        marked("Regional Internet registries"),
        marked("unregistered"),
        marked("origin NONE"),
        marked("Developed and developing regions, as the United Nations last had them"),
        marked("Developed regions"),
        marked("Developing regions"),
        marked("Countries and territories in neither"),
        marked("World Bank income groups"),
        marked("Low income"),
        marked("Lower-middle income"),
        marked("Upper-middle income"),
        marked("High income"),
        marked("Countries and territories that the World Bank does not classify"),
        marked("Least developed countries (LDCs)"),
        marked("Least developed countries"),
        marked("Countries and territories that are not LDCs"),
        marked("Landlocked developing countries (LLDCs)"),
        marked("Landlocked developing countries"),
        marked("Countries and territories that are not LLDCs"),
        marked("Small island developing States (SIDS)"),
        marked("Small island developing States"),
        marked("Countries and territories that are not SIDS"),
        marked("United Nations regions (M49)"),
        marked("United Nations sub-regions (M49)"),
        marked("United Nations intermediate regions (M49)"),
        marked("Countries and territories not in a region"),
        marked("Countries and territories without an intermediate region"),
        marked("Europe, Middle East and Central Asia (the RIPE NCC's service region)"),
        marked("Middle East"),
        marked("Countries and territories outside the RIPE NCC's service region"),
    )
)
"""Names and titles that the lists of ``config/groups`` give, and those of the schemes without a
list: :mod:`validator.pages.naming` says them in the reader's language."""

REGIONS = {
    marked("Africa"): "002",
    marked("Americas"): "019",
    marked("Asia"): "142",
    marked("Australia and New Zealand"): "053",
    marked("Caribbean"): "029",
    marked("Central America"): "013",
    marked("Central Asia"): "143",
    marked("Eastern Africa"): "014",
    marked("Eastern Asia"): "030",
    marked("Eastern Europe"): "151",
    marked("Europe"): "150",
    marked("Latin America and the Caribbean"): "419",
    marked("Melanesia"): "054",
    marked("Micronesia"): "057",
    marked("Middle Africa"): "017",
    marked("Northern Africa"): "015",
    marked("Northern America"): "021",
    marked("Northern Europe"): "154",
    marked("Oceania"): "009",
    marked("Polynesia"): "061",
    marked("South America"): "005",
    marked("South-eastern Asia"): "035",
    marked("Southern Africa"): "018",
    marked("Southern Asia"): "034",
    marked("Southern Europe"): "039",
    marked("Sub-Saharan Africa"): "202",
    marked("Western Africa"): "011",
    marked("Western Asia"): "145",
    marked("Western Europe"): "155",
}
"""The regions of M49 by name, with their codes."""
