"""What the faces see of the running service: the snapshot in force, and how its inputs stand.

:class:`Feed` is the pipeline as a reader knows it. The HTTP handlers and the metrics ask for this
and nothing more, so that they run as well over a snapshot that a test has put together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from validator.freshness import SourceStatus
from validator.inputs.live import LiveSource
from validator.snapshot import Snapshot

T = TypeVar("T")


def _version() -> str:
    try:
        return metadata.version("originsight")
    except metadata.PackageNotFoundError:
        return "0+unknown"


VERSION = _version()
"""Of this software, as it is installed."""


class Feed(Protocol):
    """The pipeline, read-only. ``snapshot`` is None until the first is complete."""

    reloads_total: int
    reload_failures_total: int
    last_build_seconds: float

    @property
    def snapshot(self) -> Snapshot | None: ...

    @property
    def statuses(self) -> tuple[SourceStatus, ...]: ...

    @property
    def live(self) -> Sequence[LiveSource]: ...

    @property
    def waiting(self) -> int: ...


class PerSnapshot(Generic[T]):
    """A value worked out once for each snapshot, when first asked for.

    It keeps the generation number and the time, and not the snapshot, which can so be freed as soon
    as the next one is published. Two threads may work the same value out at the same time; nothing
    worse.
    """

    def __init__(self, work_out: Callable[[Snapshot], T]) -> None:
        self._work_out = work_out
        self._known: tuple[tuple[int, int], T] | None = None

    def of(self, snapshot: Snapshot) -> T:
        known = self._known
        which = snapshot.generation, snapshot.created  # past snapshots have numbers of their own
        if known is None or known[0] != which:
            known = which, self._work_out(snapshot)
            self._known = known
        return known[1]


def shown(source: str) -> str:
    """The name of an input without the password that its URL may hold."""
    if "://" not in source or "@" not in source:
        return source
    try:
        parts = urlsplit(source)
    except ValueError:
        return "(a URL that cannot be read)"
    if not parts.password:
        return source
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or ''}:***@{host}").geturl()


def redacted(status: SourceStatus) -> tuple[str, str]:
    """The source and the error of an input, without its password."""
    source = shown(status.source)
    return source, status.error.replace(status.source, source)
