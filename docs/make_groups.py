"""Makes those lists in config/groups/ that follow from what others publish, and the users file.

A tool for maintainers; nothing else needs it. docs/groups.md says when to run it.

    pip install --no-deps hdx-python-country  # MIT; from UN and World Bank
    python docs/make_groups.py FOLDER             # country, m49-*, development, income
    python docs/make_groups.py --users PERCENT POPULATION > internet-users.csv

PERCENT and POPULATION are the World Bank's IT.NET.USER.ZS (wide: a column for each year) and
SP.POP.TOTL (wide, or long: Country Code, Year, Value), both CC BY 4.0.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import importlib.metadata
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

GROUPS = Path(__file__).resolve().parent.parent / "config" / "groups"
PACKAGE = "hdx-python-country"
DATED = "2026-10-01"
"""As of when the package's table is taken to be complete: the month of its release 4.2.5."""

Row = Mapping[str, str]

# What the package has, and we do not take: it puts Taiwan, which M49 does not list, with the ISO
# number 158 into Eastern Asia, and the Channel Islands into an intermediate region of their own
# (830), which M49 has not had since 2021.
NOT_IN_M49 = ("TW",)
NOT_INTERMEDIATE = ("830",)

NAMES = {"TW": "Taiwan", "XK": "Kosovo"}
"""Where the table has no short name of the United Nations' own."""

NOT_ISO = {
    "AP": "Asia-Pacific (no country given)",
    "EU": "European Union (no country given)",
    "XK": "Kosovo",
}
"""In registries' files, but not in ISO 3166-1: collectors/countries.py says why."""

# M49's last division, until December 2021: Europe, Northern America, Australia and New Zealand,
# and three countries of Asia. Then the Republic of Korea, by UNCTAD's Trade and Development Board.
DEVELOPED_REGIONS = ("150", "021", "053")
DEVELOPED = ("CY", "IL", "JP")
DEVELOPED_SINCE = {"KR": "2021-07-02"}

INCOME = {
    "low": "Low income",
    "lower-middle": "Lower-middle income",
    "upper-middle": "Upper-middle income",
    "high": "High income",
}
INCOME_FIRST = "2023-07-01"
"""The package's table has the classification for fiscal year 2024, which began then."""
INCOME_CODES = {"Low": "low", "Lower middle": "lower-middle", "Upper middle": "upper-middle",
                "High": "high"}  # fmt: skip
