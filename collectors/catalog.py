"""Every kind of input, and the reader for it.

Adding one is a file in this folder and a line here.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from collectors import asn_names, delegated, groups, ipasn, mrt, route_list, slurm, vrp_export
from collectors.base import LocalFile, ReadOptions, SourceError
from collectors.sniff import MRT, sniff_file
from validator.model import AsnNames, GroupBatch, ResourceBatch, RouteBatch, Slurm, VrpBatch

Batch = VrpBatch | RouteBatch | ResourceBatch | Slurm | AsnNames | GroupBatch


class Kind(enum.StrEnum):
    """What an input is for; the names of the settings' tables and the command line's options."""

    VRPS = "vrps"
    SLURM = "slurm"
    ROUTES = "routes"
    RESOURCES = "resources"
    ASN_NAMES = "asn_names"
    GROUPS = "groups"


def _load_routes(file: LocalFile, options: ReadOptions) -> RouteBatch:
    """Routes come in three forms; the content tells which."""
    return _ROUTES[sniff_file(file, options)](file, options)


_ROUTES: dict[str, Callable[[LocalFile, ReadOptions], RouteBatch]] = {
    MRT: mrt.load,
    ipasn.KIND: ipasn.load,
    route_list.KIND: route_list.load,
}

READERS: dict[Kind, Callable[[LocalFile, ReadOptions], Batch]] = {
    Kind.VRPS: vrp_export.load,
    Kind.SLURM: slurm.load,
    Kind.ROUTES: _load_routes,
    Kind.RESOURCES: delegated.load,
    Kind.ASN_NAMES: asn_names.load,
    Kind.GROUPS: groups.load,
}


def wanted(kind: Kind, source: str, files: tuple[LocalFile, ...]) -> tuple[LocalFile, ...]:
    """The files to read of those that a source stands for: of a folder of groups, those whose
    names say that they are CSV, so that a README may lie beside them.

    Raises:
        SourceError: none is.
    """
    if kind is not Kind.GROUPS or [file.source for file in files] == [source]:
        return files
    chosen = tuple(file for file in files if groups.is_csv(file.source))
    if not chosen:
        raise SourceError(source, "has no CSV files", cure="their names end in .csv")
    return chosen


def read(kind: Kind, file: LocalFile, options: ReadOptions) -> Batch:
    """Read one file. Runs in a worker process: takes and returns what pickles.

    Raises:
        SourceError: whatever is wrong with the file.
    """
    return READERS[kind](file, options)
