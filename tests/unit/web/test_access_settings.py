"""The table [http]: what it lets in, and what it refuses in words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from validator.model import SettingsError
from validator.settings import file as settings
from validator.settings.http import HttpSettings, Role, TokenSettings, hash_token, make_token

INPUTS = '[[vrps]]\nsource = "v"\n[[routes]]\nsource = "r"\n'
READ = TokenSettings(name="r", sha256="0" * 64)
ADMIN = TokenSettings(name="a", sha256="1" * 64, role=Role.ADMIN)


def load(folder: Path, table: str) -> HttpSettings:
    file = folder / "s.toml"
    file.write_text(f"{INPUTS}[http]\n{table}\n")
    return settings.load(file).http


def test_a_token_is_known_by_its_hash_alone(tmp_path: Path) -> None:
    token, hashed = make_token()
    assert len(token) >= 43
    assert (hash_token(token), make_token()[0] != token) == (hashed, True)
    text = f'[[http.tokens]]\nname = "grafana"\nsha256 = "{hashed}"\nrole = "admin"'
    assert load(tmp_path, text).tokens == (
        TokenSettings(name="grafana", sha256=hashed, role=Role.ADMIN),
    )


@pytest.mark.parametrize(
    ("given", "is_open"),
    [
        (HttpSettings(), True),
        (HttpSettings(tokens=(ADMIN,)), True),
        (HttpSettings(tokens=(ADMIN, READ)), False),
        (HttpSettings(tokens=(READ,), anonymous="read"), True),
        (HttpSettings(tokens=(ADMIN,), anonymous="none"), False),
    ],
)
def test_reading_is_open_unless_there_is_a_token_for_it(given: HttpSettings, is_open: bool) -> None:
    assert given.open_to_all is is_open


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('anonymous = "none"', "hash-token"),
        ('anonymous = "admin"', "'read'|anonymous"),
        ('trusted_proxies = ["192.0.2.1/24"]', "trusted_proxies: .*host bits"),
        ('trusted_proxies = ["proxy.example"]', "trusted_proxies: .*192.0.2.0/24"),
        ('tls_key = "k.pem"', "tls_certificate is missing"),
        ("max_connection = 5", "allowed are .*max_connections"),
        ("requests_per_second = -1", "requests_per_second"),
        ('[[http.tokens]]\nname = "a"\nsha256 = "secret"', "sha256"),
        ('[[http.tokens]]\nname = "a b"\nsha256 = "' + "0" * 64 + '"', "name"),
        ('[[http.tokens]]\nname = "a"\nhash = "x"', "allowed are name, sha256, role"),
        (('[[http.tokens]]\nname = "a"\nsha256 = "' + "0" * 64 + '"\n') * 2, "same name"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_key_and_the_cure(
    tmp_path: Path, table: str, says: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, table)
    assert re.search(says, str(refused.value)), refused.value
    assert "\n" not in str(refused.value)
