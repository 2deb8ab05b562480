"""The only real thing in the sample world: country codes, so that maps and UN groups work.

Codes are ISO 3166-1 alpha-2. Which registry serves which country or territory is restated from the
registries' published service regions; the least developed countries are the United Nations' list
as of December 2024. A few places without a network of their own are left out, so that pages have
something to show for "no data". How large a country's part of the sample is, is invented.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

RIRS = ("afrinic", "apnic", "arin", "lacnic", "ripencc")
"""The five regional Internet registries, by the names their files carry."""

_SERVICE_REGIONS = {
    "afrinic": "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG ER ET GA GH GM GN GQ GW KE KM LR LS LY"
    " MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW",
    "apnic": "AF AS AU BD BN BT CK CN FJ FM GU HK ID IN JP KH KI KP KR LA LK MH MM MN MO MP MV MY"
    " NC NF NP NR NU NZ PF PG PH PK PW SB SG TH TK TL TO TV TW VN VU WF WS",
    "arin": "AG AI BB BL BM BS CA DM GD GP JM KN KY LC MF MQ MS PM PR SH TC US VC VG VI",
    "lacnic": "AR AW BO BQ BR BZ CL CO CR CU CW DO EC FK GF GT GY HN HT MX NI PA PE PY SR SV SX TT"
    " UY VE",
    "ripencc": "AD AE AL AM AT AX AZ BA BE BG BH BY CH CY CZ DE DK EE ES FI FO FR GB GE GG GI GL GR"
    " HR HU IE IL IM IQ IR IS IT JE JO KG KW KZ LB LI LT LU LV MC MD ME MK MT NL NO OM PL PS PT QA"
    " RO RS RU SA SE SI SK SM SY TJ TM TR UA UZ VA YE",
}


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEAST_DEVELOPED = _codes(
    "AF AO BD BF BI BJ CD CF DJ ER ET GM GN GW HT KH KI KM LA LR LS MG ML MM MR MW MZ NE NP"
    " RW SB SD SL SN SO SS TD TG TL TV TZ UG YE ZM"
)
_ISLANDS = _codes(
    "AG AI AS AW BB BL BM BQ BS CK CU CV CW DM DO FJ FM GD GP GU JM KI KM KN KY LC MF MH MP"
    " MQ MS MU MV NC NF NR NU PF PG PM PR PW RE SB SC SH ST SX TC TK TL TO TT TV VC VG VI VU"
    " WF WS YT"
)
"""Small islands, states and territories alike: the sample's own selection, not the UN's SIDS."""
_LARGE = _codes(
    "AR AU BD BR CA CN CO DE EG ES FR GB ID IN IT JP KE KR MX NG NL PK PL RU SE SG TR UA US VN ZA"
)
_SMALL = _codes(
    "AD AX BN BT BZ CF DJ ER FK FO GF GG GI GL GM GQ GW GY IM JE KP LI LS MC ME MO MR SM SR"
    " SS SZ TD TM VA"
)


class Size(enum.Enum):
    """How many networks a country has in the sample: least and most, before scaling."""

    SMALL = (2, 5)
    MEDIUM = (8, 19)
    LARGE = (30, 60)


@dataclass(frozen=True, slots=True)
class Country:
    """A country or territory. ``typical_signing`` is the invented middle for its kind, 0 to 1."""

    code: str
    rir: str
    size: Size
    typical_signing: float


def _country(code: str, rir: str) -> Country:
    size = Size.MEDIUM
    if code in _LARGE:
        size = Size.LARGE
    elif code in _SMALL or code in _ISLANDS:
        size = Size.SMALL
    typical = 0.60
    if code in _LEAST_DEVELOPED:
        typical = 0.32
    elif code in _ISLANDS:
        typical = 0.40
    return Country(code, rir, size, typical)


COUNTRIES = tuple(
    _country(code, rir) for rir in RIRS for code in sorted(_SERVICE_REGIONS[rir].split())
)
