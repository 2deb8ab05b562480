"""What must hold of every batch that a reader lets through, whatever it was read from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collectors.wire.update_columns import Rows
from validator.model import (
    LARGEST_ASN,
    NO_NEIGHBOUR,
    NO_ORIGIN,
    AsnNames,
    Entry,
    Family,
    Holding,
    Prefix,
    Prefixes,
    ResourceBatch,
    RouteBatch,
    Slurm,
    VrpBatch,
)
from validator.tables import routes, vrps


class Broken(AssertionError):  # noqa: N818 - named for what it tells
    """A reader let something through that nobody downstream expects."""


def check(batch: object) -> None:
    """
    Raises:
        Broken: an invariant does not hold.
        Exception: any, of the tables that are built from the batch: a bug as well.
    """
    match batch:
        case VrpBatch():
            check_vrps(batch)
            vrps.build_table([batch])
        case RouteBatch():
            check_routes(batch)
            routes.see(batch)
        case ResourceBatch():
            check_resources(batch)
        case Slurm():
            check_slurm(batch)
        case AsnNames():
            check_names(batch)


def check_vrps(batch: VrpBatch) -> None:
    check_prefixes(batch.prefixes)
    length = batch.prefixes.length
    _columns(len(batch.prefixes), batch.asn, batch.max_length, batch.trust_anchor, batch.expires)
    _must(bool((batch.max_length >= length).all()), "maxLength is below the length")
    most = np.where(batch.prefixes.family == Family.IPV4, 32, 128)
    _must(bool((batch.max_length <= most).all()), "maxLength is beyond the family")
    _below(batch.trust_anchor, len(batch.trust_anchors), "trust anchor")
    _must(bool((batch.expires >= 0).all()), "expires is negative")
    _must(batch.report.rows == len(batch), "the report counts other rows")
    for aspa in batch.aspas:
        _must(0 <= aspa.customer <= LARGEST_ASN, "an ASPA's customer is no AS number")
        _must(all(0 <= p <= LARGEST_ASN for p in aspa.providers), "a provider is no AS number")


def check_routes(batch: RouteBatch) -> None:
    check_prefixes(batch.prefixes)
    _columns(
        len(batch), batch.prefix, batch.peer, batch.origin, batch.neighbour, batch.path_id,
        batch.flags,
    )  # fmt: skip
    _below(batch.prefix, len(batch.prefixes), "prefix")
    _below(batch.peer, len(batch.peers), "peer")
    origin = batch.origin
    _must(bool(((origin >= NO_ORIGIN) & (origin <= LARGEST_ASN)).all()), "an origin is no number")
    of_set = (batch.flags & np.uint8(Entry.AS_SET)) != 0
    _must(bool((origin[of_set] == NO_ORIGIN).all()), "an AS_SET has an origin")
    _must(bool((batch.flags < 2 * Entry.WITHDRAWN).all()), "an unknown flag is set")
    _must(batch.report.rows == len(batch), "the report counts other rows")


def check_rows(rows: Rows, peers: int) -> None:
    """Rows of UPDATEs, which name ``peers`` peers."""
    check_prefixes(Prefixes(rows.family, rows.high, rows.low, rows.length))
    _columns(len(rows.peer), *rows)
    _below(rows.peer, peers, "peer")
    origin, flags = rows.origin, rows.flags
    _must(bool(((origin >= NO_ORIGIN) & (origin <= LARGEST_ASN)).all()), "an origin is no number")
    _must(bool((flags < 2 * Entry.WITHDRAWN).all()), "an unknown flag is set")
    none = (flags & np.uint8(Entry.AS_SET | Entry.UNKNOWN | Entry.WITHDRAWN)) != 0
    _must(bool(((origin == NO_ORIGIN) == none).all()), "an origin and its flags differ")
    alone = none | ((flags & np.uint8(Entry.OWN)) != 0)
    _must(not (rows.neighbour[alone] != NO_NEIGHBOUR).any(), "a neighbour of no path")


def check_resources(batch: ResourceBatch) -> None:
    _columns(
        len(batch), batch.first, batch.last, batch.status, batch.registry, batch.country,
        batch.holder, batch.date,
    )  # fmt: skip
    _must(bool(np.isin(batch.kind, (0, 4, 6)).all()), "an unknown kind")
    _must(bool((batch.first <= batch.last).all()), "a range ends before it begins")
    small = batch.kind != Family.IPV6
    _must(bool((batch.last[small] <= LARGEST_ASN).all()), "a range goes beyond its space")
    _below(batch.status, len(Holding), "status")
    _below(batch.registry, len(batch.registries), "registry")
    _below(batch.country, len(batch.countries), "country")
    _below(batch.holder, len(batch.holders), "holder")
    _must(all(len(c) == 2 and c.isupper() for c in batch.countries), "a country is no code")


def check_slurm(slurm: Slurm) -> None:
    for rule in slurm.filters:
        _must(rule.prefix is not None or rule.asn is not None, "a filter that names nothing")
        if rule.prefix is not None:
            check_prefixes(Prefixes.of([rule.prefix]))
        _must(rule.asn is None or 0 <= rule.asn <= LARGEST_ASN, "a filter's AS number")
    for added in slurm.assertions:
        prefix: Prefix = added.prefix
        check_prefixes(Prefixes.of([prefix]))
        _must(0 <= added.asn <= LARGEST_ASN, "an assertion's AS number")
        _must(prefix.length <= added.max_length <= prefix.family.bits, "an assertion's maxLength")


def check_names(batch: AsnNames) -> None:
    for asn, name in batch.names.items():
        _must(0 <= asn <= LARGEST_ASN, "a name of no AS number")
        _must(bool(name) and name.isprintable(), "a name that cannot be shown")


def check_prefixes(prefixes: Prefixes) -> None:
    """Families known, lengths within them, no bit set beyond the length."""
    family, length = prefixes.family, prefixes.length
    _columns(len(prefixes), prefixes.high, prefixes.low, length)
    four = family == Family.IPV4
    _must(bool((four | (family == Family.IPV6)).all()), "an unknown family")
    _must(bool((length <= np.where(four, 32, 128)).all()), "a length beyond the family")
    ones = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
    # Shifting a word by 64 is undefined: lengths are held below it, and the rest is masked.
    beyond_high = np.where(length < 64, ones >> np.minimum(length, 63).astype("u8"), 0)
    in_low = np.clip(length.astype("i8") - 64, 0, 63).astype("u8")
    beyond_low = np.where(length < 128, ones >> in_low, 0)
    _must(not (prefixes.high & beyond_high.astype("u8")).any(), "bits set beyond the length")
    _must(not (prefixes.low & beyond_low.astype("u8")).any(), "bits set beyond the length")


def _columns(rows: int, *columns: NDArray[Any]) -> None:
    _must(all(len(column) == rows for column in columns), "columns of unequal length")


def _below(column: NDArray[Any], bound: int, what: str) -> None:
    _must(not len(column) or int(column.max()) < bound, f"a {what} that is not there")


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)
