"""VRPs from the export of a relying party: JSON or CSV, in the dialects found in the wild.

JSON: ``{"roas": [...]}`` with or without ``metadata`` (Routinator, rpki-client, StayRTR, OctoRPKI,
Cloudflare), or a bare list (BGPalerter, dn42). CSV, told by its header: Routinator and rpki-client
(``ASN,IP Prefix,Max Length,Trust Anchor[,Expires]``), RIPE's ``URI,ASN,…,Not Before,Not After``,
FORT's ``ASN,Prefix,Max prefix length``.

All of them end in the same five fields and one door, :func:`_admit`. A row that is no VRP
(maxLength below the prefix length or beyond the family's, host bits set, an AS number beyond 32
bits) is refused there and counted. A file that is not what it claims to be is refused whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from collectors.wire import text as wire
from collectors.wire.json_rows import COUNT, REQUIRED, STRING, find_rows, mended
from validator.model import (
    NEVER_EXPIRES,
    U1,
    Aspa,
    InputReport,
    RouterKey,
    VrpBatch,
    parse_asn,
)

KIND = "vrps"

LAST_SECOND = 253_402_300_799
"""Of the year 9999: no time beyond it is meant, or can be shown."""

_JSON_KEYS = (
    ("prefix", STRING | REQUIRED),
    ("asn", STRING | COUNT | REQUIRED),
    ("maxLength", STRING | COUNT),
    ("ta", STRING),
    ("expires", COUNT),
)
_CSV_COLUMNS = {
    "prefix": ("ip prefix", "prefix"),
    "asn": ("asn",),
    "max_length": ("max length", "max prefix length", "maxlength"),
    "trust_anchor": ("trust anchor", "ta"),
    "expires": ("expires", "not after"),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The five fields of each row in a text, wherever they came from."""

    text: U1
    prefix: wire.Field
    asn: wire.Field
    max_length: wire.Field
    trust_anchor: wire.Field
    expires: wire.Field


@dataclass(frozen=True, slots=True)
class _Extras:
    """What an export says beside its rows."""

    built: int = 0
    sample: bool = False
    aspas: tuple[Aspa, ...] = ()
    router_keys: tuple[RouterKey, ...] = ()


