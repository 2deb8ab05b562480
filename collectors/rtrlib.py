"""RTRlib, as Python sees it: one connection to one RTR cache, and the entries that come of it.

A :class:`Connection` owns an ``rtr_mgr`` of RTRlib 0.8 (one for each cache: preference and failover
are ours, because inside one manager a failed cache's old VRPs and its backup's are mixed). The C
side (``rtrlib_shim.c``) collects entries in a buffer and signals an eventfd;
:meth:`Connection.take` hands the buffer over as a numpy column, without a copy.

The compiled module is optional. :func:`require` says what to do if it is not there.
"""

from __future__ import annotations

import atexit
import contextlib
import enum
import os
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from collectors import _rtrlib_build
from collectors.vrp_sets import KEY, Flags, Keys
from validator.model import SettingsError

_log = structlog.get_logger(__name__)

ENTRY = np.dtype([("key", KEY), ("kind", "u1"), ("at", "u8")])
_LARGEST_VRP_PDU = 32
_REASON_BYTES = 200
_FAULTS = ("prefix-length", "host-bits", "maxlength-below-length", "maxlength-beyond-family")
_STATE = struct.Struct(">BBIII")


class Kind(enum.IntEnum):
    """What an entry is."""

    WITHDRAWN = 0
    ANNOUNCED = 1
    STATE = 2
    NOTIFY = 3


class SocketState(enum.IntEnum):
    """RTRlib's ``rtr_socket_state``."""

    CONNECTING = 0
    ESTABLISHED = 1
    RESET = 2
    SYNC = 3
    FAST_RECONNECT = 4
    NO_DATA = 5
    NO_INCREMENTAL = 6
    FATAL = 7
    TRANSPORT = 8
    SHUTDOWN = 9
    CLOSED = 10

    @property
    def failed(self) -> bool:
        """Whether an attempt to connect or to update has ended without success."""
        return self in (SocketState.NO_DATA, SocketState.FATAL, SocketState.TRANSPORT)


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """VRPs that RTRlib added to its table (``announced``) or removed, in order. Shapes ``(n,)``."""

    keys: Keys
    announced: Flags


@dataclass(frozen=True, slots=True)
class StateChange:
    """The connection went from one state to another at ``at`` (seconds of the monotonic clock)."""

    state: SocketState
    previous: SocketState
    session: int
    serial: int
    expire_seconds: int
    at: float


@dataclass(frozen=True, slots=True)
class Notified:
    """A Serial Notify came (RFC 8210 section 5.2)."""

    at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """``rejected`` counts the VRPs that the door refuses of those the cache now announces."""

    received_bytes: int
    rejected: Mapping[str, int]
    reason: str
    """Why it last failed; empty if it has not, since it last connected."""
    whole: bool
    """False: memory ran out and entries were lost."""


@dataclass(frozen=True, slots=True)
class Options:
    """Where to connect and how patiently. SSH if there is a user, else TCP. Whole seconds."""

    host: str
    port: int
    user: str = ""
    private_key: str = ""
    known_hosts: str = ""
    refresh_seconds: int = 300
    retry_seconds: int = 30
    expire_seconds: int = 7200
    silence_seconds: int = 60
    connect_seconds: int = 10
    max_vrps: int = 5_000_000


def require() -> ModuleType:
    """The compiled module.

    Raises:
        SettingsError: it is not built. Says what is missing, and the cure.
    """
    try:
        from collectors import _rtrlib  # type: ignore[attr-defined]  # noqa: PLC0415 - optional
    except ImportError as error:
        lacking = _rtrlib_build.missing()
        why = f"{lacking} is missing" if lacking else f"it is not compiled ({error})"
        raise SettingsError(
            f"RTR caches need collectors._rtrlib (RTRlib 0.8), and {why}: {_rtrlib_build.CURE}"
        ) from None
    module: ModuleType = _rtrlib
    return module


