"""Invented numbers of Internet users, so that people-weighted figures of the sample can be tried.

They have nothing to do with the countries whose codes they stand beside: a country that is large
in the sample has many. A few have none, as in real lists.
"""

from __future__ import annotations

from validator.sample.countries import COUNTRIES, Size
from validator.sample.dice import Dice
from validator.sample.model import World

YEAR = 2025
_MILLIONS = {Size.SMALL: (0.02, 1.5), Size.MEDIUM: (1.5, 18.0), Size.LARGE: (18.0, 260.0)}
_UNKNOWN = 0.03
"""The chance that a country has no number."""


def internet_users(world: World, remark: str) -> bytes:
    """A users file (docs/groups.md) for the countries of the sample."""
    lines = [
        f"# {remark}",
        "# kind: users",
        "# title: Internet users (SAMPLE)",
        "# source: invented",
        "# licence: as the program that makes it",
        f"# dated: {YEAR}-12-31",
        "country,year,users",
    ]
    for country in sorted(COUNTRIES, key=lambda each: each.code):
        dice = Dice(world.seed, "internet users", country.code)
        if dice.chance(_UNKNOWN):
            continue
        least, most = _MILLIONS[country.size]
        lines.append(f"{country.code},{YEAR},{dice.between(int(least * 1e6), int(most * 1e6))}")
    return ("\n".join(lines) + "\n").encode()
