"""A settings file says what it means, and a mistake in it is named with its file, key and cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.catalog import Kind
from tests.feeds import make_snapshot
from validator.model import SettingsError
from validator.settings import file as settings
from validator.settings.file import Settings
from validator.tables.announced import REASONS, AnnouncedRules, exclusions
from validator.tables.routes import RouteTable

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = ROOT / "config"
LEAST = '[[vrps]]\nsource = "vrps.json"\n[[routes]]\nsource = "routes.csv"\n'


def load(folder: Path, text: str) -> Settings:
    path = folder / "config.toml"
    path.write_text(text)
    return settings.load(path)


def complaint(folder: Path, text: str) -> str:
    """What is said of a file that is refused: one line that begins with the file's name."""
    with pytest.raises(SettingsError) as refusal:
        load(folder, text)
    message = str(refusal.value)
    assert message.startswith(f"{folder / 'config.toml'}: ")
    assert "\n" not in message
    return message


# ---------------------------------------------------------------------------- what a file may say


def test_vrps_and_routes_are_all_that_must_be_said(tmp_path: Path) -> None:
    chosen = load(tmp_path, LEAST)
    assert chosen.address == ("127.0.0.1", 8480)
    assert not chosen.sample
    assert chosen.rules == AnnouncedRules()


def test_paths_are_relative_to_the_file_wherever_it_is_read_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('cache = "cache"\n' + LEAST)
    monkeypatch.chdir("/")
    chosen = settings.load(path)
    assert chosen.of(Kind.VRPS)[0].source == str(tmp_path / "vrps.json")
    assert chosen.of(Kind.ROUTES)[0].source == str(tmp_path / "routes.csv")
    assert chosen.cache_folder == tmp_path / "cache"


def test_absolute_paths_and_urls_stay_as_they_are(tmp_path: Path) -> None:
    chosen = load(
        tmp_path,
        '[[vrps]]\nsource = "https://vrps.example/rpki.json"\n[[routes]]\nsource = "/data/rib"\n',
    )
    assert chosen.of(Kind.VRPS)[0].source == "https://vrps.example/rpki.json"
    assert chosen.of(Kind.ROUTES)[0].source == "/data/rib"


def test_an_input_keeps_its_own_options(tmp_path: Path) -> None:
    text = LEAST + "allow_truncated = true\n[limits]\nmax_bytes = 4096\nconnect_seconds = 1.5\n"
    chosen = load(tmp_path, text)
    vrps, routes = chosen.of(Kind.VRPS)[0], chosen.of(Kind.ROUTES)[0]
    assert (vrps.allow_truncated, routes.allow_truncated) == (False, True)
    options = chosen.read_options(routes, 1_700_000_000)
    assert options.allow_truncated
    assert options.max_bytes == 4096
    assert options.as_of == 1_700_000_000
    assert chosen.fetch_limits.connect_seconds == 1.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8480", ("127.0.0.1", 8480)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
    ],
)
def test_an_address_to_listen_on_is_a_host_and_a_port(
    tmp_path: Path, text: str, expected: tuple[str, int]
) -> None:
    assert settings.parse_listen(text) == expected
    assert load(tmp_path, f'listen = "{text}"\n{LEAST}').address == expected


def test_ranges_of_as_numbers_are_single_or_from_first_to_last(tmp_path: Path) -> None:
    chosen = load(tmp_path, LEAST + '[announced]\nspecial_purpose_asns = ["0", "AS10 - AS12"]\n')
    assert chosen.rules.special_asns == ((0, 0), (10, 12))


