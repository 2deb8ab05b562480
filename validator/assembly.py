"""From batches to a snapshot, in one sitting: what the command line and the service share.

Pure computation: kernels and column arithmetic, no I/O. A whole Internet table takes about half a
second, so the service runs it in a thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from collectors.catalog import Batch
from collectors.slurm import merge
from validator import announced, coverage, routes, vrps
from validator.announced import AnnouncedRules
from validator.groupings import Attribution, Scheme
from validator.model import (
    AsnNames,
    InputReport,
    ResourceBatch,
    RouteBatch,
    Slurm,
    VrpBatch,
)
from validator.origin_validation import validate
from validator.resources import build_table as build_resources
from validator.rib import PeerSize, Rib
from validator.routes import RouteTable, SeenRoutes
from validator.slurm import Applied, apply
from validator.snapshot import Adjacencies, Snapshot
from validator.vrps import VrpTable

ROUTE_LISTS = ("route-list", "pyasn")
"""Kinds of route files that have no peers: each counts as one peer that sees all it lists."""

EVERY_COVERAGE = (
    (Scheme.ASN, Attribution.ORIGIN),
    (Scheme.COUNTRY, Attribution.ADDRESS),
    (Scheme.COUNTRY, Attribution.ORIGIN),
    (Scheme.RIR, Attribution.ADDRESS),
    (Scheme.RIR, Attribution.ORIGIN),
)


def reports_of(batch: Batch) -> tuple[InputReport, ...]:
    """The report of each file that a batch was read from."""
    return batch.reports if isinstance(batch, Slurm) else (batch.report,)


@dataclass(slots=True)
class Inputs:
    """All batches that a snapshot is made from."""

    vrps: list[VrpBatch] = field(default_factory=list)
    slurm: Slurm | None = None
    routes: list[RouteBatch] = field(default_factory=list)
    resources: list[ResourceBatch] = field(default_factory=list)
    names: list[AsnNames] = field(default_factory=list)

    @property
    def reports(self) -> tuple[InputReport, ...]:
        slurm = (self.slurm,) if self.slurm else ()
        batches = (*self.vrps, *slurm, *self.routes, *self.resources, *self.names)
        return tuple(report for batch in batches for report in reports_of(batch))

    @property
    def sample(self) -> bool:
        """Whether any of them says that it is a sample."""
        return any(report.sample for report in self.reports)


def build_vrps(batches: Sequence[VrpBatch], slurm: Slurm | None) -> tuple[VrpTable, Applied | None]:
    """The VRPs in force: what the exports give, less SLURM's filters, plus its assertions."""
    if slurm is None:
        return vrps.build_table(batches), None
    applied = apply(batches, slurm)
    return vrps.build_table(applied.batches), applied


def see_routes(
    batches: Sequence[RouteBatch],
) -> tuple[SeenRoutes, tuple[PeerSize, ...], Adjacencies]:
    """Distinct routes, the peers that see them, and the neighbours of origins."""
    rib = Rib()
    parts = []
    for batch in batches:
        if batch.report.kind in ROUTE_LISTS:
            parts.append(routes.see(batch))
        else:
            rib.apply(batch)
    if len(rib):
        parts.append(SeenRoutes(*rib.derive(rib.everything())))
    return routes.unite(parts), rib.peer_sizes(), Adjacencies(*rib.adjacencies())


def build_tables(
    inputs: Inputs,
) -> tuple[tuple[VrpTable, Applied | None], tuple[SeenRoutes, tuple[PeerSize, ...], Adjacencies]]:
    """:func:`build_vrps` and :func:`see_routes` side by side: kernels let go of the interpreter."""
    with ThreadPoolExecutor(1, "vrps") as beside:
        indexing = beside.submit(build_vrps, inputs.vrps, inputs.slurm)
        seen = see_routes(inputs.routes)
        return indexing.result(), seen


def assemble(
    inputs: Inputs,
    rules: AnnouncedRules,
    *,
    generation: int = 1,
    sample: bool = False,
    coverages: Sequence[tuple[Scheme, Attribution]] = EVERY_COVERAGE,
    progress: Callable[[str], None] = lambda _: None,
) -> Snapshot:
    """Build tables, validate every route, and count every group. ``progress`` is told each step."""
    progress("indexing VRPs and sorting routes")
    (vrp_table, slurm), (seen, peers, adjacencies) = build_tables(inputs)
    progress("validating routes")
    route_table: RouteTable = routes.publish(seen, validate(seen, vrp_table))
    min_peers = announced.effective_min_peers(rules, peers)
    excluded = announced.exclusions(route_table, rules, min_peers)
    progress("indexing resources")
    resources = build_resources(inputs.resources)
    progress("counting coverage")
    return Snapshot(
        generation=generation,
        created=int(time.time()),
        vrps=vrp_table,
        routes=route_table,
        excluded=excluded,
        exclusions=announced.count_exclusions(excluded),
        min_peers=min_peers,
        peers=peers,
        adjacencies=adjacencies,
        resources=resources,
        names={asn: name for batch in inputs.names for asn, name in batch.names.items()},
        slurm=slurm,
        coverages={
            (scheme, by): coverage.measure(route_table, excluded, resources, scheme, by)
            for scheme, by in coverages
        },
        inputs=inputs.reports,
        sample=sample or inputs.sample,
    )


def gather(batches: list[Batch]) -> Inputs:
    """Batches sorted by what they are.

    Raises:
        SourceError: two SLURM files conflict (RFC 8416 section 4.2).
    """
    inputs = Inputs()
    slurms: list[Slurm] = []
    for batch in batches:
        match batch:
            case VrpBatch():
                inputs.vrps.append(batch)
            case RouteBatch():
                inputs.routes.append(batch)
            case ResourceBatch():
                inputs.resources.append(batch)
            case AsnNames():
                inputs.names.append(batch)
            case Slurm():
                slurms.append(batch)
    inputs.slurm = merge(slurms) if slurms else None
    return inputs
