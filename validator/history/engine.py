"""DuckDB, kept on a short lead: it reaches the files we name, loads no extension, and has bounded
memory and two threads.

Its threads are started by the thread that connects, and inherit that thread's priority: what
connects after :func:`validator.priority.give_way` stays behind the event loop. While DuckDB works
it does not hold the interpreter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from validator.model import SettingsError, SourceError

Connection = Any
"""A ``duckdb.DuckDBPyConnection``: named so, because DuckDB may not be installed."""

MEMORY_MB = 1024
THREADS = 2


class Unreadable(SourceError):  # noqa: N818 - named for what it tells the caller
    """DuckDB could not read what it was given: a file is damaged, or gone."""


def module() -> Any:
    """DuckDB itself.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra, and 30 MB: loaded by those who keep history
    except ImportError:
        raise SettingsError(
            "history needs DuckDB, which is not installed: pip install 'originsight[history]'"
        ) from None
    return duckdb


def connect(spill: Path | None = None, memory_mb: int = MEMORY_MB) -> Connection:
    """A database in memory. ``spill``: where to put what memory does not hold; by default nowhere.

    Raises:
        SettingsError: DuckDB is not installed.
    """
    connection = module().connect(
        ":memory:",
        config={
            "threads": THREADS,
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(spill) if spill else "",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    connection.execute("SET parquet_metadata_cache = true")  # not known before Parquet is
    return connection


@contextlib.contextmanager
def working(spill: Path | None = None) -> Iterator[Connection]:
    """A connection for one piece of work."""
    connection = connect(spill)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def reading(source: str) -> Iterator[None]:
    """DuckDB's troubles with what it reads, as ours.

    Raises:
        Unreadable: names ``source``.
        SourceError: it had not enough memory or files, which says nothing about what it read.
    """
    errors = module()
    try:
        yield
    except errors.OutOfMemoryException as error:
        cure = "ask for less, or try again when less is asked at once"
        raise SourceError(source, plain(error), cure=cure) from None
    except errors.Error as error:
        if "Too many open files" in str(error):
            cure = "try again when less is asked at once"
            raise SourceError(source, plain(error), cure=cure) from None
        raise Unreadable(source, plain(error)) from None


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Troubles in writing, as ours.

    Raises:
        SourceError: names ``target``.
    """
    errors = module()
    try:
        yield
    except OSError as error:
        raise unwritten(target, error.strerror or str(error)) from None
    except errors.Error as error:
        raise unwritten(target, plain(error)) from None


def unwritten(target: Path, problem: str) -> SourceError:
    """Something could not be written."""
    cure = "make room, or let the service write there; what was there is kept"
    return SourceError(str(target), f"cannot be written: {problem}", cure=cure)


def plain(error: Exception) -> str:
    """What DuckDB says, in one line; without the query, which comes after an empty line."""
    return " ".join(str(error).partition("\n\n")[0].split())[:400]
