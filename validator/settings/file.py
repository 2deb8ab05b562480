"""Settings: a TOML file into frozen, typed values. An unknown key is an error, not a surprise.

Paths in the file are relative to the file. Every error names the file, the key and what is
allowed.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from collectors.base import GIBIBYTE, ReadOptions
from collectors.bmp_router import BmpSettings
from collectors.catalog import Kind
from collectors.fetch import FetchLimits
from collectors.mrt_updates import MrtUpdatesSettings
from collectors.ris_subscription import RisLiveSettings
from collectors.rtr import RtrCache, RtrSettings
from validator.events.log import KEEP, MOST_STREAMS
from validator.events.webhooks import WebhookSettings
from validator.freshness import VRP_KINDS, Floors
from validator.model import Prefix, SettingsError, parse_asn
from validator.settings.history import HistorySettings
from validator.settings.http import HttpSettings, TokenSettings
from validator.settings.metrics import MetricsSettings
from validator.settings.pages import PagesSettings
from validator.settings.report import ReportSettings, check_reports
from validator.tables.announced import (
    SPECIAL_PURPOSE_ASNS,
    SPECIAL_PURPOSE_PREFIXES,
    AnnouncedRules,
)
from validator.targets.milestones import MilestoneSettings
from validator.targets.progress import TargetSettings, check_unique

T = TypeVar("T")
Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0, le=1)]
_READ = ReadOptions()


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One input: a path, a directory or a URL."""

    source: Annotated[str, Meta(min_length=1)]
    allow_truncated: bool = False
    cadence_seconds: Seconds | None = None
    """How often new content is expected: late when there is none for twice as long."""
    max_stale_seconds: Seconds | None = None
    """Instead of what :class:`Freshness` has for its kind."""


class Announced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What counts as announced (docs/definitions.md)."""

    min_peers: Count | None = None
    longest_ipv4: Annotated[int, Meta(ge=1, le=32)] = 24
    longest_ipv6: Annotated[int, Meta(ge=1, le=64)] = 48
    special_purpose_prefixes: tuple[str, ...] = SPECIAL_PURPOSE_PREFIXES
    special_purpose_asns: tuple[str, ...] = tuple(
        f"{first}-{last}" if first != last else str(first) for first, last in SPECIAL_PURPOSE_ASNS
    )


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is too slow or too large."""

    connect_seconds: Seconds = 10
    idle_seconds: Seconds = 30
    total_seconds: Seconds = 600
    max_download_bytes: Count = 4 * GIBIBYTE
    max_bytes: Count = _READ.max_bytes
    max_whole_bytes: Annotated[int, Meta(ge=1, lt=4 * GIBIBYTE)] = _READ.max_whole_bytes


