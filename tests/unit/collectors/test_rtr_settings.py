"""What may be said of RTR caches, and what is said if RTRlib is not there."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import numpy as np
import pytest

from collectors import _rtrlib_build, rtrlib
from collectors.rtr import RtrCache, RtrCollector, RtrSettings
from collectors.rtrlib import ENTRY, Notified, Records, SocketState, StateChange
from validator.model import SettingsError

HERE = {"host": "cache.example", "port": 8282}


def read(*caches: dict[str, Any], **more: Any) -> RtrSettings:
    return msgspec.convert({"caches": list(caches), **more}, RtrSettings)


def test_defaults_suit_one_cache() -> None:
    settings = read(HERE)
    assert settings.merge == "prefer"
    assert settings.caches[0].name == "rtr:cache.example:8282"
    assert RtrCache(host="2001:db8::1").name == "rtr:[2001:db8::1]:323"


@pytest.mark.parametrize(
    ("caches", "more", "told"),
    [
        ([], {}, "length >= 1"),
        ([{"host": ""}], {}, "length >= 1"),
        ([{"host": "a\0b"}], {}, "regex"),
        ([HERE | {"port": 0}], {}, ">= 1"),
        ([HERE | {"transport": "tls"}], {}, "Invalid enum value"),
        ([HERE | {"transport": "ssh", "user": "rpki"}], {}, "needs `user` and `known_hosts`"),
        ([HERE | {"private_key": "x"}], {}, 'go with transport "ssh"'),
        ([HERE, HERE], {}, "names one cache twice"),
        ([HERE | {"prefrence": 1}], {}, "unknown field `prefrence`"),
        ([HERE], {"merge": "first"}, "Invalid enum value"),
        ([HERE], {"retry_seconds": 7201}, "<= 7200"),
        ([HERE], {"expire_seconds": 0}, ">= 1"),
    ],
)
def test_what_cannot_be_followed_is_refused(
    caches: list[dict[str, Any]], more: dict[str, Any], told: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=told):
        read(*caches, **more)


def test_without_the_module_a_collector_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "collectors._rtrlib", None)
    monkeypatch.delattr("collectors._rtrlib", raising=False)
    with pytest.raises(
        SettingsError, match=r"apt install librtr-dev.*python -m collectors\._rtrlib"
    ):
        RtrCollector(read(HERE), "rtr")


def test_without_librtr_the_build_says_so_and_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert _rtrlib_build.main() == 0
    assert "RTR is left out, for lack of" in capsys.readouterr().out


def test_entries_are_read_in_order() -> None:
    entries = np.zeros(6, ENTRY)
    entries["kind"] = [1, 0, 3, 2, 1, 1]
    entries["at"][2:4] = [1_500_000_000, 2_000_000_000]
    state = bytes([1, 3, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 28, 32])
    entries["key"][3] = state
    first, notified, change, last = rtrlib.read_entries(entries)
    assert isinstance(first, Records)
    assert first.announced.tolist() == [True, False]
    assert notified == Notified(1.5)
    assert change == StateChange(SocketState.ESTABLISHED, SocketState.SYNC, 9, 7, 7200, 2.0)
    assert isinstance(last, Records)
    assert len(last.keys) == 2
    assert not list(rtrlib.read_entries(entries[:0]))
