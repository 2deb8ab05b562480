"""All batches that a snapshot is made from, sorted by what they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from collectors.catalog import Batch
from collectors.slurm import merge
from validator.model import (
    AsnNames,
    InputReport,
    ResourceBatch,
    RouteBatch,
    Slurm,
    VrpBatch,
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


def gather(batches: Iterable[Batch]) -> Inputs:
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
    if slurms:
        inputs.slurm = slurms[0] if len(slurms) == 1 else merge(slurms)
    return inputs
