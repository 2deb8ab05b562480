"""What Prometheus is shown beyond what everybody is: the table ``[metrics]`` of the settings file.

Networks are half a million series, so ``/metrics`` has none but those on a watch list. All of them
at once are a file of their own, for those who ask for it (:mod:`validator.metrics.networks`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from validator.model import format_asn, parse_asn

MOST_WATCHED = 100
"""Networks on the watch list: part of the budget of series (docs/metrics.md)."""


class MetricsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole table."""

    watch: Annotated[tuple[str, ...], Meta(max_length=MOST_WATCHED)] = ()
    """Networks whose figures ``/metrics`` has: ``["AS64500", "AS64501"]``."""
    all_networks: str = ""
    """Where to write the figures of all networks, gzipped; relative to the settings file. They are
    then served at ``/metrics/networks``. Empty: nowhere."""
    all_networks_seconds: Annotated[float, Meta(ge=1)] = 900
    """At most so often."""

    def __post_init__(self) -> None:
        _ = self.watched

    @property
    def watched(self) -> tuple[str, ...]:
        """The watch list, each network once and as its group is called.

        Raises:
            ValueError: one of them is not an AS number.
        """
        try:
            return tuple(dict.fromkeys(format_asn(parse_asn(each)) for each in self.watch))
        except ValueError as error:
            raise ValueError(f"metrics.watch: {error}") from None

    def file(self, folder: Path) -> Path | None:
        """Where the file of all networks goes; ``folder`` is where the settings file lies."""
        return folder / self.all_networks if self.all_networks else None
