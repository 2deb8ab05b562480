"""Where update files lie: files, directories and HTTP listings, in order of time.

Route collectors publish a file every five minutes (RIS) or fifteen (RouteViews), named for the
minute in which it begins: ``updates.20260102.0305.gz``. Names that carry such a time are ordered by
it; others by the time of their first record.

A listing is a page with links to such files, such as a web server makes of a directory; its address
ends in a slash. ``%Y``, ``%m`` and ``%d`` in it stand for the date, for archives have a folder for
each month: that of today is looked at, and that of an hour ago, so that none is missed at midnight.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urljoin

from yarl import URL

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, SourceError
from collectors.fetch import Fetcher
from collectors.local import find, is_url

LARGEST_LISTING_BYTES = 16 << 20
_NAMED = re.compile(r"(?:^|[^0-9])((?:19|20)\d{6})\.?(\d{4})(?:\d{2})?(?:[^0-9]|$)")
_LINK = re.compile(rb"""href\s*=\s*["']?([^"'\s>]{1,512})""", re.IGNORECASE)
_LISTED = re.compile(r"updates\.\d{8}\.\d{4}(?:\.(?:gz|bz2|xz))?")


@dataclass(frozen=True, slots=True, order=True)
class UpdateFile:
    """A file of updates: when it begins (Unix seconds, 0: not known) and where it is."""

    begins: int
    source: str

    @property
    def remote(self) -> bool:
        return is_url(self.source)


def is_listing(source: str) -> bool:
    """Whether a source is a page with links to files and not itself a file."""
    return is_url(source) and source.endswith("/")


def named_time(name: str) -> int:
    """The time in a file's name, Unix seconds; 0 if there is none."""
    found = _NAMED.search(name.rpartition("/")[2])
    if found is None:
        return 0
    try:
        moment = datetime.strptime(found[1] + found[2], "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        return 0
    return int(moment.timestamp())


def local_files(source: str, options: ReadOptions) -> list[UpdateFile]:
    """The files of a path or directory, with the time at which each begins.

    Raises:
        SourceError: nothing can be read there.
    """
    files, _ = find(source)
    return [UpdateFile(named_time(str(f.path)) or _first_time(f, options), f.source) for f in files]


def sizes(files: list[UpdateFile]) -> dict[str, tuple[int, int]]:
    """Size and time of change of local files that are there: one that grows is not complete."""
    found = {}
    for file in files:
        if not file.remote:
            try:
                status = Path(file.source).stat()
            except OSError:
                continue
            found[file.source] = status.st_size, status.st_mtime_ns
    return found


async def listed_files(source: str, fetcher: Fetcher, now: datetime) -> list[UpdateFile]:
    """The files that a listing links to, for today and for an hour ago.

    Raises:
        SourceError: it cannot be fetched, or links to no file of updates.
    """
    pages = dict.fromkeys(_dated(source, when) for when in (now - timedelta(hours=1), now))
    files: dict[str, UpdateFile] = {}
    failure: SourceError | None = None
    for page in pages:
        try:
            located = await fetcher.locate(page)
        except SourceError as error:  # the folder of a new month may not be there yet
            failure = error
            continue
        for name in await asyncio.to_thread(_links, located.files[0].path):
            files[name] = UpdateFile(named_time(name), urljoin(page, name))
    if not files:
        raise failure or SourceError(
            source,
            "links to no file of updates",
            cure="give the page that lists files named like updates.20260102.0305.gz",
        )
    return sorted(files.values())


def shown(source: str) -> str:
    """A source as it may be shown: without a password."""
    if not is_url(source):
        return source
    try:
        url = URL(source)
    except ValueError:
        return source
    return source if url.password is None else str(url.with_password("***"))


def _links(page: Path) -> list[str]:
    """The names in a page's links that are those of update files beside it."""
    with page.open("rb") as body:
        text = body.read(LARGEST_LISTING_BYTES)
    links = (unquote(link.decode("ascii", "replace")) for link in _LINK.findall(text))
    return [name for link in links if _LISTED.fullmatch(name := link.removeprefix("./"))]


def _dated(source: str, when: datetime) -> str:
    for letter in "Ymd":
        source = source.replace(f"%{letter}", when.strftime(f"%{letter}"))
    return source


def _first_time(file: LocalFile, options: ReadOptions) -> int:
    """The timestamp of a file's first record; 0 if there is none to be had."""
    try:
        with closing(Archive(file, options).chunks()) as chunks:  # type: ignore[type-var]
            return int.from_bytes(next(chunks, b"")[:4], "big")
    except SourceError:  # said when its turn comes
        return 0
