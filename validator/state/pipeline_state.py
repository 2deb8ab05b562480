"""What the pipeline keeps between snapshots: mutable, and owned by one thread at a time.

``load`` takes files, ``apply`` what live sources say; both bring the tables up to date and no more
than that: what did not change is not built again, and validation is done again only where it can
differ. ``recount`` follows with what is counted over whole tables (peers, exclusions, coverage).
``snapshot`` is cheap: it only names what is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np

from collectors.live import (
    Message,
    PeersGone,
    PeersReturned,
    PeersReturning,
    VrpTransaction,
)
from validator.figures import visibility
from validator.figures.counting import Counting
from validator.figures.coverage import Coverage, measure
from validator.figures.visibility import NOTHING_SEEN
from validator.freshness import Fall, Floors, SourceStatus, TableWatch
from validator.groupings import Attribution, Lists, on_day, wanted
from validator.inputs.batches import Inputs
from validator.kernels import delta as delta_kernels
from validator.model import (
    U1,
    Family,
    GroupBatch,
    Grouping,
    InternetUsers,
    Peer,
    Prefixes,
    RouteBatch,
    frozen,
)
from validator.origin_validation import validate
from validator.snapshot import Adjacencies, Snapshot
from validator.state.delta import change_routes, revalidated
from validator.state.vrp_store import VrpStore
from validator.tables import announced, routes
from validator.tables.announced import AnnouncedRules
from validator.tables.resources import build_table as build_resources
from validator.tables.rib import PeerSize, Rib
from validator.tables.routes import RouteTable, SeenRoutes
from validator.tables.vrps import VrpTable

FILES = "files"
"""The name under which the VRPs of all files are one source."""

ROUTE_LISTS = ("route-list", "pyasn")
"""Kinds of route files that have no peers: each counts as one peer that sees all it lists."""

_SIGHT_SECONDS = 300.0
"""What full-feed peers carry is looked at this often while updates come: it takes a while."""

_LARGE = 8
"""A change that touches more than one prefix in so many is derived anew: that takes no longer."""

Step = Callable[[str], None]


class PipelineState:
    """See the module."""

    def __init__(
        self,
        rules: AnnouncedRules,
        coverages: Sequence[tuple[str, Attribution]] | None = None,
        floors: Floors | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rules = rules
        self._wanted = coverages
        self._clock = clock
        self._inputs = Inputs()
        self._vrps = VrpStore(floors, clock)
        self._watch = TableWatch(floors or Floors())
        self.shrunk: tuple[SourceStatus, ...] = ()
        """What live feeds had and have no more, as of the last :meth:`survey`."""
        self._rib = Rib()
        self._listed: SeenRoutes | None = None
        self._file_peers: tuple[Peer, ...] = ()
        self._resources = build_resources([])
        self._names: Mapping[int, str] = {}
        # Routes, and why each does not count: one value, so that nobody sees half a change. None:
        # to be worked out when it is asked for.
        nothing = routes.publish(routes.unite([]), np.empty(0, "u1"))
        self._tables: tuple[RouteTable, U1 | None] = nothing, None
        self._min_peers = 1
        self._exclusions: dict[str, int] = {}
        self._peers: tuple[PeerSize, ...] = ()
        self._adjacencies = Adjacencies(np.empty(0, "i8"), np.empty(0, "u4"))
        self._sightings = NOTHING_SEEN
        self._sighted = 0.0
        self._groupings: dict[str, Grouping] = {}
        self._countries: Mapping[str, str] = {}
        self._users: Mapping[str, InternetUsers] = {}
        self._lists: dict[str, Lists] = {}
        self._coverages: dict[tuple[str, Attribution], Coverage] = {}

    @property
    def vrps(self) -> VrpTable:
        """The VRPs in force."""
        return self._vrps.table

    @property
    def routes(self) -> RouteTable:
        """All routes, validated."""
        return self._tables[0]

    def _counted(self) -> tuple[RouteTable, U1]:
        """The routes, and why each does not count as announced."""
        tables = self._tables
        table, excluded = tables
        if excluded is None:
            excluded = announced.exclusions(table, self._rules, self._min_peers)
            frozen(excluded)
            if self._tables is tables:
                self._tables = table, excluded
        return table, excluded

    # ---------------------------------------------------------------------------------- what comes

    def load(self, inputs: Inputs, progress: Step = lambda _: None) -> None:
        """Take the files' content; what is the same object as before is not looked at again."""
        before, self._inputs = self._inputs, inputs
        vrps = not _same(before.vrps, inputs.vrps) or before.slurm is not inputs.slurm
        listed = not _same(before.routes, inputs.routes)
        progress("indexing VRPs and sorting routes")
        with ThreadPoolExecutor(1, "vrps") as beside:  # kernels let go of the interpreter
            indexing = vrps and beside.submit(self._vrps.load, {FILES: inputs.vrps}, inputs.slurm)
            seen = self._load_routes(inputs.routes) if listed else None
            if indexing:
                indexing.result()
        progress("validating routes")
        if seen is not None:
            self._publish(seen)
            self._sighted = 0.0
        elif vrps:
            self._publish(self.routes.seen())
        if not _same(before.resources, inputs.resources):
            progress("indexing resources")
            self._resources = build_resources(inputs.resources)
        if not _same(before.names, inputs.names):
            self._names = {a: name for batch in inputs.names for a, name in batch.names.items()}
        if not _same(before.groups, inputs.groups):
            self._load_groups(inputs.groups)

    def apply(self, messages: Iterable[Message]) -> None:
        """Take what live sources said, in order."""
        for message in messages:
            match message:
                case VrpTransaction():
                    self._apply_vrps(message)
                case RouteBatch():
                    self._rib.apply(message)
                case PeersGone():
                    for peer in message.peers:
                        self._rib.clear(peer)
                case PeersReturning():
                    for peer in message.peers:
                        self._rib.expect(peer)
                case PeersReturned():
                    for peer in message.peers:
                        self._rib.settle(peer)
        self._apply_touched()

    @property
    def falls(self) -> Mapping[str, Fall]:
        """The live sources whose VRPs fell too far at once."""
        return self._vrps.falls

    def release(self, source: str) -> None:
        """Take what a source whose VRPs fell says now."""
        self._vrps.release(source)
        self._publish(self.routes.seen())

    def forgive(self, source: str) -> None:
        """What is left of a source's VRPs is what it has, from now on."""
        self._vrps.forgive(source)

    # ---------------------------------------------------------------------------------- what goes

    def survey(self) -> None:
        """Look at all that peers announce: who they are, how much they carry, who is next to whom.

        May change how many peers must see a route, and so what is excluded.
        """
        self._peers = self._rib.peer_sizes()
        self.shrunk = self._watch.observe(int(self._clock()), self._sizes())
        self._adjacencies = Adjacencies(*self._rib.adjacencies())
        min_peers = announced.effective_min_peers(self._rules, self._peers)
        if min_peers != self._min_peers:
            self._min_peers = min_peers
            self._tables = self._tables[0], None
        now = self._clock()
        if not self._sighted <= now < self._sighted + _SIGHT_SECONDS:
            self._sightings = visibility.survey(self._rib, *self._counted(), self._peers)
            self._sighted = now

    def recount(self, progress: Step = lambda _: None, *, coverage_alone: bool = False) -> None:
        """Count coverage over the tables as they are when it begins. ``coverage_alone``: leave out
        holdings and what is known beyond coverage, which for one or two schemes is quicker.

        Alone among the methods it may run beside another: it reads tables that nobody changes.
        """
        progress("counting coverage")
        (table, excluded), resources = self._counted(), self._resources
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        groupings = self._groupings
        lists = {scheme: on_day(each, today) for scheme, each in groupings.items()}
        schemes = wanted(groupings.values()) if self._wanted is None else self._wanted
        sightings = self._sightings
        moved = sightings.over(table)
        if self._sightings is sightings:
            self._sightings = moved
        if coverage_alone:
            self._coverages = {
                (scheme, by): measure(table, excluded, resources, scheme, by, lists.get(scheme))
                for scheme, by in schemes
            }
        else:
            vrps, adjacencies = self._vrps.table, self._adjacencies
            counting = Counting(table, excluded, resources, vrps, adjacencies, moved)
            self._coverages = counting.each(schemes, lists)
        self._lists = lists
        self._exclusions = announced.count_exclusions(excluded)

    def snapshot(
        self,
        generation: int = 1,
        sample: bool = False,
        troubles: tuple[SourceStatus, ...] = (),
    ) -> Snapshot:
        """All that is known now. Coverage is as of the last :meth:`recount`."""
        table, excluded = self._counted()
        return Snapshot(
            generation=generation,
            created=int(self._clock()),
            vrps=self._vrps.table,
            routes=table,
            excluded=excluded,
            exclusions=self._exclusions,
            min_peers=self._min_peers,
            peers=self._peers,
            adjacencies=self._adjacencies,
            sightings=self._sightings,
            resources=self._resources,
            names=self._names,
            slurm=self._vrps.applied,
            coverages=self._coverages,
            groupings=self._groupings,
            lists=self._lists,
            countries=self._countries,
            users=self._users,
            inputs=self._inputs.reports,
            sample=sample or self._inputs.sample,
            troubles=troubles,
        )

    # ------------------------------------------------------------------------------------- the work

    def _sizes(self) -> dict[str, int]:
        """How much there is, in all and of each vantage point."""
        sizes = {"all routes": len(self.routes)}
        for each in self._peers:
            name = f"vantage point {each.peer.vantage}"
            sizes[name] = sizes.get(name, 0) + each.ipv4 + each.ipv6
        return sizes

    def _load_routes(self, batches: Sequence[RouteBatch]) -> SeenRoutes:
        lists = [batch for batch in batches if batch.report.kind in ROUTE_LISTS]
        ribs = [batch for batch in batches if batch.report.kind not in ROUTE_LISTS]
        self._listed = routes.unite([routes.see(batch) for batch in lists]) if lists else None
        peers = tuple(dict.fromkeys(peer for batch in ribs for peer in batch.peers))
        for peer in self._file_peers:
            self._rib.expect(peer)
        for batch in ribs:
            self._rib.apply(batch)
        for peer in self._file_peers:
            self._rib.settle(peer)
        self._file_peers = peers
        self._rib.take_touched()
        return self._everything()

    def _load_groups(self, batches: Sequence[GroupBatch]) -> None:
        self._groupings = {b.grouping.scheme: b.grouping for b in batches if b.grouping}
        self._countries = {code: name for b in batches for code, name in b.countries.items()}
        self._users = {code: users for b in batches for code, users in b.users.items()}

    def _everything(self) -> SeenRoutes:
        parts = [self._listed] if self._listed is not None else []
        if len(self._rib) or not parts:
            parts.append(SeenRoutes(*self._rib.derive(self._rib.everything())))
        return routes.unite(parts)

    def _apply_vrps(self, message: VrpTransaction) -> None:
        if message.reset:
            changed = self._vrps.reset(message.source, message.announced)
        else:
            changed = self._vrps.change(message.source, message.announced, message.withdrawn)
        if changed is None:
            self._publish(self.routes.seen())
        elif len(changed):
            table, excluded = self._tables
            self._tables = revalidated(table, self._vrps.table, changed), excluded

    def _apply_touched(self) -> None:
        numbers = self._rib.take_touched()
        if len(numbers) * _LARGE > len(self._rib):
            self._publish(self._everything())
        elif len(numbers):
            touched = self._rib.prefixes(numbers)
            seen = SeenRoutes(*self._rib.derive(numbers))
            if self._listed is not None:
                seen = routes.unite([seen, _at(self._listed, touched)])
            self._tables = change_routes(
                *self._counted(), touched, seen,
                self._vrps.table, self._rules, self._min_peers,
            )  # fmt: skip

    def _publish(self, seen: SeenRoutes) -> None:
        self._tables = routes.publish(seen, validate(seen, self._vrps.table)), None


def _same(before: Sequence[object], after: Sequence[object]) -> bool:
    """Whether two lists hold the very same objects."""
    return len(before) == len(after) and all(a is b for a, b in zip(before, after, strict=True))


def _at(seen: SeenRoutes, prefixes: Prefixes) -> SeenRoutes:
    """The routes of exactly these prefixes, which are distinct and in order."""
    held = seen.prefixes
    split = int(np.count_nonzero(held.family == Family.IPV4))
    ipv4 = int(np.count_nonzero(prefixes.family == Family.IPV4))
    chosen = []
    for part, start, stop in ((slice(0, ipv4), 0, split), (slice(ipv4, None), split, len(held))):
        high, low, length = prefixes.high[part], prefixes.low[part], prefixes.length[part]
        first, last = np.empty(len(high), "i8"), np.empty(len(high), "i8")
        delta_kernels.find_rows(
            held.high, held.low, held.length, start, stop, high, low, length, first, last
        )
        chosen += [np.arange(a, b) for a, b in zip(first, last, strict=True) if b > a]
    rows = np.concatenate(chosen) if chosen else np.empty(0, "i8")
    return SeenRoutes(held.take(rows), seen.origin[rows], seen.peers[rows])