# -------------------------------------------------------------------------- what is wrong with it


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ("vrp = 1\n" + LEAST, "`vrp`", "vrps"),
        (LEAST + "[announced]\nminpeers = 3\n", "`minpeers`", "min_peers"),
        (LEAST + "[limits]\nseconds = 3\n", "`seconds`", "total_seconds"),
        ('[[vrps]]\npath = "a"\n[[routes]]\nsource = "b"\n', "`path`", "allow_truncated"),
        (LEAST + '[[slurm]]\nsource = "s"\nkind = "x"\n', "`kind`", "allow_truncated"),
        ('folder = "/"\n' + LEAST, "`folder`", ""),
    ],
)
def test_an_unknown_key_is_named_with_those_that_are_allowed(
    tmp_path: Path, text: str, key: str, allowed: str
) -> None:
    message = complaint(tmp_path, text)
    assert key in message
    assert allowed in message.partition("allowed are")[2] or not allowed
    assert "folder" not in message.partition("allowed are")[2]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("reload_seconds = 'ten'\n" + LEAST, "$.reload_seconds"),
        ("reload_seconds = 0\n" + LEAST, "$.reload_seconds"),
        ("reload_seconds = -1.5\n" + LEAST, "$.reload_seconds"),
        ("sample = 1\n" + LEAST, "$.sample"),
        ("listen = 8480\n" + LEAST, "$.listen"),
        ('vrps = "vrps.json"\n[[routes]]\nsource = "r"\n', "$.vrps"),
        ('[[vrps]]\nsource = ""\n[[routes]]\nsource = "r"\n', "$.vrps[0].source"),
        (LEAST + "allow_truncated = 'no'\n", "$.routes[0].allow_truncated"),
        (LEAST + "[announced]\nmin_peers = 0\n", "$.announced.min_peers"),
        (LEAST + "[announced]\nlongest_ipv4 = 33\n", "$.announced.longest_ipv4"),
        (LEAST + "[announced]\nlongest_ipv6 = 65\n", "$.announced.longest_ipv6"),
        (LEAST + "[limits]\nmax_download_bytes = 0\n", "$.limits.max_download_bytes"),
        (LEAST + "[limits]\nmax_whole_bytes = 4294967296\n", "$.limits.max_whole_bytes"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_by_its_key(
    tmp_path: Path, text: str, place: str
) -> None:
    message = complaint(tmp_path, text)
    assert f"`{place}`" in message
    assert "Expected" in message


@pytest.mark.parametrize("missing", ["vrps", "routes"])
def test_a_file_without_vrps_or_routes_says_which_is_missing(tmp_path: Path, missing: str) -> None:
    other = {"vrps": "routes", "routes": "vrps"}[missing]
    assert f"[[{missing}]]" in complaint(tmp_path, f'[[{other}]]\nsource = "x"\n')


@pytest.mark.parametrize(
    ("prefix", "why"),
    [
        ("10.0.0.1/8", "host bits"),
        ("10.0.0.0/33", "10.0.0.0/33"),
        ("10.0.0.0", "10.0.0.0"),
        ("somewhere", "somewhere"),
    ],
)
def test_a_special_purpose_prefix_that_is_none_is_refused(
    tmp_path: Path, prefix: str, why: str
) -> None:
    text = LEAST + f'[announced]\nspecial_purpose_prefixes = ["{prefix}"]\n'
    message = complaint(tmp_path, text)
    assert prefix in message
    assert why in message


@pytest.mark.parametrize("numbers", ["12-10", "4294967296", "-1", "10-", "AS", "ten", "1-2-3"])
def test_a_range_of_as_numbers_that_is_none_is_refused(tmp_path: Path, numbers: str) -> None:
    text = LEAST + f'[announced]\nspecial_purpose_asns = ["{numbers}"]\n'
    assert "announced.special_purpose_asns" in complaint(tmp_path, text)


@pytest.mark.parametrize(
    "text", ["8480", "127.0.0.1", ":8480", "127.0.0.1:", "127.0.0.1:65536", "host:-1", "host:²"]
)
def test_an_address_that_is_none_is_refused_with_an_example(tmp_path: Path, text: str) -> None:
    message = complaint(tmp_path, f'listen = "{text}"\n{LEAST}')
    assert repr(text) in message
    assert "127.0.0.1:8480" in message


def test_a_file_that_is_not_toml_is_refused_with_the_line(tmp_path: Path) -> None:
    assert "line 2" in complaint(tmp_path, 'listen = "x:1"\nvrps = [1 2]\n')


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml: cannot be read: No such file"):
        settings.load(tmp_path / "missing.toml")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        settings.load(tmp_path)


# --------------------------------------------------------------------------------- the shipped ones


@pytest.mark.parametrize("name", [path.name for path in sorted(CONFIG.glob("*.toml"))])
def test_the_settings_that_we_ship_load(name: str) -> None:
    chosen = settings.load(CONFIG / name)
    assert chosen.address == ("127.0.0.1", 8480)
    assert chosen.sample == (name == "sample.toml")


def test_live_settings_name_public_addresses_only_and_exclude_by_the_default_lists() -> None:
    chosen = settings.load(CONFIG / "live.toml")
    named = [each.source for kind in Kind if kind is not Kind.GROUPS for each in chosen.of(kind)]
    assert [each.source for each in chosen.of(Kind.GROUPS)] == [str(CONFIG / "groups")]
    assert named
    assert all(source.startswith("https://") for source in named)
    assert chosen.rules == AnnouncedRules()


def sample_space() -> RouteTable:
    """A route in each part of the sample world, and one in space that both lists exclude."""
    return make_snapshot(
        routes=(
            ("10.0.0.0/16", 64600),
            ("240.0.0.0/16", 64600),
            ("255.0.0.0/16", 4200000000),
            ("3fff::/32", 65534),
            ("3fff:fff::/32", 4294967294),
        )
    ).routes


def test_the_default_lists_exclude_the_whole_sample_world() -> None:
    routes = sample_space()
    excluded = exclusions(routes, AnnouncedRules(), 1)
    assert [REASONS[code] for code in excluded] == ["special-purpose-prefix"] * len(routes)


def test_the_default_list_of_as_numbers_excludes_the_networks_of_the_sample_by_itself() -> None:
    excluded = exclusions(sample_space(), AnnouncedRules(special_prefixes=()), 1)
    assert {REASONS[code] for code in excluded} == {"special-purpose-asn"}


def test_the_lists_of_the_sample_settings_count_the_sample_world_and_exclude_the_rest() -> None:
    routes = sample_space()
    excluded = exclusions(routes, settings.load(CONFIG / "sample.toml").rules, 1)
    reasons = {str(routes.prefix(row)): REASONS[code] for row, code in enumerate(excluded)}
    assert reasons.pop("10.0.0.0/16") == "special-purpose-prefix"
    assert set(reasons.values()) == {""}