# Of economies that the World Bank lists and the package has no group for: its Channel Islands are
# ISO's Guernsey and Jersey.
INCOME_MORE = {"XK": "upper-middle", "GG": "high", "JE": "high"}
# What the World Bank changed on 1 July of each year: country, group before, group after ("" for
# unclassified).
INCOME_CHANGES = {
    "2024-07-01": "BG upper-middle high; PW upper-middle high; RU upper-middle high;"
    " DZ lower-middle upper-middle; IR lower-middle upper-middle; MN lower-middle upper-middle;"
    " UA lower-middle upper-middle; PS upper-middle lower-middle",
    "2025-07-01": "CR upper-middle high; CV lower-middle upper-middle; WS lower-middle"
    " upper-middle; NA upper-middle lower-middle; ET low -",
    "2026-07-01": "JO lower-middle upper-middle; FM lower-middle upper-middle; PH lower-middle"
    " upper-middle; LK lower-middle upper-middle; VN lower-middle upper-middle; TG low"
    " lower-middle",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make lists of groups of countries.")
    parser.add_argument("folder", type=Path, nargs="?", help="where to write the lists")
    parser.add_argument("--users", type=Path, nargs=2, metavar=("PERCENT", "POPULATION"))
    given = parser.parse_args()
    if given.users:
        sys.stdout.write(users_csv(*given.users))
    elif given.folder:
        made = lists(_table(), importlib.metadata.version(PACKAGE))
        for name, text in made.items():
            (given.folder / name).write_text(text, "utf-8")
        sys.stdout.write(f"{', '.join(made)}: written\n")
    else:
        parser.error("name a FOLDER, or --users")


# ------------------------------------------------------------------------- from the UN's own table


def _table() -> list[Row]:
    """The package's table of countries."""
    files = importlib.metadata.files(PACKAGE) or []
    place = next((file for file in files if file.name.endswith("Taxonomy.csv")), None)
    if place is None:
        raise SystemExit(f"{PACKAGE} has no table of countries any more: see what replaces it")
    with open(str(place.locate()), encoding="utf-8-sig", newline="") as file:  # noqa: PTH123
        return list(csv.DictReader(file))


def lists(table: Iterable[Row], release: str) -> dict[str, str]:
    """Name of a file → its content. ``release``: of the package that the table is from."""
    by_code = {
        row["ISO 3166-1 Alpha 2-Codes"]: row
        for row in table
        if row["ISO 3166-1 Alpha 2-Codes"] and row["Deprecated"] != "Y"
    }
    rows = dict(sorted(by_code.items()))
    return {
        "country.csv": _countries(rows, release),
        "m49-region.csv": _m49(rows, release, "region", "Region", "regions"),
        "m49-subregion.csv": _m49(rows, release, "subregion", "Sub-region", "sub-regions"),
        "m49-intermediate.csv": _m49(
            rows, release, "intermediate", "Intermediate Region", "intermediate regions"
        ),
        "development.csv": _development(rows),
        "income.csv": _income(rows, release),
    }


def _countries(rows: Mapping[str, Row], release: str) -> str:
    out = [
        "# kind: countries",
        "# title: Countries and territories",
        "# source: ISO 3166-1 codes and M49 numbers with the United Nations' short names (UNTERM),"
        f" from OCHA's table in {PACKAGE} {release}",
        "# licence: MIT (the package); codes and names are facts",
        f"# dated: {DATED}",
        "# note: a name says nothing about the status of a country or territory",
        "# note: AP, EU and XK are not in ISO 3166-1, but occur in registries' files",
        "country,name,alpha3,m49",
    ]
    for code, row in rows.items():
        name = NAMES.get(code) or row["English Short"] or row["Preferred Term"]
        number = row["m49 numerical code"].zfill(3)
        out.append(_line(code, name, row["ISO 3166-1 Alpha 3-Codes"], number))
    out += [_line(code, name, "", "") for code, name in NOT_ISO.items()]
    return "\n".join(out) + "\n"


def _m49(rows: Mapping[str, Row], release: str, scheme: str, column: str, plural: str) -> str:
    members: list[tuple[str, str, str, str]] = []
    names: dict[str, str] = {}
    for code, row in rows.items():
        group = row[f"{column} Code"].zfill(3)
        if code in NOT_IN_M49 or group == "000" or group in NOT_INTERMEDIATE:
            continue
        names[group] = row[f"{column} Name"]
        members.append((code, group, "", ""))
    missing = "without an intermediate region" if scheme == "intermediate" else "not in a region"
    return _listed(
        f"m49-{scheme}",
        f"United Nations {plural} (M49)",
        dict(sorted(names.items())),
        f"Countries and territories {missing}",
        "United Nations Statistics Division, Standard Country or Area Codes for Statistical Use"
        f" (M49), https://unstats.un.org/unsd/methodology/m49/, by OCHA's table in {PACKAGE}"
        f" {release}",
        "MIT (the package); membership is a fact",
        DATED,
        (
            "a region is a statistical convenience and says nothing about a territory's status",
            "not listed: Taiwan, which M49 does not have, Antarctica, which it puts into no region,"
            " and Kosovo, which has no code of its own there",
        ),
        members,
    )


def _development(rows: Mapping[str, Row]) -> str:
    members: list[tuple[str, str, str, str]] = []
    for code, row in rows.items():
        regions = {row["Region Code"].zfill(3), row["Sub-region Code"].zfill(3)}
        if code in NOT_IN_M49 or not row["Region Code"]:
            continue
        if code in DEVELOPED_SINCE:
            day = DEVELOPED_SINCE[code]
            members += [(code, "developing", "", day), (code, "developed", day, "")]
        else:
            rich = code in DEVELOPED or regions & set(DEVELOPED_REGIONS)
            members.append((code, "developed" if rich else "developing", "", ""))
    return _listed(
        "development",
        "Developed and developing regions, as the United Nations last had them",
        {"developed": "Developed regions", "developing": "Developing regions"},
        "Countries and territories in neither",
        "United Nations Statistics Division, M49, as it was until December 2021: developed are"
        " Europe, Northern America, Australia and New Zealand, Cyprus, Israel and Japan; and the"
        " Republic of Korea since UNCTAD's decision of 2 July 2021",
        "restated facts",
        "2021-12-01",
        (
            "M49 dropped the distinction in December 2021, and the United Nations have no"
            " established convention for it: use it to compare with older figures",
            "UNCTAD keeps a distinction of its own, https://unctadstat.unctad.org/",
        ),
        members,
    )


def _income(rows: Mapping[str, Row], release: str) -> str:
    first = {code: INCOME_CODES[row["World Bank Income Level"]]
             for code, row in rows.items() if row["World Bank Income Level"]}  # fmt: skip
    spans = {code: [(INCOME_FIRST, group)] for code, group in {**first, **INCOME_MORE}.items()}
    for day, changes in INCOME_CHANGES.items():
        for change in changes.split(";"):
            code, before, after = change.split()
            if spans[code][-1][1] != before:
                raise SystemExit(
                    f"income: {code} was to leave {before} on {day}, but is {spans[code][-1][1]}:"
                    f" is {PACKAGE}'s table newer? then set INCOME_FIRST and drop what it has"
                )
            spans[code].append((day, after))
    members = []
    for code, held in sorted(spans.items()):
        ends = [day for day, _ in held[1:]] + [""]
        members += [
            (code, group, day, end)
            for (day, group), end in zip(held, ends, strict=True)
            if group != "-"
        ]
    return _listed(
        "income",
        "World Bank income groups",
        INCOME,
        "Countries and territories that the World Bank does not classify",
        "World Bank Country and Lending Groups, fiscal years 2024 (July 2023) to 2027 (July 2026):"
        f" 2024 by OCHA's table in {PACKAGE} {release}, then the changes that the World Bank"
        " announced each July",
        "CC BY 4.0 (World Bank); MIT (the package)",
        "2026-07-01",
        (
            "by gross national income per person two years before the fiscal year ends",
            "days before July 2023 are not in this list: all countries are in the group other then",
            "unclassified: Venezuela since July 2021, Ethiopia since July 2025; no later"
            " classification of either was known when this was made",
            "GG and JE are what the World Bank calls the Channel Islands; XK is Kosovo",
        ),
        members,
    )


def _listed(
    scheme: str,
    title: str,
    groups: Mapping[str, str],
    others: str,
    source: str,
    licence: str,
    dated: str,
    notes: Iterable[str],
    members: Iterable[tuple[str, str, str, str]],
) -> str:
    members = list(members)
    has_dates = any(since or until for _, _, since, until in members)
    out = [
        f"# scheme: {scheme}",
        f"# title: {title}",
        "# members: country",
        *(f"# group: {group} = {name}" for group, name in groups.items()),
        f"# others: {others}",
        f"# source: {source}",
        f"# licence: {licence}",
        f"# dated: {dated}",
        *(f"# note: {note}" for note in notes),
        "country,group" + (",from,until" if has_dates else ""),
    ]
    out += [_line(*(each if has_dates else each[:2])) for each in members]
    return "\n".join(out) + "\n"


def _line(*values: str) -> str:
    return ",".join(f'"{value}"' if "," in value else value for value in values)


# ---------------------------------------------------------------------------------- Internet users


def users_csv(percent: Path, population: Path) -> str:
    """Internet users by country: for each its latest year with a share and a population."""
    codes = _alpha2()
    people = dict(_figures(population))
    latest: dict[str, tuple[int, int]] = {}
    for (alpha3, year), share in sorted(_figures(percent).items()):
        if alpha3 in codes and (alpha3, year) in people and 0 <= share <= 100:
            latest[codes[alpha3]] = year, round(people[alpha3, year] * share / 100)
    made = datetime.datetime.now(datetime.UTC).date()
    out = [
        "# kind: users",
        "# title: Internet users",
        "# source: ITU and World Bank, IT.NET.USER.ZS (individuals using the Internet, % of"
        " population) times SP.POP.TOTL (population) of the same year",
        "# licence: CC BY 4.0 (World Bank)",
        f"# dated: {made}",
        "country,year,users",
    ]
    out += [f"{code},{year},{users}" for code, (year, users) in sorted(latest.items())]
    return "\n".join(out) + "\n"


def _alpha2() -> dict[str, str]:
    """ISO 3166-1 alpha-3 → alpha-2, and Kosovo's XKX, which the World Bank uses."""
    with (GROUPS / "country.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {row["alpha3"]: row["country"] for row in rows if row["alpha3"]} | {"XKX": "XK"}


def _figures(path: Path) -> dict[tuple[str, int], float]:
    """(alpha-3, year) → figure, from the World Bank's wide form or a long one."""
    found: dict[tuple[str, int], float] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        titles: list[str] = []
        for row in csv.reader(file):
            if not titles:
                titles = row if "Country Code" in row else []
                continue
            value = dict(zip(titles, row, strict=False))
            code = value["Country Code"]
            years = (
                {value["Year"]: value["Value"]}
                if "Value" in value
                else {title: cell for title, cell in value.items() if title.isdigit()}
            )
            found |= {(code, int(year)): float(cell) for year, cell in years.items() if cell}
    if not found:
        raise SystemExit(f"{path}: no column `Country Code`; is it the World Bank's CSV?")
    return found


if __name__ == "__main__":
    main()
