"""Reads MRT routing tables: RIS ``bview`` and RouteViews ``rib`` files, however they are packed.

Unpacking runs in a thread of its own, a few pieces ahead of decoding; both let go of the
interpreter's lock, so that on two cores the decoding costs next to nothing. What is held at a time
is those pieces and the columns. What the records mean is in ``wire.mrt_records`` and ``wire.bgp``.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

import numpy as np

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, TruncatedSource
from collectors.wire.mrt import RibColumns, RibDecoder
from validator.model import Entry, InputReport, Peer, RouteBatch

__all__ = ["load", "read_stream"]

SAMPLE_VIEW = "SAMPLE"
"""The view name of a made-up table (RFC 6396 section 4.3.1): all that is made from it says so."""
PIECES_AHEAD = 8
"""Of about a megabyte: enough to even out the two threads, little beside the columns."""


def load(file: LocalFile, options: ReadOptions) -> RouteBatch:
    """Read one MRT file of a routing table.

    ``Peer.vantage`` is the file's name. A path that is empty or ends in a confederation counts
    for the speaker's AS, the neighbour is as in ``wire.bgp``. Records of other kinds are counted
    in ``report.rejected``.

    Raises:
        TruncatedSource: the file ends early, inside its compression or inside a record; with
            ``options.allow_truncated`` the complete records are used, if they hold any entry.
        SourceError: the file is not MRT, holds no RIB entry, or is damaged; it names the record
            and the byte of the unpacked content.
    """
    archive = Archive(file, options)
    with closing(_ahead(archive.chunks())) as chunks:
        batch = read_stream(file.source, chunks, allow_truncated=options.allow_truncated)
    return replace(batch, report=replace(batch.report, sha256=archive.sha256))


def read_stream(source: str, chunks: Iterable[bytes], *, allow_truncated: bool) -> RouteBatch:
    """The same of unpacked content in pieces of any size; its report has no ``sha256``.

    Raises:
        TruncatedSource, SourceError: as :func:`load` does, and whatever ``chunks`` raises.
    """
    decoder = RibDecoder(source)
    early = _feed(decoder, chunks, allow_truncated)
    return _batch(source, decoder, decoder.finish(), early)


def _feed(decoder: RibDecoder, chunks: Iterable[bytes], allow_truncated: bool) -> bool:
    """Decode all there is; whether it ended early."""
    try:
        for chunk in chunks:
            decoder.feed(chunk)
        if decoder.unfinished:
            raise decoder.truncation()
    except TruncatedSource:
        if not allow_truncated or not decoder.entries:
            raise
        return True
    return False


def _ahead(chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The same chunks, made in another thread, which ends when this generator does."""
    made: queue.Queue[bytes | BaseException | None] = queue.Queue(PIECES_AHEAD)
    unwanted = threading.Event()

    def make() -> None:
        last: BaseException | None = None
        try:
            for chunk in chunks:
                made.put(chunk)
                if unwanted.is_set():
                    break
        except BaseException as failure:  # raised where the chunks are used
            last = failure
        made.put(last)

    maker = threading.Thread(target=make, name="unpack", daemon=True)
    maker.start()
    item: bytes | BaseException | None = b""
    try:
        while isinstance(item := made.get(), bytes):
            yield item
        if item is not None:
            raise item
    finally:
        unwanted.set()
        while isinstance(item, bytes):  # make room for what it is about to put
            item = made.get()
        maker.join()


def _batch(source: str, decoder: RibDecoder, columns: RibColumns, early: bool) -> RouteBatch:
    vantage = _base_name(source)
    report = InputReport(
        source=source,
        kind="mrt",
        rows=len(columns.prefix),
        rejected=decoder.skipped(),
        truncated=early,
        built=decoder.built,
        notes=tuple(_notes(decoder, columns, early)),
        sample=any(view == SAMPLE_VIEW for _, view in decoder.collectors),
    )
    return RouteBatch(
        prefixes=columns.prefixes,
        prefix=columns.prefix,
        peer=columns.peer,
        origin=columns.origin,
        neighbour=columns.neighbour,
        path_id=columns.path_id,
        flags=columns.flags,
        peers=tuple(Peer(vantage, address, asn) for address, asn in columns.peers),
        report=report,
    )


def _notes(decoder: RibDecoder, columns: RibColumns, early: bool) -> Iterator[str]:
    for identifier, view in decoder.collectors:
        yield f"collector {identifier}" + (f", view {view}" if view else "")
    if early:
        yield (
            f"the file ends early: used the {len(columns.prefix):,} entries of its first "
            f"{decoder.records:,} records, {decoder.offset:,} bytes"
        )
    if unknown := int(np.count_nonzero(columns.flags & np.uint8(Entry.UNKNOWN))):
        yield f"{unknown:,} entries have no AS path and a speaker of unknown AS: origin NONE"
    if decoder.malformed_as4_paths:
        yield f"{decoder.malformed_as4_paths:,} malformed AS4_PATH ignored (RFC 6793 section 6)"


def _base_name(source: str) -> str:
    path = urlsplit(source).path if "://" in source else source
    return path.rstrip("/").rpartition("/")[2] or source