def load(file: LocalFile, options: ReadOptions) -> VrpBatch:
    """Read one export.

    VRPs that expire before ``options.as_of`` (by default, before the export was built) are
    dropped and counted as ``expired``.

    Raises:
        SourceError: unreadable, or not an export; TruncatedSource: cut off.
    """
    archive = Archive(file, options)
    raw = archive.read()
    truncated = archive.truncated
    if raw[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            rows, extras = _read_json(file.source, raw)
        except SourceError as failure:
            cut = truncated or isinstance(failure, TruncatedSource)
            whole = mended(raw) if cut and options.allow_truncated else None
            if whole is None:
                raise
            truncated = True
            rows, extras = _read_json(file.source, whole)
    else:
        if truncated:
            raw = raw[: raw.rfind(b"\n") + 1]  # half a line may read as another VRP
        rows, extras = _read_csv(file.source, raw), _Extras()
    return _admit(rows, extras, file, archive.sha256, truncated, options.as_of)


def _admit(
    rows: _Rows,
    extras: _Extras,
    file: LocalFile,
    sha256: str,
    truncated: bool,
    as_of: int | None,
) -> VrpBatch:
    """The door: what is a VRP comes in, all else is counted by the first reason that applies."""
    prefixes, fault = wire.parse_prefixes(rows.text, rows.prefix)
    asn, asn_fault = wire.parse_asns(rows.text, rows.asn)
    max_length = wire.parse_numbers(rows.text, rows.max_length)
    given = rows.max_length.stop > rows.max_length.start
    max_length = np.where(given, max_length, prefixes.length.astype("i8"))
    most = np.where(prefixes.family == 4, 32, 128)
    expires = wire.parse_numbers(rows.text, rows.expires)
    for row in np.flatnonzero((expires < 0) & (rows.expires.stop > rows.expires.start)):
        expires[row] = _timestamp(rows.expires.text(rows.text, int(row)))
    expires[(expires < 0) | (expires > LAST_SECOND)] = NEVER_EXPIRES
    rejected: dict[str, int] = {}
    good = np.ones(len(asn), "?")

    def refuse(reason: str, bad: Any) -> None:
        count = int(np.count_nonzero(bad & good))
        if count:
            rejected[reason] = count
            good[bad] = False

    for code, reason in wire.FAULTS.items():
        refuse(reason, (fault == code) | (asn_fault == code))
    refuse("maxlength-not-a-number", max_length < 0)
    refuse("maxlength-below-length", max_length < prefixes.length)
    refuse("maxlength-beyond-family", max_length > most)
    if len(asn) and not good.any():
        first = ", ".join(f"{reason} {count}" for reason, count in rejected.items())
        raise SourceError(
            file.source,
            f"none of its {len(asn)} rows is a VRP: {first}",
            cure="is it a VRP export?",
        )
    when = as_of if as_of is not None else extras.built
    if when:
        refuse("expired", (expires != NEVER_EXPIRES) & (expires < when))
        if len(asn) and not good.any():
            raise SourceError(
                file.source,
                f"all of its {rejected['expired']:,} VRPs have expired",
                cure="get a newer export, or say when it was good with --as-of",
            )
    number, names = wire.categories(rows.text, rows.trust_anchor)
    if len(names) > 256:
        raise SourceError(
            file.source, f"{len(names)} trust anchors", cure="at most 256 are possible"
        )
    report = InputReport(
        file.source,
        KIND,
        sha256,
        int(np.count_nonzero(good)),
        rejected,
        truncated,
        extras.built,
        notes=("ends early: only the part before that is used",) if truncated else (),
        sample=extras.sample,
    )
    everything = not rejected
    keep: Any = slice(None) if everything else good
    return VrpBatch(
        prefixes if everything else prefixes.take(good),
        asn[keep],
        max_length[keep].astype("u1"),
        number[keep].astype("u1"),
        expires[keep],
        names,
        report,
        extras.aspas,
        extras.router_keys,
    )


# ------------------------------------------------------------------------------------------- JSON


class _Origin(msgspec.Struct, gc=False):
    """Routinator's jsonext says where a VRP comes from: we keep the trust anchor."""

    tal: str | None = None


class _Roa(msgspec.Struct, gc=False):
    prefix: str
    asn: int | str
    maxLength: int | str | None = None  # noqa: N815
    max_length: int | str | None = None
    ta: str | None = None
    expires: int | None = None
    source: list[_Origin] | None = None


class _Aspa(msgspec.Struct):
    """``customer_asid`` is rpki-client's spelling, ``customer`` Routinator's."""

    customer_asid: int | str | None = None
    customer: int | str | None = None
    providers: list[int | str] = []
    ta: str | None = None


class _Key(msgspec.Struct):
    """``ski`` and ``pubkey`` are rpki-client's spelling, the others Routinator's."""

    asn: int | str
    SKI: str = ""
    ski: str = ""
    routerPublicKey: str = ""  # noqa: N815
    pubkey: str = ""
    ta: str | None = None


class _ByFamily(msgspec.Struct):
    """rpki-client before 8.6 lists ``provider_authorizations`` apart for each family."""

    ipv4: list[_Aspa] = []
    ipv6: list[_Aspa] = []


class _Metadata(msgspec.Struct):
    buildtime: str | int | None = None
    generated: str | int | None = None
    sample: bool = False


class _Export(msgspec.Struct):
    """Routinator leaves ``roas`` out when it has none; its metadata still say what the file is."""

    roas: list[_Roa] | None = None
    metadata: _Metadata | None = None
    aspas: list[_Aspa] = []
    provider_authorizations: _ByFamily | list[_Aspa] = []
    bgpsec_keys: list[_Key] = []
    routerKeys: list[_Key] = []  # noqa: N815


_EXPORT = msgspec.json.Decoder(_Export)
_LIST = msgspec.json.Decoder(list[_Roa])


def _read_json(source: str, raw: bytes) -> tuple[_Rows, _Extras]:
    found = find_rows(raw, "roas", _JSON_KEYS)
    export = _decode(source, raw if found is None else found.rest)
    extras = _Extras(
        _built(export.metadata),
        export.metadata is not None and export.metadata.sample,
        tuple(_aspas(source, export)),
        tuple(_keys(source, export)),
    )
    if found is not None and not export.roas:
        return _Rows(np.frombuffer(raw, "u1"), *found.fields), extras
    return _from_objects(export.roas or ()), extras


def _decode(source: str, raw: bytes) -> _Export:
    try:
        if raw.lstrip()[:1] == b"[":
            return _Export(_LIST.decode(raw))
        export = _EXPORT.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = str(error)
        if "truncated" in problem:
            raise TruncatedSource(
                source, "the JSON ends early", place=f"byte {len(raw)}", cure="fetch it again"
            ) from None
        raise SourceError(
            source, f"not a VRP export: {problem}", cure='expected {"roas": [{asn, prefix, …}]}'
        ) from None
    except RecursionError:
        raise SourceError(source, "not a VRP export: nested too deeply") from None
    made = export.metadata
    if export.roas is None and (made is None or made.generated is made.buildtime is None):
        raise SourceError(
            source,
            "not a VRP export: it has no `roas`",
            cure='expected {"roas": [{asn, prefix, …}]}',
        )
    return export


def _from_objects(roas: Sequence[_Roa]) -> _Rows:
    """The same fields, for exports that the fast walk declined."""

    def longest(roa: _Roa) -> int | str:
        chosen = roa.maxLength if roa.maxLength is not None else roa.max_length
        return "" if chosen is None else chosen

    def anchor(roa: _Roa) -> str:
        return roa.ta or next((where.tal for where in roa.source or () if where.tal), "")

    columns: list[list[str]] = [
        [roa.prefix for roa in roas],
        [str(roa.asn) for roa in roas],
        [str(longest(roa)) for roa in roas],
        [anchor(roa) for roa in roas],
        ["" if roa.expires is None else str(roa.expires) for roa in roas],
    ]
    text, field = wire.joined([value for column in columns for value in column])
    n = len(roas)
    return (
        _Rows(
            text,
            *(
                wire.Field(field.start[i : i + n], field.stop[i : i + n])
                for i in range(0, 5 * n, n)
            ),
        )
        if n
        else _Rows(text, *(wire.Field(field.start[:0], field.stop[:0]) for _ in range(5)))
    )


def _built(metadata: _Metadata | None) -> int:
    if metadata is None:
        return 0
    when = metadata.buildtime if metadata.buildtime is not None else metadata.generated
    built = when if isinstance(when, int) else _timestamp(when or "")
    return built if 0 <= built <= LAST_SECOND else 0


def _timestamp(text: str) -> int:
    """Unix seconds of an ISO 8601 time (UTC if it names no zone); NEVER_EXPIRES if it is none."""
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = datetime.fromisoformat(text.strip() + "+00:00")
        return int(moment.timestamp())
    except (ValueError, OverflowError):
        return NEVER_EXPIRES


def _aspas(source: str, export: _Export) -> Sequence[Aspa]:
    older = export.provider_authorizations
    listed = [*export.aspas, *(older if isinstance(older, list) else [*older.ipv4, *older.ipv6])]
    try:
        return [
            Aspa(
                parse_asn(
                    str(aspa.customer_asid if aspa.customer_asid is not None else aspa.customer)
                ),
                tuple(parse_asn(str(provider).partition("(")[0]) for provider in aspa.providers),
                aspa.ta or "",
            )
            for aspa in listed
        ]
    except ValueError as error:
        problem = f"not a VRP export: in its ASPAs, {str(error)[:200]}"
        raise SourceError(source, problem) from None


def _keys(source: str, export: _Export) -> Sequence[RouterKey]:
    try:
        return [
            RouterKey(
                parse_asn(str(key.asn)),
                key.SKI or key.ski,
                key.routerPublicKey or key.pubkey,
                key.ta or "",
            )
            for key in (*export.bgpsec_keys, *export.routerKeys)
        ]
    except ValueError as error:
        problem = f"not a VRP export: in its router keys, {str(error)[:200]}"
        raise SourceError(source, problem) from None


# -------------------------------------------------------------------------------------------- CSV


def _read_csv(source: str, raw: bytes) -> _Rows:
    text = np.frombuffer(raw, "u1")
    header = raw[:1024].removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].decode("utf-8", "replace")
    titles = [title.strip().strip('"').lower() for title in header.split(",")]
    columns = {
        name: next((titles.index(title) for title in spellings if title in titles), -1)
        for name, spellings in _CSV_COLUMNS.items()
    }
    if columns["prefix"] < 0 or columns["asn"] < 0:
        raise SourceError(
            source,
            "neither JSON nor a CSV with the columns ASN and IP Prefix",
            place="line 1",
            cure="give a VRP export, for instance Routinator's or rpki-client's json or csv",
        )
    fields, _ = wire.split(text, ",", list(columns.values()), skip=1)
    return _Rows(text, *fields)
