"""Reading whole MRT files: packing, truncation, the report, and the thread that unpacks."""

from __future__ import annotations

import bz2
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from collectors.mrt import _ahead, load
from tests.mrt_bytes import peer_table, record, rib, sequence, table_dump
from validator.model import NO_ORIGIN, Entry, Peer

PEERS = peer_table(("192.0.2.1", 64501), ("192.0.2.2", 0), view=b"main")
RIB = PEERS + rib("192.0.2.0/24", (0, sequence(64501, 5)), (1, b"")) + record(16, 4, b"")
ALLOWED = ReadOptions(allow_truncated=True)


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[bytes], LocalFile]:
    def store(content: bytes) -> LocalFile:
        path = tmp_path / "bview.gz"
        path.write_bytes(content)
        return LocalFile(path, "https://example.net/rrc00/bview.gz?x=/y")

    return store


Store = Callable[[bytes], LocalFile]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_a_file_is_read_however_it_is_packed(stored: Store, pack: Callable[[bytes], bytes]) -> None:
    batch = load(stored(pack(RIB)), ReadOptions())
    assert len(batch) == 2
    assert batch.peers == (Peer("bview.gz", "192.0.2.1", 64501), Peer("bview.gz", "192.0.2.2", 0))
    assert batch.origin.tolist() == [5, NO_ORIGIN]
    assert batch.neighbour.tolist() == [64501, 0]
    assert batch.flags.tolist() == [0, Entry.UNKNOWN]
    assert str(batch.prefixes[0]) == "192.0.2.0/24"


def test_the_report_says_what_became_of_the_file(stored: Store) -> None:
    report = load(stored(RIB), ReadOptions()).report
    assert (report.kind, report.rows, report.truncated) == ("mrt", 2, False)
    assert report.source == "https://example.net/rrc00/bview.gz?x=/y"
    assert len(report.sha256) == 64
    assert report.built == 1_700_000_000
    assert report.rejected == {"BGP4MP": 1}
    assert report.notes[0] == "collector 198.51.100.1, view main"
    assert report.notes[1].startswith("1 entries have no AS path")


def test_a_file_that_ends_inside_a_record_is_refused_unless_allowed(stored: Store) -> None:
    cut = RIB + rib("198.51.100.0/24", (0, sequence(6)))[:-1]
    with pytest.raises(TruncatedSource, match=r"inside record 4; .*--allow-truncated"):
        load(stored(cut), ReadOptions())
    batch = load(stored(cut), ALLOWED)
    assert (len(batch), batch.report.truncated) == (2, True)
    assert any("used the 2 entries of its first 3 records" in note for note in batch.report.notes)


def test_a_packed_file_that_ends_early_is_refused_unless_allowed(stored: Store) -> None:
    dumps = b"".join(
        table_dump(f"10.{i >> 8}.{i & 255}.0/24", "192.0.2.1", 1, sequence(1, i + 2, width=2))
        for i in range(20_000)
    )
    packed = gzip.compress(dumps)
    cut = packed[: len(packed) // 2]
    with pytest.raises(TruncatedSource, match="--allow-truncated"):
        load(stored(cut), ReadOptions())
    batch = load(stored(cut), ALLOWED)
    assert 0 < len(batch) < 20_000
    assert batch.report.truncated
    assert batch.origin.tolist() == list(range(2, len(batch) + 2))


def test_a_truncated_file_without_an_entry_is_refused_even_if_allowed(stored: Store) -> None:
    with pytest.raises(TruncatedSource):
        load(stored(PEERS + b"\0" * 5), ALLOWED)
    with pytest.raises(SourceError, match="too short"):
        load(stored(b"x"), ALLOWED)


def test_damage_is_not_excused_as_truncation(stored: Store) -> None:
    for raw in (RIB + record(13, 2, b""), gzip.compress(RIB + record(13, 2, b""))[:-4]):
        with pytest.raises(SourceError, match="record 4 is damaged") as caught:
            load(stored(raw), ALLOWED)
        assert type(caught.value) is SourceError


def test_an_empty_file_and_one_without_routes_are_refused(stored: Store) -> None:
    with pytest.raises(SourceError, match="is empty"):
        load(stored(b""), ReadOptions())
    with pytest.raises(SourceError, match="holds no RIB entry"):
        load(stored(PEERS), ReadOptions())


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere"):
        load(LocalFile(tmp_path / "nowhere", "nowhere"), ReadOptions())


def test_a_file_that_unpacks_to_too_much_is_refused(stored: Store) -> None:
    with pytest.raises(SourceError, match="more than 1,000 bytes"):
        load(stored(gzip.compress(RIB * 100)), ReadOptions(max_bytes=1000))


def test_the_unpacking_thread_ends_when_its_reader_stops_early() -> None:
    before = threading.active_count()
    made = 0

    def endless() -> Iterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield b"x"

    pieces = _ahead(endless())
    next(pieces)
    pieces.close()
    assert threading.active_count() == before
    assert made < 100


def test_the_unpacking_thread_runs_only_so_far_ahead() -> None:
    made = 0

    def endless() -> Iterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield b"x"

    pieces = _ahead(endless())
    next(pieces)
    settled = -1
    while settled != made:
        settled = made
        time.sleep(0.05)
    assert made <= 12
    pieces.close()


def test_a_failure_of_the_unpacking_thread_reaches_the_reader_after_its_pieces() -> None:
    def failing() -> Iterator[bytes]:
        yield b"a"
        raise SourceError("x", "broke")

    pieces = _ahead(failing())
    assert next(pieces) == b"a"
    with pytest.raises(SourceError, match="broke"):
        next(pieces)
