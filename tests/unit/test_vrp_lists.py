"""VRP lists as texts, each format against a plain twin, and what they are cut down to."""

from __future__ import annotations

import csv
import io
import ipaddress
import random
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.feeds import vrp_batch
from validator import slurm
from validator.formats.vrp_lists import (
    EVERYTHING,
    Form,
    Head,
    Parts,
    all_rows,
    delta_vrps,
    vrp_list,
)
from validator.formats.vrp_selection import Selection
from validator.model import Aspa, Family, Prefix, RouterKey
from validator.tables.vrps import Vrp, VrpTable, build_table
from validator.web.vrp_list_replies import DeltaVrp, ExtendedListReply, VrpListReply

HEAD = Head(1_700_000_000)
KEY = RouterKey(64496, "AB" * 20, "MFkw", "ripe")
ASPA = Aspa(64497, (1, 64500), "apnic")


def random_prefix(dice: random.Random) -> Prefix:
    if dice.random() < 0.5:
        length = dice.randint(0, 32)
        spare = 32 - length
        return Prefix.of(ipaddress.IPv4Network((dice.getrandbits(32) >> spare << spare, length)))
    groups = [dice.choice((0, 0, 0, 1, 0xDB8, 0xFFFF, dice.getrandbits(16))) for _ in range(8)]
    spare = 128 - dice.randint(0, 128)
    value = int("".join(f"{group:04x}" for group in groups), 16) >> spare << spare
    return Prefix.of(ipaddress.IPv6Network((value, 128 - spare)))


def random_table(seed: int, count: int) -> VrpTable:
    """VRPs of all shapes, some of which have an expiry, one trust anchor an awkward name."""
    dice = random.Random(seed)
    rows = []
    for _ in range(count):
        prefix = random_prefix(dice)
        longest = dice.randint(prefix.length, prefix.family.bits)
        anchor = dice.choice(("ripe", 'a "quoted", näme', slurm.TRUST_ANCHOR, ""))
        asn = dice.choice((0, 7, 4294967295))
        rows.append((str(prefix), longest, asn, anchor))
    batch = vrp_batch(tuple(rows))
    expires = np.array([dice.choice((0, 1_800_000_000 + n % 9)) for n in range(count)], "i8")
    return replace(
        build_table([replace(batch, expires=expires)]), aspas=(ASPA,), router_keys=(KEY,)
    )


def text(
    table: VrpTable,
    form: Form,
    parts: Parts = EVERYTHING,
    selection: Selection | None = None,
    head: Head = HEAD,
) -> str:
    return b"".join(vrp_list(table, form, head, parts, selection)).decode()


def shown(vrp: Vrp) -> str:
    return "N/A" if vrp.trust_anchor in ("", slurm.TRUST_ANCHOR) else vrp.trust_anchor


def openbgpd(vrp: Vrp) -> str:
    longer = f" maxlen {vrp.max_length}" if vrp.max_length > vrp.prefix.length else ""
    return f"    {vrp.prefix}{longer} source-as {vrp.asn}\n"


def rpsl(vrp: Vrp) -> str:
    kind = "route" if vrp.prefix.family is Family.IPV4 else "route6"
    anchor = "".join(c if "!" <= c <= "~" else "-" for c in shown(vrp).upper())
    made = "2023-11-14T22:13:20Z"
    return (
        f"\n{kind}: {vrp.prefix}\norigin: AS{vrp.asn}\ndescr: RPKI attestation\nmnt-by: NA\n"
        f"created: {made}\nlast-modified: {made}\nsource: ROA-{anchor}-RPKI-ROOT\n\n"
    )


PLAIN: dict[Form, tuple[str, Callable[[Vrp], str], str]] = {
    Form.OPENBGPD: ("roa-set {\n", openbgpd, "}\n"),
    Form.BIRD1: ("", lambda v: f"roa {v.prefix} max {v.max_length} as {v.asn};\n", ""),
    Form.BIRD2: ("", lambda v: f"route {v.prefix} max {v.max_length} as {v.asn};\n", ""),
    Form.RPSL: ("", rpsl, ""),
}


@pytest.mark.parametrize("form", PLAIN)
@pytest.mark.parametrize("count", [0, 1, 17_000])
def test_a_plain_list_has_a_line_for_each_vrp(form: Form, count: int) -> None:
    table = random_table(count, count)
    begin, line, end = PLAIN[form]
    assert text(table, form) == begin + "".join(map(line, table)) + end


