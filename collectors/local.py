"""Files on this machine: what a path or a directory stands for."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from collectors.base import LocalFile, SourceError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(source: str) -> bool:
    """Whether a source is to be fetched rather than found."""
    return _SCHEME.match(source) is not None


def find(source: str) -> tuple[tuple[LocalFile, ...], str]:
    """The files of a path, and a version that tells when one was replaced or rewritten.

    A directory stands for its regular files in order of name, without hidden ones.

    Raises:
        SourceError: nothing can be read there.
    """
    if not source.strip():
        raise SourceError('""', "names no input", cure="give a path or an http(s) URL")
    path = Path(source)
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            return (LocalFile(path, source),), _identity([("", status)])
        if not stat.S_ISDIR(status.st_mode):
            raise SourceError(source, "is neither a file nor a directory")
        found: list[tuple[str, os.stat_result]] = []
        for entry in sorted(path.iterdir()):
            with contextlib.suppress(FileNotFoundError):  # a link to nowhere, or just removed
                status = entry.stat()
                if stat.S_ISREG(status.st_mode) and not entry.name.startswith("."):
                    found.append((entry.name, status))
    except (OSError, ValueError) as failure:  # ValueError: a zero byte in the name
        reason = (failure.strerror if isinstance(failure, OSError) else None) or str(failure)
        raise SourceError(source, f"cannot be read: {reason}") from failure
    if not found:
        raise SourceError(
            source, "has no files", cure="hidden files and subdirectories do not count"
        )
    files = tuple(LocalFile(path / name, str(path / name)) for name, _ in found)
    return files, _identity(found)


def _identity(found: Sequence[tuple[str, os.stat_result]]) -> str:
    facts = [(name, s.st_size, s.st_mtime_ns, s.st_ino, s.st_dev) for name, s in found]
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()
