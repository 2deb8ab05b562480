"""Which reports are written by themselves: the tables ``[[reports]]`` of the settings file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from validator.model import GROUP_IDENTIFIER

Every = Literal["day", "week", "month", "quarter", "year"]
Form = Literal["html", "pdf", "csv", "xlsx", "json", "md"]
Language = Literal["en", "ar", "es", "fr", "ru", "zh"]
EVERY: tuple[Every, ...] = get_args(Every)
Group = Annotated[str, Meta(pattern=f"^{GROUP_IDENTIFIER}$")]


class ReportSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table: reports of some groups of a scheme, one a period."""

    scheme: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,79}$")]
    groups: Annotated[tuple[Group, ...], Meta(min_length=1, max_length=1000)]
    every: Every
    """What a report is of. Weeks are ISO's: from Monday to Sunday (UTC, as all days are)."""
    formats: Annotated[tuple[Form, ...], Meta(min_length=1)] = ("html", "pdf", "json")
    lang: Language = "en"
    compare: Annotated[str, Meta(pattern=f"^({GROUP_IDENTIFIER})?$")] = ""
    """Another group of the scheme, beside each of them."""
    folder: Annotated[str, Meta(min_length=1)] = "../var/reports"
    """Where the files go; relative to the settings file."""
    keep: Annotated[int, Meta(ge=0, le=100_000)] = 0
    """The latest periods whose files stay; 0: all."""

    def stem(self, group: str) -> str:
        """What the names of a group's files begin with, before the period."""
        beside = f"-beside-{self.compare}" if self.compare else ""
        return f"{self.scheme}-{group}{beside}".replace(" ", "_")

    def path(self, beside: Path) -> Path:
        """Where the files go; ``beside`` is where the settings file lies."""
        return beside / self.folder


def check_reports(reports: Sequence[ReportSettings], history: str) -> None:
    """That reports can be made, and that each has file names of its own. ``history``: its folder.

    Raises:
        ValueError: no history is kept, or two would be written to one file; names the group.
    """
    if reports and not history:
        raise ValueError(
            "reports: a report of a period is made from the days that are recorded: name a folder "
            "for them, folder under [history]"
        )
    seen: set[tuple[str, str, str]] = set()
    for each in reports:
        for group in each.groups:
            key = each.stem(group), each.every, each.lang
            if key in seen:
                raise ValueError(
                    f"reports: {each.scheme} {group} is there twice for every {each.every} in "
                    f"{each.lang}: keep one, with all formats"
                )
            if group == each.compare:
                raise ValueError(f"reports: {each.scheme} {group} is compared with itself")
            seen.add(key)