@pytest.mark.parametrize(("form", "quoting"), [(Form.CSV, 0), (Form.CSVCOMPAT, 1)])
def test_a_csv_list_is_what_a_csv_writer_writes(form: Form, quoting: int) -> None:
    table = random_table(2, 3000)
    lines = io.StringIO()
    writer = csv.writer(lines, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
    writer.writerow(("ASN", "IP Prefix", "Max Length", "Trust Anchor"))
    for vrp in table:
        writer.writerow((f"AS{vrp.asn}", str(vrp.prefix), vrp.max_length, shown(vrp)))
    assert text(table, form) == lines.getvalue()


def test_json_has_routinators_lines_and_its_fields() -> None:
    table = build_table([vrp_batch()])
    assert text(table, Form.JSON).splitlines()[:7] == [
        "{",
        '  "metadata": {',
        '    "generated": 1700000000,',
        '    "generatedTime": "2023-11-14T22:13:20Z"',
        "  },",
        '  "roas": [',
        '    { "asn": "AS64496", "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe" },',
    ]
    full = random_table(3, 5000)
    read = msgspec.json.decode(text(full, Form.JSON), type=VrpListReply, strict=True)
    assert [(each.asn, each.prefix, each.max_length, each.ta) for each in read.roas or ()] == [
        (f"AS{vrp.asn}", str(vrp.prefix), vrp.max_length, shown(vrp)) for vrp in full
    ]
    assert msgspec.to_builtins(read)["routerKeys"] == [
        {"asn": "AS64496", "SKI": KEY.ski, "routerPublicKey": "MFkw", "ta": "ripe"}
    ]
    assert msgspec.to_builtins(read)["aspas"] == [
        {"customer": "AS64497", "providers": ["AS1", "AS64500"], "ta": "apnic"}
    ]


def test_extended_json_says_what_is_known_of_the_sources_and_nothing_else() -> None:
    full = random_table(4, 20_000)
    read = msgspec.json.decode(text(full, Form.JSONEXT), type=ExtendedListReply, strict=True)
    for each, vrp in zip(msgspec.to_builtins(read)["roas"], full, strict=True):
        if vrp.trust_anchor == slurm.TRUST_ANCHOR:
            source: dict[str, object] = {"type": "exception", "path": None}
        else:
            source = {"type": "roa", "uri": None, "tal": shown(vrp)}
        expected = {
            "asn": f"AS{vrp.asn}",
            "prefix": str(vrp.prefix),
            "maxLength": vrp.max_length,
            "source": [source],
        }
        if vrp.expires:
            expected["expires"] = vrp.expires
        assert each == expected


def test_an_empty_list_still_has_its_array() -> None:
    read = msgspec.json.decode(text(build_table([]), Form.JSON))
    assert set(read) == {"metadata", "roas"}
    assert read["roas"] == []


@pytest.mark.parametrize("form", [Form.JSON, Form.JSONEXT])
def test_each_kind_of_payload_can_be_left_out(form: Form) -> None:
    table = random_table(5, 3)
    for parts, left in (
        (Parts(), {"roas", "routerKeys", "aspas"}),
        (Parts(route_origins=False), {"routerKeys", "aspas"}),
        (Parts(router_keys=False), {"roas", "aspas"}),
        (Parts(aspas=False), {"roas", "routerKeys"}),
        (Parts(False, False, False), set()),
    ):
        assert set(msgspec.json.decode(text(table, form, parts))) == {"metadata"} | left
    assert text(table, Form.CSV, Parts(route_origins=False)).count("\n") == 1


def test_a_sample_and_late_inputs_are_named_in_the_metadata() -> None:
    head = Head(0, sample=True, degraded=("vrps a: failed",))
    read = msgspec.json.decode(text(build_table([]), Form.JSON, head=head))
    assert read["metadata"]["sample"] is True
    assert read["metadata"]["degraded"] == ["vrps a: failed"]


def test_an_enormous_name_of_a_trust_anchor_does_not_make_the_list_enormous() -> None:
    table = build_table([vrp_batch((("192.0.2.0/24", 24, 1, "x" * 100_000),))])
    assert all(len(text(table, form)) < 1000 for form in Form)


# ------------------------------------------------------------------------------------- selections


def test_a_selection_is_what_a_look_at_every_vrp_selects() -> None:
    table = random_table(6, 400)
    dice = random.Random(6)
    vrps = list(table)
    some = 0
    for turn in range(300):
        prefixes = [dice.choice(vrps).prefix for _ in range(dice.randint(0, 2))]
        prefixes += [random_prefix(dice) for _ in range(dice.randint(0, 2))]
        asns = frozenset(dice.sample((0, 7, 9), dice.randint(0, 1)))
        selection = Selection(frozenset(prefixes), asns, more_specifics=turn % 2 == 1)
        expected = [
            row
            for row, vrp in enumerate(vrps)
            if vrp.asn in asns
            or any(
                vrp.prefix.covers(prefix) or (turn % 2 and prefix.covers(vrp.prefix))
                for prefix in prefixes
            )
        ]
        assert selection.rows(table).tolist() == expected
        some += bool(expected)
        lines = text(table, Form.BIRD2, selection=selection).splitlines()
        assert len(lines) == len(expected)
        assert text(table, Form.RPSL, selection=selection).count("origin:") == len(expected)
    assert some > 100


def test_router_keys_and_aspas_are_selected_by_as_number_alone() -> None:
    table = random_table(7, 10)
    named = Selection(asns=frozenset((64496,)))
    assert "aspas" not in text(table, Form.JSON, selection=named)
    assert KEY.ski in text(table, Form.JSON, selection=named)
    elsewhere = Selection(prefixes=frozenset((Prefix.parse("0.0.0.0/0"),)), more_specifics=True)
    assert KEY.ski not in text(table, Form.JSON, selection=elsewhere)


# ----------------------------------------------------------------------------------------- deltas


def test_a_delta_lists_vrps_with_their_type() -> None:
    table = random_table(8, 20_000)
    rows = b"".join(delta_vrps(all_rows(table)))
    read = msgspec.json.decode(b"[" + rows[1:] + b"]", type=list[DeltaVrp], strict=True)
    assert [(each.asn, each.prefix, each.max_length) for each in read] == [
        (f"AS{vrp.asn}", str(vrp.prefix), vrp.max_length) for vrp in table
    ]
