"""What faces share about the feed: values per snapshot, and no passwords."""

from __future__ import annotations

import gc
import sys

from tests.feeds import make_snapshot
from validator.feed import PerSnapshot, redacted, shown
from validator.freshness import SourceStatus
from validator.snapshot import Snapshot


def test_a_value_is_worked_out_once_for_each_snapshot() -> None:
    asked: list[int] = []

    def work_out(snapshot: Snapshot) -> int:
        asked.append(snapshot.generation)
        return snapshot.generation * 10

    value = PerSnapshot(work_out)
    first, second = make_snapshot(generation=1), make_snapshot(generation=2)
    assert [value.of(first), value.of(first), value.of(second)] == [10, 10, 20]
    assert asked == [1, 2]


def test_a_snapshot_is_not_kept_alive_by_what_was_worked_out_from_it() -> None:
    value = PerSnapshot(lambda snapshot: len(snapshot.routes))
    snapshot = make_snapshot()
    gc.collect()
    before = sys.getrefcount(snapshot)
    value.of(snapshot)
    assert sys.getrefcount(snapshot) == before


def test_the_password_of_a_url_is_not_shown() -> None:
    assert shown("https://user:secret@host:8443/a?b") == "https://user:***@host:8443/a?b"
    assert shown("https://host/a@b") == "https://host/a@b"
    assert shown("/data/a:b@c.json") == "/data/a:b@c.json"
    assert shown("http://[broken:secret@x") == "(a URL that cannot be read)"


def test_nor_is_it_shown_in_an_error_that_quotes_the_source() -> None:
    source = "https://user:secret@host/vrps.json"
    status = SourceStatus("vrps", source, "failed", error=f"{source}: it answered 404")
    assert redacted(status) == (
        "https://user:***@host/vrps.json",
        "https://user:***@host/vrps.json: it answered 404",
    )
