"""What pages and reports show of the user's own: the table ``[pages]`` of the settings file."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class PagesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole table."""

    map: str = ""
    """A TopoJSON file of countries, in place of the shapes that come with the service; relative to
    the settings file."""
    map_credit: Annotated[str, Meta(max_length=200)] = ""
    """Whose shapes these are, as the map's note says it. Empty: the file's name."""

    def __post_init__(self) -> None:
        if "://" in self.map:
            raise ValueError(f"pages.map: {self.map[:80]!r} is a URL; name a file")
        if self.map_credit and not self.map:
            raise ValueError("pages.map_credit: there is no pages.map that it could be said of")
