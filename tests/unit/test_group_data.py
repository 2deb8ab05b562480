"""The lists of groups that we ship: complete, dated, and as they are published.

What a list does not name falls to ``other`` and stays visible; which countries these are is said
here, one by one, so that none gets lost unseen.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from collectors import groups
from collectors.base import LocalFile, ReadOptions
from collectors.countries import ISO_3166_1, OTHER_CODES
from collectors.groups import SCHEMES
from validator.groupings import NOBODY, on_day
from validator.inputs.batches import gather
from validator.model import OTHERS, GroupBatch, Grouping, Members
from validator.sample.countries import COUNTRIES
from validator.sample.model import World
from validator.sample.users import internet_users

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "config" / "groups"
FILES = sorted(FOLDER.glob("*.csv"))
TODAY = date(2026, 11, 22)
"""The day on which the lists were made."""


def read(path: Path) -> GroupBatch:
    return groups.load(LocalFile(path, str(path)), ReadOptions())


@pytest.fixture(scope="module")
def shipped() -> dict[str, Grouping]:
    """Scheme → its list."""
    inputs = gather(map(read, FILES))
    return {each.grouping.scheme: each.grouping for each in inputs.groups if each.grouping}


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """docs/make_groups.py, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("make_groups", ROOT / "docs" / "make_groups.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def counts(grouping: Grouping, day: date) -> dict[str, int]:
    return dict(Counter(on_day(grouping, day).of.values()))


def listed(grouping: Grouping, group: str, day: date = TODAY) -> set[str]:
    return set(on_day(grouping, day).members_of(group))


# -------------------------------------------------------------------------------- what they all are


def test_there_is_a_list_for_every_scheme_each_with_its_source_licence_and_date(
    shipped: dict[str, Grouping],
) -> None:
    assert set(shipped) == SCHEMES
    readme = (FOLDER / "README.md").read_text("utf-8")
    for grouping in shipped.values():
        assert grouping.members is Members.COUNTRIES
        assert "https://" in grouping.origin or "United Nations" in grouping.origin or (
            "World Bank" in grouping.origin
        )  # fmt: skip
        assert grouping.licence
        assert date(2020, 1, 1) < grouping.dated <= TODAY
        assert len(grouping.others) > 10
        assert set(grouping.names) == {each.group for each in grouping.memberships}
    for path in FOLDER.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in readme, path.name


def test_the_list_of_countries_has_the_standard_and_what_registries_write_beside_it() -> None:
    names = read(FOLDER / "country.csv").countries
    assert set(names) == ISO_3166_1 | OTHER_CODES
    assert len(set(names.values())) == len(names)
    with (FOLDER / "country.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for column, length in (("alpha3", 3), ("m49", 3)):
        given = [row[column] for row in rows if row["country"] in ISO_3166_1]
        assert len(set(given)) == len(ISO_3166_1)
        assert {len(each) for each in given} == {length}


@pytest.mark.parametrize(
    ("scheme", "day", "expected"),
    [
        # UN CDP's timeline; UNCTAD counted 49 in July 2008 and OECD 47 in 2018
        ("ldc", "1971-11-17", {}),
        ("ldc", "1971-11-18", {"ldc": 24}),
        ("ldc", "2008-07-16", {"ldc": 49}),
        ("ldc", "2014-01-24", {"ldc": 48}),
        ("ldc", "2018-10-13", {"ldc": 47}),
        ("ldc", "2020-12-03", {"ldc": 47}),
        ("ldc", "2020-12-04", {"ldc": 46}),
        ("ldc", "2023-12-12", {"ldc": 46}),
        ("ldc", "2024-06-01", {"ldc": 45}),
        ("ldc", "2024-12-12", {"ldc": 45}),
        ("ldc", "2025-01-01", {"ldc": 44}),
        ("ldc", "2026-11-23", {"ldc": 44}),
        ("lldc", "2025-01-01", {"lldc": 32}),
        ("sids", "2025-01-01", {"sids": 53}),
        ("ripe-subregion", "2025-01-01", {"europe": 56, "middle-east": 15, "central-asia": 5}),
        # the World Bank's counts for fiscal years 2024, 2025 and 2026, with the Channel Islands
        # counted as the two codes that they are
        ("income", "2023-06-30", {}),
        ("income", "2023-07-01", {"low": 26, "lower-middle": 54, "upper-middle": 54, "high": 84}),
        ("income", "2024-07-01", {"low": 26, "lower-middle": 51, "upper-middle": 54, "high": 87}),
        ("income", "2025-07-01", {"low": 25, "lower-middle": 50, "upper-middle": 54, "high": 88}),
        ("income", "2026-07-01", {"low": 24, "lower-middle": 46, "upper-middle": 59, "high": 88}),
        ("development", "2021-07-01", {"developed": 65, "developing": 182}),
        ("development", "2021-07-02", {"developed": 66, "developing": 181}),
        ("m49-region", "2025-01-01", {"002": 60, "009": 29, "019": 57, "142": 50, "150": 51}),
        (
            "m49-subregion",
            "2025-01-01",
            {
                "015": 7, "021": 5, "030": 7, "034": 9, "035": 11, "039": 16, "053": 6, "054": 5,
                "057": 8, "061": 10, "143": 5, "145": 18, "151": 10, "154": 16, "155": 9,
                "202": 53, "419": 52,
            },
        ),
        (
            "m49-intermediate",
            "2025-01-01",
            {"005": 16, "011": 17, "013": 8, "014": 22, "017": 9, "018": 5, "029": 28},
        ),
    ],
)  # fmt: skip
def test_each_group_has_as_many_members_as_its_publisher_says(
    shipped: dict[str, Grouping], scheme: str, day: str, expected: dict[str, int]
) -> None:
    assert counts(shipped[scheme], date.fromisoformat(day)) == expected


def test_countries_leave_and_join_on_their_days(shipped: dict[str, Grouping]) -> None:
    ldc = shipped["ldc"]
    left = {each.member: each.until for each in ldc.memberships if each.until}
    assert left["ST"] == date(2024, 12, 13)
    assert left["BT"] == date(2023, 12, 13)
    assert {left[code] for code in ("BD", "LA", "NP")} == {date(2026, 11, 24)}
    assert {code for code, until in left.items() if until > TODAY} == {
        "BD", "LA", "NP", "SB", "KH", "SN",
    }  # fmt: skip
    assert "KR" in listed(shipped["development"], "developing", date(2020, 1, 1))
    assert "KR" in listed(shipped["development"], "developed")
    assert "BG" in listed(shipped["income"], "upper-middle", date(2024, 6, 30))
    assert "BG" in listed(shipped["income"], "high", date(2024, 7, 1))


# --------------------------------------------------------------------- nobody is lost, none guessed

UNLISTED = {
    "m49-region": {"TW", "AQ", "XK", "EU", "AP"},
    "m49-subregion": {"TW", "AQ", "XK", "EU", "AP"},
    "development": {"TW", "AQ", "XK", "EU", "AP"},
    "income": {
        "EU", "AP", "ET", "VE",  # unclassified
        # territories and places that the World Bank does not list
        "AI", "AQ", "AX", "BL", "BQ", "BV", "CC", "CK", "CX", "EH", "FK", "GF", "GP", "GS", "HM",
        "IO", "MQ", "MS", "NF", "NU", "PM", "PN", "RE", "SH", "SJ", "TF", "TK", "UM", "VA", "WF",
        "YT",
    },
}  # fmt: skip


def test_contested_and_missing_codes_are_in_the_group_other_and_not_guessed(
    shipped: dict[str, Grouping],
) -> None:
    for scheme, expected in UNLISTED.items():
        lists = on_day(shipped[scheme], TODAY)
        assert (ISO_3166_1 | OTHER_CODES) - set(lists.of) == expected, scheme


def codes_of(folder: Path) -> Iterator[str]:
    """Every country code in a set of registries' files."""
    for path in sorted(folder.glob("delegated-*-extended-latest.gz")):
        with gzip.open(path, "rt") as file:
            yield from {line.split("|", 2)[1] for line in file if line.count("|") > 5}


def assert_all_placed(shipped: dict[str, Grouping], codes: set[str]) -> None:
    assert codes > {"NL", "TW", "EU"}
    assert codes <= ISO_3166_1 | OTHER_CODES | {NOBODY}
    for grouping in shipped.values():
        for day in (date(2018, 10, 13), TODAY):
            lists = on_day(grouping, day)
            order = sorted(codes)
            placed = dict(zip(order, lists.numbers(order).tolist(), strict=True))
            assert len(placed) == len(codes)
            for code, number in placed.items():
                group = lists.groups[number]
                if code == NOBODY:
                    assert group == NOBODY
                else:
                    assert group == lists.of.get(code, OTHERS)
                    assert group in grouping.names or group == OTHERS


def test_every_country_of_the_sample_is_listed_or_visibly_other(
    shipped: dict[str, Grouping],
) -> None:
    assert_all_placed(shipped, {each.code for each in COUNTRIES} | {"EU", "AP", NOBODY})


@pytest.mark.real_data
def test_every_country_of_the_real_registries_is_listed_or_visibly_other(
    shipped: dict[str, Grouping], real_data: Path
) -> None:
    codes = {code for code in codes_of(real_data / "registry") if len(code) == 2}
    assert len(codes) > 230
    assert_all_placed(shipped, codes)


# ----------------------------------------------------------------------- they agree with each other


def test_regions_lie_within_each_other(shipped: dict[str, Grouping]) -> None:
    region, sub, inner = (
        on_day(shipped[f"m49-{level}"], TODAY).of
        for level in ("region", "subregion", "intermediate")
    )
    assert set(region) == set(sub) >= set(inner)
    assert len({(sub[code], region[code]) for code in sub}) == len(set(sub.values()))
    assert {sub[code] for code in inner} == {"202", "419"}
    names = shipped["m49-subregion"].names
    assert (names["202"], names["015"]) == ("Sub-Saharan Africa", "Northern Africa")
    assert shipped["m49-intermediate"].names["014"] == "Eastern Africa"


def test_the_poorest_lists_are_of_developing_countries(shipped: dict[str, Grouping]) -> None:
    developing = listed(shipped["development"], "developing")
    for scheme in ("ldc", "lldc", "sids"):
        members = listed(shipped[scheme], scheme)
        strange = members - developing
        assert strange == ({"MD", "MK"} if scheme == "lldc" else set()), "in Europe, and LLDCs"
    assert listed(shipped["income"], "low") - {"SY", "KP"} <= listed(shipped["ldc"], "ldc")


def test_the_service_region_of_the_ripe_ncc_is_the_samples_and_svalbard(
    shipped: dict[str, Grouping],
) -> None:
    ours = set(on_day(shipped["ripe-subregion"], TODAY).of)
    assert ours == {each.code for each in COUNTRIES if each.rir == "ripencc"} | {"SJ"}
    assert listed(shipped["ripe-subregion"], "central-asia") == listed(
        shipped["m49-subregion"], "143"
    )


@pytest.mark.real_data
def test_m49_and_its_classes_are_as_the_united_nations_export_them(
    shipped: dict[str, Grouping], real_data: Path
) -> None:
    path = real_data / "geo" / "unsd" / "UNSD-en.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["ISO-alpha2 Code"]: row for row in csv.DictReader(file)}
    rows.pop("TW")  # added by who packed it: M49 does not list it
    columns = {"region": "Region", "subregion": "Sub-region", "intermediate": "Intermediate Region"}
    for level, column in columns.items():
        theirs = {code: row[f"{column} Code"] for code, row in rows.items()}
        assert on_day(shipped[f"m49-{level}"], TODAY).of == {c: g for c, g in theirs.items() if g}
        names = {row[f"{column} Code"]: row[f"{column} Name"] for row in rows.values()}
        assert shipped[f"m49-{level}"].names == {g: n for g, n in sorted(names.items()) if g}
    classes = {
        "ldc": "Least Developed Countries (LDC)",
        "lldc": "Land Locked Developing Countries (LLDC)",
        "sids": "Small Island Developing States (SIDS)",
    }
    for scheme, column in classes.items():
        theirs_now = {code for code, row in rows.items() if row[column].strip()}
        assert listed(shipped[scheme], scheme, date(2024, 6, 1)) == theirs_now, scheme


# ------------------------------------------------------------------------------------ what is made


@pytest.mark.real_data
def test_the_lists_that_are_made_are_what_their_maker_makes(
    maker: ModuleType, real_data: Path
) -> None:
    path = real_data / "geo" / "hdx" / "hdx_countries_territories_taxonomy.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        made = maker.lists(csv.DictReader(file), "4.2.5")
    assert len(made) == 6
    for name, text in made.items():
        assert (FOLDER / name).read_text("utf-8") == text, name


@pytest.mark.real_data
def test_internet_users_are_made_from_the_world_banks_figures(
    maker: ModuleType, real_data: Path, tmp_path: Path
) -> None:
    percent, population = (
        real_data / "geo" / name for name in ("IT.NET.USER.ZS.csv", "population.csv")
    )
    made = tmp_path / "users.csv"
    made.write_text(maker.users_csv(percent, population), "utf-8")
    batch = read(made)
    assert not batch.report.sample
    assert len(batch.users) > 190
    assert batch.users["NL"].year == 2021
    assert 15_000_000 < batch.users["NL"].users < 17_600_000
    assert "XK" in batch.users, "Kosovo, by the World Bank's own code"
    assert 3.5e9 < sum(each.users for each in batch.users.values()) < 6e9
    assert set(batch.users) <= ISO_3166_1 | OTHER_CODES, "no sums over regions"


def test_internet_users_are_a_share_of_the_people_of_the_same_year(
    maker: ModuleType, tmp_path: Path
) -> None:
    percent, population = tmp_path / "percent.csv", tmp_path / "population.csv"
    percent.write_text(
        '"Data Source","WDI",\n\n"Country Name","Country Code","Indicator","2020","2021","2022",\n'
        '"Netherlands","NLD","x","50","60","70",\n"World","WLD","x","1","2","3",\n'
        '"Aruba","ABW","x","","",""\n"Chad","TCD","x","","200",""\n',
        "utf-8-sig",
    )
    population.write_text("Country Name,Country Code,Year,Value\nN,NLD,2020,1000\nN,NLD,2021,2000\n"
                          "W,WLD,2021,9\nC,TCD,2021,5\n")  # fmt: skip
    rows = maker.users_csv(percent, population).splitlines()
    assert rows[-2:] == ["country,year,users", "NL,2021,1200"]
    with pytest.raises(SystemExit, match="no column `Country Code`"):
        maker.users_csv(tmp_path / "population.csv", Path(shutil.copy(FILES[0], tmp_path)))


def test_the_samples_internet_users_say_that_they_are_invented(tmp_path: Path) -> None:
    world = cast(World, SimpleNamespace(seed=20))
    text = internet_users(world, "SAMPLE: nothing here is real")
    assert text == internet_users(world, "SAMPLE: nothing here is real")
    path = tmp_path / "users.csv"
    path.write_bytes(text)
    batch = read(path)
    assert batch.report.sample
    assert 0.9 * len(COUNTRIES) < len(batch.users) < len(COUNTRIES), "a few have none"
    other: Any = SimpleNamespace(seed=21)
    assert internet_users(other, "SAMPLE: x") != internet_users(world, "SAMPLE: x")