class Freshness(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When less is too much less, and how long the last good content stays (docs/definitions.md,
    Never a silent collapse)."""

    max_stale_seconds: Seconds = 86_400
    max_stale_vrps_seconds: Seconds = 7_200
    """For VRPs and local exceptions; as long as an RTR cache's VRPs last (RFC 8210 section 6)."""
    vrp_fall: Share = 0.10
    table_fall: Share = 0.20
    least_rows: Count = 1_000


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What ``/api/v1/events`` keeps, and for how many at a time."""

    keep: Annotated[int, Meta(ge=1, le=1_000_000)] = KEEP
    """The latest events, for clients that return and say what they saw last."""
    max_streams: Annotated[int, Meta(ge=0, le=1_000_000)] = MOST_STREAMS


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    vrps: tuple[Source, ...] = ()
    rtr: tuple[RtrSettings, ...] = ()
    slurm: tuple[Source, ...] = ()
    routes: tuple[Source, ...] = ()
    bmp: tuple[BmpSettings, ...] = ()
    ris_live: tuple[RisLiveSettings, ...] = ()
    mrt_updates: tuple[MrtUpdatesSettings, ...] = ()
    resources: tuple[Source, ...] = ()
    asn_names: tuple[Source, ...] = ()
    groups: tuple[Source, ...] = ()
    milestones: tuple[MilestoneSettings, ...] = ()
    targets: tuple[TargetSettings, ...] = ()
    reports: tuple[ReportSettings, ...] = ()
    sample: bool = False
    listen: str = "127.0.0.1:8480"
    cache: str = "../var/cache"
    reload_seconds: Seconds = 600
    publish_seconds: Seconds = 1.0
    announced: Announced = Announced()
    freshness: Freshness = Freshness()
    limits: Limits = Limits()
    events: Events = Events()
    history: HistorySettings = HistorySettings()
    http: HttpSettings = HttpSettings()
    pages: PagesSettings = PagesSettings()
    webhooks: tuple[WebhookSettings, ...] = ()
    metrics: MetricsSettings = MetricsSettings()
    folder: Path = Path()
    """Where the file lies. Set when it is read; not a key."""

    def __post_init__(self) -> None:
        if not self.vrps and not self.rtr:
            raise ValueError("no VRPs: name an export under [[vrps]] or caches under [[rtr]]")
        if not (self.routes or self.bmp or self.ris_live or self.mrt_updates):
            raise ValueError(
                "no routes: name a table under [[routes]], listen under [[bmp]], follow "
                "[[ris_live]], or replay [[mrt_updates]]"
            )
        check_unique(self.targets)
        check_reports(self.reports, self.history.folder)

    def of(self, kind: Kind) -> tuple[Source, ...]:
        """The inputs of one kind, with paths made relative to the working directory."""
        chosen: tuple[Source, ...] = getattr(self, kind.value)
        return tuple(
            msgspec.structs.replace(source, source=self._resolved(source.source))
            for source in chosen
        )

    @property
    def replays(self) -> tuple[MrtUpdatesSettings, ...]:
        """The MRT updates to replay, with paths made relative to the working directory."""
        return tuple(
            msgspec.structs.replace(
                each,
                source=tuple(map(self._resolved, each.source)),
                rib=each.rib and self._resolved(each.rib),
            )
            for each in self.mrt_updates
        )

    @property
    def subscriptions(self) -> tuple[RisLiveSettings, ...]:
        """What to follow of RIS Live, with paths made relative to the working directory."""

        def resolved(given: str | dict[str, str]) -> str | dict[str, str]:
            if isinstance(given, dict):
                return {host: self._resolved(path) for host, path in given.items()}
            return given and self._resolved(given)

        return tuple(
            msgspec.structs.replace(each, rib=resolved(each.rib), updates=resolved(each.updates))
            for each in self.ris_live
        )

    @property
    def milestone_sources(self) -> tuple[str, ...]:
        """Milestones of the user's own, with paths made relative to the working directory."""
        return tuple(self._resolved(each.source) for each in self.milestones)

    @property
    def map_file(self) -> str:
        """The user's own map, relative to the working directory; empty: there is none."""
        return self.pages.map and self._resolved(self.pages.map)

    @property
    def cache_folder(self) -> Path:
        return Path(self._resolved(self.cache))

    @property
    def address(self) -> tuple[str, int]:
        return parse_listen(self.listen)

    @property
    def rules(self) -> AnnouncedRules:
        """The announced rules, parsed.

        Raises:
            ValueError: a prefix or range of AS numbers is none.
        """
        given = self.announced
        return AnnouncedRules(
            given.min_peers,
            given.longest_ipv4,
            given.longest_ipv6,
            _each("special_purpose_prefixes", Prefix.parse, given.special_purpose_prefixes),
            _each("special_purpose_asns", _asn_range, given.special_purpose_asns),
        )

    @property
    def floors(self) -> Floors:
        given = self.freshness
        return Floors(given.vrp_fall, given.table_fall, given.least_rows)

    def max_stale_seconds(self, kind: str, source: Source | None = None) -> float:
        """How long the last good content of an input may be used without a word."""
        if source is not None and source.max_stale_seconds is not None:
            return source.max_stale_seconds
        given = self.freshness
        return given.max_stale_vrps_seconds if kind in VRP_KINDS else given.max_stale_seconds

    @property
    def fetch_limits(self) -> FetchLimits:
        given = self.limits
        return FetchLimits(
            connect_seconds=given.connect_seconds,
            idle_seconds=given.idle_seconds,
            total_seconds=given.total_seconds,
            max_bytes=given.max_download_bytes,
        )

    def read_options(
        self, source: Source | MrtUpdatesSettings | RisLiveSettings, as_of: int
    ) -> ReadOptions:
        return ReadOptions(
            source.allow_truncated, self.limits.max_bytes, self.limits.max_whole_bytes, as_of
        )

    def _resolved(self, path: str) -> str:
        return path if "://" in path else os.path.normpath(self.folder / path)


def load(path: Path) -> Settings:
    """Read a settings file.

    Raises:
        SettingsError: unreadable, not TOML, or a key or value that is not allowed.
    """
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {_plain(error)}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    if "folder" in document:
        raise SettingsError(f"{path}: unknown key `folder`")
    try:
        settings = msgspec.convert(
            {**document, "folder": path.parent}, Settings, dec_hook=_unchanged
        )
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}{_allowed(str(error))}") from None
    try:
        _ = settings.rules, settings.address
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    return settings


def parse_listen(text: str) -> tuple[str, int]:
    """``HOST:PORT`` or ``[IPv6]:PORT``; port 0 asks for any free one.

    Raises:
        ValueError: it is neither.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"listen: {text!r} is not HOST:PORT, for instance 127.0.0.1:8480")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _each(key: str, parse: Callable[[str], T], texts: tuple[str, ...]) -> tuple[T, ...]:
    try:
        return tuple(map(parse, texts))
    except ValueError as error:
        raise ValueError(f"announced.{key}: {error}") from None


def _asn_range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    numbers = parse_asn(first.strip()), parse_asn((last if dash else first).strip())
    if numbers[0] > numbers[1]:
        raise ValueError(f"{text!r} ends before it begins")
    return numbers


def _unchanged(kind: type, value: Any) -> Any:
    """For the one value that is not TOML's: the folder."""
    return value


def _allowed(problem: str) -> str:
    """The keys of the table that an unknown key was found in."""
    if "unknown field" not in problem:
        return ""
    tables = {
        "$.announced": Announced,
        "$.freshness": Freshness,
        "$.limits": Limits,
        "$.events": Events,
        "$.history": HistorySettings,
        "$.http.tokens": TokenSettings,
        "$.http": HttpSettings,
        "$.pages": PagesSettings,
        "$.webhooks": WebhookSettings,
        "$.metrics": MetricsSettings,
        "$.rtr[...].caches": RtrCache,
        "$.rtr": RtrSettings,
        "$.bmp": BmpSettings,
        "$.mrt_updates": MrtUpdatesSettings,
        "$.ris_live": RisLiveSettings,
        "$.milestones": MilestoneSettings,
        "$.targets": TargetSettings,
        "$.reports": ReportSettings,
        "$.": Source,
    }
    _, _, place = problem.partition(" - at `")
    inside = next((table for start, table in tables.items() if place.startswith(start)), Settings)
    keys = [name for name in inside.__struct_fields__ if name != "folder"]
    return f"; allowed are {', '.join(keys)}"


def _plain(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