def read_entries(entries: NDArray[Any]) -> Iterator[Records | StateChange | Notified]:
    """Entries in order; VRPs between two others in one piece."""
    kinds = entries["kind"]
    start = 0
    for at in np.flatnonzero(kinds >= Kind.STATE).tolist():
        if at > start:
            yield Records(entries["key"][start:at], kinds[start:at] == Kind.ANNOUNCED)
        start = at + 1
        seconds = int(entries["at"][at]) / 1e9
        if kinds[at] == Kind.NOTIFY:
            yield Notified(seconds)
        else:
            raw = entries[at : at + 1].tobytes()
            state, previous, session, serial, expire = _STATE.unpack_from(raw)
            yield StateChange(
                SocketState(state), SocketState(previous), session, serial, expire, seconds
            )
    if start < len(entries):
        yield Records(entries["key"][start:], kinds[start:] == Kind.ANNOUNCED)


_live: set[Connection] = set()
"""Connections that were not stopped. RTRlib's threads must end before the process does."""


class Connection:
    """RTRlib at work on one cache, from construction until :meth:`stop`."""

    def __init__(self, options: Options) -> None:
        """Start RTRlib's thread, which connects, retries and follows the cache by itself.

        Raises:
            SettingsError: the module is not built, or RTRlib refuses an interval.
        """
        module = require()
        self._ffi, self._lib = module.ffi, module.lib
        self.options = options
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        """Readable when there is something to take."""
        given = self._ffi.new("struct cache_options *")
        texts = {"host": options.host, "port": str(options.port)}
        if options.user:
            texts |= {"user": options.user, "known_hosts": options.known_hosts}
            if options.private_key:
                texts["private_key"] = options.private_key
        kept = [self._ffi.new("char[]", os.fsencode(text)) for text in texts.values()]
        for name, text in zip(texts, kept, strict=True):
            setattr(given, name, text)
        given.refresh, given.retry = options.refresh_seconds, options.retry_seconds
        given.expire, given.silence = options.expire_seconds, options.silence_seconds
        given.connect = options.connect_seconds
        given.most_bytes = options.max_vrps * _LARGEST_VRP_PDU + (1 << 20)
        given.event_fd = self.fd
        self._cache = self._lib.cache_start(given)
        if not self._cache:
            os.close(self.fd)
            raise SettingsError(
                f"rtr:{options.host}:{options.port}: RTRlib did not start; it allows "
                "refresh_seconds 1 to 86400 and retry_seconds 1 to 7200"
            )
        self._stopping: threading.Thread | None = None
        _live.add(self)

    def take(self) -> NDArray[Any]:
        """The entries since the last call: a column of :data:`ENTRY`. Never waits."""
        with contextlib.suppress(BlockingIOError):  # taken already, by an earlier call
            os.eventfd_read(self.fd)
        count = self._ffi.new("size_t *")
        entries = self._lib.cache_take(self._cache, count)
        if not count[0]:
            self._lib.entries_free(entries)
            return np.empty(0, ENTRY)
        size = count[0] * ENTRY.itemsize
        owned = self._ffi.gc(
            self._ffi.cast("char *", entries), self._lib.entries_free, size=int(size)
        )
        return np.frombuffer(self._ffi.buffer(owned, size), ENTRY)

    def look(self) -> Standing:
        """How the connection stands now."""
        received = self._ffi.new("uint64_t *")
        rejected = self._ffi.new("int64_t[]", len(_FAULTS))
        reason = self._ffi.new("char[]", _REASON_BYTES)
        whole = self._lib.cache_look(self._cache, received, rejected, reason)
        return Standing(
            int(received[0]),
            {name: int(n) for name, n in zip(_FAULTS, rejected, strict=True) if n > 0},
            self._ffi.string(reason).decode("ascii", "replace"),
            bool(whole),
        )

    def stop(self) -> threading.Thread:
        """Begin to stop; the thread returned ends when RTRlib's has. Nothing else may follow.

        It may be long in coming (a name being resolved cannot be interrupted). Who has waited
        enough leaves it: it is a daemon, what it holds stays, and it ends when it can.
        """
        if self._stopping is None:
            self._stopping = threading.Thread(
                target=self._stop, name=f"rtr-stop-{self.options.host}", daemon=True
            )
            self._stopping.start()
        return self._stopping

    def _stop(self) -> None:
        self._lib.cache_stop(self._cache)
        os.close(self.fd)  # not before: RTRlib's thread writes to it
        _live.discard(self)


@atexit.register
def _stop_all() -> None:
    for thread in [connection.stop() for connection in list(_live)]:
        thread.join(2)
        if thread.is_alive():
            _log.warning("an RTR connection is left open: RTRlib does not stop")
