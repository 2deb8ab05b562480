"""Codes of countries and territories: what stands in registries' files and in lists of groups.

Codes are ISO 3166-1 alpha-2. A few others occur in registries' files, and are kept as what they
are: they stand for no country of the standard, and nothing is guessed about them.
"""

from __future__ import annotations

_ASSIGNED = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ"
    " BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM"
    " DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS"
    " GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN"
    " KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ"
    " MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM"
    " PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV"
    " SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI"
    " VN VU WF WS YE YT ZA ZM ZW"
)
ISO_3166_1 = frozenset(_ASSIGNED.split())
"""The 249 officially assigned codes (ISO 3166-1, as of 2026)."""

OTHER_CODES = frozenset(("AP", "EU", "XK"))
"""Codes that the standard does not assign, but that are in use: ``EU`` (exceptionally reserved)
and ``AP`` (reserved for WIPO), which registries write where a block is for a whole region, and
``XK`` (for users to assign), which the World Bank and others write for Kosovo."""

_INSTEAD = {
    "UK": "the United Kingdom's code is GB",
    "EL": "the code of Greece is GR",
    "AN": "the Netherlands Antilles have become CW, SX and BQ",
    "ZZ": "what nobody holds cannot be listed",
}


def parse_country(text: str) -> str:
    """The code in capital letters.

    Raises:
        ValueError: no such code; the message is the cure.
    """
    code = text.upper()
    if code in ISO_3166_1 or code in OTHER_CODES:
        return code
    raise ValueError(_INSTEAD.get(code, "give the two letters of ISO 3166-1, for instance NL"))
