"""What every reader of files keeps to.

A reader is a function ``load(file, options) -> batch``. It runs in a worker process (or directly,
from the command line), so it is synchronous, takes and returns values that pickle, and reports
through the batch it returns. It raises :class:`~validator.model.SourceError` and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from validator.model import SourceError, TruncatedSource

__all__ = ["LocalFile", "ReadOptions", "SourceError", "TruncatedSource"]

GIBIBYTE = 1 << 30


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to read. ``source`` is what the user called it (a path or a URL), for messages."""

    path: Path
    source: str


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read: what is too large, and whether a file that ends early may be used."""

    allow_truncated: bool = False
    max_bytes: int = 64 * GIBIBYTE
    """Of the unpacked content: a small archive that unpacks beyond it is refused."""
    max_whole_bytes: int = GIBIBYTE
    """The same, for content that is held in memory as a whole (all but MRT). Below 4 GiB."""
    as_of: int | None = None
    """Unix seconds that ``expires`` is compared with; None: the export's own build time."""
