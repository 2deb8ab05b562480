"""All batches that a snapshot is made from, sorted by what they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from collectors.catalog import Batch
from collectors.slurm import merge
from validator.model import (
    AsnNames,
    GroupBatch,
    InputReport,
    ResourceBatch,
    RouteBatch,
    Slurm,
    SourceError,
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
    groups: list[GroupBatch] = field(default_factory=list)

    @property
    def reports(self) -> tuple[InputReport, ...]:
        slurm = (self.slurm,) if self.slurm else ()
        batches = (*self.vrps, *slurm, *self.routes, *self.resources, *self.names, *self.groups)
        return tuple(report for batch in batches for report in reports_of(batch))

    @property
    def sample(self) -> bool:
        """Whether any of them says that it is a sample."""
        return any(report.sample for report in self.reports)


def gather(batches: Iterable[Batch]) -> Inputs:
    """Batches sorted by what they are.

    Raises:
        SourceError: two SLURM files conflict (RFC 8416 section 4.2), or two files say the same
            about groups.
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
            case GroupBatch():
                inputs.groups.append(batch)
            case Slurm():
                slurms.append(batch)
    check_groups(inputs.groups)
    if slurms:
        inputs.slurm = slurms[0] if len(slurms) == 1 else merge(slurms)
    return inputs


def check_groups(batches: Iterable[Batch]) -> None:
    """That no two files define one scheme, name countries, or count Internet users.

    Raises:
        SourceError: two do; it names the second, and the first.
    """
    first: dict[str, str] = {}
    for batch in batches:
        if not isinstance(batch, GroupBatch):
            continue
        what = (
            f"defines the scheme {batch.grouping.scheme}" if batch.grouping
            else "names countries" if batch.countries
            else "counts Internet users"
        )  # fmt: skip
        source = batch.report.source
        if what in first:
            raise SourceError(
                source, f"{what}, as {first[what]} does", cure="keep one of the two files"
            )
        first[what] = source
