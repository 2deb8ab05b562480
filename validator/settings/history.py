"""Whether and where a history is kept: the table ``[history]`` of the settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta


class HistorySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole table."""

    folder: str = ""
    """Where the files lie; relative to the settings file. Empty: no history is kept."""
    refresh_seconds: Annotated[float, Meta(ge=10)] = 900.0
    """How often the file of the day is written again while the day lasts, if there is something
    new. What was last on the day is written after midnight (UTC) in any case."""
    tables: bool = True
    """Whether what the figures rest on is kept too (routes, VRPs, resources), so that any past day
    can be rebuilt: less than a gigabyte a year."""
    tables_seconds: Annotated[float, Meta(ge=60)] = 21_600.0
    """How often the tables of the day are written again while it lasts. Those that were in force
    last on the day are written after midnight (UTC) in any case."""
    compact_after_days: Annotated[int, Meta(ge=1, le=366)] = 31
    """So many finished days are put into the file of their year; what is left of a year is, soon
    after it ended."""
    keep_years: Annotated[int, Meta(ge=0, le=1000)] = 0
    """Years before this one that are kept; 0: all."""

    def path(self, beside: Path) -> Path | None:
        """Where history lies, if it is kept; ``beside`` is where the settings file lies."""
        return beside / self.folder if self.folder else None
